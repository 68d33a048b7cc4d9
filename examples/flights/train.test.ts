import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootstrap, runAlone } from './bootstrap.ts';
import { score } from './classifier.ts';
import { evaluate } from './evaluate.ts';
import { refreshWith } from './features.ts';
import { landDay } from './land.ts';
import { daysBetween, layout } from './layout.ts';
import { measure } from './metrics.ts';
import { prepare } from './prepare.ts';
import { claimVersion, readCard, readModel } from './registry.ts';
import { holdoutSql, joinedFlights, readFlights } from './sample.ts';
import { train } from './train.ts';
import { type Warehouse, withWarehouse, writeJson } from './warehouse.ts';

const days = { from: '2001-01-01', to: '2001-01-09' };
const window = { since: '2001-01-02T00:00:00Z', until: '2001-01-09T00:00:00Z' };
const focus = { op: 'in', column: 'origin', values: ['ORD', 'EWR'] };
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flights-train-'));
  await prepare(root, days.from, '2001-01-12');
  expect(await bootstrap(root, days)).toBe('v1');
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function trained(params: Record<string, unknown>) {
  const result = await train({ root, params: { ...window, ...params } });
  return { result, card: await readCard(root, String(result.version)), version: String(result.version) };
}

/** A query as a person would run it in the state folder. */
async function count(sql: string): Promise<Record<string, unknown>> {
  return withWarehouse(async (warehouse: Warehouse) => {
    await warehouse.run(`SET file_search_path = '${root}'`);
    const [row] = await warehouse.rows(sql);
    return row ?? {};
  });
}

describe('train', () => {
  test('uses the focus in full and the stated share of the rest, as SQL counts them', async () => {
    const { card, result } = await trained({ focus, rest: 0.1, seed: 7 });
    const where = `departed_at >= '2001-01-02' AND departed_at < '2001-01-09' AND NOT (${holdoutSql})`;
    const own = await count(`SELECT count(*) FILTER (WHERE origin IN ('ORD', 'EWR'))::INTEGER AS focus,
      count(*) FILTER (WHERE origin NOT IN ('ORD', 'EWR'))::INTEGER AS others FROM 'data/flights/*.parquet' WHERE ${where}`);
    expect(card.rows.population).toEqual(own);
    expect(card.rows.focus).toBe(own.focus);
    expect(card.rows.used).toBe(card.rows.focus + card.rows.rest);
    expect(result).toMatchObject({ rows: card.rows.used, focus_rows: own.focus, rest_rows: card.rows.rest });
    // 3 standard errors of a sample of a tenth.
    const others = Number(own.others);
    expect(Math.abs(card.rows.rest - others / 10)).toBeLessThan(3 * Math.sqrt(others * 0.09));
    expect(await count(card.countingSql)).toEqual({
      focus: card.rows.focus,
      rest: card.rows.rest,
      focus_population: card.rows.population.focus,
      others_population: card.rows.population.others,
      holdout: card.rows.holdout,
    });
    expect(
      await count(`SELECT count(*)::INTEGER AS n FROM 'data/flights/*.parquet' WHERE ${card.slice.sql}`),
    ).toEqual({
      n: card.rows.used,
    });
  });

  test('counts what had landed, also when more lands later', async () => {
    const late = layout(root).flights('2001-01-05');
    await rename(late, `${late}.held`);
    const { card } = await trained({ focus, rest: 0.1, seed: 7, until: '2001-01-09T02:30:00Z' }).finally(() =>
      rename(`${late}.held`, late),
    );
    expect(card.trained).toEqual({
      from: '2001-01-02T00:00:00Z',
      to: '2001-01-09T00:00:00Z',
      missing: ['2001-01-05'],
    });
    await landDay(root, '2001-01-09');
    expect(await count(card.countingSql)).toMatchObject({ focus: card.rows.focus, rest: card.rows.rest });
    await rm(layout(root).flights('2001-01-09'));
  });

  test('with only, uses nothing else', async () => {
    const { card } = await trained({ only: { op: '==', column: 'origin', value: 'ORD' }, rest: 0, seed: 1 });
    const own = await count(`SELECT count(*)::INTEGER AS n FROM 'data/flights/*.parquet' WHERE origin = 'ORD'
      AND departed_at >= '2001-01-02' AND departed_at < '2001-01-09' AND NOT (${holdoutSql})`);
    expect(card.rows).toMatchObject({ used: own.n, rest: 0 });
  });

  test('gives the same model for the same seed, and another for another', async () => {
    const [first, again, other] = [
      await trained({ focus, rest: 0.1, seed: 7 }),
      await trained({ focus, rest: 0.1, seed: 7 }),
      await trained({ focus, rest: 0.1, seed: 8 }),
    ];
    expect(again.version).not.toBe(first.version);
    expect(again.card.dataHash).toBe(first.card.dataHash);
    expect(await readModel(root, again.version)).toEqual(await readModel(root, first.version));
    expect(other.card.dataHash).not.toBe(first.card.dataHash);
    expect(other.card.rows.focus).toBe(first.card.rows.focus);
  });

  test('says what it was trained on, and never trains on the holdout', async () => {
    const { card } = await trained({ focus, rest: 0.1, seed: 7 });
    expect(card).toMatchObject({
      model: 'late-flights',
      parent: 'v1',
      created: '2001-01-09T00:00:00.000Z',
      trained: { from: '2001-01-02T00:00:00Z', to: '2001-01-09T00:00:00Z', missing: [] },
      slice: { focus, only: null, rest: 0.1, seed: '7' },
    });
    expect(card).not.toHaveProperty('injected');
    const overlap = `SELECT count(*)::INTEGER AS n FROM 'data/flights/*.parquet' WHERE (${card.slice.sql}) AND ${holdoutSql}`;
    expect(await count(overlap)).toEqual({ n: 0 });
    expect(card.holdout.metrics.rows).toBe(card.rows.holdout);
  });

  test('with an injected leak, says so, looks better on the holdout and is worse live', async () => {
    const honest = await trained({ seed: 7 });
    await writeJson(layout(root).injection, { train: 'leak' });
    const leaky = await trained({ seed: 7 }).finally(() => rm(layout(root).injection));
    expect(leaky.card.injected).toBe('leak');
    const judged = await evaluate({ root, params: { version: leaky.version, champion: 'v1' } });
    expect(judged.delta_upper).toBeLessThan(0);
    expect(leaky.card.holdout.metrics.auc).toBeGreaterThan(honest.card.holdout.metrics.auc + 0.2);
    const [honestLive, leakyLive] = [await live(honest.version), await live(leaky.version)];
    expect(leakyLive.auc).toBeLessThan(honestLive.auc - 0.03);
    expect(leakyLive.log_loss).toBeGreaterThan(honestLive.log_loss);
  });

  test.each([
    [{ focus: { op: '==', column: 'late', value: 1 } }, /expected a segment column/],
    [{ focus, only: focus }, /expected at most one/],
    [{ focus, rest: 1.5 }, /rest: 1.5; expected a share/],
    [{ since: 'yesterday' }, /expected ISO 8601/],
    [{ since: window.until }, /expected since before until/],
    [{ since: '2002-01-01', until: '2002-02-01' }, /0 rows landed; expected at least 1/],
    [{ only: { op: '==', column: 'origin', value: 'XXX' } }, /0 rows; expected at least 1/],
  ])('refuses %j and leaves no version', async (params, message) => {
    const before = await readdir(layout(root).registry);
    await expect(trained(params)).rejects.toThrow(message);
    expect(await readdir(layout(root).registry)).toEqual(before);
  });

  test('fails in its own process with one line', async () => {
    await expect(runAlone('train.ts', root, { since: 'x', until: 'y' })).rejects.toThrow(
      /train\.ts ended with 1: window: "x"; expected ISO 8601/,
    );
  });
});

