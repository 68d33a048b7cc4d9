/** One open transaction of a database: its statements, in the order of its steps, and nothing once a step was refused. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { assert } from '../model.ts';
import type { Reader, Value } from './database.ts';

/** What a database does for a session. Each throws PortError. */
export interface Statements {
  all<Row>(sql: string, values: readonly Value[]): Row[] | Promise<Row[]>;
  /** The number of rows that were changed. */
  run(sql: string, values: readonly Value[]): number | Promise<number>;
  /** One or more statements without parameters and without rows. */
  exec(sql: string): void | Promise<void>;
}

export class Session implements Reader {
  /** Ends a SELECT whose rows nobody else may change before this transaction ends. Empty where transactions never overlap. */
  readonly forUpdate: '' | ' FOR UPDATE';
  readonly #statements: Statements;
  #open = true;
  #refused: { readonly error: unknown } | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(statements: Statements, forUpdate: Session['forUpdate']) {
    this.#statements = statements;
    this.forUpdate = forUpdate;
  }

  all<Row>(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.#whole(async () => this.#statements.all<Row>(sql, values));
  }

  async get<Row>(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0];
  }

  run(sql: string, ...values: Value[]): Promise<number> {
    return this.#whole(async () => this.#statements.run(sql, values));
  }

  exec(sql: string): Promise<void> {
    return this.#whole(async () => this.#statements.exec(sql));
  }

  /** Several statements that belong together: steps wait for each other, also when their caller does not. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    assert(this.#open, 'a transaction was used after its end');
    const result = this.#tail.then(() => this.#whole(work));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Waits for the steps that were begun; throws what was refused, because then nothing may be committed. */
  async finish(): Promise<void> {
    await this.#tail;
    if (this.#refused) throw this.#refused.error;
  }

  /** What was refused in it, or else `error`. */
  causeOf(error: unknown): unknown {
    return this.#refused ? this.#refused.error : error;
  }

  end(): void {
    this.#open = false;
  }

  /** After a refusal a database may have rolled back already, and a further statement would be committed alone. */
  async #whole<T>(work: () => Promise<T>): Promise<T> {
    assert(this.#open, 'a transaction was used after its end');
    if (this.#refused) throw this.#refused.error;
    try {
      return await work();
    } catch (error) {
      this.#refused ??= { error };
      throw error;
    }
  }
}

/** Which session the running code is in, through everything that it awaits. */
export class Sessions {
  readonly #current = new AsyncLocalStorage<{ session: Session | undefined }>();

  current(): Session | undefined {
    return this.#current.getStore()?.session;
  }

  /** Runs `work` in the session and ends it. */
  async within<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    const scope: { session: Session | undefined } = { session };
    try {
      const result = await this.#current.run(scope, () => work(session));
      await session.finish();
      return result;
    } finally {
      scope.session = undefined;
      session.end();
    }
  }
}
