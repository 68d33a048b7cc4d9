/** What the counts of a drift observation mean: a reading a column and slice, or why there is none. Pure. */
import type { Json, ObservationRequest, Reading, Unknown } from '../model.ts';
import { type DriftColumn, driftColumns, sliceColumns } from './drift-columns.ts';
import {
  type CategoryCounts,
  MANY,
  merge,
  type NumericCounts,
  type SliceProfile,
  sliceKey,
} from './drift-profile.ts';
import type { OpenSlice } from './drift-sql.ts';
import { type KsBounds, ksBounds, ksP } from './ks.ts';
import { categoryUnion, nextDown, occupied, psiInterval, psiNull, psiOfCounts } from './psi.ts';
import { known, unknown } from './reading.ts';
import { KOLMOGOROV_Q999 } from './special.ts';

/** The current counts of one slice beside its reference; a slice that the reference lacks has none. */
export interface SliceCounts {
  readonly values: readonly string[];
  readonly reference: SliceProfile | undefined;
  readonly numeric: Readonly<Record<string, NumericCounts>>;
  readonly categorical: Readonly<Record<string, CategoryCounts>>;
}

/** Exact D by column and slice, where a refinement has been asked for. */
export type Exact = ReadonlyMap<string, number>;

/** Below this many rows a side even the law of PSI without drift is too thin (stats: 0.8 % instead of 0.1 % at 100). */
const LEAST_ROWS = 200;

/** Both sides of one column in one slice, on the same bins. `edges` are absent for categories. */
interface Sides {
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly edges?: readonly number[];
  /** The edges of PSI's bins: `edges` themselves, or some of them. */
  readonly psi?: readonly number[];
  readonly categories?: readonly string[];
  readonly nulls: number;
  readonly nonfinite: number;
}

/** A reading for every column of every slice, the reference's slices first. None is dropped silently. */
export function readingsOf(
  request: ObservationRequest,
  slices: readonly SliceCounts[],
  exact: Exact,
): readonly Reading[] {
  const columns = driftColumns(request);
  return slices.flatMap(slice =>
    columns.map(column => {
      const labels = labelsOf(request, column, slice.values);
      const fault = incomparable(request, column, slice);
      if (fault !== undefined) return { labels, fields: {}, unknown: fault };
      const sides = sidesOf(request, column, slice);
      return readingOf(request, column, sides, exact.get(sliceKey([column.column, ...slice.values])), labels);
    }),
  );
}

function labelsOf(
  request: ObservationRequest,
  column: DriftColumn,
  values: readonly string[],
): Reading['labels'] {
  const slice = sliceColumns(request.args).map((name, i) => [name, values[i] ?? ''] as const);
  const feature = request.args.feature === '*' ? [['feature', column.column] as const] : [];
  return Object.fromEntries([...feature, ...slice]);
}

function incomparable(
  request: ObservationRequest,
  column: DriftColumn,
  slice: SliceCounts,
): Unknown | undefined {
  const label = request.reference?.label ?? 'the reference';
  if (column.kind === 'none')
    return unknown('undefined', `${column.column} is a timestamp; drift compares numbers, text and booleans`);
  if (!column.inReference) return unknown('absent', `${label} has no column ${column.column}`);
  if (column.kind === 'categorical' && request.args.main === 'ks')
    return unknown('undefined', `${column.column} is not a number; ks needs an order, psi does not`);
  if (slice.reference === undefined)
    return unknown('absent', `${sliceText(request, slice.values)} does not occur in ${label}`);
  const { categorical } = slice.reference;
  if (categorical[column.column]?.capped || slice.categorical[column.column]?.capped)
    return unknown('budget', `${column.column} has more than ${MANY} categories`);
  return undefined;
}

function sliceText(request: ObservationRequest, values: readonly string[]): string {
  return sliceColumns(request.args)
    .map((name, i) => `${name} = ${values[i]}`)
    .join(', ');
}

