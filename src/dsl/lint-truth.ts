/**
 * Whether a condition can be true, or false, at all: its JSON Logic over everything that could be observed. Conservative: what
 * is said to be impossible is impossible, what is not may be. Pure.
 *
 * A condition becomes alternatives, each a *box*: for every term that it compares, where the term must lie. `and` meets boxes,
 * `or` lists them, `not` asks for the opposite answer. A box in which a term has nowhere to lie is none. Unknown values need no
 * case of their own: a comparison of them is neither true nor false, so both answers ask for a known value.
 */
import type { Json, Scalar } from '../model.ts';
import { type Domain, meet, noneAmong, oneAmong, where, withinRange } from './lint-domain.ts';
import { memberConditions } from './lint-members.ts';
import { ANY, calculate, point, type Range, type Ranges, widened } from './lint-range.ts';

/** Where each term lies, by its JSON Logic as text, and `exists NAME`. */
export type Box = ReadonlyMap<string, Domain>;

/** More alternatives than these are not told apart. */
const MOST_BOXES = 128;
const FREE: readonly Box[] = [new Map()];
const TRUE = oneAmong([true]);
const FALSE = oneAmong([false]);

/** The alternatives in which the condition gives this answer; none: it never does. */
export function boxes(logic: Json, answer: boolean, ranges: Ranges): readonly Box[] {
  const [op, args] = nodeOf(logic);
  const [first = null, second = null] = args;
  switch (op) {
    case '':
      return logic === answer ? FREE : [];
    case 'and':
    case 'or': {
      const all = args.map(one => boxes(one, answer, ranges));
      if ((op === 'and') !== answer) return either(all);
      return together(all).filter(box => areConsistent(box, ranges));
    }
    case '!':
      return boxes(first, !answer, ranges);
    case 'var':
      return boxOf(keyOf(logic), undefined, answer ? TRUE : FALSE, [logic]);
    case 'exists':
      return [new Map([[existsKey(first), answer ? TRUE : FALSE]])];
    case 'in': {
      const list = second as readonly Scalar[];
      return termBox(first, answer ? oneAmong(list) : noneAmong(list), ranges);
    }
    case 'reduce':
      return reduction(String(first), second, answer, ranges);
    default:
      return comparison(op, first, second, answer, ranges);
  }
}

/** True when the condition can give this answer, as far as is known. */
export function canBe(logic: Json, answer: boolean, ranges: Ranges): boolean {
  return boxes(logic, answer, ranges).length > 0;
}

/** Both boxes at once; undefined when a term has nowhere to lie. */
export function meetBoxes(a: Box, b: Box): Box | undefined {
  const both = new Map(a);
  for (const [key, domain] of b) {
    const known = both.get(key);
    const met = known === undefined ? domain : meet(known, domain);
    if (met === undefined) return undefined;
    both.set(key, met);
  }
  return both;
}

/** Operator and operands of a node; of a literal, no operator. */
export function nodeOf(logic: Json): readonly [string, readonly Json[]] {
  if (logic === null || typeof logic !== 'object' || Array.isArray(logic)) return ['', []];
  const [[op, args] = ['', null]] = Object.entries(logic);
  return [op, Array.isArray(args) ? args : [args as Json]];
}

function together(all: readonly (readonly Box[])[]): readonly Box[] {
  if (all.some(list => list.length === 0)) return [];
  let met = FREE;
  for (const list of all) {
    // Leaving a clause out only makes more possible.
    if (met.length * list.length > MOST_BOXES) continue;
    met = met.flatMap(box => list.flatMap(other => meetBoxes(box, other) ?? []));
    if (met.length === 0) return [];
  }
  return met;
}

function either(all: readonly (readonly Box[])[]): readonly Box[] {
  const listed = all.flat();
  return listed.length > MOST_BOXES ? FREE : listed;
}

/** What its reducers say of the members of a vector can hold of them together. */
function areConsistent(box: Box, ranges: Ranges): boolean {
  return memberConditions(box).every(one => canBe(one, true, ranges));
}

/** `any`, `all` and `none` over the label sets, of which there is at least one: without any the answer is unknown. */
function reduction(name: string, inner: Json, answer: boolean, ranges: Ranges): readonly Box[] {
  const positive = name === 'none' ? !answer : answer;
  const word = name === 'all' ? 'all' : 'any';
  // One set at least gives this answer: that of `any` true, of `all` true (each does), of `all` false, of `any` false.
  if (!canBe(inner, positive, ranges)) return [];
  return [new Map([[`${word} ${keyOf(inner)}`, positive ? TRUE : FALSE]])];
}

