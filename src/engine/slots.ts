/** Fills `${…}` slots in checked arguments with typed values. A path is looked up, never evaluated. Pure. */
import type { Json, JsonObject, Labels, Observation, Scalar } from '../model.ts';

/** What a path may name. */
export interface Filling {
  readonly steps: Readonly<Record<string, JsonObject>>;
  readonly members: Readonly<Record<string, readonly Labels[]>>;
  readonly before: Readonly<Record<string, Scalar>>;
  /** Of the group that is acted for. */
  readonly labels: Labels;
  /** What `observed.NAME.FIELD` reads: one value, of a vector that of the group. */
  readonly observations?: Readonly<Record<string, Observation>>;
  /** Of a hold of a rollout: `rollout.canary`, `step.elapsed` (milliseconds), `side.revision` and the like. */
  readonly hold?: Readonly<Record<string, Readonly<Record<string, Scalar>>>>;
}

export type Filled = { readonly args: JsonObject } | { readonly missing: string };

/** The arguments with every slot filled and texts around slots joined, or the first path that has no value yet. */
export function fill(args: JsonObject, filling: Filling): Filled {
  const missing: string[] = [];
  const filled = walk(args, filling, missing);
  const [first] = missing;
  return first === undefined ? { args: filled as JsonObject } : { missing: first };
}

function slotOf(value: Json): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const slot = (value as JsonObject).$;
  return typeof slot === 'string' && Object.keys(value).length === 1 ? slot : undefined;
}

/** The parts of a text around slots. */
function partsOf(value: Json): readonly Json[] | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const parts = (value as JsonObject).$text;
  return Array.isArray(parts) && Object.keys(value).length === 1 ? (parts as readonly Json[]) : undefined;
}

/** As people read it: a list with commas. */
function told(value: Json): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function walk(value: Json, filling: Filling, missing: string[]): Json {
  const parts = partsOf(value);
  if (parts) return parts.map(part => told(walk(part, filling, missing))).join('');
  const path = slotOf(value);
  if (path !== undefined) {
    const found = lookUp(path, filling);
    if (found === undefined) missing.push(path.replace(/^observed\./, ''));
    return found ?? null;
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(one => walk(one as Json, filling, missing));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, walk(one as Json, filling, missing)]),
  );
}

function lookUp(path: string, filling: Filling): Json | undefined {
  const [root = '', ...rest] = path.split('.');
  if (root === 'steps') return own(own(filling.steps, rest[0] ?? ''), rest.slice(1).join('.'));
  if (root === 'before') return own(filling.before, rest.join('.'));
  if (root === 'labels') return own(filling.labels, rest.join('.'));
  if (root === 'observed') return fieldOf(rest, filling);
  if (root === 'rollout' || root === 'step' || root === 'side')
    return own(own(filling.hold, root), rest.join('.'));
  if (root === 'members' || root === 'worst') {
    const label = rest.at(-1) ?? '';
    const observation = rest.length > 1 ? rest[0] : Object.keys(filling.members).sort()[0];
    const values = (own(filling.members, observation ?? '') ?? []).flatMap(
      labels => own(labels, label) ?? [],
    );
    const distinct = [...new Set(values)];
    if (distinct.length === 0) return undefined;
    return root === 'worst' ? distinct[0] : distinct;
  }
  return undefined;
}

/** One value; undefined when it is unknown, or when the group has readings that differ. */
function fieldOf(
  [name = '', ...field]: readonly string[],
  { observations, labels }: Filling,
): Scalar | undefined {
  const observation = own(observations, name);
  if (observation === undefined || observation.unknown) return undefined;
  const found = observation.readings
    .filter(reading =>
      Object.entries(labels).every(([label, value]) => (own(reading.labels, label) ?? value) === value),
    )
    .map(reading => (reading.unknown ? undefined : own(reading.fields, field.join('.'))));
  return found.length > 0 && found.every(value => value === found[0]) ? found[0] : undefined;
}

function own<T>(of: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return of !== undefined && of !== null && Object.hasOwn(of, key) ? of[key] : undefined;
}