function sidesOf(request: ObservationRequest, column: DriftColumn, slice: SliceCounts): Sides {
  if (column.kind === 'categorical') {
    const current = slice.categorical[column.column];
    const union = categoryUnion(
      slice.reference?.categorical[column.column]?.categories ?? {},
      current?.categories ?? {},
    );
    return { ...union, nulls: current?.nulls ?? 0, nonfinite: 0 };
  }
  const reference = slice.reference?.numeric[column.column];
  const edges = (request.args.main === 'ks' ? reference?.edges : reference?.psi) ?? [];
  const current = slice.numeric[column.column];
  return {
    reference: merge(reference?.bins ?? [], reference?.edges ?? [], edges),
    current: current?.bins ?? new Array<number>(edges.length + 1).fill(0),
    edges,
    psi: reference?.psi ?? [],
    nulls: current?.nulls ?? 0,
    nonfinite: current?.nonfinite ?? 0,
  };
}

function readingOf(
  request: ObservationRequest,
  column: DriftColumn,
  sides: Sides,
  exact: number | undefined,
  labels: Reading['labels'],
): Reading {
  const [n, m] = [total(sides.reference), total(sides.current)];
  const counts = { rows: m, ref_rows: n, nulls: sides.nulls, nonfinite: sides.nonfinite };
  const few = tooFew(request, column, n, m);
  if (few !== undefined) return { labels, fields: counts, unknown: few };
  const estimate =
    request.args.main === 'ks' ? ksEstimate(sides, exact) : psiEstimate(sides.reference, sides.current);
  if (estimate === undefined) {
    const message = `rows of ${column.column} changed between the two queries of one observation`;
    return { labels, fields: counts, unknown: unknown('undefined', message) };
  }
  const noise = withinNoise(request, column, estimate.value, estimate.null_q999, n, m);
  if (noise !== undefined)
    return { labels, fields: { ...counts, null_q999: estimate.null_q999 }, unknown: noise };
  return known({ ...estimate, ...counts }, labels);
}

function tooFew(request: ObservationRequest, column: DriftColumn, n: number, m: number): Unknown | undefined {
  const least = Math.max(LEAST_ROWS, request.minSamples ?? 0);
  const about = `(${request.args.main}, feature ${column.column})`;
  if (m < least) return unknown('too-few', `${m} rows in the window, at least ${least} needed ${about}`);
  if (n < least) return unknown('too-few', `${n} rows in the reference, at least ${least} needed ${about}`);
  return undefined;
}

/**
 * The significance guard: unknown when chance alone reaches every threshold with this few rows, or when the value lies above
 * a threshold and chance alone explains it. So an exceedance that a condition sees is always beyond `null_q999`, which
 * undrifted data exceed once in a thousand times.
 */
function withinNoise(
  request: ObservationRequest,
  column: DriftColumn,
  value: number,
  q999: number,
  n: number,
  m: number,
): Unknown | undefined {
  const { thresholds } = request;
  const least = Math.max(...thresholds);
  const unclear = thresholds.some(t => t < value) && value <= q999;
  if (thresholds.length === 0 || (q999 <= least && !unclear)) return undefined;
  const threshold = q999 > least ? least : Math.max(...thresholds.filter(t => t < value));
  const needed = rowsNeeded(request, threshold, q999, n, m);
  const message = `with ${m} rows against ${n}, chance alone reaches ${text(q999)} (${request.args.main}, feature ${column.column}); a threshold of ${text(threshold)} needs ${needed}`;
  return unknown('too-few', message);
}

function rowsNeeded(
  request: ObservationRequest,
  threshold: number,
  q999: number,
  n: number,
  m: number,
): string {
  // Both laws scale with 1/n + 1/m, D's by its root.
  const ratio = request.args.main === 'ks' ? (threshold / q999) ** 2 : threshold / q999;
  const rest = (1 / n + 1 / m) * ratio - 1 / n;
  return rest > 0 ? `about ${Math.ceil(1 / rest)} rows` : 'a larger reference too';
}

type Estimate = Readonly<Record<'value' | 'lower' | 'upper' | 'psi' | 'p_value' | 'null_q999', number>>;

function psiEstimate(reference: readonly number[], current: readonly number[]): Estimate | undefined {
  const value = psiOfCounts(reference, current);
  const interval = psiInterval(reference, current);
  if (value === undefined || interval === undefined) return undefined;
  const law = psiNull(occupied(reference, current), total(reference), total(current));
  const [lower, upper] = interval;
  return { value, lower, upper, psi: value, p_value: law.p(value), null_q999: law.q999 };
}

