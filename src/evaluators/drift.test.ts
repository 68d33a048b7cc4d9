/** Drift on real Parquet files: the same numbers as the pure functions on the raw values, and an honest unknown elsewhere. */
import { afterAll, describe, expect, test } from 'vitest';
import {
  connection,
  dataset,
  normal,
  request,
  tables,
  uniform,
  type Value,
} from '../../test/fixtures/stats/tables.ts';
import { type Taken, take } from '../../test/fixtures/stats/take.ts';
import type { DatasetSpec, JsonObject, ObservationRequest, Reading, Unknown } from '../model.ts';
import { drift } from './drift.ts';
import { ksP, ksStatistic } from './ks.ts';
import {
  atomEdges,
  binCounts,
  type Cell,
  categoryCounts,
  finiteSorted,
  psiOfCounts,
  quantile,
} from './psi.ts';

const files = tables();
afterAll(() => files.remove());

let made = 0;
async function pair(
  reference: Record<string, readonly [string, readonly Value[]]>,
  current: Record<string, readonly [string, readonly Value[]]>,
  columns: DatasetSpec['columns'],
) {
  const [r, c] = [`ref${++made}`, `cur${made}`];
  await files.write(`${r}.parquet`, reference);
  await files.write(`${c}.parquet`, current);
  return { dataset: dataset(c, columns), reference: { label: r, dataset: dataset(r, columns) } };
}

async function seen(args: JsonObject, more: Partial<ObservationRequest>): Promise<Taken> {
  expect(drift.args.safeParse(args)).toMatchObject({ success: true });
  const taken = await take(drift, request('drift', args, more), files.port);
  expect(taken).toHaveProperty('observation');
  return taken as Taken;
}

function only(taken: Taken): Reading {
  expect(taken.observation.readings).toHaveLength(1);
  return taken.observation.readings[0]!;
}

function purePsi(reference: readonly Cell[], current: readonly Cell[], bins = 10): number {
  const sorted = finiteSorted(reference);
  const edges = atomEdges(Array.from({ length: bins - 1 }, (_, i) => quantile(sorted, (i + 1) / bins)));
  return psiOfCounts(binCounts(sorted, edges), binCounts(finiteSorted(current), edges))!;
}

const ints = (n: number, seed: number, top: number) => uniform(n, seed).map(u => Math.floor(u * top));
const zeros = (values: number[], seed: number) => {
  const u = uniform(values.length, seed);
  return values.map((x, i) => (u[i]! < 0.4 ? 0 : Math.abs(x)));
};
const holes = (values: number[]): Cell[] =>
  values.map((x, i) => [null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][i % 40] ?? x);
const huge = (values: number[]) => values.map(x => x * 5e307);

const shapes: readonly [string, readonly Cell[], readonly Cell[]][] = [
  ['same', normal(900, 1), normal(900, 1)],
  ['no drift', normal(900, 1), normal(700, 2)],
  ['shift', normal(900, 1), normal(700, 2, 0.5)],
  ['scale', normal(900, 1), normal(700, 2, 0, 2)],
  ['ties', ints(900, 3, 5), ints(700, 4, 7)],
  ['constant', Array(300).fill(7), Array(250).fill(7)],
  ['constant moved up', Array(300).fill(7), Array(250).fill(9)],
  ['constant moved down', Array(300).fill(7), Array(250).fill(6)],
  ['constant became noise', Array(300).fill(7), normal(250, 5, 7)],
  ['zero-inflated', zeros(normal(900, 1), 8), zeros(normal(700, 2, 1), 9)],
  ['negative zero', Array(300).fill(0), Array(250).fill(-0)],
  ['null, NaN, inf', holes(normal(900, 1)), holes(normal(700, 2, 0.3))],
  ['huge', huge(normal(900, 1)), huge(normal(700, 2, 0.3))],
  ['tiny', normal(900, 1).map(x => x * 5e-320), normal(700, 2, 1).map(x => x * 5e-320)],
  ['disjoint', uniform(300, 1), uniform(300, 2).map(u => u + 2)],
];

