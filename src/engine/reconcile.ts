/**
 * The async shell around ticks: the loop that works through what is due. A lost wake-up costs time, never correctness:
 * everything due is a row, and every round looks at all rows that are due.
 */
import type { ActionRow } from '../model.ts';
import { tick } from './drive.ts';
import { moveAction } from './effects.ts';
import { messageOf } from './failure-text.ts';
import { guarded, tickMany } from './ticks.ts';
import type { World } from './world.ts';

/** Effects under way at once, apart from queries. */
const MOST_EFFECTS = 16;
/** Targets that are looked at together, and how many may be under way at once. */
const BATCH = 512;
const MOST_TARGETS = 2048;
/** After a round that failed, and before what could not even be put off is tried again: a state that is locked, or a full disk. */
const FAILED_MS = 1000;

/** Which chains a round works on; all when it is not said. */
export type Concerned = (chain: string) => boolean;
const EVERY: Concerned = () => true;

/** Ticks every target that is due, one after the other. One failing target never stops another. Returns how many were looked at. */
export async function tickDue(world: World, concerned = EVERY): Promise<number> {
  return (await tickRound(world, concerned)).length;
}

/** Moves the actions that are due by one call each: start, find or poll. Returns how many were touched. */
export async function effectDue(world: World, concerned = EVERY): Promise<number> {
  return (await effectRound(world, concerned)).length;
}

/** Of each one whether it is over or put off; false when it is as due as before. */
type Round = readonly boolean[];

async function tickRound(world: World, concerned: Concerned): Promise<Round> {
  const chains = (await world.store.dueTargets(world.clock())).filter(concerned);
  const round: boolean[] = [];
  for (const chain of chains) round.push(await guarded(world, chain, () => tick(world, chain)));
  return round;
}

async function effectRound(world: World, concerned: Concerned): Promise<Round> {
  const due = await world.store.dueActions(world.realClock());
  const rows = due.filter(row => concerned(row.chain)).slice(0, MOST_EFFECTS);
  return Promise.all(rows.map(row => moveAction(world, row)));
}

/**
 * Works until nothing is due at the clock's present moment and no effect is under way: what `reconcile` does once, and what
 * a fast clock waits for before it goes on. `pause` waits in real time.
 */
export async function settleAll(
  world: World,
  pause: (ms: number) => Promise<void>,
  stopped: () => boolean,
  concerned = EVERY,
): Promise<void> {
  for (;;) {
    if (stopped()) return;
    const round = [...(await tickRound(world, concerned)), ...(await effectRound(world, concerned))];
    if (round.includes(false)) await pause(FAILED_MS);
    if (round.length > 0) continue;
    const live = (await world.store.actions({ live: true })).filter(row => concerned(row.chain));
    const times = live
      .filter(row => row.state !== 'unresolved')
      .map(row => Math.max(row.dueAt, row.leaseUntil));
    const soonest = Math.min(...times);
    if (!Number.isFinite(soonest)) return;
    await pause(Math.min(Math.max(soonest - world.realClock(), 5), 1000));
  }
}

/** How a running engine waits and when it ends. */
export interface Running {
  /** Waits in real time; ends early when the engine is to stop. */
  readonly pause: (ms: number) => Promise<void>;
  readonly stopped: () => boolean;
  /** How long it rests when nothing is due, before it looks whether somebody else has made something due. */
  readonly restMs: number;
}

/** Takes work that is due and is not under way here, and does it; gives how much it took. Never waits for its end. */
type Take = () => Promise<number>;

/** The daemon's loop: until `stopped`, work through what is due, then rest. Effects and ticks never wait for each other. */
export async function run(world: World, running: Running): Promise<void> {
  const targets = bell();
  const effects = bell();
  const looking = new Set<string>();
  const batches = new Set<Promise<unknown>>();
  const moving = new Map<string, Promise<void>>();
  const ticks: Take = async () => {
    const free = MOST_TARGETS - looking.size;
    if (free <= 0) return 0;
    const limit = Math.min(free, BATCH) + looking.size;
    const due = (await world.store.dueTargets(world.clock(), limit)).filter(chain => !looking.has(chain));
    const chains = due.slice(0, BATCH);
    if (chains.length === 0) return 0;
    for (const chain of chains) looking.add(chain);
    const over: Promise<unknown> = tickMany(world, chains, chain => looking.delete(chain))
      .then(derived => {
        if (derived.length > 0) effects.ring();
        // Some could not even be put off.
        return chains.some(chain => looking.has(chain)) ? running.pause(FAILED_MS) : undefined;
      })
      .catch(error => {
        world.log.error({ error: String(error) }, 'targets could not be read');
        return running.pause(FAILED_MS);
      })
      .finally(() => {
        for (const chain of chains) looking.delete(chain);
        batches.delete(over);
        targets.ring();
      });
    batches.add(over);
    // While a batch is quick, the next one waits for it: two would only share the same disk.
    await Promise.race([over, running.pause(running.restMs)]);
    return chains.length;
  };
  const moves: Take = async () => {
    const free = MOST_EFFECTS - moving.size;
    if (free <= 0) return 0;
    const due = await world.store.dueActions(world.realClock(), free + moving.size);
    const rows = due.filter(row => !moving.has(row.action.key)).slice(0, free);
    for (const row of rows) moving.set(row.action.key, moved(row));
    return rows.length;
  };
  const moved = async (row: ActionRow) => {
    if (!(await moveAction(world, row))) await running.pause(FAILED_MS);
    moving.delete(row.action.key);
    targets.ring();
    effects.ring();
  };
  await Promise.all([
    loop(world, running, 'ticks', targets, ticks),
    loop(world, running, 'effects', effects, moves),
  ]);
  // What runs is let end: a state that is closed under it would be one more thing to recover from.
  await Promise.all([...batches, ...moving.values()]);
}

async function loop(
  world: World,
  running: Running,
  name: 'ticks' | 'effects',
  wake: Bell,
  take: Take,
): Promise<void> {
  while (!running.stopped()) {
    try {
      const rung = wake.next();
      const worked = await take();
      world.meter?.({ kind: 'round', loop: name, worked });
      if (worked > 0) continue;
      await Promise.race([rung, running.pause(running.restMs)]);
    } catch (error) {
      world.log.error({ error: messageOf(error) }, 'round failed');
      await running.pause(FAILED_MS);
    }
  }
}

interface Bell {
  /** Ends with the next ring after it was asked for. */
  next(): Promise<void>;
  ring(): void;
}

function bell(): Bell {
  let ring = () => {};
  let next = new Promise<void>(resolve => {
    ring = resolve;
  });
  return {
    next: () => next,
    ring: () => {
      ring();
      next = new Promise(resolve => {
        ring = resolve;
      });
    },
  };
}
