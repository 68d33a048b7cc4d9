/** Which landed flights a training run uses, as SQL that anyone can run again to count the same rows. */
import type { FlightColumns } from './classifier.ts';
import { renderFocus } from './focus.ts';
import { addDays, daysBetween } from './layout.ts';
import { literal, type Warehouse } from './warehouse.ts';

/** One flight in ten is never trained on: by a hash of its id, so that every version has the same ones. */
export const holdoutSql = `md5_number_lower('holdout:' || flight_id) % 1000 < 100`;

/** What a training run is asked for; `since` belongs to the window, `until` does not (ISO 8601, UTC). */
export interface SampleRequest {
  readonly since: string;
  readonly until: string;
  /** These rows in full, plus the share `rest` of the others. Without a focus every row is used. */
  readonly focus: unknown;
  /** Only these rows. */
  readonly only: unknown;
  /** 0..1. */
  readonly rest: number;
  readonly seed: string;
}

/** The request rendered to SQL conditions. They name columns of the landed flights only. */
export interface Sample {
  /** What is trained on of the window that was asked for: it ends with the last day that has landed. */
  readonly since: string;
  readonly until: string;
  /** Days of the window that have not landed. They are named, so that the counts still hold when they land later. */
  readonly missing: readonly string[];
  readonly window: string;
  readonly focus: string;
  /** The rows that are trained on. */
  readonly used: string;
  /** The rows of the holdout: those of the window, or of `only`, that no version trains on. */
  readonly holdout: string;
}

/**
 * The conditions of a checked request, given the days that have landed. Throws when a part of it is no window, share or
 * filter, or when nothing of the window has landed.
 */
export function sampleOf(request: SampleRequest, landed: readonly string[]): Sample {
  const since = moment(request.since);
  const asked = moment(request.until);
  if (since >= asked) throw new Error(`window: ${since} to ${asked}; expected since before until`);
  const inside = landed.filter(day => addDays(day, 1) > since && day < asked).sort();
  const newest = inside.at(-1);
  if (newest === undefined)
    throw new Error(`window: ${since} to ${asked} has 0 rows landed; expected at least 1`);
  const until = [asked, `${addDays(newest, 1)} 00:00:00`].sort()[0] as string;
  const missing = daysBetween(since.slice(0, 10), newest).filter(day => !inside.includes(day));
  if (!(request.rest >= 0 && request.rest <= 1))
    throw new Error(`rest: ${request.rest}; expected a share, 0 to 1`);
  if (request.only !== null && request.focus !== null)
    throw new Error('focus and only: both; expected at most one');
  const only = request.only === null ? '' : ` AND ${renderFocus(request.only)}`;
  const without = missing.map(day => ` AND departed_at::DATE <> DATE '${day}'`).join('');
  const window = `departed_at >= TIMESTAMP '${since}' AND departed_at < TIMESTAMP '${until}'${without}${only}`;
  const focus = request.focus === null ? 'true' : renderFocus(request.focus);
  const millionths = Math.round(request.rest * 1_000_000);
  const drawn = `md5_number_lower(${literal(`rest:${request.seed}:`)} || flight_id) % 1000000 < ${millionths}`;
  return {
    since,
    until,
    missing,
    window,
    focus,
    used: `${window} AND NOT (${holdoutSql}) AND (${focus} OR ${drawn})`,
    holdout: `${window} AND ${holdoutSql}`,
  };
}

/**
 * A query over the landed flights with their late rate as of the morning of departure. With `leak` (an injected
 * fault) the rate is that of the flight's own route in its own hour instead, so that it tells the outcome.
 */
export function joinedFlights(
  files: { readonly flights: string; readonly features: string },
  leak: boolean,
): string {
  const landed = `read_parquet(${literal(files.flights)})`;
  const columns =
    'flight_id, departed_at, hour, weekday, distance, origin, destination, late::INTEGER AS late';
  if (leak) {
    const own = `avg(late::INTEGER) OVER (PARTITION BY origin, destination, departed_at::DATE, hour)`;
    return `SELECT ${columns}, ${own} AS late_rate FROM ${landed}`;
  }
  return `SELECT ${columns}, late_rate FROM ${landed} AS flight
    LEFT JOIN (SELECT origin AS at, day, late_rate FROM read_parquet(${literal(files.features)})) AS view
    ON view.at = flight.origin AND view.day = flight.departed_at::DATE`;
}

/** The rows of a query with the columns of `joinedFlights`, ordered by flight, and their outcomes. */
export async function readFlights(
  warehouse: Warehouse,
  query: string,
): Promise<{ readonly flights: FlightColumns; readonly late: Int32Array; readonly id: Int32Array }> {
  const [hour, weekday, distance, origin, destination, rate, late, id] = (await warehouse.columns(
    `SELECT hour, weekday, distance, origin, destination, coalesce(late_rate, 'NaN'::DOUBLE), late, flight_id
     FROM (${query}) ORDER BY flight_id`,
  )) as [number[], number[], number[], string[], string[], number[], number[], number[]];
  return {
    flights: {
      rows: id.length,
      hour: Int32Array.from(hour),
      weekday: Int32Array.from(weekday),
      distance: Int32Array.from(distance),
      origin,
      destination,
      lateRate: Float64Array.from(rate),
    },
    late: Int32Array.from(late),
    id: Int32Array.from(id),
  };
}

/** ISO 8601 in the form of SQL, UTC, to the second; both sort as text. */
function moment(text: string): string {
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new Error(`window: ${JSON.stringify(text)}; expected ISO 8601, such as 2001-02-01T00:00:00Z`);
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}