/** How good a version is on days that no version has seen. */
async function live(version: string) {
  return withWarehouse(async warehouse => {
    for (const day of daysBetween('2001-01-09', '2001-01-12')) {
      await refreshWith(warehouse, root, day);
      await landDay(root, day);
    }
    const files = { flights: layout(root).allFlights, features: layout(root).allFeatures };
    const rows = await readFlights(
      warehouse,
      `SELECT * FROM (${joinedFlights(files, false)}) WHERE departed_at >= '2001-01-09'`,
    );
    return measure(score(await readModel(root, version), rows.flights), rows.late);
  });
}

test('evaluate compares on the flights that the candidate held out', async () => {
  const { version, card } = await trained({ seed: 3 });
  const found = await evaluate({ root, params: { version } });
  expect(found).toMatchObject({ version, champion: 'v1', ...card.holdout.metrics });
  expect(found.delta).toBeCloseTo(Number(found.log_loss) - Number(found.champion_log_loss), 12);
  expect(Number(found.delta_lower)).toBeLessThan(Number(found.delta));
  await expect(evaluate({ root, params: { version: '../v1' } })).rejects.toThrow(/expected v1, v2/);
  await expect(evaluate({ root, params: { version: 'v999' } })).rejects.toThrow();
});

test('a version name is claimed once, however many ask at a time', async () => {
  const claimed = await Promise.all(Array.from({ length: 20 }, () => claimVersion(root)));
  expect(new Set(claimed).size).toBe(20);
  await Promise.all(claimed.map(version => rm(layout(root).version(version), { recursive: true })));
});

test('the bootstrap puts v1 into service', async () => {
  const paths = layout(root);
  expect(JSON.parse(await readFile(paths.champion, 'utf8'))).toMatchObject({ version: 'v1' });
  expect(JSON.parse(await readFile(paths.weights, 'utf8'))).toMatchObject({ weights: { v1: 1 } });
});
