/** Opens the state that daemon.yaml names, on whichever database it is. */
import { join } from 'node:path';
import type { Store } from '../model.ts';
import { isPostgres } from './address.ts';
import type { LedgerStore } from './ledger.ts';
import { openStoreOn } from './on-database.ts';
import { PostgresDatabase } from './postgres-database.ts';
import type { Folding } from './refold.ts';
import { openSqliteStore } from './sqlite.ts';

/** On PostgreSQL when `state` is an address of one, else in the file `flyball.db` of that folder. Throws PortError. */
export async function openStore(state: string, folding: Folding): Promise<Store & LedgerStore> {
  if (isPostgres(state)) return openStoreOn(new PostgresDatabase(state), folding);
  return openSqliteStore({ ...folding, path: join(state, 'flyball.db') });
}
