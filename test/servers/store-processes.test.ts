/** Several processes on one PostgreSQL, processes that are killed, and a server that is: chains stay whole, what was committed stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { postgresSchema } from '../../src/store/migrations-postgres.ts';
import { openStore } from '../../src/store/open.ts';
import { appendTo, chain, folding, gap } from '../../src/store/store.fixture.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

let server: Postgres;
const children: ChildProcess[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => server.remove());

function startWriter(url: string, transactions: number) {
  const file = fileURLToPath(new URL('../../src/store/writer.child.ts', import.meta.url));
  const child = spawn(process.execPath, [file, url, String(transactions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout }), exit: once(child, 'exit') };
}

it('several starters at once make one schema, and their chain is whole', async () => {
  const url = await server.url('starters');
  const writers = [0, 1, 2, 3].map(() => startWriter(url, 10));
  const exits = await Promise.all(writers.map(writer => writer.exit));
  expect(exits.map(([code]) => code)).toEqual([0, 0, 0, 0]);
  const steps = await server.sql('SELECT number FROM flyball.migrations', 'starters');
  expect(steps).toHaveLength(postgresSchema.steps.length);
  const store = await openStore(url, folding);
  expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 4 * 10 * 3 });
  expect(await store.target(chain)).toMatchObject({ version: 40, own: { seq: 120 } });
  expect((await store.rebuild()).differences).toEqual([]);
  await store.close();
});

it('kill -9 of a writer at any moment loses nothing that was committed', async () => {
  const url = await server.url('killed');
  let committed = 0;
  for (const acknowledged of [0, 1, 3, 8, 21]) {
    const { child, lines, exit } = startWriter(url, 100_000);
    let left = acknowledged;
    for await (const line of lines) {
      committed = Number(line);
      left -= 1;
      if (left <= 0) child.kill('SIGKILL');
    }
    expect((await exit)[1]).toBe('SIGKILL');
    const store = await openStore(url, folding);
    const found = await store.verify();
    const entries = found.ok ? found.entries : -1;
    expect(entries % 3).toBe(0);
    expect(entries).toBeGreaterThanOrEqual(committed);
    await appendTo(store, [gap(1), gap(2), gap(3)], 1);
    await store.close();
  }
});

it('kill -9 of the server loses nothing that was committed, and the open store goes on', async () => {
  const store = await openStore(await server.url('crashed'), folding);
  let committed = 0;
  let unknown = 0;
  for (let round = 0; round < 3; round += 1) {
    const writing = (async () => {
      for (;;) committed = (await appendTo(store, [gap(1), gap(2)], 1)).at(-1)?.seq ?? committed;
    })();
    const failure = writing.catch(error => error);
    await appendTo(store, [], 2, { target: { kind: 'model', name: 'other' } });
    await server.kill();
    const error = await failure;
    expect(error).toMatchObject({ name: 'PortError', retry: 'later' });
    expect(['state-lost', 'state-unreachable', 'state-commit-unknown']).toContain(error.code);
    if (error.code === 'state-commit-unknown') unknown += 1;
    await expect(store.chains()).rejects.toMatchObject({ code: 'state-unreachable', retry: 'later' });
    await server.start();
    const found = (await store.target(chain))?.own.seq ?? -1;
    expect(found).toBeGreaterThanOrEqual(committed);
    expect(found).toBeLessThanOrEqual(committed + 2);
    expect(await store.verify()).toMatchObject({ ok: true });
  }
  expect(unknown).toBeLessThanOrEqual(3);
  expect((await store.rebuild()).differences).toEqual([]);
  await store.close();
});
