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
  const bare = [a, b].some(one => one.literal && one.dimension === 'number');
  if (bare && [a, b].some(one => one.dimension === 'duration'))
    return { message, hint: 'Write the number with its unit, such as 6h.' };
  return { message };
}

function comparable(a: Type, b: Type): boolean {
  if (isText(a.dimension) && isText(b.dimension)) return true;
  if (a.dimension === b.dimension) return a.dimension !== 'predicate';
  if (!isNumeric(a.dimension) || !isNumeric(b.dimension)) return false;
  return a.dimension === 'number' || b.dimension === 'number';
}

/** The dimension of a calculation; undefined when it has no meaning. */
export function calculated(op: '+' | '-' | '*' | '/' | '%', a: Type, b: Type): Dimension | undefined {
  if (!isQuantity(a.dimension) || !isQuantity(b.dimension)) return undefined;
  const [x, y] = [a.dimension === 'duration', b.dimension === 'duration'];
  if (op === '*') return x && y ? undefined : x || y ? 'duration' : 'number';
  if (op === '/') return x && y ? 'number' : y ? undefined : x ? 'duration' : 'number';
  if (x !== y || !comparable(a, b)) return undefined;
  return a.dimension === b.dimension ? a.dimension : 'number';
}
