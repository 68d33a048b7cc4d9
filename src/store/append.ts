/** Writes entries at the end of a chain and moves its head: the only code that inserts into `entries`. */
import { canonical } from '../canonical.ts';
import { assert, type Entry, type EntryBody } from '../model.ts';
import { ENTRY_VERSION, entryHash, GENESIS } from './chain.ts';
import type { Connection } from './connection.ts';

interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** The new entries, chained to the head, which is moved to the last of them. Runs in the caller's transaction. */
export function appendEntries(
  db: Connection,
  chain: string,
  bodies: readonly EntryBody[],
  at: number,
): { readonly entries: readonly Entry[]; readonly seq: number } {
  assert(Number.isSafeInteger(at), `an entry of ${chain} is dated ${at}, not a whole number of milliseconds`);
  let head = db.get<Head>('SELECT seq, hash FROM heads WHERE chain = ?', chain) ?? { seq: 0, hash: GENESIS };
  if (head.seq === 0) db.run('INSERT INTO heads VALUES (?, 0, ?) ON CONFLICT DO NOTHING', chain, GENESIS);
  const entries: Entry[] = [];
  for (const body of bodies) {
    const { seq, prev } = { seq: head.seq + 1, prev: head.hash };
    const text = bodyText(body, `entry ${seq} of ${chain}`);
    const hash = entryHash({ chain, seq, v: ENTRY_VERSION, at, body: text, prev });
    db.run(
      'INSERT INTO entries (chain, seq, v, kind, at, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      chain,
      seq,
      ENTRY_VERSION,
      body.kind,
      at,
      text,
      prev,
      hash,
    );
    entries.push({ chain, seq, v: ENTRY_VERSION, at, body, prev, hash });
    head = { seq, hash };
  }
  if (bodies.length > 0)
    db.run('UPDATE heads SET seq = ?, hash = ? WHERE chain = ?', head.seq, head.hash, chain);
  return { entries, seq: head.seq };
}

function bodyText(body: EntryBody, where: string): string {
  try {
    return canonical(body);
  } catch (error) {
    throw new Error(`flyball bug: ${where} (${body.kind}) holds what JSON cannot say`, { cause: error });
  }
}
