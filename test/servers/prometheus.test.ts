/** The prometheus connector and `query` with PromQL against a real Prometheus: what it gives, and what it never makes up. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialectFor } from '../../src/connectors/duckdb.ts';
import { metricNames } from '../../src/connectors/prometheus.ts';
import { queryPort } from '../../src/connectors/query-port.ts';
import { query } from '../../src/evaluators/query.ts';
import type { ConnectionSpec, JsonObject, Observation, ObservationRequest, Query } from '../../src/model.ts';
import { type Taken, take } from '../fixtures/stats/take.ts';
import { temporaryFolder } from './processes.ts';
import {
  type Gateway,
  history,
  type Prometheus,
  startPrometheus,
  startPushgateway,
  untilKnown,
} from './prometheus-server.ts';

/** The bcrypt hash of the password. */
const PASSWORD = 'right-horse';
const HASH = '$2b$04$abcdefghijklmnopqrstuua7n0ERCzyivLCt2Am9V7vuAO88cKJ2C';

const MINUTE = 60_000;
const T0 = Date.UTC(2001, 0, 1);
const QUOTED = 'x"} or vector(1)#';

const folder = temporaryFolder();
let gateway: Gateway;
let open: Prometheus;
let guarded: Prometheus;
const environment: Record<string, string | undefined> = {};
const port = queryPort({
  home: folder.path,
  secrets: {
    environment: name => environment[name],
    hosts: {
      FLYBALL_RIGHT: ['127.0.0.1'],
      FLYBALL_WRONG: ['127.0.0.1'],
      FLYBALL_ELSEWHERE: ['prometheus.example'],
    },
  },
});

beforeAll(async () => {
  gateway = await startPushgateway();
  const [first, second] = ['open', 'guarded'].map(name => join(folder.path, name));
  for (const path of [first!, second!]) mkdirSync(path);
  const series = {
    'latency_seconds{place="north"}': [0.1, 0.2, 0.3, 0.4, 0.5],
    'latency_seconds{place="south"}': [1, 1, 1, 1, 1],
    ratio: [0.5, 'NaN', '+Inf', '-Inf', 0.25],
    'requests_total{model="churn",code="200"}': [0, 60, 120, 180, 240],
    'requests_total{model="x\\"} or vector(1)#",code="200"}': [0, 600, 1200, 1800, 2400],
    'requests_total{model="v.1",code="200"}': [7, 7, 7, 7, 7],
    'requests_total{model="vx1",code="200"}': [8, 8, 8, 8, 8],
  };
  open = await startPrometheus({
    folder: first!,
    gateway: gateway.url,
    history: history(series, T0, MINUTE),
  });
  guarded = await startPrometheus({ folder: second!, users: { flyball: HASH } });
});

afterAll(async () => {
  await Promise.all([gateway?.stop(), open?.stop(), guarded?.stop(), port.close()]);
  folder.remove();
});

function connection(more: Partial<ConnectionSpec> = {}): ConnectionSpec {
  return {
    name: 'prometheus',
    connector: 'prometheus',
    access: 'read',
    commands: {},
    limits: { timeoutMs: 10_000 },
    url: open.url,
    ...more,
  };
}

const ask = (asked: Query, of = connection()) => port.query(of, asked);
const at = (minutes: number) => T0 + minutes * MINUTE;

/** Failure of a query: code and message. */
async function failure(asked: Query, of = connection()): Promise<readonly [string, string]> {
  const error = (await ask(asked, of).then(
    rows => {
      throw new Error(`it gave ${JSON.stringify(rows)}`);
    },
    (found: Error) => found,
  )) as Error & { code: string };
  return [error.code, error.message];
}

