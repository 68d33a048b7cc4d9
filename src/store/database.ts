/**
 * What the store asks of a database, in statements that SQLite and PostgreSQL both read: parameters are `?1`, `?2` and so on,
 * conflict targets are named, order is by columns. What differs between the two is said here and nowhere else.
 */
import type { Session } from './session.ts';

export type Value = string | number | null;

/** Looks at rows. `Row` is what the SQL selects; columns are checked by the tables. Throws PortError. */
export interface Reader {
  all<Row>(sql: string, ...values: Value[]): Promise<Row[]>;
  /** The first row. */
  get<Row>(sql: string, ...values: Value[]): Promise<Row | undefined>;
}

/** How a database comes to its tables. */
export interface Schema {
  /** Numbered steps from 1, never edited once released. */
  readonly steps: readonly string[];
  /** What a step's transaction does first: the table of steps, under a lock that another starter waits for. */
  readonly begin: string;
  /** Selects the names of the tables that are there, as `name`. */
  readonly tables: string;
  /** After rows came with numbers of their own: which are taken. */
  readonly afterCopy: string;
}

/**
 * One database that holds one state. Within the callback of a transaction, its own statements and those of the transaction
 * are the same: a read sees what was written before it.
 */
export interface Database extends Reader {
  /** Where it is, for people: a path, or an address without its password. */
  readonly place: string;
  readonly schema: Schema;
  /** Selects how much the state takes on its disk, as `bytes`. */
  readonly size: string;
  /** Once it is known to be ours, and before anything is written: settings that durability needs. Throws PortError. */
  configure(): Promise<void>;
  /** The clock that all who use this state share, in milliseconds. */
  now(): Promise<number>;
  /** Whether the caller is in a transaction: what it reads may yet be undone, so nobody keeps it for later. */
  inTransaction(): boolean;
  /** Several statements over one consistent state, without a lock. */
  read<T>(look: (session: Session) => Promise<T>): Promise<T>;
  /** In the transaction that the caller is in, or else in one of its own. */
  write<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /**
   * All of `work` or nothing, also when `work` swallows an error. On PostgreSQL `work` is called again, from the beginning,
   * when another transaction came between.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Waits for what runs. Nothing may be asked afterwards. */
  close(): Promise<void>;
}

/** Placeholders of one row, or of several: `(?1, ?2), (?3, ?4)`. */
export function placeholders(rows: number, columns: number): string {
  const row = (n: number) =>
    `(${Array.from({ length: columns }, (_, m) => `?${n * columns + m + 1}`).join(', ')})`;
  return Array.from({ length: rows }, (_, n) => row(n)).join(', ');
}

/** Pieces of a list that may be long, so that no statement has more parameters than a database takes. */
export function inPieces<T>(list: readonly T[], size = 200): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, n) =>
    list.slice(n * size, (n + 1) * size),
  );
}
