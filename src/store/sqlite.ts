/** The durable state in one SQLite file: the model's `Store` and the ledger's tools. */
import type { Store } from '../model.ts';
import { Connection } from './connection.ts';
import type { LedgerStore } from './ledger.ts';
import { openStoreOn } from './on-database.ts';
import type { Folding } from './refold.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** How long a transaction waits for another process, unless it is told. */
const BUSY_MS = 10_000;

export interface SqliteOptions extends Folding {
  /** A file, made when it is missing, or `:memory:`. */
  readonly path: string;
  /** How long a transaction waits for another process before it gives up. */
  readonly busyMs?: number;
}

/** As `openStoreOn`; throws PortError also when the file is locked. */
export async function openSqliteStore(options: SqliteOptions): Promise<Store & LedgerStore> {
  const busyMs = options.busyMs ?? BUSY_MS;
  return openStoreOn(new SqliteDatabase(new Connection(options.path, busyMs), busyMs), options);
}
