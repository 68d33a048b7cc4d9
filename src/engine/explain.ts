/** Why a condition answered as it did: operands with their values, the clause that decided, the members. Pure. */
import jsonLogic from 'json-logic-js';
import {
  assert,
  type Json,
  type Labels,
  type Observation,
  type Operand,
  type Reading,
  type Scalar,
} from '../model.ts';
import { type Compiled, compile, operation, whyUnknown } from './condition.ts';
import { groupKey } from './ids.ts';
import type { Value } from './interval.ts';
import { type LabelSet, labelSets, type Scope } from './label-sets.ts';

const SYMBOLS: Readonly<Record<string, string>> = { '===': '==', '!==': '!=', and: 'and', or: 'or' };
const COMPARISONS = new Set(['>', '>=', '<', '<=', '===', '!==', 'in']);
/** Only this many members and operands are kept as evidence. */
const MOST = 500;

export interface Explanation {
  readonly operands: readonly Operand[];
  readonly clause: string;
  readonly members: Readonly<Record<string, readonly Labels[]>>;
}

/** An operand's value as people read it: four significant digits, or why it is unknown. */
export function shown(operand: Operand): string {
  const { value, unknown } = operand;
  if (value === undefined) return `unknown (${unknown?.message ?? 'no value'})`;
  return typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value);
}

/** The words of a JSON Logic tree, as a person writes it. */
export function render(logic: Json): string {
  const found = operationOf(logic);
  if (!found) return typeof logic === 'string' ? `'${logic}'` : String(logic);
  const [op, args] = found;
  const [first = null, second = null] = args;
  if (op === 'var') return String(first);
  if (op === 'reduce') return `${String(first)}(${render(second)})`;
  if (op === '!') return `not (${render(first)})`;
  if (op === 'in') return `${render(first)} in ${JSON.stringify(second)}`;
  if (op === 'exists' || op === 'abs' || op === 'min' || op === 'max')
    return `${op}(${args.map(render).join(', ')})`;
  const joined = args.map(arg => (isJunction(arg) ? `(${render(arg)})` : render(arg)));
  return joined.join(` ${SYMBOLS[op] ?? op} `);
}

function operationOf(logic: Json): ReturnType<typeof operation> {
  return logic === null || Array.isArray(logic) ? undefined : operation(logic);
}

function isJunction(logic: Json): boolean {
  const op = operationOf(logic)?.[0];
  return op === 'and' || op === 'or';
}

/** Operands, deciding clause and members of a condition for one label set. */
export function explain(logic: Json, scope: Scope, set: LabelSet | undefined): Explanation {
  const compiled = compile(logic);
  const operands: Operand[] = [];
  collect(logic, { scope, set, compiled, operands });
  return {
    operands: operands.slice(0, MOST),
    clause: render(deciding(logic, scope, set, compiled)),
    members: membersOf(logic, scope, set),
  };
}

interface Walk {
  readonly scope: Scope;
  readonly set: LabelSet | undefined;
  readonly compiled: Compiled;
  readonly operands: Operand[];
}

function collect(logic: Json, walk: Walk): void {
  const found = operationOf(logic);
  if (!found) return;
  const [op, args] = found;
  if (op === 'var' || op === 'reduce') walk.operands.push(operand(logic, walk));
  else if (COMPARISONS.has(op)) {
    const before = walk.operands.length;
    for (const arg of op === 'in' ? args.slice(0, 1) : args) collect(arg, walk);
    const truth = value(logic, walk);
    const comparison = render(logic);
    for (let i = before; i < walk.operands.length; i++) {
      walk.operands[i] = {
        ...(walk.operands[i] as Operand),
        comparison,
        truth: truth === undefined || typeof truth !== 'boolean' ? 'unknown' : truth ? 'true' : 'false',
      };
    }
  } else for (const arg of args) collect(arg, walk);
}

/** A part of the condition, evaluated with the slots of the whole. */
function value(logic: Json, walk: Pick<Walk, 'scope' | 'set' | 'compiled'>): Value {
  const part = compile(logic);
  const readings: (Reading | undefined)[] = part.names.map(
    name => walk.set?.readings[walk.compiled.names.indexOf(name)],
  );
  return part.evaluate(walk.scope, { labels: walk.set?.labels ?? {}, readings });
}

