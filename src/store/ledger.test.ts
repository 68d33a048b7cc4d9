/** Every way to alter a ledger behind Flyball's back is found, at the entry that was altered; projections are rebuilt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Derived, Input, Own, Store } from '../model.ts';
import { entryHash } from './chain.ts';
import type { LedgerStore } from './ledger.ts';
import { openSqliteStore } from './sqlite.ts';
import { actionRowFor, appendTo, chain, flights, folding, gap, intent } from './store.fixture.ts';

let folder: string;
let path: string;
let store: Store & LedgerStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-ledger-'));
  path = join(folder, 'state.db');
  store = await openSqliteStore({ ...folding, path });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Works on the file as someone with an editor for SQLite would. */
function behindItsBack<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: false });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Rewrites the hashes of a chain from `seq` on, or of that entry alone, so that they fit what stands there. */
function rehash(db: DatabaseSync, of: string, seq: number, reach: 'alone' | 'onwards'): void {
  type Row = Parameters<typeof entryHash>[0] & { hash: string };
  const rows = db.prepare('SELECT * FROM entries WHERE chain = ? AND seq >= ? ORDER BY seq').all(of, seq);
  let before: string | undefined;
  for (const row of rows as unknown as Row[]) {
    const prev = before ?? row.prev;
    before = entryHash({ ...row, prev });
    db.prepare('UPDATE entries SET prev = ?, hash = ? WHERE chain = ? AND seq = ?').run(
      prev,
      before,
      of,
      row.seq,
    );
    if (reach === 'alone') return;
  }
  db.prepare('UPDATE heads SET hash = ? WHERE chain = ?').run(before ?? '', of);
}

const swap = `UPDATE entries SET seq = -seq WHERE seq IN (2, 3);
  UPDATE entries SET seq = 5 + seq WHERE seq < 0`;

