/** What the parts of an expression are: dimensions, whether they are vectors, and how operators combine them. Pure. */
import type { Dimension } from '../model.ts';

/** The type of a part of an expression. */
export interface Type {
  readonly dimension: Dimension;
  /** One value per label set rather than one. */
  readonly vector: boolean;
  /** A literal: a bare number fits counts, ratios and numbers, but never durations. */
  readonly literal: boolean;
}

const NUMERIC: readonly Dimension[] = ['number', 'count', 'ratio'];
const TEXT: readonly Dimension[] = ['string', 'version'];

export function isNumeric(dimension: Dimension): boolean {
  return NUMERIC.includes(dimension);
}

export function isText(dimension: Dimension): boolean {
  return TEXT.includes(dimension);
}

/** True when it can be ordered and calculated with. */
export function isQuantity(dimension: Dimension): boolean {
  return isNumeric(dimension) || dimension === 'duration';
}

/** With its article, as a message says it. */
export function described({ dimension, literal }: Type): string {
  if (dimension === 'number') return literal ? 'a bare number' : 'a number';
  if (dimension === 'boolean') return 'true or false';
  if (isText(dimension)) return dimension === 'version' ? 'a version' : 'text';
  return `a ${dimension}`;
}

/** Why two parts cannot be compared (or added); undefined when they can. */
export function mismatch(a: Type, b: Type): { readonly message: string; readonly hint?: string } | undefined {
  if (comparable(a, b)) return undefined;
  const message = `${described(a)} and ${described(b)} do not compare; expected the same dimension on both sides`;
  const hint = slipOf(a, b) ?? slipOf(b, a);
  return hint === undefined ? { message } : { message, hint };
}

/** The likely slip, where the one side is written out. */
function slipOf(literal: Type, other: Type): string | undefined {
  if (!literal.literal) return undefined;
  if (other.dimension === 'duration' && isNumeric(literal.dimension))
    return 'Write the number with its unit, such as 6h.';
  if (other.dimension === 'count' && literal.dimension === 'ratio')
    return 'Write a whole number, such as 500.';
  if (isQuantity(other.dimension) && isText(literal.dimension)) return 'Write the number without quotes.';
  return undefined;
}

function comparable(a: Type, b: Type): boolean {
  if (isText(a.dimension) && isText(b.dimension)) return true;
  if (a.dimension === b.dimension) return a.dimension !== 'predicate';
  if (!isNumeric(a.dimension) || !isNumeric(b.dimension)) return false;
  return a.dimension === 'number' || b.dimension === 'number';
}

/**
 * The dimension of a calculation; undefined when it has no meaning. A bare number takes the dimension of what stands beside it;
 * a plain number that is observed makes a number of counts and ratios.
 */
export function calculated(op: '+' | '-' | '*' | '/' | '%', a: Type, b: Type): Dimension | undefined {
  if (!isQuantity(a.dimension) || !isQuantity(b.dimension)) return undefined;
  if (op === '*') return product(a, b);
  if (op === '/') return quotient(a, b);
  if (!comparable(a, b)) return undefined;
  if (a.dimension === b.dimension || isBare(b)) return a.dimension;
  return isBare(a) ? b.dimension : 'number';
}

function isBare({ dimension, literal }: Type): boolean {
  return literal && dimension === 'number';
}

function product(a: Type, b: Type): Dimension | undefined {
  const [x, y] = [a.dimension, b.dimension];
  if (x === 'duration' && y === 'duration') return undefined;
  if (x === 'duration' || y === 'duration') return 'duration';
  // A bare number and a ratio only scale: half of the rows are rows.
  if (isBare(a)) return y;
  if (isBare(b) || y === 'ratio') return x;
  return x === 'ratio' ? y : 'number';
}

function quotient(a: Type, b: Type): Dimension | undefined {
  const [x, y] = [a.dimension, b.dimension];
  if (x === y) return x === 'count' ? 'ratio' : 'number';
  if (y === 'duration') return undefined;
  return x === 'duration' || isBare(b) || y === 'ratio' ? x : 'number';
}
