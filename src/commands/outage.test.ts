/** Outages over the real store: told once, by whoever starts first, and only when nobody ended in order. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { folding } from '../engine/folding.ts';
import type { Replica, Store } from '../model.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { noteEnded, noteWorking, tellOutage } from './outage.ts';

const NOON = Date.UTC(2026, 5, 15, 12);
const MINUTE = 60_000;
let store: Store;
let now: number;
const clock = () => now;

beforeEach(async () => {
  store = await openSqliteStore({ path: ':memory:', ...folding });
  now = NOON;
  waited = 0;
  meanwhile = async () => {};
});
afterEach(() => store.close());

const SELF = { host: 'h', pid: 1 };
/** What happens while an engine waits whether others beat. */
let meanwhile: () => Promise<void>;
let waited: number;
const tell = () =>
  tellOutage({ store, clock }, SELF, async ms => {
    waited += ms;
    await meanwhile();
  });

test('nothing is told at the first start, nor after an end in order', async () => {
  expect(await tell()).toBeUndefined();
  await noteWorking({ store, clock });
  await noteEnded(store, SELF);
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

describe('beside other engines', () => {
  const other = (beatAt: number, more: Partial<Replica> = {}): Replica => ({
    ...{ id: 'b', host: 'h', pid: 2, version: '1', startedAt: 0, beatAt },
    ...more,
  });

  test('nothing is told while one of them goes on beating', async () => {
    await store.beat(other(Date.now() - 1));
    await noteWorking({ store, clock });
    now += 5 * MINUTE;
    meanwhile = () => store.beat(other(Date.now()));
    expect(await tell()).toBeUndefined();
    expect(waited).toBe(1000);
  });

  test('it is told when none of them beats any more, whoever has started since', async () => {
    await store.beat(other(Date.now() - 1));
    await noteWorking({ store, clock });
    now += 5 * MINUTE;
    meanwhile = () => store.beat(other(Date.now(), { id: 'c', pid: 3 }));
    expect(await tell()).toMatchObject({ from: NOON });
    expect(waited).toBe(15_000);
  });

  test('the heartbeat of this process, and one that is long past, are nobody else', async () => {
    await store.beat(other(Date.now(), { pid: 1 }));
    await store.beat(other(Date.now() - MINUTE, { id: 'd' }));
    await noteWorking({ store, clock });
    now += 5 * MINUTE;
    expect(await tell()).toMatchObject({ from: NOON });
    expect(waited).toBe(0);
  });

  test('an end in order of one of them leaves what the others note', async () => {
    await noteWorking({ store, clock });
    await store.beat(other(Date.now()));
    await noteEnded(store, SELF);
    await store.beat(other(Date.now()), true);
    now += 5 * MINUTE;
    expect(await tell()).toMatchObject({ from: NOON });
  });
});
