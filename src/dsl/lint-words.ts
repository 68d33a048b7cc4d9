/** Conditions and ranges in the words of a policy: what lint shows of a part of a condition. Pure. */
import type { Catalogue, Dimension, Json, ObservationSpec } from '../model.ts';
import { readLogic, writeInfix } from './json-logic.ts';
import type { Range } from './lint-range.ts';
import { dimensionAt } from './lint-statistics.ts';
import { nodeOf } from './lint-truth.ts';
import { formatDuration } from './quantity.ts';

/** What gives the names of a condition their dimensions. */
export interface Vocabulary {
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  readonly catalogue: Catalogue;
}

/** A part of a condition as people write it: `nulls > 5%`, not `nulls > 0.05`. */
export function wordsOf(logic: Json, vocabulary: Vocabulary): string {
  const { tree } = readLogic(humane(logic, vocabulary));
  return tree === undefined ? JSON.stringify(logic) : writeInfix(tree, new Set());
}

/** `0% to 100%`, `a whole number from 0 on`, `at most 3`. */
export function rangeWords({ lo, hi, whole }: Range, dimension: Dimension | undefined): string {
  const [from, to] = [lo, hi].map(value => quantity(value, dimension));
  const number = whole ? 'a whole number ' : '';
  if (lo === hi) return String(from);
  if (hi === Number.POSITIVE_INFINITY) return whole ? `${number}from ${from} on` : `at least ${from}`;
  return lo === Number.NEGATIVE_INFINITY ? `${number}at most ${to}` : `${number}from ${from} to ${to}`;
}

/** The dimension of a term; undefined where it is a number, or nobody knows. */
export function dimensionOfTerm(logic: Json, vocabulary: Vocabulary): Dimension | undefined {
  const [op, args] = nodeOf(logic);
  const [first = null, second = null] = args;
  if (op === 'var') return dimensionAt(String(first), vocabulary.observe, vocabulary.catalogue);
  if (op === 'reduce') {
    if (first === 'share') return 'ratio';
    return first === 'count' ? 'count' : dimensionOfTerm(second, vocabulary);
  }
  if (!['+', '-', 'abs', 'min', 'max'].includes(op)) return undefined;
  return args.map(one => dimensionOfTerm(one, vocabulary)).find(found => found !== undefined);
}

function humane(logic: Json, vocabulary: Vocabulary): Json {
  const [op, args] = nodeOf(logic);
  if (op === '' || op === 'var') return logic;
  const dimension = args.map(one => dimensionOfTerm(one, vocabulary)).find(found => found !== undefined);
  const written = args.map((one, i) => {
    if (typeof one === 'number') return dimension === 'count' ? one : quantity(one, dimension);
    if (Array.isArray(one) || (op === 'reduce' && i === 0)) return one;
    return humane(one, vocabulary);
  });
  return { [op]: written };
}

/** Text where a unit belongs to it. */
function quantity(value: number, dimension: Dimension | undefined): Json & (number | string) {
  if (!Number.isFinite(value) || value < 0) return value;
  if (dimension === 'ratio') return `${Number((value * 100).toPrecision(12))}%`;
  return dimension === 'duration' && Number.isInteger(value) ? formatDuration(value) : value;
}
