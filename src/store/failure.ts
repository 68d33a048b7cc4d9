/** What SQLite and the file system refused, as a PortError that says what to do. It decides nothing. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { PortError } from '../model.ts';

interface Refusal {
  readonly code: string;
  readonly retry: 'later' | 'never';
  readonly found: string;
  readonly advice: string;
}

/** What SQLite needs beside a file that is opened. */
const SHARED_MEMORY_BYTES = 65_536;

/** By SQLite's primary result code (https://www.sqlite.org/rescode.html). */
const refusals: Readonly<Record<number, Refusal>> = {
  5: {
    code: 'state-locked',
    retry: 'later',
    found: 'another process holds its write lock',
    advice:
      'Flyball holds it for milliseconds only, so look for a backup tool, an open sqlite3 shell or a stopped flyball ' +
      "process ('fuser' names it), end that, then try again",
  },
  8: {
    code: 'state-read-only',
    retry: 'never',
    found: 'it may be read but not written',
    advice:
      'run as the user that owns the file and its directory, or give that user write access to both; look also for a ' +
      'file system that is mounted read-only',
  },
  10: {
    code: 'state-disk-error',
    retry: 'later',
    found: 'the disk refused a read or a write',
    advice: 'look at the system log for the disk, and at quotas; then try again',
  },
  11: {
    code: 'state-damaged',
    retry: 'never',
    found: 'the file is damaged',
    advice:
      'stop Flyball, copy the file with its -wal and -shm neighbours aside, then restore a backup, or write what is ' +
      "readable into a new file with 'sqlite3 <file> .recover' and check it with 'flyball ledger verify'",
  },
  13: {
    code: 'disk-full',
    retry: 'later',
    found: 'no space is left for it',
    advice: 'free space on its disk, then try again; what was committed before is safe',
  },
  14: {
    code: 'state-unopened',
    retry: 'never',
    found: 'it could not be opened',
    advice: 'check that its directory exists and that this user may read and write there',
  },
  19: {
    code: 'state-conflict',
    retry: 'never',
    found: 'it holds such a row already',
    advice: "check the ledger with 'flyball ledger verify', and report it: Flyball never writes a row twice",
  },
  26: {
    code: 'not-a-state-file',
    retry: 'never',
    found: 'the file is not an SQLite database',
    advice: "move that file away, or name another place for 'state'",
  },
};

/**
 * The error as people read it: a PortError for what SQLite or the file system refused, and the error itself for
 * anything else (our own bugs keep their stack).
 */
export function storeFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof PortError) return error;
  const told = refusalOf(error as Error & { code?: unknown; errcode?: unknown });
  const vague = told === refusals[10] || told === refusals[14];
  const refusal = vague ? (folderRefusal(path) ?? told) : told;
  if (!refusal) return error;
  return new PortError(
    `state ${path}: ${refusal.found} (${error.message}). Nothing of this step was written; ${refusal.advice}.`,
    { code: refusal.code, retry: refusal.retry, subject: path, cause: error },
  );
}

/** SQLite says only that it could not open or enlarge a file beside its own; the folder says why. */
function folderRefusal(path: string): Refusal | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    accessSync(dirname(path), constants.W_OK);
    return bavail * bsize < SHARED_MEMORY_BYTES ? refusals[13] : undefined;
  } catch (error) {
    return refusalOf(error as Error & { code?: unknown });
  }
}

/** True when another connection holds the lock that this one needs. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && primaryCode(error) === 5;
}

function refusalOf(error: Error & { code?: unknown }): Refusal | undefined {
  switch (error.code) {
    case 'ERR_SQLITE_ERROR':
      return refusals[primaryCode(error) ?? -1];
    case 'ENOSPC':
    case 'EDQUOT':
      return refusals[13];
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return refusals[8];
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOENT':
      return refusals[14];
    case 'EIO':
      return refusals[10];
    default:
      return undefined;
  }
}

/** The low byte of an extended result code. */
function primaryCode(error: Error & { errcode?: unknown }): number | undefined {
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
