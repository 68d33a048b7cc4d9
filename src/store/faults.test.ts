/** What the disk, other processes and foreign files do to the store: a clear message, and nothing half written. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Observation, PortError } from '../model.ts';
import { Connection } from './connection.ts';
import type { Value } from './database.ts';
import { storeFailure } from './failure.ts';
import { openStoreOn } from './on-database.ts';
import { openSqliteStore } from './sqlite.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import {
  actionRowFor,
  appendTo,
  chain,
  commitOf,
  flights,
  foldAll,
  folding,
  gap,
  policyOf,
  snapshotAt,
} from './store.fixture.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-faults-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Fails the k-th statement that writes, before it is done or after. */
class FaultyConnection extends Connection {
  left = Number.POSITIVE_INFINITY;
  when: 'before' | 'after' = 'before';
  override run(sql: string, values: readonly Value[] = []): number {
    this.left -= 1;
    if (this.left === 0 && this.when === 'before') throw new Error('fault');
    const changes = super.run(sql, values);
    if (this.left === 0 && this.when === 'after') throw new Error('fault');
    return changes;
  }
}

describe.each(['before', 'after'] as const)('a fault %s the k-th statement of a tick', when => {
  it('leaves all of it or nothing, and the tick can be made again', async () => {
    let k = 0;
    for (let faults = true; faults; ) {
      k += 1;
      const db = new FaultyConnection(':memory:', 1000);
      const store = await openStoreOn(new SqliteDatabase(db, 1000), folding);
      const bodies = [gap(1), gap(2), gap(3)];
      const tick = () =>
        store.transaction(async tx => {
          const own = foldAll(folding.emptyOwn(flights), bodies, 9);
          await tx.append({ target: flights, bodies, at: 9, own, dueAt: 99 });
          await tx.setFact('lock:a', 'x');
          await tx.recordTick({ chain, from: 1, to: 3, snapshot: snapshotAt(9, 1), facts: {}, closures: [] });
          await tx.observations(chain, snapshotAt(9, 1));
          await tx.putAction(actionRowFor('a'));
          await tx.fleet([gap(9)], 9);
          await tx.setRevision(
            { commit: commitOf('c'), policies: [policyOf('p', commitOf('c'), 'h')] },
            undefined,
          );
          await tx.putMessage({ key: 'k', at: 9, severity: 'info', target: chain, title: 't', text: '' });
        });
      const state = async () => ({
        chains: await store.chains(),
        facts: await store.factsWithPrefix(''),
        ticks: (await store.ticks(chain)).length,
        rows: (await store.observationsOf(chain, {})).length,
        actions: (await store.actions({})).length,
        revision: (await store.revision())?.commit.sha,
        messages: (await store.messages({})).length,
      });
      db.left = k;
      db.when = when;
      faults = await tick().then(
        () => false,
        () => true,
      );
      db.left = Number.POSITIVE_INFINITY;
      const now = await state();
      if (faults && now.chains.length === 0) {
        expect(now).toEqual({
          chains: [],
          facts: {},
          ticks: 0,
          rows: 0,
          actions: 0,
          revision: undefined,
          messages: 0,
        });
        await tick();
      }
      expect(await state(), `fault ${k}`).toEqual({
        chains: ['fleet', chain],
        facts: { 'lock:a': { version: 1, value: 'x' } },
        ticks: 1,
        rows: 1,
        actions: 1,
        revision: 'c',
        messages: 1,
      });
      expect(await store.verify()).toEqual({ ok: true, chains: 2, entries: 4 });
      await store.close();
    }
    expect(k).toBeGreaterThan(10);
  });
});

describe('a group of transactions that is rolled back', () => {
  class FaultyCommit extends Connection {
    left = 0;
    override run(sql: string, values: readonly Value[] = []): number {
      if (sql === 'COMMIT' && this.left-- > 0) throw new Error('fault');
      return super.run(sql, values);
    }
  }
  const opened = async () => {
    const db = new FaultyCommit(':memory:', 1000);
    return { db, store: await openStoreOn(new SqliteDatabase(db, 1000), folding) };
  };

  it('leaves no number of a shape behind, and another shape may take it', async () => {
    const { db, store } = await opened();
    const seen = (takenAt: number, unit: string) => {
      const snapshot = snapshotAt(takenAt, 1);
      const rows = { ...snapshot.observations.drift?.rows, unit } as Observation;
      return { ...snapshot, observations: { drift: { rows } } };
    };
    const keep = (takenAt: number, unit: string) =>
      store.transaction(async tx => {
        await tx.observations(chain, seen(takenAt, unit));
        return store.observationsOf(chain, {});
      });
    db.left = 1;
    const group = await Promise.allSettled([keep(1, 'ms'), keep(2, 'ms')]);
    expect(group.map(one => one.status)).toEqual(['rejected', 'rejected']);
    await keep(3, 'rows');
    await keep(4, 'ms');
    const read = await store.observationsOf(chain, {});
    expect(read.map(one => [one.takenAt, one.observation.unit])).toEqual([
      [4, 'ms'],
      [3, 'rows'],
    ]);
    await store.close();
  });

  it('leaves no revision behind under a version that is given again', async () => {
    const { db, store } = await opened();
    const take = (sha: string) =>
      store.transaction(async tx => {
        await tx.setRevision({ commit: commitOf(sha), policies: [] }, undefined);
        return store.revision();
      });
    db.left = 1;
    const group = await Promise.allSettled([take('a'), store.transaction(() => store.revision())]);
    expect(group.map(one => one.status)).toEqual(['rejected', 'rejected']);
    expect((await take('b'))?.commit.sha).toBe('b');
    expect((await store.revision())?.commit.sha).toBe('b');
    await store.close();
  });
});

