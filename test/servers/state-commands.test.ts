/** The commands about a state, as a person types them, on PostgreSQL and on the way from it to SQLite. No password is ever shown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { DAEMON_YAML, makeHome } from '../e2e/home.ts';
import { git } from '../real-git.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

const PASSWORD = 'p@ss/word#1';
const POLICY = `kind: Connection
name: warehouse
spec:
  connector: duckdb
  access: read
`;

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
  const hba = join(server.folder, 'pg_hba.conf');
  writeFileSync(hba, `host all team 127.0.0.1/32 scram-sha-256\n${readFileSync(hba, 'utf8')}`);
  await server.sql(`CREATE ROLE team LOGIN PASSWORD '${PASSWORD}'; SELECT pg_reload_conf()`);
  await server.sql('CREATE DATABASE fleet OWNER team');
});
afterAll(() => server.remove());

it('backup, restore, prune and verify work from one database to the other', async () => {
  const yaml = (state: string) =>
    `${DAEMON_YAML.replace('state: state', `state: "${state}"`)}anchors: { ref: refs/flyball/anchors }\nretention: { ledger: 1d }\n`;
  const shared = `postgres://team:\${env:FLYBALL_PG_PASSWORD}@127.0.0.1:${server.port}/fleet`;
  const home = await makeHome({ 'warehouse.yaml': POLICY }, yaml(shared), { FLYBALL_PG_PASSWORD: PASSWORD });
  onTestFinished(() => home.end());
  let said = '';
  const flyball = async (...args: readonly string[]) => {
    const ran = await home.flyball(...args);
    said += ran.stdout + ran.stderr;
    return ran;
  };

  const daemon = await home.daemon();
  expect(await flyball('pause', '--reason', 'storm')).toMatchObject({ code: 0 });
  const file = join(home.dir, 'backup.db');
  const online = await flyball('backup', file);
  expect(online).toMatchObject({ code: 0, stdout: expect.stringMatching(/its ledger is whole/) });
  expect(await flyball('backup', file)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/such a file already/),
  });
  expect(await flyball('restore', file)).toMatchObject({ code: 1 });
  expect(await daemon.end('SIGTERM')).toBe(0);
  said += daemon.log();
  expect(git(home.repository, 'show', 'refs/flyball/anchors:heads')).toMatch(/^\d+ [0-9a-f]{64} fleet/m);
  expect(await flyball('restore', file)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/not empty/),
  });
  expect(await flyball('ledger', 'verify')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^whole/),
  });
  const last = join(home.dir, 'last.db');
  expect(await flyball('backup', last)).toMatchObject({ code: 0 });

  home.write('daemon.yaml', yaml('state'));
  expect(await flyball('restore', last)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/rows restored/),
  });
  expect(await flyball('ledger', 'verify')).toMatchObject({ code: 0 });
  const status = await home.json<{ paused: readonly string[] }>('status');
  expect(status.paused.join()).toMatch(/storm/);
  expect(await flyball('ledger', 'prune')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/0 entries/),
  });
  const log = await home.json<{ entries: readonly { kind: string; text: string }[] }>('log', 'fleet');
  expect(log.entries.map(entry => entry.text).join('\n')).toMatch(/allowed restore/);

  // Its older backup lacks what the ref remembers.
  home.write('daemon.yaml', yaml('older'));
  expect(await flyball('restore', file)).toMatchObject({ code: 0 });
  const short = await flyball('ledger', 'verify');
  expect(short).toMatchObject({ code: 1, stdout: expect.stringMatching(/anchor outside of the state/) });

  home.write('daemon.yaml', yaml(shared));
  await server.stop();
  const gone = await flyball('status');
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/PostgreSQL does not answer there/) });
  expect(gone.stderr).toContain(`postgres://team@127.0.0.1:${server.port}/fleet`);
  await server.start();
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(said).not.toContain(secret);
});
