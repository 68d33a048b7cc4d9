/** `query` with PromQL on rows as the connector gives them; on a real server: test/servers/prometheus.test.ts. */
import { expect, test } from 'vitest';
import { dialectFor } from '../connectors/duckdb-dialect.ts';
import type { Answer, JsonObject, Observation, ObservationRequest } from '../model.ts';
import { query } from './query.ts';

const dialect = dialectFor('.');
const AT = Date.UTC(2001, 0, 1);

function request(args: JsonObject, more: Partial<ObservationRequest> = {}): ObservationRequest {
  return {
    name: 'x',
    evaluator: 'query',
    target: { kind: 'connection', name: 'metrics' },
    args: { main: 'metrics', ...args },
    connection: {
      name: 'metrics',
      connector: 'prometheus',
      access: 'read',
      commands: {},
      limits: { timeoutMs: 1000 },
    },
    thresholds: [],
    end: AT,
    ...more,
  };
}

function observed(of: ObservationRequest, ...answers: Answer[]): Observation {
  const found = query.observe(of, undefined, answers, dialect);
  if ('refine' in found) throw new Error('a query is never refined');
  return found.observation;
}

const row = (value: number | string, labels: JsonObject = {}) => ({ labels, value, at: AT });

test('it is asked at the end of its window, which is the time of the tick', () => {
  const promql = { promql: 'up' };
  expect(query.queries(request(promql), dialect, undefined)).toEqual([{ promql: 'up', at: AT }]);
  const windowed = request(promql, { interval: { from: AT - 5000, to: AT - 1000 } });
  expect(query.queries(windowed, dialect, undefined)).toEqual([{ promql: 'up', at: AT - 1000 }]);
  const counted = request({ promql: 'up', rows: 'count(up)' });
  expect(query.queries(counted, dialect, undefined)).toEqual([
    { promql: 'up', at: AT },
    { promql: 'count(up)', at: AT },
  ]);
});

test.each<readonly [string, JsonObject, Partial<ObservationRequest>, Answer[], unknown]>([
  ['a number', {}, {}, [[row(0.5)]], 0.5],
  ['zero is a value', {}, {}, [[row(0)]], 0],
  ['nothing', {}, {}, [[]], 'absent'],
  ['NaN', {}, {}, [[row('NaN')]], 'undefined'],
  ['infinity', {}, {}, [[row('+Inf')]], 'undefined'],
  ['an empty text is no zero', {}, {}, [[row('')]], 'undefined'],
  ['a blank is no zero', {}, {}, [[row(' ')]], 'undefined'],
  ['empty', { empty: 0 }, {}, [[]], 0],
  ['empty is not for NaN', { empty: 0 }, {}, [[row('NaN')]], 'undefined'],
  ['empty is not for several', { empty: 0 }, {}, [[row(1), row(2)]], 'undefined'],
  ['seconds', {}, { unit: 'duration' }, [[row(0.25)]], 250],
  ['enough rows', { rows: 'n' }, { minSamples: 10 }, [[row(0.5)], [row(10)]], 0.5],
  ['too few rows', { rows: 'n' }, { minSamples: 10 }, [[row(0.5)], [row(9)]], 'too-few'],
  ['no rows', { rows: 'n' }, { minSamples: 10 }, [[row(0.5)], []], 'too-few'],
  ['rows that are no number', { rows: 'n' }, { minSamples: 10 }, [[row(0.5)], [row('NaN')]], 'too-few'],
  ['two counts for one value', { rows: 'n' }, { minSamples: 1 }, [[row(0.5)], [row(5), row(6)]], 'too-few'],
  ['empty has no rows behind it', { empty: 0, rows: 'n' }, { minSamples: 1 }, [[], [row(50)]], 'too-few'],
])('%s', (_name, args, more, answers, expected) => {
  const { readings } = observed(request({ promql: 'x', ...args }, more), ...answers);
  expect(readings).toHaveLength(1);
  expect(readings[0]?.unknown?.reason ?? readings[0]?.fields.value).toBe(expected);
  if (readings[0]?.unknown) expect(readings[0].fields).not.toHaveProperty('value');
});

test('label sets: in the order of the policy, a lacking label is empty, counts match by them', () => {
  const args = { promql: 'x', rows: 'n', vector: true, labels: ['b', 'a'] };
  const found = observed(
    request(args, { minSamples: 5 }),
    [row(1, { a: '1', b: '2', c: 'other' }), row(2, { a: '1' })],
    [row(9, { b: '2', a: '1' }), row(4, { a: '1' })],
  );
  expect(found.readings).toEqual([
    { labels: { b: '2', a: '1' }, fields: { value: 1, rows: 9 } },
    {
      labels: { b: '', a: '1' },
      fields: { rows: 4 },
      unknown: expect.objectContaining({ reason: 'too-few' }),
    },
  ]);
  // `a` = 1 and `ab` = '' must not look like `a` = '' and …: keys keep their parts apart.
  const apart = [row(1, { a: 'x","y', b: '' }), row(2, { a: 'x', b: 'y' })];
  expect(observed(request({ promql: 'x', vector: true, labels: ['a', 'b'] }), apart).unknown).toBeUndefined();
});

test('what the server warns of and what was asked are shown, once', () => {
  const warned: Answer = Object.assign([row(1)], { warnings: ['a store is gone', 'a store is gone'] });
  const promql = { text: ['x{a="', '"}'], values: ['b'], as: ['quoted'] };
  expect(observed(request({ promql }), warned).detail).toEqual({
    promql: 'x{a="b"}',
    warnings: ['a store is gone'],
  });
  expect(observed(request({ promql: 'x' }), [row(1)])).not.toHaveProperty('detail');
});

test.each([
  [{ promql: 'x', sql: 'y' }, 'exactly one of sql and promql'],
  [{}, 'exactly one of sql and promql'],
  [{ sql: 'y', rows: 'z' }, 'rows only with promql'],
  [{ promql: 'x', vector: true }, 'together'],
  [{ promql: 'x', labels: ['a'] }, 'together'],
  [{ promql: 'x', vector: true, labels: ['a'], empty: 0 }, 'no empty with vector'],
])('%j is refused', (args, message) => {
  const checked = query.args.safeParse({ main: 'metrics', ...args });
  if (checked.success) throw new Error('it was taken');
  expect(checked.error.issues.map(one => one.message).join()).toContain(message);
});
