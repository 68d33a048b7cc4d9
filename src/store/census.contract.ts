/** The part of the store's contract that is about sizes and ages of the state. */
import { describe, expect, it } from 'vitest';
import type { Store } from '../model.ts';
import type { LedgerStore } from './ledger.ts';
import { actionRowFor, appendTo, chain, gap } from './store.fixture.ts';

/** `opened` gives the store of the running test. */
export function censusContract(opened: () => Store & LedgerStore): void {
  describe('the census', () => {
    it('of an empty state is empty', async () => {
      expect(await opened().census(100)).toEqual({
        ...{ heads: {}, due: [], live: [], entries: 0, messages: 0 },
        bytes: expect.any(Number),
        anchoredAt: undefined,
      });
    });

    it('counts entries, live actions and messages, and says what is due and since when', async () => {
      const store = opened();
      const other = { kind: 'dataset', name: 'levels' } as const;
      const never = { kind: 'dataset', name: 'never' } as const;
      const written = await appendTo(store, [gap(1), gap(2)], 40, { dueAt: 60, lastTakenAt: 40 });
      await appendTo(store, [gap(3)], 50, { target: other, dueAt: 101 });
      await appendTo(store, [gap(3)], 50, { target: never, dueAt: 0 });
      await store.transaction(async tx => {
        await tx.putAction(actionRowFor('a'));
        await tx.putAction(actionRowFor('b', 1, { state: 'unresolved' }));
        await tx.putAction(actionRowFor('c', 1, { state: 'unresolved' }));
        await tx.putAction(actionRowFor('d', 1, { state: 'succeeded' }));
        await tx.putMessage({ key: 'k', at: 1, severity: 'info', target: chain, title: 't', text: 'x' });
      });
      const census = await store.census(100);
      expect(census).toEqual({
        heads: {
          [chain]: written.at(-1)?.hash,
          'dataset/levels': expect.stringMatching(/^[0-9a-f]{64}$/),
          'dataset/never': expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        due: [
          { chain: 'dataset/never', dueAt: 0, lastTakenAt: undefined },
          { chain, dueAt: 60, lastTakenAt: 40 },
        ],
        live: [
          { verb: 'retrain', state: 'intended', count: 1 },
          { verb: 'retrain', state: 'unresolved', count: 2 },
        ],
        entries: 4,
        messages: 1,
        bytes: expect.any(Number),
        anchoredAt: 40,
      });
      expect(census.bytes).toBeGreaterThan(1000);
    });

    it('says when the heads were anchored last', async () => {
      const store = opened();
      await appendTo(store, [gap(1)], 40);
      await store.anchor(70);
      await appendTo(store, [gap(2)], 80);
      expect((await store.census(100)).anchoredAt).toBe(70);
      await store.anchor(90);
      expect((await store.census(100)).anchoredAt).toBe(90);
    });
  });
}
