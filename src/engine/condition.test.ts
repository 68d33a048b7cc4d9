/** Conditions: the closures agree with json-logic-js on definite input, with Kleene's logic on any, and never say yes of nothing. */
import fc from 'fast-check';
import jsonLogic from 'json-logic-js';
import { describe, expect, test } from 'vitest';
import { failedVector, observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json, Observation, Scalar } from '../model.ts';
import { compile } from './condition.ts';
import type { Scope } from './label-sets.ts';

jsonLogic.add_operation('abs', (a: number) => Math.abs(a));

const NUMBERS = ['a', 'b', 'a.rows', 'before.a', 'steps.s.x'];
const TEXTS = ['t', 'steps.s.t'];
type Values = Readonly<Record<string, Scalar | undefined>>;

const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.1, 0.2, 0.3),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
);
const text = fc.constantFrom('x', 'y', '');
const numeric: fc.Arbitrary<Json> = fc.letrec<{ tree: Json }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NUMBERS).map(name => ({ var: name })),
    number,
    fc
      .tuple(fc.constantFrom('+', '-', '*', '/', '%'), tie('tree'), tie('tree'))
      .map(([op, a, b]) => ({ [op]: [a, b] })),
    tie('tree').map(a => ({ abs: [a] })),
    fc
      .tuple(fc.constantFrom('min', 'max'), fc.array(tie('tree'), { minLength: 2, maxLength: 4 }))
      .map(([op, args]) => ({ [op]: args })),
  ),
})).tree;
const textual: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(...TEXTS).map(name => ({ var: name })),
  text,
);
const boolean: fc.Arbitrary<Json> = fc.letrec<{ tree: Json }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(fc.constantFrom('>', '>=', '<', '<=', '===', '!=='), numeric, numeric)
      .map(([op, a, b]) => ({ [op]: [a, b] })),
    fc.tuple(fc.constantFrom('===', '!=='), textual, textual).map(([op, a, b]) => ({ [op]: [a, b] })),
    fc.tuple(textual, fc.array(text, { maxLength: 3 })).map(([a, list]) => ({ in: [a, list] })),
    fc.constantFrom({ var: 'flag' }, true, false),
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 1, maxLength: 4 }))
      .map(([op, args]) => ({ [op]: args })),
    tie('tree').map(a => ({ '!': [a] })),
  ),
})).tree;
const values: fc.Arbitrary<Values> = fc.record({
  ...Object.fromEntries(NUMBERS.map(name => [name, fc.option(number, { nil: undefined })])),
  ...Object.fromEntries(TEXTS.map(name => [name, fc.option(text, { nil: undefined })])),
  flag: fc.option(fc.boolean(), { nil: undefined }),
});

/** The scope that holds these values: those that are undefined cannot be had. */
function scopeOf(given: Values): Scope {
  const had = (name: string) => (given[name] === undefined ? {} : { value: given[name] });
  const rows = given['a.rows'] === undefined ? {} : { rows: given['a.rows'] };
  const a: Observation = {
    ...observed('a', 0),
    readings: [{ labels: {}, fields: { ...had('a'), ...rows } }],
  };
  const plain = ['b', 't', 'flag'].map(name => [name, observed(name, given[name])] as const);
  const pick = (name: string, as: string) => (given[name] === undefined ? {} : { [as]: given[name] });
  return {
    observations: { a, ...Object.fromEntries(plain) },
    before: pick('before.a', 'a'),
    steps: { s: { ...pick('steps.s.x', 'x'), ...pick('steps.s.t', 't') } },
    target: {},
  };
}

/** Written from the definition, on plain values: `undefined` is unknown. */
function naive(logic: Json, given: Values): Scalar | undefined {
  if (logic === null || typeof logic !== 'object') return logic as Scalar;
  const [[op, raw]] = Object.entries(logic) as [[string, Json]];
  const args = (Array.isArray(raw) ? raw : [raw]) as readonly Json[];
  if (op === 'var') return given[String(args[0])];
  if (op === 'in') {
    const item = naive(args[0] as Json, given);
    return item === undefined ? undefined : (args[1] as readonly Json[]).includes(item);
  }
  const found = args.map(arg => naive(arg, given));
  if (op === 'and') return found.includes(false) ? false : found.includes(undefined) ? undefined : true;
  if (op === 'or') return found.includes(true) ? true : found.includes(undefined) ? undefined : false;
  if (found.includes(undefined)) return undefined;
  if (op === '!') return !found[0];
  const [x, y] = found as [number, number];
  if (op === '===') return x === y;
  if (op === '!==') return x !== y;
  if (op === '>') return x > y;
  if (op === '>=') return x >= y;
  if (op === '<') return x < y;
  if (op === '<=') return x <= y;
  const all = found as number[];
  const computed: Readonly<Record<string, () => number>> = {
    '+': () => x + y,
    '-': () => x - y,
    '*': () => x * y,
    '/': () => x / y,
    '%': () => x % y,
    abs: () => Math.abs(x),
    min: () => Math.min(...all),
    max: () => Math.max(...all),
  };
  const result = computed[op]!();
  return Number.isFinite(result) ? result : undefined;
}

/** json-logic-js looks names up by path, so that a dotted name needs nested data. */
function nested(given: Values) {
  const data: Record<string, Json> = {};
  for (const [name, value] of Object.entries(given))
    if (value !== undefined) data[name.replaceAll('.', '_')] = value;
  return data;
}

function flat(logic: Json): Json {
  if (logic === null || typeof logic !== 'object') return logic;
  if (Array.isArray(logic)) return logic.map(one => flat(one as Json));
  return Object.fromEntries(
    Object.entries(logic).map(([op, args]) => [
      op,
      op === 'var' ? String(args).replaceAll('.', '_') : flat(args),
    ]),
  );
}

