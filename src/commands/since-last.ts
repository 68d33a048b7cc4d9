/** What lies between the revision in force and the commit that is to follow it. */
import type { Commit, Revision } from '../model.ts';
import type { RepositoryPort } from './ports.ts';

/** What a revision says of the way from the one before. */
export type SinceLast = Pick<Revision, 'rewritten' | 'authors' | 'wholeSince'>;

/**
 * Whether history was rewritten, and who wrote what is new. Of a head that did not descend, and of more commits than anybody
 * can look through, nobody is known to be the author.
 */
export async function sinceLast(
  repository: Pick<RepositoryPort, 'isDescendant' | 'authorsBetween'>,
  before: Revision | undefined,
  head: Commit,
  at: number,
): Promise<SinceLast> {
  if (!before) return {};
  const from = before.commit.sha;
  // What an earlier commit could not bring into force may come with this one, from whoever wrote it then.
  const wholeSince = before.rejected ? (before.wholeSince ?? from) : from;
  if (!(await tried(() => repository.isDescendant(head.sha, from)))) {
    return { rewritten: { from, at }, authors: [], wholeSince };
  }
  const authors = await tried(() => repository.authorsBetween(wholeSince, head.sha));
  return { authors: authors ?? [], wholeSince };
}

/** A commit that is gone (rewritten and collected) is no ancestor of anything. */
async function tried<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}
