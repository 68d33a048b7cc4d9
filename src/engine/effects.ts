/**
 * What is done to the world: every row of the actions table that is due is moved by one call, start, find or poll. Who works
 * on a row that starts has a lease on it; an answer that comes after somebody else took the row is recorded and decides nothing.
 */
import { type ActionRow, type Input, type Json, type Outcome, PortError, type Store } from '../model.ts';
import { report, stepStart } from './drive.ts';
import { messageOf } from './failure-text.ts';
import { actionIds } from './log-ids.ts';
import type { World } from './world.ts';

const BACKOFF_MS = { first: 1000, max: 60_000 };
/** How long who starts an action may take until the request is out, unless the world says otherwise. */
export const LEASE_MS = 15_000;
/** Every call of a connector returns within this. */
const MOST_REQUEST_MS = 30_000;
/** How long after its deadline a cancelled run may go on before people are asked. */
const CANCEL_GRACE_MS = 600_000;

/**
 * Moves one action by one call. Never throws: what failed is logged, and tried again later. False when not even that could be
 * written down: the row is as due as before, and whoever moves it is to rest first.
 */
export async function moveAction(world: World, row: ActionRow): Promise<boolean> {
  try {
    await move(world, row);
    return true;
  } catch (error) {
    const about = actionIds(world, row);
    world.log.warn({ ...about, error: messageOf(error) }, 'effect call failed');
    // While it is starting, `polls` counts the times that nothing was found, and nothing else; the row may be starting by now.
    const polls = row.state === 'intended' ? 0 : row.state === 'starting' ? row.polls : row.polls + 1;
    try {
      await postpone(world, row, backoff(row.polls), polls);
      return true;
    } catch (again) {
      world.log.error({ ...about, error: messageOf(again) }, 'action could not be postponed');
      return false;
    }
  }
}

function move(world: World, row: ActionRow): Promise<void> {
  if (row.state === 'intended') return start(world, row);
  // Without a handle there is nothing to poll: a person asked to look again at what could not be told.
  if (row.state === 'starting' || row.handle === undefined) return recover(world, row);
  return poll(world, row);
}

/** intended → starting: the lease and the full check once more, in one transaction; then the effect, outside of it. */
async function start(world: World, row: ActionRow): Promise<void> {
  const { id, attempt, key } = row.action;
  const begun = world.realClock();
  const until = begun + leaseMs(world);
  const granted = await world.store.transaction(async tx => {
    const target = await tx.target(row.chain);
    const now = await tx.action(key);
    if (!target || now?.state !== 'intended') return undefined;
    const taken = await take(world, tx, now, begun, until);
    if (!taken) return undefined;
    const derived = await stepStart(world, tx, target, { action: id, attempt });
    if (derived.some(body => body.kind === 'withdrawn' && body.action === id)) return undefined;
    await tx.updateAction(key, { state: 'starting', dueAt: until + requestMs(row), polls: 0 });
    return taken;
  });
  if (granted) await send(world, granted, until);
}

/**
 * After a crash, by whoever knows that nobody else is at it and that whoever was is dead: what was being started, or runs, is asked
 * about at once. Whether it is absent is asked from the beginning: it may only just have been begun.
 */
export async function resumeEffects(store: Store): Promise<void> {
  const rows = await store.actions({ live: true });
  await store.transaction(async tx => {
    for (const { action, state } of rows) {
      if (state !== 'starting' && state !== 'started') continue;
      const change = { dueAt: 0, leaseUntil: 0, ...(state === 'starting' ? { polls: 0 } : {}) };
      await tx.updateAction(action.key, change);
    }
  });
}

type Takes = Parameters<Parameters<World['store']['transaction']>[0]>[0];

function take(world: World, tx: Takes, row: ActionRow, now: number, until: number) {
  return tx.takeAction(row.action.key, { epoch: row.epoch, now, until, owner: ownerOf(world) });
}

/**
 * The request goes out only while the lease lasts, by a clock that goes on while this process is stopped: who takes over waits
 * for the lease and for the longest that a request may take, and then asks whether the effect began.
 */
