/** The queries of `drift`: quantiles of a reference, bins of all columns in one pass, categories, exact KS. Pure. */
import type { Dialect } from '../model.ts';
import { MANY } from './drift-profile.ts';

/** Rows to look at: a `FROM … WHERE …` clause, and the columns that divide them into slices. */
export interface Rows {
  readonly from: string;
  readonly by: readonly string[];
}

/** The largest double: what exceeds it is +inf, which thus has a bin of its own. */
const MAX = '1.7976931348623157e308';

/** `s0, s1` of the slices, and `x0, x1, …` of numeric columns as doubles. */
function cells(rows: Rows, columns: readonly string[], dialect: Dialect): string {
  const slices = rows.by.map((c, i) => `CAST(${dialect.identifier(c)} AS VARCHAR) AS s${i}`);
  const values = columns.map((c, i) => `CAST(${dialect.identifier(c)} AS DOUBLE) AS x${i}`);
  return `SELECT ${[...slices, ...values].join(', ')} ${rows.from}`;
}

function sliceNames(rows: Rows, prefix = ''): readonly string[] {
  return rows.by.map((_, i) => `${prefix}s${i}`);
}

function grouping(names: readonly string[]): string {
  return names.length === 0 ? '' : ` GROUP BY ${names.join(', ')}`;
}

/**
 * Rows and quantiles of one column by slice, the largest slices first: `s…, n, q, f`. `q` are exact, at `at`; `f`, finer, are
 * those of one value in `sample` (by hash: the same every time), because many exact quantiles of many rows take minutes.
 * NULL and non-finite values are left out of both.
 */
export function quantilesSql(
  rows: Rows,
  column: string,
  at: { readonly exact: readonly number[]; readonly fine: readonly number[]; readonly sample: number },
  dialect: Dialect,
): string {
  const names = sliceNames(rows);
  const list = (probabilities: readonly number[]) => `[${probabilities.map(double).join(', ')}]`;
  const some = at.sample > 1 ? ` AND hash(x0) % ${at.sample} = 0` : '';
  const columns = [
    ...names,
    'count(*) AS n',
    `quantile_cont(x0, ${list(at.exact)}) FILTER (WHERE isfinite(x0)) AS q`,
    `quantile_cont(x0, ${list(at.fine)}) FILTER (WHERE isfinite(x0)${some}) AS f`,
  ];
  return `SELECT ${columns.join(', ')}
FROM (${cells(rows, [column], dialect)}) AS d${grouping(names)} ORDER BY ${['n DESC', ...names].join(', ')} LIMIT ${MANY + 2}`;
}

/**
 * Rows and bins of all the columns by slice, in one pass: `s…, n, h0, h1, …`. The first bin holds −inf and NaN (which
 * `histogram` sorts first), a last one +inf, so that no filter is needed, which would cost a second look at every value.
 * `edges(values)` gives each column's edges for a slice.
 */
export function histogramSql(
  rows: Rows,
  columns: readonly string[],
  slices: readonly (readonly string[])[],
  edges: (slice: number, column: number) => readonly number[],
  dialect: Dialect,
): string {
  const source = cells(rows, columns, dialect);
  if (rows.by.length === 0) {
    const bins = columns.map((_, i) => `map_values(histogram(x${i}, ${edgeList(edges(0, i))})) AS h${i}`);
    return `SELECT ${['count(*) AS n', ...bins].join(', ')} FROM (${source}) AS d`;
  }
  const names = sliceNames(rows, 'd.');
  // A slice that the reference lacks is counted, and its bins are not looked at.
  const bins = columns.map((_, i) => `map_values(histogram(d.x${i}, coalesce(e.b${i}, [0e0]))) AS h${i}`);
  const table = slices.map((values, s) => {
    const lists = columns.map((_, i) => edgeList(edges(s, i)));
    return `(${[...values.map(v => dialect.literal(v)), ...lists].join(', ')})`;
  });
  const heads = [...rows.by.map((_, i) => `k${i}`), ...columns.map((_, i) => `b${i}`)];
  return `SELECT ${[...names, 'count(*) AS n', ...bins].join(', ')} FROM (${source}) AS d
LEFT JOIN (VALUES ${table.join(', ')}) AS e(${heads.join(', ')})
ON ${rows.by.map((_, i) => `d.s${i} = e.k${i}`).join(' AND ')}${grouping(names)}`;
}

