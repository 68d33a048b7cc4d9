/** The writes of one transaction, as the model's `Transaction`. The engine decides; this only keeps. */
import { assert, type LastTick, type Snapshot, type Transaction } from '../model.ts';
import { appendEntries } from './append.ts';
import { FLEET } from './chain.ts';
import type { Connection, Within } from './connection.ts';
import { readAction, readFacts, readFactsWithPrefix, readRevisionSha, readTarget } from './reads.ts';
import { setRevision } from './revision.ts';
import { chainOf, json } from './rows.ts';

/** How long observation rows are kept, by `takenAt`: a year and a month, so that a backtest sees every season. */
export const OBSERVATIONS_KEPT_MS = 400 * 86_400_000;

/** The model's transaction over the one that `within` belongs to. */
export function transactionOn(db: Connection, foldVersion: number, within: Within): Transaction {
  const step =
    <Args extends unknown[], T>(work: (...args: Args) => T) =>
    async (...args: Args): Promise<T> =>
      within(() => work(...args));
  return {
    target: step(chain => readTarget(db, chain)),
    facts: step(keys => readFacts(db, keys)),
    factsWithPrefix: step(prefix => readFactsWithPrefix(db, prefix)),
    revisionSha: step(() => readRevisionSha(db)),
    append: step(write => append(db, foldVersion, write)),
    touch: step(write => touch(db, write)),
    setDue: step((chain, dueAt) => {
      changedOne(
        db.run('UPDATE targets SET due_at = ?, version = version + 1 WHERE chain = ?', dueAt, chain),
        `target ${chain}`,
      );
    }),
    setFact: step((key, value) => {
      db.run(
        `INSERT INTO facts VALUES (?1, 1, ?2)
         ON CONFLICT DO UPDATE SET version = version + 1, value = excluded.value`,
        key,
        value === null ? null : json(value),
      );
    }),
    recordTick: step(({ chain, from, to, snapshot, facts, closures }) => {
      db.run(
        'INSERT INTO ticks VALUES (?, ?, ?, ?, ?, ?)',
        chain,
        from,
        to,
        json(snapshot),
        json(facts),
        json(closures),
      );
    }),
    observations: step((chain, snapshot) => keepObservations(db, chain, snapshot)),
    putAction: step(row => putAction(db, row)),
    updateAction: step((key, change) => updateAction(db, key, change)),
    action: step(key => readAction(db, key)),
    fleet: step((bodies, at) => appendEntries(db, FLEET, bodies, at).entries),
    setRevision: step((revision, expected) => setRevision(db, revision, expected)),
    putMessage: step(({ key, at, severity, target, title, text, ...more }) => {
      db.run(
        'INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        key,
        at,
        severity,
        target,
        title,
        text,
        json(more),
      );
    }),
  };
}

type Write<Method extends keyof Transaction> = Parameters<Transaction[Method]>[0];

function append(db: Connection, foldVersion: number, write: Write<'append'>) {
  const { target, bodies, at, own, dueAt, lastTakenAt, last } = write;
  const chain = chainOf(target);
  const { entries, seq } = appendEntries(db, chain, bodies, at);
  assert(own.seq === seq, `the folded state of ${chain} is at entry ${own.seq}, and its chain at ${seq}`);
  db.run(
    `INSERT INTO targets (chain, kind, name, version, own, fold_version, due_at, last_taken_at, last)
     VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (chain) DO UPDATE SET version = version + 1, own = ?4, fold_version = ?5, due_at = ?6,
       last_taken_at = coalesce(?7, last_taken_at), last = coalesce(?8, last)`,
    chain,
    target.kind,
    target.name,
    json(own),
    foldVersion,
    dueAt,
    lastTakenAt ?? null,
    last === undefined ? null : lastText(last),
  );
  return entries;
}

function touch(db: Connection, { chain, dueAt, lastTakenAt, last }: Write<'touch'>): void {
  const changes = db.run(
    'UPDATE targets SET version = version + 1, due_at = ?, last_taken_at = ?, last = ? WHERE chain = ?',
    dueAt,
    lastTakenAt,
    lastText(last),
    chain,
  );
  changedOne(changes, `target ${chain}`);
}

/** For display only, so plain JSON will do: a `wakeAt` of infinity becomes null, and `last` reads it back. */
function lastText(last: LastTick): string {
  return JSON.stringify(last);
}

function keepObservations(db: Connection, chain: string, snapshot: Snapshot): void {
  const { takenAt } = snapshot;
  for (const [policy, byName] of Object.entries(snapshot.observations)) {
    for (const [name, observation] of Object.entries(byName)) {
      db.run(
        'INSERT INTO observations VALUES (?, ?, ?, ?, ?)',
        chain,
        takenAt,
        policy,
        name,
        json(observation),
      );
    }
  }
  // A seek in an index that usually finds nothing.
  db.run('DELETE FROM observations WHERE chain = ? AND taken_at < ?', chain, takenAt - OBSERVATIONS_KEPT_MS);
}

/** A second row with the same action id and attempt is refused by the table. */
export function putAction(db: Connection, row: Write<'putAction'>): void {
  const { action, chain, state, handle, dueAt, polls, cancelRequested, intendedAt } = row;
  db.run(
    `INSERT INTO actions (key, id, attempt, chain, subject, verb, state, handle, due_at, polls, cancel_requested,
       intended_at, action) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    action.key,
    action.id,
    action.attempt,
    chain,
    action.call.subject,
    action.verb,
    state,
    handle === undefined ? null : json(handle),
    dueAt,
    polls,
    cancelRequested ? 1 : 0,
    intendedAt,
    json(action),
  );
}

export function updateAction(
  db: Connection,
  key: string,
  change: Parameters<Transaction['updateAction']>[1],
): void {
  const { state, handle, dueAt, polls, cancelRequested } = change;
  const changes = db.run(
    `UPDATE actions SET state = coalesce(?, state), handle = coalesce(?, handle), due_at = coalesce(?, due_at),
       polls = coalesce(?, polls), cancel_requested = coalesce(?, cancel_requested) WHERE key = ?`,
    state ?? null,
    handle === undefined ? null : json(handle),
    dueAt ?? null,
    polls ?? null,
    cancelRequested === undefined ? null : Number(cancelRequested),
    key,
  );
  changedOne(changes, `action ${key}`);
}

function changedOne(changes: number, what: string): void {
  assert(changes === 1, `${what} was to be changed and is not in the state`);
}