/** Undefined when an exact D contradicts the bounds: the rows are not those that the bins were counted on. */
function ksEstimate(sides: Sides, exact: number | undefined): Estimate | undefined {
  const edges = sides.edges ?? [];
  const bounds = boundsOf(sides.reference, sides.current, edges);
  if (bounds === undefined) return undefined;
  if (exact !== undefined && (exact < bounds.lower - 1e-9 || exact > bounds.upper + 1e-9)) return undefined;
  const coarse = psiSides(sides);
  const psi = psiOfCounts(coarse.reference, coarse.current);
  const [n, m] = [total(sides.reference), total(sides.current)];
  const value = exact ?? bounds.lower;
  const null_q999 = Math.min(1, KOLMOGOROV_Q999 * Math.sqrt(1 / n + 1 / m));
  const upper = exact ?? bounds.upper;
  return { value, lower: value, upper, psi: psi ?? 0, p_value: ksP(value, n, m), null_q999 };
}

/** Both sides on PSI's own bins. */
function psiSides(sides: Sides): Sides {
  const { edges, psi } = sides;
  if (edges === undefined || psi === undefined) return sides;
  const onto = (counts: readonly number[]) => merge(counts, edges, psi);
  return { ...sides, reference: onto(sides.reference), current: onto(sides.current), edges: psi };
}

function boundsOf(
  reference: readonly number[],
  current: readonly number[],
  edges: readonly number[],
): KsBounds | undefined {
  return ksBounds(reference, current, bin => {
    const [from, to] = [edges[bin - 1], edges[bin]];
    return from !== undefined && to !== undefined && from === nextDown(to);
  });
}

/**
 * Where D must be known exactly, by column: everywhere when `exact: true`, else where a threshold lies within the bounds and
 * there are rows enough to decide on.
 */
export function openSlices(
  request: ObservationRequest,
  slices: readonly SliceCounts[],
): ReadonlyMap<string, readonly OpenSlice[]> {
  const open = new Map<string, OpenSlice[]>();
  if (request.args.main !== 'ks') return open;
  for (const column of driftColumns(request)) {
    if (column.kind !== 'numeric') continue;
    const found = slices.flatMap(slice => {
      if (incomparable(request, column, slice) !== undefined) return [];
      const { reference, current, edges = [] } = sidesOf(request, column, slice);
      if (tooFew(request, column, total(reference), total(current)) !== undefined) return [];
      const bounds = boundsOf(reference, current, edges);
      if (bounds === undefined || !undecided(request, bounds)) return [];
      return [{ values: slice.values, edges, reference, current, open: bounds.open }];
    });
    if (found.length > 0) open.set(column.column, found);
  }
  return open;
}

function undecided(request: ObservationRequest, bounds: KsBounds): boolean {
  if (bounds.lower === bounds.upper) return false;
  return request.args.exact === true || request.thresholds.some(t => bounds.lower <= t && t <= bounds.upper);
}

/** Only the readings that matter most are kept in full. */
const DETAILED = 20;
const DETAILED_BINS = 60;

/** Bins and counts of the largest readings, for people. Edges and categories of sensitive columns are left out. */
export function detailOf(
  request: ObservationRequest,
  slices: readonly SliceCounts[],
  readings: readonly Reading[],
): Json {
  const columns = driftColumns(request);
  const at = readings.map((reading, i) => ({ reading, value: Number(reading.fields.value ?? -1), i }));
  const largest = at.sort((a, b) => b.value - a.value || a.i - b.i).slice(0, DETAILED);
  const bins = largest.flatMap(({ reading, i }) => {
    const slice = slices[Math.floor(i / columns.length)];
    const column = columns[i % columns.length];
    if (slice?.reference === undefined || column === undefined || incomparable(request, column, slice))
      return [];
    const { reference, current, edges, categories } = psiSides(sidesOf(request, column, slice));
    // Beyond some sixty bins nobody reads them, and every tick would keep them.
    if (reference.length > DETAILED_BINS) return [];
    const where: Record<string, Json> = column.sensitive ? {} : binNames(edges, categories);
    return [{ labels: { ...reading.labels }, column: column.column, ...where, reference, current }];
  });
  return { bins };
}

function binNames(edges?: readonly number[], categories?: readonly string[]): Record<string, Json> {
  return {
    ...(edges === undefined ? {} : { edges: [...edges] }),
    ...(categories === undefined ? {} : { categories: [...categories] }),
  };
}

function total(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}

function text(x: number): string {
  return String(Number(x.toPrecision(3)));
}
