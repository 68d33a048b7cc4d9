/** Pipeline `refresh`: the feature view of one morning, computed from landed flights only. */
import { addDays, layout } from './layout.ts';
import { runPipeline } from './pipeline.ts';
import { literal, type Warehouse, withWarehouse, writeParquet } from './warehouse.ts';

/** How many days back the rate looks. */
const windowDays = 7;

/**
 * Writes `data/features/<day>.parquet`: per origin the share of late flights (0..1) among those of the seven days before
 * `day`, with their count. Gives the number of origins, 0 when nothing has landed yet; days that did not land are
 * left out of the rate.
 */
export async function refreshFeatures(root: string, day: string): Promise<{ readonly origins: number }> {
  return withWarehouse(warehouse => refreshWith(warehouse, root, day));
}

/** The same, for many days in one engine. */
export async function refreshWith(
  warehouse: Warehouse,
  root: string,
  day: string,
): Promise<{ readonly origins: number }> {
  const paths = layout(root);
  const days = Array.from({ length: windowDays }, (_, index) => paths.flights(addDays(day, -1 - index)));
  const landed = await warehouse.rows(
    `SELECT file FROM glob(${literal(paths.allFlights)}) WHERE file IN (${days.map(literal).join(', ')})`,
  );
  const rates =
    landed.length === 0
      ? `SELECT NULL::VARCHAR AS origin, NULL::DOUBLE AS late_rate, NULL::INTEGER AS flights WHERE false`
      : `SELECT origin, avg(late::INTEGER) AS late_rate, count(*)::INTEGER AS flights
         FROM read_parquet([${landed.map(row => literal(String(row.file))).join(', ')}]) GROUP BY origin ORDER BY origin`;
  await writeParquet(warehouse, `SELECT DATE '${day}' AS day, * FROM (${rates})`, paths.features(day));
  const [count] = await warehouse.rows(`SELECT count(*)::INTEGER AS n FROM ${literal(paths.features(day))}`);
  return { origins: Number(count?.n) };
}

if (import.meta.main) {
  await runPipeline(async ({ root, params }) => {
    const day = String(params.day ?? params.until).slice(0, 10);
    return { day, ...(await refreshFeatures(root, day)) };
  });
}
