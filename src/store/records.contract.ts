/** The second half of the store's contract: revision, actions, what ticks leave, and the ledger's tools. */
import { describe, expect, it } from 'vitest';
import type { RecordedTick, Store, Transaction } from '../model.ts';
import type { LedgerStore } from './ledger.ts';
import { retentionContract } from './retention.contract.ts';
import { actionRowFor, appendTo, chain, commitOf, gap, policyOf, snapshotAt } from './store.fixture.ts';

/** `opened` gives the store of the running test. */
export function recordsContract(opened: () => Store & LedgerStore): void {
  const inTx = <T>(work: (tx: Transaction) => Promise<T>) => opened().transaction(work);

  describe('the revision', () => {
    const [one, two] = [commitOf('c1'), commitOf('c2')];

    it('advances by compare-and-set only', async () => {
      const first = { commit: one, policies: [policyOf('p', one, 'h1')] };
      expect(await inTx(tx => tx.setRevision(first, 'c0'))).toBe(false);
      expect(await opened().revision()).toBeUndefined();
      expect(await inTx(tx => tx.setRevision(first, undefined))).toBe(true);
      expect(await inTx(tx => tx.setRevision({ ...first, commit: two }, undefined))).toBe(false);
      expect(await opened().revision()).toEqual(first);
      expect(await inTx(tx => tx.revisionSha())).toBe('c1');
    });

    it('keeps each policy with its own commit, and closures for ever', async () => {
      const kept = policyOf('kept', one, 'h1');
      const before = { commit: one, policies: [kept, policyOf('edited', one, 'h2')] };
      const position = { file: 'a.yaml', line: 1, column: 1 };
      const after = {
        commit: two,
        policies: [{ ...kept, commit: two }, policyOf('edited', two, 'h3')],
        rejected: {
          commit: commitOf('c3'),
          diagnostics: [{ severity: 'error' as const, position, message: 'broken' }],
          at: 5,
        },
        rewritten: { from: 'c0', at: 4 },
      };
      await inTx(tx => tx.setRevision(before, undefined));
      expect(await inTx(tx => tx.setRevision(after, 'c1'))).toBe(true);
      expect(await opened().revision()).toEqual(after);
      expect(await opened().closure('h1')).toEqual(kept);
      expect(await opened().closure('h2')).toEqual(before.policies[1]);
      expect(await opened().closure('none')).toBeUndefined();
    });
  });

  describe('actions', () => {
    it('are one row per attempt', async () => {
      await inTx(tx => tx.putAction(actionRowFor('a', 1)));
      await inTx(tx => tx.putAction(actionRowFor('a', 2)));
      const again = { ...actionRowFor('a', 2), action: { ...actionRowFor('a', 2).action, key: 'other' } };
      await expect(inTx(tx => tx.putAction(again))).rejects.toMatchObject({ code: 'state-conflict' });
      expect((await opened().findAction('a')).map(row => row.action.attempt)).toEqual([2, 1]);
      expect((await opened().findAction('fa1')).map(row => row.action.key)).toEqual(['fa1']);
      expect(await opened().findAction('')).toEqual([]);
    });

    it('are changed in part, and a handle may be null', async () => {
      const row = actionRowFor('a');
      await inTx(tx => tx.putAction(row));
      expect(await inTx(tx => tx.action(row.action.key))).toEqual(row);
      await inTx(tx => tx.updateAction(row.action.key, { state: 'started', handle: null, polls: 1 }));
      const now = await inTx(tx => tx.action(row.action.key));
      expect(now).toEqual({ ...row, state: 'started', handle: null, polls: 1 });
      await inTx(tx => tx.updateAction(row.action.key, { cancelRequested: true, dueAt: 77 }));
      expect(await inTx(tx => tx.action(row.action.key))).toEqual({
        ...now,
        cancelRequested: true,
        dueAt: 77,
      });
      await expect(inTx(tx => tx.updateAction('none', { polls: 1 }))).rejects.toThrow(/not in the state/);
      expect(await inTx(tx => tx.action('none'))).toBeUndefined();
    });

    it('are due while they live', async () => {
      const states = [
        ['a', 'intended', 10],
        ['b', 'starting', 9],
        ['c', 'started', 11],
        ['d', 'unresolved', 1],
        ['e', 'succeeded', 1],
        ['f', 'withdrawn', 1],
        ['g', 'failed', 1],
        ['h', 'timed-out', 1],
        ['i', 'cancelled', 1],
      ] as const;
      await inTx(async tx => {
        for (const [id, state, dueAt] of states) await tx.putAction(actionRowFor(id, 1, { state, dueAt }));
      });
      const ids = (rows: readonly { action: { id: string } }[]) => rows.map(row => row.action.id).join('');
      expect(ids(await opened().dueActions(10))).toBe('dba');
      expect(ids(await opened().actions({ live: true }))).toBe('dcba');
      expect(ids(await opened().actions({ live: false, limit: 2 }))).toBe('ih');
      expect(ids(await opened().actions({ chain: 'model/other' }))).toBe('');
    });
  });

  describe('leases', () => {
    const take = (key: string, epoch: number, now: number, owner: string) =>
      inTx(tx => tx.takeAction(key, { epoch, now, until: now + 100, owner }));

    it('let one owner act at a time, and say so by the epoch', async () => {
      const row = actionRowFor('a');
      const { key } = row.action;
      await inTx(tx => tx.putAction(row));
      const taken = await take(key, 0, 1000, 'one');
      expect(taken).toEqual({ ...row, epoch: 1, leaseUntil: 1100, owner: 'one' });
      expect(await take(key, 0, 5000, 'two')).toBeUndefined();
      expect(await take(key, 1, 1099, 'two')).toBeUndefined();
      // Not even its owner takes it anew: two calls of one process are as apart as two processes.
      expect(await take(key, 1, 1099, 'one')).toBeUndefined();
      expect(await take(key, 1, 1100, 'one')).toMatchObject({ epoch: 2, leaseUntil: 1200 });
      expect(await take(key, 2, 1200, 'two')).toMatchObject({ epoch: 3, owner: 'two' });
      await inTx(tx => tx.updateAction(key, { leaseUntil: 0 }));
      expect(await take(key, 3, 1201, 'one')).toMatchObject({ epoch: 4, owner: 'one' });
      expect(await take('none', 0, 1, 'one')).toBeUndefined();
    });

    it('make a row not due while they last', async () => {
      const row = actionRowFor('a', 1, { dueAt: 1000 });
      const { key } = row.action;
      await inTx(tx => tx.putAction(row));
      const due = async (now: number) => (await opened().dueActions(now)).map(({ action }) => action.id);
      expect(await due(1000)).toEqual(['a']);
      await take(key, 0, 1000, 'one');
      expect(await due(1099)).toEqual([]);
      expect(await due(1100)).toEqual(['a']);
      await inTx(tx => tx.updateAction(key, { leaseUntil: 0 }));
      expect(await due(1000)).toEqual(['a']);
    });

    it('are won by one of many', async () => {
      await inTx(tx => tx.putAction(actionRowFor('a')));
      const { key } = actionRowFor('a').action;
      const won = await Promise.all(Array.from({ length: 8 }, (_, n) => take(key, 0, 1000, `owner ${n}`)));
      expect(won.filter(row => row !== undefined)).toHaveLength(1);
    });
  });

  describe('claims', () => {
    const claim = (owner: string, realNow: number, limit = 10) =>
      opened().claimTargets({ now: 50, realNow, until: realNow + 100, owner, limit });
    const targets = async (dues: readonly number[]) => {
      for (const [n, dueAt] of dues.entries())
        await appendTo(opened(), [gap(1)], 1, { target: { kind: 'model', name: `m${n}` }, dueAt });
    };

    it('keep others from what one is looking at, until they end or are released', async () => {
      await targets([40, 30, 51, 20]);
      expect(await claim('one', 1000, 2)).toEqual(['model/m3', 'model/m1']);
      expect(await claim('two', 1000)).toEqual(['model/m0']);
      expect(await claim('one', 1099)).toEqual([]);
      await opened().releaseTargets(['model/m3', 'model/m0'], 'one');
      expect(await claim('two', 1099)).toEqual(['model/m3']);
      await opened().releaseTargets(['model/m3', 'model/m0'], 'two');
      expect(await claim('one', 1099)).toEqual(['model/m3', 'model/m0']);
      expect(await claim('three', 1100)).toEqual(['model/m1']);
      expect(await opened().dueTargets(50, 1)).toEqual(['model/m3']);
    });

    it('of many at once are all of different targets', async () => {
      await targets(Array.from({ length: 40 }, (_, n) => n));
      const each = await Promise.all(Array.from({ length: 8 }, (_, n) => claim(`owner ${n}`, 1000, 10)));
      const claimed = each.flat();
      expect(new Set(claimed).size).toBe(claimed.length);
      expect((await claim('last', 1000, 40)).length + claimed.length).toBe(40);
    });
  });

  describe('replicas', () => {
    it('are those that said so, as of their last heartbeat', async () => {
      const replica = (id: string, beatAt: number) =>
        ({ id, host: 'a', pid: 7, version: '0.1.0', startedAt: 5, beatAt }) as const;
      await opened().beat(replica('b', 6));
      await opened().beat(replica('a', 6));
      await opened().beat(replica('b', 9));
      expect(await opened().replicas()).toEqual([replica('a', 6), replica('b', 9)]);
      await opened().beat(replica('a', 10), true);
      expect(await opened().replicas()).toEqual([replica('b', 9)]);
    });

    it('share one clock', async () => {
      const now = await opened().now();
      expect(Number.isSafeInteger(now)).toBe(true);
      expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
    });
  });

  describe('what ticks leave', () => {
    it('is read back as it was recorded', async () => {
      const tick = (from: number): RecordedTick => ({
        chain,
        from,
        to: from + 1,
        snapshot: snapshotAt(from, 0.1 + 0.2),
        facts: { 'lock:a': { version: 1, value: 'x' } },
        closures: [{ hash: 'h1', commit: commitOf('a'.repeat(40)) }],
      });
      await inTx(async tx => {
        await tx.recordTick(tick(1));
        await tx.recordTick(tick(3));
      });
      expect(await opened().ticks(chain)).toEqual([tick(1), tick(3)]);
      expect(await opened().ticks('model/none')).toEqual([]);
      expect(await opened().ticks(chain, tick(3).to)).toEqual([tick(3)]);
      expect(await opened().ticks(chain, 99)).toEqual([]);
    });

    it('gives observations, the newest first', async () => {
      const times = [0, 1000, 5000];
      for (const at of times) await inTx(tx => tx.observations(chain, snapshotAt(at, at)));
      const rows = await opened().observationsOf(chain, { name: 'rows' });
      expect(rows.map(row => row.takenAt)).toEqual([5000, 1000, 0]);
      expect(rows[0]).toMatchObject({
        policy: 'drift',
        observation: snapshotAt(0, times[2] ?? 0).observations.drift?.rows,
      });
      expect(await opened().observationsOf(chain, { limit: 1 })).toHaveLength(1);
      expect(await opened().observationsOf(chain, { name: 'other' })).toEqual([]);
    });

    it('sends a message once per key', async () => {
      const message = (key: string, at: number) =>
        ({ key, at, severity: 'page', target: chain, title: 'late', text: `at ${at}` }) as const;
      await inTx(tx => tx.putMessage(message('a', 1)));
      await inTx(tx => tx.putMessage(message('b', 2)));
      await inTx(tx => tx.putMessage(message('a', 3)));
      expect(await opened().messages({})).toEqual([message('b', 2), message('a', 1)]);
      expect(await opened().messages({ limit: 1 })).toEqual([message('b', 2)]);
      expect(await opened().message('a')).toEqual(message('a', 1));
      expect(await opened().message('none')).toBeUndefined();
    });

    it('keeps profiles and settings', async () => {
      expect(await opened().profile('h')).toBeUndefined();
      await opened().putProfile('h', { bins: [1, 2.5] });
      expect(await opened().profile('h')).toEqual({ bins: [1, 2.5] });
      await opened().setMeta('clock', '1');
      await opened().setMeta('clock', '2');
      expect(await opened().meta('clock')).toBe('2');
      expect(await opened().meta('none')).toBeUndefined();
    });
  });

  retentionContract(opened);

  describe('the ledger', () => {
    it('anchors the heads that moved, and writes nothing when none did', async () => {
      const other = { kind: 'model', name: 'other' } as const;
      const [one] = await appendTo(opened(), [gap(1)], 1);
      const [two] = await appendTo(opened(), [gap(1)], 1, { target: other });
      const [first] = await opened().anchor(9);
      expect(first).toMatchObject({ chain: 'fleet', at: 9, seq: 1 });
      const heads = { [chain]: `1:${one?.hash}`, 'model/other': `1:${two?.hash}` };
      expect(first?.body).toEqual({ kind: 'anchor', heads });
      expect(await opened().anchor(10)).toEqual([]);
      const [three] = await appendTo(opened(), [gap(2)], 2, { target: other });
      const second = await opened().anchor(11);
      expect(second.map(entry => entry.body)).toEqual([
        { kind: 'anchor', heads: { 'model/other': `2:${three?.hash}` } },
      ]);
      expect(await opened().verify()).toEqual({ ok: true, chains: 3, entries: 5 });
      expect(await opened().heads()).toEqual([
        { chain: 'fleet', seq: 2, hash: second[0]?.hash },
        { chain, seq: 1, hash: one?.hash },
        { chain: 'model/other', seq: 2, hash: three?.hash },
      ]);
    });

    it('finds by heads that were kept outside what is not there any more', async () => {
      await appendTo(opened(), [gap(1)], 1);
      await opened().anchor(9);
      const [fleet, target] = await opened().heads();
      if (!fleet || !target) throw new Error('there are two chains');
      expect((await opened().verify(undefined, [fleet, target])).ok).toBe(true);
      expect(await opened().verify(undefined, [{ ...fleet, seq: 2 }, target])).toEqual({
        ok: false,
        chain: 'fleet',
        seq: 2,
        problem: 'it is missing: the tail was cut, the anchor outside of the state names entry 2',
      });
      const replaced = [fleet, { ...target, hash: fleet.hash }];
      expect(await opened().verify(chain, replaced)).toMatchObject({ ok: false, chain, seq: 1 });
      expect((await opened().verify('fleet', replaced)).ok).toBe(true);
    });

    it('is not verified where there is nothing', async () => {
      await appendTo(opened(), [gap(1)], 1);
      expect(await opened().verify(chain)).toEqual({ ok: true, chains: 1, entries: 1 });
      await expect(opened().verify('model/none')).rejects.toMatchObject({ code: 'unknown-chain' });
    });

    it('rebuilds nothing when nothing differs', async () => {
      await appendTo(opened(), [gap(1), gap(2)], 1);
      const before = await opened().targets();
      expect(await opened().rebuild()).toEqual({ targets: 1, differences: [] });
      expect(await opened().targets()).toEqual(before);
    });
  });
}
