/** The durable state on SQLite: the model's `Store` and the ledger's tools over one file. */
import type { Store } from '../model.ts';
import { Connection } from './connection.ts';
import { anchor, type LedgerStore, verify } from './ledger.ts';
import { migrate } from './migrate.ts';
import * as reads from './reads.ts';
import { type Folding, rebuild } from './rebuild.ts';
import { readClosure, revisionReader } from './revision.ts';
import { json, parse } from './rows.ts';
import { transactionOn } from './transaction.ts';

/** How long a transaction waits for another process, unless it is told. */
const BUSY_MS = 10_000;

export interface SqliteOptions extends Folding {
  /** A file, made when it is missing, or `:memory:`. */
  readonly path: string;
  /** How long a transaction waits for another process before it gives up. */
  readonly busyMs?: number;
}

/**
 * The opened store: schema brought up, projections of another fold version rebuilt. Throws PortError when the file is
 * locked, damaged, of another program or of a newer Flyball, and then it was not written.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store & LedgerStore> {
  return openStoreOn(new Connection(options.path, options.busyMs ?? BUSY_MS), options);
}

/** The same on a connection that is there already; closes it when the state is refused. */
export async function openStoreOn(db: Connection, folding: Folding): Promise<Store & LedgerStore> {
  try {
    await migrate(db);
    await rebuild(db, folding, 'other-version');
  } catch (error) {
    await db.close();
    throw error;
  }
  return storeOn(db, folding);
}

function storeOn(db: Connection, folding: Folding): Store & LedgerStore {
  const readRevision = revisionReader(db);
  return {
    transaction: work => db.transaction(within => work(transactionOn(db, folding.foldVersion, within))),
    target: chain => db.read(() => reads.readTarget(db, chain)),
    targets: () => db.read(() => reads.readTargets(db)),
    last: chain => db.read(() => reads.readLast(db, chain)),
    dueTargets: now => db.read(() => reads.readDueTargets(db, now)),
    facts: keys => db.read(() => reads.readFacts(db, keys)),
    factsWithPrefix: prefix => db.read(() => reads.readFactsWithPrefix(db, prefix)),
    revision: () => db.read(readRevision),
    closure: hash => db.read(() => readClosure(db, hash)),
    dueActions: now => db.read(() => reads.readDueActions(db, now)),
    actions: filter => db.read(() => reads.readActions(db, filter)),
    findAction: prefix => db.read(() => reads.findActions(db, prefix)),
    entries: filter => db.read(() => reads.readEntries(db, filter)),
    chains: () => db.read(() => reads.readChains(db)),
    ticks: chain => db.read(() => reads.readTicks(db, chain)),
    observationsOf: (chain, filter) => db.read(() => reads.readObservations(db, chain, filter)),
    message: key => db.read(() => reads.readMessage(db, key)),
    messages: ({ limit }) => db.read(() => reads.readMessages(db, limit)),
    profile: hash =>
      db.read(() => {
        const body = db.get<{ body: string }>('SELECT body FROM profiles WHERE hash = ?', hash)?.body;
        return body === undefined ? undefined : parse(body, `profile ${hash}`);
      }),
    putProfile: (hash, profile) =>
      db.write(() => {
        db.run(
          'INSERT INTO profiles VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = ?2',
          hash,
          json(profile),
        );
      }),
    meta: key => db.read(() => db.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value),
    setMeta: (key, value) =>
      db.write(() => {
        db.run('INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2', key, value);
      }),
    close: () => db.close(),
    verify: chain => verify(db, chain),
    rebuild: () => rebuild(db, folding, 'all'),
    anchor: at => anchor(db, at),
  };
}
