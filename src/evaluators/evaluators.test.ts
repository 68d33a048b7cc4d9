/** rows, nulls, performance and query on real Parquet files. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { dataset, normal, request, tables, uniform, type Value } from '../../test/fixtures/stats/tables.ts';
import { type Taken, take } from '../../test/fixtures/stats/take.ts';
import type { Evaluator, JsonObject, ModelSpec, ObservationRequest, Reading, Unknown } from '../model.ts';
import { evaluators } from './index.ts';
import { wilson } from './special.ts';

const files = tables();
afterAll(() => files.remove());

async function seen(name: string, args: JsonObject, more: Partial<ObservationRequest>): Promise<Taken> {
  const evaluator = evaluators[name] as Evaluator;
  expect(evaluator.args.safeParse(args)).toMatchObject({ success: true });
  return (await take(evaluator, request(name, args, more), files.port)) as Taken;
}
async function one(name: string, args: JsonObject, more: Partial<ObservationRequest>): Promise<Reading> {
  const { observation } = await seen(name, args, more);
  expect(observation.readings).toHaveLength(1);
  return observation.readings[0]!;
}

test('every evaluator stands under its own name and gives a value', () => {
  for (const [name, evaluator] of Object.entries(evaluators)) {
    expect(evaluator.name).toBe(name);
    expect(evaluator.outputs).toHaveProperty('value');
    expect(evaluator.profile !== undefined).toBe(evaluator.needsReference);
  }
});

describe('rows and nulls', () => {
  const columns = { at: { type: 'timestamp' }, x: { type: 'number' }, k: { type: 'string' } } as const;
  const data = dataset('counts', columns, { time: { column: 'at', zone: 'UTC', latenessMs: 0 } });
  const write = files.write('counts.parquet', {
    at: ['TIMESTAMP', [1, 1, 2, 3, 3, 4].map(d => `2001-01-0${d} 00:00:00`)],
    x: ['DOUBLE', [1, null, Number.NaN, 4, 5, Number.POSITIVE_INFINITY]],
    k: ['VARCHAR', ['a', 'b', 'a', null, 'b', 'b']],
  });
  const days = (from: number, to: number) => ({ from: Date.UTC(2001, 0, from), to: Date.UTC(2001, 0, to) });

  test.each([
    ['the whole dataset', undefined, undefined, 6],
    ['a half open interval', days(2, 4), undefined, 3],
    ['an empty interval', days(7, 8), undefined, 0],
    ['where', undefined, { op: '==', column: 'k', value: 'a' }, 2],
    ['its negation has the NULLs', undefined, { op: 'not', arg: { op: '==', column: 'k', value: 'a' } }, 4],
    ['so does !=', undefined, { op: '!=', column: 'k', value: 'a' }, 4],
  ] as const)('rows: %s', async (_, interval, where, n) => {
    await write;
    const more = { dataset: data, ...(interval && { interval }), ...(where && { where }) };
    expect(await one('rows', { main: 'counts' }, more)).toEqual({ labels: {}, fields: { value: n } });
  });

  test('nulls: NULL and NaN, with an interval', async () => {
    await write;
    const [lower, upper] = wilson(2, 6);
    const reading = await one('nulls', { main: 'x' }, { dataset: data });
    expect(reading.fields).toEqual({ value: 2 / 6, lower, upper, rows: 6, nulls: 2 });
  });

  test('nulls: every column by label', async () => {
    await write;
    const { observation } = await seen('nulls', { main: '*' }, { dataset: data });
    expect(observation.readings.map(r => [r.labels.feature, r.fields.nulls])).toEqual([
      ['at', 0],
      ['x', 2],
      ['k', 1],
    ]);
  });

  test('nulls: too few', async () => {
    await write;
    const none = await one('nulls', { main: 'x' }, { dataset: data, interval: days(7, 8) });
    expect(none.unknown).toEqual({
      reason: 'too-few',
      message: '0 rows in the window, at least 1 needed (nulls)',
    });
    const few = await one('nulls', { main: 'x' }, { dataset: data, minSamples: 7 });
    expect(few.unknown?.reason).toBe('too-few');
    expect(few.fields).not.toHaveProperty('value');
  });
});

describe('performance', () => {
  const n = 500;
  const score = uniform(n, 1).map(u => 0.05 + 0.9 * u);
  const label = uniform(n, 2).map((u, i) => (u < score[i]! ? 1 : 0));
  const missing = (i: number) => i % 10 === 9;
  const log = dataset(
    'log',
    { at: { type: 'timestamp' }, s: { type: 'number' }, v: { type: 'string' } },
    {
      time: { column: 'at', zone: 'UTC', latenessMs: 0 },
    },
  );
  const labels = dataset(
    'labels',
    { y: { type: 'integer' } },
    {
      time: { column: 'at', zone: 'UTC', latenessMs: 0 },
    },
  );
  const model = (task: ModelSpec['task'], coverage = 0.8): ModelSpec => ({
    name: 'm',
    owner: 'o',
    task,
    data: {
      predictions: { dataset: 'log', key: 'id', version: 'v', score: 's' },
      labels: { dataset: 'labels', key: 'ref', value: 'y', delayMs: 0, coverage },
    },
    features: { exclude: [] },
    pipelines: {},
    actions: {},
  });
  const ids = Array.from({ length: n }, (_, i) => i);
  const known = ids.filter(i => !missing(i));
  const stamp = (d: number) => `2001-01-0${d} 00:00:00`;
  const write = Promise.all([
    files.write('log.parquet', {
      id: ['BIGINT', [...ids, 9999]],
      at: ['TIMESTAMP', [...ids.map(() => stamp(2)), stamp(5)]],
      s: ['DOUBLE', [...score, 0.5]],
      v: ['VARCHAR', [...ids.map(i => (i % 2 === 0 ? 'v1' : 'v2')), 'v1']],
    }),
    // The first label of the first row is corrected the day after; a stray label belongs to no prediction.
    files.write('labels.parquet', {
      ref: ['BIGINT', [0, ...known, 77_777]],
      at: ['TIMESTAMP', [stamp(2), ...known.map(() => stamp(3)), stamp(3)]],
      y: ['INTEGER', [1 - label[0]!, ...known.map(i => label[i]!), 1]],
    }),
  ]);
  const interval = { from: Date.UTC(2001, 0, 1), to: Date.UTC(2001, 0, 4) };
  const more = (task: ModelSpec['task'] = 'binary', coverage?: number) => ({
    dataset: log,
    labels,
    model: model(task, coverage),
    interval,
  });

  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const error = (values: number[]) => {
    const m = mean(values);
    return Math.sqrt(values.reduce((a, x) => a + (x - m) ** 2, 0) / (values.length - 1) / values.length);
  };
  const losses: Record<string, (s: number, y: number) => number> = {
    log_loss: (s, y) => -(y === 1 ? Math.log(s) : Math.log(1 - s)),
    brier: (s, y) => (s - y) ** 2,
    error_rate: (s, y) => (s >= 0.5 === (y === 1) ? 0 : 1),
  };

  test.each(['log_loss', 'brier'])('%s is the mean loss, its interval normal', async metric => {
    await write;
    const rows = known.map(i => losses[metric]!(score[i]!, label[i]!));
    const reading = await one('performance', { main: metric }, more());
    expect(reading.unknown).toBeUndefined();
    expect(reading.fields.value).toBeCloseTo(mean(rows), 12);
    expect(reading.fields.upper).toBeCloseTo(mean(rows) + 1.959963984540054 * error(rows), 12);
    expect(reading.fields).toMatchObject({ rows: known.length, coverage: 0.9 });
    expect(reading.fields.base_rate).toBeCloseTo(mean(known.map(i => label[i]!)), 12);
  });

  test('error_rate and accuracy complement each other, at any threshold', async () => {
    await write;
    for (const threshold of [0.3, 0.5]) {
      const wrong = known.filter(i => score[i]! >= threshold !== (label[i] === 1)).length;
      const [lower, upper] = wilson(wrong, known.length);
      const { fields } = await one('performance', { main: 'error_rate', threshold }, more());
      expect(fields).toMatchObject({ lower, upper });
      expect(fields.value).toBeCloseTo(wrong / known.length, 12);
      const accuracy = await one('performance', { main: 'accuracy', threshold }, more());
      expect(accuracy.fields.value).toBeCloseTo(1 - wrong / known.length, 12);
      expect(accuracy.fields.lower).toBeCloseTo(1 - upper, 12);
    }
  });

  test('one version only', async () => {
    await write;
    const rows = known.filter(i => i % 2 === 0).map(i => losses.brier!(score[i]!, label[i]!));
    const reading = await one('performance', { main: 'brier', version: 'v1' }, more());
    expect(reading.fields.value).toBeCloseTo(mean(rows), 12);
    const none = await one('performance', { main: 'brier', version: "v'3" }, more());
    expect(none.unknown?.message).toBe('0 labelled rows of 0 predictions in the window, at least 30 needed');
  });

  test('rmse and mae', async () => {
    await write;
    const absolute = known.map(i => Math.abs(score[i]! - label[i]!));
    const mae = await one('performance', { main: 'mae' }, more('regression'));
    expect(mae.fields.value).toBeCloseTo(mean(absolute), 12);
    expect(mae.fields).not.toHaveProperty('base_rate');
    const rmse = await one('performance', { main: 'rmse' }, more('regression'));
    expect(rmse.fields.value).toBeCloseTo(Math.sqrt(mean(absolute.map(x => x * x))), 12);
    expect(Number(rmse.fields.lower)).toBeLessThan(Number(rmse.fields.value));
  });

  test.each<[string, JsonObject, Partial<ObservationRequest>, Unknown['reason'], RegExp]>([
    ['coverage', { main: 'brier' }, more('binary', 0.95), 'too-few', /450 of 500 .*90 %.*at least 95 %/],
    ['minSamples', { main: 'brier' }, { ...more(), minSamples: 451 }, 'too-few', /450 labelled rows of 500/],
    [
      'an empty window',
      { main: 'auc' },
      { ...more(), interval: { from: 0, to: 1 } },
      'too-few',
      /0 labelled rows of 0/,
    ],
    ['another task', { main: 'auc' }, more('regression'), 'undefined', /regression model; it has rmse, mae/],
    [
      'two connections',
      { main: 'auc' },
      { ...more(), labels: { ...labels, connection: 'b' } },
      'undefined',
      /labels on b/,
    ],
  ])('unknown: %s', async (_, args, request, reason, message) => {
    await write;
    const reading = await one('performance', args, request);
    expect(reading.unknown).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(reading.fields).not.toHaveProperty('value');
  });

  async function scored(s: readonly Value[], y: readonly Value[], metric: string): Promise<Reading> {
    const name = `m${Math.abs(s.length * 31 + y.length)}${metric}${made++}`;
    const id = s.map((_, i) => i);
    await files.write(`${name}-log.parquet`, {
      id: ['BIGINT', id],
      s: ['DOUBLE', s],
      v: ['VARCHAR', s.map(() => 'v')],
    });
    await files.write(`${name}-labels.parquet`, { ref: ['BIGINT', id], y: ['DOUBLE', y] });
    return one(
      'performance',
      { main: metric },
      {
        dataset: dataset(`${name}-log`, {}),
        labels: dataset(`${name}-labels`, {}),
        model: model('binary', 0),
      },
    );
  }
  let made = 0;

  test.each([
    [
      'labels that are neither 0 nor 1',
      normal(50, 1).map(Math.abs),
      'auc',
      'undefined',
      /labels are neither/,
    ],
    ['one class', Array(50).fill(1), 'auc', 'undefined', /one class/],
  ] as const)('unknown: %s', async (_, y, metric, reason, message) => {
    const reading = await scored(uniform(50, 3), y, metric);
    expect(reading.unknown).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('scores that are no probabilities, and scores that are missing', async () => {
    const y = uniform(60, 4).map(u => (u < 0.5 ? 0 : 1));
    const margins = normal(60, 5, 0, 3);
    expect((await scored(margins, y, 'log_loss')).unknown?.message).toMatch(/outside of 0..1/);
    expect((await scored(margins, y, 'auc')).unknown).toBeUndefined();
    const gaps = margins.map((x, i) => (i < 10 ? null : i < 20 ? Number.NaN : x));
    expect((await scored(gaps, y, 'auc')).fields).toMatchObject({ rows: 40, coverage: 40 / 60 });
    expect((await scored(y, y, 'log_loss')).fields.value).toBeCloseTo(0, 12);
  });

  const folder = new URL('../../test/fixtures/stats/', import.meta.url);
  const vectors = JSON.parse(readFileSync(new URL('stat_vectors.json', folder), 'utf8')).cases as {
    id: string;
    inputs: Record<string, { kind: string; values?: number[]; path: string; column: string }>;
    expected: Record<string, number>;
  }[];
  const values = (input: { kind: string; values?: number[]; path: string; column: string }) => {
    if (input.values) return input.values;
    const [head, ...lines] = readFileSync(new URL(input.path, folder), 'utf8').trimEnd().split('\n');
    const at = head!.trim().split(',').indexOf(input.column);
    return lines.map(line => Number(line.trim().split(',')[at]));
  };
  test.each([
    ['delong-small-ties', 'score1', 'auc1', 'var1'],
    ['delong-small-ties', 'score2', 'auc2', 'var2'],
    ['delong-big', 'score1', 'auc1', 'var1'],
    ['delong-big', 'score2', 'auc2', 'var2'],
  ])('auc and its DeLong interval: %s %s', async (id, column, auc, variance) => {
    const { inputs, expected } = vectors.find(v => v.id === id)!;
    const reading = await scored(values(inputs[column]!), values(inputs.label!), 'auc');
    expect(reading.fields.value).toBeCloseTo(expected[auc]!, 12);
    const half = 1.959963984540054 * Math.sqrt(expected[variance]!);
    expect(reading.fields.lower).toBeCloseTo(expected[auc]! - half, 10);
    expect(reading.fields.upper).toBeCloseTo(Math.min(1, expected[auc]! + half), 10);
  });

  test('multiclass compares the texts', async () => {
    const s = Array.from({ length: 60 }, (_, i) => 'abc'[i % 3]!);
    const y = s.map((x, i) => (i < 15 ? 'z' : x));
    const id = s.map((_, i) => i);
    await files.write('mc-log.parquet', { id: ['BIGINT', id], s: ['VARCHAR', s], v: ['VARCHAR', s] });
    await files.write('mc-labels.parquet', { ref: ['BIGINT', id], y: ['VARCHAR', y] });
    const request = {
      dataset: dataset('mc-log', {}),
      labels: dataset('mc-labels', {}),
      model: model('multiclass'),
    };
    expect((await one('performance', { main: 'error_rate' }, request)).fields.value).toBe(0.25);
  });
});

describe('query', () => {
  test.each<[string, Partial<ObservationRequest>, Value | Unknown['reason']]>([
    ['SELECT 42 AS value', {}, 42],
    ['SELECT 42', {}, 42],
    ['SELECT 1.5::DECIMAL(4,2) AS v', {}, 1.5],
    ['SELECT 7::HUGEINT', {}, 7],
    [`SELECT 'green' AS value`, { unit: 'string' }, 'green'],
    ['SELECT true AS value', { unit: 'boolean' }, true],
    ['SELECT 1 AS value WHERE false', {}, 'absent'],
    ['SELECT NULL AS value', {}, 'absent'],
    [`SELECT 'NaN'::DOUBLE AS value`, {}, 'undefined'],
    [`SELECT '-Infinity'::DOUBLE AS value`, {}, 'undefined'],
    [`SELECT 'green' AS value`, {}, 'undefined'],
    ['SELECT true AS value', {}, 'undefined'],
    ['SELECT 1 AS value', { unit: 'boolean' }, 'undefined'],
    ['SELECT 1 AS a, 2 AS b', {}, 'undefined'],
    ['SELECT range AS value FROM range(3)', {}, 'undefined'],
    ['SELECT 0.5 AS value, 9 AS rows', { minSamples: 10 }, 'too-few'],
  ])('%s %j', async (sql, more, want) => {
    const reading = await one('query', { main: 'files', sql }, more);
    if (typeof want === 'string' && reading.unknown) {
      expect(reading.unknown.reason).toBe(want);
      expect(reading.fields).not.toHaveProperty('value');
    } else {
      expect(reading).toMatchObject({ labels: {}, fields: { value: want } });
    }
  });

  test('a vector by labels', async () => {
    const sql = `SELECT * FROM (VALUES ('a', 1, 0.5, 0.4), (NULL, 2, NULL, 0), ('c', 3, 'NaN'::DOUBLE, 0)) t(k, n, value, lower)`;
    const args = { main: 'files', sql, vector: true, labels: ['k', 'n'] };
    const { observation } = await seen('query', args, {});
    expect(observation.vector).toBe(true);
    expect(observation.readings.map(r => [r.labels, r.fields.value, r.unknown?.reason])).toEqual([
      [{ k: 'a', n: '1' }, 0.5, undefined],
      [{ k: 'null', n: '2' }, undefined, 'absent'],
      [{ k: 'c', n: '3' }, undefined, 'undefined'],
    ]);
    expect(observation.readings[0]!.fields.lower).toBe(0.4);
  });

  test.each([
    [`SELECT 'a' AS k, 1 AS value WHERE false`, 'absent', /no row/],
    [`SELECT 'a' AS k, 1 AS value UNION ALL SELECT 'a', 2`, 'undefined', /twice/],
    ['SELECT 1 AS value', 'undefined', /no column k/],
  ])('a vector that cannot be read: %s', async (sql, reason, message) => {
    const { observation } = await seen('query', { main: 'files', sql, vector: true, labels: ['k'] }, {});
    expect(observation.unknown).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('the arguments are strict', () => {
    const { args } = evaluators.query as Evaluator;
    for (const given of [
      { main: 'c' },
      { main: 'c', sql: 's', vector: true },
      { main: 'c', sql: 's', labels: ['k'] },
    ])
      expect(args.safeParse(given)).toMatchObject({ success: false });
  });
});
