import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refreshFeatures } from './features.ts';
import { landDay } from './land.ts';
import { addDays, daysBetween, layout, startOf } from './layout.ts';
import { beginDay } from './morning.ts';
import { prepare } from './prepare.ts';
import type { Injection } from './story.ts';
import { literal, withWarehouse } from './warehouse.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flights-morning-'));
  expect(await prepare(root, '2001-01-01', '2001-01-13')).toBe(true);
  expect(await prepare(root)).toBe(false);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function files(path: string): Promise<readonly string[]> {
  return (await readdir(dirname(path)).catch(() => [])).sort().map(name => name.replace('.parquet', ''));
}

test('a replay lands, refreshes and injects what its story says', async () => {
  const faults: readonly Injection[] = [
    { kind: 'refresh-fails', from: '2001-01-04', to: '2001-01-04', note: '' },
    { kind: 'nothing-lands', from: '2001-01-06', to: '2001-01-07', note: '' },
    { kind: 'training-leaks', from: '2001-01-09', to: '2001-01-09', note: '' },
  ];
  const paths = layout(root);
  const days = daysBetween('2001-01-02', '2001-01-11');
  const table = await withWarehouse(async warehouse => {
    const lines: string[] = [];
    for (const day of days) {
      const active = await beginDay(warehouse, root, day, faults);
      const landed = await files(paths.flights(day));
      const leak = await readFile(paths.injection, 'utf8').then(
        () => 'leak',
        () => '-',
      );
      expect(await files(paths.labels(day))).toEqual(landed);
      lines.push(
        `${day} | ${landed.at(-1)} | ${landed.length} | ${(await files(paths.features(day))).at(-1)} | ${leak} | ${active.length}`,
      );
    }
    return lines.join('\n');
  });
  expect(table).toBe(
    `2001-01-02 | 2001-01-01 | 1 | 2001-01-02 | - | 0
2001-01-03 | 2001-01-02 | 2 | 2001-01-03 | - | 0
2001-01-04 | 2001-01-03 | 3 | 2001-01-03 | - | 1
2001-01-05 | 2001-01-04 | 4 | 2001-01-05 | - | 0
2001-01-06 | 2001-01-04 | 4 | 2001-01-06 | - | 1
2001-01-07 | 2001-01-04 | 4 | 2001-01-07 | - | 1
2001-01-08 | 2001-01-07 | 7 | 2001-01-08 | - | 0
2001-01-09 | 2001-01-08 | 8 | 2001-01-09 | leak | 1
2001-01-10 | 2001-01-09 | 9 | 2001-01-10 | - | 0`,
  );
});

test('the feature view is the late share of seven landed days, without the day itself', async () => {
  for (const day of daysBetween('2001-01-01', '2001-01-12')) await landDay(root, day);
  await refreshFeatures(root, '2001-01-11');
  const paths = layout(root);
  const wrong = await withWarehouse(warehouse =>
    warehouse.rows(`SELECT * FROM (SELECT origin, avg(late::INTEGER) AS expected, count(*) AS n FROM read_parquet(${literal(paths.allFlights)})
      WHERE departed_at >= '2001-01-04' AND departed_at < '2001-01-11' GROUP BY origin)
      FULL JOIN read_parquet(${literal(paths.features('2001-01-11'))}) AS view USING (origin)
      WHERE view.late_rate IS DISTINCT FROM expected OR view.flights IS DISTINCT FROM n`),
  );
  expect(wrong).toEqual([]);
});

test('a view without anything landed is empty, and a broken file is an error', async () => {
  expect(await refreshFeatures(root, '2001-03-01')).toEqual({ origins: 0 });
  await writeFile(layout(root).flights('2001-01-12'), 'not parquet');
  await expect(refreshFeatures(root, '2001-01-13')).rejects.toThrow(/2001-01-12/);
  expect(await files(layout(root).features('2001-01-13'))).not.toContain('2001-01-13');
});

test('labels and predictions leave the warehouse after thirty days, flights stay', async () => {
  const paths = layout(root);
  const quiet: Injection = { kind: 'nothing-lands', from: '2001-02-01', to: '2001-02-03', note: '' };
  const labels = await readFile(paths.labels('2001-01-02'));
  await withWarehouse(warehouse => beginDay(warehouse, root, '2001-02-02', [quiet]));
  expect(await readFile(paths.archived('labels', '2001-01-02'))).toEqual(labels);
  expect(await files(paths.labels('2001-01-02'))).not.toContain('2001-01-02');
  expect(await files(paths.flights('2001-01-02'))).toContain('2001-01-02');
});

test('days', () => {
  expect(addDays('2001-02-28', 1)).toBe('2001-03-01');
  expect(daysBetween('2001-03-01', '2001-02-01')).toEqual([]);
  expect(() => startOf('2001-2-1')).toThrow(/expected an existing day/);
});
