/** The population stability index: its bins, its value from counts, its interval and its law without drift. Pure. */
import { chi2Quantile, chi2Tail, Z95 } from './special.ts';

/** A column's value as it comes from anywhere: null, NaN and infinities are dropped before binning. */
export type Cell = number | null;

/** How an empty bin is kept from making the logarithm infinite. */
export type Zeros =
  | { readonly rule: 'floor'; readonly epsilon: number }
  | { readonly rule: 'add-to-counts'; readonly epsilon: number }
  | { readonly rule: 'evidently' };

/** Shares below 1e-4 count as 1e-4, without renormalising: continuous, unlike replacing zeros only. */
export const FLOOR: Zeros = { rule: 'floor', epsilon: 1e-4 };

/** The finite values, ascending. Accepts any order; nulls, NaN and infinities are left out. */
export function finiteSorted(values: readonly Cell[]): Float64Array {
  return Float64Array.from(values.filter((x): x is number => x !== null && Number.isFinite(x))).sort();
}

/**
 * The `p` quantile (0..1) of ascending, non-empty values, interpolated linearly: type 7 of Hyndman & Fan (1996), numpy's and
 * DuckDB's `quantile_cont`. NaN for no values.
 *
 * @example quantile(Float64Array.of(1, 2, 3, 4), 0.5) // → 2.5
 */
export function quantile(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  const part = at - Math.floor(at);
  // Two huge values of opposite signs are further apart than a double can say.
  return Number.isFinite(high - low) ? low + (high - low) * part : low * (1 - part) + high * part;
}

/** The inner edges i/bins, distinct and ascending: at most bins − 1 of them. */
export function quantileEdges(sorted: Float64Array, bins: number): number[] {
  return distinct(Array.from({ length: bins - 1 }, (_, i) => quantile(sorted, (i + 1) / bins)));
}

/** Ascending and without repeats; −0 becomes 0. */
export function distinct(values: readonly number[]): number[] {
  return [...new Set(values.map(x => x + 0))].sort((a, b) => a - b);
}

/**
 * Quantiles made into edges: distinct, and where one repeats (an atom: many equal values) with an edge just below it too, so
 * that the atom has a bin of its own. Without it a constant column that moves down has a PSI of 0.
 *
 * @example atomEdges([0, 0, 1]) // → [-5e-324, 0, 1]
 */
export function atomEdges(quantiles: readonly number[]): number[] {
  const atoms = quantiles.filter((x, i) => quantiles.indexOf(x) !== i);
  return distinct([...quantiles, ...atoms.map(nextDown)]);
}

/** The largest double below a finite x. */
export function nextDown(x: number): number {
  if (x === 0) return -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + (x > 0 ? -1n : 1n));
  return view.getFloat64(0);
}

/** Inner edges that divide the reference's range (not empty) into bins of equal width. One edge when it is constant. */
export function equalWidthEdges(sorted: Float64Array, bins: number): number[] {
  const from = sorted[0] ?? Number.NaN;
  const width = ((sorted.at(-1) ?? Number.NaN) - from) / bins;
  return distinct(Array.from({ length: bins - 1 }, (_, i) => from + (i + 1) * width));
}

