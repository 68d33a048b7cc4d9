/**
 * What is known of statistics before they are observed: their range by definition (`sure`) or by what they are for (`usual`),
 * their dimension, and how many rows they need to mean anything. Pure.
 */
import type { Catalogue, Dimension, ObservationSpec } from '../model.ts';
import { ANY, type Range, type Ranges } from './lint-range.ts';

type Observe = Readonly<Record<string, ObservationSpec>>;

const SHARE: Range = { lo: 0, hi: 1, whole: false };
const POSITIVE: Range = { ...ANY, lo: 0 };
const COUNT: Range = { ...POSITIVE, whole: true };
/** Ten bins that share no row give about 9; nothing that people call drift is beyond. */
const MOST_PSI = 10;

/** By evaluator and its main argument: the range of the main value, whatever the data. */
const MAIN: Readonly<Record<string, Readonly<Record<string, Range>>>> = {
  drift: { psi: POSITIVE, ks: SHARE },
  performance: {
    ...{ log_loss: POSITIVE, brier: SHARE, error_rate: SHARE, accuracy: SHARE },
    ...{ auc: SHARE, rmse: POSITIVE, mae: POSITIVE },
  },
};
const FIELDS: Readonly<Record<string, Readonly<Record<string, Range>>>> = {
  drift: { psi: POSITIVE, null_q999: POSITIVE, p_value: SHARE },
  performance: { coverage: SHARE, base_rate: SHARE },
};
/** Their `rows` are at least `minSamples` wherever they have a value. */
const COUNTING: readonly string[] = ['drift', 'nulls', 'performance'];

/** One value of an observation, as a condition names it. */
interface Named {
  readonly spec: ObservationSpec;
  readonly field: string;
}

/** The ranges of what the conditions of a policy read. `usual` is for advice: a value may lie beyond it all the same. */
export function rangesOf(observe: Observe, catalogue: Catalogue, how: 'sure' | 'usual'): Ranges {
  return path => {
    const named = namedBy(path, observe);
    if (named === undefined) return ANY;
    const { spec, field } = named;
    const sure = sureRange(named, catalogue);
    if (how === 'sure') return sure;
    if (spec.evaluator === 'drift' && spec.args.main === 'psi' && ['value', 'psi'].includes(field))
      return { ...sure, hi: MOST_PSI };
    return narrower(sure, usualRange(spec, dimensionOf(named, catalogue)));
  };
}

/** The dimension of a value by its path; undefined of what is no observation. */
export function dimensionAt(path: string, observe: Observe, catalogue: Catalogue): Dimension | undefined {
  const named = namedBy(path, observe);
  return named && dimensionOf(named, catalogue);
}

/** The observation that a path reads, `before.` and sides of a rollout apart. */
export function observationAt(path: string, observe: Observe): ObservationSpec | undefined {
  return namedBy(path, observe)?.spec;
}

function namedBy(path: string, observe: Observe): Named | undefined {
  const [root = '', ...rest] = path.replace(/^before\./, '').split('.');
  const spec = Object.hasOwn(observe, root) ? observe[root] : undefined;
  if (spec === undefined) return undefined;
  const field = (spec.sides ? rest.slice(1) : rest).join('.');
  return { spec, field: field === '' ? 'value' : field };
}

function dimensionOf({ spec, field }: Named, { evaluators }: Catalogue): Dimension | undefined {
  const evaluator = evaluators[spec.evaluator];
  if (field !== 'value') return evaluator?.outputs[field];
  return spec.unit ?? evaluator?.mainDimension(spec.args);
}

function sureRange({ spec, field }: Named, catalogue: Catalogue): Range {
  const { evaluator, minSamples = 0 } = spec;
  // What a person's own query gives is anything.
  if (evaluator === 'query') return ANY;
  if (field === 'rows' && COUNTING.includes(evaluator)) return { ...COUNT, lo: minSamples };
  if (evaluator === 'nulls' && field === 'value') return SHARE;
  const known = field === 'value' ? MAIN[evaluator]?.[String(spec.args.main)] : FIELDS[evaluator]?.[field];
  if (known) return known;
  return dimensionOf({ spec, field }, catalogue) === 'count' ? COUNT : ANY;
}

/** PromQL's `increase` extrapolates, so that its counts have fractions. */
function usualRange(spec: ObservationSpec, dimension: Dimension | undefined): Range {
  if (dimension === 'ratio') return SHARE;
  if (dimension === 'count') return spec.args.promql === undefined ? COUNT : POSITIVE;
  return ANY;
}

function narrower(a: Range, b: Range): Range {
  return { lo: Math.max(a.lo, b.lo), hi: Math.min(a.hi, b.hi), whole: a.whole || b.whole };
}

/** The 99.9 % quantile of chi-square with nine degrees of freedom: PSI of ten bins without drift, times the rows. */
const CHI2_NINE_999 = 27.877;
/** The 99.9 % quantile of Kolmogorov's distribution: D of two samples without drift, times the root of the rows. */
const KOLMOGOROV_999 = 1.949;
/** Below it not even the law of PSI without drift holds. */
const LEAST_ROWS = 200;

/**
 * With fewer rows than this on each side, chance alone takes the statistic above the threshold more than once in a thousand
 * times, as if the reference had as many rows; undefined of statistics for which no such law is stated.
 */
export function neededRows({ evaluator, args }: ObservationSpec, threshold: number): number | undefined {
  if (evaluator !== 'drift' || threshold <= 0) return undefined;
  const rows = args.main === 'psi' ? (2 * CHI2_NINE_999) / threshold : 2 * (KOLMOGOROV_999 / threshold) ** 2;
  return Math.max(LEAST_ROWS, Math.ceil(rows));
}
