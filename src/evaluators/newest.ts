/** How old the newest row of a window is: what `maxAge` asks of any dataset. Pure. */

import type { Dialect, Json, ObservationRequest, Query, Row, Unknown } from '../model.ts';
import { wallClock } from './source.ts';

/** The query for the newest event time before the window's end, or undefined when `maxAge` or the time column is not given. */
export function newestQuery(request: ObservationRequest, dialect: Dialect): Query | undefined {
  const { dataset, maxAgeMs, connection } = request;
  const end = endOf(request);
  if (maxAgeMs === undefined || dataset?.time === undefined || end === undefined) return undefined;
  const column = dialect.identifier(dataset.time.column);
  const before = dialect.timestamp(wallClock(end, dataset.time.zone));
  const relation = dialect.relation(dataset, connection);
  return { sql: `SELECT epoch_ms(max(${column})) AS newest FROM ${relation} WHERE ${column} < ${before}` };
}

/** `stale` when the newest row is older than `maxAge` at the window's end, or when there is none. */
export function staleness(request: ObservationRequest, rows: readonly Row[]): Unknown | undefined {
  const newest: Json = rows[0]?.newest ?? null;
  const end = wallClock(endOf(request) ?? 0, request.dataset?.time?.zone ?? 'UTC');
  const most = request.maxAgeMs ?? Number.POSITIVE_INFINITY;
  const at = typeof newest === 'number' ? newest : typeof newest === 'string' ? Number(newest) : Number.NaN;
  if (Number.isFinite(at) && end - at <= most) return undefined;
  const found = Number.isFinite(at) ? `the newest row is ${hours(end - at)} old` : 'there is no row';
  return {
    reason: 'stale',
    message: `${found}; at most ${hours(most)} is allowed (${request.dataset?.name ?? ''})`,
  };
}

/** Where the data that is looked at ends. */
function endOf({ interval, end }: ObservationRequest): number | undefined {
  return interval?.to ?? end;
}

function hours(ms: number): string {
  return `${Math.round(ms / 360_000) / 10} h`;
}
