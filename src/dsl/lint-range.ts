/** Ranges of numbers, as far as they are known before anything is observed: what calculating with them gives. Pure. */

/** Numbers from `lo` to `hi`, both included; `whole` ones only. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
  readonly whole: boolean;
}

/** The range of a value by its path in conditions, such as `psi.rows`. */
export type Ranges = (path: string) => Range;

/** Nothing is known. */
export const ANY: Range = { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY, whole: false };

/** One number. */
export function point(value: number): Range {
  return { lo: value, hi: value, whole: Number.isInteger(value) };
}

/**
 * What an operator of conditions gives for operands of these ranges: never less than what it can give. Rounding is monotonous,
 * so that the ends, rounded as the values are, still hold all of them.
 */
export function calculate(op: string, operands: readonly Range[]): Range {
  const [a = ANY, b = ANY] = operands;
  const whole = operands.every(one => one.whole);
  switch (op) {
    case '+':
      return range(a.lo + b.lo, a.hi + b.hi, whole);
    case '-':
      return range(a.lo - b.hi, a.hi - b.lo, whole);
    case '*':
      return hull(a, b, whole, (x, y) => (x === 0 || y === 0 ? 0 : x * y));
    case '/':
      return b.lo <= 0 && b.hi >= 0 ? ANY : hull(a, b, false, (x, y) => x / y);
    case '%':
      return range(a.lo >= 0 ? 0 : Number.NEGATIVE_INFINITY, a.hi <= 0 ? 0 : Number.POSITIVE_INFINITY, whole);
    case 'abs':
      return absolute(a);
    case 'min':
      return range(least(operands.map(one => one.lo)), least(operands.map(one => one.hi)), whole);
    case 'max':
      return range(greatest(operands.map(one => one.lo)), greatest(operands.map(one => one.hi)), whole);
    default:
      return ANY;
  }
}

/** Room for what adding many numbers in floating point loses. */
export function widened({ lo, hi }: Range): Range {
  return { lo: lo - Math.abs(lo) * SLACK, hi: hi + Math.abs(hi) * SLACK, whole: false };
}

const SLACK = 1e-9;

function range(lo: number, hi: number, whole: boolean): Range {
  return { lo: Number.isNaN(lo) ? ANY.lo : lo, hi: Number.isNaN(hi) ? ANY.hi : hi, whole };
}

function hull(a: Range, b: Range, whole: boolean, compute: (x: number, y: number) => number): Range {
  const ends = [a.lo, a.hi].flatMap(x => [compute(x, b.lo), compute(x, b.hi)]);
  return ends.some(Number.isNaN) ? { ...ANY, whole } : range(least(ends), greatest(ends), whole);
}

function absolute({ lo, hi, whole }: Range): Range {
  const ends = [Math.abs(lo), Math.abs(hi)];
  return range(lo <= 0 && hi >= 0 ? 0 : least(ends), greatest(ends), whole);
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}

function greatest(values: readonly number[]): number {
  return Math.max(...values);
}