async function send(world: World, row: ActionRow, until: number): Promise<void> {
  const { action } = row;
  const about = actionIds(world, row);
  const effect = effectOf(world, row);
  if (world.realClock() >= until) {
    world.log.warn(about, 'lease ran out before the start: whoever takes over asks what became of it');
    return;
  }
  let handle: Json;
  try {
    handle = await effect.start(action);
  } catch (error) {
    if (error instanceof PortError && error.retry === 'never')
      return settle(world, row, 'failed', { message: error.message });
    // Whether it began is not known: `find` will say.
    world.log.warn({ ...about, error: messageOf(error) }, 'start was not confirmed');
    return letGo(world, row);
  }
  await started(world, row, handle).catch(async error => {
    world.log.warn({ ...about, error: messageOf(error) }, 'start was not recorded');
    await letGo(world, row);
  });
}

/** The call is over: whoever comes next need not wait for the lease to ask about the key. */
async function letGo(world: World, row: ActionRow): Promise<void> {
  const dueAt = world.realClock() + BACKOFF_MS.first;
  await update(world, row, { dueAt, polls: 0, leaseUntil: 0 });
}

function started(world: World, row: ActionRow, handle: Json): Promise<void> {
  const { id: action, attempt } = row.action;
  return report(world, row, { kind: 'started', action, attempt, handle });
}

/** After a crash between intent and answer: the connector is asked about the key before anything is repeated. */
async function recover(world: World, before: ActionRow): Promise<void> {
  const now = world.realClock();
  const row = await world.store.transaction(tx => take(world, tx, before, now, now + leaseMs(world)));
  // Somebody else works on it, or still has the lease.
  if (!row) return;
  const effect = effectOf(world, row);
  const { id: action, attempt } = row.action;
  const found = await effect.find(row.action);
  if (found.state === 'found') return started(world, row, found.handle);
  if (found.state === 'cannot-tell')
    return report(world, row, { kind: 'cannot-tell', action, attempt, message: found.message });
  const settled = effect.settleAfterMs === 0 || row.polls > 0;
  if (settled) return report(world, row, { kind: 'absent', action, attempt });
  const dueAt = world.realClock() + effect.settleAfterMs;
  await update(world, row, { dueAt, polls: row.polls + 1, leaseUntil: 0 });
}

/** Where several may poll, one does at a time. */
async function poll(world: World, before: ActionRow): Promise<void> {
  const now = world.realClock();
  const row = world.replica
    ? await world.store.transaction(tx => take(world, tx, before, now, now + requestMs(before)))
    : before;
  if (!row) return;
  const effect = effectOf(world, row);
  const handle = row.handle ?? null;
  const overdueMs = row.action.deadline === undefined ? 0 : world.clock() - row.action.deadline;
  const late = overdueMs > 0;
  if (row.cancelRequested || late) await effect.cancel(row.action, handle);
  const answer = await effect.poll(row.action, handle);
  switch (answer.state) {
    case 'running':
      if (overdueMs > CANCEL_GRACE_MS)
        return settle(world, row, 'lost', {
          message: `its deadline passed ${Math.round(overdueMs / 60_000)} min ago, and its cancellation is not confirmed`,
        });
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

function settle(
  world: World,
  row: ActionRow,
  outcome: Outcome,
  more: Pick<Extract<Input, { kind: 'outcome' }>, 'outputs' | 'message' | 'repeatable'>,
): Promise<void> {
  const { id: action, attempt } = row.action;
  return report(world, row, { kind: 'outcome', action, attempt, outcome, ...more });
}

function effectOf(world: World, row: ActionRow) {
  return world.effectFor(row.action.call.capability, row.action.connection);
}

type Change = Parameters<Takes['updateAction']>[1];

/** Not while somebody else has the lease: who wakes up late must not take it from whoever took over. */
async function update(world: World, { action: { key } }: ActionRow, change: Change): Promise<void> {
  await world.store.transaction(async tx => {
    const now = await tx.action(key);
    const others = now?.owner !== ownerOf(world) && (now?.leaseUntil ?? 0) > world.realClock();
    if (!others) await tx.updateAction(key, change);
  });
}

function ownerOf(world: World): string {
  return world.replica?.id ?? 'engine';
}

function postpone(world: World, row: ActionRow, byMs: number, polls = row.polls + 1): Promise<void> {
  return update(world, row, { dueAt: world.realClock() + byMs, polls, leaseUntil: 0 });
}

function leaseMs(world: World): number {
  return world.replica?.leaseMs ?? LEASE_MS;
}

/** The longest that a request of its connection may take. */
function requestMs({ action }: ActionRow): number {
  return Math.min(action.connection.limits.timeoutMs, MOST_REQUEST_MS);
}

function backoff(polls: number): number {
  return Math.min(BACKOFF_MS.first * 2 ** Math.min(polls, 10), BACKOFF_MS.max);
}
