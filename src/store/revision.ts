/** The row that says what is enforced, and the closed policies that it and old entries refer to. */
import { sha256 } from '../canonical.ts';
import type { ClosedPolicy, Commit, Revision } from '../model.ts';
import { type Database, inPieces, placeholders, type Reader } from './database.ts';
import { allOf } from './reads.ts';
import { json, parse } from './rows.ts';
import type { Session } from './session.ts';

/** Closures of one statement. */
const TOGETHER = 20;

/** What the revision row keeps of each policy: which text, and the commit that it was compiled from. */
interface Named {
  readonly id: string;
  readonly commit: Commit;
}

type Row = Omit<Revision, 'policies'> & { readonly policies: readonly Named[] };

/** False, and nothing written, when the revision in force is not `expected` (undefined: none yet). */
export async function setRevision(
  db: Session,
  revision: Revision,
  expected: string | undefined,
): Promise<boolean> {
  const now = (await db.get<{ sha: string }>(`SELECT sha FROM revision WHERE one = 1${db.forUpdate}`))?.sha;
  if (now !== expected) return false;
  const policies = await keepClosures(db, revision.policies);
  const row: Row = { ...revision, policies };
  await db.run(
    `INSERT INTO revision (one, sha, body) VALUES (1, ?1, ?2)
     ON CONFLICT (one) DO UPDATE SET sha = excluded.sha, body = excluded.body, version = revision.version + 1`,
    revision.commit.sha,
    json(row),
  );
  return true;
}

/** Reads the revision in force; gives the very same value again while its row is unchanged, as every tick asks for it. */
export function revisionReader(db: Database): () => Promise<Revision | undefined> {
  let known: { readonly version: number; readonly revision: Revision } | undefined;
  return async () => {
    const now = await db.get<{ version: number }>('SELECT version FROM revision');
    if (now === undefined) return undefined;
    if (known?.version === now.version) return known.revision;
    const row = await db.get<{ version: number; body: string }>('SELECT version, body FROM revision');
    if (row === undefined) return undefined;
    const read = { version: row.version, revision: await readRevision(db, row.body) };
    // One that is rolled back leaves its version to another.
    if (!db.inTransaction()) known = read;
    return read.revision;
  };
}

async function readRevision(db: Reader, body: string): Promise<Revision> {
  const row = parse<Row>(body, 'the revision in force');
  const closures = await allOf<{ id: string; body: string }>(
    db,
    [...new Set(row.policies.map(({ id }) => id))],
    list => `SELECT id, body FROM closures WHERE id IN ${list}`,
  );
  const bodies = new Map(closures.map(({ id, body }) => [id, body]));
  return {
    ...row,
    policies: row.policies.map(({ id, commit }) => {
      return { ...parse<Omit<ClosedPolicy, 'commit'>>(bodies.get(id) ?? '', `closure ${id}`), commit };
    }),
  };
}

/** As it was first seen: a later commit that leaves a policy alone gives the same closure hash. */
export async function readClosure(db: Reader, hash: string): Promise<ClosedPolicy | undefined> {
  const row = await db.get<{ first_commit: string; body: string }>(
    'SELECT first_commit, body FROM closures WHERE closure_hash = ?1 ORDER BY nr LIMIT 1',
    hash,
  );
  if (!row) return undefined;
  const commit = parse<Commit>(row.first_commit, `the commit of closure ${hash}`);
  return { ...parse<Omit<ClosedPolicy, 'commit'>>(row.body, `closure ${hash}`), commit };
}

/** Kept without their commits, which every commit changes: else each one would store all policies anew, for ever. */
async function keepClosures(db: Session, policies: readonly ClosedPolicy[]): Promise<readonly Named[]> {
  const all = policies.map(({ commit, ...policy }) => {
    const body = json(policy);
    return { id: sha256(body), commit, hash: policy.closureHash, body };
  });
  const ids = [...new Set(all.map(one => one.id))];
  const rows = await allOf<{ id: string }>(db, ids, list => `SELECT id FROM closures WHERE id IN ${list}`);
  const known = new Set(rows.map(row => row.id));
  const missing = new Map(all.filter(one => !known.has(one.id)).map(one => [one.id, one]));
  for (const piece of inPieces([...missing.values()], TOGETHER)) {
    await db.run(
      `INSERT INTO closures (id, closure_hash, first_commit, body) VALUES ${placeholders(piece.length, 4)}
       ON CONFLICT (id) DO NOTHING`,
      ...piece.flatMap(({ id, hash, commit, body }) => [id, hash, json(commit), body]),
    );
  }
  return all.map(({ id, commit }) => ({ id, commit }));
}
