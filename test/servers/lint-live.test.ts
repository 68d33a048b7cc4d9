/** The live half of `lint` on real servers and files: silent selectors, missing data and targets, and how many label sets match. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { liveFindings, lookLive } from '../../src/commands/lint-live.ts';
import { compile, formatDiagnostic } from '../../src/dsl/index.ts';
import { catalogue, type Opened, open } from '../../src/wiring.ts';
import { CONNECTIONS, modelWith, SETTINGS } from '../e2e/churn.ts';
import { temporaryFolder } from './processes.ts';
import { history, type Prometheus, startPrometheus } from './prometheus-server.ts';

const folder = temporaryFolder();
let server: Prometheus;
let opened: Opened;
/** The tick's time: the history of the server ends there. */
const NOW = Date.UTC(2001, 0, 2);

beforeAll(async () => {
  for (const name of ['store', 'state', 'data']) mkdirSync(join(folder.path, name));
  const minutes = Array.from({ length: 11 }, (_, i) => i);
  const old = history({ renamed_total: [1, 2, 3] }, NOW - 86_400_000, 60_000).replace('# EOF\n', '');
  const many = Object.fromEntries(minutes.map(i => [`load{node="n${i}"}`, minutes]));
  server = await startPrometheus({
    folder: join(folder.path, 'store'),
    history: old + history({ ...many, 'requests_total{code="200"}': minutes }, NOW - 600_000, 60_000),
  });
  opened = await open(
    {
      home: folder.path,
      state: join(folder.path, 'state'),
      repository: folder.path,
      branch: 'main',
      env: 'test',
      trust: 'local-user',
    },
    {
      principal: { name: 'ana', door: 'cli', authenticated: false },
      grants: [{ role: 'admin' }],
      clock: () => NOW,
    },
  );
});

afterAll(async () => {
  await Promise.all([server?.stop(), opened?.close()]);
  folder.remove();
});

function compiled(observe: string, when: string, target = '{ connection: metrics }') {
  const text = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: watched }
spec:
  target: ${target}
  every: 1m
  observe:
${observe}
  when: ${when}
  then: [ { notify: { text: Look. } } ]
`;
  const metrics = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec: { connector: prometheus, url: "${server.url}" }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: gone }
spec: { connector: prometheus, url: "http://127.0.0.1:9" }
`;
  const dataset = `apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: levels }
spec: { connection: warehouse, path: levels.parquet, columns: { place: { type: string } } }
`;
  const files = {
    'flyball.yaml': SETTINGS,
    'c.yaml': CONNECTIONS,
    'm.yaml': metrics,
    'd.yaml': dataset,
    'model.yaml': modelWith(),
    'p.yaml': text,
  };
  const found = compile({
    files: Object.entries(files).map(([path, content]) => ({ path, text: content })),
    commit: { sha: '0', author: { name: 'a', email: 'a@b.c' }, time: 0, subject: '' },
    env: 'test',
    catalogue,
  });
  expect(found.diagnostics.filter(one => one.severity === 'error').map(formatDiagnostic)).toEqual([]);
  return found;
}

const messages = async (observe: string, when: string, target?: string) =>
  (await liveFindings(opened.ports, compiled(observe, when, target))).map(
    one => `${one.severity} ${formatDiagnostic(one).replace(': warning:', ':')}`,
  );

test('what gives data has no finding, and its label sets are counted', async () => {
  const observe = `    load: { query: metrics, promql: load, vector: true, labels: [node] }
    rate: { query: metrics, promql: 'sum(rate(requests_total{code=~"2.."}[5m]))' }`;
  const live = await lookLive(opened.ports, compiled(observe, 'max(load) > 5 and rate > 1'));
  expect(live.diagnostics).toEqual([]);
  expect(live.seen.map(one => [one.observation, one.labelSets, one.known])).toEqual([
    ['load', 11, 11],
    ['rate', 1, 1],
  ]);
});

test('P10: a metric that was renamed, also where the query hides it', async () => {
  const observe = `    errors: { query: metrics, promql: 'sum(rate(renamed_total[5m])) or vector(0)' }
    never: { query: metrics, promql: 'sum(no_such_total{code="500"})' }`;
  expect(await messages(observe, 'errors > 0 or never > 0')).toEqual([
    'warning p.yaml:8:39: renamed_total matches no series of metrics now, but did within 7d; expected at least one. Was the metric renamed?',
    'warning p.yaml:9:38: never of connection/metrics gave no data (absent: the query gave no series); expected a value now. As long as it is unknown, its rule neither acts nor clears.',
    'warning p.yaml:9:38: no_such_total{code="500"} matches no series of metrics and did not within 7d; expected at least one. Was the metric renamed?',
  ]);
});

test('P14: queries that cannot be carried out, servers and targets that are not there, are errors', async () => {
  expect(await messages(`    wrong: { query: metrics, promql: 'rate(load)' }`, 'wrong > 0')).toEqual([
    expect.stringMatching(
      /^error p.yaml:8:38: wrong of connection\/metrics gave no data \(undefined: connection metrics: PromQL: 1:6: parse error/,
    ),
  ]);
  expect(await messages(`    up: { query: gone, promql: up }`, 'up < 1')).toEqual([
    expect.stringMatching(
      /^error p.yaml:8:32: up of connection\/metrics gave no data \(unreachable: .*ECONNREFUSED/,
    ),
  ]);
  expect(await messages('    n: { rows: levels }', 'n < 1')).toEqual([
    expect.stringMatching(
      /^error p.yaml:8:5: n of connection\/metrics gave no data \(unreachable: .*No files found/,
    ),
  ]);
  expect(
    await messages(`    load: { query: metrics, promql: 'max(load)' }`, 'load > 1', '{ model: churn }'),
  ).toEqual([expect.stringMatching(/^error p.yaml:5:11: what serves model\/churn cannot be read/)]);
});

test('too few rows and several series where one is expected are warnings', async () => {
  writeFileSync(join(folder.path, 'data', 'few.csv'), 'a\n1\n');
  const observe = `    few: { query: warehouse, minSamples: 9, sql: "SELECT 1 AS value, 3 AS rows" }
    several: { query: metrics, promql: load }`;
  expect(await messages(observe, 'few > 1 or several > 1')).toEqual([
    expect.stringMatching(/^warning p.yaml:8:50: few of .* \(too-few: 3 rows behind the value/),
    expect.stringMatching(/^warning p.yaml:9:40: several of .* \(undefined: the query gave 11 series/),
  ]);
});
