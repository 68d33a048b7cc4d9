/** How git objects are read and written: the file systems that isomorphic-git is given, and its errors in our words. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { resolve } from 'node:path';
import type { FsClient } from 'isomorphic-git';
import { PortError } from '../model.ts';

/** What every call of isomorphic-git needs. `cache` spares reading a pack file again within one operation. */
export interface Objects {
  readonly fs: FsClient;
  readonly gitdir: string;
  readonly cache: object;
}

/** The file system as it is, for reading, and for making a new repository. */
export const plainFiles: FsClient = fs;

/**
 * Access to the objects of a git directory. The index is hidden: what we read and merge depends on commits alone, never
 * on what somebody has staged. `write`: whole files appear at once, by rename, so that a full disk or a kill leaves no
 * half object. `dry`: nothing is written.
 */
export function objectsOf(gitDir: string, writes: 'write' | 'dry'): Objects {
  const index = resolve(gitDir, 'index');
  const visible = (path: string) => {
    if (path !== undefined && resolve(path) === index) throw missing(path);
  };
  const kept = new Map<string, Uint8Array | string>();
  const promises = {
    ...fs.promises,
    readFile: async (path: string, options?: object) => {
      visible(path);
      const written = kept.get(path);
      if (written !== undefined) return written;
      return fs.promises.readFile(path, options);
    },
    stat: async (path: string) => {
      visible(path);
      return fs.promises.stat(path);
    },
    lstat: async (path: string) => {
      visible(path);
      return fs.promises.lstat(path);
    },
    mkdir: async (path: string) => (writes === 'dry' ? undefined : fs.promises.mkdir(path)),
    writeFile: async (path: string, data: Uint8Array | string) =>
      writes === 'dry' ? void kept.set(path, data) : writeWhole(path, data),
  };
  return { fs: { promises } as FsClient, gitdir: gitDir, cache: {} };
}

/** Writes a file so that others see the whole of it or nothing. */
async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await fs.promises.writeFile(temporary, data, { mode: 0o444, flush: true });
    await fs.promises.rename(temporary, path);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true });
    throw error;
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path} is hidden`), { code: 'ENOENT' });
}

/** What `work` gives. Whatever git or the disk throws becomes a PortError that starts with `where`. */
export async function translated<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PortError ? error : portError(where, error);
  }
}

function portError(where: string, error: unknown): PortError {
  const code = errorCode(error);
  const known = code === undefined ? undefined : ADVICE[code];
  const found = error instanceof Error ? error.message : String(error);
  return new PortError(`${where}: ${known?.[0] ?? found}; ${known?.[1] ?? 'check it: git fsck'}`, {
    code: known?.[2] ?? 'git-unreadable',
    retry: 'later',
    subject: where,
    cause: error,
  });
}

/** The `code` of a Node or isomorphic-git error, when it has one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const ADVICE: Readonly<Record<string, readonly [found: string, next: string, code: string]>> = {
  ENOENT: ['no such file or folder', 'create it, or name another', 'not-found'],
  NotFoundError: [
    'an object of this commit is not there',
    "a shallow or partial clone lacks objects: run 'git fetch --unshallow' or clone it in full; otherwise check it: git fsck",
    'object-missing',
  ],
  ENOSPC: ['no space left on the disk', 'free some; nothing was changed', 'disk-full'],
  EACCES: ['permission denied', 'let this user read and write the repository', 'permission-denied'],
  EROFS: ['the file system is read-only', 'use a repository that can be written', 'read-only'],
};
