/** For tests: a home folder with real commands, actions on it, and an end that leaves no process and no file. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Action, Capability, ConnectionSpec, Effect, Json, JsonObject } from '../../model.ts';
import { readJson } from './files.ts';
import { identityOf, isAlive, isGroupAlive, type ProcessIdentity, signalGroup } from './processes.ts';
import { parseIdentity, runFiles } from './run-folder.ts';

export interface World {
  readonly home: string;
  readonly runs: string;
  /** Writes a Node script that becomes the command of the same name. */
  command(name: string, script: string): Promise<void>;
  /** An action on the world's connection; commands are those that exist by now. */
  action(
    key: string,
    call: { capability?: Capability; args: JsonObject; output?: Record<string, string> },
    more?: Partial<Action>,
  ): Action;
  run(
    key: string,
    pipeline: string,
    more?: { params?: JsonObject; output?: Record<string, string>; timeoutMs?: number },
  ): Action;
  /** Lines of the file `ran.txt` in the connection's folder, to which commands append. */
  ran(): Promise<readonly string[]>;
  end(): Promise<void>;
}

/** A new world in a temporary folder. Its connection is `world`, with the folder `data`. */
export async function makeWorld(extra: ConnectionSpec['commands'] = {}): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'flyball-world-'));
  const runs = join(home, 'state', 'runs');
  const commands: Record<string, ConnectionSpec['commands'][string]> = { ...extra };
  await mkdir(join(home, 'data'));
  await mkdir(join(home, 'code'));

  const world: World = {
    home,
    runs,
    async command(name, script) {
      await writeFile(join(home, 'code', `${name}.mjs`), script);
      commands[name] = { argv: ['node', `${name}.mjs`], cwd: 'code' };
    },
    action: (key, { capability = 'pipeline.run', args, output = {} }, more = {}) => {
      const call = { capability, connection: 'world', subject: `world/${key}`, args, output };
      return {
        id: key,
        attempt: 1,
        key,
        origin: { request: key },
        target: { kind: 'model', name: 'late' },
        step: 'one',
        stepIndex: 0,
        phase: 0,
        phases: 1,
        round: 0,
        verb: 'retrain',
        call,
        calls: [call],
        connection: {
          name: 'world',
          connector: 'local',
          access: 'act',
          path: 'data',
          commands,
          limits: { timeoutMs: 30_000 },
        },
        planHash: '',
        ...more,
      };
    },
    run: (key, pipeline, { params = {}, output = {}, timeoutMs = 60_000 } = {}) =>
      world.action(key, { args: { pipeline, params }, output }, { timeoutMs }),
    ran: async () =>
      (await readFile(join(home, 'data', 'ran.txt'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    async end() {
      for (const name of await readdir(runs).catch(() => [])) await endRun(join(runs, name));
      await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  return world;
}

/** Ends what a run started, and nothing else: only processes whose start time is the one that was written down. */
async function endRun(folder: string): Promise<void> {
  const { runner, command } = runFiles(folder);
  for (const file of [runner, command]) {
    const identity = parseIdentity(await readJson(file).catch(() => undefined));
    if (identity !== undefined && isGroupAlive(identity)) signalGroup(identity.pid, 'SIGKILL');
    await until(() => identity === undefined || !isAlive(identity));
  }
}

/** The process that a file of a run names, once it is there. */
export async function processIn(file: string): Promise<ProcessIdentity> {
  return found(async () => parseIdentity(await readJson(file).catch(() => undefined)));
}

/** Waits until something is there, and gives it; tests have the runner's limit as their own. */
export async function found<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    await delay(10);
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await found(async () => ((await holds()) ? true : undefined));
}

/** Starts an action and polls it to its end. */
export async function startedAndEnded(effect: Effect, action: Action) {
  return endOf(effect, action, await effect.start(action));
}

/** Polls an action to its end. */
export function endOf(effect: Effect, action: Action, handle: Json) {
  return found(async () => {
    const answer = await effect.poll(action, handle);
    return answer.state === 'running' ? undefined : answer;
  });
}

/** Those of these pids that still run. */
export function living(pids: readonly number[]): readonly number[] {
  return pids.filter(pid => identityOf(pid) !== undefined);
}
