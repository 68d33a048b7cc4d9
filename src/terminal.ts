/** What a command line works through: this machine's state, the socket of its daemon, or a daemon elsewhere. */
import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire, flushCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { paintFor } from './cli/paint.ts';
import {
  type Caller,
  type Command,
  callerOf,
  type DaemonSettings,
  grantAll,
  localSpeaker,
  mayPerform,
  type PolicyText,
  type Ports,
  Refusal,
  type RunOptions,
  type Speaker,
  tokenSpeaker,
} from './commands/index.ts';
import { PortError } from './model.ts';
import { answers, type Remote, remoteCaller } from './remote.ts';
import { socketOf } from './state-settings.ts';
import { stderrLog } from './stderr-log.ts';
import type { Opened } from './wiring.ts';

/** What a command line is given by whoever started it. */
export interface Given {
  readonly version: string;
  readonly environment: (name: string) => string | undefined;
  readonly coloured: boolean;
  /** Whether `--config` named one: then it must be there. */
  readonly config: string | undefined;
  /** Throws PortError `no-config` when there is no daemon.yaml. */
  settings(): Promise<DaemonSettings>;
}

interface Open {
  readonly caller: Caller;
  close(): Promise<void>;
}

const nothing = async () => {};

/** Opens what one command is called through. */
export async function openCaller(command: Command, given: Given): Promise<Open> {
  if (command.needs === 'nothing') return { caller: await beginning(given), close: nothing };
  const at = given.environment('FLYBALL_URL');
  if (at !== undefined && isServed(command))
    return {
      caller: await remoteCaller({ at, door: 'cli', token: await secret(command, given) }),
      close: nothing,
    };
  const settings = await settingsFor(command, given);
  if (!settings) return { caller: await folderOnly(given), close: nothing };
  if (command.name === 'mcp') return agentsDoor(settings, given);
  return onThisMachine(command, settings, given);
}

/** Whether a daemon carries it out for somebody elsewhere. */
function isServed({ needs, terminal }: Command): boolean {
  return needs === 'state' && terminal !== true;
}

/** Undefined: there is none, and the command can do without. */
async function settingsFor(command: Command, given: Given): Promise<DaemonSettings | undefined> {
  return given.settings().catch(error => {
    const absent = error instanceof PortError && error.code === 'no-config' && given.config === undefined;
    if (absent && command.needs === 'files') return undefined;
    throw error;
  });
}

// ---------------------------------------------------------------------------------------------- this machine

/** `init` has no state yet: nothing but its own ports may be touched. */
async function beginning(given: Given): Promise<Caller> {
  const { beginRepository } = await import('./git/begin.ts');
  const { prometheusAt } = await import('./wiring.ts');
  const { installHere } = await import('./mcp/install/here.ts');
  const installClient = (of: Parameters<NonNullable<Ports['installClient']>>[0]) => installHere(of, given);
  const ports = {
    init: beginRepository,
    prometheusAt,
    installClient,
    ...person(),
    grants: grantAll('admin'),
  };
  return callerOf(silent(ports as unknown as Ports));
}

/** A folder of policies can be checked anywhere, as in a pipeline of its repository: nothing else is touched. */
async function folderOnly(given: Given): Promise<Caller> {
  const { catalogue, emptyStore } = await import('./wiring.ts');
  const { ciPort } = await import('./ci-port.ts');
  const ports = {
    worktree: readPolicies,
    watch: await watchFolder('.', given.coloured),
    disk,
    ci: ciPort(given.environment),
    world: { catalogue, clock: Date.now },
    emptyStore,
    settings: { env: 'dev' },
    ...person(),
    grants: grantAll('viewer'),
  };
  return callerOf(silent(ports as unknown as Ports));
}

function person() {
  return { principal: { name: userInfo().username, door: 'cli', authenticated: false } } as const;
}

/** Where there is no state, nothing could be enforced, and nobody need hear of it. */
function silent(ports: Ports): Ports {
  return { ...ports, engine: async () => process.pid };
}

