/** One chain against its own hashes: the first entry that is not what was appended, in bounded memory. */
import { entryHash, GENESIS } from './chain.ts';
import { type Checkpoint, checkpointBefore } from './checkpoint.ts';
import type { Reader } from './database.ts';
import { parse } from './rows.ts';
import type { Session } from './session.ts';

/** The first entry that is not as it was appended, and how that shows. */
export interface Altered {
  readonly chain: string;
  readonly seq: number;
  readonly problem: string;
}

/** An entry as it stands in the file: integers as text, so that whatever was written there can be looked at. */
export interface StoredEntry {
  readonly chain: string;
  readonly seq: string;
  readonly v: string;
  readonly kind: string;
  readonly at: string;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

/** Entries that are looked at together, so that memory stays bounded. */
const PAGE = 200;

/** Where a chain begins whose older entries were deleted: at `first`, and checkpoint `seq` stands for what is missing. */
export interface Begin {
  readonly first: number;
  readonly seq: number;
}

/** Gets a chain while it is proved: the checkpoint that it begins with, then each entry that the checkpoint does not hold. */
export interface Visitor {
  begin(checkpoint: Checkpoint): void;
  entry(entry: StoredEntry): void;
}

/** One chain against its own hashes and its head, in the caller's transaction. */
export async function verifyChain(
  db: Session,
  chain: string,
  visit: Visitor = { begin: () => undefined, entry: () => undefined },
): Promise<{ readonly entries: number; readonly begin: Begin | undefined } | Altered> {
  let last = { seq: 0, hash: GENESIS };
  let entries = 0;
  let checkpoint: Checkpoint | undefined;
  let begin: Begin | undefined;
  const wrong = () =>
    checkpoint && last.seq === checkpoint.upTo && last.hash !== checkpoint.hash
      ? { chain, seq: last.seq, problem: `its hash is not the one that checkpoint ${checkpoint.seq} names` }
      : undefined;
  for await (const row of storedEntries(db, chain)) {
    const first = Number(row.seq);
    if (entries === 0 && first > 1) {
      checkpoint = await checkpointBefore(db, chain, first);
      if (checkpoint) {
        visit.begin(checkpoint);
        begin = { first, seq: checkpoint.seq };
        // Until the checkpoint's own hash is reached, or is this one, the way there is taken on trust.
        last = { seq: first - 1, hash: row.prev };
      }
    }
    const altered = wrong() ?? compare(row, last);
    if (altered) return { chain, ...altered };
    if (checkpoint === undefined || first > checkpoint.upTo) visit.entry(row);
    entries += 1;
    last = { seq: last.seq + 1, hash: row.hash };
  }
  const head = await db.get<{ seq: string; hash: string }>(
    'SELECT CAST(seq AS TEXT) AS seq, hash FROM heads WHERE chain = ?1',
    chain,
  );
  const altered = compareHead(head, last);
  return altered ? { chain, ...altered } : { entries, begin };
}

/** Entries of a chain, or those of one kind, in order of their seqs whatever these are; a page at a time. */
export async function* storedEntries(
  db: Reader,
  chain: string,
  { kind, page: size = PAGE }: { readonly kind?: string; readonly page?: number } = {},
): AsyncGenerator<StoredEntry> {
  const where = kind === undefined ? '' : ' AND kind = ?4';
  for (let after = '-9223372036854775808'; ; ) {
    const page = await db.all<StoredEntry>(
      `SELECT chain, CAST(seq AS TEXT) AS seq, CAST(v AS TEXT) AS v, kind, CAST(at AS TEXT) AS at, body, prev, hash
       FROM entries WHERE chain = ?1 AND seq > CAST(?2 AS BIGINT)${where} ORDER BY entries.seq LIMIT ?3`,
      ...[chain, after, size, ...(kind === undefined ? [] : [kind])],
    );
    yield* page;
    after = page.at(-1)?.seq ?? after;
    if (page.length < size) return;
  }
}

/** What is wrong with a row that should follow `last`. */
function compare(row: StoredEntry, last: { seq: number; hash: string }): Omit<Altered, 'chain'> | undefined {
  const seq = last.seq + 1;
  if (row.seq !== String(seq)) {
    return Number(row.seq) > seq
      ? { seq, problem: `it is missing; the next one is ${row.seq}` }
      : { seq: Number(row.seq), problem: 'it was not appended: seqs count from 1' };
  }
  const whole = entryHash(row) === row.hash;
  if (row.prev !== last.hash) {
    // An entry that is whole in itself and follows another one shows that the one before it was replaced.
    return whole && seq > 1
      ? { seq: last.seq, problem: `it was replaced: entry ${seq} follows one with hash ${row.prev}` }
      : { seq, problem: `its prev is ${row.prev}; the entry before it has hash ${last.hash}` };
  }
  if (!whole) return { seq, problem: 'its body, time or version is not what its hash is over' };
  const kind = parse<{ kind?: unknown }>(row.body, `entry ${seq}`).kind;
  if (kind !== row.kind) return { seq, problem: `its kind column says ${row.kind}, its body ${kind}` };
  return undefined;
}

function compareHead(
  head: { seq: string; hash: string } | undefined,
  last: { seq: number; hash: string },
): Omit<Altered, 'chain'> | undefined {
  if (!head) return last.seq === 0 ? undefined : { seq: last.seq, problem: 'its chain has no head' };
  const seq = Number(head.seq);
  if (seq > last.seq) {
    return { seq: last.seq + 1, problem: `it is missing: the tail was cut, the head is entry ${head.seq}` };
  }
  if (seq < last.seq) return { seq: seq + 1, problem: `it stands after the head, entry ${head.seq}` };
  if (head.hash !== last.hash)
    return { seq, problem: `its hash is ${last.hash}, and the head says ${head.hash}` };
  return undefined;
}
