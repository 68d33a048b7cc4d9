/** Which commit a person means: a branch, a tag, a remote's branch, or (the beginning of) a commit id, with `~N` for ancestors. */
import git from 'isomorphic-git';
import { type Commit, PortError } from '../model.ts';
import { objectsOf } from './objects.ts';
import { readRef } from './refs.ts';
import type { PolicyRepository } from './repository.ts';

/** Names that git would take too, without what its revision grammar adds. */
const REVISION = /^(?<name>[A-Za-z0-9][\w./-]*?)(?:~(?<back>\d{1,4}))?$/;

/** The commit of a revision. Throws PortError when there is none, or more than one. */
export async function resolveCommit(repository: PolicyRepository, revision: string): Promise<Commit> {
  const groups = REVISION.exec(revision)?.groups;
  const name = groups?.name ?? '';
  const sha = groups === undefined ? undefined : await shaOf(repository, name);
  if (sha === undefined) throw unknown(repository, revision);
  const back = Number(groups?.back ?? 0);
  const ancestor = back === 0 ? sha : await ancestorOf(repository, sha, back);
  if (ancestor === undefined) throw unknown(repository, revision);
  return repository.commit(ancestor);
}

async function shaOf({ gitDir, branch }: PolicyRepository, name: string): Promise<string | undefined> {
  const refs = name === 'HEAD' ? ['HEAD', `refs/heads/${branch}`] : [];
  for (const ref of [...refs, `refs/heads/${name}`, `refs/tags/${name}`, `refs/remotes/${name}`]) {
    const sha = name.includes('..') ? undefined : await readRef(gitDir, ref);
    if (sha !== undefined) return peeled(gitDir, sha);
  }
  if (!/^[0-9a-f]{4,40}$/.test(name)) return undefined;
  try {
    return await git.expandOid({ ...objectsOf(gitDir, 'dry'), oid: name });
  } catch {
    return undefined;
  }
}

/** An annotated tag is an object of its own, which names the commit. */
async function peeled(gitDir: string, sha: string): Promise<string> {
  const objects = objectsOf(gitDir, 'dry');
  const { type } = await git.readObject({ ...objects, oid: sha, format: 'parsed' });
  if (type !== 'tag') return sha;
  const { tag } = await git.readTag({ ...objects, oid: sha });
  return peeled(gitDir, tag.object);
}

async function ancestorOf(
  { gitDir }: PolicyRepository,
  sha: string,
  back: number,
): Promise<string | undefined> {
  let here: string | undefined = sha;
  for (let i = 0; i < back && here !== undefined; i++) {
    const { commit } = await git.readCommit({ ...objectsOf(gitDir, 'dry'), oid: here });
    here = commit.parent[0];
  }
  return here;
}

function unknown({ dir }: PolicyRepository, revision: string): PortError {
  return new PortError(
    `policy repository ${dir}: there is no commit ${JSON.stringify(revision)}; expected a branch, a tag, a commit id, or one of them with ~N. Fetch it first if it is on another machine.`,
    { code: 'no-revision', retry: 'never', subject: revision },
  );
}
