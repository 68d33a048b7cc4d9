/** Branches as files: reading them, and moving them by compare-and-set under git's own lock files. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import git from 'isomorphic-git';
import { PortError } from '../model.ts';
import { errorCode, plainFiles } from './objects.ts';

const LOCK_PATIENCE_MS = 2000;

/** True for 40 hex digits. */
export function isSha(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** True when git allows a branch of this name (the rules of `git check-ref-format`). */
export function isBranchName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git forbids exactly these
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\.$|^@$|^-/.test(name)) return false;
  return name.split('/').every(part => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

export function branchRef(branch: string): string {
  return `refs/heads/${branch}`;
}

/** The commit that a ref points to; undefined when there is no such ref. Loose and packed refs and symbolic ones are read. */
export async function readRef(gitDir: string, ref: string): Promise<string | undefined> {
  return (await resolveRef(gitDir, ref)).sha;
}

async function resolveRef(gitDir: string, ref: string, depth = 5): Promise<{ ref: string; sha?: string }> {
  const text = (await readLoose(join(gitDir, ref)))?.trim();
  if (text === undefined) {
    // `git pack-refs` writes the packed file before it removes the loose one, so this order misses nothing.
    const sha = packedRefs(await readPacked(gitDir)).get(ref);
    return sha === undefined ? { ref } : { ref, sha };
  }
  if (isSha(text)) return { ref, sha: text };
  const target = /^ref: (refs\/heads\/\S+)$/.exec(text)?.[1];
  if (target !== undefined && depth > 0 && isBranchName(target.slice('refs/heads/'.length))) {
    return resolveRef(gitDir, target, depth - 1);
  }
  throw new PortError(
    `${join(gitDir, ref)}: found ${JSON.stringify(text.slice(0, 60))}; expected 40 hex digits; check it: git fsck`,
    { code: 'ref-damaged', retry: 'later', subject: ref },
  );
}

async function readLoose(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(error => {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  });
}

async function readPacked(gitDir: string): Promise<string> {
  return (await readLoose(join(gitDir, 'packed-refs'))) ?? '';
}

function packedRefs(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map(line => /^([0-9a-f]{40}) (\S+)$/.exec(line));
  return new Map(lines.flatMap(line => (line?.[1] && line[2] ? [[line[2], line[1]] as const] : [])));
}

/** Names of all branches, sorted. */
export async function listBranches(gitDir: string): Promise<readonly string[]> {
  const names = await git.listBranches({ fs: plainFiles, gitdir: gitDir });
  return names.filter(isBranchName).sort();
}

/**
 * Moves a branch from one commit to another and gives true; false when it is no longer at `from`, and then nothing is
 * changed. `from: undefined` creates, `to: undefined` deletes. Holds git's own lock files, so that it is safe beside git.
 * Throws PortError when the lock stays taken or another branch is in the way.
 */
export async function moveBranch(move: {
  readonly gitDir: string;
  readonly branch: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}): Promise<boolean> {
  const { branch, ...rest } = move;
  return moveRef({ ...rest, ref: branchRef(branch) });
}

/** The same for any ref, by its whole name. */
export async function moveRef(move: {
  readonly gitDir: string;
  readonly ref: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}): Promise<boolean> {
  const { gitDir, to } = move;
  const { ref } = await resolveRef(gitDir, move.ref);
  const path = join(gitDir, ref);
  return locked(path, to ?? '', async lock => {
    if ((await readRef(gitDir, ref)) !== move.from) return false;
    if (to === undefined) await removeRef(gitDir, ref);
    else await rename(lock, path);
    return true;
  });
}

async function removeRef(gitDir: string, ref: string): Promise<void> {
  const text = await readPacked(gitDir);
  if (packedRefs(text).has(ref)) {
    await locked(join(gitDir, 'packed-refs'), '', async lock => {
      await writeLocked(lock, withoutPacked(await readPacked(gitDir), ref));
      await rename(lock, join(gitDir, 'packed-refs'));
    });
  }
  await rm(join(gitDir, ref), { force: true });
}

/** The lines of packed-refs without one ref and without the `^` line that peels it. */
function withoutPacked(text: string, ref: string): string {
  const lines = text.split('\n');
  const at = lines.findIndex(line => line.slice(41) === ref && !line.startsWith('#'));
  if (at >= 0) lines.splice(at, lines[at + 1]?.startsWith('^') ? 2 : 1);
  return lines.join('\n');
}

async function locked<T>(path: string, text: string, work: (lock: string) => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  await createLock(path, lock);
  try {
    if (text !== '') await writeLocked(lock, `${text}\n`);
    return await work(lock);
  } finally {
    await rm(lock, { force: true });
  }
}

async function writeLocked(lock: string, text: string): Promise<void> {
  const file = await open(lock, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function createLock(path: string, lock: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 20) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await (await open(lock, 'wx')).close();
      return;
    } catch (error) {
      const code = errorCode(error);
      const lockTaken = code === 'EEXIST' && (await readLoose(lock)) !== undefined;
      if (code === 'ENOTDIR' || (code === 'EEXIST' && !lockTaken && waitedMs > 100)) throw inTheWay(path);
      const transient = code === 'EEXIST' || code === 'ENOENT';
      if (!transient) throw error;
      if (waitedMs >= LOCK_PATIENCE_MS) throw stillLocked(lock);
      await pause(20);
    }
  }
}

function inTheWay(path: string): PortError {
  return new PortError(
    `${path}: a branch is named like a folder of this one; git allows only one of the two; rename or delete that branch`,
    { code: 'branch-in-the-way', retry: 'never', subject: path },
  );
}

function stillLocked(lock: string): PortError {
  return new PortError(
    `${lock}: exists for more than ${LOCK_PATIENCE_MS / 1000} s; expected git to be done; if no git process runs, delete this file`,
    { code: 'ref-locked', retry: 'later', subject: lock },
  );
}

/** True when a working tree (the main one or a linked one) has this branch checked out. */
export async function isCheckedOut(location: {
  readonly gitDir: string;
  readonly bare: boolean;
  readonly branch: string;
}): Promise<boolean> {
  const { gitDir } = location;
  const linked = await readdir(join(gitDir, 'worktrees')).catch(() => []);
  const heads = linked.map(name => join(gitDir, 'worktrees', name, 'HEAD'));
  if (!location.bare) heads.push(join(gitDir, 'HEAD'));
  const texts = await Promise.all(heads.map(readLoose));
  return texts.some(text => text?.trim() === `ref: ${branchRef(location.branch)}`);
}

/** What HEAD says: `ref: refs/heads/main`, or a commit when it is detached. */
export async function readHead(gitDir: string): Promise<string | undefined> {
  return (await readLoose(join(gitDir, 'HEAD')))?.trim();
}
