/**
 * Quiet targets and actions per second on PostgreSQL with 1, 2 and 4 replicas, each a process of its own, all on this machine with
 * the database: what more replicas cost and gain where nothing else waits. `node bench/replicas.ts [TARGETS] [REPLICAS]`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { appendInput } from '../src/engine/drive.ts';
import { folding } from '../src/engine/folding.ts';
import { openStore } from '../src/store/open.ts';
import { type Postgres, startPostgres } from '../test/servers/postgres-server.ts';
import { chainOfIndex, enforceFleet, worldOver } from './fleet.ts';

const REPLICAS = process.argv[3] ? [Number(process.argv[3])] : [1, 2, 4];
const TARGETS = 2000;
const ACTIONS = 200;
const ROUNDS = 3;
const DAY_MS = 86_400_000;

async function main(targets: number): Promise<void> {
  const server = await startPostgres();
  try {
    for (const count of REPLICAS) process.stdout.write(`${await figures(server, count, targets)}\n`);
  } finally {
    await server.remove();
  }
}

async function figures(server: Postgres, count: number, targets: number): Promise<string> {
  const database = `bench${count}`;
  const url = await server.url(database);
  const store = await openStore(url, folding);
  const children: ChildProcess[] = [];
  const begin = async (drifting: number) => {
    for (let index = 0; index < count; index++) {
      const child = fork(new URL('replica.child.ts', import.meta.url), [url, String(drifting)]);
      children.push(child);
      await once(child, 'message');
    }
  };
  const end = async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  const due = async () =>
    Number(
      (
        await server.sql<{ n: string }>(
          'SELECT count(*) AS n FROM flyball.targets WHERE due_at = 0',
          database,
        )
      )[0]?.n,
    );
  const makeDue = (of: number) =>
    server.sql(
      `UPDATE flyball.targets SET due_at = 0, version = version + 1 WHERE chain IN (SELECT chain FROM flyball.targets ORDER BY chain LIMIT ${of})`,
      database,
    );
  try {
    await enforceFleet(store, targets, await store.now(), 365 * DAY_MS);
    await begin(0);
    await until(async () => (await due()) === 0);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await makeDue(targets);
      const begun = performance.now();
      await until(async () => (await due()) === 0);
      rounds.push(Math.round((targets / (performance.now() - begun)) * 1000));
    }
    await end();
    await begin(ACTIONS);
    // A reconcile that somebody asks for evaluates every rule at once.
    const from = performance.now();
    const transactions = async () =>
      (
        await server.sql<{ commits: number; rollbacks: number }>(
          `SELECT xact_commit::float8 AS commits, xact_rollback::float8 AS rollbacks FROM pg_stat_database WHERE datname = '${database}'`,
        )
      )[0] ?? { commits: 0, rollbacks: 0 };
    const before = await transactions();
    await ask(store, ACTIONS);
    const done = async () =>
      (await store.actions({})).filter(({ state }) => state === 'succeeded').length >= ACTIONS;
    await until(done);
    const perSecond = (ACTIONS / (performance.now() - from)) * 1000;
    const waits = await server.sql<{ ms: number }>(
      `SELECT e.at - a.intended_at AS ms FROM flyball.actions a JOIN flyball.entries e
         ON e.chain = a.chain AND e.kind = 'started' ORDER BY 1`,
      database,
    );
    await end();
    const after = await transactions();
    const each = ((after.commits - before.commits) / ACTIONS).toFixed(0);
    const again = ((after.rollbacks - before.rollbacks) / ACTIONS).toFixed(1);
    const quantile = (share: number) =>
      waits[Math.min(waits.length - 1, Math.floor(share * waits.length))]?.ms;
    return (
      `${count} replica${count === 1 ? ' ' : 's'}: ${Math.max(...rounds)} quiet targets/s (${rounds.join(', ')}), ` +
      `${perSecond.toFixed(0)} actions/s in a burst of ${ACTIONS}, from decision to started p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms; ` +
      `an action is ${each} transactions and looks, ${again} of them begun again`
    );
  } finally {
    await end();
    await store.close();
  }
}

async function ask(store: Awaited<ReturnType<typeof openStore>>, count: number): Promise<void> {
  const now = await store.now();
  const world = worldOver(store, { clock: () => now });
  const by = { name: 'bench', door: 'cli', authenticated: true } as const;
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      appendInput(world, chainOfIndex(index), {
        kind: 'request',
        request: `r${index}`,
        what: 'reconcile',
        by,
      }),
    ),
  );
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}

await main(Number(process.argv[2] ?? TARGETS));
