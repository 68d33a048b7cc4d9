/** Reads, merges and closes proposals. Merging moves the enforced branch and nothing else. */
import git from 'isomorphic-git';
import { type Commit, type CommitAuthor, PortError } from '../model.ts';
import { type Ancestry, ancestryOf, relate } from './ancestry.ts';
import { unifiedDiff } from './line-diff.ts';
import { errorCode, type Objects, objectsOf, translated } from './objects.ts';
import { isPolicyPath } from './paths.ts';
import { type Person, PROPOSALS, signature } from './propose.ts';
import { branchRef, isBranchName, isCheckedOut, listBranches, moveBranch, readRef } from './refs.ts';
import { headSha, type PolicyRepository } from './repository.ts';
import { changedFiles, type FileChange, type PolicyFile, policyFiles, textOf } from './tree.ts';
import { followBranch, uneditedFiles } from './working-tree.ts';

/** `merged`: the enforced branch has all of it. `conflict` and `refused` cannot be merged here; `problem` says why. */
export type Mergeable = 'fast-forward' | 'merge' | 'merged' | 'conflict' | 'refused';

export interface Proposal {
  readonly branch: string;
  /** Its newest commit: title (`subject`), author and time. */
  readonly commit: Commit;
  readonly rationale: string;
  /** The newest commit that it shares with the enforced branch. */
  readonly base: string;
  readonly files: readonly { readonly path: string; readonly change: FileChange['change'] }[];
  /** Commits that only it has, and that only the enforced branch has. */
  readonly ahead: number;
  readonly behind: number;
  readonly mergeable: Mergeable;
  readonly problem?: string;
}

export interface MergeResult {
  readonly sha: string;
  readonly how: 'fast-forward' | 'merge' | 'already-merged';
  readonly files: readonly string[];
  /**
   * `updated`: the checked-out working tree followed. `behind`: one has this branch checked out and still shows files of
   * before, because somebody has edited them there (`left`), or because it is linked. `none`: nobody has it checked out.
   */
  readonly workingTree: 'updated' | 'behind' | 'none';
  readonly left: readonly string[];
}

/** All proposals, by branch name. One that cannot be read is `refused`, with the reason as its problem. */
export function listProposals(repository: PolicyRepository): Promise<readonly Proposal[]> {
  return translated(`proposals of ${repository.dir}`, async () => {
    const branches = (await listBranches(repository.gitDir)).filter(name => name.startsWith(PROPOSALS));
    if (branches.length === 0) return [];
    const objects = objectsOf(repository.gitDir, 'dry');
    const head = await headSha(repository);
    const ours = await ancestryOf(objects, head);
    const proposals: Proposal[] = [];
    for (const branch of branches) {
      const sha = await readRef(repository.gitDir, branchRef(branch));
      if (sha !== undefined) proposals.push(await describe(repository, objects, { branch, sha, head, ours }));
    }
    return proposals;
  });
}

interface Sides {
  readonly branch: string;
  readonly sha: string;
  readonly head: string;
  /** Of the enforced branch. */
  readonly ours: Ancestry;
}

async function describe(repository: PolicyRepository, objects: Objects, sides: Sides): Promise<Proposal> {
  const { branch, sha } = sides;
  try {
    return await translated(`proposal ${branch}`, async () => {
      const commit = await repository.commit(sha);
      const { commit: raw } = await git.readCommit({ ...objects, oid: sha });
      const rationale = raw.message.split('\n').slice(1).join('\n').trim();
      const { base, ahead, behind } = await relate(objects, sides.ours, sha);
      const changes = base === undefined ? [] : await changedFiles(objects, base, sha);
      const verdict = judge(sides, base, changes);
      const conflict = verdict.mergeable === 'merge' ? await conflictOf(objects, sides) : undefined;
      const files = changes.map(({ path, change }) => ({ path, change }));
      return { branch, commit, rationale, base: base ?? '', files, ahead, behind, ...(conflict ?? verdict) };
    });
  } catch (error) {
    const commit = { sha, author: { name: '', email: '' }, time: 0, subject: '' };
    const nothing = { rationale: '', base: '', files: [], ahead: 0, behind: 0 };
    return {
      branch,
      commit,
      ...nothing,
      mergeable: 'refused',
      problem: error instanceof Error ? error.message : '',
    };
  }
}

interface Judgement {
  readonly mergeable: Mergeable;
  readonly problem?: string;
}

/** What commits and paths alone say; `merge` stands until the texts are merged. */
function judge(
  sides: { readonly sha: string; readonly head: string },
  base: string | undefined,
  changes: readonly FileChange[],
): Judgement & { readonly mergeable: Exclude<Mergeable, 'conflict'> } {
  if (base === undefined) {
    const problem = 'it shares no single commit with the enforced branch; propose it anew';
    return { mergeable: 'refused', problem };
  }
  if (base === sides.sha) return { mergeable: 'merged' };
  const other = changes.filter(change => !isPlainPolicy(change)).map(change => change.path);
  if (other.length > 0) {
    const problem = `it changes files that are not policies (${other.slice(0, 5).join(', ')}); merge it with git after a review`;
    return { mergeable: 'refused', problem };
  }
  return { mergeable: base === sides.head ? 'fast-forward' : 'merge' };
}

