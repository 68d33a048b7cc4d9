/** Leases on actions: who may start, who takes over, and what an answer is worth that comes too late. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHAIN, doing, HOUR, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  settle,
  worldOf,
} from '../../test/core/outside.ts';
import type { ActionRow, Effect, Principal } from '../model.ts';
import { appendInput } from './drive.ts';
import { moveAction, resumeEffects } from './effects.ts';
import { effectDue, tickDue } from './reconcile.ts';
import type { World } from './world.ts';

const PERSON: Principal = { name: 'ben', door: 'cli', authenticated: true };
const LEASE = 10_000;
/** Of the connection: how long a request may take. */
const REQUEST = 30_000;

let folder: string;
let store: OpenStore;
let to: Outside;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-lease-'));
  store = await openStore(join(folder, 'state.db'));
  to = outside();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** One of two engines on the same state, with calls of the effect in between where it is told. */
function replica(id: string, effect: Partial<Effect> = {}): World {
  const world = worldOf(to, store);
  const own = world.effectFor('pipeline.run', {} as never);
  return { ...world, replica: { id, leaseMs: LEASE }, effectFor: () => ({ ...own, ...effect }) };
}

/** A retraining that is intended and not begun. */
async function intended(step = RETRAIN): Promise<ActionRow> {
  const world = replica('first');
  await enforce(world, [policyOf({ rule: doing([step]) })]);
  for (let round = 0; round < 5; round++) await tickDue(world);
  return onlyAction();
}

async function onlyAction(): Promise<ActionRow> {
  const [row, ...more] = await store.actions({});
  expect(more).toEqual([]);
  if (!row) throw new Error('no action');
  return row;
}

const kinds = async () => (await store.entries({ chain: CHAIN })).map(({ body }) => body.kind);
const begun = () => [...to.begun.values()];

describe('a lease', () => {
  test('is taken with the check at start, and is over with the answer', async () => {
    const row = await intended();
    expect(row).toMatchObject({ state: 'intended', epoch: 0, leaseUntil: 0 });
    let during: ActionRow | undefined;
    const world = replica('first', {
      start: async action => {
        during = await onlyAction();
        return replica('first')
          .effectFor('pipeline.run', {} as never)
          .start(action);
      },
    });
    await moveAction(world, row);
    expect(during).toMatchObject({
      state: 'starting',
      epoch: 1,
      owner: 'first',
      leaseUntil: LEASE,
      dueAt: LEASE + REQUEST,
    });
    expect(await onlyAction()).toMatchObject({ state: 'started', epoch: 1, leaseUntil: 0 });
  });

  test('P24: lets one of two start: the other finds the row taken', async () => {
    const row = await intended();
    await Promise.all([moveAction(replica('first'), row), moveAction(replica('second'), row)]);
    expect(begun()).toEqual([1]);
    expect((await kinds()).filter(kind => kind === 'start-due')).toHaveLength(1);
  });

  test('P23: one who was stopped between lease and request sends nothing when it goes on', async () => {
    const row = await intended();
    const base = replica('first');
    let stopped = false;
    const world: World = {
      ...base,
      store: {
        ...store,
        // The process is stopped right after the transaction that granted the start.
        transaction: async work => {
          const result = await store.transaction(work);
          if (!stopped) to.real += LEASE + 1;
          stopped = true;
          return result;
        },
      },
    };
    await moveAction(world, row);
    expect(begun()).toEqual([]);
    expect(await onlyAction()).toMatchObject({ state: 'starting', owner: 'first' });
    // Another waits for the longest request, asks, finds nothing twice, and begins it.
    const second = replica('second');
    await settle(second, to);
    expect(begun()).toEqual([1]);
    expect((await onlyAction()).state).toBe('succeeded');
  });

  test('is not taken over while it lasts', async () => {
    const row = await intended();
    await moveAction(replica('first', { start: () => Promise.reject(new Error('no answer')) }), row);
    const starting = await onlyAction();
    await store.transaction(tx =>
      tx.updateAction(starting.action.key, { leaseUntil: to.real + LEASE, dueAt: 0 }),
    );
    const held = await onlyAction();
    await moveAction(replica('second', { find: () => Promise.reject(new Error('was asked')) }), held);
    expect(await onlyAction()).toMatchObject({ epoch: 1, owner: 'first' });
  });
});

test('a cancel while the request is on its way waits for its answer, or for the longest that it may take', async () => {
  const row = await intended();
  const asked: string[] = [];
  const second = replica('second', {
    find: async () => {
      asked.push('find');
      return { state: 'absent' };
    },
  });
  const slow = replica('first', {
    start: async action => {
      await appendInput(replica('second'), CHAIN, { kind: 'cancel', action: action.id, by: PERSON });
      to.real += LEASE;
      expect(await effectDue(second)).toBe(0);
      return replica('first')
        .effectFor('pipeline.run', {} as never)
        .start(action);
    },
  });
  await moveAction(slow, row);
  expect(asked).toEqual([]);
  expect(await onlyAction()).toMatchObject({ state: 'started', cancelRequested: true, dueAt: 0 });
  await moveAction(replica('first', { poll: async () => ({ state: 'cancelled' }) }), await onlyAction());
  expect(await onlyAction()).toMatchObject({ state: 'cancelled' });
  expect((await store.rebuild()).differences).toEqual([]);
});

