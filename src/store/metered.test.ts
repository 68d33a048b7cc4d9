/** A meter is told of what is durable, once: not of what was undone, and not twice of what had to run again. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Happening, LastTick, Snapshot, Store, Transaction } from '../model.ts';
import { metered } from './metered.ts';
import { openSqliteStore } from './sqlite.ts';
import { appendTo, chain, flights, folding, gap } from './store.fixture.ts';

let inner: Store;
let told: Happening[];

beforeEach(async () => {
  inner = await openSqliteStore({ path: ':memory:', ...folding });
  told = [];
});
afterEach(() => inner.close());

const LAST: LastTick = { takenAt: 5, verdicts: [], closures: {}, decisions: [], wakeAt: 6, problems: [] };
const SNAPSHOT: Snapshot = { target: flights, takenAt: 5, due: ['p'], observations: {} };

test('entries with the fold after them, and the look that was kept', async () => {
  const store = metered(inner, what => told.push(what));
  await appendTo(store, [gap(1)], 3);
  expect(told).toEqual([
    { kind: 'appended', entries: await inner.entries({ chain }), own: (await inner.target(chain))?.own },
  ]);
  await store.transaction(async tx => {
    await tx.touch({ chain, version: 1, dueAt: 9, lastTakenAt: 5, last: LAST });
    await tx.observations(chain, SNAPSHOT);
    expect(told).toHaveLength(1);
  });
  expect(told.slice(1)).toEqual([{ kind: 'looked', chain, last: LAST, snapshot: SNAPSHOT }]);
});

test('nothing of a transaction that was undone', async () => {
  const store = metered(inner, what => told.push(what));
  const undone = store.transaction(async tx => {
    await tx.fleet([gap(1)], 3);
    throw new Error('no');
  });
  await expect(undone).rejects.toThrow('no');
  expect(told).toEqual([]);
});

test('once, of a transaction that a database had to run again', async () => {
  const again: Store = {
    ...inner,
    async transaction<T>(work: (tx: Transaction) => Promise<T>) {
      const lost = inner.transaction(async tx => {
        await work(tx);
        throw new Error('serialization failure');
      });
      await expect(lost).rejects.toThrow('serialization failure');
      return inner.transaction(work);
    },
  };
  const store = metered(again, what => told.push(what));
  await store.transaction(tx => tx.fleet([gap(1)], 3));
  expect(told).toEqual([{ kind: 'appended', entries: await inner.entries({ chain: 'fleet' }) }]);
});
