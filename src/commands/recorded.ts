/** What was observed of a target of late, as the store kept it: nothing is asked of any system. */

import { chainOf } from '../engine/ids.ts';
import type { ClosedPolicy, Labels, Observation, Reading } from '../model.ts';
import type { Ports } from './ports.ts';
import { requireTarget } from './targets.ts';

export interface Recorded {
  readonly takenAt: number;
  readonly policy: string;
  readonly observation: Observation;
}

/** Looks that are read back at most. */
const MOST_LOOKS = 5000;

/** Refuses a target that is not known; gives its policies in force. */
export async function policiesOf({ world }: Ports, target: string): Promise<readonly ClosedPolicy[]> {
  const rows = await world.store.targets();
  requireTarget(
    target,
    rows.map(row => chainOf(row.target)),
  );
  return ((await world.store.revision())?.policies ?? []).filter(one => chainOf(one.target) === target);
}

/** Newest first, from a time on; `policy` leaves out what follows `#`. */
export async function recordedSince(
  { world }: Ports,
  chain: string,
  from: number,
  name?: string,
): Promise<readonly Recorded[]> {
  const filter = name === undefined ? { limit: MOST_LOOKS } : { name, limit: MOST_LOOKS };
  return (await world.store.observationsOf(chain, filter)).filter(one => one.takenAt >= from);
}

/** The newest and the oldest of each observation, by `policy name`. */
export function endsOf(
  rows: readonly Recorded[],
): ReadonlyMap<string, { readonly newest: Recorded; readonly oldest: Recorded }> {
  const ends = new Map<string, { newest: Recorded; oldest: Recorded }>();
  for (const row of rows) {
    const key = `${row.policy} ${row.observation.name}`;
    const known = ends.get(key);
    ends.set(key, { newest: known?.newest ?? row, oldest: row });
  }
  return ends;
}

export function sameLabels(a: Labels, b: Labels): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => a[name] === b[name]);
}

/** A number of a reading; undefined when it is unknown or no number. */
export function numberOf(reading: Reading | undefined, field = 'value'): number | undefined {
  const value = reading?.unknown ? undefined : reading?.fields[field];
  return typeof value === 'number' ? value : undefined;
}
