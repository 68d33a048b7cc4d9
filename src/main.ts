/** Reads the environment once, finds the settings, and starts a door: command line, daemon or agents' server. */
import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paintFor } from './cli/paint.ts';
import { runProgram, type Terminal } from './cli/program.ts';
import { callerOf, type DaemonSettings, grantAll, type PolicyText, type Ports } from './commands/index.ts';
import { filled } from './connectors/secrets.ts';
import { runDaemon, underLock } from './daemon.ts';
import { parseDaemonYaml, parseListen } from './dsl/index.ts';
import { beginRepository } from './git/begin.ts';
import { readWorktree } from './git/worktree.ts';
import { serve } from './mcp/stdio.ts';
import { PortError, type Principal } from './model.ts';
import { isPostgres } from './store/postgres-database.ts';
import { catalogue, emptyStore, open, prometheusAt, stderrLog, watchPolicies } from './wiring.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Runs one command line. The exit code is 0 fine, 1 error, 2 changes pending. */
export async function main(argv: readonly string[]): Promise<number> {
  // Whoever reads only the beginning (`flyball log | head`) has seen what they wanted.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', error => {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
      process.exit(0);
    });
  const terminal: Terminal = {
    out: text => void process.stdout.write(`${text}\n`),
    error: text => void process.stderr.write(`${text}\n`),
    colour: isColoured(),
    open: options => openPorts(options),
    readFiles: readTexts,
  };
  return runProgram(argv, terminal, version);
}

function environment(name: string): string | undefined {
  return process.env[name];
}

function isColoured(): boolean {
  return process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
}

async function readTexts(
  paths: readonly string[],
  config: string | undefined,
): Promise<readonly PolicyText[]> {
  const root = (await loadSettings(config)).repository;
  return Promise.all(
    paths.map(async path => ({
      path: relative(root, resolve(path)) || path,
      text: await disk.read(path),
    })),
  );
}

// ------------------------------------------------------------------------------------------------- settings

/** Where daemon.yaml is: --config, FLYBALL_HOME, the nearest .flyball folder above, or the user's own. */
function findConfig(config: string | undefined): string {
  if (config !== undefined) return resolve(config);
  if (process.env.FLYBALL_HOME) return join(resolve(process.env.FLYBALL_HOME), 'daemon.yaml');
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, '.flyball', 'daemon.yaml');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return join(homedir(), '.flyball', 'daemon.yaml');
  }
}

async function loadSettings(config: string | undefined): Promise<DaemonSettings> {
  const address = process.env.FLYBALL_STATE;
  if (config === undefined && address) return settingsOfReplica(address);
  const file = findConfig(config);
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new PortError(
      `${file}: there is no daemon.yaml; expected one there, by --config FILE or in FLYBALL_HOME. 'flyball init FOLDER' makes a policy repository with one.`,
      { code: 'no-config', retry: 'never', subject: file, cause },
    );
  });
  const parsed = parseDaemonYaml(text, file, catalogue.verbs);
  if ('problems' in parsed)
    throw new PortError(parsed.problems.join('\n'), { code: 'config', retry: 'never', subject: file });
  const home = dirname(file);
  const { listen, deadMan, ...settings } = parsed.settings;
  return {
    ...settings,
    ...(listen ? { listen } : {}),
    ...(deadMan ? { deadMan } : {}),
    home,
    state: stateOf(home, settings.state, file),
    repository: within(home, settings.repository),
  };
}

/** Of a replica that has only the address of its state: everything else the state says, and there is no repository here. */
function settingsOfReplica(state: string): DaemonSettings {
  if (!isPostgres(state)) {
    throw new PortError(
      'FLYBALL_STATE: it is no address of a PostgreSQL database; expected postgres://user@host/database. A state in a folder is ' +
        "named by 'state' in daemon.yaml.",
      { code: 'config', retry: 'never', subject: 'FLYBALL_STATE' },
    );
  }
  const home = resolve(process.env.FLYBALL_HOME ?? '.');
  const door = process.env.FLYBALL_LISTEN ? parseListen(process.env.FLYBALL_LISTEN) : undefined;
  if (door && 'problem' in door) {
    throw new PortError(`FLYBALL_LISTEN: ${door.problem}`, {
      ...{ code: 'config', retry: 'never', subject: 'FLYBALL_LISTEN' },
    });
  }
  return { home, state, repository: '', branch: '', env: '', trust: 'tokens', ...door };
}

