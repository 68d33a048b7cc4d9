/** Scores the flights of a day and writes the prediction log: what the serving process does, without its door. */
import { readFile, stat } from 'node:fs/promises';
import { type Classifier, type FlightColumns, score } from './classifier.ts';
import { checkedVersion, layout } from './layout.ts';
import { readModel } from './registry.ts';
import { appear, literal, type Warehouse } from './warehouse.ts';

/** Version → share of the requests; the shares sum to 1. */
export type Weights = readonly (readonly [version: string, share: number])[];

/** The checked weights of the serving system, in the order of their names. Throws when the file is no such thing. */
export async function readWeights(root: string): Promise<Weights> {
  const path = layout(root).weights;
  const content = JSON.parse(await readFile(path, 'utf8')) as { readonly weights?: Record<string, unknown> };
  const shares = Object.entries(content.weights ?? {}).map(
    ([version, share]) => [checkedVersion(version), Number(share)] as const,
  );
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (shares.some(([, share]) => !(share >= 0)) || Math.abs(sum - 1) > 1e-9) {
    throw new Error(`${path}: weights ${JSON.stringify(content.weights)}; expected shares that sum to 1`);
  }
  return shares
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .filter(([, share]) => share > 0);
}

/** The version that a request goes to. `ticket` is the request's own number in [0, 1): the same one always goes the same way. */
export function route(weights: Weights, ticket: number): string {
  let upTo = 0;
  for (const [version, share] of weights) {
    upTo += share;
    if (ticket < upTo) return version;
  }
  const last = weights.at(-1);
  if (last === undefined) throw new Error('weights: none; expected at least one version');
  return last[0];
}

/**
 * Scores every flight of `day` by the weights in force, with the feature view of that morning, and writes
 * `data/predictions/<day>.parquet`. Gives the number of requests per version. Without a view for the day, or without the
 * airport in it, a flight is scored with the model's fallback rate and logged with `late_rate` null.
 */
export async function scoreDay(
  warehouse: Warehouse,
  models: Map<string, Classifier>,
  root: string,
  day: string,
): Promise<Readonly<Record<string, number>>> {
  const requests = await readRequests(warehouse, root, day);
  const weights = await readWeights(root);
  const versions = requests.tickets.map(ticket => route(weights, ticket));
  const scores = new Float64Array(requests.flights.rows);
  const counts: Record<string, number> = {};
  for (const [version] of weights) {
    const model = models.get(version) ?? (await readModel(root, version));
    models.set(version, model);
    const own = score(model, requests.flights);
    counts[version] = 0;
    for (const [row, chosen] of versions.entries()) {
      if (chosen !== version) continue;
      scores[row] = logged(own[row] as number);
      counts[version]++;
    }
  }
  await writeLog(warehouse, root, day, requests.id, versions, scores);
  return counts;
}

/** A score as it is answered and logged: four decimals are plenty, and few distinct values make a log quick to judge. */
function logged(score: number): number {
  return Math.min(9_999, Math.max(1, Math.round(score * 10_000))) / 10_000;
}

interface Requests {
  readonly id: readonly number[];
  readonly tickets: readonly number[];
  readonly flights: FlightColumns;
}

async function readRequests(warehouse: Warehouse, root: string, day: string): Promise<Requests> {
  const paths = layout(root);
  const view = (await exists(paths.features(day)))
    ? `SELECT origin AS airport, late_rate FROM read_parquet(${literal(paths.features(day))})`
    : 'SELECT NULL::VARCHAR AS airport, NULL::DOUBLE AS late_rate';
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE requests AS
    SELECT flight_id, departed_at, hour, weekday, distance, origin, destination, late_rate
    FROM read_parquet(${literal(paths.sourceFlights(day))}) LEFT JOIN (${view}) ON airport = origin ORDER BY flight_id`);
  const [id, tickets, hour, weekday, distance, origin, destination, rate] = (await warehouse.columns(
    `SELECT flight_id, (md5_number_lower('route:' || flight_id) % 1000000)::INTEGER / 1000000, hour, weekday, distance,
     origin, destination, coalesce(late_rate, 'NaN'::DOUBLE) FROM requests ORDER BY flight_id`,
  )) as [number[], number[], number[], number[], number[], string[], string[], number[]];
  const flights = {
    rows: id.length,
    hour: Int32Array.from(hour),
    weekday: Int32Array.from(weekday),
    distance: Int32Array.from(distance),
    origin,
    destination,
    lateRate: Float64Array.from(rate),
  };
  return { id, tickets, flights };
}

async function writeLog(
  warehouse: Warehouse,
  root: string,
  day: string,
  id: readonly number[],
  versions: readonly string[],
  scores: Float64Array,
): Promise<void> {
  await warehouse.run(
    'CREATE OR REPLACE TEMP TABLE scored (flight_id INTEGER, version VARCHAR, score DOUBLE)',
  );
  const appender = await warehouse.connection.createAppender('scored');
  for (const [row, flight] of id.entries()) {
    appender.appendInteger(flight);
    appender.appendVarchar(versions[row] as string);
    appender.appendDouble(scores[row] as number);
    appender.endRow();
  }
  appender.closeSync();
  await appear(layout(root).predictions(day), temporary =>
    warehouse.run(`COPY (SELECT flight_id, departed_at AS scored_at, version, score, hour, weekday, distance, origin, destination,
      late_rate FROM requests JOIN scored USING (flight_id) ORDER BY flight_id) TO ${literal(temporary)} (FORMAT parquet)`),
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
