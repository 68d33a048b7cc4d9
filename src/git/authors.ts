/** Who wrote what came to a branch: the authors of the commits that one commit has in its history and another has not. */
import git, { type CommitObject } from 'isomorphic-git';
import type { Objects } from './objects.ts';

/** Commits that are new, and those that are read at all. More is no change that somebody looked through. */
const MOST_NEW = 1000;
const MOST_READ = 5000;

interface Seen {
  readonly commit: CommitObject;
  /** In the history of `last`. */
  old: boolean;
}

/**
 * E-mail addresses of the authors of every commit in `last..sha`, whichever parent leads to it, sorted. Undefined when there
 * are too many. Reads no more history than it must: newest first, until only what `last` has is left. Where clocks were wrong it
 * may name an author of what is older, never one too few.
 */
export async function authorsBetween(
  objects: Objects,
  last: string,
  sha: string,
): Promise<readonly string[] | undefined> {
  const seen = new Map<string, Seen>();
  const open = new Set<string>();
  const visit = async (oid: string, old: boolean) => {
    const known = seen.get(oid);
    if (known && (known.old || !old)) return;
    // What turns out to be old makes its ancestors old too, also those that were taken for new.
    if (known) known.old = true;
    else seen.set(oid, { commit: (await git.readCommit({ ...objects, oid })).commit, old });
    open.add(oid);
  };
  await visit(last, true);
  await visit(sha, false);
  for (;;) {
    const fresh = [...seen.values()].filter(one => !one.old);
    if (fresh.length > MOST_NEW || seen.size > MOST_READ) return undefined;
    const left = [...open].flatMap(oid => ({ oid, ...(seen.get(oid) as Seen) }));
    if (left.every(one => one.old)) return [...new Set(fresh.map(one => one.commit.author.email))].sort();
    const next = left.reduce((a, b) => (isBefore(a, b) ? b : a));
    open.delete(next.oid);
    for (const parent of next.commit.parent) await visit(parent, next.old);
  }
}

/** Of two at the same second the old one comes first: it is better known to be old than taken for new. */
function isBefore(a: Seen, b: Seen): boolean {
  const [first, second] = [a.commit.committer.timestamp, b.commit.committer.timestamp];
  return first === second ? !a.old && b.old : first < second;
}
