/** Where the example keeps what: the paths below its state folder, and arithmetic on days. It touches no file. */
import { join } from 'node:path';

export const modelName = 'late-flights';

const dayMs = 86_400_000;

/** The paths of the example below `root`. A day is `YYYY-MM-DD`; an existing file is always whole (written by rename). */
export function layout(root: string) {
  const registry = join(root, 'registry', modelName);
  const serving = join(root, 'serving', modelName);
  return {
    /** What has not happened yet, as far as pipelines know. Only `land.ts` and `serve.ts` read it. */
    source: join(root, 'source'),
    sourceFlights: (day: string) => join(root, 'source', 'flights', `${checkedDay(day)}.parquet`),
    sourceLabels: (day: string) => join(root, 'source', 'labels', `${checkedDay(day)}.parquet`),
    flights: (day: string) => join(root, 'data', 'flights', `${checkedDay(day)}.parquet`),
    labels: (day: string) => join(root, 'data', 'labels', `${checkedDay(day)}.parquet`),
    predictions: (day: string) => join(root, 'data', 'predictions', `${checkedDay(day)}.parquet`),
    features: (day: string) => join(root, 'data', 'features', `${checkedDay(day)}.parquet`),
    /** Where labels and predictions go when the warehouse drops them. */
    archived: (kind: 'labels' | 'predictions', day: string) =>
      join(root, 'archive', kind, `${checkedDay(day)}.parquet`),
    allFlights: join(root, 'data', 'flights', '*.parquet'),
    allFeatures: join(root, 'data', 'features', '*.parquet'),
    registry,
    version: (version: string) => join(registry, checkedVersion(version)),
    champion: join(registry, 'champion.json'),
    serving,
    weights: join(serving, 'weights.json'),
    port: join(serving, 'port'),
    injection: join(root, 'inject.json'),
  };
}

/** Milliseconds since the epoch at the start of a day (UTC). Throws on anything but an existing `YYYY-MM-DD`. */
export function startOf(day: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at) || dayOf(at) !== day) {
    throw new Error(`day: ${JSON.stringify(day)}; expected an existing day as YYYY-MM-DD`);
  }
  return at;
}

/** The day (UTC) of a moment in milliseconds since the epoch. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The day that lies `days` after `day`; before it when negative. */
export function addDays(day: string, days: number): string {
  return dayOf(startOf(day) + days * dayMs);
}

/** The days of `[from, to)`, oldest first. */
export function daysBetween(from: string, to: string): readonly string[] {
  const count = Math.max(0, (startOf(to) - startOf(from)) / dayMs);
  return Array.from({ length: count }, (_, index) => addDays(from, index));
}

/** The same version name. Throws unless it is `v` and a number, so that a version never names another path. */
export function checkedVersion(version: unknown): string {
  if (typeof version === 'string' && /^v[1-9]\d{0,8}$/.test(version)) return version;
  throw new Error(`version: ${JSON.stringify(version)}; expected v1, v2, …`);
}

function checkedDay(day: string): string {
  return dayOf(startOf(day));
}