describe('instant queries', () => {
  test('a vector gives labels and values at the time that is asked, not now', async () => {
    expect(await ask({ promql: 'latency_seconds', at: at(2) })).toEqual([
      { labels: { place: 'north' }, value: 0.3, at: at(2) },
      { labels: { place: 'south' }, value: 1, at: at(2) },
    ]);
  });

  test('a scalar is one row', async () => {
    expect(await ask({ promql: 'scalar(latency_seconds{place="north"}) * 2', at: at(1) })).toEqual([
      { labels: {}, value: 0.4, at: at(1) },
    ]);
  });

  test('no series, and samples beyond the lookback of five minutes, are no row and never zero', async () => {
    expect(await ask({ promql: 'no_such_metric', at: at(2) })).toEqual([]);
    expect(await ask({ promql: 'ratio', at: at(4 + 4) })).toHaveLength(1);
    expect(await ask({ promql: 'ratio', at: at(4 + 6) })).toEqual([]);
    expect(await ask({ promql: 'ratio', at: at(-1) })).toEqual([]);
  });

  test('NaN and infinities stay the text that they are', async () => {
    const values = await Promise.all([1, 2, 3].map(m => ask({ promql: 'ratio', at: at(m) })));
    expect(values.map(([row]) => row?.value)).toEqual(['NaN', '+Inf', '-Inf']);
  });

  test('text is refused, with what to do', async () => {
    expect(await failure({ promql: '"hello"', at: at(1) })).toEqual([
      'bad-answer',
      'connection prometheus: the query gives text; expected a query that gives numbers.',
    ]);
  });

  test('a mistake comes back in the words of the server, with its position', async () => {
    const [code, message] = await failure({ promql: 'sum(ratio', at: at(1) });
    expect([code, message]).toEqual([
      'bad-query',
      expect.stringMatching(/^connection prometheus: PromQL: 1:10: parse error: .+; correct the query\.$/),
    ]);
    const [other, many] = await failure({
      promql: 'latency_seconds + on() requests_total',
      at: at(1),
    });
    expect(other).toBe('bad-query');
    expect(many).toContain('many-to-many matching not allowed');
  });
});

describe('range queries', () => {
  test('the rows of every step, without the end', async () => {
    const rows = await ask({
      promql: 'latency_seconds{place="north"}',
      range: { from: at(0), to: at(4) },
      stepMs: 2 * MINUTE,
    });
    expect(rows).toEqual([
      { labels: { place: 'north' }, value: 0.1, at: at(0) },
      { labels: { place: 'north' }, value: 0.3, at: at(2) },
    ]);
  });

  test('more steps than one request may have are asked in pieces', async () => {
    const rows = await ask({
      promql: 'vector(time())',
      range: { from: T0, to: T0 + 25_001_000 },
      stepMs: 1000,
    });
    expect(rows).toHaveLength(25_001);
    expect(new Set(rows.map(row => row.at)).size).toBe(25_001);
    expect(rows.at(-1)).toEqual({ labels: {}, value: T0 / 1000 + 25_000, at: T0 + 25_000_000 });
  });

  test('an empty range asks nothing', async () => {
    expect(await ask({ promql: 'up', range: { from: T0, to: T0 }, stepMs: 1000 })).toEqual([]);
  });
});

test('what is pushed is there, and the metric names of the server are known', async () => {
  await gateway.push('train', 'training_loss{model="churn"} 0.25\n');
  await untilKnown(open.url, 'training_loss');
  const [row] = await ask({ promql: 'training_loss', at: Date.now() });
  expect(row).toMatchObject({ labels: { job: 'train', model: 'churn' }, value: 0.25 });
  const secrets = { environment: () => undefined, hosts: {} };
  expect(await metricNames(connection(), secrets)).toEqual(
    expect.arrayContaining(['training_loss', 'requests_total', 'up']),
  );
});

describe('what cannot be had', () => {
  test('nothing listens: one text per cause, whatever was asked', async () => {
    const nowhere = connection({ url: 'http://127.0.0.1:9' });
    const [first, second] = [
      await failure({ promql: 'up', at: at(1) }, nowhere),
      await failure({ promql: 'sum(rate(x[5m]))', at: at(2) }, nowhere),
    ];
    expect(first).toEqual([
      'unreachable',
      'connection prometheus: http://127.0.0.1:9 refuses connections (ECONNREFUSED); check that the server runs and that the url of the connection is right.',
    ]);
    expect(second).toEqual(first);
  });

  test('an unknown host and a server that is no Prometheus', async () => {
    expect(
      (await failure({ promql: 'up', at: at(1) }, connection({ url: 'http://nowhere.invalid' })))[0],
    ).toBe('unreachable');
    const [code, message] = await failure({ promql: 'up', at: at(1) }, connection({ url: gateway.url }));
    expect(code).toBe('unreachable');
    expect(message).toContain('is no Prometheus API (404)');
  });

  test('a query that takes too long is budget, and the server is told to stop', async () => {
    const slow = { promql: 'count_over_time(vector(1)[100000d:1s])', at: Date.now() };
    const [code] = await failure(slow, connection({ limits: { timeoutMs: 300 } }));
    expect(['timeout', 'budget']).toContain(code);
  });
});