describe('trouble', () => {
  it('a full disk loses nothing that was committed, and the store goes on when there is room', async () => {
    const db = new Connection(path, 1000);
    const store = await openStoreOn(new SqliteDatabase(db, 1000), folding);
    db.exec('PRAGMA max_page_count = 60');
    let kept = 0;
    const fill = async () => {
      for (;;) {
        await appendTo(store, [gap(1), gap(2), gap(3)], kept);
        kept += 3;
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: 'disk-full', retry: 'later', subject: path });
    expect(kept).toBeGreaterThan(0);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: kept });
    expect((await store.target(chain))?.own.seq).toBe(kept);
    db.exec('PRAGMA max_page_count = 100000');
    await appendTo(store, [gap(1)], 1);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: kept + 1 });
    await store.close();
  });

  it('a locked database is waited for, then named', async () => {
    const store = await openSqliteStore({ ...folding, path, busyMs: 200 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(appendTo(store, [gap(1)], 1)).rejects.toMatchObject({
      code: 'state-locked',
      retry: 'later',
    });
    expect(await store.chains()).toEqual([]);
    const waiting = appendTo(store, [gap(1)], 1);
    other.exec('COMMIT');
    other.close();
    expect(await waiting).toHaveLength(1);
    await store.close();
  });

  it('the file and its directory are the owner’s only', async () => {
    const inner = join(folder, 'a', 'b');
    const store = await openSqliteStore({ ...folding, path: join(inner, 'state.db') });
    await appendTo(store, [gap(1)], 1);
    expect(statSync(inner).mode & 0o777).toBe(0o700);
    for (const name of ['state.db', 'state.db-wal', 'state.db-shm'])
      expect(statSync(join(inner, name)).mode & 0o777, name).toBe(0o600);
    await store.close();
  });

  it('commits are flushed and readers of other processes are not stopped', async () => {
    const db = new Connection(path, 1000);
    const store = await openStoreOn(new SqliteDatabase(db, 1000), folding);
    expect(db.all('PRAGMA synchronous')[0]).toMatchObject({ synchronous: 2 });
    expect(db.all('PRAGMA journal_mode')[0]).toMatchObject({ journal_mode: 'wal' });
    expect(db.all('PRAGMA foreign_keys')[0]).toMatchObject({ foreign_keys: 1 });
    await store.close();
  });

  const refused: readonly [string, (at: string) => void, Partial<PortError>, RegExp][] = [
    [
      'a text file',
      at => writeFileSync(at, 'kind: Policy\n'.repeat(100)),
      { code: 'not-a-state-file' },
      /move that file away/,
    ],
    ['a directory', at => mkdirSync(at), { code: 'state-unopened' }, /could not be opened/],
    [
      'another program’s database',
      at => sql(at, 'CREATE TABLE songs (a)'),
      { code: 'not-a-state-file' },
      /tables songs/,
    ],
    [
      'a newer schema',
      at => sql(at, 'CREATE TABLE migrations (number INTEGER); INSERT INTO migrations VALUES (99)'),
      { code: 'state-newer' },
      /number 99.*knows up to \d+/,
    ],
  ];
  it.each(refused)('%s is refused and stays as it is', async (_, make, details, message) => {
    make(path);
    const before = statSync(path).isFile() ? readFileSync(path) : undefined;
    const opening = openSqliteStore({ ...folding, path, busyMs: 200 });
    await expect(opening).rejects.toBeInstanceOf(PortError);
    await expect(opening).rejects.toMatchObject({ ...details, retry: 'never', subject: path });
    await expect(opening).rejects.toThrow(message);
    if (before) expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('a file in the place of the directory is named', async () => {
    writeFileSync(join(folder, 'file'), '');
    const opening = openSqliteStore({ ...folding, path: join(folder, 'file', 'state.db') });
    await expect(opening).rejects.toMatchObject({ code: 'state-unopened' });
  });

  it('a damaged file is named as such', async () => {
    const store = await openSqliteStore({ ...folding, path });
    await appendTo(
      store,
      Array.from({ length: 200 }, (_, n) => gap(n)),
      1,
    );
    await store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096);
    writeFileSync(path, bytes);
    const use = openSqliteStore({ ...folding, path }).then(opened =>
      opened.verify().finally(() => opened.close()),
    );
    await expect(use).rejects.toMatchObject({ code: 'state-damaged', retry: 'never' });
  });

  it('a read-only database is named as such', () => {
    sql(path, 'CREATE TABLE a (b)');
    const db = new DatabaseSync(path, { readOnly: true });
    let failure: unknown;
    try {
      db.exec('INSERT INTO a VALUES (1)');
    } catch (error) {
      failure = storeFailure(error, path);
    }
    db.close();
    expect(failure).toMatchObject({ name: 'PortError', code: 'state-read-only', retry: 'never' });
  });

  it('our own bugs are not blamed on the disk', () => {
    const bug = new TypeError('x is not a function');
    expect(storeFailure(bug, path)).toBe(bug);
  });
});

function sql(at: string, text: string): void {
  const db = new DatabaseSync(at);
  db.exec(text);
  db.close();
}
