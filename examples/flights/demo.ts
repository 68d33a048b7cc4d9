/**
 * The replay: half a year of real flights, day by day, under a clock that runs fast. Flyball governs the model that serves
 * them. Injected faults are said to be injected; everything else is the data's own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, followHead, perform } from '../../src/commands/index.ts';
import { settleAll } from '../../src/engine/reconcile.ts';
import { initRepository } from '../../src/git/init.ts';
import { acquireEngineLock } from '../../src/store/engine-lock.ts';
import { type Opened, open } from '../../src/wiring.ts';
import { bootstrap } from './bootstrap.ts';
import { addDays, daysBetween, layout, startOf } from './layout.ts';
import { beginDay } from './morning.ts';
import { Narrator } from './narrate.ts';
import { approvals as answers, replay } from './story.ts';
import { summarize } from './summary.ts';
import { openWarehouse } from './warehouse.ts';

const root = resolve(import.meta.dirname, '..', '..');
/** People answer this long after they were asked. */
const ANSWER_MS = 2 * 3_600_000;

export interface ReplayOptions {
  /** State folder; made anew. */
  readonly home: string;
  readonly from: string;
  readonly to: string;
  readonly print: (line: string) => void;
}

/** Replays the days of `[from, to)` into `home` and leaves the state there. */
export async function runReplay(options: ReplayOptions): Promise<void> {
  const { home, print } = options;
  const began = Date.now();
  await makeHome(home);
  print('Preparing three million flights, and training v1 on January …');
  await bootstrap(home);
  let now = startOf(options.from);
  const opened = await openHome(home, () => now);
  const lock = await acquireEngineLock(opened.ports.settings.state);
  const serving = await startServing(home);
  const warehouse = await openWarehouse();
  const narrator = new Narrator(opened.store, print);
  try {
    await followHead(opened.ports);
    for (const day of daysBetween(options.from, options.to)) {
      now = Math.max(now, startOf(day));
      narrator.injected(day, await beginDay(warehouse, home, day));
      await workThrough(
        opened,
        startOf(addDays(day, 1)),
        () => now,
        at => {
          now = at;
        },
      );
      narrator.served(day, await score(serving.port, day));
      await narrator.tell(day);
    }
    await opened.store.setMeta('replayed-until', String(now));
    await opened.store.anchor(now);
    print(await summarize({ opened, warehouse, home, seconds: (Date.now() - began) / 1000 }));
  } finally {
    await stop(serving.process);
    warehouse.close();
    lock.release();
    await opened.close();
  }
}

/** Everything that is due before `end`, in order of time; the clock stands still while a run is unfinished. */
async function workThrough(
  opened: Opened,
  end: number,
  clock: () => number,
  advance: (at: number) => void,
): Promise<void> {
  for (;;) {
    await settleAll(
      opened.world,
      ms => sleep(ms),
      () => false,
    );
    const asked = await answerDue(opened, clock());
    if (asked === 'answered') continue;
    const rows = await opened.store.targets();
    const next = Math.min(...rows.map(row => row.dueAt), asked);
    if (next >= end) return;
    advance(Math.max(clock(), next));
  }
}

/** Answers what has waited long enough; else gives the time at which the next answer is due. */
async function answerDue(opened: Opened, now: number): Promise<number | 'answered'> {
  const rows = await opened.store.targets();
  let next = Number.POSITIVE_INFINITY;
  for (const ask of rows.flatMap(row => Object.values(row.own.asks))) {
    const answer = answers.find(one => one.step === ask.action.step);
    if (!answer || ask.votes.length > 0) continue;
    if (ask.at + ANSWER_MS > now) {
      next = Math.min(next, ask.at + ANSWER_MS);
      continue;
    }
    const name = answer.decision === 'yes' ? 'approve' : 'deny';
    const command = commands.find(one => one.name === name);
    if (command)
      await perform(command, opened.ports, {
        approval: ask.approval,
        comment: answer.comment,
        as: answer.by,
      });
    return 'answered';
  }
  return next;
}

// ------------------------------------------------------------------------------------------------- the folder

/** Makes the state folder anew. Only a folder that a replay made before is removed. */
async function makeHome(home: string): Promise<void> {
  const present = existsSync(home) ? await readdir(home) : [];
  if (present.length > 0 && !present.includes('daemon.yaml')) {
    throw new Error(
      `${home} holds ${present.slice(0, 3).join(', ')}: not the state of a replay; name an empty folder in FLYBALL_HOME.`,
    );
  }
  await rm(home, { recursive: true, force: true });
  await mkdir(join(home, 'data'), { recursive: true });
  await writeFile(
    join(home, 'daemon.yaml'),
    'state: state\nrepository: policies\nbranch: main\nenv: demo\ntrust: local-user\n',
  );
  const author = { name: 'Ben', email: 'ben@flights.example' };
  await initRepository({
    dir: join(home, 'policies'),
    files: await shippedPolicies(home),
    author,
    at: startOf('2001-01-31'),
  });
}

/** The policies that ship with Flyball; commands run in this example's folder, wherever the state is. */
async function shippedPolicies(home: string) {
  const folder = join(root, 'policies');
  const here = relative(home, import.meta.dirname);
  const names = (await readdir(folder)).filter(name => name.endsWith('.yaml'));
  return Promise.all(
    names.map(async name => ({
      path: name,
      text: (await readFile(join(folder, name), 'utf8')).replaceAll('../examples/flights', here),
    })),
  );
}

async function openHome(home: string, clock: () => number): Promise<Opened> {
  const settings = {
    home,
    state: join(home, 'state'),
    repository: join(home, 'policies'),
    branch: 'main',
    env: 'demo',
    trust: 'local-user' as const,
  };
  const principal = { name: 'demo', door: 'demo' as const, authenticated: false };
  const log = {
    info: () => {},
    warn: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    error: (fields: object, message: string) =>
      process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  };
  return open(settings, { principal, grants: [{ role: 'admin' }], clock, log });
}

// ---------------------------------------------------------------------------------------------------- serving

async function startServing(
  home: string,
): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts')], {
    env: { ...process.env, FLYBALL_ROOT: home },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let tries = 0; tries < 200; tries++) {
    const port = Number(await readFile(layout(home).port, 'utf8').catch(() => ''));
    if (port > 0) return { process: child, port };
    if (child.exitCode !== null) break;
    await sleep(50);
  }
  child.kill();
  throw new Error('the serving process did not come up');
}

async function score(port: number, day: string): Promise<Readonly<Record<string, number>>> {
  const response = await fetch(`http://127.0.0.1:${port}/score`, {
    method: 'POST',
    body: JSON.stringify({ day }),
  });
  const answer = (await response.json()) as {
    readonly versions?: Record<string, number>;
    readonly error?: string;
  };
  if (!answer.versions) throw new Error(`scoring ${day}: ${answer.error ?? response.status}`);
  return answer.versions;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise(done => child.once('close', done));
  child.kill('SIGTERM');
  await ended;
}

if (import.meta.main) {
  const home = resolve(process.env.FLYBALL_HOME ?? join(root, '.demo'));
  await runReplay({ home, ...replay, print: line => process.stdout.write(`${line}\n`) });
}
