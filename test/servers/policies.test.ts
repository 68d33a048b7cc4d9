/** Policies over a real Prometheus: a server that is gone acts on nothing; an error budget that burns rolls a model back. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CONNECTIONS, DATASETS, furnish, modelWith, SETTINGS } from '../e2e/churn.ts';
import { type Home, makeHome } from '../e2e/home.ts';
import { actionsOf, entriesOf, messagesOf } from '../e2e/ledger.ts';
import { until } from '../e2e/until.ts';
import { temporaryFolder } from './processes.ts';
import {
  type Gateway,
  type Prometheus,
  startPrometheus,
  startPushgateway,
  untilKnown,
} from './prometheus-server.ts';

const folder = temporaryFolder();
let gateway: Gateway;
let server: Prometheus;
let home: Home | undefined;

beforeAll(async () => {
  gateway = await startPushgateway();
  mkdirSync(join(folder.path, 'prometheus'));
  server = await begin();
});
afterEach(async () => {
  await home?.end();
  home = undefined;
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), server?.stop()]);
  folder.remove();
});

/** The same server, on the same port and with what it knew. */
function begin(port?: number): Promise<Prometheus> {
  return startPrometheus({
    folder: join(folder.path, 'prometheus'),
    gateway: gateway.url,
    ...(port === undefined ? {} : { port }),
  });
}

const metrics = (url: string) => `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec: { connector: prometheus, url: "${url}", limits: { timeout: 5s, concurrency: 4 } }
`;

interface Plan {
  readonly rules: readonly { policy: string; answer: string; values: string }[];
}

test('P9: a server that is gone is unknown and acts on nothing; back again, it is known', async () => {
  const alarm = (name: string, when: string) => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: ${name} }
spec:
  mode: enforce
  target: { connection: metrics }
  every: 1s
  observe:
    lag: { query: metrics, promql: 'max(queue_lag)' }
    failing: { query: metrics, promql: 'sum(failing_jobs) or vector(0)' }
  when: '${when}'
  then: [ { notify: { text: ${name} } } ]
`;
  home = await makeHome({
    'flyball.yaml': SETTINGS,
    'metrics.yaml': metrics(server.url),
    'high.yaml': alarm('high', 'lag > 5'),
    'low.yaml': alarm('low', 'not (lag > 5) or failing < 1'),
  });
  await gateway.push('queue', 'queue_lag 9\nfailing_jobs 2\n');
  await untilKnown(server.url, 'queue_lag == 9');
  await server.stop();

  const blind = await home.json<Plan>('plan');
  expect(blind.rules.map(one => [one.policy, one.answer])).toEqual([
    ['high', 'unknown'],
    ['low', 'unknown'],
  ]);
  for (let i = 0; i < 2; i++) expect((await home.flyball('reconcile')).code).toBe(0);
  expect(messagesOf(home.state).filter(one => /high|low/.test(one.text))).toEqual([]);
  expect(entriesOf(home.state, 'episode-opened')).toEqual([]);
  const [entry] = entriesOf(home.state, 'transition');
  expect(JSON.stringify(entry?.body.verdict?.operands)).toContain('connection metrics: http://127.0.0.1:');

  server = await begin(server.port);
  await untilKnown(server.url, 'queue_lag == 9');
  const { state } = home;
  await until('the alarm is told', async () => {
    await home?.flyball('reconcile');
    return entriesOf(state, 'episode-opened').length > 0 || undefined;
  });
  expect(entriesOf(state, 'episode-opened').map(one => one.body.cause.policy)).toEqual(['high']);
});

const burn = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: error-burn }
spec:
  description: The error budget burns over a long and over a short window, so it matters and still goes on.
  mode: enforce
  target: { model: churn }
  params: { budget: { default: 10%, min: 1%, max: 50% } }
  every: 1s
  observe:
    long:
      query: metrics
      unit: ratio
      window: 20s
      promql: 'sum(rate(http_requests_total{model="\${target.name}",code=~"5.."}[20s])) / sum(rate(http_requests_total{model="\${target.name}"}[20s]))'
      rows: 'sum(increase(http_requests_total{model="\${target.name}"}[20s]))'
      minSamples: 20
    short:
      query: metrics
      unit: ratio
      window: 4s
      promql: 'sum(rate(http_requests_total{model="\${target.name}",code=~"5.."}[4s])) / sum(rate(http_requests_total{model="\${target.name}"}[4s]))'
  when: long > params.budget and short > params.budget
  keepFor: 1h
  then:
    - rollback: {}
  verify: { that: short < 1%, within: 1h }
`;

test('an error budget that burns over two windows rolls back to the verified version, and that is verified', async () => {
  const at = await makeHome({
    'flyball.yaml': SETTINGS,
    'connections.yaml': CONNECTIONS,
    'metrics.yaml': metrics(server.url),
    'datasets.yaml': DATASETS,
    'model.yaml': modelWith('rollback: { timeout: 10m }'),
    'burn.yaml': burn,
  });
  home = at;
  await furnish(at);
  at.write('world/registry/churn/v2/card.json', '{"version":"v2"}');
  const serves = () => {
    const { weights } = JSON.parse(readFileSync(join(at.dir, 'world/serving/churn/weights.json'), 'utf8'));
    return Object.keys(weights).join();
  };
  // The system that is governed: v2 answers half of its requests with an error.
  const counts = { good: 0, bad: 0 };
  const traffic = () => {
    counts.good += 50;
    counts.bad += serves() === 'v2' ? 50 : 0;
    return gateway.push(
      'web',
      `# TYPE http_requests_total counter
http_requests_total{model="churn",code="200"} ${counts.good}
http_requests_total{model="churn",code="503"} ${counts.bad}
`,
    );
  };
  const daemon = await at.daemon();
  await until('v1 is known as sound, and there is traffic', async () => {
    await traffic();
    if (!entriesOf(at.state, 'verified').some(one => one.body.version === 'v1')) return undefined;
    const { rules } = await at.json<Plan>('plan');
    return rules[0]?.answer === 'ok' || undefined;
  });
  expect(actionsOf(at.state)).toEqual([]);

  at.write('world/registry/churn/champion.json', '{"version":"v2"}');
  at.write('world/serving/churn/weights.json', '{"weights":{"v2":1}}');
  await until(
    'the episode is verified',
    async () => {
      await traffic();
      return entriesOf(at.state, 'episode-ended').length > 0 || undefined;
    },
    () =>
      entriesOf(at.state)
        .map(one => one.body)
        .slice(-5),
  );
  expect(serves()).toBe('v1');
  expect(readFileSync(join(at.dir, 'world/registry/churn/champion.json'), 'utf8')).toContain('"v1"');
  expect(actionsOf(at.state).map(one => [one.verb, one.state])).toEqual([
    ['rollback', 'succeeded'],
    ['rollback', 'succeeded'],
  ]);
  expect(entriesOf(at.state, 'episode-ended').map(one => one.body.how)).toEqual(['verified']);
  const [opened] = entriesOf(at.state, 'episode-opened');
  const operands = opened?.body.verdict.operands.map(one => one.name);
  expect(operands).toEqual(expect.arrayContaining(['long', 'short']));
  expect(await daemon.end('SIGTERM')).toBe(0);
  expect((await at.flyball('ledger', 'verify')).code).toBe(0);
});
