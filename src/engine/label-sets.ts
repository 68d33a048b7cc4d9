/** What a condition may look at, and the label sets of the vectors in it. Pure. */
import type { Json, Labels, Observation, Reading, Scalar } from '../model.ts';
import { groupKey } from './ids.ts';

/** What a condition may look at. */
export interface Scope {
  readonly observations: Readonly<Record<string, Observation>>;
  readonly before: Readonly<Record<string, Scalar>>;
  readonly steps: Readonly<Record<string, { readonly [output: string]: Json }>>;
  readonly target: { readonly [path: string]: Json };
  /** Of the group that the condition is asked for. */
  readonly labels?: Labels;
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
 * Visits the label sets of the vectors among `names`: those of the vector with the most labels, then those that only another
 * vector with the same labels has. Vectors are matched on shared labels, and what has no match is unknown. False when a
 * vector was not had: then no set is known. `readings` is the same array at every visit: copy it to keep it.
 */
export function eachSet(
  scope: Scope,
  names: readonly string[],
  visit: (labels: Labels, readings: Readings) => void,
): boolean {
  const vectors = names.map(name => own(scope.observations, name));
  // A single value that is unknown hides no label set: it is unknown for each.
  if (vectors.some(one => one === undefined || (one.vector && one.unknown))) return false;
  const readings: (Reading | undefined)[] = vectors.map(() => undefined);
  const slots = vectors.flatMap((vector, slot) => (vector?.vector ? [{ vector, slot }] : []));
  const lead = slots.reduce<(typeof slots)[number] | undefined>(
    (most, one) => (most === undefined || width(one.vector) > width(most.vector) ? one : most),
    undefined,
  );
  if (lead === undefined) {
    if (vectors.some(one => one?.unknown)) return false;
    visit({}, readings);
    return true;
  }
  const others = slots.filter(one => one !== lead).map(one => ({ ...one, find: matcher(one.vector) }));
  const visitAll = (slot: number, of: readonly Reading[]) => {
    for (const reading of of) {
      readings[slot] = reading;
      for (const other of others) if (other.slot !== slot) readings[other.slot] = other.find(reading.labels);
      visit(reading.labels, readings);
    }
  };
  visitAll(lead.slot, lead.vector.readings);
  if (others.length === 0) return true;
  readings[lead.slot] = undefined;
  const seen = new Set(lead.vector.readings.map(reading => groupKey(reading.labels)));
  for (const { vector, slot } of others) {
    if (width(vector) < width(lead.vector)) continue;
    const alone = vector.readings.filter(reading => !seen.has(groupKey(reading.labels)));
    for (const reading of alone) seen.add(groupKey(reading.labels));
    visitAll(slot, alone);
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