describe('verify', () => {
  const cases: readonly [
    what: string,
    alter: string | ((db: DatabaseSync) => void),
    seq: number,
    problem: RegExp,
  ][] = [
    ['a changed body', `UPDATE entries SET body = replace(body, '3', '4') WHERE seq = 3`, 3, /its body/],
    ['a blank in a body', `UPDATE entries SET body = body || ' ' WHERE seq = 2`, 2, /its body/],
    ['a changed time', 'UPDATE entries SET at = at + 1 WHERE seq = 1', 1, /time/],
    ['a huge time', 'UPDATE entries SET at = 9223372036854775807 WHERE seq = 1', 1, /time/],
    ['a changed version', 'UPDATE entries SET v = 2 WHERE seq = 4', 4, /version/],
    ['a changed kind', `UPDATE entries SET kind = 'cancel' WHERE seq = 2`, 2, /kind column says cancel/],
    ['a changed prev', `UPDATE entries SET prev = '0' WHERE seq = 3`, 3, /its prev is 0/],
    ['a changed hash', `UPDATE entries SET hash = '0' WHERE seq = 3`, 3, /hash/],
    ['a removed middle', 'DELETE FROM entries WHERE seq = 3', 3, /missing; the next one is 4/],
    ['a removed first', 'DELETE FROM entries WHERE seq = 1', 1, /missing/],
    ['a cut tail', 'DELETE FROM entries WHERE seq > 3', 4, /the tail was cut, the head is entry 5/],
    ['an emptied chain', 'DELETE FROM entries', 1, /the tail was cut/],
    [
      'swapped bodies',
      `UPDATE entries SET body = (SELECT body FROM entries o WHERE o.seq = 5 - entries.seq) WHERE seq IN (2, 3)`,
      2,
      /body/,
    ],
    ['swapped entries', swap, 2, /prev/],
    ['a seq below 1', 'UPDATE entries SET seq = 0 WHERE seq = 1', 0, /count from 1/],
    ['a deleted head', 'DELETE FROM heads', 5, /no head/],
    ['a head set back', 'UPDATE heads SET seq = 4', 5, /after the head/],
    [
      'a replaced entry',
      db => {
        db.exec(`UPDATE entries SET body = replace(body, '3', '4') WHERE seq = 3`);
        rehash(db, chain, 3, 'alone');
      },
      3,
      /it was replaced: entry 4 follows/,
    ],
    [
      'a replaced last entry',
      db => {
        db.exec('UPDATE entries SET at = 99 WHERE seq = 5');
        rehash(db, chain, 5, 'alone');
      },
      5,
      /the head says/,
    ],
  ];
  it.each(cases)('finds %s', async (_, alter, seq, problem) => {
    await appendTo(
      store,
      [1, 2, 3, 4, 5].map(n => gap(n)),
      7,
    );
    behindItsBack(db => (typeof alter === 'string' ? db.exec(alter) : alter(db)));
    expect(await store.verify()).toEqual({ ok: false, chain, seq, problem: expect.stringMatching(problem) });
  });

  const anchored: typeof cases = [
    [
      'a tail that was cut with its head',
      `DELETE FROM entries WHERE chain <> 'fleet' AND seq > 2;
      UPDATE heads SET seq = 2, hash = (SELECT hash FROM entries WHERE chain <> 'fleet' AND seq = 2) WHERE chain <> 'fleet'`,
      3,
      /anchor 1 .* names entry 5/,
    ],
    [
      'a chain that was deleted with its head',
      `DELETE FROM targets; DELETE FROM heads WHERE chain <> 'fleet';
      DELETE FROM entries WHERE chain <> 'fleet'`,
      1,
      /tail was cut/,
    ],
    [
      'a chain that was written anew with its head',
      db => {
        db.exec(`UPDATE entries SET body = replace(body, '2', '3') WHERE seq = 2`);
        rehash(db, chain, 2, 'onwards');
      },
      5,
      /it or one before it was replaced: anchor 1/,
    ],
  ];
  it.each(anchored)('finds by its anchor %s', async (_, alter, seq, problem) => {
    await appendTo(
      store,
      [1, 2, 3, 4, 5].map(n => gap(n)),
      7,
    );
    await store.anchor(8);
    behindItsBack(db => (typeof alter === 'string' ? db.exec(alter) : alter(db)));
    const found = { ok: false, chain, seq, problem: expect.stringMatching(problem) };
    expect(await store.verify()).toEqual(found);
    expect(await store.verify(chain)).toEqual(found);
  });

  it('finds an altered anchor', async () => {
    await appendTo(store, [gap(1)], 7);
    await store.anchor(8);
    behindItsBack(db => db.exec(`UPDATE entries SET body = replace(body, ':', ': ') WHERE chain = 'fleet'`));
    expect(await store.verify()).toMatchObject({ ok: false, chain: 'fleet', seq: 1 });
  });

  it('looks at the named chain alone', async () => {
    await appendTo(store, [gap(1)], 7);
    await appendTo(store, [gap(1)], 7, { target: { kind: 'model', name: 'other' } });
    behindItsBack(db => db.exec(`UPDATE entries SET at = 8 WHERE chain = 'model/other'`));
    expect(await store.verify(chain)).toEqual({ ok: true, chains: 1, entries: 1 });
    expect((await store.verify()).ok).toBe(false);
  });

  it('finds one random change at exactly its entry', async () => {
    const changes = {
      body: `body = replace(body, '"gap"', '"cancel"')`,
      at: 'at = at - 1',
      v: 'v = v + 1',
      kind: "kind = 'anchor'",
      prev: "prev = substr(prev, 2) || 'x'",
      hash: "hash = substr(hash, 2) || 'x'",
    } as const;
    const chains = fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 3,
    });
    const column = fc.constantFrom(...(Object.keys(changes) as (keyof typeof changes)[]), 'removed' as const);
    await fc.assert(
      fc.asyncProperty(chains, column, fc.nat(), fc.nat(), async (numbers, what, someChain, someSeq) => {
        behindItsBack(db => db.exec('DELETE FROM targets; DELETE FROM heads; DELETE FROM entries'));
        for (const [index, own] of numbers.entries())
          for (const n of own)
            await appendTo(store, [gap(n)], n, { target: { kind: 'model', name: `m${index}` } });
        const index = someChain % numbers.length;
        const altered = `model/m${index}`;
        const seq = 1 + (someSeq % (numbers[index]?.length ?? 1));
        expect((await store.verify()).ok).toBe(true);
        behindItsBack(db => {
          const sql = what === 'removed' ? 'DELETE FROM entries' : `UPDATE entries SET ${changes[what]}`;
          db.prepare(`${sql} WHERE chain = ? AND seq = ?`).run(altered, seq);
        });
        expect(await store.verify()).toMatchObject({ ok: false, chain: altered, seq });
      }),
      { numRuns: 60 },
    );
  });
});

