/** An observation with an `every` of its own, through the driver and a real store: asked seldom, and part of every snapshot. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendInput, tick } from '../../src/engine/drive.ts';
import { look } from '../../src/engine/look.ts';
import { slotOf } from '../../src/engine/schedule.ts';
import type { World } from '../../src/engine/world.ts';
import type { ClosedPolicy } from '../../src/model.ts';
import { CHAIN, DAY, HOUR, observes, policyOf } from './closed-policy.ts';
import { enforce, type OpenStore, type Outside, openStore, outside, worldOf } from './outside.ts';
import { PERSON } from './simulation.ts';

const seldom = { everyMs: 6 * HOUR, windowMs: DAY };
const policy = policyOf({ observe: { psi: observes('psi'), slow: observes('slow', seldom) } });

let folder: string;
let store: OpenStore;
let to: Outside;
let asked: string[];
let world: World;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-every-'));
  store = await openStore(join(folder, 'state.sqlite'));
  to = outside();
  to.values.slow = () => to.now;
  asked = [];
  const plain = worldOf(to, store);
  world = {
    ...plain,
    queryData: (connection, query) => {
      asked.push('sql' in query ? query.sql : query.promql);
      return plain.queryData(connection, query);
    },
  };
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Ticks every hour; what `slow` was in the snapshots. */
async function hours(count: number, of: ClosedPolicy = policy): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (let hour = 0; hour < count; hour++) {
    to.now += HOUR;
    await tick(world, CHAIN);
    const [row] = await store.observationsOf(CHAIN, { name: 'slow', limit: 1 });
    expect(row?.takenAt).toBe(to.now);
    seen.push(row?.observation.readings[0]?.fields.value);
  }
  expect((await store.last(CHAIN))?.closures).toEqual({ p: of.closureHash });
  return seen;
}

const times = (name: string) => asked.filter(one => one === `select ${name}`).length;

/** Just after a slot of the slow observation. */
async function atSlot(): Promise<void> {
  to.now = slotOf(policy, 6 * HOUR, to.now) + 6 * HOUR;
  await enforce(world, [policy]);
  await tick(world, CHAIN);
  asked = [];
}

test('it is asked once in its slot, and stands in the snapshots between', async () => {
  await atSlot();
  const begin = to.now;
  const seen = await hours(12);
  expect([times('psi'), times('slow')]).toEqual([12, 2]);
  const [slot, next] = [begin, begin + 6 * HOUR];
  expect(seen).toEqual([...Array(5).fill(slot), ...Array(6).fill(next), next + 6 * HOUR]);
});

test('a plan, and a reconcile that a person asks for, ask anew', async () => {
  await atSlot();
  to.now += HOUR;
  await look(world, CHAIN, { all: true });
  expect(times('slow')).toBe(1);
  await appendInput(world, CHAIN, { kind: 'request', request: 'r', what: 'reconcile', by: PERSON });
  await tick(world, CHAIN);
  expect(times('slow')).toBe(2);
});

test('an answer to another question is not used, nor one that is unknown', async () => {
  await atSlot();
  const other = policyOf({
    ...policy,
    observe: { ...policy.observe, slow: observes('slow', { ...seldom, windowMs: 2 * DAY }) },
  });
  await enforce(world, [other], { ...policy.commit, sha: 'c2' });
  await hours(2, other);
  expect(times('slow')).toBe(1);
  to.values.slow = Number.NaN;
  to.now += 6 * HOUR;
  await tick(world, CHAIN);
  asked = [];
  await hours(2, other);
  expect(times('slow')).toBe(2);
});
