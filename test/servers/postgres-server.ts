/** A real PostgreSQL of one's own for tests: a new cluster in a temporary folder, on loopback, with durable commits. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { until } from '../e2e/until.ts';
import { freePort } from './processes.ts';

export interface Postgres {
  readonly port: number;
  /** The data folder, its own. */
  readonly folder: string;
  /** The address of a database, which is made when it is not there. */
  url(database: string): Promise<string>;
  /** Runs statements as the superuser, in that database; rows of the last one. */
  sql<Row>(text: string, database?: string): Promise<Row[]>;
  /** Ends connections and the server in order (`fast`), and waits. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster, and waits until all of its processes are gone. */
  kill(): Promise<void>;
  /** Starts it again after a stop or a kill; ready when it gives back. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** `settings`: further lines of postgresql.conf. Takes about two seconds. */
export async function startPostgres(settings: readonly string[] = []): Promise<Postgres> {
  const [bin, user] = [binaries(), owner()];
  const home = mkdtempSync(join(realpathSync(tmpdir()), 'flyball-postgres-'));
  const folder = join(home, 'data');
  mkdirSync(folder, { mode: 0o700 });
  if (user) for (const path of [home, folder]) chownSync(path, user.uid, user.gid);
  const run = (program: string, argv: readonly string[]) =>
    finished(join(bin, program), argv, { cwd: home, ...user });
  await run('initdb', [
    '-D',
    folder,
    '-U',
    'flyball',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  const port = await freePort();
  const argv = [
    ...[
      '-D',
      folder,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=`,
    ],
    ...settings.flatMap(line => ['-c', line]),
  ];
  let child: ChildProcess | undefined;
  const url = (database: string) => `postgres://flyball@127.0.0.1:${port}/${database}`;
  const sql = async <Row>(text: string, database = 'postgres') => {
    const client = new pg.Client(url(database));
    client.on('error', () => undefined);
    await client.connect();
    try {
      const answers = [await client.query(text)].flat();
      return (answers.at(-1)?.rows ?? []) as Row[];
    } finally {
      await client.end();
    }
  };
  const server: Postgres = {
    port,
    folder,
    sql,
    async url(database) {
      const known = await sql(`SELECT 1 FROM pg_database WHERE datname = '${database}'`);
      if (known.length === 0) await sql(`CREATE DATABASE "${database}"`);
      return url(database);
    },
    async start() {
      const started = spawn(join(bin, 'postgres'), argv, {
        cwd: home,
        stdio: ['ignore', 'ignore', 'pipe'],
        ...user,
      });
      child = started;
      let said = '';
      started.stderr?.on('data', chunk => {
        said = `${said}${chunk}`.slice(-4000);
      });
      await until('PostgreSQL answers', async () => {
        if (started.exitCode !== null) throw new Error(`postgres ended with ${started.exitCode}: ${said}`);
        return sql('SELECT 1').catch(() => undefined);
      });
    },
    stop: () => ended(child, 'SIGINT'),
    async kill() {
      // Its children notice, but a new postmaster refuses to start while one of them still holds the shared memory.
      const children = childrenOf(child?.pid);
      await ended(child, 'SIGKILL');
      await until('the processes of PostgreSQL are gone', () => (children.some(isAlive) ? undefined : true));
    },
    async restart() {
      await server.stop();
      await server.start();
    },
    async remove() {
      await server.stop();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  await server.start();
  return server;
}

/** The newest of Debian's, or where PATH says. */
function binaries(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map(one => join(debian, one, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const found = places.find(place => existsSync(join(place, 'initdb')));
  if (found === undefined)
    throw new Error('there is no PostgreSQL here; expected the package postgresql of Debian');
  return found;
}

/** PostgreSQL refuses to run as root. */
function owner(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(one => one.startsWith('postgres:'));
  const [, , uid, gid] = (line ?? '').split(':');
  if (uid === undefined || gid === undefined)
    throw new Error('there is no user postgres; expected the one of Debian');
  return { uid: Number(uid), gid: Number(gid) };
}

async function finished(program: string, argv: readonly string[], options: object): Promise<void> {
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: unknown) => {
      said += String(chunk);
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`);
}

async function ended(child: ChildProcess | undefined, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise(resolve => child.once('exit', resolve));
  child.kill(signal);
  await exit;
}

function childrenOf(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .map(Number)
    .filter(one => one > 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
