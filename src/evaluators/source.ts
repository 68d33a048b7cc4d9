/** The rows that an evaluator looks at, as a `FROM … WHERE …` clause: dataset, interval and predicate. Pure. */
import {
  assert,
  type DatasetSpec,
  type Dialect,
  type Interval,
  type ObservationRequest,
  type Predicate,
} from '../model.ts';
import { predicateSql } from './predicate.ts';

/** `FROM … WHERE …` over the request's dataset, its interval, its `version` of the predictions, and `where`. */
export function currentRows(request: ObservationRequest, dialect: Dialect): string {
  assert(request.dataset !== undefined, `observation ${request.name} has no dataset`);
  const intervals = request.interval === undefined ? [] : [request.interval];
  const { version } = request.args;
  return rowsOf(
    request,
    dialect,
    request.dataset,
    intervals,
    version === undefined ? undefined : String(version),
  );
}

/** The same over the reference: the union of its intervals, its own version, and the same `where`. */
export function referenceRows(request: ObservationRequest, dialect: Dialect): string {
  const { reference } = request;
  assert(reference !== undefined, `observation ${request.name} has no reference`);
  const first = reference.interval === undefined ? [] : [reference.interval];
  const intervals = [...first, ...(reference.intervals ?? [])];
  return rowsOf(request, dialect, reference.dataset, intervals, reference.version);
}

/** The column that tells which version made a row: of the Model's predictions, and of no other dataset. */
export function versionColumn(request: ObservationRequest, dataset: DatasetSpec): string | undefined {
  const predictions = request.model?.data.predictions;
  return predictions?.dataset === dataset.name ? predictions.version : undefined;
}

function rowsOf(
  request: ObservationRequest,
  dialect: Dialect,
  dataset: DatasetSpec,
  intervals: readonly Interval[],
  version: string | undefined,
): string {
  const relation = dialect.relation(dataset, request.connection);
  const column = versionColumn(request, dataset);
  assert(version === undefined || column !== undefined, `dataset ${dataset.name} has no version of its rows`);
  const clauses = [
    ...conditions(dataset, intervals, request.where, dialect),
    ...(version === undefined || column === undefined
      ? []
      : [`(${dialect.identifier(column)} = ${dialect.literal(version)})`]),
  ];
  return clauses.length === 0 ? `FROM ${relation}` : `FROM ${relation} WHERE ${clauses.join(' AND ')}`;
}

function conditions(
  dataset: DatasetSpec,
  intervals: readonly Interval[],
  where: Predicate | undefined,
  dialect: Dialect,
): readonly string[] {
  const within = intervals.map(interval => inInterval(dataset, interval, dialect));
  return [
    ...(within.length === 0 ? [] : [within.length === 1 ? within.join() : `(${within.join(' OR ')})`]),
    ...(where === undefined ? [] : [predicateSql(where, dialect)]),
  ];
}

function inInterval(dataset: DatasetSpec, interval: Interval, dialect: Dialect): string {
  assert(dataset.time !== undefined, `dataset ${dataset.name} has no time column, but an interval is asked`);
  const column = dialect.identifier(dataset.time.column);
  const [from, to] = [interval.from, interval.to].map(at => wallClock(at, dataset.time?.zone ?? 'UTC'));
  assert(from !== undefined && to !== undefined, 'an interval has two ends');
  return `(${column} >= ${dialect.timestamp(from)} AND ${column} < ${dialect.timestamp(to)})`;
}

/**
 * What the clock on the wall shows in a zone at an instant, as milliseconds as if it were UTC: how a dataset's zoneless
 * timestamps are written. In the hour that a change of clocks repeats, both passes give the same value.
 */
export function wallClock(at: number, zone: string): number {
  if (zone === 'UTC') return at;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const part = Object.fromEntries(format.formatToParts(at).map(p => [p.type, Number(p.value)]));
  const [year = 0, month = 1, day = 1] = [part.year, part.month, part.day];
  const seconds = Date.UTC(year, month - 1, day, part.hour, part.minute, part.second);
  return seconds + (((at % 1000) + 1000) % 1000);
}
