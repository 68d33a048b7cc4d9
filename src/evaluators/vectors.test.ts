/** Every psi and ks reference vector, and those of the functions beneath, within the tolerance that it states. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ksExactP, ksLimitP, ksStatistic, ksStephensP } from './ks.ts';
import {
  atomEdges,
  binCounts,
  type Cell,
  categoryCounts,
  equalWidthEdges,
  finiteSorted,
  psiEvidently,
  psiNull,
  psiOfCounts,
  quantile,
  quantileEdges,
  type Zeros,
} from './psi.ts';
import { chi2Quantile, chi2Tail, kolmogorovTail, wilson } from './special.ts';

interface Input {
  readonly kind: 'inline' | 'csv';
  readonly values?: readonly (number | string | null)[];
  readonly path?: string;
  readonly column?: string;
  readonly count?: number;
}
type Tolerance = { readonly abs?: number; readonly rel?: number };
interface Case {
  readonly id: string;
  readonly metric: string;
  readonly variant: string;
  readonly params: Record<string, number | string | boolean>;
  readonly inputs: Record<string, Input>;
  readonly expected: Record<string, unknown>;
  readonly tolerance: Tolerance & Record<string, Tolerance | number>;
  readonly optional_expected?: readonly string[];
}

const folder = new URL('../../test/fixtures/stats/', import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(new URL('stat_vectors.json', folder), 'utf8')).cases;

function raw(input: Input | undefined): (number | string | null)[] {
  if (input?.kind === 'inline') return [...(input.values ?? [])];
  const [head, ...lines] = readFileSync(new URL(input?.path ?? '', folder), 'utf8')
    .trimEnd()
    .split('\n');
  const column = head!
    .trim()
    .split(',')
    .indexOf(input?.column ?? '');
  const cells = lines.map(line => line.trim().split(',')[column]!);
  return cells.filter(c => c !== '').map(Number);
}

/** JSON has no NaN: the vectors write it, and infinities, as text. */
function cells(input: Input | undefined): Cell[] {
  return raw(input).map(x => (x === null ? null : Number(x)));
}

function numbers(input: Input | undefined): number[] {
  return raw(input).map(Number);
}

function zeros(params: Case['params']): Zeros {
  const epsilon = Number(params.epsilon ?? 1e-4);
  switch (params.epsilon_mode) {
    case 'add_to_counts':
      return { rule: 'add-to-counts', epsilon };
    case 'evidently':
      return { rule: 'evidently' };
    default:
      return { rule: 'floor', epsilon };
  }
}

function binned(c: Case, edgesOf: (sorted: Float64Array) => number[]): Record<string, unknown> {
  const reference = finiteSorted(cells(c.inputs.reference));
  const current = finiteSorted(cells(c.inputs.current));
  const edges = edgesOf(reference);
  const counts = { ref_counts: binCounts(reference, edges), cur_counts: binCounts(current, edges) };
  const psi = psiOfCounts(counts.ref_counts, counts.cur_counts, zeros(c.params));
  return { edges, ...counts, psi: psi ?? null, ...(psi === undefined ? { status: 'no_data' } : {}) };
}

