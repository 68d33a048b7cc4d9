/** What lint calls impossible is impossible: against the engine's own answers, and by a table. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observed, vectorOf } from '../../test/core/closed-policy.ts';
import { compile } from '../engine/condition.ts';
import type { Json, Observation, Scalar } from '../model.ts';
import { ANY, calculate, type Range, type Ranges } from './lint-range.ts';
import { boxes, canBe } from './lint-truth.ts';

const SHARE: Range = { lo: 0, hi: 1, whole: false };
const COUNT: Range = { lo: 0, hi: Number.POSITIVE_INFINITY, whole: true };
/** Two numbers, a share, a count, a vector of shares; everything else is anything. */
const KNOWN: Readonly<Record<string, Range>> = { share: SHARE, rows: COUNT, sets: SHARE };
const ranges: Ranges = path => KNOWN[path.replace(/^before\./, '')] ?? ANY;

const V = (path: string): Json => ({ var: path });
const C = (op: string, a: Json, b: Json): Json => ({ [op]: [a, b] });
const over = (name: string, inner: Json): Json => ({ reduce: [name, inner] });

describe('the table', () => {
  const psi = (op: string, limit: number) => C(op, V('a'), limit);
  /** condition | can be true | can be false */
  const TABLE: readonly (readonly [string, Json, boolean, boolean])[] = [
    ['a > 0.2', psi('>', 0.2), true, true],
    ['a > 0.2 and a < 0.1', { and: [psi('>', 0.2), psi('<', 0.1)] }, false, true],
    ['a > 0.2 and a < 0.2', { and: [psi('>', 0.2), psi('<', 0.2)] }, false, true],
    ['a >= 0.2 and a <= 0.2', { and: [psi('>=', 0.2), psi('<=', 0.2)] }, true, true],
    [
      'a >= 0.2 and a <= 0.2 and a != 0.2',
      { and: [psi('>=', 0.2), psi('<=', 0.2), psi('!==', 0.2)] },
      false,
      true,
    ],
    ['a > 0.1 or a < 0.2', { or: [psi('>', 0.1), psi('<', 0.2)] }, true, false],
    ['a > 0.2 or a < 0.1', { or: [psi('>', 0.2), psi('<', 0.1)] }, true, true],
    ['a == 1 and a == 2', { and: [psi('===', 1), psi('===', 2)] }, false, true],
    ['a != 1 or a != 2', { or: [psi('!==', 1), psi('!==', 2)] }, true, false],
    ['not (a > 1) and a > 2', { and: [{ '!': [psi('>', 1)] }, psi('>', 2)] }, false, true],
    ['0.3 < a and a < 0.2, mirrored', { and: [C('<', 0.3, V('a')), psi('<', 0.2)] }, false, true],
    ['a > b and b > a', { and: [C('>', V('a'), V('b')), C('>', V('b'), V('a'))] }, false, true],
    ['a >= b or a < b', { or: [C('>=', V('a'), V('b')), C('<', V('a'), V('b'))] }, true, false],
    ['a > a', C('>', V('a'), V('a')), false, true],
    ['a > before.a', C('>', V('a'), V('before.a')), true, true],
    ['share > before.share + 1', C('>', V('share'), C('+', V('before.share'), 1)), false, true],
    ['share > 1', C('>', V('share'), 1), false, true],
    ['share >= 1', C('>=', V('share'), 1), true, true],
    ['share <= 1', C('<=', V('share'), 1), true, false],
    ['rows < 0', C('<', V('rows'), 0), false, true],
    ['rows == 0.5', C('===', V('rows'), 0.5), false, true],
    ['rows > 2 and rows < 3', { and: [C('>', V('rows'), 2), C('<', V('rows'), 3)] }, false, true],
    ['rows in [0.5, -1]', { in: [V('rows'), [0.5, -1]] }, false, true],
    ['rows in [0, 1]', { in: [V('rows'), [0, 1]] }, true, true],
    [
      'abs(a) > 2 and abs(a) < 1',
      { and: [C('>', { abs: [V('a')] }, 2), C('<', { abs: [V('a')] }, 1)] },
      false,
      true,
    ],
    ['abs(a) < 0', C('<', { abs: [V('a')] }, 0), false, true],
    ['1 - share > 1', C('>', C('-', 1, V('share')), 1), false, true],
    ['max(share, 0.5) < 0.4', C('<', { max: [V('share'), 0.5] }, 0.4), false, true],
    ['rows / 0 is anything', C('>', C('/', V('rows'), V('share')), 1), true, true],
    ["kind == 'x' and kind == 'y'", { and: [C('===', V('k'), 'x'), C('===', V('k'), 'y')] }, false, true],
    ["kind in ['x'] and kind != 'x'", { and: [{ in: [V('k'), ['x']] }, C('!==', V('k'), 'x')] }, false, true],
    ['up and not up', { and: [V('up'), { '!': [V('up')] }] }, false, true],
    ['up == true and up == false', { and: [C('===', V('up'), true), C('===', V('up'), false)] }, false, true],
    ['not exists(a) and a > 1', { and: [{ '!': [{ exists: [V('a')] }] }, psi('>', 1)] }, false, true],
    ['not exists(a) or a > 1', { or: [{ '!': [{ exists: [V('a')] }] }, psi('>', 1)] }, true, true],
    ['count(sets > 1) > 0', C('>', over('count', C('>', V('sets'), 1)), 0), false, true],
    ['count(sets >= 0) == 0', C('===', over('count', C('>=', V('sets'), 0)), 0), false, true],
    [
      'count(sets > 0.1) >= 2.5 and < 3',
      {
        and: [
          C('>', over('count', C('>', V('sets'), 0.1)), 2.5),
          C('<', over('count', C('>', V('sets'), 0.1)), 3),
        ],
      },
      false,
      true,
    ],
    ['share(sets > 0.1) > 1', C('>', over('share', C('>', V('sets'), 0.1)), 1), false, true],
    ['any(sets > 1)', over('any', C('>', V('sets'), 1)), false, true],
    ['none(sets >= 0)', over('none', C('>=', V('sets'), 0)), false, true],
    ['all(sets <= 1)', over('all', C('<=', V('sets'), 1)), true, false],
    [
      'any(x) and none(x)',
      { and: [over('any', C('>', V('sets'), 0.5)), over('none', C('>', V('sets'), 0.5))] },
      false,
      true,
    ],
    [
      'count(sets > 0.3) >= 3 and max(sets) < 0.2',
      {
        and: [C('>=', over('count', C('>', V('sets'), 0.3)), 3), C('<', over('max', V('sets')), 0.2)],
      },
      false,
      true,
    ],
    [
      'any(sets > 0.3) and all(sets < 0.2)',
      { and: [over('any', C('>', V('sets'), 0.3)), over('all', C('<', V('sets'), 0.2))] },
      false,
      true,
    ],
    [
      'share(sets > 0.1) < 100% and min(sets) > 0.1',
      {
        and: [C('<', over('share', C('>', V('sets'), 0.1)), 1), C('>', over('min', V('sets')), 0.1)],
      },
      false,
      true,
    ],
    [
      'count(sets > 0.1) >= 1 and count(sets > 0.3) == 0',
      {
        and: [
          C('>=', over('count', C('>', V('sets'), 0.1)), 1),
          C('===', over('count', C('>', V('sets'), 0.3)), 0),
        ],
      },
      true,
      true,
    ],
    ['max(sets) > 1', C('>', over('max', V('sets')), 1), false, true],
  ];
  test.each(TABLE)('%s', (_, logic, truly, falsely) => {
    expect([canBe(logic, true, ranges), canBe(logic, false, ranges)]).toEqual([truly, falsely]);
  });

  test('more alternatives than can be told apart are possible', () => {
    const either = (i: number): Json => ({ or: [C('>', V(`x${i}`), 1), C('<', V(`x${i}`), 0)] });
    const many: Json = {
      and: [...Array.from({ length: 40 }, (_, i) => either(i)), psi('>', 2), psi('<', 1)],
    };
    expect(boxes(many, true, ranges)).toEqual([]);
    const spread: Json = { and: [...Array.from({ length: 40 }, (_, i) => either(i)), either(0)] };
    expect(canBe(spread, true, ranges)).toBe(true);
  });
});