function operand(logic: Json, walk: Walk): Operand {
  const name = render(logic);
  const got = value(logic, walk);
  const path = String(operationOf(logic)?.[1][0]);
  const root = path.split('.')[0] ?? '';
  const slot = walk.compiled.names.indexOf(root);
  const observation = walk.scope.observations[root];
  const reading = observation?.vector ? walk.set?.readings[slot] : observation?.readings[0];
  const estimate = path === root && operationOf(logic)?.[0] === 'var' ? estimateOf(reading) : {};
  if (got === undefined) {
    const why =
      operationOf(logic)?.[0] === 'reduce'
        ? whyReduced(logic, walk.scope)
        : whyUnknown(walk.scope, path, walk.set, slot);
    return { name, unknown: why ?? { reason: 'absent', message: 'no value' }, ...estimate };
  }
  if (typeof got === 'object') {
    const why = whyReduced(logic, walk.scope);
    const bounds = `between ${got.lo} and ${got.hi}, as some members are unknown`;
    return {
      name,
      unknown: { reason: why?.reason ?? 'absent', message: why ? `${bounds}: ${why.message}` : bounds },
      ...(Number.isFinite(got.lo) ? { lower: got.lo } : {}),
      ...(Number.isFinite(got.hi) ? { upper: got.hi } : {}),
    };
  }
  return { name, value: got, ...estimate };
}

function estimateOf(reading: Reading | undefined): { lower?: number; upper?: number; rows?: number } {
  const pick = (field: string) => {
    const found = reading?.fields[field];
    return typeof found === 'number' && Number.isFinite(found) ? { [field]: found } : {};
  };
  return { ...pick('lower'), ...pick('upper'), ...pick('rows') };
}

function whyReduced(logic: Json, scope: Scope): Operand['unknown'] {
  const inner = operationOf(logic)?.[1][1] ?? null;
  for (const name of compile(inner).names) {
    const observation = scope.observations[name];
    if (observation === undefined) return { reason: 'late', message: `${name} is not yet taken` };
    if (observation.unknown) return observation.unknown;
    if (observation.vector && observation.readings.length === 0) {
      return {
        reason: 'absent',
        message: `${name} has no label set: the query succeeded and nothing was there`,
      };
    }
    const unknown = observation.readings.find(reading => reading.unknown)?.unknown;
    if (unknown) return unknown;
  }
  return undefined;
}

/** The smallest clause that made the answer what it is. */
function deciding(logic: Json, scope: Scope, set: LabelSet | undefined, compiled: Compiled): Json {
  const found = operationOf(logic);
  if (!found) return logic;
  const [op, args] = found;
  if (op !== 'and' && op !== 'or') return logic;
  const answers = args.map(arg => value(arg, { scope, set, compiled }));
  const decisive = answers.indexOf(op === 'or');
  const open = answers.findIndex(answer => typeof answer !== 'boolean');
  const at = decisive >= 0 ? decisive : open;
  return at < 0 ? logic : deciding(args[at] as Json, scope, set, compiled);
}

/** Label sets for which a reduced comparison (or the condition of a vector) held, worst first, by observation. */
function membersOf(logic: Json, scope: Scope, set: LabelSet | undefined): Record<string, readonly Labels[]> {
  const members: Record<string, readonly Labels[]> = {};
  if (set && Object.keys(set.labels).length > 0) {
    for (const name of compile(logic).names)
      if (scope.observations[name]?.vector) members[name] = [set.labels];
  }
  visit(logic, inner => {
    const name = compile(inner).names.find(one => scope.observations[one]?.vector);
    if (name !== undefined) members[name] = held(inner, scope);
  });
  return members;
}