function computed(c: Case): Record<string, unknown> {
  const bins = Number(c.params.bins);
  switch (`${c.metric}/${c.variant}`) {
    case 'psi/quantile_ref':
      return binned(c, sorted => quantileEdges(sorted, bins));
    case 'psi/quantile_ref_atoms':
      return binned(c, sorted =>
        atomEdges(Array.from({ length: bins - 1 }, (_, i) => quantile(sorted, (i + 1) / bins))),
      );
    case 'psi/equal_width_ref':
      return binned(c, sorted => equalWidthEdges(sorted, bins));
    case 'psi/evidently':
      return {
        ...psiEvidently(finiteSorted(cells(c.inputs.reference)), finiteSorted(cells(c.inputs.current))),
      };
    case 'psi/from_counts':
      return {
        psi: psiOfCounts(numbers(c.inputs.ref_counts), numbers(c.inputs.cur_counts), zeros(c.params)),
      };
    case 'psi/null_expectation': {
      const law = psiNull(bins, Number(c.params.n_ref), Number(c.params.n_cur));
      return { expected_psi: law.expected, q95: law.q95, q999: law.q999 };
    }
    case 'psi/categorical': {
      const text = (input: Input | undefined) => raw(input).map(x => (x === null ? null : String(x)));
      const nulls = c.params.null_as_category === true;
      const counts = categoryCounts(text(c.inputs.reference), text(c.inputs.current), nulls);
      return {
        psi: psiOfCounts(counts.reference, counts.current, zeros(c.params)),
        categories: counts.categories,
        ref_counts: counts.reference,
        cur_counts: counts.current,
      };
    }
    case 'ks/two_sample': {
      const a = finiteSorted(cells(c.inputs.reference));
      const b = finiteSorted(cells(c.inputs.current));
      const d = ksStatistic(a, b)!;
      return {
        statistic: d,
        p_exact: ksExactP(d, a.length, b.length),
        p_limit: ksLimitP(d, a.length, b.length),
        p_stephens: ksStephensP(d, a.length, b.length),
      };
    }
    case 'special/kolmogorov_sf':
      return { sf: numbers(c.inputs.x).map(kolmogorovTail) };
    case 'special/chi2_sf': {
      const df = numbers(c.inputs.df);
      return {
        sf: numbers(c.inputs.x).map((x, i) => chi2Tail(x, df[i]!)),
        ppf95: df.map(k => chi2Quantile(0.95, k)),
      };
    }
    case 'proportion_ci/wilson_and_clopper_pearson': {
      const n = numbers(c.inputs.n);
      const z = numbers(c.inputs.alpha).map(alpha => Math.sqrt(chi2Quantile(1 - alpha, 1)));
      return { wilson: numbers(c.inputs.count).map((k, i) => wilson(k, n[i]!, z[i]!)) };
    }
    default:
      throw new Error(`no computation for ${c.metric}/${c.variant}`);
  }
}

function close(got: unknown, want: unknown, tolerance: Tolerance, path: string): void {
  if (Array.isArray(want)) {
    expect(got, path).toHaveLength(want.length);
    for (const [i, w] of want.entries()) close((got as unknown[])[i], w, tolerance, `${path}[${i}]`);
  } else if (typeof want === 'number') {
    const allowed = Math.max(tolerance.abs ?? 0, (tolerance.rel ?? 0) * Math.abs(want));
    expect(typeof got, path).toBe('number');
    expect(Math.abs((got as number) - want), `${path}: ${got} for ${want}`).toBeLessThanOrEqual(allowed);
  } else {
    expect(got, path).toEqual(want);
  }
}

function toleranceOf(c: Case, key: string): Tolerance {
  const own = c.tolerance[key];
  if (typeof own === 'object') return own;
  const general = c.tolerance.abs !== undefined || c.tolerance.rel !== undefined;
  return general ? c.tolerance : { abs: 1e-12, rel: 1e-9 };
}

const skipped = new Set(['clopper_pearson']);
const wanted = cases.filter(c => c.metric !== 'delong' && c.metric !== 'auc');

describe('reference vectors', () => {
  test('all psi and ks cases are here', () => {
    expect(cases.filter(c => c.metric === 'psi')).toHaveLength(26);
    expect(cases.filter(c => c.metric === 'ks')).toHaveLength(10);
  });
  test.each(wanted.map(c => [c.id, c] as const))('%s', (_, c) => {
    const got = computed(c);
    for (const [key, want] of Object.entries(c.expected)) {
      if (skipped.has(key) || c.optional_expected?.includes(key)) continue;
      close(got[key], want, toleranceOf(c, key), key);
    }
  });
});
