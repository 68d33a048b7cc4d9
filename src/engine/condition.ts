/**
 * Conditions: JSON Logic compiled once to closures, three-valued (Kleene). A missing, stale, non-finite or
 * under-sampled operand makes its comparison unknown; json-logic-js on the same tree is the reference for every
 * definite answer (`ground`). Pure.
 */
import type { Json, Observation, Reading, Scalar, Unknown } from '../model.ts';
import { eachSet, type LabelSet, own, type Readings, type Scope } from './label-sets.ts';

/** An interval of possible values: what a reducer gives when members are unknown. */
export interface Bounds {
  readonly lo: number;
  readonly hi: number;
}

/** `undefined` is unknown. */
export type Value = Scalar | Bounds | undefined;

interface Frame {
  readonly scope: Scope;
  /** By slot, looked up once for all label sets. */
  readonly observations: readonly (Observation | undefined)[];
  readings: Readings;
}
type Eval = (frame: Frame) => Value;

export interface Compiled {
  /** Names of observations read outside of reducers, by slot. Vectors among them make the condition a vector. */
  readonly names: readonly string[];
  readonly evaluate: (scope: Scope, set?: LabelSet) => Value;
  /** The same for many label sets of one scope, by their readings. */
  readonly over: (scope: Scope) => (readings: Readings) => Value;
}

const NO_READINGS: Readings = [];
const cache = new WeakMap<object, Compiled>();

/** The compiled form of a JSON Logic tree; the same object is compiled once. Throws on a tree outside of the grammar. */
export function compile(logic: Json): Compiled {
  if (logic === null || typeof logic !== 'object') return build(logic);
  const known = cache.get(logic);
  if (known) return known;
  const compiled = build(logic);
  cache.set(logic, compiled);
  return compiled;
}

function build(logic: Json): Compiled {
  const names: string[] = [];
  const run = node(logic, names);
  const over = overSets(run, names);
  return { names, over, evaluate: (scope, set) => over(scope)(set?.readings ?? NO_READINGS) };
}

function overSets(run: Eval, names: readonly string[]): Compiled['over'] {
  return scope => {
    const observations = names.map(name => own(scope.observations, name));
    const frame: Frame = { scope, observations, readings: NO_READINGS };
    return readings => {
      frame.readings = readings;
      return run(frame);
    };
  };
}

/** Operator and arguments of a node, or undefined for a literal. Throws when it is neither. */
export function operation(logic: Json): readonly [string, readonly Json[]] | undefined {
  if (logic === null || Array.isArray(logic)) throw new Error(`not a condition: ${JSON.stringify(logic)}`);
  if (typeof logic !== 'object') return undefined;
  const keys = Object.keys(logic);
  const op = keys[0];
  if (keys.length !== 1 || op === undefined) throw new Error(`not one operator: ${JSON.stringify(keys)}`);
  const args = (logic as { readonly [key: string]: Json })[op];
  return [op, Array.isArray(args) ? args : [args as Json]];
}

function node(logic: Json, names: string[]): Eval {
  const found = operation(logic);
  if (!found) return () => logic as Scalar;
  const [op, args] = found;
  if (op === 'var') return variable(String(args[0]), names);
  if (op === 'reduce') return reducer(String(args[0]), args[1] as Json);
  if (op === 'in') return membership(node(args[0] as Json, names), args[1] as readonly Json[]);
  if (op === 'exists') return existence(args[0] as Json, names);
  const operands = args.map(arg => node(arg, names));
  if (op === 'and') return frame => conjunction(operands, frame, false);
  if (op === 'or') return frame => conjunction(operands, frame, true);
  if (op === '!') return frame => not((operands[0] as Eval)(frame));
  const compare = comparisons[op];
  const plain = exactly[op];
  if (compare && plain) return comparison(compare, plain, operands[0] as Eval, operands[1] as Eval);
  const compute = arithmetic[op];
  if (compute) return frame => compute(operands.map(operand => operand(frame)));
  throw new Error(`unknown operator ${op}`);
}

