/** The two-sample Kolmogorov-Smirnov statistic: exact, bounded from bins, and its p-values. Pure. */
import { kolmogorovTail } from './special.ts';

/**
 * The largest distance between the two empirical distribution functions, 0 (same) to 1 (disjoint). Both arguments ascending
 * and finite; ties are stepped over together. Undefined when a side is empty.
 *
 * @example ksStatistic(Float64Array.of(1, 2), Float64Array.of(3, 4)) // → 1
 */
export function ksStatistic(a: Float64Array, b: Float64Array): number | undefined {
  if (a.length === 0 || b.length === 0) return undefined;
  let i = 0;
  let j = 0;
  let d = 0;
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i] as number, b[j] as number);
    while (i < a.length && (a[i] as number) <= x) i++;
    while (j < b.length && (b[j] as number) <= x) j++;
    d = Math.max(d, Math.abs(i / a.length - j / b.length));
  }
  return d;
}

/** D known only at the edges of bins: it lies between `lower`, which is reached at an edge, and `upper`. */
export interface KsBounds {
  readonly lower: number;
  readonly upper: number;
  /** Bins inside of which D may exceed `lower`. */
  readonly open: readonly number[];
}

/**
 * Bounds of D from counts of the same bins on both sides. Inside of a bin D cannot exceed the larger of F(right) − G(left)
 * and G(right) − F(left); a bin that holds one value only (`atom`) steps on both sides at once and adds nothing.
 * Undefined when a side has no rows.
 */
export function ksBounds(
  reference: readonly number[],
  current: readonly number[],
  atom: (bin: number) => boolean = () => false,
): KsBounds | undefined {
  const n = reference.reduce((a, b) => a + b, 0);
  const m = current.reduce((a, b) => a + b, 0);
  if (n === 0 || m === 0) return undefined;
  let [f, g, lower] = [0, 0, 0];
  const tops = reference.map((count, bin) => {
    const right = { f: f + count, g: g + (current[bin] ?? 0) };
    // A bin that only one side enters moves one way: its extremes are its edges.
    const still = right.f === f || right.g === g || atom(bin);
    const top = still ? 0 : Math.max(right.f / n - g / m, right.g / m - f / n);
    [f, g] = [right.f, right.g];
    lower = Math.max(lower, Math.abs(f / n - g / m));
    return top;
  });
  const open = tops.flatMap((top, bin) => (top > lower ? [bin] : []));
  return { lower, upper: Math.max(lower, ...tops), open };
}

/** Beyond this many lattice points the exact p-value gives way to Stephens' approximation. */
const LATTICE_MAX = 1e7;

/**
 * The probability of a D at least this large without drift, over all orders of n + m distinct values: exact, by counting
 * lattice paths that leave the band |i/n − j/m| < D. Each step's probability is carried, so small tails keep their digits.
 * Cost n·m. Ties make it conservative. Undefined when n·m exceeds 1e7 or a side is empty.
 *
 * @example ksExactP(1, 4, 3) // → 0.05714285714285715
 */
export function ksExactP(d: number, n: number, m: number): number | undefined {
  if (n === 0 || m === 0 || n * m > LATTICE_MAX) return undefined;
  const limit = Math.round(d * n * m);
  if (limit <= 0) return 1;
  // reach[j]: probability of standing at (i, j) without having left the band.
  const reach = new Float64Array(m + 1);
  let left = 0;
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const rest = n + m - i - j + 1;
      const fromBelow = i === 0 ? 0 : ((reach[j] as number) * (n - i + 1)) / rest;
      const fromLeft = j === 0 ? 0 : ((reach[j - 1] as number) * (m - j + 1)) / rest;
      const here = i === 0 && j === 0 ? 1 : fromBelow + fromLeft;
      const inside = Math.abs(i * m - j * n) < limit;
      if (!inside) left += here;
      reach[j] = inside ? here : 0;
    }
  }
  return Math.min(1, left);
}

/** P-value of D by Kolmogorov's limit law. Too small for few rows; 1 for D = 0. */
export function ksLimitP(d: number, n: number, m: number): number {
  return kolmogorovTail(Math.sqrt((n * m) / (n + m)) * d);
}

/** P-value of D with Stephens' (1970) correction for finite samples. 1 for D = 0. */
export function ksStephensP(d: number, n: number, m: number): number {
  if (d === 0) return 1;
  const root = Math.sqrt((n * m) / (n + m));
  return kolmogorovTail((root + 0.12 + 0.11 / root) * d);
}

/**
 * P-value of D: exact while n·m ≤ 1e7, else Stephens'. Above some 10,000 rows it calls shifts significant that nobody would
 * act on: gate on D, read this beside it.
 */
export function ksP(d: number, n: number, m: number): number {
  return ksExactP(d, n, m) ?? ksStephensP(d, n, m);
}
