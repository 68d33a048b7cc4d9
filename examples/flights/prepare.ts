/** Splits the public file of three million flights into one file a day, once. Nothing else reads the public file. */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { addDays, daysBetween, layout } from './layout.ts';
import { literal, type Warehouse, withWarehouse } from './warehouse.ts';

/** The days of the public file; of 2001-07-01 it has six flights only, which are left out. */
export const firstDay = '2001-01-01';
export const endDay = '2001-07-01';

/** More minutes of delay than this count as late. */
const lateAfterMinutes = 15;

/**
 * Fills `root/source` with one Parquet file of flights and one of labels a day; false when it was there already.
 * `flight_id` is the row number in the public file. Times are the airport's local ones, read as UTC.
 */
export async function prepare(root: string, from = firstDay, to = endDay): Promise<boolean> {
  const target = layout(root).source;
  if (await exists(target)) return false;
  const temporary = `${target}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  for (const kind of ['flights', 'labels']) await mkdir(join(temporary, kind), { recursive: true });
  try {
    await withWarehouse(warehouse => split(warehouse, temporary, from, to));
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw cause;
  }
  return true;
}

async function split(warehouse: Warehouse, folder: string, from: string, to: string): Promise<void> {
  await warehouse.run(`CREATE TABLE flights AS
    SELECT file_row_number::INTEGER AS flight_id, date AS departed_at, hour(date)::INTEGER AS hour,
      isodow(date)::INTEGER AS weekday, distance::INTEGER AS distance, origin, destination, delay::INTEGER AS delay,
      delay > ${lateAfterMinutes} AS late
    FROM read_parquet(${literal(publicFile())}, file_row_number = true)
    WHERE date >= ${literal(from)}::TIMESTAMP AND date < ${literal(to)}::TIMESTAMP`);
  for (const day of daysBetween(from, to)) {
    const next = addDays(day, 1);
    const rows = `FROM flights WHERE departed_at >= '${day}' AND departed_at < '${next}' ORDER BY flight_id`;
    const labels = `flight_id, departed_at, late::INTEGER AS late, delay`;
    await warehouse.run(`COPY (SELECT * ${rows}) TO ${file('flights', day)} (FORMAT parquet)`);
    await warehouse.run(`COPY (SELECT ${labels} ${rows}) TO ${file('labels', day)} (FORMAT parquet)`);
  }

  function file(kind: string, day: string): string {
    return literal(join(folder, kind, `${day}.parquet`));
  }
}

function publicFile(): string {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  return join(dirname(entry), '..', 'data', 'flights-3m.parquet');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
