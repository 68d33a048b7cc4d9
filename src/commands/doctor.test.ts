/** `doctor` on real files, folders and programs: what is there, what is not, and what it writes. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONNECTIONS, furnish, POLICIES, writeParquet } from '../../test/e2e/churn.ts';
import { type Home, makeHome } from '../../test/e2e/home.ts';

interface Found {
  readonly findings: readonly { level: string; place: string; found: string; todo: string }[];
  readonly checked: Readonly<Record<string, number>>;
  readonly written: readonly string[];
  readonly patches: readonly string[];
}

let home: Home;
beforeEach(async () => {
  home = await makeHome(POLICIES);
  await furnish(home);
});
afterEach(() => home.end());

const write = (path: string, text: string) => home.write(`policies/${path}`, text);
const read = (path: string) => readFileSync(join(home.repository, path), 'utf8');
/** `level place: found; todo` a finding. */
async function found(...args: string[]): Promise<string[]> {
  const { findings } = await home.json<Found>('doctor', ...args);
  return findings.map(one => `${one.level} ${one.place}: ${one.found}; ${one.todo}`);
}

test('everything is there', async () => {
  const ran = await home.flyball('doctor');
  expect(ran.stdout).toBe('Looked at 2 connections, 1 dataset and 1 model: all of them are there.\n');
  expect(ran.code).toBe(0);
});

test('files, columns, types, programs, scripts, folders and champions that are not there', async () => {
  const dataset = (name: string, body: string) => `---
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: ${name} }
spec:
  connection: warehouse
${body}`;
  write(
    'datasets.yaml',
    [
      dataset(
        'levels',
        '  path: levels.parquet\n  columns:\n    place: { type: number }\n    worth: { type: number }\n',
      ),
      dataset('gone', '  path: gone.parquet\n  columns: { a: { type: string } }\n'),
      dataset('outside', '  table: nowhere\n  columns: { a: { type: string } }\n'),
    ]
      .join('')
      .slice(4),
  );
  write(
    'connections.yaml',
    CONNECTIONS.replace('[node, train.mjs], cwd: code', '[node, training.mjs], cwd: code').replace(
      '[node, evaluate.mjs], cwd: code',
      '[no-such-program, x], cwd: cod',
    ),
  );
  rmSync(join(home.dir, 'world/registry/churn/champion.json'));
  const ran = await home.flyball('doctor');
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain('3 datasets and 1 model: 7 broken.');
  const told = (await found()).map(line => line.replaceAll(home.dir, ''));
  expect(told).toEqual([
    'broken connections.yaml:14:12: connection local: command train: there is no file /code/training.mjs; write it, or correct argv',
    'broken connections.yaml:15:15: connection local: command evaluate: there is no folder /cod; make it, or correct cwd',
    'broken datasets.yaml:8:12: dataset levels: column place is VARCHAR, and its type says number; say type: string, or correct the data',
    'broken datasets.yaml:9:12: dataset levels: there is no column worth; there are place, value; correct its name, or remove it',
    expect.stringMatching(
      /^broken datasets.yaml:16:9: dataset gone: .*No files found .*; check the path of the Dataset/,
    ),
    expect.stringMatching(
      /^broken datasets.yaml:24:10: dataset outside: .*nowhere does not exist; check the table of the Dataset/,
    ),
    expect.stringMatching(
      /^broken model.yaml:8:12: model churn: what serves it cannot be read \(.*champion.json: not there.*\); check/,
    ),
  ]);
});

test('secrets by name only, and servers that do not answer', async () => {
  write(
    'metrics.yaml',
    `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec:
  connector: prometheus
  url: http://127.0.0.1:9
  auth: { user: flyball, password: "\${env:FLYBALL_METRICS}" }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: silent }
spec: { connector: prometheus, url: "http://127.0.0.1:9" }
`,
  );
  expect(await found()).toEqual([
    'broken metrics.yaml:7:9: connection metrics: the environment variable FLYBALL_METRICS is not set; set it where the daemon is started',
    'broken metrics.yaml:7:9: connection metrics: daemon.yaml does not say to which hosts FLYBALL_METRICS may be sent; add to it: secrets: { FLYBALL_METRICS: [127.0.0.1] }',
    'broken metrics.yaml:12:37: connection silent: http://127.0.0.1:9 refuses connections (ECONNREFUSED); check that the server runs and that the url of the connection is right',
  ]);
});

test('the newest row: old, of the future, none', async () => {
  const times = { old: "now() - INTERVAL '3 days'", ahead: "now() + INTERVAL '2 days'", fresh: 'now()' };
  for (const [name, time] of Object.entries(times))
    await writeParquet(home, `${name}.parquet`, `SELECT (${time})::TIMESTAMP AS at`);
  await writeParquet(home, 'none.parquet', 'SELECT now()::TIMESTAMP AS at WHERE false');
  const documents = ['old', 'ahead', 'fresh', 'none'].map(
    name => `apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: ${name} }
spec:
  connection: warehouse
  path: ${name}.parquet
  time: { column: at, zone: UTC, lateness: 1h }
  columns: { at: { type: timestamp } }
  expect: { maxAge: 1d }
`,
  );
  write('times.yaml', documents.join('---\n'));
  const told = await found();
  expect(told).toEqual([
    expect.stringMatching(
      /^broken times.yaml:9:21: dataset old: the newest row is of .+, 3d( \d+s)? ago; at most 1d is promised; look/,
    ),
    expect.stringMatching(
      /^warning times.yaml:17:9: dataset ahead: the newest row is of .+ ahead of the clock; check the zone/,
    ),
    'broken times.yaml:36:9: dataset none: it has no row; let its producer write it',
  ]);
});

test('--write fills in columns, and keeps every other byte', async () => {
  await writeParquet(
    home,
    'orders.parquet',
    'SELECT 1::BIGINT AS id, \'x\' AS "the place", 1.5 AS amount, true AS paid, now()::TIMESTAMP AS at, [1] AS odd',
  );
  const before = `# Orders, by hand.
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: orders }   # of the shop
spec:
  # They come hourly.
  connection:   warehouse
  columns:      # none yet
  path: orders.parquet   # one file
---
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: again }
spec:
    connection: warehouse
    path: orders.parquet`;
  write('orders.yaml', before);
  write(
    'braces.yaml',
    before
      .slice(0, before.indexOf('spec:'))
      .replace('orders', 'braces')
      .concat('spec: { connection: warehouse, path: orders.parquet }\n'),
  );
  const first = await home.json<Found>('doctor', '--write');
  expect(first.written).toEqual([
    'orders.yaml: 5 columns of dataset orders; say which are segments or sensitive',
    'orders.yaml: 5 columns of dataset again; say which are segments or sensitive',
  ]);
  expect(first.patches.join('\n')).toContain('put into spec of dataset braces:');
  expect(read('braces.yaml')).toContain('spec: { connection: warehouse, path: orders.parquet }');
  const columns = (indent: string) =>
    [
      'columns:',
      '  id: { type: integer }',
      '  "the place": { type: string }',
      '  amount: { type: number }',
      '  paid: { type: boolean }',
      '  at: { type: timestamp }',
    ]
      .map(line => `${indent}${line}\n`)
      .join('');
  expect(read('orders.yaml')).toBe(
    `${before.replace('  columns:      # none yet\n', columns('  '))}\n${columns('    ')}`,
  );
  rmSync(join(home.repository, 'braces.yaml'));
  expect(await found('--write')).toEqual([]);
});
