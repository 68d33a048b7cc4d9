/**
 * The effect `pipeline.run` on the local connection: starts a detached runner and reads its folder, nothing else.
 *
 * One run per key holds at any moment of a crash: the runner's rename of the folder decides (see `runner.ts`), so a
 * second start is harmless. Nor does a runner begin after its starter has given up: it is told until when it may, and
 * a note of that lies beside the folder before it is spawned. `find` waits for that moment, so that `absent` is final
 * at once and `settleAfterMs` is 0.
 */

import { spawn } from 'node:child_process';
import { access, rm, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Action, type Effect, type JsonObject, PortError } from '../../model.ts';
import { childEnvironment } from './environment.ts';
import { codeOf, readJson, refused, writeJson } from './files.ts';
import { checkedKey, rootOf } from './names.ts';
import { bootId, isAlive, isGroupAlive } from './processes.ts';
import { parseIdentity, parseResult, type RunFiles, type RunSpec, runFiles } from './run-folder.ts';

const START_MS = 10_000;
/** Uptimes are whole seconds on some systems. */
const SLACK_MS = 1_100;
const LOOK_MS = 25;
/** A run without a deadline of its own does not hang for ever. */
const TIMEOUT_MS = 24 * 3_600_000;

interface Place {
  readonly home: string;
  readonly runs: string;
  /** How long a runner has to make its folder; at most and by default `START_MS`. */
  readonly startMs?: number;
}

/**
 * Runs commands of a local Connection. `runs` is where their folders lie, `home` what `cwd` and `path` are relative to.
 * A command's exit code other than 0 is a repeatable failure; a command that cannot be started, or a result without
 * an expected output, is final.
 */
export function localPipeline(place: Place): Effect {
  return {
    settleAfterMs: 0,
    pollMs: { first: 200, max: 5_000 },
    start: action => start(place, action),
    find: action => find(place, action),
    poll: action => poll(filesOf(place, action)),
    cancel: action => cancel(filesOf(place, action)),
  };
}

function filesOf({ runs }: Place, action: Action): RunFiles {
  return runFiles(join(resolve(runs), checkedKey(action.key)));
}

async function start(place: Place, action: Action): ReturnType<Effect['start']> {
  const files = filesOf(place, action);
  if (await exists(files.folder)) return handle(action);
  const spec = specOf(place, action);
  const note = noteOf(files);
  await writeJson(note, { startBy: spec.startBy, boot: bootId() });
  await runnerBegan(spec, files);
  await rm(note, { force: true });
  return handle(action);
}

function handle(action: Action): JsonObject {
  return { run: action.key };
}

function noteOf(files: RunFiles): string {
  return `${files.folder}.starting`;
}

function specOf({ home, runs, startMs = START_MS }: Place, action: Action): RunSpec {
  const { connection, call } = action;
  const id = String(call.args.pipeline);
  const command = Object.hasOwn(connection.commands, id) ? connection.commands[id] : undefined;
  const params = call.args.params ?? {};
  if (command === undefined || command.argv.length === 0)
    throw new PortError(
      `Connection ${connection.name}: commands has no ${id}; expected one of ${Object.keys(connection.commands).join(', ') || 'none'}`,
      { code: 'no-command', retry: 'never', subject: call.subject },
    );
  return {
    key: action.key,
    runs: resolve(runs),
    root: rootOf(home, connection),
    cwd: resolve(home, command.cwd ?? '.'),
    argv: command.argv,
    params: params as JsonObject,
    output: call.output,
    timeoutMs: action.timeoutMs ?? TIMEOUT_MS,
    startBy: uptime() * 1000 + Math.min(startMs, START_MS),
  };
}

