/** Conditions: the closures agree with json-logic-js on definite input, and with Kleene's logic on any. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import jsonLogic from 'json-logic-js';
import { describe, expect, test } from 'vitest';
import { observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json, Observation, Scalar } from '../model.ts';
import { compile } from './condition.ts';
import type { Scope } from './label-sets.ts';

jsonLogic.add_operation('abs', (a: number) => Math.abs(a));

const NUMBERS = ['a', 'b', 'a.rows', 'before.a', 'steps.s.x'];
const TEXTS = ['t', 'steps.s.t'];
type Values = Readonly<Record<string, Scalar | undefined>>;

/** Members of the vector `v`, each with its own value. */
const MEMBERS = ['v.0', 'v.1', 'v.2'];

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
/** A reducer over a comparison of the members, where it gives a number compared with one. */
const member = fc
  .tuple(fc.constantFrom('>', '>=', '<', '<=', '===', '!=='), fc.constantFrom(-1, 0, 1, 2))
  .map(([op, limit]) => ({ [op]: [{ var: 'v' }, limit] }));
const reduced: fc.Arbitrary<Json> = fc.oneof(
  fc.tuple(fc.constantFrom('any', 'all', 'none'), member).map(of => ({ reduce: of })),
  fc
    .tuple(
      fc.constantFrom('>', '>=', '<', '<='),
      fc.constantFrom('count', 'share'),
      member,
      fc.constantFrom(0, 0.5, 1, 2),
    )
    .map(([op, name, inner, limit]) => ({ [op]: [{ reduce: [name, inner] }, limit] })),
  fc
    .tuple(
      fc.constantFrom('>', '>=', '<', '<='),
      fc.constantFrom('max', 'min', 'avg'),
      fc.constantFrom(-1, 0, 1),
    )
    .map(([op, name, limit]) => ({ [op]: [{ reduce: [name, { var: 'v' }] }, limit] })),
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
    reduced,
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 1, maxLength: 4 }))
      .map(([op, args]) => ({ [op]: args })),
    tie('tree').map(a => ({ '!': [a] })),
  ),
})).tree;
const values: fc.Arbitrary<Values> = fc.record({
  ...Object.fromEntries(NUMBERS.map(name => [name, fc.option(number, { nil: undefined })])),
  ...Object.fromEntries(TEXTS.map(name => [name, fc.option(text, { nil: undefined })])),
  ...Object.fromEntries(
    MEMBERS.map(name => [name, fc.option(fc.integer({ min: -2, max: 3 }), { nil: undefined })]),
  ),
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
    observations: {
      a,
      v: vectorOf('v', Object.fromEntries(MEMBERS.map(name => [name, given[name]]))),
      ...Object.fromEntries(plain),
    },
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
  if (op === 'reduce') return agreed(given, all => reduceKnown(String(args[0]), args[1] as Json, all));
  const [first] = args;
  if (
    ['>', '>=', '<', '<='].includes(op) &&
    typeof first === 'object' &&
    first !== null &&
    'reduce' in first
  ) {
    const [name, inner] = first.reduce as [string, Json];
    return agreed(given, all => naive({ [op]: [reduceKnown(name, inner, all), args[1] as Json] }, {}));
  }
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

/** What an unknown member could be: below, within and above all limits of the trees. */
const POSSIBLE = [-1e9, -1, -0.5, 0, 0.5, 1, 1.5, 2, 1e9];

/** The one answer for all values that the unknown members could have; undefined when there are several. */
function agreed(
  given: Values,
  answer: (members: readonly number[]) => Scalar | undefined,
): Scalar | undefined {
  const known = MEMBERS.map(name => given[name] as number | undefined);
  const all = known.reduce<number[][]>(
    (sofar, one) =>
      sofar.flatMap(before => (one === undefined ? POSSIBLE : [one]).map(value => [...before, value])),
    [[]],
  );
  const answers = new Set(all.map(answer));
  return answers.size === 1 ? [...answers][0] : undefined;
}

function reduceKnown(name: string, inner: Json, members: readonly number[]): Scalar {
  if (name === 'max') return Math.max(...members);
  if (name === 'min') return Math.min(...members);
  if (name === 'avg') return members.reduce((a, b) => a + b, 0) / members.length;
  const held = members.filter(v => naive(inner, { v }) === true).length;
  const share = held / members.length;
  return { any: held > 0, none: held === 0, all: share === 1, count: held, share }[name] as Scalar;
}

/** json-logic-js looks names up by path, so that a dotted name needs nested data. */
function nested(given: Values) {
  const data: Record<string, Json> = {};
  for (const [name, value] of Object.entries(given))
    if (value !== undefined) data[name.replaceAll('.', '_')] = value;
  return { ...data, v: MEMBERS.map(name => ({ v: given[name] as Json })) };
}

/** A reducer in stock JSON Logic's own words. */
function stock([name, inner]: readonly [string, Json]): Json {
  const v = { var: 'v' };
  const values = { map: [v, { var: 'v' }] };
  const sum = (of: Json) => ({ reduce: [of, { '+': [{ var: 'accumulator' }, { var: 'current' }] }, 0] });
  const size = sum({ map: [v, 1] });
  const held = sum({ map: [v, { if: [inner, 1, 0] }] });
  const best = (op: string) => ({
    reduce: [values, { [op]: [{ var: 'accumulator' }, { var: 'current' }] }, op === 'max' ? -1e9 : 1e9],
  });
  const said: Readonly<Record<string, Json>> = {
    ...{ any: { some: [v, inner] }, all: { all: [v, inner] }, none: { none: [v, inner] } },
    ...{ count: held, share: { '/': [held, size] }, avg: { '/': [sum(values), size] } },
    ...{ max: best('max'), min: best('min') },
  };
  return said[name] ?? null;
}

function flat(logic: Json): Json {
  if (logic === null || typeof logic !== 'object') return logic;
  if (Array.isArray(logic)) return logic.map(one => flat(one as Json));
  if ('reduce' in logic) return stock(logic.reduce as unknown as [string, Json]);
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
  if ('reduce' in logic) return true;
  if (naive(logic, given) === undefined) return false;
  return Object.values(logic).every(args => isFinitely(args as Json, given));
}

test('compiling and evaluating makes no code out of text', () => {
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    import { compile } from ${module('./condition.ts')};
    import { checkCondition } from ${module('../dsl/condition.ts')};
    const x = { dimension: 'number', outputs: {}, vector: false, labels: [] };
    const names = { observations: new Map([['x', x]]), broken: [], steps: new Map(), allSteps: [], target: {}, targetSpec: {} };
    const { checked } = checkCondition('abs(x - 1) > 2 and (x in [5] or not x < 3)', names, () => ({}));
    const reading = { labels: {}, fields: { value: 5 } };
    const scope = { observations: { x: { readings: [reading] } }, before: {}, steps: {}, target: {} };
    let refused = false;
    try { new Function('return 1')(); } catch { refused = true; }
    console.log(refused, compile(checked.condition.logic).evaluate(scope));`;
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
  expect(execFileSync(process.execPath, flags, { encoding: 'utf8' })).toBe('true true\n');
});
