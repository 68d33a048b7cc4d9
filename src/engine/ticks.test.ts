/** Many targets at once over the real store: quiet ones share a transaction, and none waits for another's trouble. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMIT, HOUR, observes, policyOf } from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  worldOf,
} from '../../test/core/outside.ts';
import type { ClosedPolicy, Json, Want } from '../model.ts';
import { emptyOwn } from './fold.ts';
import { chainOf } from './ids.ts';
import { run } from './reconcile.ts';
import { tickMany } from './ticks.ts';
import type { World } from './world.ts';

const FLEET = Array.from({ length: 20 }, (_, index) => `model/m${index}`);

let folder: string;
let store: OpenStore;
let to: Outside;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-ticks-'));
  store = await openStore(join(folder, 'state.db'));
  to = outside();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

function policyAbout(chain: string): ClosedPolicy {
  const policy = policyOf({ observe: { psi: observes('psi') } });
  return { ...policy, target: { kind: 'model', name: chain.slice('model/'.length) } };
}

/** All targets are quiet unless `values` says otherwise, by chain. */
async function fleet(values: (chain: string) => number | Promise<number> = () => 0.1): Promise<World> {
  const world: World = {
    ...worldOf(to, store),
    takeObservation: async ({ name, request }: Extract<Want, { request: unknown }>) => ({
      name,
      evaluator: 'query',
      unit: 'number',
      definition: '',
      vector: false,
      readings: [{ labels: {}, fields: { value: await values(chainOf(request.target)) } }],
    }),
  };
  await enforce(world, FLEET.map(policyAbout));
  // The first tick of each says what state its rule is in; the next ones are quiet.
  await tickMany(world, FLEET);
  to.now += HOUR;
  return world;
}

function counting(world: World): { readonly world: World; readonly transactions: () => number } {
  let transactions = 0;
  const counted: World = {
    ...world,
    store: {
      ...store,
      transaction: work => {
        transactions++;
        return store.transaction(work);
      },
    },
  };
  return { world: counted, transactions: () => transactions };
}

const takenAt = async () => (await store.targets()).map(row => row.lastTakenAt);

describe('quiet targets', () => {
  test('are committed together: one transaction, no entry, each looked at', async () => {
    const { world, transactions } = counting(await fleet());
    const heads = (await store.targets()).map(row => row.head);
    expect(await tickMany(world, FLEET)).toEqual([]);
    expect(transactions()).toBe(1);
    expect((await store.targets()).map(row => row.head)).toEqual(heads);
    expect(new Set(await takenAt())).toEqual(new Set([to.now]));
  });

  test('give what ticks one by one give', async () => {
    const together = await fleet();
    await tickMany(together, FLEET);
    const rows = await store.targets();
    const observed = await store.observationsOf('model/m3', {});
    await store.close();
    store = await openStore(join(folder, 'other.db'));
    to = outside();
    const { tick } = await import('./drive.ts');
    const apart = await fleet();
    for (const chain of FLEET) await tick(apart, chain);
    expect(await store.targets()).toEqual(rows);
    expect(await store.observationsOf('model/m3', {})).toEqual(observed);
  });

  test('whose row moved meanwhile are looked at again, and the others are not', async () => {
    let looks = 0;
    const world = await fleet(async chain => {
      looks++;
      // An input arrives between look and commit.
      if (chain === 'model/m7' && looks <= FLEET.length * 2) {
        await store.transaction(tx => tx.setDue(chain, 0));
      }
      return 0.1;
    });
    looks = FLEET.length;
    await tickMany(world, FLEET);
    expect(looks).toBe(FLEET.length * 2 + 1);
    expect(new Set(await takenAt())).toEqual(new Set([to.now]));
  });

  test('are all looked at again when a fact that they read came meanwhile, and not for another one', async () => {
    let looks = 0;
    const world = await fleet(() => {
      looks++;
      return 0.1;
    });
    const meanwhile = async (key: string, value: Json) => {
      looks = 0;
      await tickMany(saying(key, value), FLEET);
      to.now += HOUR;
      return looks;
    };
    const saying = (key: string, value: Json): World => ({
      ...world,
      store: {
        ...store,
        transaction: async work => {
          if (looks === FLEET.length) {
            looks++;
            await store.transaction(tx => tx.setFact(key, value));
          }
          return store.transaction(work);
        },
      },
    });
    // Quiet targets have nothing to pause; that their connection answers they do depend on.
    expect(await meanwhile('pause:all', { by: 'ana', reason: 'storm', at: 1 })).toBe(FLEET.length + 1);
    expect(await meanwhile('connection:warehouse', null)).toBe(FLEET.length * 2 + 1);
  });
});

test('P54: thousands of quiet targets are looked at in groups, and the ledger does not grow', async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `model/n${index}`);
  const { world, transactions } = counting(await fleet());
  const policies = many.map(policyAbout);
  await store.transaction(async tx => {
    await tx.setRevision({ commit: { ...COMMIT, sha: 'c2' }, policies }, COMMIT.sha);
    for (const { target } of policies) {
      await tx.append({ target, bodies: [], at: to.now, own: emptyOwn(target), dueAt: 0 });
    }
  });
  await tickMany(world, many);
  to.now += HOUR;
  const heads = (await store.targets()).map(row => row.head);
  const before = transactions();
  await tickMany(world, many);
  expect(transactions() - before).toBeLessThan(many.length / 16);
  expect((await store.targets()).map(row => row.head)).toEqual(heads);
  expect([...(await store.dueTargets(to.now))].sort()).toEqual([...FLEET].sort());
});

test('P28, P41: a target that cannot be looked at stops no other, and is left alone for a moment', async () => {
  let broken = false;
  const world = await fleet(chain => {
    if (broken && chain === 'model/m4') throw new Error('its evaluator is broken');
    return 0.1;
  });
  broken = true;
  await tickMany(world, FLEET);
  const rows = await store.targets();
  const late = rows.filter(row => row.lastTakenAt !== to.now);
  expect(late.map(row => row.target.name)).toEqual(['m4']);
  expect(late[0]?.dueAt).toBe(to.now + 1000);
});

test('P41: a target that is slow keeps nobody waiting', async () => {
  let slow = false;
  let answer = (_: number) => {};
  const world = await fleet(chain => {
    if (slow && chain === 'model/m0') return new Promise<number>(resolve => (answer = resolve));
    return 0.1;
  });
  slow = true;
  let stop = false;
  const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, Math.min(ms, 5)));
  const running = run(world, { pause, stopped: () => stop, restMs: 5 });
  const others = async () => {
    const rows = await store.targets();
    return rows.filter(row => row.target.name !== 'm0').every(row => row.lastTakenAt === to.now);
  };
  // Two rounds go by for all others while the first look at one is not answered.
  for (let round = 0; round < 2; round++) {
    while (!(await others())) await pause(5);
    if (round === 0) to.now += HOUR;
  }
  expect((await store.target('model/m0'))?.lastTakenAt).toBe(to.now - 2 * HOUR);
  answer(0.1);
  stop = true;
  await running;
});

test('only what is derived is committed alone', async () => {
  let drifted = false;
  const world = await fleet(chain => (drifted && chain === 'model/m2' ? 0.9 : 0.1));
  drifted = true;
  const counted = counting(world);
  expect(await tickMany(counted.world, FLEET)).toEqual(['model/m2']);
  expect(counted.transactions()).toBeLessThanOrEqual(3);
  const opened = await store.entries({ chain: 'model/m2', kinds: ['episode-opened'] });
  expect(opened).toHaveLength(1);
});