const LIMITS = [-1, 0, 0.1, 0.2, 0.5, 1, 2, 3];
const limit = fc.constantFrom(...LIMITS);
const comparing = fc.constantFrom('>', '>=', '<', '<=', '===', '!==');
const scalarNames = ['a', 'b', 'share', 'rows'] as const;
const variable = fc.constantFrom(...scalarNames, 'before.share').map(V);
const term = fc.oneof(
  { weight: 4, arbitrary: variable },
  fc
    .tuple(fc.constantFrom('+', '-', '*', '/', '%', 'min', 'max'), variable, fc.oneof(limit, variable))
    .map(([op, x, y]) => C(op, x, y)),
  variable.map((x): Json => ({ abs: [x] })),
);
const compared = (of: fc.Arbitrary<Json>) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(comparing, of, limit).map(([op, x, y]) => C(op, x, y)) },
    fc.tuple(comparing, limit, of).map(([op, x, y]) => C(op, x, y)),
    fc.tuple(comparing, of, of).map(([op, x, y]) => C(op, x, y)),
    fc
      .tuple(of, fc.array(limit, { minLength: 1, maxLength: 2 }))
      .map(([x, list]): Json => ({ in: [x, list] })),
  );
const member = fc.oneof(
  compared(fc.constant(V('sets'))),
  compared(fc.constant(V('sets'))).map((x): Json => ({ '!': [x] })),
);
const numbers = fc.oneof(
  fc.tuple(fc.constantFrom('count', 'share'), member).map(([name, inner]) => over(name, inner)),
  fc.constantFrom('max', 'min', 'avg').map(name => over(name, V('sets'))),
);
const leaf = fc.oneof(
  { weight: 6, arbitrary: compared(term) },
  { weight: 2, arbitrary: compared(numbers) },
  fc.tuple(fc.constantFrom('any', 'all', 'none'), member).map(([name, inner]) => over(name, inner)),
  fc.constantFrom('a', 'share').map((name): Json => ({ exists: [V(name)] })),
  fc.constantFrom('x', 'y').map(text => C('===', V('k'), text)),
  fc.constant(V('up')),
);
const logic: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('node'), { minLength: 2, maxLength: 3 }))
      .map(([op, all]): Json => ({ [op]: all })),
    tie('node').map((x): Json => ({ '!': [x] })),
  ),
})).node;

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 8 });
const world = fc.record({
  a: maybe(limit),
  b: maybe(limit),
  share: maybe(fc.constantFrom(0, 0.1, 0.2, 0.3, 0.5, 1)),
  rows: maybe(fc.constantFrom(0, 1, 2, 3, 500)),
  k: maybe(fc.constantFrom('x', 'y', 'z')),
  up: maybe(fc.boolean()),
  before: fc.constantFrom(0, 0.2, 1),
  reason: fc.constantFrom('absent' as const, 'unreachable' as const),
  sets: fc.array(maybe(fc.constantFrom(0, 0.1, 0.2, 0.5, 1)), { maxLength: 4 }),
});