describe('rebuild', () => {
  const started: Input = { kind: 'started', action: 'a', attempt: 1, handle: { pid: 7 } };
  const startDue: Input = { kind: 'start-due', action: 'a', attempt: 1 };
  const outcome: Input = { kind: 'outcome', action: 'a', attempt: 1, outcome: 'succeeded' };

  it('puts an altered projection right and says in what it differed', async () => {
    await appendTo(store, [gap(1), gap(2)], 7);
    const before = await store.target(chain);
    behindItsBack(db => db.exec(`UPDATE targets SET own = json_set(own, '$.takenAt', 99, '$.asks.x', 1)`));
    expect((await store.rebuild()).differences).toEqual([
      `${chain}: asks, takenAt differed from the entries`,
    ]);
    expect((await store.target(chain))?.own).toEqual(before?.own);
    behindItsBack(db => db.exec(`UPDATE targets SET own = 'x'; `));
    await expect(store.target(chain)).rejects.toMatchObject({ code: 'state-damaged' });
    expect((await store.rebuild()).differences).toHaveLength(1);
    expect((await store.target(chain))?.own).toEqual(before?.own);
    behindItsBack(db => db.exec('DELETE FROM targets'));
    expect((await store.rebuild()).differences).toEqual([`${chain}: its row was missing`]);
    expect(await store.target(chain)).toMatchObject({ own: before?.own, target: flights, dueAt: 0 });
  });

  const actions: readonly [string, readonly (Input | Derived)[], string][] = [
    ['intended', [], 'intended'],
    ['start due', [startDue], 'starting'],
    ['absent', [startDue, { kind: 'absent', action: 'a', attempt: 1 }], 'intended'],
    ['started', [startDue, started], 'started'],
    ['lost', [startDue, started, { ...outcome, outcome: 'lost' }], 'started'],
    ['unresolved', [startDue, { kind: 'unresolved', action: 'a', attempt: 1, message: '' }], 'unresolved'],
    ['ended', [startDue, started, outcome], 'succeeded'],
    ['ended twice', [startDue, started, outcome, { ...outcome, outcome: 'failed' }], 'succeeded'],
    [
      'resolved',
      [
        startDue,
        { kind: 'resolve', action: 'a', as: 'failed', by: { name: 'a', door: 'cli', authenticated: true } },
      ],
      'failed',
    ],
    ['ended under another attempt', [startDue, { ...outcome, attempt: 2 }], 'starting'],
  ];
  it.each(actions)('derives the row of an action that is %s', async (_, bodies, state) => {
    await appendTo(store, [intent('a'), ...bodies], 5);
    expect((await store.rebuild()).differences).toEqual([
      `${chain}: action fa1 (retrain) was missing; its entries say ${state}`,
    ]);
    const handle = bodies.includes(started) ? { handle: { pid: 7 } } : {};
    const { handle: _none, ...row } = actionRowFor('a');
    expect(await store.actions({})).toEqual([{ ...row, state, dueAt: 0, ...handle }]);
    expect((await store.rebuild()).differences).toEqual([]);
  });

  it('puts the state of an action right, and takes starting for intended', async () => {
    await appendTo(store, [intent('a'), startDue, started], 5);
    await store.transaction(tx => tx.putAction(actionRowFor('a', 1, { state: 'succeeded', dueAt: 99 })));
    const { differences } = await store.rebuild();
    expect(differences).toEqual([
      `${chain}: action fa1 (retrain) said succeeded; its entries say started`,
      `${chain}: action fa1 (retrain): handle differed from the entries`,
    ]);
    expect(await store.dueActions(0)).toMatchObject([{ state: 'started', handle: { pid: 7 } }]);
    await appendTo(store, [intent('b')], 6);
    await store.transaction(tx => tx.putAction(actionRowFor('b', 1, { state: 'starting', intendedAt: 6 })));
    expect((await store.rebuild()).differences).toEqual([]);
  });

  it('happens by itself when the fold has another version', async () => {
    await appendTo(store, [gap(1), gap(2)], 7);
    await store.close();
    const fold: typeof folding.fold = (own, entry) => ({
      ...folding.fold(own, entry),
      commit: `at ${entry.seq}`,
    });
    store = await openSqliteStore({ ...folding, fold, foldVersion: 2, path });
    const row = await store.target(chain);
    expect(row?.own).toMatchObject({ seq: 2, commit: 'at 2' } satisfies Partial<Own>);
    expect(row?.version).toBe(2);
    expect(await store.rebuild()).toEqual({ targets: 1, differences: [] });
  });

  it('never folds an altered chain', async () => {
    await appendTo(store, [gap(1), gap(2)], 7);
    const before = await store.target(chain);
    behindItsBack(db => db.exec('UPDATE entries SET at = 8 WHERE seq = 2'));
    await expect(store.rebuild()).rejects.toMatchObject({ code: 'ledger-altered', subject: chain });
    await expect(openSqliteStore({ ...folding, foldVersion: 2, path })).rejects.toMatchObject({
      code: 'ledger-altered',
    });
    expect(await store.target(chain)).toEqual(before);
  });
});
