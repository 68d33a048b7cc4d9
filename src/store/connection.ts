/** One SQLite connection: durability settings, prepared statements, and errors that people can use. Everything is at once. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PortError } from '../model.ts';
import type { Value } from './database.ts';
import { storeFailure } from './failure.ts';
import type { Statements } from './session.ts';

/** How long one statement blocks the process for a lock; longer waits are made without blocking it. */
const BLOCKING_MS = 50;

export class Connection implements Statements {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** `path` is a file, made with mode 0600 in a directory with mode 0700, or `:memory:`. Throws PortError. */
  constructor(path: string, busyMs: number) {
    this.path = path;
    try {
      if (path !== ':memory:') createPrivateFile(path);
      // At opening another process may be recovering the write-ahead log, so this once we do wait.
      this.#db = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: true });
    } catch (error) {
      throw storeFailure(error, path);
    }
  }

  /**
   * Makes every commit durable before it returns: with `synchronous = FULL` the log is flushed at each commit, since an
   * intent that a power cut undoes after its effect began would be repeated. WAL lets readers of other processes go on; it is
   * taken into the file every 32 MB, because that writes the same pages once which many ticks have changed.
   */
  configure(): void {
    const mode = this.all<{ journal_mode: string }>('PRAGMA journal_mode = WAL')[0]?.journal_mode;
    if (mode !== 'wal' && this.path !== ':memory:') {
      throw new PortError(
        `state ${this.path}: its file system gives journal mode ${mode}; expected wal, which needs shared memory. ` +
          "Name a place on a local disk for 'state'.",
        { code: 'state-unopened', retry: 'never', subject: this.path },
      );
    }
    this.exec(
      `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8192; PRAGMA busy_timeout = ${BLOCKING_MS};`,
    );
  }

  exec(sql: string): void {
    this.#try(() => this.#db.exec(sql));
  }

  all<Row>(sql: string, values: readonly Value[] = []): Row[] {
    return this.#try(() => this.#statement(sql).all(...values) as Row[]);
  }

  run(sql: string, values: readonly Value[] = []): number {
    return this.#try(() => Number(this.#statement(sql).run(...values).changes));
  }

  /** Begins a transaction that writes. Throws PortError `state-locked` when another process is in one. */
  begin(): void {
    this.#try(() => this.#statement('BEGIN IMMEDIATE').run());
  }

  get isTransaction(): boolean {
    return this.#db.isTransaction;
  }

  close(): void {
    this.#prepared.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFailure(error, this.path);
    }
  }
}

/**
 * Makes a missing file with its directory, for the owner only; SQLite gives its neighbours the same mode. An existing one
 * is not even opened: closing it here would drop the locks that another connection of this process holds on it.
 */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
