/**
 * Lets a checked-out working tree follow a merge: files that nobody has edited get the merged text, in index and tree, so
 * that the next ordinary commit does not take the merge back. Edited files are left alone and named.
 */
import { join } from 'node:path';
import git from 'isomorphic-git';
import { plainFiles } from './objects.ts';
import { branchRef, readHead } from './refs.ts';
import type { PolicyRepository } from './repository.ts';

/** Of these paths, those that stand in index and tree as they do in `commit`. Undefined: the branch is not checked out here. */
export async function uneditedFiles(
  repository: PolicyRepository,
  commit: string,
  paths: readonly string[],
): Promise<readonly string[] | undefined> {
  const { dir, gitDir, bare, branch } = repository;
  const here =
    !bare && join(dir, '.git') === gitDir && (await readHead(gitDir)) === `ref: ${branchRef(branch)}`;
  if (!here) return undefined;
  if (paths.length === 0) return [];
  const filepaths = [...paths];
  // An index that cannot be read is nobody's to write over.
  const rows = await git
    .statusMatrix({ fs: plainFiles, dir, gitdir: gitDir, ref: commit, filepaths })
    .catch(() => undefined);
  if (rows === undefined) return [];
  const edited = new Set(
    rows.filter(([, head, tree, index]) => head !== tree || tree !== index).map(([path]) => path),
  );
  return filepaths.filter(path => !edited.has(path));
}

/** Writes these files as the branch has them now, in index and tree. */
export async function followBranch(repository: PolicyRepository, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const { dir, gitDir, branch } = repository;
  const options = { fs: plainFiles, dir, gitdir: gitDir, ref: branch, filepaths: [...paths] };
  await git.checkout({ ...options, force: true, noUpdateHead: true });
}
