/** The durable state: the model's `Store` and the ledger's tools, on whichever database it is. */
import type { Store } from '../model.ts';
import { anchor, readHeads } from './anchors.ts';
import { backup, restore } from './backup.ts';
import { readCensus } from './census.ts';
import { beat, claimTargets, readReplicas, releaseTargets } from './claims.ts';
import type { Database } from './database.ts';
import { type LedgerStore, verify } from './ledger.ts';
import { migrate } from './migrate.ts';
import { noShapes, readObservations, sharedShapes } from './observations.ts';
import { beginOnce, endOnce } from './once.ts';
import { prune } from './prune.ts';
import * as reads from './reads.ts';
import { rebuild } from './rebuild.ts';
import type { Folding } from './refold.ts';
import { readClosure, revisionReader } from './revision.ts';
import { json, parse } from './rows.ts';
import type { Session } from './session.ts';
import { transactionOn } from './transaction.ts';

/**
 * The opened store: schema brought up, projections of another fold version rebuilt; closes the database when the state is
 * refused. Throws PortError when it is damaged, of another program or of a newer Flyball, and then it was not written.
 */
export async function openStoreOn(db: Database, folding: Folding): Promise<Store & LedgerStore> {
  try {
    await migrate(db);
    await rebuild(db, folding, 'other-version');
  } catch (error) {
    await db.close();
    throw error;
  }
  return storeOn(db, folding);
}

function storeOn(db: Database, folding: Folding): Store & LedgerStore {
  const shapes = noShapes();
  return {
    transaction: async work => {
      let last: Session | undefined;
      const result = await db.transaction(session => {
        last = session;
        return work(transactionOn(session, folding.foldVersion, shapes));
      });
      if (last) sharedShapes(shapes, last);
      return result;
    },
    target: chain => reads.readTarget(db, chain),
    targets: () => reads.readTargets(db),
    targetsOf: chains => reads.readTargetsOf(db, chains),
    last: chain => reads.readLast(db, chain),
    dueTargets: (now, limit) => reads.readDueTargets(db, now, limit),
    claimTargets: claim => claimTargets(db, claim),
    releaseTargets: (chains, owner) => releaseTargets(db, chains, owner),
    facts: keys => reads.readFacts(db, keys),
    factsWithPrefix: prefix => reads.readFactsWithPrefix(db, prefix),
    revision: revisionReader(db),
    closure: hash => readClosure(db, hash),
    dueActions: (now, limit) => reads.readDueActions(db, now, limit),
    actions: filter => reads.readActions(db, filter),
    findAction: prefix => reads.findActions(db, prefix),
    entries: filter => reads.readEntries(db, filter),
    chains: () => reads.readChains(db),
    ticks: (chain, of) => reads.readTicks(db, chain, of),
    observationsOf: (chain, filter) => readObservations(db, shapes, chain, filter),
    message: key => reads.readMessage(db, key),
    messages: ({ limit }) => reads.readMessages(db, limit),
    profile: async hash => {
      const row = await db.get<{ body: string }>('SELECT body FROM profiles WHERE hash = ?1', hash);
      return row && parse(row.body, `profile ${hash}`);
    },
    putProfile: (hash, profile) =>
      db.write(async session => {
        const sql = `INSERT INTO profiles (hash, body) VALUES (?1, ?2)
                     ON CONFLICT (hash) DO UPDATE SET body = excluded.body`;
        await session.run(sql, hash, json(profile));
      }),
    beat: (replica, ended = false) => beat(db, replica, ended),
    replicas: () => readReplicas(db),
    now: () => db.now(),
    census: now => readCensus(db, now),
    meta: async key => (await db.get<{ value: string }>('SELECT value FROM meta WHERE key = ?1', key))?.value,
    setMeta: (key, value) =>
      db.write(async session => {
        const sql = `INSERT INTO meta (key, value) VALUES (?1, ?2)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
        await session.run(sql, key, value);
      }),
    beginOnce: (key, begun, bounds) => db.write(session => beginOnce(session, key, begun, bounds)),
    endOnce: (key, answer) => db.write(session => endOnce(session, key, answer)),
    close: () => db.close(),
    verify: (chain, outside) => verify(db, chain, outside),
    rebuild: () => rebuild(db, folding, 'all'),
    anchor: at => anchor(db, at),
    prune: retention => prune(db, folding, retention),
    backup: path => backup(db, path),
    restore: path => restore(db, path),
    heads: () => readHeads(db),
  };
}
