/** What can be asked of the state: each function is one look, in whichever transaction its caller is. */
import type {
  ActionRow,
  Entry,
  Facts,
  LastTick,
  Message,
  Observation,
  RecordedTick,
  Store,
  TargetRow,
} from '../model.ts';
import type { Connection } from './connection.ts';
import {
  type ActionRecord,
  actionRowOf,
  type EntryRecord,
  endOfPrefix,
  entryOf,
  type FactRecord,
  factsOf,
  json,
  live,
  type MessageRecord,
  messageOf,
  parse,
  selectActions,
  selectEntries,
  selectTargets,
  type TargetRecord,
  targetRowOf,
} from './rows.ts';

type Filter<Method extends 'entries' | 'actions'> = Parameters<Store[Method]>[0];

/** SQLite's way to say that there is no limit. */
const UNLIMITED = -1;

/** The most rows of a search by prefix. */
const FOUND_AT_MOST = 100;

export function readTarget(db: Connection, chain: string): TargetRow | undefined {
  const row = db.get<TargetRecord>(`${selectTargets} WHERE t.chain = ?`, chain);
  return row && targetRowOf(row);
}

/** In order of their chains. */
export function readTargets(db: Connection): readonly TargetRow[] {
  return db.all<TargetRecord>(`${selectTargets} ORDER BY t.chain`).map(targetRowOf);
}

export function readLast(db: Connection, chain: string): LastTick | undefined {
  const text = db.get<{ last: string | null }>('SELECT last FROM targets WHERE chain = ?', chain)?.last;
  if (text === undefined || text === null) return undefined;
  const last = parse<LastTick & { wakeAt: number | null }>(text, `the last tick of ${chain}`);
  return { ...last, wakeAt: last.wakeAt ?? Number.POSITIVE_INFINITY };
}

/** The longest overdue first. */
export function readDueTargets(db: Connection, now: number): readonly string[] {
  return db
    .all<{ chain: string }>('SELECT chain FROM targets WHERE due_at <= ? ORDER BY due_at, chain', now)
    .map(row => row.chain);
}

export function readFacts(db: Connection, keys: readonly string[]): Facts {
  const rows = db.all<FactRecord>(
    'SELECT key, version, value FROM facts WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key',
    json(keys),
  );
  return factsOf(rows, keys);
}

/** Without the deleted ones. */
export function readFactsWithPrefix(db: Connection, prefix: string): Facts {
  const rows = db.all<FactRecord>(
    'SELECT key, version, value FROM facts WHERE key >= ? AND key < ? AND value IS NOT NULL ORDER BY key',
    prefix,
    endOfPrefix(prefix),
  );
  return factsOf(rows, []);
}

export function readRevisionSha(db: Connection): string | undefined {
  return db.get<{ sha: string }>('SELECT sha FROM revision')?.sha;
}

export function readAction(db: Connection, key: string): ActionRow | undefined {
  const row = db.get<ActionRecord>(`${selectActions} WHERE key = ?`, key);
  return row && actionRowOf(row);
}

/** Live ones, unresolved ones too; the longest overdue first. */
export function readDueActions(db: Connection, now: number): readonly ActionRow[] {
  return db
    .all<ActionRecord>(`${selectActions} WHERE ${live} AND due_at <= ? ORDER BY due_at, key`, now)
    .map(actionRowOf);
}

/** The newest first. */
export function readActions(db: Connection, filter: Filter<'actions'>): readonly ActionRow[] {
  const { chain, limit } = filter;
  const wanted = filter.live === undefined ? '' : filter.live ? `AND ${live}` : `AND NOT (${live})`;
  const rows = db.all<ActionRecord>(
    `${selectActions} WHERE (?1 IS NULL OR chain = ?1) ${wanted} ORDER BY rowid DESC LIMIT ?2`,
    chain ?? null,
    limit ?? UNLIMITED,
  );
  return rows.map(actionRowOf);
}

/** Those whose id or key begins so, the newest first, at most 100. An empty prefix names nothing. */
export function findActions(db: Connection, prefix: string): readonly ActionRow[] {
  if (prefix === '') return [];
  const rows = db.all<ActionRecord>(
    `${selectActions} WHERE (key >= ?1 AND key < ?2) OR (id >= ?1 AND id < ?2) ORDER BY rowid DESC LIMIT ?3`,
    prefix,
    endOfPrefix(prefix),
    FOUND_AT_MOST,
  );
  return rows.map(actionRowOf);
}

/** `from` is the lowest seq in both orders. */
export function readEntries(db: Connection, filter: Filter<'entries'>): readonly Entry[] {
  const { chain, from, limit, kinds, newestFirst } = filter;
  const rows = db.all<EntryRecord>(
    `${selectEntries} WHERE chain = ?1 AND seq >= ?2
       AND (?3 IS NULL OR kind IN (SELECT value FROM json_each(?3)))
     ORDER BY seq ${newestFirst === true ? 'DESC' : 'ASC'} LIMIT ?4`,
    chain,
    from ?? 0,
    kinds === undefined ? null : json(kinds),
    limit ?? UNLIMITED,
  );
  return rows.map(entryOf);
}

export function readChains(db: Connection): readonly string[] {
  return db.all<{ chain: string }>('SELECT chain FROM heads ORDER BY chain').map(row => row.chain);
}

/** In the order in which they were recorded. */
export function readTicks(db: Connection, chain: string): readonly RecordedTick[] {
  interface Row {
    readonly from_seq: number;
    readonly to_seq: number;
    readonly snapshot: string;
    readonly facts: string;
    readonly closures: string;
  }
  return db.all<Row>('SELECT * FROM ticks WHERE chain = ? ORDER BY rowid', chain).map(row => ({
    chain,
    from: row.from_seq,
    to: row.to_seq,
    snapshot: parse(row.snapshot, `a recorded snapshot of ${chain}`),
    facts: parse(row.facts, `recorded facts of ${chain}`),
    closures: parse(row.closures, `a recorded tick of ${chain}`),
  }));
}

/** The newest first. */
export function readObservations(
  db: Connection,
  chain: string,
  filter: { readonly name?: string; readonly limit?: number },
): readonly { takenAt: number; policy: string; observation: Observation }[] {
  interface Row {
    readonly taken_at: number;
    readonly policy: string;
    readonly body: string;
  }
  const rows = db.all<Row>(
    `SELECT taken_at, policy, body FROM observations WHERE chain = ?1 AND (?2 IS NULL OR name = ?2)
     ORDER BY taken_at DESC, rowid DESC LIMIT ?3`,
    chain,
    filter.name ?? null,
    filter.limit ?? UNLIMITED,
  );
  return rows.map(row => ({
    takenAt: row.taken_at,
    policy: row.policy,
    observation: parse(row.body, `an observation of ${chain}`),
  }));
}

export function readMessage(db: Connection, key: string): Message | undefined {
  const row = db.get<MessageRecord>(
    'SELECT key, at, severity, target, title, text, more FROM outbox WHERE key = ?',
    key,
  );
  return row && messageOf(row);
}

/** The newest first. */
export function readMessages(db: Connection, limit: number | undefined): readonly Message[] {
  return db
    .all<MessageRecord>(
      'SELECT key, at, severity, target, title, text, more FROM outbox ORDER BY at DESC, rowid DESC LIMIT ?',
      limit ?? UNLIMITED,
    )
    .map(messageOf);
}
