/** The one SQLite connection of a store: durability settings, a queue of transactions, and errors that people can use. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert, PortError } from '../model.ts';
import { isBusy, storeFailure } from './failure.ts';

/** How long one statement blocks the process for a lock; longer waits are made without blocking it. */
const BLOCKING_MS = 50;
const RETRY_MS = 10;

/** Does one step of a transaction: refuses it after the end, and spoils the whole when it throws. */
export type Within = <T>(step: () => T) => T;

/** One open transaction. `failed` is the first step that was refused in it: nothing after it counts. */
interface Scope {
  open: boolean;
  failed?: unknown;
}

/**
 * Holds the database open. Transactions and reads go through one queue, because they share one connection: a read never
 * sees the half of another caller's transaction. Within a transaction's own callback, reads see its writes.
 */
export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #busyMs: number;
  readonly #statements = new Map<string, StatementSync>();
  readonly #scopes = new AsyncLocalStorage<Scope>();
  #running: Scope | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  /** `path` is a file, made with mode 0600 in a directory with mode 0700, or `:memory:`. Throws PortError. */
  constructor(path: string, busyMs: number) {
    this.path = path;
    this.#busyMs = busyMs;
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
   * intent that a power cut undoes after its effect began would be repeated. WAL lets readers of other processes go on.
   */
  configure(): void {
    const mode = this.get<{ journal_mode: string }>('PRAGMA journal_mode = WAL')?.journal_mode;
    if (mode !== 'wal' && this.path !== ':memory:') {
      throw new PortError(
        `state ${this.path}: its file system gives journal mode ${mode}; expected wal, which needs shared memory. ` +
          "Name a place on a local disk for 'state'.",
        { code: 'state-unopened', retry: 'never', subject: this.path },
      );
    }
    this.exec(`PRAGMA synchronous = FULL; PRAGMA busy_timeout = ${BLOCKING_MS};`);
  }

  /** Statements without parameters and without rows. */
  exec(sql: string): void {
    this.#try(() => this.#db.exec(sql));
  }

  /** All rows. `Row` is what the SQL selects; columns are checked by STRICT tables. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#try(() => this.#prepared(sql).all(...values) as Row[]);
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#try(() => this.#prepared(sql).get(...values) as Row | undefined);
  }

  /** The number of rows that were changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#try(() => Number(this.#prepared(sql).run(...values).changes));
  }

  /** Rows one by one, in bounded memory. The statement is its own, so that two iterations never share one. */
  *each<Row>(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    const rows = this.#try(() => this.#db.prepare(sql).iterate(...values));
    try {
      for (;;) {
        const next = this.#try(() => rows.next());
        if (next.done === true) return;
        yield next.value as Row;
      }
    } finally {
      rows.return?.();
    }
  }

  /** A consistent look at the state, without a lock. Waits for a running transaction, except within it. */
  async read<T>(look: () => T): Promise<T> {
    if (this.#scopes.getStore()?.open === true) return look();
    return this.#enqueue(() => {
      this.run('BEGIN');
      try {
        return look();
      } finally {
        if (this.#db.isTransaction) this.run('COMMIT');
      }
    });
  }

  /** One statement or a few, in a transaction of their own, or in the one that the caller is in. */
  async write<T>(work: () => T): Promise<T> {
    return this.#scopes.getStore()?.open === true ? work() : this.transaction(async () => work());
  }

  /**
   * All of `work` or nothing, also when `work` swallows an error. Transactions of one process wait for each other, and for
   * those of others. Each step goes through `within`, so that a forgotten `await` cannot write after the end.
   */
  async transaction<T>(work: (within: Within) => Promise<T>): Promise<T> {
    assert(this.#scopes.getStore()?.open !== true, 'a transaction was begun within a transaction');
    return this.#enqueue(async () => {
      await this.#begin();
      const scope: Scope = { open: true };
      this.#running = scope;
      const within: Within = step => {
        assert(scope.open, 'a transaction was used after its end');
        try {
          return step();
        } catch (error) {
          scope.failed ??= error;
          throw error;
        }
      };
      try {
        const result = await this.#scopes.run(scope, () => work(within));
        if (scope.failed !== undefined) throw scope.failed;
        this.run('COMMIT');
        return result;
      } finally {
        scope.open = false;
        this.#running = undefined;
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      }
    });
  }

  /** Waits for what runs, then closes. Nothing may be asked afterwards. */
  async close(): Promise<void> {
    assert(this.#scopes.getStore()?.open !== true, 'the state was closed within a transaction');
    await this.#enqueue(() => {
      this.#statements.clear();
      if (this.#db.isOpen) this.#db.close();
    });
  }

  /** Waits for other processes without blocking this one: the rest of the daemon lives on. */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#busyMs;
    for (;;) {
      try {
        this.#prepared('BEGIN IMMEDIATE').run();
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw storeFailure(error, this.path);
      }
      await sleep(RETRY_MS);
    }
  }

  #enqueue<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #try<T>(work: () => T): T {
    // After a refusal SQLite may have rolled back already, and a further statement would be committed alone.
    const scope = this.#running;
    if (scope?.failed !== undefined) throw scope.failed;
    try {
      return work();
    } catch (error) {
      const failure = storeFailure(error, this.path);
      if (scope) scope.failed = failure;
      throw failure;
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