describe('closures', () => {
  test('agree with the definition, on any tree and any values', () => {
    fc.assert(
      fc.property(boolean, values, (logic, given) => {
        expect(compile(logic).evaluate(scopeOf(given))).toBe(naive(logic, given));
      }),
      { numRuns: 3000 },
    );
  });

  test('agree with json-logic-js whenever nothing is unknown on the way', () => {
    const definite = values.map(given =>
      Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
          name,
          value ?? (name === 'flag' ? false : TEXTS.includes(name) ? 'x' : 1),
        ]),
      ),
    );
    let compared = 0;
    fc.assert(
      fc.property(boolean, definite, (logic, given) => {
        if (!isFinitely(logic, given)) return;
        compared++;
        const reference = jsonLogic.apply(flat(logic) as jsonLogic.RulesLogic, nested(given));
        expect(compile(logic).evaluate(scopeOf(given))).toBe(reference);
      }),
      { numRuns: 3000 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test('Kleene: a definite answer is the answer for each value that an unknown flag could have', () => {
    fc.assert(
      fc.property(boolean, values, (logic, given) => {
        const answer = compile(logic).evaluate(scopeOf({ ...given, flag: undefined }));
        if (answer === undefined) return;
        for (const flag of [true, false])
          expect(compile(logic).evaluate(scopeOf({ ...given, flag }))).toBe(answer);
      }),
      { numRuns: 2000 },
    );
  });
});

/** No part of the tree divides by zero or overflows: json-logic-js would go on with NaN or infinity. */
function isFinitely(logic: Json, given: Values): boolean {
  if (logic === null || typeof logic !== 'object') return true;
  if (Array.isArray(logic)) return logic.every(one => isFinitely(one as Json, given));
  if (naive(logic, given) === undefined) return false;
  return Object.values(logic).every(args => isFinitely(args as Json, given));
}

describe('nothing known is never a yes', () => {
  const x = { var: 'x' };
  const v = { var: 'v' };
  const reducers = ['any', 'all', 'none', 'count', 'share', 'max', 'min', 'avg'] as const;
  const operators: readonly Json[] = [
    ...['>', '>=', '<', '<=', '===', '!=='].flatMap(op => [
      { [op]: [x, 1] },
      { [op]: [1, x] },
      { '!': [{ [op]: [x, 1] }] },
    ]),
    ...['+', '-', '*', '/', '%', 'min', 'max'].flatMap(op => [
      { '<': [{ [op]: [x, 1] }, 5] },
      { '>=': [5, { [op]: [1, x] }] },
    ]),
    { '<': [{ abs: [x] }, 1] },
    { in: [x, ['a', 'b']] },
    { '!': [{ in: [x, ['a', 'b']] }] },
    { '===': [x, x] },
    { '!==': [x, 'never'] },
    { var: 'x' },
    { '!': [x] },
    { and: [{ '>': [x, 1] }, true] },
    { or: [{ '>': [x, 1] }, false] },
    { or: [{ '>': [x, 1] }, { '<=': [x, 1] }] },
    { exists: { var: 'x' } },
    { '!': [{ exists: { var: 'x' } }] },
    { '>': [{ var: 'x.rows' }, 0] },
    { '<': [{ var: 'before.x' }, 1] },
    { '<': [{ var: 'steps.train.loss' }, 1] },
    { '!==': [{ var: 'x' }, { var: 'before.x' }] },
    { '>': [{ var: '__proto__' }, 0] },
    { '!==': [{ var: 'constructor.name' }, 'a'] },
    ...reducers.flatMap((name): Json[] => {
      const inner = ['max', 'min', 'avg'].includes(name) ? v : { '>': [v, 1] };
      const reduced = { reduce: [name, inner] };
      const bare = ['any', 'all', 'none'].includes(name);
      return bare
        ? [reduced, { '!': [reduced] }]
        : [
            { '<': [reduced, 100] },
            { '>=': [reduced, 0] },
            { '!': [{ '>': [reduced, 0] }] },
            { '!==': [reduced, 7] },
          ];
    }),
  ];
  const gone: readonly (readonly [string, Readonly<Record<string, Observation>>])[] = [
    ['not taken', {}],
    ['failed', { x: observed('x', undefined), v: failedVector('v') }],
    ['stale', { x: observed('x', undefined, { reason: 'stale' }), v: failedVector('v', 'stale') }],
    ['NaN', { x: observed('x', Number.NaN), v: vectorOf('v', {}) }],
    ['infinite', { x: observed('x', Number.POSITIVE_INFINITY), v: vectorOf('v', {}) }],
    ['without a value', { x: { ...observed('x', 1), readings: [] }, v: vectorOf('v', {}) }],
  ];
  test.each(gone)('%s', (_, observations) => {
    for (const logic of operators) {
      if (JSON.stringify(logic).includes('"exists"') && observations.x && !observations.x.unknown) continue;
      const answer = compile(logic).evaluate({ observations, before: {}, steps: {}, target: {} });
      expect([JSON.stringify(logic), answer]).toEqual([JSON.stringify(logic), undefined]);
    }
  });

  test('exists: true with a value, false only when the query found nothing', () => {
    const exists = (observation: Observation) =>
      compile({ exists: { var: 'x' } }).evaluate({
        observations: { x: observation },
        before: {},
        steps: {},
        target: {},
      });
    expect(exists(observed('x', 0))).toBe(true);
    expect(exists(observed('x', undefined, { reason: 'absent' }))).toBe(false);
    expect(exists(observed('x', undefined))).toBeUndefined();
    expect(exists(observed('x', undefined, { reason: 'too-few' }))).toBeUndefined();
  });
});