function isPlainPolicy({ path, before, after }: FileChange): boolean {
  const plain = [before, after].every(file => file === undefined || file.mode.startsWith('100'));
  return plain && isPolicyPath(path);
}

async function conflictOf(objects: Objects, sides: Sides): Promise<Judgement | undefined> {
  try {
    await threeWay(objects, { ours: sides.head, theirs: sides.sha });
    return undefined;
  } catch (error) {
    return { mergeable: 'conflict', problem: conflictProblem(error) };
  }
}

function conflictProblem(error: unknown): string {
  if (
    errorCode(error) === 'MergeConflictError' &&
    typeof error === 'object' &&
    error !== null &&
    'data' in error
  ) {
    const files = (error.data as { readonly filepaths?: readonly string[] }).filepaths ?? [];
    return `both sides changed the same lines of ${files.join(', ')}; propose it anew on the present head`;
  }
  if (errorCode(error) === 'MergeNotSupportedError') {
    return 'one side has a folder where the other has a file; propose it anew on the present head';
  }
  throw error;
}

/** The tree of a merge commit. Throws isomorphic-git's errors when the two sides conflict. */
async function threeWay(
  objects: Objects,
  sides: { readonly ours: string; readonly theirs: string },
  sign?: { readonly message: string; readonly author: ReturnType<typeof signature> },
): Promise<string> {
  const author = sign?.author ?? { name: 'flyball', email: '', timestamp: 0, timezoneOffset: 0 };
  const merged = await git.merge({
    ...objects,
    ...sides,
    author,
    committer: author,
    message: sign?.message ?? 'merge',
    fastForward: false,
    noUpdateBranch: true,
  });
  if (merged.oid === undefined) throw new Error('the merge gave no commit');
  return merged.oid;
}

/** What the enforced branch would hold if a proposal were merged now. Writes nothing. Throws PortError as merging does. */
export function previewProposal(
  repository: PolicyRepository,
  branch: string,
): Promise<{
  readonly sha: string;
  readonly head: Commit;
  readonly files: readonly PolicyFile[];
  readonly authors: readonly CommitAuthor[] | undefined;
}> {
  return translated(`proposal ${branch}`, async () => {
    const objects = objectsOf(repository.gitDir, 'dry');
    const sides = await sidesOf(repository, objects, branch);
    const author = { name: 'flyball', email: 'flyball@localhost' };
    const merged = await mergedCommit(repository, objects, { ...sides, branch, author, at: 0 });
    return {
      sha: sides.sha,
      head: await repository.commit(sides.head),
      files: await policyFiles(objects, merged, `proposal ${branch}, merged`),
      authors: await repository.authorsBetween(sides.head, sides.sha),
    };
  });
}

/** The commits of both sides, and how they can be merged. Throws PortError when they cannot. */
async function sidesOf(repository: PolicyRepository, objects: Objects, branch: string) {
  const sides = { sha: await proposalSha(repository, branch), head: await headSha(repository) };
  const { base } = await relate(objects, await ancestryOf(objects, sides.head), sides.sha);
  const changes = base === undefined ? [] : await changedFiles(objects, base, sides.sha);
  const { mergeable, problem } = judge(sides, base, changes);
  if (mergeable === 'refused') throw refusal(branch, mergeable, problem ?? '');
  return { ...sides, changes, mergeable };
}

/** What a proposal changes against its base, as a unified diff: one text for people and for `git apply`. */
export function diffProposal(repository: PolicyRepository, branch: string): Promise<string> {
  return translated(`proposal ${branch}`, async () => {
    const objects = objectsOf(repository.gitDir, 'dry');
    const sides = { sha: await proposalSha(repository, branch), head: await headSha(repository) };
    const { base } = await relate(objects, await ancestryOf(objects, sides.head), sides.sha);
    if (base === undefined)
      throw refusal(branch, 'refused', 'it shares no single commit with the enforced branch');
    const texts: string[] = [];
    for (const { path, before, after } of await changedFiles(objects, base, sides.sha)) {
      const left = before && (await textOf(objects, before));
      const right = after && (await textOf(objects, after));
      texts.push(unifiedDiff(path, left, right));
    }
    return texts.join('');
  });
}

/**
 * Merges a proposal into the enforced branch, by fast-forward or a merge commit, and deletes its branch. Only refs and
 * objects are written; the index and every working tree stay as they are. `check` sees the merged files before the
 * branch moves, and nothing moves when it throws. Throws PortError on conflicts, on files that are not policies, and
 * when the branch moved meanwhile.
 */
