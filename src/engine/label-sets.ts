/** What a condition may look at, and the label sets of the vectors in it. Pure. */
import type { Json, Labels, Observation, Reading, Scalar } from '../model.ts';
import { groupKey } from './ids.ts';

/** What a condition may look at. */
export interface Scope {
  readonly observations: Readonly<Record<string, Observation>>;
  readonly before: Readonly<Record<string, Scalar>>;
  readonly steps: Readonly<Record<string, { readonly [output: string]: Json }>>;
  readonly target: { readonly [path: string]: Json };
}

/** The reading of each observation that a clause reads, by slot. */
export type Readings = readonly (Reading | undefined)[];

/** One label set of the vectors that a clause reads. */
export interface LabelSet {
  readonly labels: Labels;
  readonly readings: Readings;
}

/** An own property: a path never walks the prototype. */
export function own<T>(of: { readonly [key: string]: T } | undefined, key: string): T | undefined {
  return of !== undefined && of !== null && Object.hasOwn(of, key) ? of[key] : undefined;
}

/** The label sets of the vectors among `names`, as `eachSet` visits them; `undefined` when a vector was not had. */
export function labelSets(scope: Scope, names: readonly string[]): readonly LabelSet[] | undefined {
  const sets: LabelSet[] = [];
  const had = eachSet(scope, names, (labels, readings) => sets.push({ labels, readings: [...readings] }));
  return had ? sets : undefined;
}

/**
 * Visits the label sets of the vectors among `names`: those of the vector with the most labels; the others are matched on
 * shared labels, and an unmatched one is unknown. False when an observation was not had: then no set is known. `readings`
 * is the same array at every visit: copy it to keep it.
 */
export function eachSet(
  scope: Scope,
  names: readonly string[],
  visit: (labels: Labels, readings: Readings) => void,
): boolean {
  const vectors = names.map(name => own(scope.observations, name));
  if (vectors.some(vector => vector === undefined || vector.unknown)) return false;
  const readings: (Reading | undefined)[] = vectors.map(() => undefined);
  const slots = vectors.flatMap((vector, slot) => (vector?.vector ? [{ vector, slot }] : []));
  const lead = slots.reduce<(typeof slots)[number] | undefined>(
    (most, one) => (most === undefined || width(one.vector) > width(most.vector) ? one : most),
    undefined,
  );
  if (lead === undefined) {
    visit({}, readings);
    return true;
  }
  const others = slots.filter(one => one !== lead).map(one => ({ ...one, find: matcher(one.vector) }));
  for (const reading of lead.vector.readings) {
    readings[lead.slot] = reading;
    for (const other of others) readings[other.slot] = other.find(reading.labels);
    visit(reading.labels, readings);
  }
  return true;
}

function width(vector: Observation): number {
  return Object.keys(vector.readings[0]?.labels ?? {}).length;
}

function matcher(vector: Observation): (labels: Labels) => Reading | undefined {
  const names = Object.keys(vector.readings[0]?.labels ?? {});
  const byKey = new Map(vector.readings.map(reading => [groupKey(reading.labels), reading]));
  return labels => byKey.get(groupKey(Object.fromEntries(names.map(name => [name, labels[name] ?? '']))));
}
