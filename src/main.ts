/** Reads the environment once, finds the settings, and starts a door: command line, daemon or agents' server. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { runProgram, type Terminal } from './cli/program.ts';
import type { DaemonSettings, PolicyText } from './commands/index.ts';
import { filled } from './connectors/secrets.ts';
import { parseDaemonYaml, parseListen } from './dsl/index.ts';
import { verbs } from './executors/index.ts';
import { PortError } from './model.ts';
import { isPostgres } from './store/address.ts';
import { disk, openCaller } from './terminal.ts';

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
    open: (command, { config }) => {
      const settings = () => loadSettings(config);
      return openCaller(command, { version, environment, coloured: isColoured(), config, settings });
    },
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
  const { repository, remote } = await loadSettings(config);
  // A clone has no files on disk: what is proposed lies in a checkout of the person's own.
  const root = remote ? '.' : repository;
  return Promise.all(
    paths.map(async path => ({
      path: relative(resolve(root), resolve(path)) || path,
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
  const parsed = parseDaemonYaml(text, file, verbs);
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
