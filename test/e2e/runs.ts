/** What runs of the local connector left on disk, read by tests; and their end, so that no test leaves a process. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isAlive,
  isGroupAlive,
  type ProcessIdentity,
  signalGroup,
} from '../../src/connectors/local/processes.ts';
import { parseIdentity, type RunFiles, runFiles } from '../../src/connectors/local/run-folder.ts';
import type { Json } from '../../src/model.ts';
import { until } from './until.ts';

/** The folders of runs, each with its key as name; drafts of runners that were killed are none. */
export function runKeys(runs: string): readonly string[] {
  return namesIn(runs).filter(name => /^[a-z][a-z0-9]{39}$/.test(name));
}

/** The files of a run. */
export function filesOf(runs: string, key: string): RunFiles {
  return runFiles(join(runs, key));
}

/** Lines of a file; none when it is not there. */
export function linesOf(file: string): readonly string[] {
  return (readOrNothing(file) ?? '').split('\n').filter(line => line !== '');
}

/** Ends what the runs in a folder started, and nothing else: only processes that are what was written down. */
export async function endRuns(runs: string): Promise<void> {
  for (const key of runKeys(runs)) {
    const { runner, command } = filesOf(runs, key);
    for (const file of [runner, command]) {
      const identity = identityIn(file);
      if (identity === undefined) continue;
      if (isGroupAlive(identity)) signalGroup(identity.pid, 'SIGKILL');
      await until(`process ${identity.pid} is gone`, () => !isAlive(identity) || undefined);
    }
  }
}

function identityIn(file: string): ProcessIdentity | undefined {
  try {
    return parseIdentity(JSON.parse(readOrNothing(file) ?? 'null') as Json);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