/** Counts of `(-inf, e1], (e1, e2], …, (ek, inf)`: one more than there are edges. */
export function binCounts(values: Float64Array, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const x of values) {
    const bin = binOf(edges, x);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** How many edges lie below x: the upper-inclusive bin, as DuckDB's `histogram` has it. */
function binOf(edges: readonly number[], x: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? Number.POSITIVE_INFINITY) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * PSI from two lists of counts of the same bins: 0 for equal shares, at least 0, without upper bound; 0.1 is usually read as a
 * small and 0.25 as a large shift, which below some 500 rows is noise (see `psiNull`). Undefined when a side has no rows.
 * Source: Σ (p − q) ln(p / q); zero rules of Siddiqi (floor), Jeffreys (add 0.5) and Evidently 0.7 (`stattests/utils.py`).
 *
 * @example psiOfCounts([50, 50], [50, 50]) // → 0
 */
export function psiOfCounts(
  reference: readonly number[],
  current: readonly number[],
  zeros: Zeros = FLOOR,
): number | undefined {
  const q = shares(reference, zeros);
  const p = shares(current, zeros);
  if (q === undefined || p === undefined) return undefined;
  return q.reduce((sum, b, i) => sum + contribution(p[i] ?? 0, b), 0);
}

function contribution(p: number, q: number): number {
  return p === q ? 0 : (p - q) * Math.log(p / q);
}

function shares(counts: readonly number[], zeros: Zeros): number[] | undefined {
  const n = counts.reduce((a, b) => a + b, 0);
  if (n === 0) return undefined;
  switch (zeros.rule) {
    case 'floor':
      return counts.map(c => Math.max(c / n, zeros.epsilon));
    case 'add-to-counts':
      return counts.map(c => (c + zeros.epsilon) / (n + zeros.epsilon * counts.length));
    case 'evidently': {
      const least = Math.min(...counts.filter(c => c > 0)) / n;
      return counts.map(c => (c > 0 ? c / n : least <= 1e-4 ? least / 1e6 : 1e-4));
    }
    default:
      return zeros satisfies never;
  }
}

/** The law of PSI when nothing drifted: chi-squared(B − 1) · (1/N + 1/M), Yurdakul 2018. Holds from about 200 rows a side. */
export function psiNull(
  bins: number,
  referenceRows: number,
  currentRows: number,
): { readonly expected: number; readonly q95: number; readonly q999: number; p(psi: number): number } {
  const scale = 1 / referenceRows + 1 / currentRows;
  const df = Math.max(0, bins - 1);
  return {
    expected: df * scale,
    q95: chi2Quantile(0.95, df) * scale,
    q999: chi2Quantile(0.999, df) * scale,
    p: psi => chi2Tail(psi / scale, df),
  };
}

/**
 * An interval of about 95 % for the PSI of the populations behind two lists of counts; it contains the sample's value and
 * never goes below 0. Delta method over the multinomial shares plus the noise that is there without drift; the lower end is
 * corrected for PSI's upward bias of (B − 1)(1/N + 1/M). Undefined when a side has no rows.
 */
export function psiInterval(
  reference: readonly number[],
  current: readonly number[],
): readonly [number, number] | undefined {
  const q = shares(reference, FLOOR);
  const p = shares(current, FLOOR);
  const psi = psiOfCounts(reference, current);
  if (q === undefined || p === undefined || psi === undefined) return undefined;
  const n = reference.reduce((a, b) => a + b, 0);
  const m = current.reduce((a, b) => a + b, 0);
  const scale = 1 / n + 1 / m;
  const df = Math.max(0, occupied(reference, current) - 1);
  const slopeP = p.map((x, i) => Math.log(x / (q[i] ?? 1)) + 1 - (q[i] ?? 0) / x);
  const slopeQ = q.map((x, i) => Math.log(x / (p[i] ?? 1)) + 1 - (p[i] ?? 0) / x);
  const variance = spread(p, slopeP) / m + spread(q, slopeQ) / n + 2 * df * scale * scale;
  const half = Z95 * Math.sqrt(Math.max(0, variance));
  return [Math.max(0, psi - df * scale - half), psi + half];
}

/** Bins that hold a row on either side: the B of the null law. */
export function occupied(reference: readonly number[], current: readonly number[]): number {
  return reference.filter((c, i) => c > 0 || (current[i] ?? 0) > 0).length;
}

function spread(weights: readonly number[], values: readonly number[]): number {
  const mean = weights.reduce((sum, w, i) => sum + w * (values[i] ?? 0), 0);
  return weights.reduce((sum, w, i) => sum + w * (values[i] ?? 0) ** 2, 0) - mean * mean;
}

/** Both sides' counts by category over the union of categories, in text order with null last. */
export function categoryCounts(
  reference: readonly (string | null)[],
  current: readonly (string | null)[],
  nullAsCategory = false,
): { categories: (string | null)[]; reference: number[]; current: number[] } {
  const text = (values: readonly (string | null)[]) => values.filter(v => v !== null);
  const union = categoryUnion(tally(text(reference)), tally(text(current)));
  if (!nullAsCategory) return union;
  return {
    categories: [...union.categories, null],
    reference: [...union.reference, reference.length - text(reference).length],
    current: [...union.current, current.length - text(current).length],
  };
}

/** The same from rows by category. */
export function categoryUnion(
  reference: Readonly<Record<string, number>>,
  current: Readonly<Record<string, number>>,
): { categories: string[]; reference: number[]; current: number[] } {
  const categories = [...new Set([...Object.keys(reference), ...Object.keys(current)])].sort();
  const onto = (counts: Readonly<Record<string, number>>) =>
    categories.map(k => (Object.hasOwn(counts, k) ? (counts[k] ?? 0) : 0));
  return { categories, reference: onto(reference), current: onto(current) };
}

function tally(values: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.create(null);
  for (const v of values) counts[v] = (counts[v] ?? 0) + 1;
  return counts;
}

/**
 * PSI as Evidently computes it: equal-width bins over both samples together (Sturges' number of them), one bin a value when
 * the reference has at most 20 distinct ones, its own zero rule. For comparison with other tools; one outlier moves every bin.
 * Undefined when a side has no finite value. Source: Evidently 0.7, `stattests/utils.py`.
 */
export function psiEvidently(
  reference: Float64Array,
  current: Float64Array,
): { readonly psi: number | undefined; readonly edges?: readonly number[] } {
  const zeros: Zeros = { rule: 'evidently' };
  if (new Set(reference).size <= 20) {
    const text = (values: Float64Array) => Array.from(values, String);
    const counts = categoryCounts(text(reference), text(current));
    return { psi: psiOfCounts(counts.reference, counts.current, zeros) };
  }
  const pooled = new Float64Array(reference.length + current.length);
  pooled.set(reference);
  pooled.set(current, reference.length);
  pooled.sort();
  const edges = sturgesEdges(pooled);
  const count = (values: Float64Array) => leftClosedCounts(values, edges);
  return { psi: psiOfCounts(count(reference), count(current), zeros), edges };
}

function sturgesEdges(sorted: Float64Array): number[] {
  const bins = Math.ceil(Math.log2(sorted.length) + 1);
  const from = sorted[0] ?? Number.NaN;
  const to = sorted.at(-1) ?? Number.NaN;
  const step = (to - from) / bins;
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? to : from + i * step));
}

/** numpy's convention: `[e_i, e_i+1)`, the last one closed. Edges span all values. */
function leftClosedCounts(values: Float64Array, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  for (const x of values) {
    let bin = 0;
    while (bin < counts.length - 1 && x >= (edges[bin + 1] ?? Number.POSITIVE_INFINITY)) bin++;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}
