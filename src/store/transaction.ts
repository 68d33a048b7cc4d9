/** The writes of one transaction, as the model's `Transaction`. The engine decides; this only keeps. */
import { type ActionRow, assert, type LastTick, type Transaction } from '../model.ts';
import { appendEntries } from './append.ts';
import { FLEET } from './chain.ts';
import { keepObservations, type Shapes } from './observations.ts';
import {
  readAction,
  readActionOn,
  readFacts,
  readFactsWithPrefix,
  readRevisionSha,
  readTarget,
} from './reads.ts';
import { setRevision } from './revision.ts';
import { type ActionRecord, actionColumns, actionRowOf, chainOf, json } from './rows.ts';
import type { Session } from './session.ts';

/** The model's transaction in this session. Its methods wait for each other. */
export function transactionOn(db: Session, foldVersion: number, shapes: Shapes): Transaction {
  const step =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      db.step(() => work(...args));
  return {
    target: step(chain => readTarget(db, chain, db.forUpdate)),
    facts: step(keys => readFacts(db, keys)),
    factsWithPrefix: step(prefix => readFactsWithPrefix(db, prefix)),
    revisionSha: step(() => readRevisionSha(db)),
    append: step(write => append(db, foldVersion, write)),
    touch: step(write => touch(db, write)),
    setDue: step(async (chain, dueAt) => {
      const changes = await db.run(
        'UPDATE targets SET due_at = ?1, version = version + 1 WHERE chain = ?2',
        dueAt,
        chain,
      );
      changedOne(changes, `target ${chain}`);
    }),
    setFact: step(async (key, value) => {
      await db.run(
        `INSERT INTO facts (key, version, value) VALUES (?1, 1, ?2)
         ON CONFLICT (key) DO UPDATE SET version = facts.version + 1, value = excluded.value`,
        key,
        value === null ? null : json(value),
      );
    }),
    recordTick: step(async ({ chain, from, to, snapshot, facts, closures }) => {
      await db.run(
        'INSERT INTO ticks (chain, from_seq, to_seq, snapshot, facts, closures) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
        chain,
        from,
        to,
        json(snapshot),
        json(facts),
        json(closures),
      );
    }),
    observations: step((chain, snapshot) => keepObservations(db, shapes, chain, snapshot)),
    putAction: step(row => putAction(db, row)),
    updateAction: step((key, change) => updateAction(db, key, change)),
    takeAction: step((key, take) => takeAction(db, key, take)),
    action: step(key => readAction(db, key)),
    actionOn: step(subject => readActionOn(db, subject)),
    fleet: step(async (bodies, at) => (await appendEntries(db, FLEET, bodies, at)).entries),
    setRevision: step((revision, expected) => setRevision(db, revision, expected)),
    putMessage: step(async ({ key, at, severity, target, title, text, ...more }) => {
      await db.run(
        `INSERT INTO outbox (key, at, severity, target, title, text, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (key) DO NOTHING`,
        key,
        at,
        severity,
        target,
        printable(title),
        printable(text),
        json(more),
      );
    }),
  };
}

/** What other systems said may hold NUL, which no text of PostgreSQL does. */
function printable(text: string): string {
  return text.replaceAll('\0', '\u2400');
}

type Write<Method extends keyof Transaction> = Parameters<Transaction[Method]>[0];

async function append(db: Session, foldVersion: number, write: Write<'append'>) {
  const { target, bodies, at, own, dueAt, lastTakenAt, last } = write;
  const chain = chainOf(target);
  const { entries, seq } = await appendEntries(db, chain, bodies, at);
  assert(own.seq === seq, `the folded state of ${chain} is at entry ${own.seq}, and its chain at ${seq}`);
  await db.run(
    `INSERT INTO targets (chain, kind, name, version, own, fold_version, due_at, last_taken_at, last)
     VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (chain) DO UPDATE SET version = targets.version + 1, own = excluded.own,
       fold_version = excluded.fold_version, due_at = excluded.due_at,
       last_taken_at = coalesce(excluded.last_taken_at, targets.last_taken_at),
       last = coalesce(excluded.last, targets.last)`,
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

async function touch(
  db: Session,
  { chain, version, dueAt, lastTakenAt, last }: Write<'touch'>,
): Promise<boolean> {
  const changes = await db.run(
    `UPDATE targets SET version = version + 1, due_at = ?1, last_taken_at = ?2, last = ?3
     WHERE chain = ?4 AND version = ?5`,
    dueAt,
    lastTakenAt,
    lastText(last),
    chain,
    version,
  );
  return changes === 1;
}

/** For display only, so plain JSON will do: a `wakeAt` of infinity becomes null, and `last` reads it back. */
function lastText(last: LastTick): string {
  return JSON.stringify(last);
}

/** A second row with the same action id and attempt is refused by the table. */
export async function putAction(db: Session, row: Write<'putAction'>): Promise<void> {
  const { action, chain, state, handle, dueAt, polls, cancelRequested, intendedAt } = row;
  await db.run(
    `INSERT INTO actions (key, id, attempt, chain, subject, verb, state, handle, due_at, polls, cancel_requested,
       intended_at, epoch, lease_until, owner, action)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,
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
    row.epoch,
    row.leaseUntil,
    row.owner ?? null,
    json(action),
  );
}

export async function updateAction(
  db: Session,
  key: string,
  change: Parameters<Transaction['updateAction']>[1],
): Promise<void> {
  const { state, handle, dueAt, polls, cancelRequested, leaseUntil } = change;
  const changes = await db.run(
    `UPDATE actions SET state = coalesce(?1, state), handle = coalesce(?2, handle), due_at = coalesce(?3, due_at),
       polls = coalesce(?4, polls), cancel_requested = coalesce(?5, cancel_requested),
       lease_until = coalesce(?6, lease_until) WHERE key = ?7`,
    state ?? null,
    handle === undefined ? null : json(handle),
    dueAt ?? null,
    polls ?? null,
    cancelRequested === undefined ? null : Number(cancelRequested),
    leaseUntil ?? null,
    key,
  );
  changedOne(changes, `action ${key}`);
}

async function takeAction(
  db: Session,
  key: string,
  { epoch, now, until, owner }: Parameters<Transaction['takeAction']>[1],
): Promise<ActionRow | undefined> {
  const row = await db.get<ActionRecord>(
    `UPDATE actions SET epoch = epoch + 1, lease_until = ?1, owner = ?2
     WHERE key = ?3 AND epoch = ?4 AND lease_until <= ?5 RETURNING ${actionColumns}`,
    until,
    owner,
    key,
    epoch,
    now,
  );
  return row && actionRowOf(row);
}

function changedOne(changes: number, what: string): void {
  assert(changes === 1, `${what} was to be changed and is not in the state`);
}
