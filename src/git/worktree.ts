/** Development mode: the policy files as they are on disk, saved or not yet committed, as if they were a commit. */
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import git from 'isomorphic-git';
import { hashOf } from '../canonical.ts';
import { type Commit, PortError } from '../model.ts';
import { plainFiles, translated } from './objects.ts';
import {
  contentProblem,
  decodeText,
  FILES_MAX,
  FOLDERS_MAX,
  isHidden,
  isYaml,
  refuseProblems,
} from './paths.ts';
import type { PolicyFile } from './tree.ts';
import { follow, type Watch, type WatchOptions } from './watch.ts';

export interface Worktree {
  /** Its `sha` is a hash of the paths and texts, its `time` that of the newest file. */
  readonly commit: Commit;
  readonly files: readonly PolicyFile[];
}

/**
 * The YAML files below a folder, as `files` of a repository would give them once committed: hidden names, `node_modules`
 * and what .gitignore names are passed over. Throws one PortError that lists all files that cannot be policies.
 */
export function readWorktree(dir: string): Promise<Worktree> {
  return translated(`policy folder ${dir}`, async () => {
    const found = await listYaml(dir);
    const problems: string[] = [];
    const files: PolicyFile[] = [];
    let time = 0;
    for (const path of found) {
      const status = await lstat(join(dir, path));
      if (!status.isFile()) {
        problems.push(`${path} is not a regular file; put the file itself there`);
        continue;
      }
      const bytes = await readFile(join(dir, path));
      const problem = contentProblem(path, bytes);
      if (problem !== undefined) problems.push(problem);
      else files.push({ path, text: decodeText(bytes) ?? '' });
      time = Math.max(time, Math.floor(status.mtimeMs));
    }
    refuseProblems(`policy folder ${dir}`, problems);
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const sha = hashOf(files).slice(0, 40);
    return {
      commit: { sha, author: { name: 'working tree', email: '' }, time, subject: 'working tree' },
      files,
    };
  });
}

async function listYaml(dir: string): Promise<readonly string[]> {
  const files: string[] = [];
  const folders = [''];
  for (let i = 0; i < folders.length; i++) {
    const prefix = folders[i] ?? '';
    for (const entry of await readdir(join(dir, prefix), { withFileTypes: true })) {
      if (isPassedOver(entry.name)) continue;
      const path = prefix + entry.name;
      const wanted = entry.isDirectory() || isYaml(entry.name);
      if (!wanted || (await git.isIgnored({ fs: plainFiles, dir, filepath: path }))) continue;
      if (entry.isDirectory()) folders.push(`${path}/`);
      else files.push(path);
    }
    if (files.length > FILES_MAX || folders.length > FOLDERS_MAX) {
      throw new PortError(
        `policy folder ${dir}: more than ${FILES_MAX} YAML files or ${FOLDERS_MAX} folders; name the folder that holds only policies`,
        { code: 'too-many-files', retry: 'never', subject: dir },
      );
    }
  }
  return files;
}

function isPassedOver(name: string): boolean {
  return isHidden(name) || name === 'node_modules';
}

/** Calls `onChange` whenever the files' texts or names changed, as `watchBranch` does for commits. */
export function watchWorktree(
  dir: string,
  onChange: (worktree: Worktree) => Promise<void> | void,
  options: WatchOptions = {},
): Watch {
  let taken = options.from;
  const look = async () => {
    const worktree = await readWorktree(dir);
    if (worktree.commit.sha === taken) return;
    await onChange(worktree);
    taken = worktree.commit.sha;
  };
  const ignored = (path: string) => resolve(path) !== resolve(dir) && isPassedOver(basename(path));
  return follow({ paths: [dir], look, ignored, ...options });
}