describe('credentials', () => {
  const up: Query = { promql: 'vector(1)', at: T0 };
  const login = (name: string) =>
    connection({ url: guarded.url, auth: { user: 'flyball', password: { $env: name } } });

  test('the right ones go in; without or with wrong ones it is unreachable, and no message tells them', async () => {
    environment.FLYBALL_RIGHT = PASSWORD;
    environment.FLYBALL_WRONG = 'wrong-horse';
    expect(await ask(up, login('FLYBALL_RIGHT'))).toHaveLength(1);
    const wrong = await failure(up, login('FLYBALL_WRONG'));
    expect(wrong[0]).toBe('unreachable');
    expect(wrong[1]).toContain('refuses the credentials (401)');
    expect(wrong[1]).not.toContain('wrong-horse');
    expect((await failure(up, connection({ url: guarded.url })))[1]).toContain('(401)');
  });

  test('a secret goes to its hosts only, and one that is not set is named', async () => {
    environment.FLYBALL_ELSEWHERE = PASSWORD;
    environment.FLYBALL_UNLISTED = PASSWORD;
    expect(await failure(up, login('FLYBALL_ELSEWHERE'))).toEqual([
      'unreachable',
      'connection prometheus: daemon.yaml lets FLYBALL_ELSEWHERE go to prometheus.example only; add to it: secrets: { FLYBALL_ELSEWHERE: [127.0.0.1] }.',
    ]);
    expect((await failure(up, login('FLYBALL_UNLISTED')))[1]).toContain(
      'daemon.yaml does not say to which hosts FLYBALL_UNLISTED may be sent',
    );
    delete environment.FLYBALL_RIGHT;
    expect((await failure(up, login('FLYBALL_RIGHT')))[1]).toContain(
      'the environment variable FLYBALL_RIGHT is not set',
    );
  });
});