function answerOf(tree: Json, { before, reason, sets, ...values }: Given): unknown {
  const single = ([name, value]: readonly [string, Scalar | undefined]): readonly [string, Observation] => {
    const one = observed(name, value);
    return [name, one.unknown ? { ...one, unknown: { reason, message: 'not had' } } : one];
  };
  const vector = vectorOf(
    'sets',
    sets.map((value, i) => [{ origin: `o${i}` }, value] as const),
  );
  const observations = Object.fromEntries([...Object.entries(values).map(single), ['sets', vector]]);
  return compile(tree).evaluate({ observations, before: { share: before }, steps: {}, target: {} });
}
type Given = typeof world extends fc.Arbitrary<infer T> ? T : never;

test('what is impossible never happens: random conditions over random observations', () => {
  const decided = { never: 0, always: 0 };
  fc.assert(
    fc.property(logic, fc.array(world, { minLength: 20, maxLength: 20 }), (tree, worlds) => {
      const [truly, falsely] = [canBe(tree, true, ranges), canBe(tree, false, ranges)];
      if (!truly) decided.never++;
      if (!falsely) decided.always++;
      if (truly && falsely) return;
      for (const given of worlds) {
        const answer = answerOf(tree, given);
        if (!truly) expect(answer).not.toBe(true);
        if (!falsely) expect(answer).not.toBe(false);
      }
    }),
    { numRuns: 6000, seed: 20010116 },
  );
  // A property over nothing would prove nothing.
  expect(decided.never).toBeGreaterThan(300);
  expect(decided.always).toBeGreaterThan(100);
});

test('calculating with ranges holds every result', () => {
  const ends = fc
    .tuple(limit, limit)
    .map(([x, y]): Range => ({ lo: Math.min(x, y), hi: Math.max(x, y), whole: false }));
  const within = ({ lo, hi }: Range, part: number) => (part === 1 ? hi : lo + (hi - lo) * part);
  fc.assert(
    fc.property(
      fc.constantFrom('+', '-', '*', '/', '%', 'min', 'max', 'abs'),
      ends,
      ends,
      fc.constantFrom(0, 0.5, 1),
      fc.constantFrom(0, 0.5, 1),
      (op, a, b, i, j) => {
        const [x, y] = [within(a, i), within(b, j)];
        const value = compile({ [op]: op === 'abs' ? [x] : [x, y] }).evaluate({
          observations: {},
          before: {},
          steps: {},
          target: {},
        });
        const range = calculate(op, op === 'abs' ? [a] : [a, b]);
        if (typeof value !== 'number') return;
        expect(value).toBeGreaterThanOrEqual(range.lo);
        expect(value).toBeLessThanOrEqual(range.hi);
      },
    ),
    { numRuns: 3000 },
  );
});
