/** What PostgreSQL and the way to it do to the store: a clear message without a password, nothing half written, and a way on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open.ts';
import { PostgresDatabase } from '../../src/store/postgres-database.ts';
import { appendTo, chain, folding, gap } from '../../src/store/store.fixture.ts';
import { wireTo } from '../chaos/wire.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';
import { freePort } from './processes.ts';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
  // Everybody is trusted but `guest`, who needs the password.
  const hba = join(server.folder, 'pg_hba.conf');
  writeFileSync(hba, `host all guest 127.0.0.1/32 scram-sha-256\n${readFileSync(hba, 'utf8')}`);
  await server.sql("CREATE ROLE guest LOGIN PASSWORD 'right-horse'; SELECT pg_reload_conf()");
});
afterAll(() => server.remove());

const address = (user: string, database: string) => `postgres://${user}@127.0.0.1:${server.port}/${database}`;

async function refusal(url: string): Promise<PortError> {
  const error = await openStore(url, folding).then(
    () => undefined,
    one => one,
  );
  expect(error).toBeInstanceOf(PortError);
  // Not even its causes, as a logger would print them.
  expect(inspect(error, { depth: 9 })).not.toMatch(/horse/);
  return error;
}

describe('a state that cannot be opened says why and what to do', () => {
  it('no server', async () => {
    const port = await freePort();
    const error = await refusal(`postgres://guest:right-horse@127.0.0.1:${port}/a?application_name=x`);
    expect(error).toMatchObject({
      code: 'state-unreachable',
      retry: 'later',
      subject: `postgres://guest@127.0.0.1:${port}/a`,
    });
  });

  it.each([
    ['a wrong password', 'guest:wrong-horse', 'state-refused', /PGPASSWORD or in ~\/\.pgpass/],
    ['no password', 'guest', 'state-refused', /PGPASSWORD or in ~\/\.pgpass/],
    ['nobody known', 'nobody', 'state-refused', /refuses this user/],
  ])('%s', async (_, user, code, message) => {
    const error = await refusal(address(user, 'postgres'));
    expect(error).toMatchObject({ code, retry: 'never' });
    expect(error.message).toMatch(message);
  });

  it('no such database, and it is opened once there is one', async () => {
    const error = await refusal(address('flyball', 'later'));
    expect(error).toMatchObject({ code: 'state-unopened', retry: 'never' });
    expect(error.message).toMatch(/createdb/);
    await (await openStore(await server.url('later'), folding)).close();
  });

  it('no right to make the schema, and it is opened once there is one', async () => {
    await server.url('strict');
    const guest = address('guest:right-horse', 'strict');
    const error = await refusal(guest);
    expect(error).toMatchObject({ code: 'state-refused', retry: 'never' });
    expect(error.message).toMatch(/GRANT CREATE ON DATABASE/);
    await server.sql('GRANT CREATE ON DATABASE strict TO guest');
    await (await openStore(guest, folding)).close();
  });

  it('another encoding', async () => {
    await server.sql(
      "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    expect((await refusal(address('flyball', 'latin'))).message).toMatch(/encoding LATIN1; expected UTF8/);
    expect(await server.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'flyball'", 'latin')).toEqual([]);
  });

  it('a newer schema, or one of another program: both stay as they are', async () => {
    const url = await server.url('newer');
    await (await openStore(url, folding)).close();
    await server.sql('INSERT INTO flyball.migrations VALUES (99)', 'newer');
    const newer = await refusal(url);
    expect(newer).toMatchObject({ code: 'state-newer', retry: 'never' });
    expect(newer.message).toMatch(/number 99.*knows up to \d+.*start that version/);
    await server.sql('DELETE FROM flyball.migrations WHERE number = 99', 'newer');
    await (await openStore(url, folding)).close();

    const foreign = await server.url('foreign');
    await server.sql('CREATE SCHEMA flyball; CREATE TABLE flyball.songs (a int)', 'foreign');
    expect((await refusal(foreign)).message).toMatch(/another program \(tables songs\)/);
    expect(
      await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'flyball'", 'foreign'),
    ).toHaveLength(1);
  });

  it('an address that is none', async () => {
    const error = await refusal('postgres://guest:right-horse@[');
    expect(error.message).toMatch(/expected postgres:\/\/user@host/);
  });
});

describe('an open state', () => {
  it('a migration that fails half way leaves nothing, and is made whole by the next start', async () => {
    const url = await server.url('half');
    const db = new PostgresDatabase(url);
    const steps = [...db.schema.steps, 'CREATE TABLE extra (a int); SELECT 1 / 0'];
    await expect(migrate(db, steps)).rejects.toThrow(/division by zero/);
    const tables = await server.sql<{ tablename: string }>(
      "SELECT tablename FROM pg_tables WHERE schemaname = 'flyball'",
      'half',
    );
    expect(tables.map(one => one.tablename)).not.toContain('extra');
    expect(await server.sql('SELECT number FROM flyball.migrations', 'half')).toHaveLength(
      db.schema.steps.length,
    );
    await migrate(db, [...db.schema.steps, 'CREATE TABLE extra (a int)']);
    expect(await server.sql('SELECT count(*)::int AS rows FROM flyball.extra', 'half')).toEqual([
      { rows: 0 },
    ]);
    await db.close();
  });

  it('that became read-only is named, nothing is lost, and it goes on when it may be written', async () => {
    const url = await server.url('standby');
    const store = await openStore(url, folding);
    await appendTo(store, [gap(1)], 1);
    await server.sql('ALTER DATABASE standby SET default_transaction_read_only = on');
    const reader = await openStore(url, folding);
    await expect(appendTo(reader, [gap(2)], 2)).rejects.toMatchObject({
      code: 'state-read-only',
      retry: 'later',
    });
    expect(await reader.verify()).toEqual({ ok: true, chains: 1, entries: 1 });
    await reader.close();
    await server.sql('ALTER DATABASE standby RESET default_transaction_read_only');
    await appendTo(store, [gap(2)], 2);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 2 });
    await store.close();
  });

  it('without room for a connection is named', async () => {
    await server.sql('GRANT CREATE ON DATABASE postgres TO guest; ALTER ROLE guest CONNECTION LIMIT 0');
    const error = await refusal(address('guest:right-horse', 'postgres'));
    await server.sql('ALTER ROLE guest CONNECTION LIMIT -1');
    expect(error).toMatchObject({ code: 'state-busy', retry: 'later' });
    expect(error.message).toMatch(/max_connections/);
  });

  it('whose connection is ended within a transaction writes nothing of it', async () => {
    const store = await openStore(await server.url('ended'), folding);
    await appendTo(store, [gap(1)], 1);
    const cut = store.transaction(async tx => {
      await tx.setFact('a', 1);
      await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ended'");
      await tx.setFact('b', 1);
    });
    await expect(cut).rejects.toMatchObject({ code: 'state-lost', retry: 'later' });
    expect(await store.factsWithPrefix('')).toEqual({});
    await appendTo(store, [gap(2)], 2);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 2 });
    await store.close();
  });

  it('behind a wire that is silent gives up by itself, and goes on when it is healed', async () => {
    await server.url('silent');
    const wire = await wireTo(server.port);
    const store = await openStore(`postgres://flyball@127.0.0.1:${wire.port}/silent`, folding);
    await appendTo(store, [gap(1)], 1);
    wire.silence();
    await expect(store.chains()).rejects.toMatchObject({ retry: 'later' });
    await expect(appendTo(store, [gap(2)], 2)).rejects.toMatchObject({ retry: 'later' });
    wire.heal();
    await appendTo(store, [gap(2)], 2);
    expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 2 });
    await store.close();
    await wire.close();
  });

  it('that does not hear the answer to a commit says that it does not know', async () => {
    const url = await server.url('unheard');
    await (await openStore(url, folding)).close();
    const mute = await muteAt('COMMIT');
    const store = await openStore(`postgres://flyball@127.0.0.1:${mute.port}/unheard`, folding);
    mute.on = true;
    const error = await appendTo(store, [gap(1)], 1).catch(one => one);
    mute.on = false;
    expect(error).toMatchObject({ code: 'state-commit-unknown', retry: 'later' });
    expect(error.message).toMatch(/may or may not have been written/);
    expect((await store.target(chain))?.own.seq).toBe(1);
    await store.close();
    await mute.close();
  });

  it('runs a transaction again when another came between, and gives what the last run gave', async () => {
    const url = await server.url('between');
    const [one, two] = [await openStore(url, folding), await openStore(url, folding)];
    let runs = 0;
    const seen = await one.transaction(async tx => {
      runs += 1;
      const before = (await tx.facts(['n'])).n;
      if (runs === 1) await two.transaction(other => other.setFact('n', 'theirs'));
      await tx.setFact('n', 'ours');
      return before?.value;
    });
    expect([runs, seen]).toEqual([2, 'theirs']);
    expect(await one.facts(['n'])).toEqual({ n: { version: 2, value: 'ours' } });
    for (const store of [one, two]) await store.close();
  });

  it('that always finds another before it gives up after a while', async () => {
    const url = await server.url('always');
    const [one, two] = [await openStore(url, folding), await openStore(url, folding)];
    const never = one.transaction(async tx => {
      await tx.facts(['n']);
      await two.transaction(other => other.setFact('n', 1));
      await tx.setFact('n', 2);
    });
    await expect(never).rejects.toMatchObject({ code: 'state-contended', retry: 'later' });
    for (const store of [one, two]) await store.close();
  });
});

/** A way to the server that breaks right after a message with this word went through, when it is on. */
async function muteAt(word: string) {
  const ends = new Set<Socket>();
  const state = { on: false, port: 0, close: async () => {} };
  const listener = createServer(client => {
    const behind = createConnection({ port: server.port, host: '127.0.0.1' });
    for (const end of [client, behind]) ends.add(end.on('error', () => undefined));
    let muted = false;
    client.on('data', chunk => {
      if (state.on && chunk.includes(word)) muted = true;
      behind.write(chunk);
    });
    behind.on('data', chunk => (muted ? client.destroy() : client.write(chunk)));
    client.on('close', () => behind.destroy());
    behind.on('close', () => client.destroy());
  });
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  const bound = listener.address();
  state.port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  state.close = async () => {
    for (const end of ends) end.destroy();
    await new Promise(resolve => listener.close(resolve));
  };
  return state;
}