const OPPOSITE: Readonly<Record<string, string>> = {
  '>': '<=',
  '>=': '<',
  '<': '>=',
  '<=': '>',
  '===': '!==',
  '!==': '===',
};
const MIRRORED: Readonly<Record<string, string>> = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' };

function comparison(
  written: string,
  left: Json,
  right: Json,
  answer: boolean,
  ranges: Ranges,
): readonly Box[] {
  const op = answer ? written : OPPOSITE[written];
  if (op === undefined || OPPOSITE[op] === undefined) return FREE;
  const [a, b] = [constantOf(left), constantOf(right)];
  const mirrored = MIRRORED[op] ?? op;
  if (a !== undefined && b !== undefined) return isSo(op, a, b) ? FREE : [];
  if (b !== undefined) return compared(left, op, b, ranges);
  if (a !== undefined) return compared(right, mirrored, a, ranges);
  // Two terms: their difference, the same way round wherever the two are compared.
  const ordered = keyOf(left) <= keyOf(right);
  const [x, y] = ordered ? [left, right] : [right, left];
  const key = `${keyOf(x)} - ${keyOf(y)}`;
  const base = keyOf(x) === keyOf(y) ? point(0) : calculate('-', [rangeOf(x, ranges), rangeOf(y, ranges)]);
  return boxOf(key, base, where(ordered ? op : mirrored, 0), [x, y]);
}

function compared(term: Json, op: string, value: Scalar, ranges: Ranges): readonly Box[] {
  const domain = where(op, value);
  return domain === undefined ? FREE : termBox(term, domain, ranges);
}

function termBox(term: Json, domain: Domain, ranges: Ranges): readonly Box[] {
  return boxOf(keyOf(term), rangeOf(term, ranges), domain, [term]);
}

/** A term in a range that is compared: it has a value, and so has everything that is read for it. */
function boxOf(
  key: string,
  base: Range | undefined,
  domain: Domain | undefined,
  terms: readonly Json[],
): readonly Box[] {
  if (domain === undefined) return FREE;
  const met = meet(withinRange(base ?? ANY), domain);
  if (met === undefined) return [];
  const there = terms.flatMap(readBy).map(path => [existsKey({ var: path }), TRUE] as const);
  return [new Map([[key, met], ...there])];
}

function isSo(op: string, a: Scalar, b: Scalar): boolean {
  const domain = where(op, b);
  return domain === undefined || meet(domain, oneAmong([a])) !== undefined;
}

/** The range of a term: what its variables can be, calculated through. */
export function rangeOf(term: Json, ranges: Ranges): Range {
  if (typeof term === 'number') return point(term);
  const [op, args] = nodeOf(term);
  if (op === '') return ANY;
  if (op === 'var') return ranges(String(args[0]));
  if (op !== 'reduce')
    return calculate(
      op,
      args.map(one => rangeOf(one, ranges)),
    );
  const [name, inner = null] = args;
  if (name === 'count' || name === 'share') return tallied(name, inner, ranges);
  const range = rangeOf(inner, ranges);
  return name === 'avg' ? widened(range) : range;
}

/** How many label sets, of at least one, or which part of them. */
function tallied(name: 'count' | 'share', inner: Json, ranges: Ranges): Range {
  const lo = canBe(inner, false, ranges) ? 0 : 1;
  const most = name === 'count' ? Number.POSITIVE_INFINITY : 1;
  return { lo, hi: canBe(inner, true, ranges) ? most : 0, whole: name === 'count' };
}

/** The value of a term without variables; undefined of any other. */
function constantOf(term: Json): Scalar | undefined {
  if (term === null || Array.isArray(term)) return undefined;
  if (typeof term !== 'object') return term as Scalar;
  if (readBy(term).length > 0 || keyOf(term).includes('"reduce"')) return undefined;
  const { lo, hi } = rangeOf(term, () => ANY);
  return lo === hi ? lo : undefined;
}

/** Paths that a term reads outside of reducers, which have an answer with some of their members unknown. */
function readBy(term: Json): readonly string[] {
  const [op, args] = nodeOf(term);
  if (op === 'var') return [String(args[0])];
  return op === 'reduce' || op === '' ? [] : args.flatMap(readBy);
}

function existsKey(term: Json): string {
  return `exists ${String(nodeOf(term)[1][0])}`;
}

function keyOf(logic: Json): string {
  return JSON.stringify(logic);
}
