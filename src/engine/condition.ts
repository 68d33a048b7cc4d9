/**
 * Conditions: JSON Logic compiled once to closures, three-valued (Kleene). A missing, stale, non-finite or
 * under-sampled operand makes its comparison unknown; json-logic-js on the same tree is the reference for every
 * definite answer (`confirm` in explain.ts). Pure.
 */
import type { Json, Observation, Reading, Scalar, Unknown } from '../model.ts';
import { ARITHMETIC, compare, isComparison, isMember, not, scalar, tally, type Value } from './interval.ts';
import { eachSet, type LabelSet, own, type Readings, type Scope } from './label-sets.ts';

/** What the closures read: a scope, made ready, with the readings of one label set. */
interface Frame {
  readonly scope: Scope;
  /** By slot, looked up once for all label sets. */
  readonly observations: readonly (Observation | undefined)[];
  /** By slot: the reading that is the same for all label sets; undefined of a vector. */
  readonly fixed: readonly (Reading | undefined)[];
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
/** Of an observation that was not had. */
const GONE: Reading = { labels: {}, fields: {}, unknown: { reason: 'absent', message: 'not had' } };
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
    const frame: Frame = { scope, observations, fixed: observations.map(fixed), readings: NO_READINGS };
    return readings => {
      frame.readings = readings;
      return run(frame);
    };
  };
}

function fixed(observation: Observation | undefined): Reading | undefined {
  if (observation === undefined || observation.unknown) return GONE;
  return observation.vector ? undefined : (observation.readings[0] ?? GONE);
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
  if (op === 'exists') return existence(args[0] as Json, names);
  if (op === 'in') return membership(node(args[0] as Json, names), args[1] as readonly Json[]);
  if (isComparison(op)) return comparison(op, args, names);
  if (op === 'and' || op === 'or') return junction(args, op === 'or', names);
  const operands = args.map(arg => node(arg, names));
  const [first] = operands as [Eval];
  if (op === '!') return frame => not(first(frame));
  const compute = ARITHMETIC[op];
  if (compute) return frame => compute(operands.map(operand => operand(frame)));
  throw new Error(`unknown operator ${op}`);
}

function variable(path: string, names: string[]): Eval {
  const [root = '', ...rest] = path.split('.');
  if (root === 'before') return frame => own(frame.scope.before, rest.join('.'));
  if (root === 'steps')
    return frame => scalar(own(own(frame.scope.steps, rest[0] ?? ''), rest.slice(1).join('.')));
  if (root === 'target') return frame => scalar(own(frame.scope.target, rest.join('.')));
  if (root === 'labels') return frame => own(frame.scope.labels, rest.join('.'));
  const { slot, field } = slotOf({ var: path }, names);
  return frame => scalar(fieldOf(frame, slot, field));
}

const ROOTS = new Set(['before', 'steps', 'target', 'labels']);

/** Where the readings of an observation stand in a frame. */
function slotOf(variable: Json, names: string[]): { readonly slot: number; readonly field: string } {
  const [root = '', ...rest] = String(operation(variable)?.[1][0]).split('.');
  const known = names.indexOf(root);
  const slot = known < 0 ? names.push(root) - 1 : known;
  return { slot, field: rest.length === 0 ? 'value' : rest.join('.') };
}

function fieldOf(frame: Frame, slot: number, field: string): Scalar | undefined {
  const reading = frame.fixed[slot] ?? frame.readings[slot];
  if (reading === undefined || reading.unknown !== undefined) return undefined;
  // The main value by its name: this is the way of nearly all reads, and much faster than by a variable.
  return field === 'value' ? reading.fields.value : reading.fields[field];
}

/** Kleene: the `decisive` answer of any operand decides; else any unknown makes it unknown. */
function junction(args: readonly Json[], decisive: boolean, names: string[]): Eval {
  const clauses = args.map(arg => clauseOf(arg, names));
  if (clauses.every(clause => clause !== undefined)) return ofClauses(clauses, decisive);
  const operands = args.map(arg => node(arg, names));
  return frame => {
    let known = true;
    for (const operand of operands) {
      const value = operand(frame);
      if (value === decisive) return decisive;
      if (typeof value !== 'boolean') known = false;
    }
    return known ? !decisive : undefined;
  };
}

/** The same over clauses, without a call for each: their code is one for all conditions, so it stays fast when there are many. */
function ofClauses(clauses: readonly Clause[], decisive: boolean): Eval {
  return frame => {
    let known = true;
    for (const clause of clauses) {
      const value = answer(clause, frame);
      if (value === decisive) return decisive;
      if (value === undefined) known = false;
    }
    return known ? !decisive : undefined;
  };
}

/** A field of a reading against a number, which most comparisons are: as data. */
interface Clause {
  readonly op: string;
  readonly slot: number;
  readonly field: string;
  readonly limit: number;
}

const MIRRORED: Readonly<Record<string, string>> = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' };

function clauseOf(logic: Json, names: string[]): Clause | undefined {
  const [op = '', [left = null, right = null]] = operation(logic) ?? ['', []];
  if (!isComparison(op)) return undefined;
  if (typeof right === 'number' && isField(left)) return { op, ...slotOf(left, names), limit: right };
  if (typeof left === 'number' && isField(right))
    return { op: MIRRORED[op] ?? op, ...slotOf(right, names), limit: left };
  return undefined;
}

function isField(logic: Json): boolean {
  const [op, args] = (typeof logic === 'object' && logic !== null && operation(logic)) || ['', []];
  return op === 'var' && !ROOTS.has(String(args[0]).split('.')[0] ?? '');
}

function answer(clause: Clause, frame: Frame): boolean | undefined {
  const value = fieldOf(frame, clause.slot, clause.field);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  const { limit } = clause;
  switch (clause.op) {
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '===':
      return value === limit;
    default:
      return value !== limit;
  }
}

function comparison(op: string, args: readonly Json[], names: string[]): Eval {
  const clause = clauseOf({ [op]: args }, names);
  if (clause) return frame => answer(clause, frame);
  const [left = null, right = null] = args;
  const [a, b] = [node(left, names), node(right, names)];
  return frame => compare(op, a(frame), b(frame));
}

function membership(item: Eval, list: readonly Json[]): Eval {
  return frame => isMember(item(frame), list);
}

/** True when there is a value, false only when the query succeeded and nothing was there. */
function existence(logic: Json, names: string[]): Eval {
  const value = node(logic, names);
  const root = String(operation(logic)?.[1][0]).split('.')[0] ?? '';
  const slot = names.indexOf(root);
  return frame => {
    if (value(frame) !== undefined) return true;
    return unknownOf(frame.observations[slot], frame.readings[slot])?.reason === 'absent' ? false : undefined;
  };
}

function unknownOf(observation: Observation | undefined, ofSet: Reading | undefined): Unknown | undefined {
  return observation?.unknown ?? (observation?.vector ? ofSet : observation?.readings[0])?.unknown;
}

/** A reducer over the label sets of the vectors in `inner`. An empty vector is unknown: nothing was measured. */
function reducer(name: string, inner: Json): Eval {
  const names: string[] = [];
  const over = overSets(node(inner, names), names);
  tally(name);
  return frame => {
    const evaluate = over(frame.scope);
    const all = tally(name);
    const had = eachSet(frame.scope, names, (_, readings) => all.add(evaluate(readings)));
    return had ? all.value() : undefined;
  };
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
  return unknownOf(observation, set?.readings[slot]);
}