test('P24: neither a cancel nor a restart makes absent be believed before its time', async () => {
  const row = await intended();
  const world = replica('first', {
    start: () => Promise.reject(new Error('the answer got lost')),
    find: async () => ({ state: 'absent' }),
  });
  await moveAction(world, row);
  to.real = (await onlyAction()).dueAt;
  await effectDue(world);
  const { dueAt } = await onlyAction();
  expect(await onlyAction()).toMatchObject({ state: 'starting', polls: 1, dueAt: to.real + 2000 });
  await appendInput(world, CHAIN, { kind: 'cancel', action: row.action.id, by: PERSON });
  expect(await onlyAction()).toMatchObject({ dueAt, cancelRequested: true });
  await resumeEffects(store);
  await effectDue(world);
  expect(await kinds()).not.toContain('absent');
  expect(await onlyAction()).toMatchObject({ state: 'starting', polls: 1, dueAt: to.real + 2000 });
});

test('an answer from who lost the lease is recorded as stale and decides nothing', async () => {
  const row = await intended();
  const slow = replica('first', {
    start: async action => {
      // While the request is out, its sender loses the row to another that finds nothing.
      to.real += LEASE + REQUEST + 1;
      await moveAction(replica('second'), await onlyAction());
      return replica('first')
        .effectFor('pipeline.run', {} as never)
        .start(action);
    },
  });
  await moveAction(slow, row);
  const late = (await store.entries({ chain: CHAIN, kinds: ['started'] })).map(({ body }) => body);
  expect(late).toMatchObject([{ kind: 'started', stale: true }]);
  expect(await onlyAction()).toMatchObject({ state: 'starting', epoch: 2, owner: 'second' });
  // The one that has the row asks once more, finds it, and it was begun once.
  await settle(replica('second'), to);
  expect(begun()).toEqual([1]);
  expect((await onlyAction()).state).toBe('succeeded');
  expect((await store.rebuild()).differences).toEqual([]);
});

test('who wakes up late leaves the lease to whoever took over', async () => {
  const row = await intended();
  let held: ActionRow | undefined;
  const slow = replica('first', {
    start: async () => {
      to.real += LEASE + REQUEST + 1;
      const now = to.real;
      const { epoch, action } = await onlyAction();
      const take = { epoch, now, until: now + LEASE, owner: 'second' };
      held = await store.transaction(tx => tx.takeAction(action.key, take));
      throw new Error('no answer');
    },
  });
  await moveAction(slow, row);
  expect(held).toMatchObject({ owner: 'second', epoch: 2, leaseUntil: to.real + LEASE });
  expect(await onlyAction()).toEqual(held);
});

test('a refusal from who lost the lease does not fail what another goes on with', async () => {
  const row = await intended();
  const { PortError } = await import('../model.ts');
  const slow = replica('first', {
    start: async () => {
      to.real += LEASE + REQUEST + 1;
      await moveAction(replica('second'), await onlyAction());
      throw new PortError('refused', { code: 'refused', retry: 'never', subject: 'local' });
    },
  });
  await moveAction(slow, row);
  await settle(replica('second'), to);
  expect((await onlyAction()).state).toBe('succeeded');
  expect(begun()).toEqual([1]);
});

test('P25: a run that goes on long after its deadline, whatever is asked of it, is given to people', async () => {
  const row = await intended({ ...RETRAIN, timeoutMs: HOUR });
  let cancels = 0;
  const world = replica('first', {
    poll: async () => ({ state: 'running' }),
    cancel: async () => {
      cancels++;
    },
  });
  await moveAction(world, row);
  const look = async () => {
    await moveAction(world, await onlyAction());
    return (await onlyAction()).state;
  };
  to.now += HOUR;
  expect([await look(), cancels]).toEqual(['started', 0]);
  to.now += 1;
  expect([await look(), cancels]).toEqual(['started', 1]);
  to.now += 11 * 60_000;
  await look();
  for (let round = 0; round < 3; round++) await tickDue(world);
  const [action] = (await store.actions({})).filter(one => one.action.verb === 'retrain');
  expect(action?.state).toBe('unresolved');
  expect(await kinds()).toContain('unresolved');
});

test('P24: after an answer that got lost, absent is believed only after its time, whatever else failed meanwhile', async () => {
  const row = await intended();
  const base = replica('first');
  const own = base.effectFor('pipeline.run', {} as never);
  let shownAt = Number.POSITIVE_INFINITY;
  let failing = false;
  const world: World = {
    ...base,
    // The other system has the run, but shows it only a while later; the answer does not come back.
    effectFor: () => ({
      ...own,
      start: async action => {
        await own.start(action);
        shownAt = to.real + 1500;
        failing = true;
        throw new Error('the answer got lost');
      },
      find: async action => (to.real < shownAt ? { state: 'absent' } : own.find(action)),
    }),
    store: {
      ...store,
      // The very next thing that is to be written down fails too.
      transaction: async work => {
        if (failing) {
          failing = false;
          throw new Error('the state is gone for a moment');
        }
        return store.transaction(work);
      },
    },
  };
  await moveAction(world, row);
  expect(await onlyAction()).toMatchObject({ state: 'starting', polls: 0 });
  await settle(world, to);
  expect(begun()).toEqual([1]);
  expect((await onlyAction()).state).toBe('succeeded');
});
