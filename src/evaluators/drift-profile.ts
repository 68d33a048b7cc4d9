/** The summary of a drift reference: edges and exact counts per column and slice, made once and kept by the shell. */
import { assert, type Json, type Row } from '../model.ts';
import { atomEdges, distinct } from './psi.ts';
import { countOf, numberOf } from './reading.ts';

/** A numeric column's counts on `edges`: the finite values' bins `(-inf, e1], …, (ek, inf)`. */
export interface NumericCounts {
  readonly bins: readonly number[];
  readonly nulls: number;
  /** NaN and infinities. */
  readonly nonfinite: number;
}

/** A column's rows by category. */
export interface CategoryCounts {
  readonly categories: Readonly<Record<string, number>>;
  readonly nulls: number;
  /** There are more categories than are counted. */
  readonly capped: boolean;
}

/** `edges` are fine, for KS; `psi`, a subset of them, are the reference's quantiles with their atoms. */
export interface NumericProfile extends NumericCounts {
  readonly edges: readonly number[];
  readonly psi: readonly number[];
}

/** One value of the `by` columns; without `by` the whole reference, with no values. */
export interface SliceProfile {
  readonly values: readonly string[];
  readonly rows: number;
  readonly numeric: Readonly<Record<string, NumericProfile>>;
  readonly categorical: Readonly<Record<string, CategoryCounts>>;
}

export interface DriftProfile {
  readonly v: 1;
  readonly bins: number;
  readonly slices: readonly SliceProfile[];
}

/** At most this many categories of a column, and slices of a reference, are compared. */
export const MANY = 1000;

/** KS looks at about this many bins: its bounds are then about 1/30 apart. More edges cost time at every evaluation. */
const FINE = 30;

/** The probabilities i/bins: the inner edges of PSI. */
export function probabilities(bins: number): readonly number[] {
  return Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins);
}

/** How many bins KS has, at least: those of PSI, each divided evenly. */
export function fineBins(bins: number): number {
  return bins * Math.ceil(FINE / bins);
}

/** A column's edges: PSI's from its exact quantiles, KS's from those and finer ones, each with its atoms. */
export function edgesFrom(
  quantiles: readonly number[],
  fine: readonly number[],
): { readonly edges: readonly number[]; readonly psi: readonly number[] } {
  // An engine's interpolation between huge values of opposite signs may overflow; such an edge divides nothing.
  const finite = (values: readonly number[]) => values.filter(Number.isFinite);
  const psi = atomEdges(finite(quantiles));
  return { edges: distinct([...atomEdges(finite(fine)), ...psi]), psi };
}

/** Counts on finer edges, merged onto some of those edges. */
export function merge(
  counts: readonly number[],
  from: readonly number[],
  to: readonly number[],
): readonly number[] {
  const merged = new Array<number>(to.length + 1).fill(0);
  let bin = 0;
  for (const [i, count] of counts.entries()) {
    merged[bin] = (merged[bin] ?? 0) + count;
    if (from[i] !== undefined && from[i] === to[bin]) bin++;
  }
  return merged;
}

/** A profile as it came back from where it was kept. */
export function asProfile(profile: Json | undefined): DriftProfile {
  const read = profile as unknown as DriftProfile | undefined;
  assert(read?.v === 1, 'drift was given no profile that it can read');
  return read;
}

/**
 * The slice that a row is about, by its columns `s0`, `s1`; undefined for a row whose segment is NULL, which belongs to no
 * slice.
 */
export function sliceOf(row: Row, by: readonly string[]): readonly string[] | undefined {
  const values = by.map((_, i) => row[`s${i}`] ?? null);
  return values.every(v => v !== null) ? values.map(String) : undefined;
}

/** One text for a slice, to find it by. */
export function sliceKey(values: readonly string[]): string {
  return JSON.stringify(values);
}

/**
 * Counts from the bins of a row (see `histogramSql`): the first holds −inf and NaN, the last, if there, +inf. NULL when the
 * column has no value at all.
 */
export function numericCounts(row: Row, column: string, edges: number): NumericCounts {
  const rows = countOf(row, 'n');
  const cell = row[column];
  const list = Array.isArray(cell) ? cell.map(numberOf) : new Array<number>(edges + 2).fill(0);
  assert(list.length >= edges + 2, `histogram ${column} has ${list.length} bins for ${edges} edges`);
  const bins = list.slice(1, edges + 2);
  const nonfinite = (list[0] ?? 0) + (list[edges + 2] ?? 0);
  return { bins, nonfinite, nulls: rows - nonfinite - bins.reduce((a, b) => a + b, 0) };
}

/** Categories of one column by slice, from rows of `feature`, `s…`, `category` and `n` (see `categoriesSql`). */
export function categoryCountsBySlice(
  rows: readonly Row[],
  feature: number,
  by: readonly string[],
): ReadonlyMap<string, CategoryCounts> {
  const slices = new Map<string, { categories: Record<string, number>; nulls: number; capped: boolean }>();
  for (const row of rows) {
    const values = sliceOf(row, by);
    if (row.feature !== feature || values === undefined) continue;
    const key = sliceKey(values);
    const counts = slices.get(key) ?? { categories: Object.create(null), nulls: 0, capped: false };
    slices.set(key, counts);
    if (row.category === null || row.category === undefined) counts.nulls += countOf(row, 'n');
    else counts.categories[String(row.category)] = countOf(row, 'n');
    counts.capped ||= Object.keys(counts.categories).length > MANY;
  }
  return slices;
}

/** Rows by the slice that each is about; rows of no slice are left out. */
export function rowsBySlice(rows: readonly Row[], by: readonly string[]): ReadonlyMap<string, Row> {
  return new Map(
    rows.flatMap(row => {
      const values = sliceOf(row, by);
      return values === undefined ? [] : [[sliceKey(values), row] as const];
    }),
  );
}
