/** Drafts of agents, and commits with other Connections, against real servers and files: what is asked of whom, and why not. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { commands, grantAll, type Ports, perform } from '../../src/commands/index.ts';
import type { Principal } from '../../src/model.ts';
import { open } from '../../src/wiring.ts';
import { CONNECTIONS, furnish, modelWith, POLICIES, SETTINGS, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { until } from './until.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Prometheus {
  readonly host: string;
  /** What was asked, with the secret that came along. */
  readonly asked: { readonly query: string; readonly auth: string | undefined }[];
}

/** Answers every query with 1, and remembers it. */
async function prometheus(): Promise<Prometheus> {
  const asked: { query: string; auth: string | undefined }[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const query = new URLSearchParams(body || new URL(request.url ?? '', 'http://x').search).get('query');
      asked.push({ query: query ?? '', auth: request.headers.authorization });
      const result = [{ metric: {}, value: [Date.now() / 1000, '1'] }];
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise(resolve => server.close(resolve)));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const connection = (host: string, more = '') => `---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: prom }
spec:
  connector: prometheus
  url: http://${host}
  auth: { bearer: "\${env:FLYBALL_PROM}" }
  queries: { load: 'sum(load{model="\${target.name}"})' }
${more}`;

const alarm = (observe: string, when = 'level > 5', more = '') => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: alarm }
spec:
  target: { model: churn }
  every: 1m
  ${more}
  observe: { level: ${observe} }
  when: ${when}
  then: [ { notify: { text: high } } ]
