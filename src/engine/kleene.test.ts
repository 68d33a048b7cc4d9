/**
 * Three-valued logic by exhaustion: an unknown operand stands for all values that it could have, an interval for those within it;
 * the answer is known if and only if all of these completions agree. Written from that definition, on plain values.
 */
import { describe, expect, test } from 'vitest';
import { observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json, Observation, Scalar } from '../model.ts';
import { compile } from './condition.ts';
import type { Scope } from './label-sets.ts';

type Known = number | boolean | string;

/** The one answer of all completions, or undefined. */
function agreed(answers: readonly Known[]): Known | undefined {
  return answers.every(answer => answer === answers[0]) ? answers[0] : undefined;
}

/** All ways to choose one of each. */
function choices<T>(of: readonly (readonly T[])[]): T[][] {
  return of.reduce<T[][]>(
    (sofar, options) => sofar.flatMap(one => options.map(option => [...one, option])),
    [[]],
  );
}

function ask(logic: Json, observations: Readonly<Record<string, Observation>>): unknown {
  const scope: Scope = { observations, before: {}, steps: {}, target: {} };
  return compile(logic).evaluate(scope);
}

/** Says for which operands the answer is another; most are not compared by vitest, which is slow. */
function same(operands: readonly unknown[], got: unknown, expected: Known | undefined): void {
  if (got !== expected) expect([...operands, got]).toEqual([...operands, expected]);
}

const V = (name: string): Json => ({ var: name });
const BOOLEANS = [true, false, undefined] as const;
const COMPARE: Readonly<Record<string, (a: Known, b: Known) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
};

describe.each([1, 2, 3, 4])('of %i operands', size => {
  const NAMES = ['a', 'b', 'c', 'd'].slice(0, size);
  const junctions = {
    and: (all: readonly boolean[]) => all.every(Boolean),
    or: (all: readonly boolean[]) => all.some(Boolean),
  };
  test.each(Object.entries(junctions))('%s', (op, define) => {
    for (const operands of choices(NAMES.map(() => BOOLEANS))) {
      const observations = Object.fromEntries(NAMES.map((name, i) => [name, observed(name, operands[i])]));
      const completions = choices(operands.map(one => (one === undefined ? [true, false] : [one])));
      same([operands], ask({ [op]: NAMES.map(V) }, observations), agreed(completions.map(define)));
    }
  });
});

test('not', () => {
  expect(BOOLEANS.map(a => ask({ '!': [V('a')] }, { a: observed('a', a) }))).toEqual([
    false,
    true,
    undefined,
  ]);
});

/** Far below, between and far above all numbers of the tables: what an unknown number could be. */
const ANY = [-1e9, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 1e9];

describe.each(Object.entries(COMPARE))('%s of single values', (op, define) => {
  const POSSIBLE: readonly (readonly [number | undefined, readonly number[]])[] = [
    ...[1, 2, 3].map(value => [value, [value]] as const),
    [undefined, ANY],
  ];
  test('numbers: below, equal, above, unknown', () => {
    for (const [a, as] of POSSIBLE)
      for (const [b, bs] of POSSIBLE) {
        const expected = agreed(choices([as, bs]).map(([x, y]) => define(x!, y!)));
        const observations = { a: observed('a', a), b: observed('b', b) };
        same([a, op, b], ask({ [op]: [V('a'), V('b')] }, observations), expected);
        if (b !== undefined) same([a, op, b], ask({ [op]: [V('a'), b] }, observations), expected);
        if (a !== undefined) same([a, op, b], ask({ [op]: [a, V('b')] }, observations), expected);
      }
  });
});

test.each(['===', '!=='])('%s of texts and of booleans', op => {
  const define = COMPARE[op]!;
  const texts: readonly (Scalar | undefined)[] = ['x', 'y', undefined];
  const flags: readonly (Scalar | undefined)[] = [true, false, undefined];
  for (const domain of [texts, flags])
    for (const [a, b] of choices([domain, domain])) {
      const known = domain.filter(one => one !== undefined);
      const of = (one: Scalar | undefined) => (one === undefined ? known : [one]);
      const expected = agreed(choices([of(a), of(b)]).map(([x, y]) => define(x!, y!)));
      expect([a, b, ask({ [op]: [V('a'), V('b')] }, { a: observed('a', a), b: observed('b', b) })]).toEqual([
        a,
        b,
        expected,
      ]);
    }
});

test('in', () => {
  const list = ['x', 'y'];
  for (const value of ['x', 'z', undefined]) {
    const expected = agreed((value === undefined ? ['x', 'y', 'z'] : [value]).map(one => list.includes(one)));
    expect(ask({ in: [V('a'), list] }, { a: observed('a', value) })).toBe(expected);
  }
});

/** Members of a vector: known to hold, known not to, unknown. */
const MEMBERS = [1, 0, undefined] as const;
const VECTORS = [1, 2, 3, 4].flatMap(size => choices(Array.from({ length: size }, () => MEMBERS)));
const rank = (member: number | undefined) => member ?? 2;
const vector = (name: string, members: readonly (number | undefined)[]) =>
  vectorOf(name, Object.fromEntries(members.map((value, i) => [`m${i}`, value])));
const completed = (members: readonly (number | undefined)[], by: readonly number[]) =>
  choices(members.map(one => (one === undefined ? by : [one])));
const held = (name: string): Json => ({ '>': [V(name), 0] });
const counted = (name: string): Json => ({ reduce: ['count', held(name)] });

