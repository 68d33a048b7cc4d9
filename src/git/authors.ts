/** Who wrote what came to a branch: the authors of the commits that one commit has in its history and another has not. */
import git, { type CommitObject } from 'isomorphic-git';
import type { CommitAuthor } from '../model.ts';
import type { Objects } from './objects.ts';

/** Commits that are new, and those that are read at all. More is no change that somebody looked through. */
const MOST_NEW = 1000;
const MOST_READ = 5000;

/** The fingerprint of the key whose signature a commit carries; undefined when it has none that counts. */
export type Signer = (objects: Objects, sha: string) => Promise<string | undefined>;

interface Seen {
  readonly sha: string;
  readonly commit: CommitObject;
  /** In the history of `last`. */
  old: boolean;
}

/**
 * Who wrote the commits in `last..sha`, whichever parent leads to them: e-mail addresses, sorted; with the key of who signed
 * where `signer` finds one. Undefined when there are too many. Reads no more history than it must: newest first, until only what `last` has is left. Where clocks were wrong it
 * may name an author of what is older, never one too few.
 */
export async function authorsBetween(
  objects: Objects,
  last: string,
  sha: string,
  signer?: Signer,
): Promise<readonly CommitAuthor[] | undefined> {
  const seen = new Map<string, Seen>();
  const open = new Set<string>();
  const visit = async (oid: string, old: boolean) => {
    const known = seen.get(oid);
    if (known && (known.old || !old)) return;
    // What turns out to be old makes its ancestors old too, also those that were taken for new.
    if (known) known.old = true;
    else seen.set(oid, { sha: oid, commit: (await git.readCommit({ ...objects, oid })).commit, old });
    open.add(oid);
  };
  await visit(last, true);
  await visit(sha, false);
  for (;;) {
    const fresh = [...seen.values()].filter(one => !one.old);
    if (fresh.length > MOST_NEW || seen.size > MOST_READ) return undefined;
    const left = [...open].flatMap(oid => ({ oid, ...(seen.get(oid) as Seen) }));
    if (left.every(one => one.old)) return authorsOf(objects, fresh, signer);
    const next = left.reduce((a, b) => (isBefore(a, b) ? b : a));
    open.delete(next.oid);
    for (const parent of next.commit.parent) await visit(parent, next.old);
  }
}

async function authorsOf(
  objects: Objects,
  commits: readonly Seen[],
  signer: Signer | undefined,
): Promise<readonly CommitAuthor[]> {
  const found = new Map<string, CommitAuthor>();
  for (const { sha, commit } of commits) {
    const { email } = commit.author;
    const key = await signer?.(objects, sha);
    found.set(`${email} ${key ?? ''}`, key === undefined ? email : { email, key });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, author]) => author);
}

/** Of two at the same second the old one comes first: it is better known to be old than taken for new. */
function isBefore(a: Seen, b: Seen): boolean {
  const [first, second] = [a.commit.committer.timestamp, b.commit.committer.timestamp];
  return first === second ? !a.old && b.old : first < second;
}