export function mergeProposal(
  repository: PolicyRepository,
  branch: string,
  options: {
    readonly author: Person;
    readonly at: number;
    /** The commit that was looked at: nothing is merged when the branch is at another one. */
    readonly sha?: string;
    readonly check?: (files: readonly PolicyFile[]) => Promise<void> | void;
    /** Brings the commit to where others see it, before the branch here moves. */
    readonly publish?: (sha: string) => Promise<void>;
  },
): Promise<MergeResult> {
  return translated(`proposal ${branch}`, async () => {
    const { gitDir } = repository;
    const objects = objectsOf(gitDir, 'write');
    const sides = await sidesOf(repository, objects, branch);
    const { changes, mergeable } = sides;
    if (options.sha !== undefined && options.sha !== sides.sha) throw movedOn(branch);
    const { author, at } = options;
    const sha = await mergedCommit(repository, objects, { ...sides, branch, author, at });
    await options.check?.(await policyFiles(objects, sha, `proposal ${branch}, merged`));
    const merged = (await changedFiles(objects, sides.head, sha)).map(({ path }) => path);
    const unedited = await uneditedFiles(repository, sides.head, merged);
    if (sha !== sides.head) await options.publish?.(sha);
    if (
      sha !== sides.head &&
      !(await moveBranch({ gitDir, branch: repository.branch, from: sides.head, to: sha }))
    ) {
      throw new PortError(
        `proposal ${branch}: branch ${repository.branch} moved while it was merged; nothing was changed; merge it again`,
        { code: 'branch-moved', retry: 'later', subject: branch },
      );
    }
    await moveBranch({ gitDir, branch, from: sides.sha, to: undefined });
    await followBranch(repository, unedited ?? []);
    const followed = unedited !== undefined && unedited.length === merged.length;
    const behind = sha !== sides.head && !followed && (await isCheckedOut(repository));
    const left = merged.filter(path => !(unedited ?? []).includes(path));
    return {
      sha,
      how: mergeable === 'merged' ? 'already-merged' : mergeable,
      files: changes.map(({ path }) => path),
      workingTree: behind ? 'behind' : unedited === undefined || merged.length === 0 ? 'none' : 'updated',
      left: behind ? left : [],
    };
  });
}

async function mergedCommit(
  repository: PolicyRepository,
  objects: Objects,
  merge: {
    readonly branch: string;
    readonly sha: string;
    readonly head: string;
    readonly mergeable: Exclude<Mergeable, 'conflict'>;
    readonly author: Person;
    readonly at: number;
  },
): Promise<string> {
  if (merge.mergeable === 'merged') return merge.head;
  if (merge.mergeable === 'fast-forward') return merge.sha;
  const { subject } = await repository.commit(merge.sha);
  const message = `Merge ${merge.branch}: ${subject}\n`;
  const author = signature(merge.author, merge.at);
  try {
    return await threeWay(objects, { ours: merge.head, theirs: merge.sha }, { message, author });
  } catch (error) {
    throw refusal(merge.branch, 'conflict', conflictProblem(error));
  }
}

/** Deletes a proposal's branch; its commits stay readable until git collects them. Gives the commit it was at. */
export function closeProposal(
  repository: PolicyRepository,
  branch: string,
): Promise<{ readonly sha: string }> {
  return translated(`proposal ${branch}`, async () => {
    const sha = await proposalSha(repository, branch);
    if (await moveBranch({ gitDir: repository.gitDir, branch, from: sha, to: undefined })) return { sha };
    throw movedOn(branch);
  });
}

async function proposalSha(repository: PolicyRepository, branch: string): Promise<string> {
  // The name becomes a path below refs/heads: one with `..` would lead to any other branch.
  const named = branch.startsWith(PROPOSALS) && isBranchName(branch);
  const sha = named ? await readRef(repository.gitDir, branchRef(branch)) : undefined;
  if (sha !== undefined) return sha;
  const names = (await listBranches(repository.gitDir)).filter(name => name.startsWith(PROPOSALS));
  const known = names.length === 0 ? 'there are none' : `there are: ${names.slice(0, 20).join(', ')}`;
  throw new PortError(`proposal ${JSON.stringify(branch)}: no such proposal; ${known}`, {
    code: 'no-proposal',
    retry: 'never',
    subject: branch,
  });
}

function movedOn(branch: string): PortError {
  return new PortError(`proposal ${branch}: it moved meanwhile; nothing was changed; look at it again`, {
    code: 'branch-moved',
    retry: 'later',
    subject: branch,
  });
}

function refusal(branch: string, code: string, problem: string): PortError {
  return new PortError(`proposal ${branch}: cannot be merged: ${problem}`, {
    code,
    retry: 'never',
    subject: branch,
  });
}
