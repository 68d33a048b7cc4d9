/**
 * Ticks of many targets at once: what they read is read together, looks go on side by side, and quiet ones, which are nearly
 * all, are committed together. A target that is slow or broken keeps no other one waiting.
 */

import { commit, commitQuiet, isQuiet, tick } from './drive.ts';
import { messageOf } from './failure-text.ts';
import { chainOf } from './ids.ts';
import { tickIds } from './log-ids.ts';
import { type Look, lookAt, momentOf, readFactsOf } from './look.ts';
import type { World } from './world.ts';

/** Looks under way at once. What a connection can bear is its own limit. */
const MOST_LOOKS = 256;
/** How long a target whose tick failed is left alone. */
const FAILED_MS = 1000;

/**
 * Ticks these targets and says of each when it is done, or at least put off. Never throws for one of them. Gives those that
 * derived something.
 */
export async function tickMany(
  world: World,
  chains: readonly string[],
  done: (chain: string) => void = () => {},
): Promise<readonly string[]> {
  const revision = await world.store.revision();
  const rows = await world.store.targetsOf(chains);
  const moments = rows.map(row => ({ row, own: row.own, at: momentOf(world, row) }));
  const facts = await readFactsOf(world.store, revision, moments);
  const together = commitsTogether(world);
  const derived: string[] = [];
  const one = async (index: number): Promise<void> => {
    const moment = moments[index];
    if (!moment) return;
    const chain = chainOf(moment.row.target);
    const rests = await guarded(
      world,
      chain,
      async () => {
        const seen = await lookAt(world, { ...moment, revision, facts: facts[index] ?? {} });
        const quiet = isQuiet(seen);
        const committed = quiet ? await together(seen) : await commit(world, seen);
        if (!committed) await tick(world, chain);
        if (!quiet || !committed) derived.push(chain);
      },
      revision?.commit.sha,
    );
    if (rests) done(chain);
  };
  await sideBySide(rows.length, MOST_LOOKS, one);
  return derived;
}

/**
 * One tick; a target whose tick fails is logged, left alone for a moment, and looked at again. False when not even that could be
 * written down: it is as due as before, and whoever looks at it is to rest first.
 */
export async function guarded(
  world: World,
  chain: string,
  work: () => Promise<unknown>,
  commit?: string,
): Promise<boolean> {
  const about = tickIds(world, chain, commit);
  const began = world.realClock();
  const told = (failed: boolean) =>
    world.meter?.({ kind: 'tick', chain, ms: Math.max(0, world.realClock() - began), failed });
  try {
    await work();
    told(false);
    return true;
  } catch (error) {
    told(true);
    world.log.error({ ...about, error: messageOf(error) }, 'tick failed');
    try {
      await world.store.transaction(tx => tx.setDue(chain, world.clock() + FAILED_MS));
      return true;
    } catch {
      world.log.error(about, 'tick could not be postponed');
      return false;
    }
  }
}

/** Runs `work` for 0 to `count` - 1, so many at once. */
async function sideBySide(
  count: number,
  most: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(most, count) }, lane));
}

interface Waiting {
  readonly seen: Look;
  readonly settle: (committed: boolean) => void;
}

/**
 * Commits a quiet look with all that wait while an earlier group is being written. False when it must be looked at again:
 * something moved, or the group failed, and each of it is better tried alone.
 */
function commitsTogether(world: World): (seen: Look) => Promise<boolean> {
  let waiting: Waiting[] = [];
  let writing = false;
  const write = async () => {
    while (waiting.length > 0) {
      await Promise.resolve();
      const group = waiting;
      waiting = [];
      const moved = await commitQuiet(
        world,
        group.map(one => one.seen),
      ).catch(() => group.map(one => one.seen));
      for (const { seen, settle } of group) settle(!moved.includes(seen));
    }
    writing = false;
  };
  return seen =>
    new Promise(settle => {
      waiting.push({ seen, settle });
      if (writing) return;
      writing = true;
      void write();
    });
}
