/** `flyball lint --live` as a person runs it, on real files and a real Prometheus. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES, setLevels } from '../e2e/churn.ts';
import { type Home, makeHome } from '../e2e/home.ts';
import { history, startPrometheus } from './prometheus-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function homeWith(): Promise<Home> {
  const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
  const home = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('10') });
  ends.push(() => home.end());
  await furnish(home);
  await setLevels(home, { north: 3 });
  return home;
}

interface Found {
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  readonly live?: readonly Readonly<Record<string, unknown>>[];
}

test('P10: a metric that was renamed is found, and what gives data is counted by label set', async () => {
  const folder = await homeWith();
  const now = Date.now();
  mkdirSync(join(folder.dir, 'prometheus'));
  const server = await startPrometheus({
    folder: join(folder.dir, 'prometheus'),
    history: history(
      { 'load{node="n1"}': [1, 2, 3, 4], 'load{node="n2"}': [1, 1, 1, 1] },
      now - 240_000,
      60_000,
    ),
  });
  ends.push(() => server.stop());
  folder.write(
    'policies/policies/metrics.yaml',
    `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec: { connector: prometheus, url: "${server.url}" }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: load }
spec:
  target: { connection: metrics }
  every: 1m
  observe:
    load: { query: metrics, promql: load, vector: true, labels: [node] }
    errors: { query: metrics, promql: 'sum(rate(renamed_total[5m]))' }
  when: max(load) > 5 or errors > 5
  then: [ { notify: { text: Look. } } ]
`,
  );
  const found = await folder.json<Found>('lint', '--live');
  expect(found).toMatchObject({ errors: 0 });
  expect(found.findings.map(({ rule, line, message }) => `${rule} ${line}: ${message}`)).toEqual([
    expect.stringMatching(/^live-data 14: errors of connection\/metrics gave no data \(absent: /),
    expect.stringMatching(/^live-data 14: renamed_total matches no series of metrics/),
  ]);
  expect(found.live).toEqual(
    expect.arrayContaining([
      { policy: 'alarm', target: 'dataset/levels', observation: 'level', labelSets: 1, known: 1 },
      { policy: 'load', target: 'connection/metrics', observation: 'load', labelSets: 2, known: 2 },
      {
        policy: 'load',
        target: 'connection/metrics',
        observation: 'errors',
        labelSets: 1,
        known: 0,
        unknown: 'absent',
      },
    ]),
  );
  const { stdout } = await folder.flyball('lint', '--live');
  expect(stdout).toContain('load on connection/metrics: load 2 label sets\n');
});
