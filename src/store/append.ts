/** Writes entries at the end of a chain and moves its head: the only code that inserts into `entries`. */
import { canonical } from '../canonical.ts';
import { assert, type Entry, type EntryBody } from '../model.ts';
import { ENTRY_VERSION, entryHash, GENESIS } from './chain.ts';
import { inPieces, placeholders, type Value } from './database.ts';
import type { Session } from './session.ts';

interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Rows of one statement. */
const TOGETHER = 20;

/** The new entries, chained to the head, which is moved to the last of them. Runs in the caller's transaction. */
export async function appendEntries(
  db: Session,
  chain: string,
  bodies: readonly EntryBody[],
  at: number,
): Promise<{ readonly entries: readonly Entry[]; readonly seq: number }> {
  assert(Number.isSafeInteger(at), `an entry of ${chain} is dated ${at}, not a whole number of milliseconds`);
  const begun = await headOf(db, chain);
  const rows: Value[][] = [];
  const entries: Entry[] = [];
  let head = begun;
  for (const body of bodies) {
    const { seq, prev } = { seq: head.seq + 1, prev: head.hash };
    const text = bodyText(body, `entry ${seq} of ${chain}`);
    const hash = entryHash({ chain, seq, v: ENTRY_VERSION, at, body: text, prev });
    rows.push([chain, seq, ENTRY_VERSION, body.kind, at, text, prev, hash]);
    entries.push({ chain, seq, v: ENTRY_VERSION, at, body, prev, hash });
    head = { seq, hash };
  }
  for (const piece of inPieces(rows, TOGETHER)) {
    const sql = `INSERT INTO entries (chain, seq, v, kind, at, body, prev, hash) VALUES ${placeholders(piece.length, 8)}`;
    await db.run(sql, ...piece.flat());
  }
  if (bodies.length > 0)
    await db.run('UPDATE heads SET seq = ?1, hash = ?2 WHERE chain = ?3', head.seq, head.hash, chain);
  return { entries, seq: head.seq };
}

/** The end of a chain, begun when there was none. Nobody else may append to it before the transaction ends. */
async function headOf(db: Session, chain: string): Promise<Head> {
  const head = await db.get<Head>(`SELECT seq, hash FROM heads WHERE chain = ?1${db.forUpdate}`, chain);
  if (head) return head;
  // On PostgreSQL, whoever began it at the same moment makes this transaction run again.
  const sql = 'INSERT INTO heads (chain, seq, hash) VALUES (?1, 0, ?2) ON CONFLICT (chain) DO NOTHING';
  assert((await db.run(sql, chain, GENESIS)) === 1, `the head of ${chain} is there and was not found`);
  return { seq: 0, hash: GENESIS };
}

function bodyText(body: EntryBody, where: string): string {
  try {
    return canonical(body);
  } catch (error) {
    throw new Error(`flyball bug: ${where} (${body.kind}) holds what JSON cannot say`, { cause: error });
  }
}
