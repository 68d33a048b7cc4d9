/** Retention that is interrupted anywhere, and retention that was forged. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { canonical } from '../canonical.ts';
import { PortError } from '../model.ts';
import { entryHash } from './chain.ts';
import { Connection } from './connection.ts';
import type { Value } from './database.ts';
import { pruneObservations } from './observations.ts';
import { openStoreOn } from './on-database.ts';
import type { Session } from './session.ts';
import { openSqliteStore } from './sqlite.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { appendTo, chain, folding, gap, snapshotAt } from './store.fixture.ts';

/** Fails every statement that writes from the k-th on, as if the process had ended there. */
class EndingConnection extends Connection {
  left = Number.POSITIVE_INFINITY;
  override run(sql: string, values: readonly Value[] = []): number {
    if (!/^(BEGIN|COMMIT|ROLLBACK)/.test(sql)) this.left -= 1;
    if (this.left < 0) throw new Error('ended');
    return super.run(sql, values);
  }
}

const retention = { at: 5_000, entriesFrom: 2_000, slackMs: 0, observationsFrom: 0 };

it('that ends at any statement leaves a whole ledger, and is finished the next time', async () => {
  let interrupted = 0;
  for (let done = false, k = 0; !done; k += 1) {
    const db = new EndingConnection(':memory:', 1000);
    const store = await openStoreOn(new SqliteDatabase(db, 1000), folding);
    const old = Array.from({ length: 600 }, (_, n) => gap(n));
    await appendTo(store, old, 1_000);
    await appendTo(store, [gap(1)], 3_000);
    const other = { kind: 'model', name: 'other' } as const;
    await appendTo(store, [gap(1)], 1_000, { target: other });
    const spent = (await store.target(chain))?.own.spent;
    db.left = k;
    done = await store.prune(retention).then(
      () => true,
      () => false,
    );
    if (!done) interrupted += 1;
    db.left = Number.POSITIVE_INFINITY;
    expect((await store.verify()).ok, `after ${k} statements`).toBe(true);
    expect((await store.rebuild()).differences).toEqual([]);
    await store.prune(retention);
    const left = (await store.entries({ chain })).filter(entry => entry.body.kind !== 'checkpoint');
    expect(left.map(entry => entry.seq)).toEqual([601]);
    expect(await store.verify()).toMatchObject({ ok: true, checkpoints: 2 });
    expect((await store.target(chain))?.own.spent.gap).toEqual(spent?.gap);
    await store.close();
  }
  expect(interrupted).toBeGreaterThan(10);
});

it('that somebody wrote over a deleted chain is found, because no anchor names the checkpoint', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-forged-'));
  const path = join(folder, 'state.db');
  const store = await openSqliteStore({ ...folding, path });
  await appendTo(store, [gap(1), gap(2), gap(3)], 1_000);
  await store.anchor(1_001);
  const own = folding.emptyOwn({ kind: 'model', name: 'late-flights' });
  const prev = 'f'.repeat(64);
  const body = canonical({ kind: 'checkpoint', state: { upTo: 8, hash: prev, foldVersion: 1, own } });
  const hash = entryHash({ chain, seq: 9, v: 1, at: 1_002, body, prev });
  const db = new DatabaseSync(path);
  db.prepare('DELETE FROM entries WHERE chain = ?').run(chain);
  db.prepare("INSERT INTO entries VALUES (?, 9, 1, 'checkpoint', 1002, ?, ?, ?)").run(
    chain,
    body,
    prev,
    hash,
  );
  db.prepare('UPDATE heads SET seq = 9, hash = ? WHERE chain = ?').run(hash, chain);
  db.close();
  const found = { ok: false, chain, seq: 1, problem: expect.stringMatching(/no anchor names checkpoint 9/) };
  expect(await store.verify()).toEqual(found);
  expect(await store.verify(chain)).toEqual(found);
  await store.close();
  rmSync(folder, { recursive: true });
});

it('beside a verification raises no alarm', async () => {
  /** Calls `meanwhile` once the last chain was looked at, before the anchors are. */
  class Watched extends SqliteDatabase {
    looks = Number.POSITIVE_INFINITY;
    meanwhile: () => Promise<unknown> = async () => undefined;
    override async read<T>(look: (session: Session) => Promise<T>): Promise<T> {
      this.looks -= 1;
      if (this.looks === 0) await this.meanwhile();
      return super.read(look);
    }
  }
  const db = new Watched(new Connection(':memory:', 1000), 1000);
  const store = await openStoreOn(db, folding);
  await appendTo(store, [gap(1)], 1_000);
  await store.anchor(1_001);
  const outside = await store.heads();
  await appendTo(store, [gap(2)], 1_002);
  // Kept, and names an entry that is not.
  await store.anchor(2_500);
  await appendTo(store, [gap(3)], 3_000);
  db.meanwhile = () => store.prune(retention);
  // The list of chains, two chains, the anchors.
  db.looks = 4;
  expect(await store.verify(undefined, outside)).toMatchObject({ ok: true, chains: 2 });
  expect((await store.entries({ chain })).map(entry => entry.seq)).toEqual([3, 4]);
  expect((await store.entries({ chain: 'fleet' })).map(entry => entry.seq)).toEqual([2, 3, 4]);
  expect(await store.verify()).toMatchObject({ ok: true, checkpoints: 2 });
  db.meanwhile = async () => db.write(session => session.run('DELETE FROM entries WHERE chain = ?1', chain));
  db.looks = 4;
  expect(await store.verify()).toMatchObject({ ok: false, chain });
  await store.close();
});

it('goes on until every look that is older is gone, also when several were taken at one time', async () => {
  const db = new SqliteDatabase(new Connection(':memory:', 1000), 1000);
  const store = await openStoreOn(db, folding);
  await appendTo(store, [gap(1)], 1);
  for (const takenAt of [1, 1, 2, 3, 4, 5, 9])
    await store.transaction(tx => tx.observations(chain, snapshotAt(takenAt, 1)));
  expect(await pruneObservations(db, 9, 2)).toBe(6);
  expect((await store.observationsOf(chain, {})).map(one => one.takenAt)).toEqual([9]);
  await store.close();
});

it('leaves a chain that others write to each time, says so, and goes on with those after it', async () => {
  class Contended extends SqliteDatabase {
    override async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
      return super.transaction(async session => {
        const found = await work(session);
        if ((found as { chain?: string } | undefined)?.chain === chain)
          throw new PortError('between each time', {
            code: 'state-contended',
            retry: 'later',
            subject: chain,
          });
        return found;
      });
    }
  }
  const store = await openStoreOn(new Contended(new Connection(':memory:', 1000), 1000), folding);
  const other = { kind: 'model', name: 'other' } as const;
  await appendTo(store, [gap(1)], 1_000);
  await appendTo(store, [gap(1)], 1_000, { target: other });
  expect(await store.prune(retention)).toMatchObject({ chains: 1, entries: 1, left: [chain] });
  expect((await store.entries({ chain })).map(entry => entry.seq)).toEqual([1]);
  expect((await store.entries({ chain: 'model/other' })).map(entry => entry.seq)).toEqual([2]);
  expect(await store.verify()).toMatchObject({ ok: true, checkpoints: 1 });
  await store.close();
});
