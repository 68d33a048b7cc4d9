/** A state as one SQLite file, whatever database it is on: written while the daemon runs, and loaded into an empty state. */
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortError } from '../model.ts';
import { Connection } from './connection.ts';
import { type Database, placeholders, type Reader, type Value } from './database.ts';
import { storeFailure } from './failure.ts';
import { type Verification, verify } from './ledger.ts';
import { migrate } from './migrate.ts';
import type { Session } from './session.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { type Table, tables } from './tables.ts';

/** Rows in memory at once. */
const PAGE = 50;
const BUSY_MS = 10_000;

export interface Copied {
  readonly rows: number;
  readonly bytes: number;
  /** Of the ledger in the copy. */
  readonly ledger: Verification;
}

/**
 * Writes everything as it is at one moment into a new file, which appears whole or not at all. A damaged ledger is copied
 * too, and said. Throws PortError when the file is there already or cannot be written.
 */
export async function backup(db: Database, path: string): Promise<Copied> {
  if (existsSync(path)) {
    throw new PortError(
      `backup ${path}: there is such a file already; expected a new name. Nothing was written.`,
      {
        ...{ code: 'backup-exists', retry: 'never', subject: path },
      },
    );
  }
  const partial = `${path}.partial`;
  remove(partial);
  const connection = new Connection(partial, BUSY_MS);
  const file = new SqliteDatabase(connection, BUSY_MS);
  try {
    await migrate(file);
    const rows = await db.read(from => file.transaction(into => copyAll(from, into)));
    const ledger = await verify(file);
    // One file, without neighbours.
    connection.exec('PRAGMA journal_mode = DELETE');
    await file.close();
    renameSync(partial, path);
    return { rows, bytes: statSync(path).size, ledger };
  } catch (error) {
    await file.close();
    remove(partial);
    throw storeFailure(error, path);
  }
}

/**
 * Loads a backup into an empty state, all of it or nothing. An older schema is brought up first, in a copy. Throws PortError
 * when the state is not empty, or when the file is no backup or its ledger is not whole.
 */
export async function restore(db: Database, path: string): Promise<Copied> {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-restore-'));
  try {
    const copy = join(folder, 'state.db');
    copyFileSync(path, copy);
    const file = new SqliteDatabase(new Connection(copy, BUSY_MS), BUSY_MS);
    try {
      await migrate(file);
      const ledger = await verify(file);
      if (!ledger.ok) throw altered(path, ledger);
      const rows = await db.transaction(async into => {
        await refuseFull(into, db.place);
        const copied = await file.read(from => copyAll(from, into));
        await into.exec(db.schema.afterCopy);
        return copied;
      });
      return { rows, bytes: statSync(path).size, ledger };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storeFailure(error, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copyAll(from: Reader, into: Session): Promise<number> {
  let rows = 0;
  for (const table of tables) {
    for await (const page of pagesOf(from, table)) {
      const { name, columns } = table;
      const list = placeholders(page.length, columns.length);
      const values = page.flatMap(row => columns.map(column => row[column] ?? null));
      await into.run(`INSERT INTO ${name} (${columns.join(', ')}) VALUES ${list}`, ...values);
      rows += page.length;
    }
  }
  return rows;
}

type Row = Readonly<Record<string, Value>>;

async function* pagesOf(db: Reader, { name, key, columns }: Table): AsyncGenerator<readonly Row[]> {
  const keys = key.join(', ');
  const select = `SELECT ${columns.join(', ')} FROM ${name}`;
  const order = `ORDER BY ${keys} LIMIT ${PAGE}`;
  let page = await db.all<Row>(`${select} ${order}`);
  while (page.length > 0) {
    yield page;
    const last = page.at(-1);
    if (page.length < PAGE || !last) return;
    const after = key.map(column => last[column] ?? null);
    page = await db.all<Row>(`${select} WHERE (${keys}) > ${placeholders(1, key.length)} ${order}`, ...after);
  }
}

async function refuseFull(db: Reader, place: string): Promise<void> {
  for (const name of ['heads', 'facts', 'revision', 'outbox']) {
    if ((await db.all(`SELECT 1 FROM ${name} LIMIT 1`)).length === 0) continue;
    throw new PortError(
      `state ${place}: it is not empty (${name} has rows); expected a new one. Nothing was changed; name another place for ` +
        "'state', or move this one away.",
      { code: 'state-not-empty', retry: 'never', subject: place },
    );
  }
}

function altered(path: string, { chain, seq, problem }: Extract<Verification, { ok: false }>): PortError {
  return new PortError(
    `backup ${path}: entry ${seq} of ${chain} is not as it was appended: ${problem}. Nothing was restored; take another ` +
      'backup.',
    { code: 'ledger-altered', retry: 'never', subject: path },
  );
}

function remove(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
}
