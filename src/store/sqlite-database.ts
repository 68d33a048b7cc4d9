/** The database of a state on SQLite: one connection, and a queue of the transactions and looks that share it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { assert, PortError } from '../model.ts';
import type { Connection } from './connection.ts';
import type { Database, Value } from './database.ts';
import { sqliteSchema } from './migrations-sqlite.ts';
import { Session, Sessions } from './session.ts';

const RETRY_MS = 10;
/** Transactions that are committed together at most. */
const MOST_TOGETHER = 64;

interface Waiting {
  readonly work: (session: Session) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A look never sees the half of another caller's transaction, because both wait in one queue. Within a transaction's own
 * callback, looks see its writes.
 */
export class SqliteDatabase implements Database {
  readonly place: string;
  readonly schema = sqliteSchema;
  readonly size = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size';
  readonly #db: Connection;
  readonly #busyMs: number;
  readonly #sessions = new Sessions();
  readonly #waiting: Waiting[] = [];
  #tail: Promise<unknown> = Promise.resolve();

  /** `busyMs`: how long a transaction waits for another process before it gives up. */
  constructor(db: Connection, busyMs: number) {
    this.place = db.path;
    this.#db = db;
    this.#busyMs = busyMs;
  }

  async configure(): Promise<void> {
    await this.#enqueue(() => this.#db.configure());
  }

  async now(): Promise<number> {
    return Date.now();
  }

  async all<Row>(sql: string, ...values: Value[]): Promise<Row[]> {
    const session = this.#sessions.current();
    return session ? session.all<Row>(sql, ...values) : this.#enqueue(() => this.#db.all<Row>(sql, values));
  }

  async get<Row>(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0];
  }

  inTransaction(): boolean {
    return this.#sessions.current() !== undefined;
  }

  async read<T>(look: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#sessions.current();
    if (session) return look(session);
    return this.#enqueue(async () => {
      this.#db.run('BEGIN');
      try {
        return await look(new Session(this.#db, ''));
      } finally {
        if (this.#db.isTransaction) this.#db.run('COMMIT');
      }
    });
  }

  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#sessions.current();
    return session ? work(session) : this.transaction(work);
  }

  /**
   * Transactions of one process wait for each other, and for those of others. Those that have come to wait are committed
   * together, each under a savepoint of its own: nearly all of a commit's time is the disk's, and they share it.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    assert(this.#sessions.current() === undefined, 'a transaction was begun within a transaction');
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
      void this.#enqueue(() => this.#commitWaiting());
    });
  }

  /** Every transaction that waits now. None when an earlier group has taken them. */
  async #commitWaiting(): Promise<void> {
    const group = this.#waiting.splice(0, MOST_TOGETHER);
    if (group.length === 0) return;
    const done: (() => void)[] = [];
    try {
      await this.#begin();
      for (const one of group) done.push(await this.#underSavepoint(one));
      this.#db.run('COMMIT');
      for (const tell of done) tell();
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
  }

  /** Gives how to tell its caller, once the group is committed. Throws when the database gave up the whole group. */
  async #underSavepoint({ work, resolve, reject }: Waiting): Promise<() => void> {
    const session = new Session(this.#db, '');
    this.#db.run('SAVEPOINT one');
    try {
      const result = await this.#sessions.within(session, work);
      this.#db.run('RELEASE one');
      return () => resolve(result);
    } catch (error) {
      const cause = session.causeOf(error);
      // A full disk, among others, undoes everything that was not committed yet.
      if (!this.#db.isTransaction) throw cause;
      this.#db.exec('ROLLBACK TO one; RELEASE one');
      return () => reject(cause);
    }
  }

  async close(): Promise<void> {
    assert(this.#sessions.current() === undefined, 'the state was closed within a transaction');
    await this.#enqueue(() => this.#db.close());
  }

  /** Waits for other processes without blocking this one: the rest of the daemon lives on. */
  async #begin(): Promise<void> {
    const deadline = performance.now() + this.#busyMs;
    for (;;) {
      try {
        this.#db.begin();
        return;
      } catch (error) {
        const locked = error instanceof PortError && error.code === 'state-locked';
        if (!locked || performance.now() > deadline) throw error;
      }
      await sleep(RETRY_MS);
    }
  }

  #enqueue<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