`;
const IN_FORCE = `{ query: prom, promql: 'max(level{model="\${target.name}"})' }`;
const AGENT: Principal = { name: 'claude', kind: 'agent', door: 'mcp', authenticated: true };
const PERSON: Principal = { name: 'ana', door: 'cli', authenticated: true };

async function homeWith(more = ''): Promise<{ at: Home; ports: Ports; server: Prometheus }> {
  const server = await prometheus();
  const at = await makeHome({
    'flyball.yaml': SETTINGS,
    'connections.yaml': CONNECTIONS + connection(server.host, more),
    'datasets.yaml': POLICIES['datasets.yaml'] ?? '',
    'model.yaml': modelWith(),
    'policies/alarm.yaml': alarm(IN_FORCE),
  });
  ends.push(() => at.end());
  await furnish(at);
  await setLevels(at, { north: 50 });
  return { at, server, ports: await portsOf(at, server, AGENT) };
}

async function portsOf(
  { dir, state, repository }: Home,
  { host }: Prometheus,
  principal: Principal,
): Promise<Ports> {
  const opened = await open(
    {
      ...{ home: dir, state, repository, branch: 'main', env: 'test', trust: 'local-user' },
      secrets: { FLYBALL_PROM: [host] },
    },
    {
      principal,
      grants: grantAll('admin'),
      environment: name => (name === 'FLYBALL_PROM' ? 'the-secret' : undefined),
      log: { info: () => {}, warn: () => {}, error: () => {} },
    },
  );
  ends.push(() => opened.close());
  return opened.ports;
}

const command = (name: string) => commands.find(one => one.name === name)!;
const plan = (ports: Ports, text: string, path = 'policies/alarm.yaml') =>
  perform(command('plan'), ports, { files: [{ path, text }] }) as Promise<{
    readonly rules: readonly { readonly policy: string; readonly values: string; readonly answer: string }[];
    readonly changes: readonly { readonly text: string }[];
    readonly policies: readonly { readonly policy: string; readonly change: string }[];
  }>;

describe('a draft', () => {
  test('asks a server what is in force, also with another threshold and for another value between the same quotes', async () => {
    const { ports, server } = await homeWith();
    const planned = await plan(ports, alarm(IN_FORCE, 'level > 0.5'));
    expect(planned.rules).toMatchObject([{ policy: 'alarm', answer: 'breach', values: 'level 1' }]);
    expect(planned.policies).toMatchObject([{ policy: 'alarm', change: 'changed' }]);
    const params = 'params: { who: { default: other } }';
    const other = alarm(
      `{ query: prom, promql: 'max(level{model="\${params.who}"})' }`,
      'level > 0.5',
      params,
    );
    expect((await plan(ports, other)).rules[0]?.answer).toBe('breach');
    expect(server.asked.map(({ query }) => query)).toEqual([
      'max(level{model="churn"})',
      'max(level{model="other"})',
    ]);
  });

  test.each([
    ['a text of its own', `{ query: prom, promql: 'max(level)' }`],
    [
      'one that contains what is in force',
      `{ query: prom, promql: 'max(level{model="churn"}) or vector(1)' }`,
    ],
    ['one that leaves the quotes', `{ query: prom, promql: 'max(level{model="x",job=~".*"})' }`],
    ['a count beside it', IN_FORCE.replace(' }', `, rows: 'count(level)' }`)],
  ])('asks nobody %s, and says why', async (_, observe) => {
    const { ports, server } = await homeWith();
    const planned = await plan(ports, alarm(observe));
    expect(planned.rules).toMatchObject([{ answer: 'unknown' }]);
    const { world } = ports;
    expect(server.asked.filter(({ query }) => query !== 'max(level{model="churn"})')).toEqual([]);
    expect(await world.store.targets()).toEqual([]);
  });

  test('asks entries of the Connection, and anything where that says adhoc', async () => {
    const { ports, server } = await homeWith();
    expect((await plan(ports, alarm('{ query: prom, entry: load }', 'level > 0.5'))).rules[0]?.answer).toBe(
      'breach',
    );
    expect(server.asked).toEqual([{ query: 'sum(load{model="churn"})', auth: 'Bearer the-secret' }]);
    await expect(plan(ports, alarm('{ query: prom, entry: laod }'))).resolves.toMatchObject({
      diagnostics: [
        expect.stringMatching(/connection prom has no query laod; expected load.*Did you mean load/),
      ],
    });
    const free = await homeWith('  adhoc: true\n');
    await plan(free.ports, alarm(`{ query: prom, promql: 'max(anything)' }`));
    expect(free.server.asked.map(({ query }) => query)).toEqual(['max(anything)']);
  });

  test.each([
    ['reads outside of its folder', `SELECT count(*) AS value FROM read_csv('/etc/passwd')`],
    ['reads outside by a relative path', `SELECT count(*) AS value FROM '../secret.csv'`],
    ['reads text beside the data', `SELECT count(*) AS value FROM read_text('../*')`],
    ['reads the environment', `SELECT length(getenv('FLYBALL_PROM')) AS value`],
    ['writes', `COPY (SELECT 1) TO 'written.csv'`],
    ['attaches', `ATTACH 'written.db'`],
    ['is two statements', `SELECT 1 AS value; COPY (SELECT 1) TO 'written.csv'`],
    ['changes settings', `SET enable_external_access = true`],
    ['installs', `INSTALL httpfs`],
  ])('whose SQL %s: nothing is had of it', async (_, sql) => {
    const { at, ports } = await homeWith();
    writeFileSync(join(at.dir, 'secret.csv'), 'x\n1\n');
    const planned = await plan(ports, alarm(`{ query: warehouse, sql: ${JSON.stringify(sql)} }`));
    expect(planned.rules).toMatchObject([{ answer: 'unknown' }]);
    for (const name of ['written.csv', 'written.db'])
      for (const folder of [at.dir, join(at.dir, 'data'), process.cwd()])
        expect(existsSync(join(folder, name))).toBe(false);
  });

  test('asks the embedded engine what it likes within its folder', async () => {
    const { ports } = await homeWith();
    const sql = `SELECT max(value) AS value FROM files('levels.parquet')`;
    const planned = await plan(ports, alarm(`{ query: warehouse, sql: "${sql}" }`));
    expect(planned.rules).toMatchObject([{ answer: 'breach', values: 'level 50' }]);
  });

  test('brings no Connection and no Settings, takes none away, and a person may still validate theirs', async () => {
    const { at, ports, server } = await homeWith();
    const evil = await prometheus();
    const theirs = [
      { path: 'policies/alarm.yaml', text: alarm(IN_FORCE) + connection(evil.host) },
      { path: 'connections.yaml', text: CONNECTIONS + connection(evil.host) },
      { path: 'Connections.yaml', text: alarm(IN_FORCE) },
      { path: 'flyball.yaml', text: SETTINGS.replace('enforce', 'observe') },
      { path: 'flyball.yaml', text: alarm(IN_FORCE).replace('alarm', 'other') },
    ];
    const person = await portsOf(at, server, PERSON);
    for (const file of theirs) {
      const why = /comes? from the base commit in every check/;
      await expect(plan(ports, file.text, file.path), file.path).rejects.toThrow(why);
      await expect(plan(person, file.text, file.path), file.path).rejects.toThrow(why);
      await expect(perform(command('validate'), ports, { files: [file] })).rejects.toThrow(why);
      await expect(perform(command('backtest'), ports, { policy: 'alarm', files: [file] })).rejects.toThrow(
        why,
      );
    }
    expect(await perform(command('validate'), person, { files: [theirs[1]] })).toMatchObject({ ok: true });
    expect([...server.asked, ...evil.asked]).toEqual([]);
  });

  test('a backtest of a draft that asks otherwise has no record of it', async () => {
    const { ports, server } = await homeWith();
    const draft = alarm(`{ query: prom, promql: 'max(level)' }`);
    const files = [{ path: 'policies/alarm.yaml', text: draft }];
    const done = await perform(command('backtest'), ports, {
      policy: 'alarm',
      files,
      from: '1h',
      source: 'sources',
    });
    expect(JSON.stringify(done)).toMatch(/nobody has read this query of a draft yet/);
    await expect(
      perform(command('backtest'), ports, { policy: 'alarm', files, from: '1h', source: 'recorded' }),
    ).rejects.toThrow(/nothing was recorded/);
    expect(server.asked).toEqual([]);
  });
});

test('a commit whose Connection points a secret to another host sends nothing there, and says why', async () => {
  const { at, server } = await homeWith();
  const evil = await prometheus();
  const settings = readFileSync(join(at.dir, 'daemon.yaml'), 'utf8');
  writeFileSync(join(at.dir, 'daemon.yaml'), `${settings}secrets: { FLYBALL_PROM: ["${server.host}"] }\n`);
  at.commit({ 'connections.yaml': CONNECTIONS + connection(evil.host) });
  const merged = await portsOf(at, server, PERSON);
  const planned = await perform(command('plan'), merged, {});
  expect(planned.rules).toMatchObject([{ policy: 'alarm', answer: 'unknown' }]);
  expect(evil.asked).toEqual([]);
  // And through the whole program.
  const daemon = await at.daemonWith({ FLYBALL_PROM: 'the-secret' });
  const why = await until('it was looked at', async () => {
    const { stdout } = await at.flyball('explain', 'alarm');
    return /FLYBALL_PROM.*127\.0\.0\.1/.exec(stdout)?.[0];
  });
  expect(why).not.toContain('the-secret');
  expect(await daemon.end('SIGTERM')).toBe(0);
  expect(evil.asked).toEqual([]);
  expect(daemon.log()).not.toContain('the-secret');
});
