/** One engine per state directory: a lock that the kernel frees when its holder dies, however it dies. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PortError } from '../model.ts';
import { isBusy, storeFailure } from './failure.ts';

/** Who asks whether an engine runs holds a shared lock for a moment, which is no reason to refuse one. */
const ASKED_MS = 500;

/**
 * The lock, held until `release` or the end of the process. It is SQLite's own lock on `engine.lock` (Node has no flock),
 * which nothing must open by other means: closing a file drops this process's locks on it. `engine.pid` beside it only
 * tells people who holds it. Throws PortError `engine-running` with that process id.
 */
export async function acquireEngineLock(stateDir: string): Promise<{ release(): void }> {
  const pidFile = join(stateDir, 'engine.pid');
  const lock = take(stateDir, pidFile);
  try {
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    lock.close();
    throw storeFailure(error, stateDir);
  }
  return {
    release() {
      if (!lock.isOpen) return;
      // First the note, then the lock, so that the next holder's note is never removed.
      rmSync(pidFile, { force: true });
      lock.close();
    },
  };
}

/**
 * The process id of the engine that holds the lock of this state; undefined when none does. The lock itself is asked, not
 * the note beside it: after a crash that note may name a process that has nothing to do with Flyball.
 */
export function engineOf(stateDir: string): number | undefined {
  const path = join(stateDir, 'engine.lock');
  if (!existsSync(path)) return undefined;
  const lock = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    lock.prepare('SELECT count(*) FROM sqlite_schema').get();
    return undefined;
  } catch (error) {
    if (isBusy(error)) return readPid(join(stateDir, 'engine.pid')) ?? 0;
    throw storeFailure(error, stateDir);
  } finally {
    lock.close();
  }
}

function take(stateDir: string, pidFile: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(stateDir, 'engine.lock'), { timeout: ASKED_MS });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    if (lock?.isOpen === true) lock.close();
    throw isBusy(error) ? running(stateDir, pidFile, error) : storeFailure(error, stateDir);
  }
}

function running(stateDir: string, pidFile: string, cause: unknown): PortError {
  const pid = readPid(pidFile);
  const holder = pid === undefined ? 'another process' : `process ${pid}`;
  const stop = pid === undefined ? 'stop it' : `stop it ('kill ${pid}')`;
  return new PortError(
    `state ${stateDir}: a Flyball engine, ${holder}, reconciles it already; expected one engine per state. Nothing was ` +
      `started; ${stop}, or name another place for 'state'. The other commands work beside a running engine.`,
    { code: 'engine-running', retry: 'later', subject: stateDir, cause },
  );
}

function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
