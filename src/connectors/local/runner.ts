/**
 * The runner: a detached process that claims a run's folder, runs its command to the end, and writes how it ended.
 * The daemon may die meanwhile; all that it needs to know afterwards lies in the folder.
 */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from './command.ts';
import { codeOf, messageOf, refused, writeJson } from './files.ts';
import { identityOf } from './processes.ts';
import { parseSpec, type RunFiles, type RunResult, type RunSpec, runFiles } from './run-folder.ts';

const FULL_DISK_PAUSE_MS = 2_000;

/**
 * True when this runner made the folder of the run; false when another had. The folder is filled first and gets its
 * name in one rename, which fails when the name is taken: that is what makes one run of one key.
 */
async function claim(spec: RunSpec, files: RunFiles): Promise<boolean> {
  const draft = runFiles(await mkdtemp(join(dirname(files.folder), `.new-${spec.key}-`)));
  try {
    await writeFile(draft.spec, JSON.stringify(spec, null, 2));
    await writeFile(draft.params, JSON.stringify(spec.params, null, 2));
    await writeFile(draft.runner, JSON.stringify(identityOf(process.pid)));
    if (uptime() * 1000 > spec.startBy)
      throw new Error('it came too late: whoever started it has given up; starting it again is safe');
    await rename(draft.folder, files.folder);
    return true;
  } catch (error) {
    await rm(draft.folder, { recursive: true, force: true });
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Writes the result; on a full disk it waits for space, as a running process, because the result cannot be had again. */
async function report(files: RunFiles, result: RunResult): Promise<void> {
  for (;;) {
    try {
      await writeJson(files.result, result);
      return;
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
      await delay(FULL_DISK_PAUSE_MS);
    }
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  // Whoever started this may be gone, and stderr with it.
  process.stderr.on('error', () => undefined);
  const spec = parseSpec(await text(process.stdin));
  if (spec === undefined) throw new Error('it was not told what to run: whoever started it died meanwhile');
  const files = runFiles(join(spec.runs, spec.key));
  let claimed: boolean;
  try {
    claimed = await claim(spec, files);
  } catch (error) {
    throw codeOf(error) === undefined ? error : refused(error, spec.runs, 'written');
  }
  if (claimed) await report(files, await runCommand(spec, files, stop.signal));
}

try {
  await main();
} catch (error) {
  process.stderr.write(messageOf(error));
  process.exitCode = 1;
}
