/** What every store must do, whatever it is built on: one suite, run on each. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonical, hashOf } from '../canonical.ts';
import type { LastTick, Store, Transaction } from '../model.ts';
import { backupContract } from './backup.contract.ts';
import { censusContract } from './census.contract.ts';
import type { LedgerStore } from './ledger.ts';
import { recordsContract } from './records.contract.ts';
import { actionRowFor, appendTo, by, chain, flights, foldAll, folding, gap } from './store.fixture.ts';

const GENESIS = '0'.repeat(64);
const last: LastTick = {
  takenAt: 7,
  verdicts: [],
  closures: {},
  decisions: [],
  problems: [],
  wakeAt: Number.POSITIVE_INFINITY,
};

/** `open` gives a store without any row; the suite closes it. */
export function storeContract(name: string, open: () => Promise<Store & LedgerStore>): void {
  describe(`store on ${name}`, () => {
    let store: Store & LedgerStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());
    const inTx = <T>(work: (tx: Transaction) => Promise<T>) => store.transaction(work);

    describe('chains', () => {
      it('count from 1, hash the whole entry and follow the one before', async () => {
        const first = await appendTo(store, [gap(1), gap(2)], 100);
        const second = await appendTo(store, [gap(3)], 200);
        const all = [...first, ...second];
        expect(all.map(entry => entry.seq)).toEqual([1, 2, 3]);
        expect(all.map(entry => entry.prev)).toEqual([GENESIS, all[0]?.hash, all[1]?.hash]);
        for (const { hash, ...rest } of all) expect(hash).toBe(hashOf(rest));
        expect(await store.entries({ chain })).toEqual(all);
        expect(await store.chains()).toEqual([chain]);
        expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 3 });
      });

      it('keep any JSON value exactly, and prove it', async () => {
        const outputs = fc.dictionary(
          fc.string({ unit: 'grapheme' }),
          fc.jsonValue({ noUnicodeString: false } as fc.JsonSharedConstraints),
        );
        await fc.assert(
          fc.asyncProperty(outputs, fc.string({ unit: 'grapheme' }), async (value, message) => {
            const body = {
              kind: 'outcome',
              action: 'a',
              attempt: 1,
              outcome: 'succeeded',
              outputs: value,
              message,
            } as Parameters<typeof appendTo>[1][number];
            const [entry] = await appendTo(store, [body], 1);
            const [kept] = await store.entries({ chain, from: entry?.seq ?? 0 });
            expect(canonical(kept)).toBe(canonical(entry));
          }),
          { numRuns: 40 },
        );
        expect((await store.verify()).ok).toBe(true);
      });

      it('are filtered by seq, kind, limit and order', async () => {
        await appendTo(store, [gap(1), { kind: 'adopt', episode: 1, by }, gap(2)], 1);
        const seqs = async (filter: Omit<Parameters<Store['entries']>[0], 'chain'>) =>
          (await store.entries({ chain, ...filter })).map(entry => entry.seq);
        expect(await seqs({ from: 2 })).toEqual([2, 3]);
        expect(await seqs({ kinds: ['gap'] })).toEqual([1, 3]);
        expect(await seqs({ kinds: [] })).toEqual([]);
        expect(await seqs({ newestFirst: true, limit: 2 })).toEqual([3, 2]);
        expect(await seqs({ newestFirst: true, from: 2 })).toEqual([3, 2]);
        expect(await store.entries({ chain: 'model/none' })).toEqual([]);
      });

      it('have the fleet apart from the targets', async () => {
        await appendTo(store, [gap(1)], 1);
        const [entry] = await inTx(tx => tx.fleet([{ kind: 'pause', scope: '*', by, reason: 'storm' }], 2));
        expect(entry).toMatchObject({ chain: 'fleet', seq: 1, prev: GENESIS });
        expect(await store.chains()).toEqual(['fleet', chain]);
        expect((await store.targets()).map(row => row.target)).toEqual([flights]);
      });

      it('may be begun by many at once', async () => {
        await Promise.all([1, 2, 3, 4, 5, 6].map(n => appendTo(store, [gap(n)], 1)));
        expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 6 });
        expect(await store.target(chain)).toMatchObject({ version: 6, own: { seq: 6 } });
      });

      it('refuse a folded state that is not at the new head, and a fractional time', async () => {
        const own = foldAll(folding.emptyOwn(flights), [gap(1)], 1);
        const wrong = { target: flights, bodies: [gap(1), gap(2)], at: 1, own, dueAt: 1 };
        await expect(inTx(tx => tx.append(wrong))).rejects.toThrow(/at entry 1, and its chain at 2/);
        await expect(appendTo(store, [gap(1)], 1.5)).rejects.toThrow(/whole number of milliseconds/);
        expect(await store.chains()).toEqual([]);
      });
    });

    it('gives the targets that are asked for, in the order in which they are', async () => {
      for (const name of ['a', 'b', 'c'])
        await appendTo(store, [gap(1)], 1, { target: { kind: 'model', name } });
      const rows = await store.targetsOf(['model/c', 'model/none', 'model/a']);
      expect(rows.map(row => row.target.name)).toEqual(['c', 'a']);
      expect(await store.targetsOf([])).toEqual([]);
    });

    describe('target rows', () => {
      it('rise in version with every commit and keep what a write leaves out', async () => {
        expect(await store.target(chain)).toBeUndefined();
        await appendTo(store, [gap(1)], 1, { lastTakenAt: 3, dueAt: 50 });
        const made = await store.target(chain);
        expect(made).toMatchObject({ target: flights, version: 1, dueAt: 50, lastTakenAt: 3 });
        expect(made?.own).toEqual(foldAll(folding.emptyOwn(flights), [gap(1)], 1));
        expect(await store.last(chain)).toBeUndefined();
        expect(await inTx(tx => tx.touch({ chain, version: 1, dueAt: 60, lastTakenAt: 7, last }))).toBe(true);
        expect(await inTx(tx => tx.touch({ chain, version: 1, dueAt: 70, lastTakenAt: 8, last }))).toBe(
          false,
        );
        await inTx(tx => tx.setDue(chain, 55));
        const [entry] = await appendTo(store, [gap(2)], 8, { dueAt: Number.POSITIVE_INFINITY });
        expect(await store.target(chain)).toMatchObject({
          version: 4,
          head: entry?.hash,
          dueAt: Number.POSITIVE_INFINITY,
          lastTakenAt: 7,
        });
        expect(await store.last(chain)).toEqual(last);
      });

      it('are due at their time, the longest overdue first', async () => {
        for (const [name, dueAt] of [
          ['b', 20],
          ['a', 20],
          ['c', 10],
          ['d', 31],
        ] as const)
          await appendTo(store, [gap(1)], 1, { target: { kind: 'model', name }, dueAt });
        expect(await store.dueTargets(9)).toEqual([]);
        expect(await store.dueTargets(30)).toEqual(['model/c', 'model/a', 'model/b']);
      });

      it('are not made by a touch', async () => {
        await expect(inTx(tx => tx.setDue(chain, 1))).rejects.toThrow(/is not in the state/);
        const touch = { chain, version: 0, dueAt: 1, lastTakenAt: 1, last };
        expect(await inTx(tx => tx.touch(touch))).toBe(false);
        expect(await store.target(chain)).toBeUndefined();
      });

      it('may be made without an entry', async () => {
        await appendTo(store, [], 1);
        expect(await store.target(chain)).toMatchObject({ version: 1, head: GENESIS });
        expect((await store.verify()).ok).toBe(true);
      });
    });

    describe('transactions', () => {
      it('write all or nothing', async () => {
        await appendTo(store, [gap(1)], 1);
        const failing = inTx(async tx => {
          await tx.setFact('pause:*', { since: 1 });
          await tx.fleet([gap(1)], 2);
          await tx.putAction(actionRowFor('a'));
          await tx.setDue(chain, 99);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(await store.facts(['pause:*'])).toEqual({ 'pause:*': { version: 0, value: null } });
        expect(await store.chains()).toEqual([chain]);
        expect(await store.actions({})).toEqual([]);
        expect(await store.target(chain)).toMatchObject({ version: 1, dueAt: 1 });
      });

      it('write nothing when an error within was swallowed', async () => {
        const swallowing = inTx(async tx => {
          await tx.setFact('a', 1);
          await tx.setDue('model/none', 1).catch(() => undefined);
        });
        await expect(swallowing).rejects.toThrow(/not in the state/);
        expect(await store.factsWithPrefix('')).toEqual({});
      });

      it('are serialised: no increment is lost, no half is seen', async () => {
        const seen: unknown[] = [];
        const increment = () =>
          inTx(async tx => {
            const before = (await tx.facts(['n'])).n?.value;
            await tx.setFact('n', -1);
            await new Promise(resolve => setImmediate(resolve));
            await tx.setFact('n', Number(before) + 1);
          });
        const work = Array.from({ length: 20 }, async () => {
          await increment();
          seen.push((await store.facts(['n'])).n?.value);
        });
        await Promise.all(work);
        expect((await store.facts(['n'])).n).toEqual({ value: 20, version: 40 });
        expect(seen).not.toContain(-1);
      });

      it('see their own writes, also by the reads of the store', async () => {
        await inTx(async tx => {
          await tx.setFact('n', 5);
          expect((await tx.facts(['n'])).n?.value).toBe(5);
          expect(await tx.factsWithPrefix('n')).toEqual({ n: { version: 1, value: 5 } });
          expect((await store.facts(['n'])).n?.value).toBe(5);
          await store.setMeta('within', 'yes');
        });
        expect(await store.meta('within')).toBe('yes');
      });

      it('are never nested and never used after their end', async () => {
        await expect(inTx(() => inTx(async () => 1))).rejects.toThrow(/within a transaction/);
        const escaped = await inTx(async tx => tx);
        await expect(escaped.setFact('a', 1)).rejects.toThrow(/after its end/);
        expect(await inTx(async () => 'alive')).toBe('alive');
      });
    });

    describe('facts', () => {
      it('rise in version with every set, deletion included', async () => {
        await inTx(tx => tx.setFact('lock:a', { by: 'x' }));
        await inTx(tx => tx.setFact('lock:a', null));
        await inTx(tx => tx.setFact('lock:b', 0));
        expect(await store.facts(['lock:a', 'lock:b', 'lock:c', '__proto__'])).toEqual(
          Object.fromEntries([
            ['lock:a', { version: 2, value: null }],
            ['lock:b', { version: 1, value: 0 }],
            ['lock:c', { version: 0, value: null }],
            ['__proto__', { version: 0, value: null }],
          ]),
        );
        await inTx(tx => tx.setFact('lock:a', true));
        expect(await store.facts(['lock:a'])).toEqual({ 'lock:a': { version: 3, value: true } });
      });

      it('are listed by prefix without the deleted ones', async () => {
        await inTx(async tx => {
          for (const key of ['lock', 'lock:a', 'lock:\u{10FFFD}', 'lock;', 'lock:gone'])
            await tx.setFact(key, 1);
          await tx.setFact('lock:gone', null);
        });
        expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual(['lock:a', 'lock:\u{10FFFD}']);
      });
    });

    recordsContract(() => store);
    backupContract(() => store, open);
    censusContract(() => store);
  });
}
