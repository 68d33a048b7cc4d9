/** How the profile of a drift reference is made from the reference's rows. Pure. */
import {
  assert,
  type Dialect,
  type Evaluator,
  type Json,
  type ObservationRequest,
  type Row,
  type Unknown,
} from '../model.ts';
import { binsOf, comparable, driftColumns, sliceColumns } from './drift-columns.ts';
import {
  categoryCountsBySlice,
  edgesFrom,
  fineBins,
  MANY,
  numericCounts,
  probabilities,
  rowsBySlice,
  type SliceProfile,
  sliceKey,
  sliceOf,
} from './drift-profile.ts';
import { categoriesSql, histogramSql, quantilesSql } from './drift-sql.ts';
import { countOf, numberOf, unknown } from './reading.ts';
import { referenceRows, versionColumn } from './source.ts';

/** Above this many rows the finer edges come from a sample of about this many: only the counts on them must be exact. */
const SAMPLED = 200_000;

/**
 * The queries that are still to be asked, or the profile, or why there is none. First how many rows there are; then
 * quantiles, a query a column, and categories; then exact counts on the edges. Unknown: `too-few` for a reference without
 * rows, `budget` for too many slices, `undefined` for a reference on another connection.
 */
export function referenceProfile(
  request: ObservationRequest,
  dialect: Dialect,
  answers: readonly (readonly Row[])[],
): ReturnType<NonNullable<Evaluator['profile']>> {
  const { dataset, reference, args: given } = request;
  assert(dataset !== undefined && reference !== undefined, `drift ${request.name} has no reference`);
  if (reference.dataset.connection !== dataset.connection)
    return {
      unknown: unknown(
        'undefined',
        `the reference ${reference.dataset.name} is on connection ${reference.dataset.connection}, the dataset ${dataset.name} on ${dataset.connection}; they must share one`,
      ),
    };
  const unversioned = [
    ...(given.version === undefined ? [] : [dataset]),
    ...(reference.version === undefined ? [] : [reference.dataset]),
  ].find(one => versionColumn(request, one) === undefined);
  if (unversioned)
    return {
      unknown: unknown(
        'undefined',
        `dataset ${unversioned.name} is not the model's predictions, so no column tells which version made a row`,
      ),
    };
  const numeric = comparable(request, 'numeric');
  const categorical = comparable(request, 'categorical');
  if (numeric.length + categorical.length === 0) return { unknown: nothingToCompare(request, dataset.name) };
  const rows = { from: referenceRows(request, dialect), by: sliceColumns(given) };
  const [counts, ...rest] = answers;
  if (counts === undefined) return { queries: [{ sql: `SELECT count(*) AS n ${rows.from}` }] };
  const at = quantilesAt(request, countOf(counts[0], 'n'));
  const first = [
    ...numeric.map(c => quantilesSql(rows, c, at, dialect)),
    ...(categorical.length === 0 ? [] : [categoriesSql(rows, categorical, dialect)]),
  ];
  if (rest.length < first.length) return { queries: first.map(sql => ({ sql })) };
  const slices = slicesOf(request, rest);
  if (slices.length === 0 || slices.every(s => s.rows === 0))
    return { unknown: unknown('too-few', `0 rows in the reference ${reference.label} (drift)`) };
  if (slices.length > MANY)
    return { unknown: unknown('budget', `more than ${MANY} slices by ${rows.by.join(', ')}`) };
  if (numeric.length > 0 && rest.length === first.length) {
    const edges = (slice: number, column: number) =>
      slices[slice]?.numeric[numeric[column] ?? '']?.edges ?? [];
    const values = slices.map(s => s.values);
    return { queries: [{ sql: histogramSql(rows, numeric, values, edges, dialect) }] };
  }
  return {
    profile: { v: 1, bins: binsOf(given), slices: counted(slices, numeric, rest.at(-1) ?? [], rows.by) },
  };
}

/** Exact quantiles for PSI, finer ones for KS: of all rows while they are few, or where slices divide them. */
function quantilesAt(request: ObservationRequest, rows: number) {
  const bins = binsOf(request.args);
  const sliced = sliceColumns(request.args).length > 0;
  return {
    exact: probabilities(bins),
    fine: probabilities(fineBins(bins)),
    sample: sliced ? 1 : Math.max(1, Math.floor(rows / SAMPLED)),
  };
}

/** The reference's slices with their edges and categories; numeric counts are still empty. */
function slicesOf(
  request: ObservationRequest,
  answers: readonly (readonly Row[])[],
): readonly SliceProfile[] {
  const by = sliceColumns(request.args);
  const numeric = comparable(request, 'numeric');
  const categorical = comparable(request, 'categorical');
  const categories = categorical.map((_, i) => categoryCountsBySlice(answers[numeric.length] ?? [], i, by));
  const found = new Map<string, { values: readonly string[]; rows: number }>();
  for (const row of numeric.length > 0
    ? (answers[0] ?? [])
    : (answers[0] ?? []).filter(r => r.feature === 0)) {
    const values = sliceOf(row, by);
    if (values === undefined) continue;
    const key = sliceKey(values);
    found.set(key, { values, rows: (found.get(key)?.rows ?? 0) + countOf(row, 'n') });
  }
  const exact = numeric.map((_, i) => quantilesBySlice(answers[i] ?? [], 'q', by));
  const fine = numeric.map((_, i) => quantilesBySlice(answers[i] ?? [], 'f', by));
  return [...found].map(([key, { values, rows }]) => ({
    values,
    rows,
    numeric: Object.fromEntries(
      numeric.map((column, i) => {
        const edges = edgesFrom(exact[i]?.get(key) ?? [], fine[i]?.get(key) ?? []);
        return [column, { ...edges, bins: [], nulls: 0, nonfinite: 0 }];
      }),
    ),
    categorical: Object.fromEntries(
      categorical.map((column, i) => [
        column,
        categories[i]?.get(key) ?? { categories: {}, nulls: 0, capped: false },
      ]),
    ),
  }));
}

function quantilesBySlice(
  rows: readonly Row[],
  column: 'q' | 'f',
  by: readonly string[],
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    rows.flatMap(row => {
      const values = sliceOf(row, by);
      const list = row[column];
      return values === undefined || !Array.isArray(list)
        ? []
        : [[sliceKey(values), list.map(numberOf)] as const];
    }),
  );
}

function counted(
  slices: readonly SliceProfile[],
  numeric: readonly string[],
  rows: readonly Row[],
  by: readonly string[],
): Json {
  const found = rowsBySlice(rows, by);
  return slices.map(slice => {
    const row = found.get(sliceKey(slice.values));
    const columns = numeric.map((column, i) => {
      const edges = slice.numeric[column];
      assert(edges !== undefined, `no edges of ${column}`);
      const counts = row === undefined ? undefined : numericCounts(row, `h${i}`, edges.edges.length);
      return [column, { ...edges, ...counts }] as const;
    });
    return { ...slice, numeric: Object.fromEntries(columns) } as unknown as Json;
  });
}

function nothingToCompare(request: ObservationRequest, dataset: string): Unknown {
  const [only] = driftColumns(request);
  return only?.kind === 'none'
    ? unknown('undefined', `${only.column} is a timestamp; drift compares numbers, text and booleans`)
    : unknown('absent', `${dataset} has no column to compare with ${request.reference?.label}`);
}