describe('query', () => {
  const dialect = dialectFor(folder.path);
  async function observed(args: JsonObject, more: Partial<ObservationRequest> = {}): Promise<Observation> {
    expect(query.args.safeParse({ main: 'prometheus', ...args })).toMatchObject({ success: true });
    return observedAs(args, more);
  }
  async function observedAs(args: JsonObject, more: Partial<ObservationRequest> = {}): Promise<Observation> {
    const request: ObservationRequest = {
      name: 'x',
      evaluator: 'query',
      target: { kind: 'connection', name: 'prometheus' },
      args: { main: 'prometheus', ...args },
      connection: connection(),
      thresholds: [],
      end: at(4),
      ...more,
    };
    return ((await take(query, request, { query: port.query, dialect })) as Taken).observation;
  }

  test('one series is one value; a duration comes in seconds, as Prometheus counts', async () => {
    const promql = 'latency_seconds{place="north"}';
    expect((await observed({ promql })).readings).toEqual([{ labels: {}, fields: { value: 0.5 } }]);
    const { readings, unit } = await observed({ promql }, { unit: 'duration' });
    expect([unit, readings]).toEqual(['duration', [{ labels: {}, fields: { value: 500 } }]]);
  });

  test('several series need labels, and label sets must not repeat', async () => {
    expect((await observed({ promql: 'latency_seconds' })).unknown).toEqual({
      reason: 'undefined',
      message:
        'the query gave 2 series; expected one (sum or max makes one of them; vector: true and labels take several)',
    });
    const vector = await observed({ promql: 'latency_seconds', vector: true, labels: ['place'] });
    expect(vector.readings).toEqual([
      { labels: { place: 'north' }, fields: { value: 0.5 } },
      { labels: { place: 'south' }, fields: { value: 1 } },
    ]);
    const twice = await observed({ promql: 'requests_total', vector: true, labels: ['code'] });
    expect(twice.unknown?.message).toContain('the labels ["200"] twice');
    const none = await observed({ promql: 'latency_seconds', vector: true, labels: ['origin'] });
    expect(none.unknown).toEqual({
      reason: 'undefined',
      message: 'no series has the label origin; they have place',
    });
  });

  test('P2, P3, P9: nothing is absent and never zero; `empty` is written out', async () => {
    for (const promql of [
      'no_such_metric',
      'sum(no_such_metric)',
      'sum(rate(no_such_total[5m])) / sum(rate(none[5m]))',
    ])
      expect((await observed({ promql })).unknown).toEqual({
        reason: 'absent',
        message: 'the query gave no series',
      });
    expect((await observed({ promql: 'no_such_metric', empty: 0 })).readings).toEqual([
      { labels: {}, fields: { value: 0 } },
    ]);
  });

  test('NaN and infinities are undefined, also where empty is written', async () => {
    for (const m of [1, 2, 3]) {
      const { readings } = await observed({ promql: 'ratio', empty: 0 }, { end: at(m) });
      expect(readings[0]?.fields).toEqual({});
      expect(readings[0]?.unknown?.reason).toBe('undefined');
    }
    const zeroByZero = await observed({ promql: 'sum(rate(latency_seconds[5m]) * 0) / 0', empty: 0 });
    expect(zeroByZero.readings[0]?.unknown?.reason).toBe('undefined');
  });

  test('rows count the samples behind the value, by the same labels', async () => {
    const args = {
      promql: 'sum by (model) (increase(requests_total[5m]))',
      rows: 'sum by (model) (requests_total)',
      vector: true,
      labels: ['model'],
    };
    const { readings } = await observed(args, { minSamples: 200 });
    const byModel = Object.fromEntries(
      readings.map(one => [one.labels.model, one.unknown?.reason ?? 'known']),
    );
    expect(byModel).toEqual({ churn: 'known', [QUOTED]: 'known', 'v.1': 'too-few', vx1: 'too-few' });
    const uncounted = await observed({ promql: 'ratio', rows: 'no_such_metric' }, { minSamples: 1 });
    expect(uncounted.readings[0]?.unknown).toEqual({
      reason: 'too-few',
      message: 'rows gives no count for the value, at least 1 needed (query)',
    });
  });

  test('a value in quotes is that text and no code, whatever it holds', async () => {
    const written = (value: string) => ({
      promql: { text: ['requests_total{model="', '"}'], values: [value], as: ['quoted'] },
    });
    const { readings, detail } = await observedAs(written(QUOTED));
    expect(readings).toEqual([{ labels: {}, fields: { value: 2400 } }]);
    expect(detail).toEqual({ promql: 'requests_total{model="x\\x22} or vector(1)#"}' });
    for (const hostile of ['\\', '"', '\\"} or vector(1)#', "'", '`', 'a\nb', `\${x}`, '\u0001', 'ü"'])
      expect((await observedAs(written(hostile))).unknown?.reason, hostile).toBe('absent');
  });

  test('a value in a regular expression matches that text only', async () => {
    const written = (value: string | string[]) => ({
      promql: { text: ['sum(requests_total{model=~"', '"})'], values: [value], as: ['regex'] },
    });
    expect((await observedAs(written('v.1'))).readings[0]?.fields.value).toBe(7);
    expect((await observedAs(written(['v.1', 'vx1']))).readings[0]?.fields.value).toBe(15);
    expect((await observedAs(written('.*'))).unknown?.reason).toBe('absent');
    expect((await observedAs(written('churn"}) or vector(1)#'))).unknown?.reason).toBe('absent');
  });

  test('bare numbers and durations', async () => {
    const promql = {
      text: ['sum(increase(requests_total{model="churn"}[', '])) * ', ''],
      values: [2 * MINUTE, -2],
      as: ['duration', 'number'],
    };
    const { readings, detail } = await observedAs({ promql });
    expect(detail).toEqual({ promql: 'sum(increase(requests_total{model="churn"}[2m])) * (-2)' });
    expect(readings[0]?.fields.value).toBe(-240);
  });
});