function variable(path: string, names: string[]): Eval {
  const [root = '', ...rest] = path.split('.');
  if (root === 'before') return frame => own(frame.scope.before, rest.join('.'));
  if (root === 'steps')
    return frame => scalar(own(own(frame.scope.steps, rest[0] ?? ''), rest.slice(1).join('.')));
  if (root === 'target') return frame => scalar(own(frame.scope.target, rest.join('.')));
  let slot = names.indexOf(root);
  if (slot < 0) slot = names.push(root) - 1;
  const field = rest.length === 0 ? 'value' : rest.join('.');
  return frame => {
    const reading = readingOf(frame.observations[slot], frame.readings[slot]);
    if (reading === undefined || reading.unknown) return undefined;
    return scalar(reading.fields[field]);
  };
}

function readingOf(observation: Observation | undefined, ofSet: Reading | undefined): Reading | undefined {
  if (observation === undefined || observation.unknown) return undefined;
  return observation.vector ? ofSet : observation.readings[0];
}

function scalar(value: Json | undefined): Scalar | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
}

function not(value: Value): Value {
  return typeof value === 'boolean' ? !value : undefined;
}

/** Kleene: the `decisive` answer of any operand decides; else any unknown makes it unknown. */
function conjunction(operands: readonly Eval[], frame: Frame, decisive: boolean): Value {
  let known = true;
  for (const operand of operands) {
    const value = operand(frame);
    if (value === decisive) return decisive;
    if (typeof value !== 'boolean') known = false;
  }
  return known ? !decisive : undefined;
}

const exactly: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
};

type Compare = (a: Bounds, b: Bounds) => boolean | undefined;
const comparisons: Readonly<Record<string, Compare>> = {
  '>': (a, b) => (a.lo > b.hi ? true : a.hi <= b.lo ? false : undefined),
  '>=': (a, b) => (a.lo >= b.hi ? true : a.hi < b.lo ? false : undefined),
  '<': (a, b) => (a.hi < b.lo ? true : a.lo >= b.hi ? false : undefined),
  '<=': (a, b) => (a.hi <= b.lo ? true : a.lo > b.hi ? false : undefined),
  '===': (a, b) =>
    a.lo === a.hi && b.lo === b.hi ? a.lo === b.lo : a.hi < b.lo || a.lo > b.hi ? false : undefined,
  '!==': (a, b) =>
    a.lo === a.hi && b.lo === b.hi ? a.lo !== b.lo : a.hi < b.lo || a.lo > b.hi ? true : undefined,
};

function comparison(
  compare: Compare,
  plain: (a: number, b: number) => boolean,
  left: Eval,
  right: Eval,
): Eval {
  const equality = compare === comparisons['==='] ? true : compare === comparisons['!=='] ? false : undefined;
  return frame => {
    const a = left(frame);
    const b = right(frame);
    if (typeof a === 'number' && typeof b === 'number') return plain(a, b);
    if (a === undefined || b === undefined) return undefined;
    if (equality !== undefined && typeof a !== 'object' && typeof b !== 'object') {
      return typeof a === typeof b ? (a === b) === equality : undefined;
    }
    const low = bounds(a);
    const high = bounds(b);
    return low && high ? compare(low, high) : undefined;
  };
}

function bounds(value: Value): Bounds | undefined {
  if (typeof value === 'number') return { lo: value, hi: value };
  return typeof value === 'object' ? value : undefined;
}

function membership(item: Eval, list: readonly Json[]): Eval {
  return frame => {
    const value = item(frame);
    return value === undefined || typeof value === 'object' ? undefined : list.includes(value);
  };
}

/** True when there is a value, false only when the query succeeded and nothing was there. */
function existence(logic: Json, names: string[]): Eval {
  const value = node(logic, names);
  const root = String(operation(logic)?.[1][0]).split('.')[0] ?? '';
  const slot = names.indexOf(root);
  return frame => {
    if (value(frame) !== undefined) return true;
    const observation = own(frame.scope.observations, root);
    const unknown = observation?.unknown ?? readingOf(observation, frame.readings[slot])?.unknown;
    return unknown?.reason === 'absent' ? false : undefined;
  };
}

