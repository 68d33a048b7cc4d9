/** What one term of a condition may still be once some clauses about it hold: an interval, or a list of values. Pure. */
import type { Scalar } from '../model.ts';
import type { Range } from './lint-range.ts';

export interface Domain {
  readonly lo: number;
  readonly hi: number;
  /** The end itself is not in it. */
  readonly loOpen: boolean;
  readonly hiOpen: boolean;
  readonly whole: boolean;
  /** These values at most. */
  readonly only?: readonly Scalar[];
  readonly not: readonly Scalar[];
}

const ALL: Domain = {
  lo: Number.NEGATIVE_INFINITY,
  hi: Number.POSITIVE_INFINITY,
  loOpen: false,
  hiOpen: false,
  whole: false,
  not: [],
};

export function withinRange({ lo, hi, whole }: Range): Domain {
  return { ...ALL, lo, hi, whole };
}

/** One of these values. */
export function oneAmong(values: readonly Scalar[]): Domain {
  return { ...ALL, only: values };
}

/** None of these values. */
export function noneAmong(values: readonly Scalar[]): Domain {
  return { ...ALL, not: values };
}

/** Where `x op value` holds; undefined for operators that compare nothing. */
export function where(op: string, value: Scalar): Domain | undefined {
  if (op === '===') return oneAmong([value]);
  if (op === '!==') return noneAmong([value]);
  if (typeof value !== 'number') return undefined;
  if (op === '>' || op === '>=') return { ...ALL, lo: value, loOpen: op === '>' };
  if (op === '<' || op === '<=') return { ...ALL, hi: value, hiOpen: op === '<' };
  return undefined;
}

/** Both at once; undefined when nothing is left. */
export function meet(a: Domain, b: Domain): Domain | undefined {
  const low = a.lo === b.lo ? { ...a, loOpen: a.loOpen || b.loOpen } : a.lo > b.lo ? a : b;
  const high = a.hi === b.hi ? { ...a, hiOpen: a.hiOpen || b.hiOpen } : a.hi < b.hi ? a : b;
  const not = [...new Set([...a.not, ...b.not])];
  const bounds = { lo: low.lo, loOpen: low.loOpen, hi: high.hi, hiOpen: high.hiOpen };
  const both = rounded({ ...bounds, whole: a.whole || b.whole, not });
  const listed = a.only && b.only ? a.only.filter(one => b.only?.includes(one)) : (a.only ?? b.only);
  if (listed === undefined) return isEmpty(both) ? undefined : both;
  const only = listed.filter(one => holds(both, one));
  return only.length === 0 ? undefined : { ...both, only };
}

/** True when `value` lies within, its list apart. */
function holds({ lo, hi, loOpen, hiOpen, whole, not }: Domain, value: Scalar): boolean {
  if (not.includes(value)) return false;
  if (typeof value !== 'number') return true;
  if (whole && !Number.isInteger(value)) return false;
  return (loOpen ? value > lo : value >= lo) && (hiOpen ? value < hi : value <= hi);
}

/** Ends of whole numbers are whole themselves. */
function rounded(domain: Domain): Domain {
  if (!domain.whole) return domain;
  const lo = domain.loOpen && Number.isInteger(domain.lo) ? domain.lo + 1 : Math.ceil(domain.lo);
  const hi = domain.hiOpen && Number.isInteger(domain.hi) ? domain.hi - 1 : Math.floor(domain.hi);
  return { ...domain, lo, hi, loOpen: false, hiOpen: false };
}

function isEmpty({ lo, hi, loOpen, hiOpen, not }: Domain): boolean {
  if (lo > hi || (lo === hi && (loOpen || hiOpen || not.includes(lo)))) return true;
  return not.includes(true) && not.includes(false);
}
