/** Retention, as part of the store's contract: what is older goes, what it meant stays, and every chain is still proved. */
import { describe, expect, it } from 'vitest';
import { sha256 } from '../canonical.ts';
import type { Derived, Input, Store, Transaction } from '../model.ts';
import type { LedgerStore } from './ledger.ts';
import {
  actionOf,
  actionRowFor,
  appendTo,
  by,
  chain,
  commitOf,
  gap,
  intent,
  policyOf,
  snapshotAt,
} from './store.fixture.ts';

/** `opened` gives the store of the running test. */
export function retentionContract(opened: () => Store & LedgerStore): void {
  const inTx = <T>(work: (tx: Transaction) => Promise<T>) => opened().transaction(work);
  const prune = (
    entriesFrom: number | undefined,
    more: { observationsFrom?: number; slackMs?: number } = {},
  ) => opened().prune({ at: 1000, entriesFrom, slackMs: 0, observationsFrom: 0, ...more });
  const outcome = (id: string): Input => ({
    kind: 'outcome',
    action: id,
    attempt: 1,
    outcome: 'succeeded',
  });
  const act = (id: string, at: number, bodies: readonly (Input | Derived)[], more = {}) =>
    Promise.all([appendTo(opened(), bodies, at), inTx(tx => tx.putAction(actionRowFor(id, 1, more)))]);

  describe('retention', () => {
    it('folds what is older into a checkpoint and deletes it, entry by entry', async () => {
      for (const at of [10, 20, 30, 40]) await appendTo(opened(), [gap(at), gap(at)], at);
      const before = await opened().target(chain);
      expect(await prune(30)).toMatchObject({ chains: 1, entries: 4 });
      const left = await opened().entries({ chain });
      expect(left.map(entry => [entry.seq, entry.at, entry.body.kind])).toEqual([
        ...[5, 6].map(seq => [seq, 30, 'gap']),
        ...[7, 8].map(seq => [seq, 40, 'gap']),
        [9, 1000, 'checkpoint'],
      ]);
      expect(await opened().verify()).toEqual({ ok: true, chains: 2, entries: 6, checkpoints: 1 });
      const after = await opened().target(chain);
      expect(after).toMatchObject({ version: 5, dueAt: 40, own: { seq: 9 } });
      expect(after?.own.spent.gap).toEqual(before?.own.spent.gap);
      expect(await opened().rebuild()).toEqual({ targets: 1, differences: [] });
      await appendTo(opened(), [gap(50)], 50);
      expect((await opened().verify(chain)).ok).toBe(true);
    });

    it('goes on from the checkpoint before, and leaves alone what is young enough', async () => {
      for (const at of [10, 20, 30, 40]) await appendTo(opened(), [gap(at)], at);
      expect(await prune(40, { slackMs: 40 })).toMatchObject({ chains: 0, entries: 0 });
      expect(await prune(undefined)).toMatchObject({ chains: 0 });
      expect(await opened().chains()).toEqual([chain]);
      expect(await prune(20)).toMatchObject({ entries: 1 });
      expect(await prune(40)).toMatchObject({ entries: 2 });
      expect((await opened().entries({ chain })).map(entry => entry.seq)).toEqual([4, 5, 6]);
      expect(await prune(40)).toMatchObject({ chains: 0, entries: 0 });
      expect(await opened().verify()).toMatchObject({ ok: true, checkpoints: 1 });
      expect(await opened().rebuild()).toEqual({ targets: 1, differences: [] });
    });

    it('of a chain that has been quiet since leaves its checkpoint alone', async () => {
      await appendTo(opened(), [gap(1), gap(2)], 10);
      await prune(500);
      expect((await opened().entries({ chain })).map(entry => entry.body.kind)).toEqual(['checkpoint']);
      expect(await opened().verify()).toMatchObject({ ok: true, entries: 2 });
      expect((await opened().rebuild()).differences).toEqual([]);
    });

    it('keeps what live actions need, and deletes those that are over', async () => {
      await act('a', 10, [intent('a'), outcome('a')], { state: 'succeeded' });
      await act('b', 11, [intent('b')], { state: 'started', handle: { run: 1 }, intendedAt: 11 });
      const started = { kind: 'started', action: 'b', attempt: 1, handle: { run: 1 } } as const;
      await appendTo(opened(), [started], 12);
      await act('c', 30, [intent('c')], { intendedAt: 30 });
      expect(await prune(20)).toMatchObject({ actions: 1, entries: 4 });
      const ids = async () => (await opened().actions({})).map(row => row.action.id).join('');
      expect(await ids()).toBe('cb');
      expect((await opened().rebuild()).differences).toEqual([]);
      await appendTo(opened(), [outcome('b')], 40);
      await inTx(tx => tx.updateAction(actionOf('b').key, { state: 'succeeded' }));
      expect((await opened().rebuild()).differences).toEqual([]);
    });

    it('deletes ticks, messages, observations and closures that only older entries need', async () => {
      const [old, now] = [sha256('old'), sha256('now')];
      for (const [sha, hash, expected] of [
        ['c1', old, undefined],
        ['c2', now, 'c1'],
      ] as const) {
        const commit = commitOf(sha);
        await inTx(tx => tx.setRevision({ commit, policies: [policyOf('p', commit, hash)] }, expected));
      }
      for (const [from, hash] of [
        [1, old],
        [2, now],
      ] as const) {
        await appendTo(opened(), [gap(from)], from * 10);
        await inTx(async tx => {
          const closures = [{ hash, commit: commitOf('c') }];
          await tx.recordTick({ chain, from, to: from, snapshot: snapshotAt(from, 1), facts: {}, closures });
          await tx.observations(chain, snapshotAt(from * 10, 1));
          await tx.putMessage({
            key: hash,
            at: from * 10,
            severity: 'info',
            target: chain,
            title: '',
            text: '',
          });
        });
      }
      expect(await prune(20, { observationsFrom: 15 })).toEqual({
        ...{
          chains: 1,
          entries: 1,
          ticks: 1,
          actions: 0,
          messages: 1,
          closures: 1,
          observations: 1,
          left: [],
        },
      });
      expect((await opened().ticks(chain)).map(tick => tick.from)).toEqual([2]);
      expect((await opened().messages({})).map(one => one.key)).toEqual([now]);
      expect((await opened().observationsOf(chain, {})).map(one => one.takenAt)).toEqual([20]);
      expect(await opened().closure(old)).toBeUndefined();
      expect((await opened().closure(now))?.closureHash).toBe(now);
      expect((await opened().revision())?.policies[0]?.closureHash).toBe(now);
    });

    it('of the fleet chain keeps what stands, and anchors every chain again', async () => {
      await appendTo(opened(), [gap(1)], 35);
      const pause = (scope: string) => ({ kind: 'pause', scope, by, reason: 'storm' }) as const;
      const silence = (id: string, until: number) =>
        ({ kind: 'silence', id, match: { owner: 'a' }, by, reason: 'x', until }) as const;
      const bodies = [pause('a'), pause('b'), silence('s', 99), silence('t', 99)];
      await inTx(tx => tx.fleet(bodies, 10));
      await inTx(tx => tx.fleet([{ kind: 'resume', scope: 'a', by }, silence('s', 11)], 11));
      await opened().anchor(12);
      await inTx(tx => tx.fleet([pause('c')], 35));
      expect(await prune(30)).toMatchObject({ chains: 1, entries: 7 });
      const kept = await opened().entries({ chain: 'fleet' });
      expect(kept.map(entry => entry.body.kind)).toEqual(['pause', 'checkpoint', 'anchor']);
      const state = kept[1]?.body as unknown as { state: { standing: { body: unknown }[] } } | undefined;
      expect(state?.state.standing.map(one => one.body)).toEqual([pause('b'), silence('t', 99)]);
      expect((kept[2]?.body as { heads?: object } | undefined)?.heads).toHaveProperty([chain]);
      expect(await opened().verify()).toEqual({ ok: true, chains: 2, entries: 4, checkpoints: 1 });
    });

    it('deletes nothing when the heads cannot be kept outside', async () => {
      await appendTo(opened(), [gap(1), gap(2)], 10);
      const anchored = () => Promise.reject(new Error('the repository is read-only'));
      const retention = { at: 1000, entriesFrom: 30, slackMs: 0, observationsFrom: 0, anchored };
      await expect(opened().prune(retention)).rejects.toThrow(/read-only/);
      expect((await opened().entries({ chain })).map(entry => entry.seq)).toEqual([1, 2, 3]);
      expect(await opened().verify()).toMatchObject({ ok: true, entries: 4 });
    });
  });
}
