/** The story that `start.sh` tells. `--keep` leaves both replicas running until Ctrl-C, to be looked at and killed by hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { initRepository } from '../../src/git/init.ts';
import { startPostgres } from '../../test/servers/postgres-server.ts';

const HERE = import.meta.dirname;
const BIN = join(HERE, '../../bin/flyball.js');
const say = (line: string) => process.stdout.write(`${line}\n`);

const home = mkdtempSync(join(tmpdir(), 'flyball-replicas-'));
const children: ChildProcess[] = [];
const server = await startPostgres();
try {
  await tell(await server.url('flyball'));
} finally {
  for (const child of children) child.kill('SIGKILL');
  await server.remove();
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function tell(url: string): Promise<void> {
  await furnish(url);
  say(`PostgreSQL answers at ${url}`);
  // The first one has a daemon.yaml and the policy repository; the second one has the address, and nothing else.
  const first = await replica('first', { FLYBALL_HOME: home });
  say(`first replica:  process ${first.pid}, flyball run --config daemon.yaml`);
  await untilLog('first', 'commit is in force');
  const second = await replica('second', { FLYBALL_HOME: home, FLYBALL_STATE: url });
  say(`second replica: process ${second.pid}, FLYBALL_STATE=${url} flyball run`);
  say(await flyball('status'));

  say('\nThe level rises from 3 to 50.');
  await setLevel(50);
  await until(() => existsSync(join(home, 'world/ran.txt')));
  say('A training has begun, and takes ten seconds. The first replica is killed (kill -9).');
  first.kill('SIGKILL');
  await until(async () => (await flyball('log', 'model/tides')).includes('promote'));
  say(
    'The second one goes on: it asked the run for its end, evaluated and promotes. The level is fine again.',
  );
  await setLevel(3);
  await until(async () => /episode \d+ ended, verified/.test(await flyball('log', 'model/tides')));
  say(`\n${await flyball('log', 'model/tides')}`);
  const runs = readFileSync(join(home, 'world/ran.txt'), 'utf8').trim().split('\n');
  say(`\ntrainings that ran: ${runs.length}`);
  say(await flyball('ledger', 'verify'));
  if (process.argv.includes('--keep')) await keep(second, url);
}

async function keep(second: ChildProcess, url: string): Promise<void> {
  say(
    `\nLeft running until Ctrl-C. Look, in another terminal:\n  FLYBALL_HOME=${home} FLYBALL_STATE=${url} npx flyball status`,
  );
  await new Promise<void>(resolve => {
    process.once('SIGINT', () => resolve());
    second.once('exit', () => resolve());
  });
}

async function furnish(url: string): Promise<void> {
  for (const folder of ['data', 'world/registry/tides/v1', 'world/serving/tides'])
    mkdirSync(join(home, folder), { recursive: true });
  cpSync(join(HERE, 'code'), join(home, 'code'), { recursive: true });
  const write = (path: string, value: unknown) => writeFileSync(join(home, path), JSON.stringify(value));
  write('world/registry/tides/v1/card.json', { version: 'v1' });
  write('world/registry/tides/champion.json', { version: 'v1' });
  write('world/serving/tides/weights.json', { weights: { v1: 1 } });
  await setLevel(3);
  const policies = readdirSync(join(HERE, 'policies')).map(path => ({
    path,
    text: readFileSync(join(HERE, 'policies', path), 'utf8'),
  }));
  const author = { name: 'Ana', email: 'ana@acme.example' };
  await initRepository({ dir: join(home, 'repository'), files: policies, author, at: Date.now() });
  writeFileSync(
    join(home, 'daemon.yaml'),
    `state: ${url}\nrepository: repository\nenv: prod\ntrust: local-user\n`,
  );
}

/** By rename, so that no query sees half of a file. */
async function setLevel(value: number): Promise<void> {
  const file = join(home, 'data/levels.parquet');
  const duckdb = await DuckDBInstance.create(':memory:');
  const connection = await duckdb.connect();
  await connection.run(
    `COPY (SELECT 'north' AS place, ${value}::DOUBLE AS value) TO '${file}.new' (FORMAT parquet)`,
  );
  connection.closeSync();
  duckdb.closeSync();
  renameSync(`${file}.new`, file);
}

function environment(more: Readonly<Record<string, string>>) {
  const { PATH = '', HOME = home } = process.env;
  return { PATH, HOME, NO_COLOR: '1', ...more };
}

async function replica(name: string, env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'run'], {
    cwd: home,
    env: environment(env),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  child.stderr?.pipe(createWriteStream(join(home, `${name}.log`)));
  await untilLog(name, 'replica started');
  return child;
}

function untilLog(name: string, line: string): Promise<void> {
  const file = join(home, `${name}.log`);
  return until(() => existsSync(file) && readFileSync(file, 'utf8').includes(line));
}

async function flyball(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: home,
    env: environment({ FLYBALL_HOME: home }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return (await text(child.stdout)).trimEnd();
}

/** Waits for at most five minutes. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await sleep(500);
  }
  throw new Error(`it did not happen; the logs of both replicas are in ${home}`);
}
