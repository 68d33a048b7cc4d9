/** Deletes closed policies that nothing refers to any more: no entry, no recorded tick, no folded state, no revision. */
import type { Database, Reader } from './database.ts';
import { inPieces, placeholders } from './database.ts';

const PAGE = 200;
const NAMED = /[0-9a-f]{64}/g;

/** How many. None when the revision changed meanwhile: then the next time. Bounded memory: hashes only are kept. */
export async function pruneClosures(db: Database): Promise<number> {
  const version = await revisionVersion(db);
  const closures = await db.all<{ nr: number; id: string; closure_hash: string }>(
    'SELECT nr, id, closure_hash FROM closures ORDER BY nr',
  );
  const hashes = new Set(closures.flatMap(one => [one.id, one.closure_hash]));
  const named = new Set<string>();
  for await (const text of texts(db)) {
    for (const [hash] of text.matchAll(NAMED)) if (hashes.has(hash)) named.add(hash);
  }
  const unused = closures.filter(one => !named.has(one.id) && !named.has(one.closure_hash));
  if (unused.length === 0) return 0;
  return db.write(async session => {
    // Whoever sets a revision waits for this row, and then keeps its closures again.
    await session.get(`SELECT version FROM revision WHERE one = 1${session.forUpdate}`);
    if ((await revisionVersion(session)) !== version) return 0;
    for (const piece of inPieces(unused)) {
      const list = placeholders(1, piece.length);
      await session.run(`DELETE FROM closures WHERE nr IN ${list}`, ...piece.map(one => one.nr));
    }
    return unused.length;
  });
}

async function revisionVersion(db: Reader): Promise<number> {
  return (await db.get<{ version: number }>('SELECT version FROM revision'))?.version ?? 0;
}

/** Everything that may name a closure, a page at a time. */
async function* texts(db: Database): AsyncGenerator<string> {
  for (const { body } of await db.all<{ body: string }>('SELECT body FROM revision')) yield body;
  yield* columns(db, 'targets', 'chain', ['own', 'last']);
  const chains = await db.all<{ chain: string }>('SELECT chain FROM heads ORDER BY chain');
  for (const { chain } of chains) {
    yield* pages(db, 'entries', 'seq', chain, 'body');
    yield* pages(db, 'ticks', 'from_seq', chain, 'closures');
  }
}

async function* pages(
  db: Database,
  table: 'entries' | 'ticks',
  order: string,
  chain: string,
  column: string,
): AsyncGenerator<string> {
  for (let after = -1; ; ) {
    const rows = await db.all<{ at: number; text: string }>(
      `SELECT ${order} AS at, ${column} AS text FROM ${table} WHERE chain = ?1 AND ${order} > ?2 ORDER BY ${order} LIMIT ?3`,
      ...[chain, after, PAGE],
    );
    for (const row of rows) yield row.text;
    after = rows.at(-1)?.at ?? after;
    if (rows.length < PAGE) return;
  }
}

async function* columns(
  db: Database,
  table: 'targets',
  key: string,
  names: readonly string[],
): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const rows = await db.all<Record<string, string | null>>(
      `SELECT ${[key, ...names].join(', ')} FROM ${table} WHERE ${key} > ?1 ORDER BY ${key} LIMIT ?2`,
      ...[after, PAGE],
    );
    for (const row of rows) for (const name of names) if (row[name]) yield row[name];
    after = rows.at(-1)?.[key] ?? after;
    if (rows.length < PAGE) return;
  }
}
