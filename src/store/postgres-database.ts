/** The database of a state on PostgreSQL: a pool of connections, and transactions that are begun again after a conflict. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { assert, PortError } from '../model.ts';
import { placeOf } from './address.ts';
import type { Database, Value } from './database.ts';
import { postgresSchema, SCHEMA } from './migrations-postgres.ts';
import {
  commitUnknown,
  isClosed,
  isConflict,
  isDuplicate,
  isLost,
  postgresFailure,
} from './postgres-failure.ts';
import { Session, Sessions, type Statements } from './session.ts';

/** Connections at once. Each transaction and each look takes one for its time. */
const CONNECTIONS = 10;
/** A cut connection is noticed within these: at connecting, and at a statement whose answer does not come. */
const CONNECT_MS = 8_000;
const ANSWER_MS = 10_000;
/** A migration may rewrite a large table. */
const SCHEMA_MS = 3_600_000;
/** How often a transaction is begun again, with pauses that grow. */
const ATTEMPTS = 30;
/** A row that another transaction has just written is seen at the second look; one of our own bugs is there at every look. */
const DUPLICATES = 3;
const PAUSE_MS = { first: 2, max: 100 };

/** Of every connection. A replica that is stopped within a transaction loses it, and its locks, after a while. */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: SCHEMA,
  synchronous_commit: 'on',
  statement_timeout: '8s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
};

const INT8 = 20;
const types = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ';

export class PostgresDatabase implements Database {
  readonly place: string;
  readonly schema = postgresSchema;
  readonly size = `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '${SCHEMA}' AND c.relkind = 'r'`;
  readonly #pool: pg.Pool;
  readonly #sessions = new Sessions();
  readonly #names = new Map<string, { readonly name: string; readonly text: string }>();

  /** `url` as `postgres://user@host/database`; a password may also come from PGPASSWORD or ~/.pgpass. Connects to nothing yet. */
  constructor(url: string) {
    this.place = placeOf(url);
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: 'flyball',
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 2_000,
      options: Object.entries(SETTINGS)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      types,
    });
    // A connection that breaks while nobody waits on it says so here; the pool has let go of it already.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', client => void client.on('error', () => undefined));
  }

  /** Text is compared by bytes, and holds every character. */
  async configure(): Promise<void> {
    const row = await this.get<{ server_encoding: string }>('SHOW server_encoding');
    if (row?.server_encoding === 'UTF8') return;
    throw new PortError(
      `state ${this.place}: the database has encoding ${row?.server_encoding}; expected UTF8. Nothing was written; make one ` +
        "with 'createdb --encoding=UTF8 --template=template0'.",
      { code: 'state-unopened', retry: 'never', subject: this.place },
    );
  }

  async now(): Promise<number> {
    const sql = 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now';
    return (await this.get<{ now: number }>(sql))?.now ?? Number.NaN;
  }

  /** A statement that only looks: it is asked again when its connection was gone. */
  async all<Row>(sql: string, ...values: Value[]): Promise<Row[]> {
    const session = this.#sessions.current();
    if (session) return session.all<Row>(sql, ...values);
    return this.#again(async () => {
      const client = await this.#connect();
      return this.#released(client, () => this.#ask<Row>(client, sql, values).then(answer => answer.rows));
    });
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
    const client = await this.#begun(`${BEGIN} READ ONLY`);
    return this.#released(client, async () => {
      const result = await look(new Session(this.#statements(client), ''));
      await this.#ask(client, 'COMMIT');
      return result;
    });
  }

  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#sessions.current();
    return session ? work(session) : this.transaction(work);
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    assert(this.#sessions.current() === undefined, 'a transaction was begun within a transaction');
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        const again = isConflict(error) ? attempt < ATTEMPTS : isDuplicate(error) && attempt < DUPLICATES;
        if (!again) throw error;
      }
      await sleep(Math.random() * Math.min(PAUSE_MS.first * 2 ** attempt, PAUSE_MS.max));
    }
  }

  async close(): Promise<void> {
    assert(this.#sessions.current() === undefined, 'the state was closed within a transaction');
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #attempt<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#begun(BEGIN);
    return this.#released(client, async () => {
      const session = new Session(this.#statements(client), ' FOR UPDATE');
      try {
        const result = await this.#sessions.within(session, work);
        await this.#commit(client);
        return result;
      } catch (error) {
        throw session.causeOf(error);
      }
    });
  }

  /** After a lost answer nobody knows: whoever asks again must look first. */
  async #commit(client: pg.PoolClient): Promise<void> {
    try {
      await this.#ask(client, 'COMMIT');
    } catch (error) {
      throw isLost(error) ? commitUnknown(error, this.place) : error;
    }
  }

  /** A connection in a new transaction. One that broke while it was idle is replaced: nothing was done on it. */
  #begun(begin: string): Promise<pg.PoolClient> {
    return this.#again(async () => {
      const client = await this.#connect();
      try {
        await this.#ask(client, begin);
        return client;
      } catch (error) {
        client.release(true);
        throw error;
      }
    });
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isClosed(error)) throw error;
      return work();
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw postgresFailure(error, this.place);
    }
  }

  /** Gives the connection back, in no transaction; or ends it, when it is not certain how it stands. */
  async #released<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      client.release();
      return result;
    } catch (error) {
      const broken = isLost(error) || !(await this.#rolledBack(client));
      client.release(broken);
      throw error;
    }
  }

  #rolledBack(client: pg.PoolClient): Promise<boolean> {
    return this.#ask(client, 'ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  #statements(client: pg.PoolClient): Statements {
    return {
      all: async <Row>(sql: string, values: readonly Value[]) =>
        (await this.#ask<Row>(client, sql, values)).rows,
      run: async (sql, values) => (await this.#ask(client, sql, values)).rowCount ?? 0,
      exec: async sql => {
        await this.#ask(client, sql, [], SCHEMA_MS);
      },
    };
  }

  /** In PostgreSQL's placeholders, by a name under which each connection plans it once. */
  #named(sql: string): { readonly name: string; readonly text: string } {
    const known = this.#names.get(sql);
    if (known) return known;
    const named = { name: `flyball_${this.#names.size}`, text: sql.replace(/\?(\d+)/g, '$$$1') };
    this.#names.set(sql, named);
    return named;
  }

  async #ask<Row>(
    client: pg.PoolClient,
    sql: string,
    values: readonly Value[] = [],
    query_timeout = ANSWER_MS,
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }> {
    try {
      // Without values it is one message, and may be several statements.
      const question =
        values.length > 0
          ? { ...this.#named(sql), values: [...values], query_timeout }
          : { text: sql, query_timeout };
      return (await client.query(question)) as unknown as { rows: Row[]; rowCount: number | null };
    } catch (error) {
      throw postgresFailure(error, this.place);
    }
  }
}
