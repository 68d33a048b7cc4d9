/** Numbers of which only the range is known: comparing, calculating and reducing them, three-valued. Pure. */
import type { Json, Scalar } from '../model.ts';

/** An interval of possible values, both ends included: what a reducer gives when members are unknown. */
export interface Bounds {
  readonly lo: number;
  readonly hi: number;
}

/** `undefined` is unknown. */
export type Value = Scalar | Bounds | undefined;

/** The value when it is one that conditions know; undefined for what is not finite, and for anything else. */
export function scalar(value: Json | undefined): Scalar | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
}

function bounds(value: Value): Bounds | undefined {
  if (typeof value === 'number') return { lo: value, hi: value };
  return typeof value === 'object' ? value : undefined;
}

function collapse(value: Bounds): Value {
  if (Number.isNaN(value.lo) || Number.isNaN(value.hi)) return undefined;
  return value.lo === value.hi ? scalar(value.lo) : value;
}

const DECIDED: Readonly<Record<string, (a: Bounds, b: Bounds) => boolean | undefined>> = {
  '>': (a, b) => (a.lo > b.hi ? true : a.hi <= b.lo ? false : undefined),
  '>=': (a, b) => (a.lo >= b.hi ? true : a.hi < b.lo ? false : undefined),
  '<': (a, b) => (a.hi < b.lo ? true : a.lo >= b.hi ? false : undefined),
  '<=': (a, b) => (a.hi <= b.lo ? true : a.lo > b.hi ? false : undefined),
  '===': (a, b) => equal(a, b),
  '!==': (a, b) => not(equal(a, b)),
};

function equal(a: Bounds, b: Bounds): boolean | undefined {
  if (a.lo === a.hi && b.lo === b.hi) return a.lo === b.lo;
  return a.hi < b.lo || a.lo > b.hi ? false : undefined;
}

/** True for the operators that `compare` knows. */
export function isComparison(op: string): boolean {
  return Object.hasOwn(DECIDED, op);
}

/** Known when every value that the two sides could have gives the same answer. */
export function compare(op: string, a: Value, b: Value): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a !== 'object' && typeof b !== 'object' && (op === '===' || op === '!=='))
    return typeof a === typeof b ? (a === b) === (op === '===') : undefined;
  const [left, right] = [bounds(a), bounds(b)];
  return left && right ? DECIDED[op]?.(left, right) : undefined;
}

/** Whether the value is one of the list; false of an interval that holds none of them. */
export function isMember(value: Value, list: readonly Json[]): boolean | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object') return list.includes(value);
  const possible = list.some(one => typeof one === 'number' && one >= value.lo && one <= value.hi);
  return possible ? undefined : false;
}

/** Kleene's negation. */
export function not(value: Value): boolean | undefined {
  return typeof value === 'boolean' ? !value : undefined;
}

/** What an operator calculates, by its name. Unknown when an operand is, and when the result is no finite number. */
export const ARITHMETIC: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  '+': ([a, b]) => combined(a, b, (x, y) => x + y),
  '-': ([a, b]) => combined(a, b, (x, y) => x - y),
  '*': ([a, b]) => combined(a, b, (x, y) => (x === 0 || y === 0 ? 0 : x * y)),
  '/': ([a, b]) => (spansZero(b) ? undefined : combined(a, b, (x, y) => x / y)),
  // The remainders of an interval have gaps: only those of exact numbers are told.
  '%': ([a, b]) => (typeof a === 'number' && typeof b === 'number' ? scalar(a % b) : undefined),
  abs: ([a]) => absolute(a),
  min: values => extreme(values, Math.min),
  max: values => extreme(values, Math.max),
};

/** Each of these operators is monotonous in each operand, so that the ends of the result lie at the ends of the operands. */
function combined(a: Value, b: Value, compute: (x: number, y: number) => number): Value {
  if (typeof a === 'number' && typeof b === 'number') return scalar(compute(a, b));
  const [left, right] = [bounds(a), bounds(b)];
  if (left === undefined || right === undefined) return undefined;
  const ends = [left.lo, left.hi].flatMap(x => [compute(x, right.lo), compute(x, right.hi)]);
  return collapse({ lo: Math.min(...ends), hi: Math.max(...ends) });
}

function spansZero(value: Value): boolean {
  return typeof value === 'object' && value.lo <= 0 && value.hi >= 0;
}

function absolute(value: Value): Value {
  if (typeof value === 'number') return Math.abs(value);
  if (typeof value !== 'object') return undefined;
  const [lo, hi] = [Math.abs(value.lo), Math.abs(value.hi)];
  return collapse({ lo: spansZero(value) ? 0 : Math.min(lo, hi), hi: Math.max(lo, hi) });
}

function extreme(values: readonly Value[], pick: (...of: number[]) => number): Value {
  const terms = values.map(bounds);
  if (!terms.every(term => term !== undefined)) return undefined;
  return collapse({ lo: pick(...terms.map(t => t.lo)), hi: pick(...terms.map(t => t.hi)) });
}

/** Gathers the members of one vector; `value` is then one value, or bounds where unknown members could change it. */
export interface Tally {
  add(member: Value): void;
  /** Unknown of no members: nothing was measured. */
  value(): Value;
}

/** An empty tally of a reducer. Throws on a reducer that is none. */
export function tally(reducer: string): Tally {
  if (reducer === 'max' || reducer === 'min' || reducer === 'avg') return new Numbers(reducer);
  if (!['count', 'share', 'any', 'all', 'none'].includes(reducer))
    throw new Error(`unknown reducer ${reducer}`);
  return new Conditions(reducer);
}

/** The reducer over these members. */
export function reduce(reducer: string, members: readonly Value[]): Value {
  const all = tally(reducer);
  for (const member of members) all.add(member);
  return all.value();
}

class Conditions implements Tally {
  private readonly reducer: string;
  private total = 0;
  private held = 0;
  private open = 0;

  constructor(reducer: string) {
    this.reducer = reducer;
  }

  add(member: Value): void {
    this.total++;
    if (member === true) this.held++;
    else if (member !== false) this.open++;
  }

  value(): Value {
    const { total, held, open, reducer } = this;
    if (total === 0) return undefined;
    if (reducer === 'count') return collapse({ lo: held, hi: held + open });
    if (reducer === 'share') return collapse({ lo: held / total, hi: (held + open) / total });
    if (reducer === 'all') return held + open < total ? false : open > 0 ? undefined : true;
    const any = held > 0 ? true : open > 0 ? undefined : false;
    return reducer === 'any' ? any : not(any);
  }
}

class Numbers implements Tally {
  private readonly reducer: 'max' | 'min' | 'avg';
  private readonly known: number[] = [];
  private open = false;

  constructor(reducer: 'max' | 'min' | 'avg') {
    this.reducer = reducer;
  }

  add(member: Value): void {
    if (typeof member === 'number') this.known.push(member);
    else this.open = true;
  }

  value(): Value {
    const { known, open, reducer } = this;
    if (known.length === 0) return undefined;
    if (reducer === 'avg') return open ? undefined : scalar(sum(known) / known.length);
    const best = known.reduce((a, b) => (reducer === 'max' ? Math.max(a, b) : Math.min(a, b)));
    if (!open) return best;
    return reducer === 'max' ? { lo: best, hi: Infinity } : { lo: -Infinity, hi: best };
  }
}

/** In ascending order: the order of the readings must not change the last bit. */
function sum(values: readonly number[]): number {
  return Float64Array.from(values)
    .sort()
    .reduce((total, value) => total + value, 0);
}
