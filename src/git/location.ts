/** Where a git repository keeps its refs and objects: finds the git directory and refuses layouts that cannot be read. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import git from 'isomorphic-git';
import { PortError } from '../model.ts';
import { plainFiles } from './objects.ts';

export interface Location {
  /** As the user named it: what messages show. */
  readonly dir: string;
  /** The git directory that holds branches and objects: of a linked worktree, the main repository's. */
  readonly gitDir: string;
  /** Has no working tree of its own. */
  readonly bare: boolean;
}

/**
 * The location of the repository whose top folder (or bare folder) is `dir`; a linked worktree's or submodule's `.git`
 * file is followed. Throws PortError when there is none, or when its storage is of a kind that cannot be read.
 */
export async function locate(dir: string): Promise<Location> {
  const found = await findGitDir(dir);
  const gitDir = await commonDir(found);
  await refuseUnreadable(dir, gitDir);
  const bare = resolve(dir) === resolve(gitDir) || (await setting(gitDir, 'core.bare')) === 'true';
  return { dir, gitDir, bare };
}

async function findGitDir(dir: string): Promise<string> {
  if ((await kindOf(dir)) !== 'folder') {
    throw refusal(dir, 'no-folder', 'no such folder; expected a git repository; create one: flyball init');
  }
  const dotGit = join(dir, '.git');
  switch (await kindOf(dotGit)) {
    case 'folder':
      return dotGit;
    case 'file':
      return followFile(dir, dotGit);
    case 'nothing':
      break;
  }
  const bare =
    (await kindOf(join(dir, 'HEAD'))) === 'file' && (await kindOf(join(dir, 'objects'))) === 'folder';
  if (bare) return resolve(dir);
  const parent = await enclosing(dirname(resolve(dir)));
  throw refusal(
    dir,
    'not-a-repository',
    parent === undefined
      ? "not a git repository; expected a folder with .git or a bare repository; create one: 'flyball init', or 'git init' and commit the policies"
      : `not the top of a git repository; ${parent} is: name that folder instead`,
  );
}

async function followFile(dir: string, dotGit: string): Promise<string> {
  const text = await readFile(dotGit, 'utf8');
  const target = /^gitdir: (.+?)\s*$/.exec(text)?.[1];
  if (target === undefined) {
    throw refusal(
      dir,
      'not-a-repository',
      "the file .git has no 'gitdir: …' line; check out the repository again",
    );
  }
  const gitDir = resolve(dir, target);
  if ((await kindOf(gitDir)) === 'folder') return gitDir;
  throw refusal(
    dir,
    'not-a-repository',
    `the file .git points to ${target}, which does not exist; repair it: git worktree repair`,
  );
}

/** A linked worktree's own git directory has no branches: the file `commondir` says where they are. */
async function commonDir(gitDir: string): Promise<string> {
  const text = await readFile(join(gitDir, 'commondir'), 'utf8').catch(() => undefined);
  return text === undefined ? gitDir : resolve(gitDir, text.trim());
}

async function refuseUnreadable(dir: string, gitDir: string): Promise<void> {
  if ((await setting(gitDir, 'extensions.objectformat')) === 'sha256') {
    throw refusal(
      dir,
      'unsupported-repository',
      'its objects are named by SHA-256; expected SHA-1; clone it anew',
    );
  }
  if ((await setting(gitDir, 'extensions.refstorage')) === 'reftable') {
    throw refusal(
      dir,
      'unsupported-repository',
      'its branches are stored as a reftable; expected files; run: git refs migrate --ref-format=files',
    );
  }
  if ((await kindOf(join(gitDir, 'objects/info/alternates'))) === 'file') {
    throw refusal(
      dir,
      'unsupported-repository',
      'it borrows objects of another repository (objects/info/alternates); run: git repack -a -d, then remove that file',
    );
  }
}

async function setting(gitDir: string, path: string): Promise<string | undefined> {
  const value: unknown = await git.getConfig({ fs: plainFiles, gitdir: gitDir, path });
  return value === undefined ? undefined : String(value).toLowerCase();
}

async function enclosing(dir: string): Promise<string | undefined> {
  if ((await kindOf(join(dir, '.git'))) !== 'nothing') return dir;
  const parent = dirname(dir);
  return parent === dir ? undefined : enclosing(parent);
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'nothing'> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'nothing';
  return found.isDirectory() ? 'folder' : 'file';
}

function refusal(dir: string, code: string, message: string): PortError {
  return new PortError(`policy repository ${dir}: ${message}`, { code, retry: 'never', subject: dir });
}
