/**
 * One of several engines on one state. What is due stands in rows; hints only say sooner that something is. A replica claims
 * targets so that two do not look at the same one, and leases actions so that two do not move the same one; neither is what
 * correctness rests on: that is the tick's transaction, and the check of the lease right before a request goes out.
 */
import type { ActionRow, Replica, Store } from '../model.ts';
import { moveAction } from './effects.ts';
import { messageOf } from './failure-text.ts';
import type { Running } from './reconcile.ts';
import { tickMany } from './ticks.ts';
import type { World } from './world.ts';

/** Targets that one replica claims at once: few enough that others get some. */
const BATCH = 64;
/** Hints for due targets at once: each lets a replica work until nothing unclaimed is due. */
const MOST_HINTS = 8;
/** Overdue actions that a sweep hints at. */
const MOST_ACTIONS = 128;
/** A replica whose heartbeat is older than this is dead: its hints are given to others. Its leases end by themselves. */
export const DEAD_MS = 15_000;

/** Hands out hints over all replicas of a state. They may be lost, late or given twice. */
export interface HandOut {
  /** Someone is to look at due targets: so many hints, and actions by key, each at its time (real time of the state). */
  hint(hints: {
    readonly targets?: number;
    readonly actions?: readonly { readonly key: string; readonly at?: number }[];
  }): Promise<void>;
  /** Takes back the hints that dead replicas hold. */
  unlock(replicas: readonly string[]): Promise<void>;
}

/** What a hint makes a replica do. None of them throws. */
export interface ReplicaTasks {
  /** Looks at due targets until none is left that nobody looks at. */
  reconcile(): Promise<void>;
  /** Moves one action by one call, if it is due. */
  effect(key: string): Promise<void>;
}

export function replicaTasks(
  world: World,
  handOut: HandOut,
  id: string,
  leaseMs: number,
  stopped: () => boolean,
): ReplicaTasks {
  const { store } = world;
  return {
    reconcile: () =>
      quietly(world, 'targets could not be looked at', async () => {
        while (!stopped()) {
          const realNow = world.realClock();
          const claim = { now: world.clock(), realNow, until: realNow + leaseMs, owner: id, limit: BATCH };
          const chains = await store.claimTargets(claim);
          if (chains.length === 0) return;
          const derived = await tickMany(world, chains);
          await store.releaseTargets(chains, id);
          await hintActionsOf(world, handOut, derived);
        }
      }),
    effect: key =>
      quietly(world, 'action could not be moved', async () => {
        const row = await liveAction(store, key);
        if (!row || row.dueAt > world.realClock()) return;
        await moveAction(world, row);
        const after = await liveAction(store, key);
        // Nothing to say when somebody else is at it: they will.
        const moved = after?.epoch !== row.epoch || after.state !== row.state || after.polls !== row.polls;
        const at = after && Math.max(after.dueAt, after.leaseUntil);
        const actions = at !== undefined && Number.isFinite(at) ? [{ key, at }] : [];
        await handOut.hint({ targets: moved ? 1 : 0, actions });
      }),
  };
}

async function liveAction(store: Store, key: string): Promise<ActionRow | undefined> {
  const found = (await store.findAction(key)).find(row => row.action.key === key);
  return found && LIVE.has(found.state) ? found : undefined;
}

const LIVE = new Set(['intended', 'starting', 'started']);

/** What these targets have begun, or asked to end, just now. */
async function hintActionsOf(world: World, handOut: HandOut, chains: readonly string[]): Promise<void> {
  const now = world.realClock();
  const rows: ActionRow[] = [];
  for (const chain of chains) rows.push(...(await world.store.actions({ chain, live: true })));
  const actions = rows.filter(({ dueAt }) => dueAt <= now).map(({ action }) => ({ key: action.key }));
  if (actions.length > 0) await handOut.hint({ actions });
}

/** A few of all that are due, the longest overdue first: for the hints that got lost. */
async function hintOverdue(world: World, handOut: HandOut): Promise<number> {
  const rows = await world.store.dueActions(world.realClock(), MOST_ACTIONS);
  if (rows.length > 0) await handOut.hint({ actions: rows.map(({ action }) => ({ key: action.key })) });
  return rows.length;
}

/** What a replica does beside its hints: its heartbeat, and the sweep that makes up for hints that got lost. */
export async function runReplica(
  world: World,
  handOut: HandOut,
  replica: Omit<Replica, 'beatAt'>,
  running: Running,
): Promise<void> {
  while (!running.stopped()) {
    await quietly(world, 'sweep failed', async () => {
      await world.store.beat({ ...replica, beatAt: world.realClock() });
      await sweep(world, handOut, replica.id);
    });
    await running.pause(running.restMs);
  }
  await quietly(world, 'heartbeat could not be ended', () =>
    world.store.beat({ ...replica, beatAt: world.realClock() }, true),
  );
}

/** Dead replicas lose their hints and their heartbeat; everything due is hinted at again. */
async function sweep(world: World, handOut: HandOut, self: string): Promise<void> {
  const { store } = world;
  const alive = world.realClock() - DEAD_MS;
  const dead = (await store.replicas()).filter(one => one.id !== self && one.beatAt < alive);
  if (dead.length > 0) {
    world.log.warn({ replicas: dead.map(one => one.id) }, 'replicas are dead');
    await handOut.unlock(dead.map(one => one.id));
    for (const one of dead) await store.beat(one, true);
  }
  const due = await store.dueTargets(world.clock(), BATCH * MOST_HINTS);
  if (due.length > 0) await handOut.hint({ targets: Math.ceil(due.length / BATCH) });
  world.meter?.({ kind: 'round', loop: 'ticks', worked: due.length });
  const actions = await hintOverdue(world, handOut);
  world.meter?.({ kind: 'round', loop: 'effects', worked: actions });
}

async function quietly(world: World, message: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    world.log.error({ error: messageOf(error) }, message);
  }
}
