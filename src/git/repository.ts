/** The policy repository: which commit a branch is at, its policy files and its history, read from git objects only. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import git, { type ReadCommitResult } from 'isomorphic-git';
import { type Commit, type CommitAuthor, PortError } from '../model.ts';
import { authorsBetween, type Signer } from './authors.ts';
import { locate } from './location.ts';
import { type Objects, objectsOf, translated } from './objects.ts';
import { branchRef, isBranchName, isSha, listBranches, readRef } from './refs.ts';
import { type PolicyFile, policyFiles } from './tree.ts';

/** A repository and the branch that is enforced. Working tree, index and HEAD never matter to what it gives. */
export interface PolicyRepository {
  readonly dir: string;
  readonly branch: string;
  /** Where branches and objects are; of a linked worktree, the main repository's. */
  readonly gitDir: string;
  readonly bare: boolean;
  /** The commit that the branch is at. Throws PortError when the branch or the commit cannot be read. */
  head(): Promise<Commit>;
  /** The commit of this id. */
  commit(sha: string): Promise<Commit>;
  /** Every *.yaml and *.yml of a commit, by path, without files and folders whose name starts with a dot. */
  files(sha: string): Promise<readonly PolicyFile[]>;
  /** True when `sha` is `ancestor` or comes after it. */
  isDescendant(sha: string, ancestor: string): Promise<boolean>;
  /** Who wrote a commit in `last..sha`, sorted by e-mail address; undefined when those are too many. */
  authorsBetween(last: string, sha: string): Promise<readonly CommitAuthor[] | undefined>;
  /** The commit that HEAD is detached at, so that what is committed there is on no branch; undefined when it is on one. */
  detachedAt(): Promise<string | undefined>;
  /** The newest commits of the branch, newest first. */
  log(limit: number): Promise<readonly Commit[]>;
}

/**
 * The repository at `dir` (its top folder, a linked worktree or a bare repository), for one branch. The branch need not
 * exist yet: `head` says so when asked. Throws PortError when there is no readable repository.
 */
export async function openRepository(options: {
  readonly dir: string;
  readonly branch: string;
  /** Whose signatures count, of authors. */
  readonly signer?: Signer | undefined;
}): Promise<PolicyRepository> {
  const { dir, branch, signer } = options;
  const where = `policy repository ${dir}`;
  if (!isBranchName(branch)) {
    throw new PortError(
      `${where}: ${JSON.stringify(branch)} cannot be the name of a branch; expected one such as main`,
      {
        code: 'branch-name',
        retry: 'never',
        subject: dir,
      },
    );
  }
  const { gitDir, bare } = await locate(dir);
  const read = () => objectsOf(gitDir, 'dry');
  const headCommit = lastCommit();
  return {
    dir,
    branch,
    gitDir,
    bare,
    head: () =>
      translated(`${where}, branch ${branch}`, async () =>
        headCommit(read(), await headSha({ dir, branch, gitDir })),
      ),
    commit: sha => translated(`${where}, commit ${sha}`, () => commitAt(read(), checkedSha(where, sha))),
    files: sha =>
      translated(`${where}, commit ${sha}`, () =>
        policyFiles(read(), checkedSha(where, sha), `commit ${sha.slice(0, 7)}`),
      ),
    isDescendant: (sha, ancestor) =>
      translated(`${where}, commit ${sha}`, () =>
        descends(read(), checkedSha(where, sha), checkedSha(where, ancestor)),
      ),
    authorsBetween: (last, sha) =>
      translated(`${where}, commit ${sha}`, async () => {
        const found = await authorsBetween(read(), checkedSha(where, last), checkedSha(where, sha), signer);
        return found?.map(plainAuthor);
      }),
    detachedAt: () => translated(where, () => readDetached(gitDir, bare)),
    log: limit =>
      translated(`${where}, branch ${branch}`, async () => {
        const ref = await headSha({ dir, branch, gitDir });
        const commits = await git.log({ ...read(), ref, depth: Math.max(1, Math.floor(limit)) });
        return commits.map(toCommit);
      }),
  };
}

/** A bare repository has nobody who commits at its HEAD. */
async function readDetached(gitDir: string, bare: boolean): Promise<string | undefined> {
  const text = bare ? '' : (await readFile(join(gitDir, 'HEAD'), 'utf8')).trim();
  return isSha(text) ? text : undefined;
}

/** The id of the branch's newest commit. Throws PortError that names the branches there are. */
export async function headSha(at: {
  readonly dir: string;
  readonly branch: string;
  readonly gitDir: string;
}): Promise<string> {
  const sha = await readRef(at.gitDir, branchRef(at.branch));
  if (sha !== undefined) return sha;
  // Asked again, so that a repository that went away is not taken for an empty one.
  await locate(at.dir);
  const branches = await listBranches(at.gitDir);
  throw new PortError(
    branches.length === 0
      ? `policy repository ${at.dir}: it has no commits; expected policies on branch ${at.branch}; commit them: git add . && git commit -m 'First policies'`
      : `policy repository ${at.dir}: no branch ${at.branch}; it has: ${branches.slice(0, 20).join(', ')}${branches.length > 20 ? ', …' : ''}; name one of these`,
    { code: branches.length === 0 ? 'no-commits' : 'no-branch', retry: 'later', subject: at.dir },
  );
}

async function commitAt(objects: Objects, sha: string): Promise<Commit> {
  return toCommit(await git.readCommit({ ...objects, oid: sha }));
}

/** The head is asked for at every look of a door, and a commit never changes: the last one is kept. */
function lastCommit(): (objects: Objects, sha: string) => Promise<Commit> {
  let last: Commit | undefined;
  return async (objects, sha) => {
    if (last?.sha !== sha) last = await commitAt(objects, sha);
    return last;
  };
}

function toCommit({ oid, commit }: ReadCommitResult): Commit {
  return {
    sha: oid,
    author: { name: plainLine(commit.author.name), email: plainLine(commit.author.email) },
    time: commit.committer.timestamp * 1000,
    subject: plainLine(commit.message.split('\n', 1)[0] ?? ''),
  };
}

function plainAuthor(author: CommitAuthor): CommitAuthor {
  return typeof author === 'string' ? plainLine(author) : { ...author, email: plainLine(author.email) };
}

/** One line that is safe to print: control and direction characters, which could rewrite a terminal, become blanks. */
export function plainLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

async function descends(objects: Objects, sha: string, ancestor: string): Promise<boolean> {
  if (sha === ancestor) return true;
  return git.isDescendent({ ...objects, oid: sha, ancestor });
}

function checkedSha(where: string, sha: string): string {
  if (isSha(sha)) return sha;
  throw new PortError(`${where}: ${JSON.stringify(sha)} is no commit id; expected 40 hex digits`, {
    code: 'commit-id',
    retry: 'never',
    subject: sha,
  });
}