/** The state of this machine. What decides, with a token, goes through the daemon where one runs: it checks the token. */
async function onThisMachine(command: Command, settings: DaemonSettings, given: Given): Promise<Open> {
  const token =
    settings.trust === 'tokens' || given.environment('FLYBALL_TOKEN')
      ? await secret(command, given)
      : undefined;
  const socket = socketOf(settings);
  if (
    token !== undefined &&
    isServed(command) &&
    command.effect === 'decide' &&
    (await answers(socket, 'cli'))
  )
    return { caller: await remoteCaller({ at: socket, door: 'cli', token }), close: nothing };
  const opened = await openState(settings, given, 'cli', token);
  return { caller: callerOf(await terminalPorts(opened, settings, given)), close: opened.close };
}

function levelOf({ environment }: Given): string {
  return environment('FLYBALL_LOG') ?? 'info';
}

/** The state, opened for whoever is at this door. Throws Refusal for a token that does not count. */
async function openState(
  settings: DaemonSettings,
  given: Given,
  door: 'cli' | 'mcp',
  token: string | undefined,
): Promise<Opened> {
  const { open } = await import('./wiring.ts');
  const speaker = localSpeaker(userInfo().username, door, settings);
  const log = stderrLog(levelOf(given));
  const opened = await open(settings, { ...speaker, log, environment: given.environment });
  if (token === undefined) return opened;
  const { store, ports } = opened;
  const proved = await tokenSpeaker(token, door, {
    settings: ports.settings,
    store,
    now: ports.world.clock(),
  });
  if (!('problem' in proved)) return { ...opened, ports: { ...ports, ...proved } };
  await opened.close();
  throw new Refusal(
    `FLYBALL_TOKEN: ${proved.problem}; expected a valid one. 'flyball token list' shows which are.`,
    'role',
  );
}

async function terminalPorts(opened: Opened, settings: DaemonSettings, given: Given): Promise<Ports> {
  const { version, environment, coloured } = given;
  const { beginRepository } = await import('./git/begin.ts');
  const { prometheusAt } = await import('./wiring.ts');
  const { ciPort } = await import('./ci-port.ts');
  const ports: Ports = {
    ...opened.ports,
    init: beginRepository,
    prometheusAt,
    worktree: folder => readPolicies(folder ?? settings.repository),
    watch: await watchFolder(settings.repository, coloured),
    disk,
    ci: ciPort(environment),
    chartLibrary,
    daemon: daemonOf(settings, async options => {
      const { runDaemon } = await import('./daemon.ts');
      return runDaemon(ports, opened, { ...options, version, environment });
    }),
  };
  return ports;
}

// --------------------------------------------------------------------------------------------- the agents' door

/** `flyball mcp`: joins the daemon, here or elsewhere; without one it works on the state itself, once something is asked. */
async function agentsDoor(settings: DaemonSettings, given: Given): Promise<Open> {
  const token = given.environment('FLYBALL_TOKEN');
  const remote: Remote = {
    at: given.environment('FLYBALL_URL') ?? socketOf(settings),
    token,
    door: 'mcp',
  };
  const joins = given.environment('FLYBALL_URL') !== undefined || (await answers(remote.at, 'mcp'));
  const own = joins ? undefined : ownState(settings, given, token);
  const caller = own?.caller ?? (await remoteCaller(remote));
  const { serve } = await import('./mcp/stdio.ts');
  // As in bin: whoever started it may end it by a signal.
  flushCompileCache();
  const ports = {
    ...person(),
    grants: grantAll('admin'),
    settings,
    serveMcp: () => serve(caller, given.version, stderrLog(levelOf(given))),
  };
  return { caller: callerOf(silent(ports as unknown as Ports)), close: own?.close ?? nothing };
}

/** The state of this machine, opened at the first call: agents' programs start servers that they may never ask. */
function ownState(settings: DaemonSettings, given: Given, token: string | undefined) {
  let opened: Promise<Opened> | undefined;
  const caller = async () => {
    opened ??= openState(settings, given, 'mcp', token);
    return callerOf((await opened).ports);
  };
  const speaker: Speaker = localSpeaker(userInfo().username, 'mcp', settings);
  const lazy: Caller = {
    principal: speaker.principal,
    may: command => mayPerform(command, speaker),
    call: async (command, input, options) => (await caller()).call(command, input, options),
    changes: listener => {
      let stop: (() => void) | undefined;
      let ended = false;
      void caller().then(own => {
        if (!ended) stop = own.changes?.(listener);
      });
      return () => {
        ended = true;
        stop?.();
      };
    },
  };
  return { caller: lazy, close: async () => (await opened)?.close() };
}