describe('reducers of conditions', () => {
  const of = (members: readonly number[]) => members.filter(one => one > 0).length;
  const define: Readonly<Record<string, (members: readonly number[]) => Known>> = {
    any: members => of(members) > 0,
    all: members => of(members) === members.length,
    none: members => of(members) === 0,
  };
  test.each(Object.entries(define))('%s', (name, answer) => {
    for (const members of VECTORS) {
      const expected = agreed(completed(members, [0, 1]).map(answer));
      const got = ask({ reduce: [name, held('v')] }, { v: vector('v', members) });
      same([members], got, expected);
    }
  });

  test.each(Object.entries(COMPARE))('count and share %s', (op, compare) => {
    for (const members of VECTORS)
      for (let limit = 0; limit <= members.length; limit++) {
        const counts = completed(members, [0, 1]).map(of);
        const observations = { v: vector('v', members) };
        const count = ask({ [op]: [counted('v'), limit] }, observations);
        same([members, limit], count, agreed(counts.map(one => compare(one, limit))));
        const share = limit / members.length;
        const asked = ask({ [op]: [{ reduce: ['share', held('v')] }, share] }, observations);
        same([members, share], asked, agreed(counts.map(one => compare(one / members.length, share))));
      }
  });
});

describe('reducers of numbers', () => {
  /** What is missing to an average of 1, 2 or 3. */
  const WIDE = [-1e9, ...Array.from({ length: 15 }, (_, i) => i - 5), 1e9];
  const define: Readonly<Record<string, (members: readonly number[]) => number>> = {
    max: members => Math.max(...members),
    min: members => Math.min(...members),
    avg: members => members.reduce((a, b) => a + b, 0) / members.length,
  };
  const values = [1, 2, 3].flatMap(size => choices(Array.from({ length: size }, () => [1, 2, 3, undefined])));
  test.each(choices<string>([Object.keys(define), Object.keys(COMPARE)]))('%s %s', (name, op) => {
    for (const members of values) {
      const results = completed(members, name === 'avg' ? WIDE : ANY).map(define[name!]!);
      for (const limit of [1, 2, 3]) {
        const got = ask({ [op!]: [{ reduce: [name!, V('v')] }, limit] }, { v: vector('v', members) });
        same([members, limit], got, agreed(results.map(one => COMPARE[op!]!(one, limit))));
      }
    }
  });
});

describe('intervals', () => {
  // Their order is nothing to an interval.
  const small = VECTORS.filter(
    members => members.length <= 3 && members.every((one, i) => i === 0 || rank(members[i - 1]) <= rank(one)),
  );
  const counts = (members: readonly (number | undefined)[]) =>
    completed(members, [0, 1]).map(all => all.filter(Boolean).length);

  test.each(Object.entries(COMPARE))('%s of two', (op, compare) => {
    for (const a of small)
      for (const b of small) {
        const expected = agreed(choices([counts(a), counts(b)]).map(([x, y]) => compare(x!, y!)));
        const got = ask({ [op]: [counted('v'), counted('w')] }, { v: vector('v', a), w: vector('w', b) });
        same([a, op, b], got, expected);
      }
  });

  const CALCULATE: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    min: Math.min,
    max: Math.max,
  };
  const orders = Object.entries(COMPARE).filter(([op]) => op !== '===' && op !== '!==');
  test.each(Object.entries(CALCULATE))('%s of two, then ordered', (op, calculate) => {
    for (const a of small)
      for (const b of small) {
        const pairs = choices([counts(a), counts(b)]);
        // Where it could be a division by zero there is no value.
        const possible =
          op === '/' && pairs.some(([, y]) => y === 0) ? undefined : pairs.map(([x, y]) => calculate(x!, y!));
        for (const [order, compare] of orders)
          for (const limit of [-1, 0, 0.5, 1, 2, 3]) {
            const expected = possible && agreed(possible.map(one => compare(one, limit)));
            const logic = { [order]: [{ [op]: [counted('v'), counted('w')] }, limit] };
            const got = ask(logic, { v: vector('v', a), w: vector('w', b) });
            same([a, op, b, order, limit], got, expected);
          }
      }
  });

  test('abs, - and in', () => {
    for (const members of small)
      for (const limit of [0, 1, 2, 3]) {
        const observations = { v: vector('v', members) };
        const far = { abs: [{ '-': [counted('v'), limit] }] };
        const expected = agreed(counts(members).map(one => Math.abs(one - limit) > 1));
        same([members, limit], ask({ '>': [far, 1] }, observations), expected);
        const within = agreed(counts(members).map(one => [limit, 9].includes(one)));
        same([members, limit], ask({ in: [counted('v'), [limit, 9]] }, observations), within);
      }
  });

  test('a remainder is known of exact numbers alone', () => {
    const even = { '===': [{ '%': [counted('v'), 2] }, 0] };
    expect(ask(even, { v: vector('v', [1, 1, 0]) })).toBe(true);
    expect(ask(even, { v: vector('v', [1, undefined, 0]) })).toBeUndefined();
  });
});

test('a single value that is unknown makes its comparison unknown, whatever stands around it', () => {
  const x = { x: observed('x', undefined) };
  // Each holds for any number that x could be: but x may be no number at all.
  for (const logic of [
    { '>': [{ max: [V('x'), 5] }, 3] },
    { '===': [{ '*': [V('x'), 0] }, 0] },
    { '<': [{ '%': [V('x'), 7] }, 7] },
    { '===': [V('x'), V('x')] },
    { '>=': [{ abs: [V('x')] }, 0] },
  ] as Json[])
    expect(ask(logic, x)).toBeUndefined();
});
