/** The time series of observations: one row a look, whose shapes are kept once. */
import { sha256 } from '../canonical.ts';
import type { Observation, Snapshot } from '../model.ts';
import type { Database, Reader } from './database.ts';
import { inPieces, placeholders } from './database.ts';
import { decodeSeen, encodeSeen, type Shape, shapesIn, splitSnapshot } from './series.ts';
import type { Session } from './session.ts';

/** Rows that are decoded together. */
const PAGE = 200;

/** Shapes of a state by hash and by number, as far as they are known to stay. */
export interface Shapes {
  readonly numbers: Map<string, number>;
  readonly texts: Map<number, Shape>;
  /** Read or given in this transaction, or by an earlier one of its group: known to nobody else until it is committed. */
  readonly fresh: WeakMap<Session, Map<string, number>>;
}

export function noShapes(): Shapes {
  return { numbers: new Map(), texts: new Map(), fresh: new WeakMap() };
}

/** To be called once the transaction is committed. */
export function sharedShapes({ numbers, fresh }: Shapes, committed: Session): void {
  for (const [hash, nr] of fresh.get(committed) ?? []) numbers.set(hash, nr);
}

export async function keepObservations(
  db: Session,
  shapes: Shapes,
  chain: string,
  snapshot: Snapshot,
): Promise<void> {
  const parts = splitSnapshot(snapshot);
  if (parts.length === 0) return;
  const numbers = await numbersOf(db, shapes, [...new Set(parts.flat().map(one => one.shape))]);
  const body = encodeSeen(parts, shape => numbers.get(shape) ?? Number.NaN);
  await db.run(
    `INSERT INTO series (chain, taken_at, nr, body)
     SELECT ?1, ?2, coalesce(max(nr) + 1, 0), ?3 FROM series WHERE chain = ?1 AND taken_at = ?2`,
    ...[chain, snapshot.takenAt, body],
  );
}

/** Their numbers; those that nobody had seen are given one. */
async function numbersOf(
  db: Session,
  shapes: Shapes,
  texts: readonly Shape[],
): Promise<ReadonlyMap<Shape, number>> {
  const fresh = shapes.fresh.get(db) ?? new Map<string, number>();
  shapes.fresh.set(db, fresh);
  const hashes = new Map(texts.map(text => [sha256(text), text]));
  const unknown = [...hashes.keys()].filter(hash => !shapes.numbers.has(hash) && !fresh.has(hash));
  if (unknown.length > 0) {
    await readNumbers(db, unknown, fresh);
    const missing = unknown.filter(hash => !fresh.has(hash));
    for (const hash of missing) {
      const sql = 'INSERT INTO shapes (hash, body) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING';
      await db.run(sql, hash, hashes.get(hash) ?? '');
    }
    await readNumbers(db, missing, fresh);
  }
  return new Map(
    [...hashes].map(([hash, text]) => [text, shapes.numbers.get(hash) ?? fresh.get(hash) ?? Number.NaN]),
  );
}

async function readNumbers(db: Reader, hashes: readonly string[], into: Map<string, number>): Promise<void> {
  for (const piece of inPieces(hashes)) {
    const sql = `SELECT nr, hash FROM shapes WHERE hash IN ${placeholders(1, piece.length)}`;
    for (const { nr, hash } of await db.all<{ nr: number; hash: string }>(sql, ...piece)) into.set(hash, nr);
  }
}

/** The newest first. */
export async function readObservations(
  db: Database,
  shapes: Shapes,
  chain: string,
  { name, limit = Number.POSITIVE_INFINITY }: { readonly name?: string; readonly limit?: number },
): Promise<readonly { takenAt: number; policy: string; observation: Observation }[]> {
  const found: { takenAt: number; policy: string; observation: Observation }[] = [];
  // What a transaction reads may be of a number that is given again.
  const texts = db.inTransaction() ? new Map<number, Shape>() : shapes.texts;
  let before: readonly [at: number, nr: number] = [Number.POSITIVE_INFINITY, 0];
  for (;;) {
    const rows = await db.all<{ taken_at: number; nr: number; body: string }>(
      `SELECT taken_at, nr, body FROM series WHERE chain = ?1 AND (taken_at < ?2 OR (taken_at = ?2 AND nr < ?3))
       ORDER BY taken_at DESC, nr DESC LIMIT ?4`,
      ...[chain, ...before, PAGE],
    );
    await readShapes(
      db,
      texts,
      rows.flatMap(row => shapesIn(row.body)),
    );
    for (const { taken_at: takenAt, body } of rows) {
      const seen = decodeSeen(body, takenAt, nr => texts.get(nr) ?? 'null').toReversed();
      for (const { policy, observation } of seen) {
        if (name !== undefined && observation.name !== name) continue;
        if (found.length >= limit) return found;
        found.push({ takenAt, policy, observation });
      }
    }
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return found;
    before = [last.taken_at, last.nr];
  }
}

async function readShapes(db: Reader, texts: Map<number, Shape>, needed: readonly number[]): Promise<void> {
  const missing = [...new Set(needed)].filter(nr => !texts.has(nr));
  for (const piece of inPieces(missing)) {
    const sql = `SELECT nr, body FROM shapes WHERE nr IN ${placeholders(1, piece.length)}`;
    for (const { nr, body } of await db.all<{ nr: number; body: string }>(sql, ...piece)) texts.set(nr, body);
  }
}

/** Deletes what is older, all looks of some times together, and gives how many looks that were. */
export async function pruneObservations(db: Database, from: number, together: number): Promise<number> {
  let all = 0;
  const chains = await db.all<{ chain: string }>('SELECT chain FROM heads ORDER BY chain');
  for (const { chain } of chains) {
    for (let gone = together; gone >= together; all += gone) {
      gone = await db.write(session =>
        session.run(
          `DELETE FROM series WHERE chain = ?1 AND taken_at IN
           (SELECT DISTINCT taken_at FROM series WHERE chain = ?1 AND taken_at < ?2 ORDER BY taken_at LIMIT ?3)`,
          ...[chain, from, together],
        ),
      );
    }
  }
  return all;
}
