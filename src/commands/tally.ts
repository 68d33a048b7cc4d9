/** What the folded states of all targets add up to: for health and figures. A chain whose head has not moved is not read again. */
import { chainOf } from '../engine/ids.ts';
import type { Own, Sequence, Store } from '../model.ts';

export type EpisodeStatus = Sequence['status'];
const NO_EPISODES: Readonly<Record<EpisodeStatus, number>> = {
  ...{ ready: 0, asking: 0, acting: 0, holding: 0, verifying: 0, undoing: 0, done: 0, stalled: 0 },
};
const STATUSES = Object.keys(NO_EPISODES) as readonly EpisodeStatus[];

/** One target's part, or the sum of all. */
export interface Tally {
  /** Open ones by how far their sequence is. */
  readonly episodes: Readonly<Record<EpisodeStatus, number>>;
  /** Label sets of rules that are unknown, and targets that have such. */
  readonly blindSets: number;
  readonly blindTargets: number;
  readonly unresolved: number;
  readonly contested: number;
  readonly gatesClosed: number;
  /** Asks that wait. */
  readonly asks: readonly { readonly at: number; readonly expires: number }[];
  /** Of the newest entry of any target; 0 when there is none. */
  readonly newestAt: number;
}

/** How many targets are read at once, so that ten thousand never lie in memory together. */
const BATCH = 200;

type Kept = Map<string, { readonly head: string; readonly tally: Tally }>;
const known = new WeakMap<Store, Kept>();

/** The sum over all chains of these heads. */
export async function tallyOf(store: Store, heads: Readonly<Record<string, string>>): Promise<Tally> {
  const kept: Kept = known.get(store) ?? new Map();
  known.set(store, kept);
  for (const chain of kept.keys()) if (!Object.hasOwn(heads, chain)) kept.delete(chain);
  const moved = Object.keys(heads).filter(chain => kept.get(chain)?.head !== heads[chain]);
  for (let i = 0; i < moved.length; i += BATCH) {
    for (const row of await store.targetsOf(moved.slice(i, i + BATCH)))
      kept.set(chainOf(row.target), { head: row.head, tally: tallied(row.own) });
  }
  return sumOf([...kept.values()].map(({ tally }) => tally));
}

/** What one target's folded state says. */
export function tallied(own: Own): Tally {
  const episodes = { ...NO_EPISODES };
  let contested = 0;
  for (const { ended, sequence } of Object.values(own.episodes)) {
    if (ended) continue;
    episodes[sequence.status]++;
    if (sequence.rollout?.state === 'contested') contested++;
  }
  const sets = Object.values(own.rules).flatMap(rules => Object.values(rules).flatMap(Object.values));
  const blindSets = sets.filter(({ state }) => state === 'unknown').length;
  return {
    episodes,
    blindSets,
    blindTargets: blindSets > 0 ? 1 : 0,
    unresolved: Object.values(own.actions).filter(({ state }) => state === 'unresolved').length,
    contested,
    gatesClosed: Object.values(own.gates).filter(({ state }) => state !== 'open').length,
    asks: Object.values(own.asks).map(({ at, expires }) => ({ at, expires })),
    newestAt: own.takenAt,
  };
}

function sumOf(tallies: Iterable<Tally>): Tally {
  const episodes = { ...NO_EPISODES };
  const sum = { blindSets: 0, blindTargets: 0, unresolved: 0, contested: 0, gatesClosed: 0, newestAt: 0 };
  const asks: Tally['asks'][number][] = [];
  for (const one of tallies) {
    for (const status of STATUSES) episodes[status] += one.episodes[status];
    sum.blindSets += one.blindSets;
    sum.blindTargets += one.blindTargets;
    sum.unresolved += one.unresolved;
    sum.contested += one.contested;
    sum.gatesClosed += one.gatesClosed;
    sum.newestAt = Math.max(sum.newestAt, one.newestAt);
    asks.push(...one.asks);
  }
  return { ...sum, episodes, asks };
}
