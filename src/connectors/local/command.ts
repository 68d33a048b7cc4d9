/** Runs one command in a process group of its own, without a shell, to its end, its deadline or its cancellation. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../../model.ts';
import { capture } from './capture.ts';
import { childEnvironment } from './environment.ts';
import { codeOf, messageOf } from './files.ts';
import { identityOf, signalGroup } from './processes.ts';
import { pickOutputs, type RunFiles, type RunResult, type RunSpec } from './run-folder.ts';

const LOOK_MS = 100;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;
const MESSAGE_LENGTH_MAX = 2_000;

type Ending = 'timed-out' | 'cancelled' | 'stopped';
type Command = ChildProcessByStdio<null, Readable, Readable>;
type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** How the run ended. Never throws: what goes wrong is a failed run that says so. `stop` ends it as if cancelled. */
export async function runCommand(spec: RunSpec, files: RunFiles, stop: AbortSignal): Promise<RunResult> {
  const began = performance.now();
  const ended = (state: RunResult['state'], message: string, more: Partial<RunResult> = {}): RunResult => ({
    state,
    outputs: {},
    exitCode: null,
    repeatable: false,
    ...more,
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    durationMs: Math.round(performance.now() - began),
  });

  if (!existsSync(spec.cwd))
    return ended('failed', `cwd ${spec.cwd}: no such folder; mend cwd of the command in the Connection`);
  let child: Command;
  try {
    child = await spawned(spec, files);
  } catch (error) {
    return ended('failed', startProblem(spec, error), { repeatable: codeOf(error) === 'EAGAIN' });
  }
  const { ending, exit, tail } = await supervised(child, spec, files, stop, began);
  const exitCode = exit.code;
  const said = tail.trim() === '' ? 'stderr is empty' : `the end of stderr: ${lastPart(tail)}`;
  switch (ending) {
    case 'timed-out':
      return ended('timed-out', `ended after its ${spec.timeoutMs} ms; ${said}`, { exitCode });
    case 'cancelled':
      return ended('cancelled', `cancelled; ${said}`, { exitCode });
    case 'stopped':
      return ended('failed', `the runner was told to stop; ${said}`, { exitCode, repeatable: true });
    case undefined:
      break;
  }
  const command = spec.argv.join(' ').slice(0, 200);
  if (exit.code !== 0) {
    const how = exit.code === null ? `ended by ${exit.signal}` : `exit code ${exit.code}`;
    return ended('failed', `${command}: ${how}; ${said}`, { exitCode, repeatable: true });
  }
  const read = outputsOf(spec, files);
  if ('problem' in read) return ended('failed', `${command}: exit code 0, but ${read.problem}`, { exitCode });
  return ended('succeeded', '', { exitCode, outputs: read.outputs });
}

function spawned(spec: RunSpec, files: RunFiles): Promise<Command> {
  const [program = '', ...words] = spec.argv;
  const child = spawn(program === 'node' ? process.execPath : program, words, {
    cwd: spec.cwd,
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...childEnvironment(),
      FLYBALL_KEY: spec.key,
      FLYBALL_PARAMS: files.params,
      FLYBALL_RESULT: files.output,
      FLYBALL_ROOT: spec.root,
      FLYBALL_RUN_DIR: files.folder,
    },
  });
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
}

function startProblem(spec: RunSpec, error: unknown): string {
  const program = `command ${JSON.stringify(spec.argv[0])} (in ${spec.cwd})`;
  switch (codeOf(error)) {
    case 'ENOENT':
      return `${program}: no such program; install it, or mend argv of the command in the Connection`;
    case 'EACCES':
      return `${program}: not executable; chmod +x it, or name its interpreter first in argv`;
    case 'E2BIG':
      return `${program}: its arguments are too long; pass them in a file`;
    default:
      return `${program}: could not be started: ${messageOf(error)}`;
  }
}

/** Waits for the command while watching its deadline and the cancel file. Nothing of its group is left afterwards. */
async function supervised(
  child: Command,
  spec: RunSpec,
  files: RunFiles,
  stop: AbortSignal,
  began: number,
): Promise<{ ending: Ending | undefined; exit: Exit; tail: string }> {
  const pid = child.pid ?? 0;
  const exited = new Promise<Exit>(resolve =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  const stdout = capture(child.stdout, files.stdout);
  const stderr = capture(child.stderr, files.stderr);
  remember(pid, files);

  let ending: Ending | undefined;
  let killAt = Number.POSITIVE_INFINITY;
  const look = setInterval(() => {
    const now = performance.now();
    if (ending === undefined) {
      ending = endingNow(now - began, spec, files, stop);
      if (ending === undefined) return;
      killAt = now + GRACE_MS;
      signalGroup(pid, 'SIGTERM');
    } else if (now >= killAt) signalGroup(pid, 'SIGKILL');
  }, LOOK_MS);
  const exit = await exited;
  clearInterval(look);
  // A run is over when its command is: whatever it left running in its group ends with it.
  signalGroup(pid, 'SIGKILL');
  await Promise.race([closed, delay(2_000, undefined, { ref: false })]);
  stdout.close();
  stderr.close();
  return { ending, exit, tail: stderr.tail() };
}

function endingNow(elapsedMs: number, spec: RunSpec, files: RunFiles, stop: AbortSignal): Ending | undefined {
  if (elapsedMs >= spec.timeoutMs) return 'timed-out';
  if (existsSync(files.cancel)) return 'cancelled';
  return stop.aborted ? 'stopped' : undefined;
}

/** For `poll`, should the runner be killed: which group may still be running. */
function remember(pid: number, files: RunFiles): void {
  try {
    const identity = identityOf(pid);
    if (identity !== undefined) writeFileSync(files.command, JSON.stringify(identity));
  } catch {
    // Without it a lost run is still lost; only the hint at its processes is missing.
  }
}

function outputsOf(spec: RunSpec, files: RunFiles): ReturnType<typeof picked> {
  if (Object.keys(spec.output).length === 0) return { outputs: {} };
  let size: number;
  try {
    size = statSync(files.output).size;
  } catch {
    return { problem: 'it wrote no result; expected JSON in the file that FLYBALL_RESULT names' };
  }
  if (size > OUTPUT_BYTES_MAX)
    return { problem: `its result has ${size} bytes; expected at most ${OUTPUT_BYTES_MAX}` };
  try {
    return picked(spec, JSON.parse(readFileSync(files.output, 'utf8')) as Json);
  } catch (error) {
    return { problem: `its result is not JSON: ${messageOf(error)}` };
  }
}

function picked(spec: RunSpec, result: Json): { outputs: RunResult['outputs'] } | { problem: string } {
  const found = pickOutputs(spec.output, result);
  if ('outputs' in found) return found;
  return { problem: `its result has no ${found.missing}; mend it, or output of the pipeline in the Model` };
}

/** The end of a long text, from a line's beginning where there is one. */
function lastPart(text: string): string {
  const part = text.trim().slice(-(MESSAGE_LENGTH_MAX - 400));
  const line = part.indexOf('\n');
  return part.length < text.trim().length && line >= 0 && line < 400 ? part.slice(line + 1) : part;
}
