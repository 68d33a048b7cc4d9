/** The loop over the real store and an outside that keeps state: effects, cancels, what cannot be told, what is absent. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CHAIN,
  compares,
  condition,
  doing,
  HOUR,
  observes,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  settle,
  worldOf,
} from '../../test/core/outside.ts';
import type { Effect, EntryBody, Input, Principal } from '../model.ts';
import { appendInput, tick } from './drive.ts';
import { effectDue, run, settleAll, tickDue } from './reconcile.ts';
import type { World } from './world.ts';

const PERSON: Principal = { name: 'ben', door: 'cli', authenticated: true };
const observe = { psi: observes('psi'), perf: observes('perf') };
const retrains = policyOf({ observe, rule: doing([RETRAIN]) });

let folder: string;
let store: OpenStore;
let to: Outside;
let world: World;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-drive-'));
  store = await openStore(join(folder, 'state.sqlite'));
  to = outside();
  world = worldOf(to, store);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function bodies(): Promise<readonly EntryBody[]> {
  return (await store.entries({ chain: CHAIN })).map(entry => entry.body);
}

async function kinds(): Promise<readonly string[]> {
  return (await bodies()).map(body => body.kind);
}

const reconcile: Input = { kind: 'request', request: 'r1', what: 'reconcile', by: PERSON };

describe('the loop', () => {
  test('works until nothing is due, by real time alone', async () => {
    await enforce(world, [retrains]);
    await settle(world, to);
    expect(to.capabilities).toEqual(['pipeline.run']);
    expect(await kinds()).toEqual(expect.arrayContaining(['intent', 'start-due', 'started', 'outcome']));
    expect(await store.actions({ live: true })).toEqual([]);
    expect(await store.factsWithPrefix('lock:')).toEqual({});
  });

  test('an input at a standing clock does not make it spin', async () => {
    await enforce(world, [policyOf({ observe, rule: doing([RETRAIN], { forMs: 50 * HOUR }) })]);
    await tick(world, CHAIN);
    to.now += 5 * HOUR;
    await appendInput(world, CHAIN, reconcile);
    let looked = 0;
    for (let round = 0; round < 20; round++) looked += await tickDue(world);
    expect(looked).toBeLessThan(5);
  });

  test('a cancelled run: the connector is told, and the sequence stalls', async () => {
    await enforce(world, [retrains]);
    await tickDue(world);
    await effectDue(world);
    const [row] = await store.actions({ live: true });
    await appendInput(world, CHAIN, { kind: 'cancel', action: row?.action.id ?? '', by: PERSON });
    const told: string[] = [];
    const effect = {
      ...world.effectFor('pipeline.run', row!.action.connection),
      cancel: async () => {
        told.push('cancel');
      },
      poll: async () => ({ state: 'cancelled' as const }),
    };
    const cancelling = { ...world, effectFor: () => effect };
    await settle(cancelling, to);
    expect(told).toEqual(['cancel']);
    expect((await bodies()).filter(body => body.kind === 'stalled')).toMatchObject([{ reason: 'cancelled' }]);
  });

  test('what cannot be told becomes unresolved, keeps its lock, pages, and is settled by a person', async () => {
    await enforce(world, [retrains]);
    const silent = {
      ...world.effectFor('pipeline.run', retrains.documents.connections.local!),
      start: async () => Promise.reject(new Error('no answer')),
      find: async () => ({ state: 'cannot-tell' as const, message: 'two runs of that name' }),
    };
    const mute: World = {
      ...world,
      effectFor: (capability, connection) =>
        capability === 'pipeline.run' ? silent : world.effectFor(capability, connection),
    };
    await settle(mute, to);
    expect((await kinds()).filter(kind => kind === 'unresolved')).toHaveLength(1);
    const actions = await store.actions({});
    expect(actions.map(row => `${row.action.verb} ${row.state}`).sort()).toEqual([
      'escalate succeeded',
      'retrain unresolved',
    ]);
    expect(await store.factsWithPrefix('lock:')).toHaveProperty('lock:local/train');
    const action = actions.find(row => row.state === 'unresolved')!.action.id;
    await appendInput(mute, CHAIN, { kind: 'resolve', action, as: 'failed', by: PERSON });
    await settle(mute, to);
    expect(await store.factsWithPrefix('lock:')).toEqual({});
    expect((await bodies()).filter(body => body.kind === 'stalled')).toMatchObject([
      { reason: 'step-failed' },
    ]);
  });

  test('a rollback that ends gives the subject back to what it took it from, while nobody knows the end of that', async () => {
    to.values.perf = 0.1;
    const back = {
      ...doing([stepOf('rollback', { version: 'v0' })]),
      when: condition(compares('perf', '>', 0.8)),
    };
    const promotes = policyOf({ observe, rule: doing([stepOf('promote', { version: 'v2' })]) });
    await enforce(world, [promotes, policyOf({ policy: 'back', observe, rule: back })]);
    const lost: World = {
      ...world,
      effectFor: (capability, connection) => {
        const effect = world.effectFor(capability, connection);
        const poll: Effect['poll'] = async (action, handle) =>
          action.verb === 'promote'
            ? { state: 'lost', message: 'nobody knows' }
            : effect.poll(action, handle);
        return { ...effect, poll };
      },
    };
    await settle(lost, to);
    const [promote] = (await store.actions({ live: true })).filter(row => row.state === 'unresolved');
    const holder = async () =>
      (await store.facts(['lock:local/serving/late']))['lock:local/serving/late']?.value;
    expect(await holder()).toMatchObject({ action: promote?.action.id, verb: 'promote' });
    to.values.perf = 0.9;
    for (let hour = 0; hour < 3; hour++) {
      to.now += HOUR;
      await settle(lost, to);
    }
    const rollbacks = (await store.actions({})).filter(row => row.action.verb === 'rollback');
    expect(rollbacks.map(row => row.state)).toContain('succeeded');
    expect(await holder()).toMatchObject({ action: promote?.action.id, verb: 'promote' });
    expect((await store.rebuild()).differences).toEqual([]);
    await appendInput(world, CHAIN, {
      kind: 'resolve',
      action: promote!.action.id,
      as: 'failed',
      by: PERSON,
    });
    expect(await holder()).toBeNull();
  });

  test('absent is believed only after settleAfter, then the same key is started', async () => {
    await enforce(world, [retrains]);
    const plain = world.effectFor('pipeline.run', retrains.documents.connections.local!);
    const starts: number[] = [];
    const finds: number[] = [];
    const flaky = {
      ...plain,
      start: async (action: Parameters<typeof plain.start>[0]) => {
        starts.push(to.real);
        if (starts.length === 1) throw new Error('connection reset');
        return plain.start(action);
      },
      find: async (action: Parameters<typeof plain.find>[0]) => {
        finds.push(to.real);
        if (finds.length === 1) throw new Error('connection refused');
        return plain.find(action);
      },
    };
    const world2 = { ...world, effectFor: () => flaky };
    await settle(world2, to);
    expect(finds).toHaveLength(3);
    expect(finds[2]! - finds[1]!).toBeGreaterThanOrEqual(plain.settleAfterMs);
    expect([...to.begun.values()]).toEqual([1]);
    expect((await kinds()).filter(kind => kind === 'intent' || kind === 'absent')).toEqual([
      'intent',
      'absent',
    ]);
  });

  test('who could not write down that a key cannot be asked about does not ask on and on while the lease lasts', async () => {
    await enforce(world, [retrains]);
    const plain = world.effectFor('pipeline.run', retrains.documents.connections.local!);
    let failing = false;
    let finds = 0;
    const flaky: World = {
      ...world,
      effectFor: () => ({
        ...plain,
        start: () => Promise.reject(new Error('no answer')),
        find: async action => {
          finds++;
          if (finds > 1) return plain.find(action);
          failing = true;
          throw new Error('no answer');
        },
      }),
      store: {
        ...store,
        transaction: async work => {
          if (failing) throw new Error('the state is gone for a moment');
          return store.transaction(work);
        },
      },
    };
    for (let round = 0; finds === 0; round++) {
      expect(round).toBeLessThan(20);
      await tickDue(flaky);
      await effectDue(flaky);
      to.real += 1000;
    }
    failing = false;
    const [row] = await store.actions({ live: true });
    expect(row?.dueAt).toBeLessThan(to.real);
    expect(row?.leaseUntil).toBeGreaterThan(to.real);
    expect(await effectDue(flaky)).toBe(0);
    let rounds = 0;
    const pause = async (ms: number) => {
      to.real += ms;
    };
    await settleAll(flaky, pause, () => ++rounds > 100 || finds > 1);
    expect(finds).toBe(2);
    expect(to.real).toBeGreaterThanOrEqual(row?.leaseUntil ?? 0);
  });

  test.each(['run', 'settleAll'] as const)(
    'a state that takes no writes makes %s rest, not spin',
    async how => {
      await enforce(world, [retrains]);
      await tick(world, CHAIN);
      expect(await store.dueTargets(to.now)).toEqual([CHAIN]);
      expect(await store.dueActions(to.real)).toHaveLength(1);
      let tried = 0;
      let rests = 0;
      const full: World = {
        ...world,
        store: {
          ...store,
          transaction: async () => {
            tried++;
            throw new Error('the disk is full');
          },
        },
      };
      const pause = (ms: number) => {
        if (ms >= 1000) rests++;
        return new Promise<void>(resolve => setImmediate(resolve));
      };
      const stopped = () => rests >= 10 || tried > 500;
      if (how === 'run') await run(full, { pause, stopped, restMs: 5 });
      else await settleAll(full, pause, stopped);
      expect(rests).toBeGreaterThanOrEqual(10);
      expect(tried).toBeLessThan(100);
      await settle(world, to);
      expect(to.capabilities).toEqual(['pipeline.run']);
    },
  );

  test('one failing target never stops another, and one failing policy is named', async () => {
    const nonsense = { text: '', logic: { nonsense: [1] }, position: { file: 'x', line: 1, column: 1 } };
    const broken = policyOf({ policy: 'broken', rules: [ruleOf({ when: nonsense })] });
    await enforce(world, [broken, retrains]);
    await tickDue(world);
    expect(await kinds()).toContain('intent');
    expect((await store.last(CHAIN))?.problems).toMatchObject([{ policy: 'broken' }]);
  });
});