const arithmetic: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  '+': values => sum(values),
  '-': ([a, b]) => (b === undefined ? undefined : sum([a, negative(b)])),
  '*': ([a, b]) => exact(a, b, (x, y) => x * y),
  '/': ([a, b]) => exact(a, b, (x, y) => x / y),
  '%': ([a, b]) => exact(a, b, (x, y) => x % y),
  abs: ([a]) => exact(a, 0, x => Math.abs(x)),
  min: values => extreme(values, Math.min),
  max: values => extreme(values, Math.max),
};

function exact(a: Value, b: Value, compute: (x: number, y: number) => number): Value {
  return typeof a === 'number' && typeof b === 'number' ? scalar(compute(a, b)) : undefined;
}

function negative(value: Value): Value {
  if (typeof value === 'number') return -value;
  return typeof value === 'object' ? { lo: -value.hi, hi: -value.lo } : undefined;
}

function sum(values: readonly Value[]): Value {
  const terms = values.map(bounds);
  if (!terms.every(term => term !== undefined)) return undefined;
  return collapse({ lo: terms.reduce((s, t) => s + t.lo, 0), hi: terms.reduce((s, t) => s + t.hi, 0) });
}

function extreme(values: readonly Value[], pick: (...of: number[]) => number): Value {
  const terms = values.map(bounds);
  if (!terms.every(term => term !== undefined)) return undefined;
  return collapse({ lo: pick(...terms.map(t => t.lo)), hi: pick(...terms.map(t => t.hi)) });
}

function collapse(value: Bounds): Value {
  if (Number.isNaN(value.lo) || Number.isNaN(value.hi)) return undefined;
  return value.lo === value.hi ? scalar(value.lo) : value;
}

/** A reducer over the label sets of the vectors in `inner`. An empty vector is unknown: nothing was measured. */
function reducer(name: string, inner: Json): Eval {
  const names: string[] = [];
  const over = overSets(node(inner, names), names);
  return frame => {
    const evaluate = over(frame.scope);
    const values: Value[] = [];
    const had = eachSet(frame.scope, names, (_, readings) => values.push(evaluate(readings)));
    return had && values.length > 0 ? reduce(name, values) : undefined;
  };
}

/** One value, or bounds where unknown members could change it. Exported for its table of tests. */
export function reduce(name: string, values: readonly Value[]): Value {
  const total = values.length;
  if (name === 'max' || name === 'min' || name === 'avg') return reduceNumbers(name, values);
  const held = values.filter(value => value === true).length;
  const open = values.filter(value => typeof value !== 'boolean').length;
  if (name === 'count') return collapse({ lo: held, hi: held + open });
  if (name === 'share') return collapse({ lo: held / total, hi: (held + open) / total });
  if (name === 'any') return held > 0 ? true : open > 0 ? undefined : false;
  if (name === 'none') return held > 0 ? false : open > 0 ? undefined : true;
  if (name === 'all') return held + open < total ? false : open > 0 ? undefined : true;
  throw new Error(`unknown reducer ${name}`);
}

function reduceNumbers(name: 'max' | 'min' | 'avg', values: readonly Value[]): Value {
  const known = values.filter(value => typeof value === 'number');
  if (known.length === 0) return undefined;
  const open = known.length < values.length;
  if (name === 'avg') return open ? undefined : scalar(total(known) / known.length);
  let best = known[0] as number;
  for (const value of known) best = name === 'max' ? Math.max(best, value) : Math.min(best, value);
  if (!open) return best;
  return name === 'max' ? { lo: best, hi: Infinity } : { lo: -Infinity, hi: best };
}

/** The sum in ascending order: the order of the readings must not change its last bit. */
function total(values: readonly number[]): number {
  return Float64Array.from(values)
    .sort()
    .reduce((sum, value) => sum + value, 0);
}

/** Why an operand of this path is unknown, for explanations. */
export function whyUnknown(
  scope: Scope,
  path: string,
  set: LabelSet | undefined,
  slot: number,
): Unknown | undefined {
  const observation = own(scope.observations, path.split('.')[0] ?? '');
  if (observation === undefined) return { reason: 'late', message: 'not yet taken' };
  return observation.unknown ?? readingOf(observation, set?.readings[slot])?.unknown;
}