describe('one column', () => {
  test.each(shapes)('%s: psi and ks are those of the raw values', async (_, reference, current) => {
    const sides = await pair(
      { x: ['DOUBLE', reference] },
      { x: ['DOUBLE', current] },
      { x: { type: 'number' } },
    );
    const [a, b] = [finiteSorted(reference), finiteSorted(current)];
    const counts = {
      rows: b.length,
      ref_rows: a.length,
      nulls: current.filter(x => x === null).length,
      nonfinite: current.filter(x => x !== null && !Number.isFinite(x)).length,
    };
    const psi = only(await seen({ main: 'psi', feature: 'x' }, sides));
    expect(psi).toMatchObject({ labels: {}, fields: counts });
    expect(psi.unknown).toBeUndefined();
    expect(psi.fields.value).toBeCloseTo(purePsi(reference, current), 12);
    expect(Number(psi.fields.lower)).toBeLessThanOrEqual(Number(psi.fields.value));
    expect(Number(psi.fields.upper)).toBeGreaterThanOrEqual(Number(psi.fields.value));

    const d = ksStatistic(a, b)!;
    const bounds = only(await seen({ main: 'ks', feature: 'x' }, sides));
    expect(Number(bounds.fields.lower)).toBeLessThanOrEqual(d + 1e-12);
    expect(Number(bounds.fields.upper)).toBeGreaterThanOrEqual(d - 1e-12);
    expect(Number(bounds.fields.upper) - Number(bounds.fields.lower)).toBeLessThan(0.2);
    expect(bounds.fields.psi).toBeCloseTo(purePsi(reference, current), 12);

    const exact = only(await seen({ main: 'ks', feature: 'x', exact: true }, sides));
    expect(exact.fields).toMatchObject(counts);
    expect(exact.fields.value).toBeCloseTo(d, 12);
    expect(exact.fields.lower).toBe(exact.fields.upper);
    expect(exact.fields.p_value).toBeCloseTo(ksP(d, a.length, b.length), 9);
  });

  test.each([2, 5, 20, 33])('%d bins', async bins => {
    const [reference, current] = [normal(2000, 1), normal(1500, 2, 0.4)];
    const sides = await pair(
      { x: ['DOUBLE', reference] },
      { x: ['DOUBLE', current] },
      { x: { type: 'number' } },
    );
    const taken = await seen({ main: 'psi', feature: 'x', bins }, sides);
    expect(only(taken).fields.value).toBeCloseTo(purePsi(reference, current, bins), 12);
    expect(taken.observation.definition).toBe(`quantile_ref/${bins}/floor1e-4/atoms/v1`);
  });

  test('whole numbers and decimals are compared as doubles; the order of rows does not matter', async () => {
    const [reference, current] = [ints(900, 3, 50), ints(700, 4, 60)];
    const columns = { x: { type: 'integer' }, y: { type: 'number' } } as const;
    const sides = await pair(
      { x: ['BIGINT', reference], y: ['DECIMAL(10,2)', reference] },
      { x: ['BIGINT', current], y: ['DECIMAL(10,2)', current.toReversed()] },
      columns,
    );
    for (const feature of ['x', 'y']) {
      const reading = only(await seen({ main: 'psi', feature }, sides));
      expect(reading.fields.value).toBeCloseTo(purePsi(reference, current), 12);
    }
  });

  test('evidence names the reference, the definition and the bins', async () => {
    const sides = await pair(
      { x: ['DOUBLE', normal(900, 1)] },
      { x: ['DOUBLE', normal(700, 2)] },
      { x: { type: 'number' } },
    );
    const { observation } = await seen({ main: 'psi', feature: 'x' }, sides);
    expect(observation).toMatchObject({
      unit: 'number',
      vector: false,
      definition: 'quantile_ref/10/floor1e-4/atoms/v1',
      reference: { label: sides.reference.label, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const bins = (
      observation.detail as { bins: { edges: number[]; reference: number[]; current: number[] }[] }
    ).bins;
    expect(bins[0]!.edges).toHaveLength(9);
    expect(bins[0]!.reference).toEqual(Array(10).fill(90));
    expect(bins[0]!.current.reduce((a, b) => a + b)).toBe(700);
  });

  test('values of a sensitive column stay out of evidence', async () => {
    const columns = { x: { type: 'number', sensitive: true } } as const;
    const sides = await pair({ x: ['DOUBLE', normal(900, 1)] }, { x: ['DOUBLE', normal(700, 2)] }, columns);
    const { observation } = await seen({ main: 'psi', feature: 'x' }, sides);
    const { bins } = observation.detail as { bins: object[] };
    expect(bins).toHaveLength(1);
    expect(bins[0]).not.toHaveProperty('edges');
  });
});

test('a reference large enough to be sampled for its finer edges is still counted exactly', async () => {
  const value = (i: string, n: number, power: number) =>
    `power((${i} * 7919 % ${n}) / ${n}::DOUBLE, ${power})`;
  await files.writeSelect('large.parquet', `SELECT ${value('range', 450_007, 1)} AS x FROM range(450007)`);
  await files.writeSelect('bent.parquet', `SELECT ${value('range', 50_021, 1.1)} AS x FROM range(50021)`);
  const columns = { x: { type: 'number' } } as const;
  const sides = {
    dataset: dataset('bent', columns),
    reference: { label: 'large', dataset: dataset('large', columns) },
  };
  const even = (n: number, power: number) =>
    Float64Array.from({ length: n }, (_, i) => (i / n) ** power).sort();
  const [reference, current] = [even(450_007, 1), even(50_021, 1.1)];
  const d = ksStatistic(reference, current)!;
  const { fields } = only(await seen({ main: 'ks', feature: 'x' }, sides));
  expect(Number(fields.lower)).toBeLessThanOrEqual(d);
  expect(Number(fields.upper)).toBeGreaterThanOrEqual(d);
  expect(Number(fields.upper) - Number(fields.lower)).toBeLessThan(0.05);
  expect(fields.ref_rows).toBe(450_007);
  const exact = only(await seen({ main: 'ks', feature: 'x', exact: true }, sides));
  expect(exact.fields.value).toBeCloseTo(d, 9);
  const psi = only(await seen({ main: 'psi', feature: 'x' }, sides));
  expect(psi.fields.value).toBeCloseTo(purePsi([...reference], [...current]), 9);
});

describe('text and booleans', () => {
  const letters = (n: number, seed: number, alphabet: string) =>
    uniform(n, seed).map(u => alphabet[Math.floor(u * alphabet.length)]!);

  test('psi is over the union of categories; nulls are apart', async () => {
    const reference: (string | null)[] = letters(600, 1, 'aaabbc');
    const current: (string | null)[] = [...letters(500, 2, "abcd'"), null, null];
    const sides = await pair(
      { x: ['VARCHAR', reference] },
      { x: ['VARCHAR', current] },
      { x: { type: 'string' } },
    );
    const taken = await seen({ main: 'psi', feature: 'x' }, sides);
    const counts = categoryCounts(reference, current);
    expect(only(taken).fields.value).toBeCloseTo(psiOfCounts(counts.reference, counts.current)!, 12);
    expect(only(taken).fields).toMatchObject({ rows: 500, ref_rows: 600, nulls: 2 });
    expect(taken.observation.definition).toBe('categorical/floor1e-4/v1');
    expect(taken.observation.detail).toMatchObject({ bins: [{ categories: ["'", 'a', 'b', 'c', 'd'] }] });
  });

  test('a category may be called like a property of an object', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const of = (seed: number) => uniform(400, seed).map(u => names[Math.floor(u * 3)]!);
    const [reference, current] = [of(1), of(2).map(x => (x === 'toString' ? 'constructor' : x))];
    const sides = await pair(
      { x: ['VARCHAR', reference] },
      { x: ['VARCHAR', current] },
      { x: { type: 'string' } },
    );
    const counts = categoryCounts(reference, current);
    const reading = only(await seen({ main: 'psi', feature: 'x' }, sides));
    expect(reading.fields.value).toBeCloseTo(psiOfCounts(counts.reference, counts.current)!, 12);
  });

  test('booleans', async () => {
    const of = (seed: number, share: number) => uniform(400, seed).map(u => u < share);
    const [reference, current] = [of(1, 0.5), of(2, 0.9)];
    const sides = await pair(
      { x: ['BOOLEAN', reference] },
      { x: ['BOOLEAN', current] },
      { x: { type: 'boolean' } },
    );
    const counts = categoryCounts(reference.map(String), current.map(String));
    const reading = only(await seen({ main: 'psi', feature: 'x' }, sides));
    expect(reading.fields.value).toBeCloseTo(psiOfCounts(counts.reference, counts.current)!, 12);
  });

  test('too many categories are a budget, ks of text is undefined', async () => {
    const keys = Array.from({ length: 1500 }, (_, i) => `k${i}`);
    const few = keys.map((_, i) => `k${i % 3}`);
    const columns = { x: { type: 'string' } } as const;
    const many = await pair({ x: ['VARCHAR', few] }, { x: ['VARCHAR', keys] }, columns);
    expect(only(await seen({ main: 'psi', feature: 'x' }, many)).unknown?.reason).toBe('budget');
    const text = await pair({ x: ['VARCHAR', few] }, { x: ['VARCHAR', few] }, columns);
    expect(only(await seen({ main: 'ks', feature: 'x' }, text)).unknown).toMatchObject({
      reason: 'undefined',
      message: expect.stringContaining('not a number'),
    });
  });
});

describe('when it is unknown', () => {
  const columns = { x: { type: 'number' } } as const;
  const sized = (n: number, m: number, shift = 0) =>
    pair({ x: ['DOUBLE', normal(n, 1)] }, { x: ['DOUBLE', normal(m, 2, shift)] }, columns);

  test.each([
    [199, 900, undefined, '199 rows in the reference, at least 200 needed (psi, feature x)'],
    [900, 199, undefined, '199 rows in the window, at least 200 needed (psi, feature x)'],
    [900, 0, undefined, '0 rows in the window, at least 200 needed (psi, feature x)'],
    [900, 400, 500, '400 rows in the window, at least 500 needed (psi, feature x)'],
  ])('%d against %d rows, minSamples %s', async (n, m, minSamples, message) => {
    const sides = await sized(n, m);
    const more = minSamples === undefined ? sides : { ...sides, minSamples };
    const reading = only(await seen({ main: 'psi', feature: 'x' }, more));
    expect(reading.unknown).toEqual({ reason: 'too-few', message });
    expect(reading.fields).not.toHaveProperty('value');
    expect(reading.fields).toMatchObject({ rows: m, ref_rows: n });
  });

  test('an empty reference', async () => {
    const sides = await sized(0, 300);
    const taken = await take(drift, request('drift', { main: 'psi', feature: 'x' }, sides), files.port);
    expect(taken).toMatchObject({ reason: 'too-few' } satisfies Partial<Unknown>);
  });

  test('rows that chance alone would explain', async () => {
    const sides = await sized(300, 250);
    const guarded = await seen({ main: 'psi', feature: 'x' }, { ...sides, thresholds: [0.2] });
    expect(only(guarded).unknown).toMatchObject({
      reason: 'too-few',
      message: expect.stringMatching(
        /250 rows against 300, chance alone reaches 0\.20\d.*threshold of 0\.2 needs about \d+ rows/,
      ),
    });
    const high = await seen({ main: 'psi', feature: 'x' }, { ...sides, thresholds: [0.25] });
    expect(only(high).unknown).toBeUndefined();
    const none = await seen({ main: 'psi', feature: 'x' }, sides);
    expect(only(none).unknown).toBeUndefined();
  });

  test('an exceedance is known only beyond the noise, whatever other thresholds there are', async () => {
    for (const shift of [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5]) {
      const sides = await sized(400, 400, shift);
      for (const main of ['psi', 'ks']) {
        const thresholds = [0.02, 0.05, 0.1, 0.3];
        const reading = only(await seen({ main, feature: 'x' }, { ...sides, thresholds }));
        if (reading.unknown !== undefined) continue;
        const { value, null_q999 } = reading.fields;
        const exceeded = thresholds.filter(t => t < Number(value));
        if (exceeded.length > 0) expect(Number(value)).toBeGreaterThan(Number(null_q999));
      }
    }
  });

  test('a timestamp, and a column that the reference lacks', async () => {
    const sides = await sized(300, 300);
    const wide = dataset(sides.dataset.name, {
      ...columns,
      at: { type: 'timestamp' },
      y: { type: 'number' },
    });
    const one = await seen({ main: 'psi', feature: '*' }, { ...sides, dataset: wide });
    expect(one.observation.readings.map(r => [r.labels.feature, r.unknown?.reason])).toEqual([
      ['x', undefined],
      ['y', 'absent'],
    ]);
    const at = await take(
      drift,
      request('drift', { main: 'psi', feature: 'at' }, { ...sides, dataset: wide }),
      files.port,
    );
    expect(at).toMatchObject({ reason: 'undefined', message: expect.stringContaining('timestamp') });
  });

  test('a reference elsewhere', async () => {
    const sides = await sized(300, 300);
    const far = { label: 'far', dataset: { ...sides.reference.dataset, connection: 'other' } };
    const taken = await take(
      drift,
      request('drift', { main: 'psi', feature: 'x' }, { ...sides, reference: far }),
      files.port,
    );
    expect(taken).toMatchObject({
      reason: 'undefined',
      message: expect.stringContaining('connection other'),
    });
  });

  test('a missing column and missing files are errors of the port that name them', async () => {
    const sides = await sized(300, 300);
    const ask = (more: Partial<ObservationRequest>, feature = 'x') =>
      take(drift, request('drift', { main: 'psi', feature }, { ...sides, ...more }), files.port);
    await expect(ask({}, 'nope')).rejects.toMatchObject({
      code: 'no-column',
      message: expect.stringContaining('there are x'),
    });
    await expect(ask({ dataset: dataset('nowhere', columns) })).rejects.toMatchObject({ code: 'absent' });
  });
});

describe('thresholds', () => {
  test('ks is refined only where a threshold lies within its bounds', async () => {
    const [reference, current] = [normal(3000, 1), normal(3000, 2, 0.3)];
    const sides = await pair(
      { x: ['DOUBLE', reference] },
      { x: ['DOUBLE', current] },
      { x: { type: 'number' } },
    );
    const d = ksStatistic(finiteSorted(reference), finiteSorted(current))!;
    const far = await seen({ main: 'ks', feature: 'x' }, { ...sides, thresholds: [0.4] });
    expect(far.sql.refine).toHaveLength(0);
    const near = await seen({ main: 'ks', feature: 'x' }, { ...sides, thresholds: [d + 1e-6] });
    expect(near.sql.refine).toHaveLength(1);
    expect(only(near).fields.value).toBeCloseTo(d, 12);
  });
});

describe('many columns', () => {
  test('all numeric columns are one query; keys, times, excluded and sensitive ones are no features', async () => {
    const n = 400;
    const column = (seed: number) => ['DOUBLE', normal(n, seed)] as const;
    const words = (seed: number) => ['VARCHAR', ints(n, seed, 3).map(String)] as const;
    const make = (seed: number) => ({
      id: ['BIGINT', ints(n, seed, 1e6)] as const,
      at: ['TIMESTAMP', Array<Value>(n).fill('2001-01-02 00:00:00')] as const,
      a: column(seed + 1),
      b: column(seed + 2),
      c: words(seed + 3),
      secret: column(seed + 4),
      skipped: column(seed + 5),
    });
    const columns = {
      id: { type: 'integer' },
      at: { type: 'timestamp' },
      a: { type: 'number' },
      b: { type: 'number' },
      c: { type: 'string' },
      secret: { type: 'number', sensitive: true },
      skipped: { type: 'number' },
    } as const;
    const sides = await pair(make(10), make(20), columns);
    const keyed = { ...sides.dataset, key: 'id', time: { column: 'at', zone: 'UTC', latenessMs: 0 } };
    const features = { exclude: ['skipped'] };
    const more = { ...sides, dataset: keyed, model: { ...model, features } };
    const taken = await seen({ main: 'psi', feature: '*' }, more);
    expect(taken.observation.readings.map(r => r.labels)).toEqual([
      { feature: 'a' },
      { feature: 'b' },
      { feature: 'c' },
    ]);
    expect(taken.sql.queries).toHaveLength(2);
    expect(taken.observation.vector).toBe(true);
    expect(taken.observation.definition).toBe('quantile_ref/10/floor1e-4/atoms/v1+categorical/floor1e-4/v1');
    expect(drift.labelNames({ main: 'psi', feature: '*', by: ['c'] })).toEqual(['feature', 'c']);
    const ks = await seen(
      { main: 'ks', feature: '*' },
      { ...more, model: { ...model, features: { ...features, only: ['b', 'zzz'] } } },
    );
    expect(ks.observation.readings.map(r => r.labels)).toEqual([{ feature: 'b' }]);
    expect(ks.sql.queries).toHaveLength(1);
  });

  const model = {
    name: 'm',
    owner: 'o',
    task: 'binary',
    data: { predictions: { dataset: 'p', key: 'id', version: 'v', score: 'score' } },
    pipelines: {},
    actions: {},
  } as const;

  test('the score of the prediction log', async () => {
    const [reference, current] = [uniform(900, 1), uniform(900, 2).map(u => u ** 2)];
    const columns = { score: { type: 'number' } } as const;
    const sides = await pair({ score: ['DOUBLE', reference] }, { score: ['DOUBLE', current] }, columns);
    const more = { ...sides, model: { ...model, features: { exclude: [] } } };
    const reading = only(await seen({ main: 'psi', prediction: 'score' }, more));
    expect(reading.fields.value).toBeCloseTo(purePsi(reference, current), 12);
  });
});

describe('slices, intervals and where', () => {
  const columns = {
    at: { type: 'timestamp' },
    x: { type: 'number' },
    k: { type: 'string' },
    o: { type: 'string', segment: true },
    p: { type: 'integer', segment: true },
  } as const;
  const time = { column: 'at', zone: 'UTC', latenessMs: 0 };
  const day = 86_400_000;
  const start = Date.UTC(2001, 0, 1);
  interface Line {
    at: number;
    x: number;
    k: string;
    o: string | null;
    p: number;
  }
  const lines: Line[] = [];
  const add = (week: number, o: string | null, n: number, shift: number, seed: number) => {
    const [x, u] = [normal(n, seed, shift), uniform(n, seed + 1)];
    for (let i = 0; i < n; i++)
      lines.push({
        at: start + week * 7 * day + Math.floor(u[i]! * 7 * day),
        x: x[i]!,
        k: 'abc'[i % 3]!,
        o,
        p: i % 2,
      });
  };
  add(0, 'A', 600, 0, 1);
  add(0, 'B', 500, 5, 2);
  add(0, 'small', 50, 0, 3);
  add(0, 'gone', 300, 0, 4);
  add(0, null, 40, 0, 5);
  add(1, 'A', 550, 0, 6);
  add(1, 'B', 450, 6, 7);
  add(1, 'small', 400, 0, 8);
  add(1, 'new', 400, 0, 9);
  add(1, null, 40, 0, 10);
  add(2, 'A', 500, 3, 11);
  const iso = (at: number) => new Date(at).toISOString().replace('T', ' ').replace('Z', '');
  const all = dataset('slices', columns, { time });
  const week = (n: number) => ({ from: start + n * 7 * day, to: start + (n + 1) * 7 * day });
  const more = {
    dataset: all,
    interval: week(1),
    reference: { label: 'first week', dataset: all, interval: week(0) },
  };
  const write = files.write('slices.parquet', {
    at: ['TIMESTAMP', lines.map(l => iso(l.at))],
    x: ['DOUBLE', lines.map(l => l.x)],
    k: ['VARCHAR', lines.map(l => l.k)],
    o: ['VARCHAR', lines.map(l => l.o)],
    p: ['INTEGER', lines.map(l => l.p)],
  });
  const of = (w: number, keep: (l: Line) => boolean = () => true) =>
    lines.filter(l => l.at >= week(w).from && l.at < week(w).to && keep(l)).map(l => l.x);

  test('each slice is compared with its own reference', async () => {
    await write;
    const { observation, sql } = await seen({ main: 'psi', feature: 'x', by: ['o'] }, more);
    expect(sql.queries).toHaveLength(1);
    const found = new Map(observation.readings.map(r => [r.labels.o, r]));
    expect([...found.keys()].toSorted()).toEqual(['A', 'B', 'gone', 'new', 'small']);
    for (const o of ['A', 'B'])
      expect(found.get(o)?.fields.value).toBeCloseTo(
        purePsi(
          of(0, l => l.o === o),
          of(1, l => l.o === o),
        ),
        12,
      );
    expect(found.get('small')?.unknown?.message).toBe(
      '50 rows in the reference, at least 200 needed (psi, feature x)',
    );
    expect(found.get('gone')?.unknown?.message).toBe(
      '0 rows in the window, at least 200 needed (psi, feature x)',
    );
    expect(found.get('new')?.unknown).toEqual({
      reason: 'absent',
      message: 'o = new does not occur in first week',
    });
  });

  test('ks by slice, refined', async () => {
    await write;
    const { observation } = await seen({ main: 'ks', feature: 'x', by: ['o'], exact: true }, more);
    for (const o of ['A', 'B']) {
      const sorted = (w: number) => finiteSorted(of(w, l => l.o === o));
      const reading = observation.readings.find(r => r.labels.o === o);
      expect(reading?.fields.value).toBeCloseTo(ksStatistic(sorted(0), sorted(1))!, 12);
    }
  });

  test('two segment columns, and all features', async () => {
    await write;
    const { observation } = await seen({ main: 'psi', feature: '*', by: ['o', 'p'] }, more);
    const reading = observation.readings.find(
      r => r.labels.feature === 'x' && r.labels.o === 'A' && r.labels.p === '1',
    );
    const keep = (l: Line) => l.o === 'A' && l.p === 1;
    expect(reading?.fields.value).toBeCloseTo(purePsi(of(0, keep), of(1, keep)), 12);
    const category = observation.readings.find(
      r => r.labels.feature === 'k' && r.labels.o === 'A' && r.labels.p === '0',
    );
    expect(category?.fields.rows).toBe(of(1, l => l.o === 'A' && l.p === 0).length);
  });

  test('where applies to both sides, intervals are half open, several reference intervals are their union', async () => {
    await write;
    const where = { op: 'in', column: 'o', values: ['A', 'B'] } as const;
    const reference = { label: 'two weeks', dataset: all, interval: week(0), intervals: [week(1)] };
    const reading = only(
      await seen({ main: 'psi', feature: 'x' }, { ...more, where, interval: week(2), reference }),
    );
    const keep = (l: Line) => l.o === 'A' || l.o === 'B';
    expect(reading.fields.value).toBeCloseTo(purePsi([...of(0, keep), ...of(1, keep)], of(2, keep)), 12);
    const total = only(await seen({ main: 'psi', feature: 'x' }, more));
    expect(total.fields).toMatchObject({ rows: of(1).length, ref_rows: of(0).length });
  });

  test('a stored profile is all that a later evaluation needs of the reference', async () => {
    await write;
    const first = await seen({ main: 'psi', feature: 'x', by: ['o'] }, more);
    const gone = {
      ...more,
      reference: { ...more.reference, dataset: dataset('nowhere', columns, { time }) },
    };
    const again = await take(
      drift,
      request('drift', { main: 'psi', feature: 'x', by: ['o'] }, gone),
      files.port,
      first.profile,
    );
    expect((again as Taken).observation.readings).toEqual(first.observation.readings);
  });

  test('one version against another, and never against all rows in their place', async () => {
    const log: DatasetSpec['columns'] = {
      id: { type: 'string' },
      v: { type: 'string' },
      s: { type: 'number' },
    };
    const [old, young] = [normal(900, 1), normal(700, 2, 0.4)];
    const versions = [...old.map(() => 'v1'), ...young.map(() => 'v2')];
    await files.write('log.parquet', {
      id: ['VARCHAR', versions.map((_, i) => `r${i}`)],
      v: ['VARCHAR', versions],
      s: ['DOUBLE', [...old, ...young]],
    });
    const predictions = dataset('log', log);
    const model = {
      ...{ name: 'm', owner: 'o', task: 'binary' as const, features: { exclude: [] } },
      ...{ pipelines: {}, actions: {} },
      data: { predictions: { dataset: 'log', key: 'id', version: 'v', score: 's' } },
    };
    const reference = { label: 'version v1', dataset: predictions, version: 'v1' };
    const args = { main: 'psi', prediction: 'score', version: 'v2' };
    const reading = only(await seen(args, { dataset: predictions, model, reference }));
    expect(reading.fields).toMatchObject({ rows: 700, ref_rows: 900 });
    expect(reading.fields.value).toBeCloseTo(purePsi(old, young), 12);
    const more = { dataset: predictions, model: { ...model, data: {} }, reference };
    const other = await take(
      drift,
      request('drift', { main: 'psi', feature: 's', version: 'v2' }, more),
      files.port,
    );
    expect(other).toMatchObject({
      reason: 'undefined',
      message: expect.stringContaining('no column tells which version made a row'),
    });
  });

  test('the arguments are strict', () => {
    for (const args of [
      { main: 'psi' },
      { main: 'psi', feature: 'x', prediction: 'score' },
      { main: 'js', feature: 'x' },
      { main: 'psi', feature: 'x', by: [] },
      { main: 'psi', feature: 'x', by: ['a', 'b', 'c'] },
      { main: 'psi', feature: 'x', bins: 1 },
      { main: 'psi', feature: 'x', window: '7d' },
    ])
      expect(drift.args.safeParse(args), JSON.stringify(args)).toMatchObject({ success: false });
    expect(connection.name).toBe(all.connection);
  });
});
