/** A home of Flyball for tests: settings, a git repository of policies, real data, and the program run as a user runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { initRepository } from '../../src/git/init.ts';
import { commitFiles } from '../real-git.ts';
import { endRuns } from './runs.ts';
import { until } from './until.ts';

const ROOT = dirname(dirname(import.meta.dirname));
export const BIN = join(ROOT, 'bin', 'flyball.js');
/** Compiled code is kept between processes, because tests start hundreds. */
export const ENV = { NO_COLOR: '1', NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'flyball-e2e') };

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `flyball run`. */
export interface Daemon {
  readonly pid: number;
  /** What it logged so far. */
  log(): string;
  /** Sends a signal and waits for the end; the exit code, null when the signal ended it. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null>;
}

export interface Home {
  /** The folder of daemon.yaml; paths of connections are relative to it. */
  readonly dir: string;
  readonly repository: string;
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs one command to its end. */
  flyball(...args: readonly string[]): Promise<Ran>;
  /** The same as whoever shows this token. */
  as(token: string, ...args: readonly string[]): Promise<Ran>;
  /** Runs one command with --json and gives what it printed. Throws when it fails with an error. */
  json<T = Record<string, unknown>>(...args: readonly string[]): Promise<T>;
  /** Commits files to the repository with the real git; gives the commit. */
  commit(files: Readonly<Record<string, string>>, message?: string): string;
  /** Writes a file below the home. */
  write(path: string, text: string): void;
  /** Starts the daemon and waits until it works. */
  daemon(...args: readonly string[]): Promise<Daemon>;
  /** The same with more in its environment. */
  daemonWith(variables: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Daemon>;
  /** Ends what was started here and removes the folder. */
  end(): Promise<void>;
}

export const DAEMON_YAML = `state: state
repository: policies
branch: main
env: test
trust: local-user
`;

/** A new home with these policies in the first commit of its repository. `variables` are in the environment of all that it runs. */
export async function makeHome(
  policies: Readonly<Record<string, string>>,
  settings: string = DAEMON_YAML,
  variables: Readonly<Record<string, string>> = {},
): Promise<Home> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'flyball-e2e-'));
  const repository = join(dir, 'policies');
  const state = join(dir, 'state');
  const { PATH = '' } = process.env;
  const env = { ...ENV, PATH, HOME: dir, FLYBALL_HOME: dir, ...variables };
  const daemons: ChildProcess[] = [];
  for (const folder of ['data', 'code', 'world']) mkdirSync(join(dir, folder));
  writeFileSync(join(dir, 'daemon.yaml'), settings);
  const files = Object.entries(policies).map(([path, content]) => ({ path, text: content }));
  const author = { name: 'Ana', email: 'ana@acme.example' };
  if (files.length > 0) await initRepository({ dir: repository, files, author, at: Date.now() });

  const flyball = (...args: readonly string[]) => ranToEnd(args, { cwd: dir, env });
  const daemonWith = (variables: Readonly<Record<string, string>>, ...args: readonly string[]) => {
    const child = spawn(process.execPath, [BIN, 'run', ...args], {
      cwd: dir,
      env: { ...env, ...variables },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    daemons.push(child);
    return started(child);
  };
  return {
    dir,
    repository,
    state,
    env,
    flyball,
    as: (token, ...args) => ranToEnd(args, { cwd: dir, env: { ...env, FLYBALL_TOKEN: token } }),
    async json<T>(...args: readonly string[]) {
      const { code, stdout, stderr } = await flyball(...args, '--json');
      if (code === 1 && stdout === '') throw new Error(`flyball ${args.join(' ')}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    commit: (changed, message) => commitFiles(repository, changed, message),
    write(path, content) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), content);
    },
    daemon: (...args) => daemonWith({}, ...args),
    daemonWith,
    async end() {
      for (const child of daemons) await ended(child, 'SIGKILL');
      await endRuns(join(state, 'runs'));
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** Runs the program to its end; `input` is its standard input. */
export async function ranToEnd(
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ran> {
  const child = spawn(process.execPath, [BIN, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<number | null>(resolve => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

async function started(child: ChildProcess): Promise<Daemon> {
  let log = '';
  child.stderr?.on('data', chunk => {
    log += String(chunk);
  });
  await until('the daemon works', () => {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${log}`);
    return log.includes('engine started') || undefined;
  });
  return { pid: child.pid ?? 0, log: () => log, end: signal => ended(child, signal) };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = new Promise(resolve => child.once('exit', resolve));
    child.kill(signal);
    await exit;
  }
  return child.exitCode;
}
