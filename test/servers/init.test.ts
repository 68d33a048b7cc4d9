/** `init --prometheus` against real servers: what it writes is sound, is tested, and gives data right now. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENV, ranToEnd } from '../e2e/home.ts';
import { until } from '../e2e/until.ts';
import { temporaryFolder } from './processes.ts';
import { type Gateway, type Prometheus, startPrometheus, startPushgateway } from './prometheus-server.ts';

const folder = temporaryFolder();
let gateway: Gateway;
let busy: Prometheus;
let empty: Prometheus;
const env = { ...ENV, PATH: process.env.PATH ?? '', HOME: folder.path };
const flyball = (...args: string[]) => ranToEnd(args, { cwd: folder.path, env });
const inside = (name: string, ...args: string[]) => ranToEnd(args, { cwd: join(folder.path, name), env });

beforeAll(async () => {
  gateway = await startPushgateway();
  for (const name of ['busy-store', 'empty-store']) mkdirSync(join(folder.path, name));
  busy = await startPrometheus({ folder: join(folder.path, 'busy-store'), gateway: gateway.url });
  empty = await startPrometheus({ folder: join(folder.path, 'empty-store') });
  let n = 0;
  await until('there is traffic', async () => {
    n += 100;
    await gateway.push(
      'web',
      `# TYPE http_requests_total counter
http_requests_total{status="200"} ${n}
http_requests_total{status="404"} ${n / 10}
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1"} ${n / 2}
http_request_duration_seconds_bucket{le="0.5"} ${n}
http_request_duration_seconds_bucket{le="+Inf"} ${n}
http_request_duration_seconds_sum ${n / 5}
http_request_duration_seconds_count ${n}
`,
    );
    const query = 'sum(increase(http_request_duration_seconds_count[5m])) > 500';
    const answer = await fetch(`${busy.url}/api/v1/query?${new URLSearchParams({ query })}`);
    const body = (await answer.json()) as { data: { result: unknown[] } };
    return body.data.result.length > 0 || undefined;
  });
});

afterAll(async () => {
  await Promise.all([gateway?.stop(), busy?.stop(), empty?.stop()]);
  folder.remove();
});

test('a busy server: three policies with their tests, which all give data now', async () => {
  const made = await flyball('init', 'busy', '--prometheus', `${busy.url}/`);
  expect(made.stderr).toBe('');
  expect(made.stdout).toContain('error-burn: error budget burn of http_requests_total, by status');
  expect(readdirSync(join(folder.path, 'busy/policies')).sort()).toEqual([
    'error-burn.yaml',
    'latency-p99.yaml',
    'targets-down.yaml',
  ]);
  const validated = await inside('busy', 'validate');
  expect([validated.code, validated.stdout]).toEqual([0, expect.stringContaining('valid')]);
  expect(validated.stdout).not.toMatch(/^(warning|error) /m);
  const tested = await inside('busy', 'test');
  expect([tested.code, tested.stdout]).toEqual([0, expect.stringContaining('3 passed')]);
  expect((await inside('busy', 'doctor')).code).toBe(0);
  const plan = await inside('busy', 'plan', '--json');
  const { rules } = JSON.parse(plan.stdout) as {
    rules: { policy: string; answer: string; values: string }[];
  };
  expect(rules.map(one => [one.policy, one.answer, one.values])).toEqual([
    ['error-burn', 'ok', 'long 0, short 0'],
    ['latency-p99', 'ok', expect.stringMatching(/^p99 \d/)],
    ['targets-down', 'ok', 'down 0'],
  ]);
  expect(readFileSync(join(folder.path, 'busy/policies/latency-p99.yaml'), 'utf8')).toContain('p99 > 1000ms');
});

test('a server that has nothing: one policy that works', async () => {
  expect((await flyball('init', 'empty', '--prometheus', empty.url)).code).toBe(0);
  expect(readdirSync(join(folder.path, 'empty/policies'))).toEqual(['prometheus-answers.yaml']);
  expect((await inside('empty', 'test')).stdout).toContain('1 passed');
  expect((await inside('empty', 'plan')).stdout).toContain('answer 42');
});

test.each([
  ['http://127.0.0.1:9', 'refuses connections (ECONNREFUSED)'],
  ['ftp://127.0.0.1', 'that is no address'],
  ['http://me:secret-horse@127.0.0.1:9', 'the address holds credentials'],
  ['not an address', 'that is no address'],
])('%s is refused, and nothing is written', async (address, message) => {
  const made = await flyball('init', 'refused', '--prometheus', address);
  expect(made.code).toBe(1);
  expect(made.stderr).toContain(message);
  expect(made.stderr).not.toContain('secret-horse');
  expect(readdirSync(folder.path)).not.toContain('refused');
});

test('a server that is no Prometheus is refused with advice', async () => {
  const made = await flyball('init', 'refused', '--prometheus', gateway.url);
  expect(made.code).toBe(1);
  expect(made.stderr).toContain('is no Prometheus');
  expect(made.stderr).toContain('Nothing was written.');
});
