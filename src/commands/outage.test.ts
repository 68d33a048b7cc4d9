/** Outages over the real store: told once, by whoever starts first, and only when nobody ended in order. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emptyOwn, FOLD_VERSION, fold } from '../engine/fold.ts';
import type { Replica, Store } from '../model.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { NOTE_MS, noteEnded, noteWorking, tellOutage } from './outage.ts';

const NOON = Date.UTC(2026, 5, 15, 12);
const MINUTE = 60_000;
let store: Store;
let now: number;
const clock = () => now;

beforeEach(async () => {
  store = await openSqliteStore({ path: ':memory:', fold, emptyOwn, foldVersion: FOLD_VERSION });
  now = NOON;
});
afterEach(() => store.close());

const tell = () => tellOutage({ store, clock });

test('nothing is told at the first start, nor after an end in order', async () => {
  expect(await tell()).toBeUndefined();
  await noteWorking({ store, clock });
  await noteEnded({ store });
  now += 60 * MINUTE;
  expect(await tell()).toBeUndefined();
  expect(await store.messages({})).toEqual([]);
});

test('an end without a word is told from the last sign of work to the start, in ledger and outbox', async () => {
  await noteWorking({ store, clock });
  now += 90 * MINUTE;
  expect(await tell()).toEqual({ from: NOON, to: now });
  expect((await store.entries({ chain: 'fleet' })).map(one => one.body)).toEqual([
    { kind: 'gap', from: NOON, to: now },
  ]);
  expect(await store.messages({})).toEqual([
    {
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      at: now,
      severity: 'page',
      target: 'fleet',
      title: 'Nothing was enforced for 1h 30m',
      text: expect.stringMatching(/^From 2026-06-15 12:00:00 to 2026-06-15 13:30:00 UTC no engine worked/),
    },
  ]);
});

test('a short one is no alarm', async () => {
  await noteWorking({ store, clock });
  now += MINUTE;
  await tell();
  expect(await store.messages({})).toMatchObject([{ severity: 'info' }]);
});

test('P29 engines that start together tell it once, and the next outage again', async () => {
  await noteWorking({ store, clock });
  now += 5 * MINUTE;
  const told = await Promise.all([tell(), tell(), tell()]);
  expect(told.filter(one => one !== undefined)).toHaveLength(1);
  now += 1;
  expect(await tell()).toBeUndefined();
  await noteWorking({ store, clock });
  now += 5 * MINUTE;
  expect(await tell()).toBeDefined();
  expect(await store.messages({})).toHaveLength(2);
  expect(await store.entries({ chain: 'fleet', kinds: ['gap'] })).toHaveLength(2);
});

test('while another engine lives there was no outage, however an engine ended', async () => {
  const other: Replica = { id: 'b', host: 'h', pid: 2, version: '1', startedAt: 0, beatAt: Date.now() };
  await store.beat(other);
  await noteWorking({ store, clock });
  now += 2 * NOTE_MS;
  expect(await tell()).toBeUndefined();
  now += 1;
  expect(await tell()).toBeDefined();
});
