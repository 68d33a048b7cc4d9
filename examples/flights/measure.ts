/** Prints what the thresholds of `policies/` were chosen from: how the half year differs from January, week by week. */
import { layout } from './layout.ts';
import { prepare } from './prepare.ts';
import { literal, openWarehouse, type Warehouse } from './warehouse.ts';

/**
 * PSI of a column against its January, by week (counted from 0) and slice. Ten quantiles of the reference (linear
 * interpolation, atoms given a bin of their own), upper-inclusive bins, shares floored at 1e-4. A column of text or of few
 * values is compared value by value.
 */
export async function psiByWeek(
  warehouse: Warehouse,
  column: string,
  { slice = `'all'`, exact = false }: { readonly slice?: string; readonly exact?: boolean } = {},
): Promise<
  readonly { readonly week: number; readonly slice: string; readonly psi: number; readonly rows: number }[]
> {
  const bin = exact ? 'x' : 'len(list_filter(edges, e -> e < x))';
  const rows = await warehouse.rows(`
    WITH rows AS (SELECT ${column} AS x, ${slice} AS slice, departed_at, day FROM flights WHERE ${column} IS NOT NULL),
    quantiles AS (
      SELECT slice, ${exact ? '[]::DOUBLE[]' : 'quantile_cont(x, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])'} AS q
      FROM rows WHERE departed_at < '2001-02-01' GROUP BY slice),
    profile AS (
      SELECT slice, list_sort(list_distinct(list_concat(q, list_filter([CASE WHEN e = q[i - 1] THEN e - 1e-9 END
        FOR e, i IN q], e -> e IS NOT NULL)))) AS edges FROM quantiles),
    binned AS (SELECT slice, ${bin} AS bin, departed_at < '2001-02-01' AS reference, day // 7 AS week FROM rows JOIN profile USING (slice)),
    expected AS (SELECT slice, bin, count(*) AS n, sum(count(*)) OVER (PARTITION BY slice) AS total FROM binned WHERE reference GROUP BY slice, bin),
    found AS (SELECT slice, week, bin, count(*) AS n, sum(count(*)) OVER (PARTITION BY slice, week) AS total FROM binned GROUP BY slice, week, bin),
    weeks AS (SELECT DISTINCT slice, week, total FROM found),
    grid AS (
      SELECT slice, week, weeks.total, bin FROM weeks JOIN
        (SELECT DISTINCT slice, bin FROM expected UNION SELECT DISTINCT slice, bin FROM found) USING (slice))
    SELECT week::INTEGER AS week, slice, any_value(grid.total)::INTEGER AS rows,
      sum((greatest(coalesce(found.n, 0) / grid.total, 1e-4) - greatest(coalesce(expected.n, 0) / reference.total, 1e-4))
        * ln(greatest(coalesce(found.n, 0) / grid.total, 1e-4) / greatest(coalesce(expected.n, 0) / reference.total, 1e-4))) AS psi
    FROM grid JOIN (SELECT DISTINCT slice, total FROM expected) AS reference USING (slice)
      LEFT JOIN found USING (slice, week, bin) LEFT JOIN expected USING (slice, bin)
    GROUP BY slice, week ORDER BY slice, week`);
  return rows.map(row => ({
    week: Number(row.week),
    slice: String(row.slice),
    psi: Number(row.psi),
    rows: Number(row.rows),
  }));
}

/** Loads all days of `root/source`, with the seven-day late rate of the origin, into the table `flights`. */
export async function loadFlights(warehouse: Warehouse, root: string): Promise<void> {
  await warehouse.run(`CREATE TABLE flights AS
    WITH all_flights AS (SELECT *, date_diff('day', DATE '2001-01-01', departed_at::DATE) AS day
      FROM read_parquet(${literal(layout(root).sourceFlights('2001-01-01').replace('2001-01-01', '*'))})),
    daily AS (SELECT origin, day, sum(late::INTEGER) AS late, count(*) AS n FROM all_flights GROUP BY ALL),
    rates AS (SELECT a.origin, a.day, sum(b.late) / sum(b.n) AS late_rate FROM daily AS a
      JOIN daily AS b ON b.origin = a.origin AND b.day BETWEEN a.day - 7 AND a.day - 1 GROUP BY ALL)
    SELECT all_flights.*, late_rate FROM all_flights LEFT JOIN rates USING (origin, day)`);
}

async function printWeeks(warehouse: Warehouse): Promise<void> {
  const columns = {
    hour: await psiByWeek(warehouse, 'hour'),
    distance: await psiByWeek(warehouse, 'distance'),
    origins: await psiByWeek(warehouse, 'origin', { exact: true }),
    weekday: await psiByWeek(warehouse, 'weekday', { exact: true }),
    late_rate: await psiByWeek(warehouse, 'late_rate'),
    delay: await psiByWeek(warehouse, 'delay'),
  };
  const late = await warehouse.rows(
    'SELECT day // 7 AS week, avg(late::INTEGER) AS late FROM flights GROUP BY ALL ORDER BY week',
  );
  const busiest = `CASE WHEN origin IN (SELECT origin FROM flights WHERE departed_at < '2001-02-01' GROUP BY origin HAVING count(*) >= 3600) THEN origin END`;
  const airports = (await psiByWeek(warehouse, 'delay', { slice: busiest })).filter(
    one => one.slice !== 'null',
  );
  process.stdout.write(
    `week | late | ${Object.keys(columns).join(' | ')} | delay by airport: above 0.2, largest\n`,
  );
  for (const { week, late: share } of late) {
    const index = Number(week);
    const cells = Object.values(columns).map(of => of.find(one => one.week === index)?.psi.toFixed(3) ?? '');
    const moved = airports.filter(one => one.week === index).sort((a, b) => b.psi - a.psi);
    const largest = moved.slice(0, 3).map(one => `${one.slice} ${one.psi.toFixed(2)}`);
    const above = moved.filter(one => one.psi > 0.2).length;
    process.stdout.write(
      `${index} | ${Number(share).toFixed(3)} | ${cells.join(' | ')} | ${above}: ${largest.join(', ')}\n`,
    );
  }
}

if (import.meta.main) {
  const root = process.argv[2];
  if (root === undefined) {
    process.stderr.write('measure: no folder; expected the state folder of the example, such as .demo\n');
    process.exitCode = 1;
  } else {
    await prepare(root);
    const warehouse = await openWarehouse();
    try {
      await loadFlights(warehouse, root);
      await printWeeks(warehouse);
    } finally {
      warehouse.close();
    }
  }
}