/** Spawns a runner and waits until the run's folder exists, made by it or by another. Throws PortError. */
async function runnerBegan(spec: RunSpec, files: RunFiles): Promise<void> {
  // The extension is this file's own: .ts from the sources, .js in the published package.
  const script = fileURLToPath(new URL(`./runner${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [script], {
    cwd: spec.runs,
    detached: true,
    shell: false,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: childEnvironment(),
  });
  let said = '';
  let ended = false;
  child.on('error', error => {
    said ||= error.message;
    ended = true;
  });
  child.on('close', () => {
    ended = true;
  });
  child.stderr.on('data', chunk => {
    said = (said + String(chunk)).slice(0, 2_000);
  });
  child.stdin.on('error', () => undefined); // It died before it read; its end says so.
  child.stdin.end(JSON.stringify(spec));
  child.unref();

  try {
    while (!(await exists(files.folder))) {
      if (ended && !(await exists(files.folder))) throw notBegun(spec, said);
      if (uptime() * 1000 > spec.startBy + SLACK_MS) throw notBegun(spec, 'no folder of it in time');
      await delay(LOOK_MS);
    }
  } finally {
    child.stderr.destroy();
  }
}

function notBegun(spec: RunSpec, said: string): PortError {
  return new PortError(`run ${spec.key}: its runner did not begin: ${said || 'it said nothing'}`, {
    code: 'not-begun',
    retry: 'later',
    subject: spec.key,
  });
}

async function find(place: Place, action: Action): ReturnType<Effect['find']> {
  const files = filesOf(place, action);
  try {
    while (!(await exists(files.folder))) {
      if (!(await mayStillBegin(files))) {
        // The folder may have come between the two looks.
        if (await exists(files.folder)) break;
        return { state: 'absent' };
      }
      await delay(LOOK_MS);
    }
    return { state: 'found', handle: handle(action) };
  } catch (error) {
    return { state: 'cannot-tell', message: refused(error, files.folder, 'read').message };
  }
}

/** True while a runner that somebody spawned before dying could still claim the folder. At most `START_MS` long. */
async function mayStillBegin(files: RunFiles): Promise<boolean> {
  const note = await readJson(noteOf(files));
  if (typeof note !== 'object' || note === null || !('startBy' in note) || note.boot !== bootId())
    return false;
  const leftMs = Number(note.startBy) + SLACK_MS - uptime() * 1000;
  return leftMs > 0 && leftMs <= START_MS + SLACK_MS;
}

async function poll(files: RunFiles): ReturnType<Effect['poll']> {
  const early = await ended(files);
  if (early !== undefined) return early;
  if (!(await exists(files.folder)))
    return { state: 'lost', message: `${files.folder}: the run's folder is gone` };
  const runner = parseIdentity(await readJson(files.runner));
  if (runner !== undefined && isAlive(runner)) return { state: 'running' };
  // It may have written its result and gone between the two looks.
  const late = await ended(files);
  if (late !== undefined) return late;
  const command = parseIdentity(await readJson(files.command).catch(() => undefined));
  const left =
    command !== undefined && isGroupAlive(command)
      ? `; its command still runs as process group ${command.pid}: end it with 'kill -- -${command.pid}'`
      : '';
  return { state: 'lost', message: `${files.folder}: the runner is gone and left no result${left}` };
}

async function ended(files: RunFiles): Promise<Awaited<ReturnType<Effect['poll']>> | undefined> {
  const file = await readJson(files.result);
  if (file === undefined) return undefined;
  const result = parseResult(file);
  switch (result?.state) {
    case undefined:
      return { state: 'lost', message: `${files.result}: not a result; read the logs beside it` };
    case 'succeeded':
      return { state: 'succeeded', outputs: result.outputs };
    case 'failed':
      return { state: 'failed', repeatable: result.repeatable, message: result.message };
    case 'timed-out':
      return { state: 'timed-out', message: result.message };
    case 'cancelled':
      return { state: 'cancelled' };
  }
}

async function cancel(files: RunFiles): Promise<void> {
  try {
    await writeFile(files.cancel, '');
  } catch (error) {
    throw refused(error, files.cancel, 'written');
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw refused(error, path, 'read');
  }
}