/** Calls back with the comparison over label sets behind each reducer: `psi > 0.2` of count(…) and of max(psi) > 0.2. */
function visit(logic: Json, found: (inner: Json) => void): void {
  const at = operationOf(logic);
  if (!at) return;
  const [op, args] = at;
  if (op === 'reduce') {
    found(args[1] as Json);
    return;
  }
  const reduced = COMPARISONS.has(op) ? args.findIndex(arg => isNumeric(arg)) : -1;
  if (reduced >= 0) {
    const inner = operationOf(args[reduced] as Json)?.[1][1] as Json;
    found({ [op]: args.map((arg, i) => (i === reduced ? inner : arg)) });
    return;
  }
  for (const arg of args) if (op !== 'in' || arg === args[0]) visit(arg, found);
}

function isNumeric(logic: Json): boolean {
  const at = operationOf(logic);
  return at?.[0] === 'reduce' && ['max', 'min', 'avg'].includes(String(at[1][0]));
}

function held(inner: Json, scope: Scope): readonly Labels[] {
  const compiled = compile(inner);
  const sets = labelSets(scope, compiled.names) ?? [];
  const [op, args] = operationOf(inner) ?? ['', []];
  const size = COMPARISONS.has(op) ? measureOf(args[0] as Json) : () => 0;
  const direction = op === '<' || op === '<=' ? 1 : -1;
  return sets
    .filter(set => compiled.evaluate(scope, set) === true)
    .map(set => ({ labels: set.labels, size: size(scope, compiled, set) }))
    .sort(
      (a, b) =>
        direction * (rank(a.size) - rank(b.size)) || (groupKey(a.labels) < groupKey(b.labels) ? -1 : 1),
    )
    .slice(0, MOST)
    .map(one => one.labels);
}

function measureOf(left: Json): (scope: Scope, compiled: Compiled, set: LabelSet) => Value {
  return (scope, compiled, set) => value(left, { scope, compiled, set });
}

function rank(size: Value): number {
  return typeof size === 'number' ? size : 0;
}

/**
 * Stops the step when json-logic-js, on the same tree with its operands' known values, answers otherwise than the
 * closures did. It runs at every verdict that could open an episode: a wrong yes must not reach production.
 */
export function confirm(logic: Json, scope: Scope, set: LabelSet | undefined, answer: boolean): void {
  const data: Record<string, Scalar> = Object.create(null);
  const grounded = ground(logic, { scope, set, compiled: compile(logic) }, data);
  if (grounded === undefined) return;
  const reference = jsonLogic.apply(grounded as jsonLogic.RulesLogic, data);
  assert(
    reference === answer,
    `json-logic-js answers ${String(reference)}, the compiled form ${answer}, for ${render(logic)}`,
  );
}

/** The tree with reducers and members as plain variables; undefined when an operand is not known. */
function ground(
  logic: Json,
  walk: Pick<Walk, 'scope' | 'set' | 'compiled'>,
  data: Record<string, Scalar>,
): Json | undefined {
  const found = operationOf(logic);
  if (!found) return logic;
  const [op, args] = found;
  if (['var', 'reduce', 'exists', 'abs'].includes(op)) {
    const got = value(logic, walk);
    if (got === undefined || typeof got === 'object') return undefined;
    const name = `v${Object.keys(data).length}`;
    data[name] = got;
    return { var: name };
  }
  if (op === 'in') {
    const item = ground(args[0] as Json, walk, data);
    return item === undefined ? undefined : { in: [item, args[1] as Json] };
  }
  const inner = args.map(arg => ground(arg, walk, data));
  return inner.every(one => one !== undefined) ? { [op]: inner as Json[] } : undefined;
}

/** Every known scalar of the observations by dotted name: what `before.<name>` will read. */
export function scalarsOf(observations: Readonly<Record<string, Observation>>): Record<string, Scalar> {
  const scalars: Record<string, Scalar> = {};
  for (const [name, observation] of Object.entries(observations)) {
    const reading = observation.vector || observation.unknown ? undefined : observation.readings[0];
    if (reading === undefined || reading.unknown) continue;
    for (const [field, value] of Object.entries(reading.fields)) {
      if (typeof value === 'number' && !Number.isFinite(value)) continue;
      scalars[field === 'value' ? name : `${name}.${field}`] = value;
    }
  }
  return scalars;
}
