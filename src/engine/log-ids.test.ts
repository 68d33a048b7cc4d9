/** What goes wrong with a tick or a call is logged with every id that leads on from it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHAIN, COMMIT, doing, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import { enforce, type OpenStore, openStore, outside, worldOf } from '../../test/core/outside.ts';
import type { JsonObject } from '../model.ts';
import { tick } from './drive.ts';
import { effectDue } from './reconcile.ts';
import { tickMany } from './ticks.ts';
import type { World } from './world.ts';

let store: OpenStore;
let lines: [message: string, fields: JsonObject][];
let world: World;

beforeEach(async () => {
  store = await openStore(':memory:');
  lines = [];
  const note = (fields: JsonObject, message: string) => void lines.push([message, fields]);
  const plain = worldOf(outside(), store);
  world = {
    ...plain,
    replica: { id: 'host-7-ab', leaseMs: 15_000 },
    log: { info: note, warn: note, error: note },
    effectFor: (...of) => ({ ...plain.effectFor(...of), start: () => Promise.reject(new Error('cut off')) }),
  };
  await enforce(world, [policyOf({ observe: { psi: observes('psi') }, rule: doing([RETRAIN]) })]);
});
afterEach(() => store.close());

test('a call of an effect', async () => {
  await tick(world, CHAIN);
  await effectDue(world);
  const [row] = await store.actions({});
  const { id, key, origin, call } = row!.action;
  expect(lines).toEqual([
    [
      'start was not confirmed',
      {
        ...{ chain: CHAIN, action: id, attempt: 1, key, verb: 'retrain', subject: call.subject },
        ...{ policy: 'p', rule: 'main', episode: 'episode' in origin ? origin.episode : 0 },
        ...{ replica: 'host-7-ab', error: 'cut off' },
      },
    ],
  ]);
});

test('a tick', async () => {
  const broken: World = {
    ...world,
    readServing: () => Promise.reject(new Error('a bug')),
  };
  await tickMany(broken, [CHAIN]);
  expect(lines).toEqual([
    ['tick failed', { chain: CHAIN, commit: COMMIT.sha, replica: 'host-7-ab', error: 'a bug' }],
  ]);
});
