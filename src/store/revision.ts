/** The row that says what is enforced, and the closed policies that it and old entries refer to. */
import { sha256 } from '../canonical.ts';
import type { ClosedPolicy, Commit, Revision } from '../model.ts';
import type { Connection } from './connection.ts';
import { json, parse } from './rows.ts';

/** What the revision row keeps of each policy: which text, and the commit that it was compiled from. */
interface Named {
  readonly id: string;
  readonly commit: Commit;
}

type Row = Omit<Revision, 'policies'> & { readonly policies: readonly Named[] };

/** False, and nothing written, when the revision in force is not `expected` (undefined: none yet). */
export function setRevision(db: Connection, revision: Revision, expected: string | undefined): boolean {
  const now = db.get<{ sha: string }>('SELECT sha FROM revision')?.sha;
  if (now !== expected) return false;
  const policies = revision.policies.map(policy => keepClosure(db, policy));
  const row: Row = { ...revision, policies };
  db.run(
    'INSERT INTO revision VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET sha = ?1, body = ?2',
    revision.commit.sha,
    json(row),
  );
  return true;
}

/** Reads the revision in force; gives the very same value again while its row is unchanged, as every tick asks for it. */
export function revisionReader(db: Connection): () => Revision | undefined {
  let known: { readonly body: string; readonly revision: Revision } | undefined;
  return () => {
    const body = db.get<{ body: string }>('SELECT body FROM revision')?.body;
    if (body === undefined) return undefined;
    if (known?.body !== body) known = { body, revision: readRevision(db, body) };
    return known.revision;
  };
}

function readRevision(db: Connection, body: string): Revision {
  const row = parse<Row>(body, 'the revision in force');
  return {
    ...row,
    policies: row.policies.map(({ id, commit }) => {
      const text = db.get<{ body: string }>('SELECT body FROM closures WHERE id = ?', id)?.body ?? '';
      return { ...parse<Omit<ClosedPolicy, 'commit'>>(text, `closure ${id}`), commit };
    }),
  };
}

/** As it was first seen: a later commit that leaves a policy alone gives the same closure hash. */
export function readClosure(db: Connection, hash: string): ClosedPolicy | undefined {
  const row = db.get<{ first_commit: string; body: string }>(
    'SELECT first_commit, body FROM closures WHERE closure_hash = ? ORDER BY rowid LIMIT 1',
    hash,
  );
  if (!row) return undefined;
  const commit = parse<Commit>(row.first_commit, `the commit of closure ${hash}`);
  return { ...parse<Omit<ClosedPolicy, 'commit'>>(row.body, `closure ${hash}`), commit };
}

/** Kept without its commit, which every commit changes: else each one would store all policies anew, for ever. */
function keepClosure(db: Connection, { commit, ...policy }: ClosedPolicy): Named {
  const body = json(policy);
  const id = sha256(body);
  db.run(
    'INSERT INTO closures (id, closure_hash, first_commit, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    id,
    policy.closureHash,
    json(commit),
    body,
  );
  return { id, commit };
}
