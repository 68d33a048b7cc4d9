/** What befalls a state on its disk, and the way back from it: each test takes the steps that docs/operations.md gives. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { migrate } from './migrate.ts';
import { openSqliteStore } from './sqlite.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { appendTo, chain, folding, gap } from './store.fixture.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-recovery-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (at = path, more: Partial<typeof folding> = {}) =>
  openSqliteStore({ ...folding, ...more, path: at });

function sql(text: string): void {
  const db = new DatabaseSync(path);
  db.exec(text);
  db.close();
}

describe('a write-ahead log whose tail is damaged', () => {
  /** Ten transactions that stand in the log alone, copied as a power cut would leave them. */
  async function logged(): Promise<{
    readonly copy: string;
    readonly bytes: number;
    readonly heads: unknown;
  }> {
    const store = await open();
    await appendTo(store, [gap(0)], 0);
    const begun = statSync(`${path}-wal`).size;
    for (let n = 1; n <= 10; n += 1) await appendTo(store, [gap(n), gap(n)], n);
    const copy = join(folder, 'copy.db');
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${copy}${end}`);
    const heads = await store.heads();
    await store.close();
    expect(statSync(`${copy}-wal`).size).toBeGreaterThan(begun);
    return { copy, bytes: statSync(`${copy}-wal`).size, heads };
  }

  it.each([
    ['cut off', (wal: string, at: number) => truncateSync(wal, at)],
    [
      'overwritten',
      (wal: string, at: number) => {
        const bytes = readFileSync(wal);
        bytes.fill(0xff, at);
        writeFileSync(wal, bytes);
      },
    ],
  ])(
    '%s anywhere leaves whole transactions, says from outside what is missing, and goes on',
    async (_, damage) => {
      const { copy, bytes, heads } = await logged();
      const seen = new Set<number>();
      for (let lost = 1; lost < bytes; lost += Math.ceil(bytes / 40)) {
        const at = join(folder, `damaged-${lost}.db`);
        for (const end of ['', '-wal']) copyFileSync(`${copy}${end}`, `${at}${end}`);
        damage(`${at}-wal`, bytes - lost);
        const store = await open(at);
        const entries = (await store.entries({ chain })).length;
        seen.add(entries);
        expect(entries === 0 || entries % 2 === 1, `${entries} entries`).toBe(true);
        expect((await store.verify()).ok).toBe(true);
        expect((await store.rebuild()).differences).toEqual([]);
        const outside = await store.verify(undefined, heads as never);
        expect(outside).toMatchObject({ ok: false, chain, seq: entries + 1 });
        await appendTo(store, [gap(99)], 99);
        expect(await store.verify()).toMatchObject({ ok: true, entries: entries + 1 });
        await store.close();
      }
      expect(seen.size).toBeGreaterThan(5);
    },
  );
});

describe('a state of a newer version', () => {
  it('is refused by the version of its folds, and opened by that version', async () => {
    const store = await open(path, { foldVersion: 7 });
    await appendTo(store, [gap(1)], 1);
    await store.close();
    const before = readFileSync(path);
    await expect(open()).rejects.toMatchObject({ code: 'state-newer', retry: 'never', subject: path });
    await expect(open()).rejects.toThrow(/folded by version 7.*knows up to 1.*start that version/);
    expect(readFileSync(path).equals(before)).toBe(true);
    const newer = await open(path, { foldVersion: 7 });
    expect(await newer.verify()).toMatchObject({ ok: true, entries: 1 });
    await newer.close();
  });

  it('is refused where one entry is newer, and the others are read', async () => {
    const store = await open();
    await appendTo(store, [gap(1), gap(2)], 1);
    sql('UPDATE entries SET v = 2 WHERE seq = 2');
    await expect(store.entries({ chain })).rejects.toThrow(/entry 2 .* has version 2; expected 1/);
    expect(await store.entries({ chain, limit: 1 })).toHaveLength(1);
    sql('UPDATE entries SET v = 1 WHERE seq = 2');
    expect(await store.entries({ chain })).toHaveLength(2);
    await store.close();
  });
});

describe('a migration that was half applied', () => {
  it('because a statement failed leaves nothing, and is made whole the next time', async () => {
    const db = new SqliteDatabase(new Connection(path, 1000), 1000);
    const broken = [
      ...db.schema.steps,
      'CREATE TABLE extra (a INTEGER) STRICT; INSERT INTO nowhere VALUES (1)',
    ];
    await expect(migrate(db, broken)).rejects.toThrow(/nowhere/);
    const tables = async () => (await db.all<{ name: string }>(db.schema.tables)).map(row => row.name);
    expect(await tables()).not.toContain('extra');
    await migrate(db, [...db.schema.steps, 'CREATE TABLE extra (a INTEGER) STRICT']);
    expect(await tables()).toContain('extra');
    await db.close();
  });

  it('because the process died leaves nothing', async () => {
    const store = await open();
    await appendTo(store, [gap(1)], 1);
    await store.close();
    const file = fileURLToPath(new URL('migration.child.ts', import.meta.url));
    expect(spawnSync(process.execPath, [file, path]).signal).toBe('SIGKILL');
    expect(existsSync(`${path}-wal`)).toBe(true);
    const again = await open();
    expect(await again.verify()).toMatchObject({ ok: true, entries: 1 });
    await again.setMeta('half', 'no');
    await again.close();
  });

  it('by somebody else is refused as it is, and restored from a backup', async () => {
    const store = await open();
    await appendTo(store, [gap(1)], 1);
    await store.backup(join(folder, 'backup.db'));
    await store.close();
    sql('DELETE FROM migrations WHERE number = 2');
    await expect(open()).rejects.toMatchObject({ code: 'state-damaged', retry: 'never' });
    await expect(open()).rejects.toThrow(/only \d+ are recorded.*restore a backup/);
    await restoreInto(join(folder, 'new.db'));
  });
});

it('a damaged file is named, moved away, and restored from a backup', async () => {
  const store = await open();
  const bodies = Array.from({ length: 300 }, (_, n) => gap(n));
  await appendTo(store, bodies, 1);
  await store.backup(join(folder, 'backup.db'));
  await store.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096);
  writeFileSync(path, bytes);
  const use = open().then(opened => opened.verify().finally(() => opened.close()));
  await expect(use).rejects.toMatchObject({ code: 'state-damaged', retry: 'never' });
  await expect(use).rejects.toThrow(/restore a backup/);
  for (const end of ['', '-wal', '-shm'])
    if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, join(folder, `aside${end}`));
  await restoreInto(path);
});

/** The backup in a new state is whole, and goes on. */
async function restoreInto(at: string): Promise<void> {
  const store = await open(at);
  const { ledger } = await store.restore(join(folder, 'backup.db'));
  const entries = ledger.ok ? ledger.entries : -1;
  expect(await store.verify()).toMatchObject({ ok: true, entries });
  expect((await store.rebuild()).differences).toEqual([]);
  await appendTo(store, [gap(1)], 2);
  expect(await store.verify()).toMatchObject({ ok: true, entries: entries + 1 });
  await store.close();
}
