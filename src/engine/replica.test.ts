/** Several replicas on one state, with hints that get lost, come twice and come to the wrong one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { doing, HOUR, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  worldOf,
} from '../../test/core/outside.ts';
import type { ClosedPolicy, Want } from '../model.ts';
import { chainOf } from './ids.ts';
import { DEAD_MS, type HandOut, type ReplicaTasks, replicaTasks, runReplica } from './replica.ts';
import type { World } from './world.ts';

const LEASE = 10_000;
const FLEET = Array.from({ length: 150 }, (_, index) => `model/m${index}`);

let folder: string;
let store: OpenStore;
let to: Outside;
let looks: Map<string, number>;
let drifted: Set<string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-replica-'));
  store = await openStore(join(folder, 'state.db'));
  to = outside();
  looks = new Map();
  drifted = new Set();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Each model has a pipeline of its own, so that no two of them share a subject. */
function policyAbout(chain: string): ClosedPolicy {
  const name = chain.slice('model/'.length);
  const policy = policyOf({ observe: { psi: observes('psi') }, rule: doing([RETRAIN]) });
  const { model } = policy.documents;
  const train = model?.pipelines.train;
  if (!model || !train) throw new Error('no pipeline');
  const pipelines = { train: { ...train, id: `train_${name}` } };
  return {
    ...policy,
    target: { kind: 'model', name },
    documents: { ...policy.documents, model: { ...model, name, pipelines } },
  };
}

function worldFor(id: string): World {
  return {
    ...worldOf(to, store),
    replica: { id, leaseMs: LEASE },
    takeObservation: async ({ name, request }: Extract<Want, { request: unknown }>) => {
      const chain = chainOf(request.target);
      looks.set(chain, (looks.get(chain) ?? 0) + 1);
      return {
        name,
        evaluator: 'query',
        unit: 'number',
        definition: '',
        vector: false,
        readings: [{ labels: {}, fields: { value: drifted.has(chain) ? 0.9 : 0.1 } }],
      };
    },
  };
}

type Hint = (tasks: ReplicaTasks) => Promise<void>;

/** Hints in a list, for the test to give to whom it likes; `times` are those that actions are hinted at for. */
function hints(): HandOut & {
  readonly given: Hint[];
  readonly unlocked: string[];
  readonly times: (number | undefined)[];
} {
  const given: Hint[] = [];
  const times: (number | undefined)[] = [];
  const unlocked: string[] = [];
  return {
    given,
    unlocked,
    times,
    hint: async ({ targets = 0, actions = [] }) => {
      for (let count = 0; count < targets; count++) given.push(tasks => tasks.reconcile());
      for (const { key, at } of actions) {
        given.push(tasks => tasks.effect(key));
        times.push(at);
      }
    },
    unlock: async replicas => void unlocked.push(...replicas),
  };
}

/** One sweep of a replica, and no more. */
async function sweepOnce(world: World, handOut: HandOut, id: string): Promise<void> {
  let swept = false;
  const running = {
    pause: async () => {
      swept = true;
    },
    stopped: () => swept,
    restMs: 0,
  };
  const replica = { id, host: 'here', pid: 1, version: 'test', startedAt: 0 };
  const kept = {
    ...world,
    store: {
      ...store,
      beat: async (...args: Parameters<typeof store.beat>) =>
        args[1] && args[0].id === id ? undefined : store.beat(...args),
    },
  };
  await runReplica(kept, handOut, replica, running);
}

test('P38: replicas share the targets: each is looked at by one of them, once a slot', async () => {
  const worlds = ['a', 'b', 'c'].map(worldFor);
  const handOut = hints();
  const tasks = worlds.map((world, index) => replicaTasks(world, handOut, `${index}`, LEASE, () => false));
  await enforce(worldFor('x'), FLEET.map(policyAbout));
  for (let slot = 1; slot <= 3; slot++) {
    // Everybody is woken at once, as by hints that were given three times over.
    await Promise.all(tasks.map(one => one.reconcile()));
    await Promise.all(tasks.map(one => one.reconcile()));
    const rows = await store.targets();
    expect(new Set(rows.map(row => row.lastTakenAt))).toEqual(new Set([to.now]));
    // The first look writes in which state the rule is, and is followed by one that finds nothing more to say.
    expect(new Set(looks.values())).toEqual(new Set([slot === 1 ? 1 : slot]));
    to.now += HOUR;
  }
});

