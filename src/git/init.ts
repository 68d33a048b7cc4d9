/** Makes a new policy repository: the files on disk, and a first commit of them. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import git from 'isomorphic-git';
import { PortError } from '../model.ts';
import { plainFiles, translated } from './objects.ts';
import { type Person, signature } from './propose.ts';
import { isBranchName } from './refs.ts';
import type { PolicyFile } from './tree.ts';

/**
 * The id of the first commit of a new repository at `dir` with these files, which are also written to disk (any kind of
 * text file: a .gitignore too). The folder may exist with other files, which are left alone and not committed. Throws
 * PortError, before anything is written, when there is a repository or one of the files already.
 */
export function initRepository(options: {
  readonly dir: string;
  readonly files: readonly PolicyFile[];
  readonly author: Person;
  readonly at: number;
  readonly branch?: string;
}): Promise<{ readonly sha: string }> {
  const { dir, files, branch = 'main' } = options;
  return translated(`new policy repository ${dir}`, async () => {
    const author = signature(options.author, options.at);
    await requireRoom(dir, files, branch);
    await mkdir(dir, { recursive: true });
    for (const { path, text } of files) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text, { flag: 'wx' });
    }
    const at = { fs: plainFiles, dir, cache: {} };
    await git.init({ ...at, defaultBranch: branch });
    await git.add({ ...at, filepath: files.map(({ path }) => path), force: true });
    const sha = await git.commit({ ...at, message: 'First policies\n', author, committer: author });
    return { sha };
  });
}

async function requireRoom(dir: string, files: readonly PolicyFile[], branch: string): Promise<void> {
  const refuse = (message: string) =>
    new PortError(`new policy repository ${dir}: ${message}`, {
      code: 'not-empty',
      retry: 'never',
      subject: dir,
    });
  if (!isBranchName(branch)) throw refuse(`${JSON.stringify(branch)} cannot be the name of a branch`);
  if (files.length === 0) throw refuse('there are no files to commit; expected at least one');
  if (await exists(join(dir, '.git'))) {
    throw refuse('it is a git repository already; expected none; use it as it is, or name another folder');
  }
  const present: string[] = [];
  for (const { path } of files) {
    const outside = !resolve(dir, path).startsWith(resolve(dir) + sep) || /(^|\/)\.git(\/|$)/i.test(path);
    if (outside) throw refuse(`path ${JSON.stringify(path)} is not inside it`);
    if (await exists(join(dir, path))) present.push(path);
  }
  if (present.length > 0) {
    throw refuse(`${present.join(', ')} exist already; expected a folder without them; name another folder`);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    error => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