// -------------------------------------------------------------------------------------------------- the terminal

/** The token of whoever is here: of the environment, or typed where something is decided and somebody can type. */
async function secret(command: Command, given: Given): Promise<string | undefined> {
  const kept = given.environment('FLYBALL_TOKEN');
  if (kept) return kept;
  if (command.effect !== 'decide' || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  let asked = false;
  const mute = new Writable({
    write: (chunk, _, done) => {
      // The question is shown; what is typed is not.
      if (!asked) process.stderr.write(chunk);
      done();
    },
  });
  const line = createInterface({ input: process.stdin, output: mute, terminal: true });
  const answer = line.question('Token (nothing when you have none): ');
  asked = true;
  const typed = (await answer).trim();
  line.close();
  process.stderr.write('\n');
  return typed === '' ? undefined : typed;
}

/** uPlot as its package ships it, to be put into pages. */
async function chartLibrary() {
  const dist = dirname(createRequire(import.meta.url).resolve('uplot'));
  const [script, style] = await Promise.all(
    ['uPlot.iife.min.js', 'uPlot.min.css'].map(name => readFile(join(dist, name), 'utf8')),
  );
  return { script: script ?? '', style: style ?? '' };
}

/** Files that the person at the terminal names. */
export const disk: NonNullable<Ports['disk']> = {
  read: path => readFile(path, 'utf8').catch(cause => Promise.reject(fileError(path, 'read', cause))),
  write: (path, text) =>
    writeFile(path, text).catch(cause => Promise.reject(fileError(path, 'written', cause))),
};

function fileError(path: string, what: 'read' | 'written', cause: unknown): PortError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new PortError(
    `${path}: cannot be ${what} (${code}); name ${what === 'read' ? 'an existing file' : 'a place to write to'}`,
    {
      ...{ code: 'file', retry: 'never', subject: path, cause },
    },
  );
}

/** Watches the folder that is named, or else this one. */
async function watchFolder(otherwise: string, coloured: boolean): Promise<NonNullable<Ports['watch']>> {
  const { watchPolicies } = await import('./wiring.ts');
  const paint = paintFor(coloured);
  const show = (text: string) => void process.stdout.write(`${text}\n`);
  return (folder, each) => watchPolicies(resolve(folder ?? otherwise), files => each(files, paint), show);
}

/** The policy files of a folder on disk; by default of the one where the command was given. */
async function readPolicies(folder = '.'): Promise<readonly PolicyText[]> {
  const dir = resolve(folder);
  const { readWorktree } = await import('./git/worktree.ts');
  const files = statSync(dir, { throwIfNoEntry: false })?.isFile()
    ? undefined
    : (await readWorktree(dir)).files;
  if (files !== undefined && files.length > 0) return files;
  const found = files === undefined ? 'it is a file' : 'it holds no YAML file';
  throw new PortError(
    `${folder}: ${found}; expected a folder with policy files. Name their folder, or drafts by --files.`,
    {
      code: 'no-policies',
      retry: 'never',
      subject: folder,
    },
  );
}

type DaemonPort = NonNullable<Ports['daemon']>;

/**
 * The engine in this process. From when it works on, SIGTERM and SIGINT end pauses early and make `stopped` true; a second
 * one ends the process, as the first does for commands that only look.
 */
function daemonOf(
  settings: DaemonSettings,
  run: (options: RunOptions & { readonly stopped: () => boolean }) => Promise<void>,
): DaemonPort {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const listen = () => void process.once('SIGTERM', stop).once('SIGINT', stop);
  const stopped = () => controller.signal.aborted;
  return {
    run: options => {
      listen();
      return run({ ...options, stopped });
    },
    once: work => {
      listen();
      return import('./daemon.ts').then(({ underLock }) => underLock(settings, work));
    },
    pause: ms => sleep(ms, undefined, { signal: controller.signal }).catch(() => undefined),
    stopped,
  };
}
