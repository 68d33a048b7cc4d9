/**
 * The async shell around ticks: effects from the actions table, and the loop that works through what is due. A lost wake-up
 * costs time, never correctness: everything due is a row, and every round looks at all rows that are due.
 */
import { type ActionRow, type Input, type Json, type Outcome, PortError } from '../model.ts';
import { appendInput, stepStart, tick } from './drive.ts';
import type { World } from './world.ts';

/** Effects under way at once, apart from queries. */
const MOST_EFFECTS = 4;
const BACKOFF_MS = { first: 1000, max: 60_000 };

/** Which chains a round works on; all when it is not said. */
export type Concerned = (chain: string) => boolean;
const EVERY: Concerned = () => true;

/** Ticks every target that is due. One failing target never stops another. Returns how many were looked at. */
export async function tickDue(world: World, concerned = EVERY): Promise<number> {
  const chains = (await world.store.dueTargets(world.clock())).filter(concerned);
  for (const chain of chains) {
    const began = world.realClock();
    const told = (failed: boolean) =>
      world.meter?.({ kind: 'tick', chain, ms: Math.max(0, world.realClock() - began), failed });
    try {
      await tick(world, chain);
      told(false);
    } catch (error) {
      told(true);
      world.log.error({ chain, error: messageOf(error) }, 'tick failed');
      await world.store.transaction(tx => tx.setDue(chain, world.clock() + BACKOFF_MS.first));
    }
  }
  return chains.length;
}

/** Moves every action that is due by one call: start, find or poll. Returns how many were touched. */
export async function effectDue(world: World, concerned = EVERY): Promise<number> {
  const due = await world.store.dueActions(world.realClock());
  const rows = due.filter(row => concerned(row.chain)).slice(0, MOST_EFFECTS);
  await Promise.all(rows.map(row => guarded(world, row)));
  return rows.length;
}

async function guarded(world: World, row: ActionRow): Promise<void> {
  try {
    await move(world, row);
  } catch (error) {
    const { key, id } = row.action;
    world.log.warn({ action: id, key, verb: row.action.verb, error: messageOf(error) }, 'effect call failed');
    // While it is starting, `polls` counts the times that nothing was found, and nothing else.
    const polls = row.state === 'starting' ? row.polls : row.polls + 1;
    await postpone(world, row, backoff(row.polls), polls);
  }
}

function move(world: World, row: ActionRow): Promise<void> {
  if (row.state === 'intended') return start(world, row);
  // Without a handle there is nothing to poll: a person asked to look again at what could not be told.
  if (row.state === 'starting' || row.handle === undefined) return recover(world, row);
  return poll(world, row);
}

/** intended → starting: the full check once more, in one transaction; then the effect, outside of it. */
async function start(world: World, row: ActionRow): Promise<void> {
  const { id, attempt, key } = row.action;
  const granted = await world.store.transaction(async tx => {
    const now = await tx.action(key);
    const target = await tx.target(row.chain);
    if (!target || now?.state !== 'intended') return false;
    const derived = await stepStart(world, tx, target, { action: id, attempt });
    if (derived.some(body => body.kind === 'withdrawn' && body.action === id)) return false;
    await tx.updateAction(key, { state: 'starting', dueAt: world.realClock() + BACKOFF_MS.max, polls: 0 });
    return true;
  });
  if (granted) await send(world, row);
}

async function send(world: World, row: ActionRow): Promise<void> {
  const { action } = row;
  let refused: PortError | undefined;
  try {
    const handle = await effectOf(world, row)
      .start(action)
      .catch(error => {
        if (error instanceof PortError && error.retry === 'never') refused = error;
        throw error;
      });
    await started(world, row, handle);
  } catch (error) {
    if (refused) return settle(world, row, 'failed', { message: refused.message });
    // Whether it began is not known: `find` will say.
    world.log.warn({ action: action.id, error: messageOf(error) }, 'start was not confirmed');
    await postpone(world, row, BACKOFF_MS.first, 0);
  }
}

async function started(world: World, row: ActionRow, handle: Json): Promise<void> {
  const { id: action, attempt } = row.action;
  await appendInput(world, row.chain, { kind: 'started', action, attempt, handle });
}