/** Rows by category of each column, and by slice, the largest first: `feature, s…, category, n`. NULL is a category here. */
export function categoriesSql(rows: Rows, columns: readonly string[], dialect: Dialect): string {
  const names = sliceNames(rows);
  const parts = columns.map((column, feature) => {
    const cell = `CAST(${dialect.identifier(column)} AS VARCHAR) AS category`;
    const groups = [...names, 'category'];
    const partition = names.length === 0 ? '' : `PARTITION BY ${names.join(', ')} `;
    return `SELECT ${[`${feature} AS feature`, ...groups, 'count(*) AS n'].join(', ')}
FROM (SELECT ${[...sliceCells(rows, dialect), cell].join(', ')} ${rows.from}) AS d${grouping(groups)}
QUALIFY row_number() OVER (${partition}ORDER BY count(*) DESC, category) <= ${MANY + 2}`;
  });
  return parts.join('\nUNION ALL ');
}

function sliceCells(rows: Rows, dialect: Dialect): readonly string[] {
  return rows.by.map((c, i) => `CAST(${dialect.identifier(c)} AS VARCHAR) AS s${i}`);
}

/** A slice whose KS is wanted exactly: its bins' right edges, both sides' counts, and which bins to look into. */
export interface OpenSlice {
  readonly values: readonly string[];
  readonly edges: readonly number[];
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly open: readonly number[];
}

/**
 * The exact D of one column for some slices: `s…, d`. Only rows of open bins are read; each other bin stands as one row at
 * its right edge with its counts. No row leaves the engine.
 */
export function exactKsSql(
  reference: Rows,
  current: Rows,
  column: string,
  slices: readonly OpenSlice[],
  dialect: Dialect,
): string {
  const names = sliceNames(reference);
  const heads = [...names, 'x', 'r', 'c'].join(', ');
  const side = (rows: Rows, weights: string) =>
    `SELECT ${[...names, 'x0', weights].join(', ')} FROM (${cells(rows, [column], dialect)}) AS d
WHERE isfinite(x0) AND (${slices.map(slice => inOpenBins(slice, dialect)).join(' OR ')})`;
  const closed = slices.flatMap(slice => closedBins(slice, dialect));
  const values = closed.length === 0 ? '' : `\nUNION ALL VALUES ${closed.join(', ')}`;
  const partition = names.length === 0 ? '' : `PARTITION BY ${names.join(', ')}`;
  return `SELECT ${[...names, 'max(abs(rs / rn - cs / cn)) AS d'].join(', ')} FROM (
SELECT ${[...names, 'sum(r) OVER w AS rs', 'sum(c) OVER w AS cs', 'sum(r) OVER v AS rn', 'sum(c) OVER v AS cn'].join(', ')}
FROM (${side(reference, '1e0, 0e0')}\nUNION ALL ${side(current, '0e0, 1e0')}${values}) AS u(${heads})
WINDOW w AS (${partition} ORDER BY x RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), v AS (${partition})) AS f${grouping(names)}`;
}

function inOpenBins(slice: OpenSlice, dialect: Dialect): string {
  const ranges = slice.open.map(bin => {
    const [from, to] = [slice.edges[bin - 1], slice.edges[bin]];
    const ends = [
      ...(from === undefined ? [] : [`x0 > ${double(from)}`]),
      ...(to === undefined ? [] : [`x0 <= ${double(to)}`]),
    ];
    return ends.length === 0 ? 'TRUE' : `(${ends.join(' AND ')})`;
  });
  const own = slice.values.map((v, i) => `s${i} = ${dialect.literal(v)}`);
  return `(${[...own, `(${ranges.join(' OR ')})`].join(' AND ')})`;
}

function closedBins(slice: OpenSlice, dialect: Dialect): readonly string[] {
  const open = new Set(slice.open);
  return slice.reference.flatMap((count, bin) => {
    if (open.has(bin)) return [];
    const to = slice.edges[bin];
    const at = to === undefined ? MAX : double(to);
    const weights = [`${count}::DOUBLE`, `${slice.current[bin] ?? 0}::DOUBLE`];
    return [`(${[...slice.values.map(v => dialect.literal(v)), at, ...weights].join(', ')})`];
  });
}

/** The right ends of the bins: `-inf`, the edges, the largest double. */
function edgeList(edges: readonly number[]): string {
  return `['-Infinity'::DOUBLE, ${[...edges.map(double), MAX].join(', ')}]`;
}

/** A double with every bit: without an exponent the engine would read a decimal, and its last bit may differ. */
function double(x: number): string {
  const text = String(x);
  return text.includes('e') ? text : `${text}e0`;
}