describe('hints', () => {
  test('that are lost, doubled and given to anyone change nothing of what is done', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.record({ lost: fc.boolean(), twice: fc.boolean(), who: fc.nat(2) })),
        async fates => {
          await store.close();
          await rm(join(folder, 'state.db'), { force: true });
          for (const more of ['-wal', '-shm']) await rm(join(folder, `state.db${more}`), { force: true });
          store = await openStore(join(folder, 'state.db'));
          to = outside();
          looks = new Map();
          const fleet = FLEET.slice(0, 6);
          drifted = new Set(fleet.slice(0, 3));
          const handOut = hints();
          const worlds = ['a', 'b', 'c'].map(worldFor);
          const tasks = worlds.map((world, index) =>
            replicaTasks(world, handOut, `${index}`, LEASE, () => false),
          );
          await enforce(worldFor('x'), fleet.map(policyAbout));
          for (let round = 0; round < 60; round++) {
            await sweepOnce(worlds[round % 3] as World, handOut, 'abc'[round % 3] as string);
            for (const hint of handOut.given.splice(0)) {
              const { lost, twice, who } = fates.next().value;
              // Half of them are lost, but never for ever: the sweeps go on.
              if (lost && round < 40) continue;
              const one = tasks[who] as ReplicaTasks;
              await Promise.all(
                twice ? [hint(one), hint(tasks[(who + 1) % 3] as ReplicaTasks)] : [hint(one)],
              );
            }
            to.real += 1000;
          }
          const done = (await store.actions({})).map(
            ({ action, state }) => `${action.target.name} ${action.verb} ${state}`,
          );
          expect(done.sort()).toEqual(['m0', 'm1', 'm2'].map(name => `${name} retrain succeeded`));
          expect([...to.begun.values()]).toEqual([1, 1, 1]);
          expect((await store.verify()).ok).toBe(true);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('are not given over and over for an action that another one is polling', async () => {
    const world = worldFor('second');
    const handOut = hints();
    await enforce(world, FLEET.slice(0, 1).map(policyAbout));
    drifted = new Set(FLEET.slice(0, 1));
    const tasks = replicaTasks(world, handOut, 'second', LEASE, () => false);
    for (let round = 0; round < 3; round++) await tasks.reconcile();
    const [row] = await store.actions({});
    if (!row) throw new Error('nothing was begun');
    await tasks.effect(row.action.key);
    const until = to.real + LEASE;
    await store.transaction(async tx => {
      await tx.updateAction(row.action.key, { dueAt: 0 });
      const now = await tx.action(row.action.key);
      await tx.takeAction(row.action.key, { epoch: now?.epoch ?? 0, now: to.real, until, owner: 'first' });
    });
    handOut.given.length = 0;
    handOut.times.length = 0;
    await tasks.effect(row.action.key);
    expect(handOut.given).toHaveLength(1);
    expect(handOut.times).toEqual([until]);
  });

  test('of a dead replica are given back, once, and its heartbeat goes', async () => {
    const handOut = hints();
    const beatAt = to.real;
    await store.beat({ id: 'dead', host: 'h', pid: 2, version: 'test', startedAt: 0, beatAt });
    await sweepOnce(worldFor('alive'), handOut, 'alive');
    expect(handOut.unlocked).toEqual([]);
    to.real += DEAD_MS + 1;
    await sweepOnce(worldFor('alive'), handOut, 'alive');
    await sweepOnce(worldFor('alive'), handOut, 'alive');
    expect(handOut.unlocked).toEqual(['dead']);
    expect((await store.replicas()).map(({ id }) => id)).toEqual(['alive']);
  });

  test('are given for what one claims and another one may not look at before the claim ends', async () => {
    const world = worldFor('second');
    const handOut = hints();
    await enforce(world, FLEET.slice(0, 1).map(policyAbout));
    const claim = { now: to.now, realNow: to.real, until: to.real + LEASE, limit: 10 };
    expect(await store.claimTargets({ ...claim, owner: 'first' })).toEqual(['model/m0']);
    // The first one dies here. Until its claim ends nobody looks; then the sweep's hint is enough.
    const tasks = replicaTasks(world, handOut, 'second', LEASE, () => false);
    const look = async () => {
      await sweepOnce(world, handOut, 'second');
      for (const hint of handOut.given.splice(0)) await hint(tasks);
      return looks.get('model/m0') ?? 0;
    };
    expect(await look()).toBe(0);
    to.real += LEASE - 1;
    expect(await look()).toBe(0);
    to.real += 1;
    expect(await look()).toBeGreaterThan(0);
  });
});