/** After a crash between intent and answer: the connector is asked about the key before anything is repeated. */
async function recover(world: World, row: ActionRow): Promise<void> {
  const effect = effectOf(world, row);
  const { id: action, attempt } = row.action;
  const found = await effect.find(row.action);
  if (found.state === 'found') return started(world, row, found.handle);
  if (found.state === 'cannot-tell') {
    return appendInput(world, row.chain, { kind: 'cannot-tell', action, attempt, message: found.message });
  }
  const settled = effect.settleAfterMs === 0 || row.polls > 0;
  if (settled) return appendInput(world, row.chain, { kind: 'absent', action, attempt });
  await postpone(world, row, effect.settleAfterMs);
}

async function poll(world: World, row: ActionRow): Promise<void> {
  const effect = effectOf(world, row);
  const handle = row.handle ?? null;
  const late = row.action.deadline !== undefined && world.clock() > row.action.deadline;
  if (row.cancelRequested || late) await effect.cancel(row.action, handle);
  const answer = await effect.poll(row.action, handle);
  switch (answer.state) {
    case 'running':
      return postpone(
        world,
        row,
        Math.min(effect.pollMs.first * 2 ** Math.min(row.polls, 12), effect.pollMs.max),
      );
    case 'succeeded':
      return settle(world, row, 'succeeded', { outputs: answer.outputs });
    case 'failed':
      return settle(world, row, 'failed', { message: answer.message, repeatable: answer.repeatable });
    case 'cancelled':
      return late && !row.cancelRequested
        ? settle(world, row, 'timed-out', { message: 'its deadline passed' })
        : settle(world, row, 'cancelled', { message: 'cancelled' });
    case 'timed-out':
    case 'lost':
      return settle(world, row, answer.state, { message: answer.message });
  }
}

async function settle(
  world: World,
  row: ActionRow,
  outcome: Outcome,
  more: Pick<Extract<Input, { kind: 'outcome' }>, 'outputs' | 'message' | 'repeatable'>,
): Promise<void> {
  const { id: action, attempt } = row.action;
  await appendInput(world, row.chain, { kind: 'outcome', action, attempt, outcome, ...more });
}

function effectOf(world: World, row: ActionRow) {
  return world.effectFor(row.action.call.capability, row.action.connection);
}

async function postpone(world: World, row: ActionRow, byMs: number, polls = row.polls + 1): Promise<void> {
  const dueAt = world.realClock() + byMs;
  await world.store.transaction(tx => tx.updateAction(row.action.key, { dueAt, polls }));
}

function backoff(polls: number): number {
  return Math.min(BACKOFF_MS.first * 2 ** Math.min(polls, 10), BACKOFF_MS.max);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
    const looked = await tickDue(world, concerned);
    const moved = await effectDue(world, concerned);
    if (looked + moved > 0) continue;
    const live = (await world.store.actions({ live: true })).filter(row => concerned(row.chain));
    const soonest = Math.min(...live.filter(row => row.state !== 'unresolved').map(row => row.dueAt));
    if (!Number.isFinite(soonest)) return;
    await pause(Math.min(Math.max(soonest - world.realClock(), 5), 1000));
  }
}

/** The daemon's loop: until `stopped`, work through what is due, then rest. Effects and ticks never wait for each other. */
export async function run(
  world: World,
  options: {
    readonly pause: (ms: number) => Promise<void>;
    readonly stopped: () => boolean;
    readonly restMs: number;
  },
): Promise<void> {
  const loop = async (name: 'ticks' | 'effects', work: () => Promise<number>) => {
    while (!options.stopped()) {
      try {
        const worked = await work();
        world.meter?.({ kind: 'round', loop: name, worked });
        if (worked > 0) continue;
      } catch (error) {
        world.log.error({ error: messageOf(error) }, 'round failed');
        await options.pause(BACKOFF_MS.first);
      }
      await options.pause(options.restMs);
    }
  };
  await Promise.all([loop('ticks', () => tickDue(world)), loop('effects', () => effectDue(world))]);
}