/** The folder of the state, or the address of its database with what the environment gives for `${env:FLYBALL_…}`. */
function stateOf(home: string, written: string, file: string): string {
  const state = filled(written, `${file}: state`, environment);
  return isPostgres(state) ? state : within(home, state);
}

function within(home: string, path: string): string {
  return isAbsolute(path) ? path : resolve(home, path);
}

// ------------------------------------------------------------------------------------------------ the terminal

/** Ports of the command line: a person of this machine, who may run the engine and begin repositories. */
async function openPorts(options: {
  readonly config?: string;
  readonly needs: 'state' | 'files' | 'nothing';
}) {
  const principal: Principal = { name: userInfo().username, door: 'cli', authenticated: false };
  const local = { init: beginRepository, worktree: undefined, prometheusAt };
  if (options.needs === 'nothing') {
    // `init` has no state yet: nothing but its own port may be touched.
    return {
      ports: { ...local, principal, grants: grantAll('admin') } as unknown as Ports,
      close: async () => {},
    };
  }
  const settings = await loadSettings(options.config).catch(error => {
    const absent = error instanceof PortError && error.code === 'no-config' && options.config === undefined;
    if (absent && options.needs === 'files') return undefined;
    throw error;
  });
  if (!settings) {
    // A folder of policies can be checked anywhere, as in a pipeline of its repository: nothing else is touched.
    const ports = {
      worktree: readPolicies,
      watch: watchFolder('.'),
      disk,
      world: { catalogue, clock: Date.now },
      emptyStore,
      settings: { env: 'dev' },
      principal,
      grants: grantAll('viewer'),
    };
    return { ports: ports as unknown as Ports, close: async () => {} };
  }
  const opened = await open(settings, {
    principal,
    log: stderrLog(process.env.FLYBALL_LOG ?? 'info'),
    environment,
  });
  const ports: Ports = {
    ...opened.ports,
    init: beginRepository,
    prometheusAt,
    worktree: folder => readPolicies(folder ?? settings.repository),
    watch: watchFolder(settings.repository),
    disk,
    chartLibrary,
    daemon: daemonOf(settings, options => runDaemon(ports, opened, { ...options, version, environment })),
    serveMcp: () =>
      serve(
        callerOf({
          ...opened.ports,
          principal: { name: `agent of ${principal.name}`, door: 'mcp', authenticated: false },
          grants: grantAll('proposer'),
        }),
        version,
        opened.ports.world.log,
      ),
  };
  return { ports, close: opened.close };
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
const disk: NonNullable<Ports['disk']> = {
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
function watchFolder(otherwise: string): NonNullable<Ports['watch']> {
  const paint = paintFor(isColoured());
  const show = (text: string) => void process.stdout.write(`${text}\n`);
  return (folder, each) => watchPolicies(resolve(folder ?? otherwise), files => each(files, paint), show);
}

/** The policy files of a folder on disk; by default of the one where the command was given. */
async function readPolicies(folder = '.'): Promise<readonly PolicyText[]> {
  const dir = resolve(folder);
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
  run: (options: { readonly worktree: boolean; readonly stopped: () => boolean }) => Promise<void>,
): DaemonPort {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const listen = () => void process.once('SIGTERM', stop).once('SIGINT', stop);
  const stopped = () => controller.signal.aborted;
  return {
    run: ({ worktree }) => {
      listen();
      return run({ worktree, stopped });
    },
    once: work => {
      listen();
      return underLock(settings, work);
    },
    pause: ms => sleep(ms, undefined, { signal: controller.signal }).catch(() => undefined),
    stopped,
  };
}
