/** What can be asked of the state: each function is one look, in whichever transaction its caller is. */
import type { ActionRow, Entry, Facts, LastTick, Message, RecordedTick, Store, TargetRow } from '../model.ts';
import { inPieces, placeholders, type Reader, type Value } from './database.ts';
import {
  type ActionRecord,
  actionRowOf,
  type EntryRecord,
  endOfPrefix,
  entryOf,
  type FactRecord,
  factsOf,
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

/** More rows than there are. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** The most rows of a search by prefix. */
const FOUND_AT_MOST = 100;

/** `lock` ends the statement: nobody else may change the row before the transaction ends. */
export async function readTarget(
  db: Reader,
  chain: string,
  lock: '' | ' FOR UPDATE' = '',
): Promise<TargetRow | undefined> {
  const row = await db.get<TargetRecord>(`${selectTargets} WHERE t.chain = ?1${lock}`, chain);
  return row && targetRowOf(row);
}

/** In order of their chains. */
export async function readTargets(db: Reader): Promise<readonly TargetRow[]> {
  return (await db.all<TargetRecord>(`${selectTargets} ORDER BY t.chain`)).map(targetRowOf);
}

/** Those that are known, in the order of `chains`. */
export async function readTargetsOf(db: Reader, chains: readonly string[]): Promise<readonly TargetRow[]> {
  const rows = await allOf<TargetRecord>(db, chains, list => `${selectTargets} WHERE t.chain IN ${list}`);
  const found = new Map(rows.map(row => [row.chain, row]));
  return chains.flatMap(chain => found.get(chain) ?? []).map(targetRowOf);
}

export async function readLast(db: Reader, chain: string): Promise<LastTick | undefined> {
  const row = await db.get<{ last: string | null }>('SELECT last FROM targets WHERE chain = ?1', chain);
  if (typeof row?.last !== 'string') return undefined;
  const last = parse<LastTick & { wakeAt: number | null }>(row.last, `the last tick of ${chain}`);
  return { ...last, wakeAt: last.wakeAt ?? Number.POSITIVE_INFINITY };
}

/** The longest overdue first. */
export async function readDueTargets(db: Reader, now: number, limit = UNLIMITED): Promise<readonly string[]> {
  const rows = await db.all<{ chain: string }>(
    'SELECT chain FROM targets WHERE due_at <= ?1 ORDER BY due_at, chain LIMIT ?2',
    now,
    limit,
  );
  return rows.map(row => row.chain);
}

export async function readFacts(db: Reader, keys: readonly string[]): Promise<Facts> {
  const rows = await allOf<FactRecord>(
    db,
    [...new Set(keys)].sort(),
    list => `SELECT key, version, value FROM facts WHERE key IN ${list} ORDER BY key`,
  );
  return factsOf(rows, keys);
}

/** Without the deleted ones. */
export async function readFactsWithPrefix(db: Reader, prefix: string): Promise<Facts> {
  const rows = await db.all<FactRecord>(
    'SELECT key, version, value FROM facts WHERE key >= ?1 AND key < ?2 AND value IS NOT NULL ORDER BY key',
    prefix,
    endOfPrefix(prefix),
  );
  return factsOf(rows, []);
}

export async function readRevisionSha(db: Reader): Promise<string | undefined> {
  return (await db.get<{ sha: string }>('SELECT sha FROM revision'))?.sha;
}

export async function readAction(db: Reader, key: string): Promise<ActionRow | undefined> {
  const row = await db.get<ActionRecord>(`${selectActions} WHERE key = ?1`, key);
  return row && actionRowOf(row);
}

/** The newest live action on a subject, unresolved ones too. */
export async function readActionOn(db: Reader, subject: string): Promise<ActionRow | undefined> {
  const row = await db.get<ActionRecord>(
    `${selectActions} WHERE ${live} AND subject = ?1 ORDER BY intended_at DESC, nr DESC LIMIT 1`,
    subject,
  );
  return row && actionRowOf(row);
}

/** Live ones that nobody has the lease of, unresolved ones too; the longest overdue first. */
export async function readDueActions(
  db: Reader,
  now: number,
  limit = UNLIMITED,
): Promise<readonly ActionRow[]> {
  const sql = `${selectActions} WHERE ${live} AND due_at <= ?1 AND lease_until <= ?1 ORDER BY due_at, key LIMIT ?2`;
  return (await db.all<ActionRecord>(sql, now, limit)).map(actionRowOf);
}

/** The newest first. */
export async function readActions(db: Reader, filter: Filter<'actions'>): Promise<readonly ActionRow[]> {
  const { chain, limit } = filter;
  const where = new Where();
  if (chain !== undefined) where.add(value => `chain = ${value}`, chain);
  if (filter.live !== undefined) where.add(() => (filter.live ? live : `NOT (${live})`));
  const sql = `${selectActions}${where.text} ORDER BY nr DESC LIMIT ${where.value(limit ?? UNLIMITED)}`;
  return (await db.all<ActionRecord>(sql, ...where.values)).map(actionRowOf);
}

/** Those whose id or key begins so, the newest first, at most 100. An empty prefix names nothing. */
export async function findActions(db: Reader, prefix: string): Promise<readonly ActionRow[]> {
  if (prefix === '') return [];
  const rows = await db.all<ActionRecord>(
    `${selectActions} WHERE (key >= ?1 AND key < ?2) OR (id >= ?1 AND id < ?2) ORDER BY nr DESC LIMIT ?3`,
    prefix,
    endOfPrefix(prefix),
    FOUND_AT_MOST,
  );
  return rows.map(actionRowOf);
}

/** `from` is the lowest seq in both orders. */
export async function readEntries(db: Reader, filter: Filter<'entries'>): Promise<readonly Entry[]> {
  const { chain, from, to, since, until, limit, kinds, newestFirst } = filter;
  if (kinds?.length === 0) return [];
  const where = new Where();
  where.add(value => `chain = ${value}`, chain);
  if (from !== undefined) where.add(value => `seq >= ${value}`, from);
  if (to !== undefined) where.add(value => `seq <= ${value}`, to);
  if (since !== undefined) where.add(value => `at >= ${value}`, since);
  if (until !== undefined) where.add(value => `at <= ${value}`, until);
  if (kinds) where.add((...list) => `kind IN (${list.join(', ')})`, ...kinds);
  const order = newestFirst === true ? 'DESC' : 'ASC';
  const sql = `${selectEntries}${where.text} ORDER BY seq ${order} LIMIT ${where.value(limit ?? UNLIMITED)}`;
  return (await db.all<EntryRecord>(sql, ...where.values)).map(entryOf);
}

export async function readChains(db: Reader): Promise<readonly string[]> {
  const rows = await db.all<{ chain: string }>('SELECT chain FROM heads ORDER BY chain');
  return rows.map(row => row.chain);
}

/** In the order in which they were recorded; with `of` the one that wrote the entry of this seq. */
export async function readTicks(db: Reader, chain: string, of?: number): Promise<readonly RecordedTick[]> {
  interface Row {
    readonly from_seq: number;
    readonly to_seq: number;
    readonly snapshot: string;
    readonly facts: string;
    readonly closures: string;
  }
  const rows = await db.all<Row>(
    `SELECT from_seq, to_seq, snapshot, facts, closures FROM ticks
     WHERE chain = ?1${of === undefined ? '' : ' AND from_seq <= ?2 AND to_seq >= ?2'} ORDER BY from_seq`,
    ...(of === undefined ? [chain] : [chain, of]),
  );
  return rows.map(row => ({
    chain,
    from: row.from_seq,
    to: row.to_seq,
    snapshot: parse(row.snapshot, `a recorded snapshot of ${chain}`),
    facts: parse(row.facts, `recorded facts of ${chain}`),
    closures: parse(row.closures, `a recorded tick of ${chain}`),
  }));
}

const selectMessages = 'SELECT key, at, severity, target, title, text, more FROM outbox';

export async function readMessage(db: Reader, key: string): Promise<Message | undefined> {
  const row = await db.get<MessageRecord>(`${selectMessages} WHERE key = ?1`, key);
  return row && messageOf(row);
}

/** The newest first. */
export async function readMessages(db: Reader, limit = UNLIMITED): Promise<readonly Message[]> {
  const sql = `${selectMessages} ORDER BY at DESC, nr DESC LIMIT ?1`;
  return (await db.all<MessageRecord>(sql, limit)).map(messageOf);
}

/** All rows of a statement about a list of any length; `sql` gets the list as `(?1, ?2)`. */
export async function allOf<Row>(
  db: Reader,
  list: readonly string[],
  sql: (list: string) => string,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const piece of inPieces(list)) {
    rows.push(...(await db.all<Row>(sql(placeholders(1, piece.length)), ...piece)));
  }
  return rows;
}

/** Conditions that all hold, with their values. */
class Where {
  readonly values: Value[] = [];
  readonly #conditions: string[] = [];

  add(condition: (...placeholders: string[]) => string, ...values: Value[]): void {
    this.#conditions.push(condition(...values.map(value => this.value(value))));
  }

  /** A placeholder for the value. */
  value(value: Value): string {
    return `?${this.values.push(value)}`;
  }

  get text(): string {
    return this.#conditions.length === 0 ? '' : ` WHERE ${this.#conditions.join(' AND ')}`;
  }
}
