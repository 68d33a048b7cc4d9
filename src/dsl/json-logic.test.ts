/** JSON Logic in place of text: the same checks, places of the operands, and the stored form is accepted back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dimension, Json } from '../model.ts';
import { checkCondition } from './condition.ts';
import { readLogic, writeInfix } from './json-logic.ts';
import type { Path } from './source.ts';
import type { Names, Observed } from './variable.ts';

const scalar = (dimension: Dimension): Observed => ({
  dimension,
  outputs: { value: dimension, rows: 'count' },
  vector: false,
  labels: [],
});

const names: Names = {
  observations: new Map([
    ['psi', { ...scalar('number'), vector: true, labels: ['origin'] }],
    ['perf', scalar('number')],
    ['rows', scalar('count')],
    ['nulls', scalar('ratio')],
    ['age', scalar('duration')],
    ['state', scalar('string')],
    ['ok', scalar('boolean')],
  ]),
  broken: [],
  steps: new Map([['evaluate', { log_loss: 'number' as const }]]),
  allSteps: ['evaluate'],
  before: true,
  params: new Map([
    ['psi_max', { value: 0.3, dimension: 'number' }],
    ['wait', { value: 3_600_000, dimension: 'duration' }],
  ]),
  labels: ['origin'],
  target: { kind: 'model', name: 'm' },
  targetSpec: { data: { labels: { delayMs: 86_400_000 } } },
  where: 'verify',
};

/** The place of a part is told as its path, in the file's name. */
const atPath = (path: Path) => ({ file: path.join('.'), line: 1, column: 1 });
const check = (written: Json) =>
  checkCondition(written, names, index => ({ file: 'text', line: 1, column: index + 1 }), atPath);

const V = (name: string): Json => ({ var: name });

describe('accepted as the stored form', () => {
  test.each<[Json, Json, string]>([
    [{ '>': [V('perf'), 0.2] }, { '>': [V('perf'), 0.2] }, 'perf > 0.2'],
    [{ '>': [{ var: ['perf'] }, 0.2] }, { '>': [V('perf'), 0.2] }, 'perf > 0.2'],
    [{ '>': [V('age'), '6h'] }, { '>': [V('age'), 21_600_000] }, 'age > 6h'],
    [{ '>': [V('age'), '-6h'] }, { '>': [V('age'), -21_600_000] }, 'age > -6h'],
    [{ '<=': [V('nulls'), '5%'] }, { '<=': [V('nulls'), 0.05] }, 'nulls <= 5%'],
    [{ '==': [V('state'), '6h'] }, { '===': [V('state'), '6h'] }, 'state == "6h"'],
    [{ in: [V('state'), ['6h', 'x']] }, { in: [V('state'), ['6h', 'x']] }, 'state in ["6h", "x"]'],
    [{ '!=': [V('state'), 'it\'s "x"'] }, { '!==': [V('state'), 'it\'s "x"'] }, 'state != "it\'s \\"x\\""'],
    [V('ok'), V('ok'), 'ok'],
    [{ '!': V('ok') }, { '!': [V('ok')] }, 'not ok'],
    [{ '!': [{ and: [V('ok'), V('ok')] }] }, { '!': [{ and: [V('ok'), V('ok')] }] }, 'not (ok and ok)'],
    [{ '>': [{ '-': [V('perf')] }, 0] }, { '>': [{ '-': [0, V('perf')] }, 0] }, '-perf > 0'],
    [{ exists: V('perf') }, { exists: [V('perf')] }, 'exists(perf)'],
    [
      { '>=': [{ reduce: ['count', { '>': [V('psi'), 0.2] }] }, 3] },
      { '>=': [{ reduce: ['count', { '>': [V('psi'), 0.2] }] }, 3] },
      'count(psi > 0.2) >= 3',
    ],
    [{ '>': [V('perf'), V('params.psi_max')] }, { '>': [V('perf'), 0.3] }, 'perf > params.psi_max'],
    [{ '>': [V('age'), V('params.wait')] }, { '>': [V('age'), 3_600_000] }, 'age > params.wait'],
    [
      { and: [V('ok'), { '===': [V('labels.origin'), 'ORD'] }] },
      { and: [V('ok'), { '===': [V('labels.origin'), 'ORD'] }] },
      'ok and labels.origin == "ORD"',
    ],
  ])('%j', (written, logic, text) => {
    const { checked, diagnostics } = check(written);
    expect(diagnostics).toEqual([]);
    expect(checked?.condition).toMatchObject({ logic, text });
  });
});

test.each<[Json, string]>([
  [{ '>': [V('age'), 0.2] }, '>.1: >: a duration and a bare number do not compare'],
  [{ '>': [V('age'), 21_600_000] }, '>.1: >: a duration and a bare number do not compare'],
  [{ '>': [{ '+': [V('nulls'), V('rows')] }, 1] }, '>.0.+.1: + combines a ratio with a count'],
  [{ '>': [V('perf'), 'high'] }, '>.1: >: a number and text do not compare'],
  [{ '>': [V('perf'), '6h'] }, '>.1: >: a number and a duration do not compare'],
  [{ '<': [V('ok'), V('ok')] }, ': < orders true or false'],
  [{ '>': [V('pref'), 0.2] }, '>.0: pref is not observed'],
  [{ '>': [V('perf.vlaue'), 0.2] }, '>.0: perf has no field vlaue'],
  [{ '>': [V('params.nope'), 0.2] }, '>.0: there is no param nope'],
  [{ '==': [V('labels.nope'), 'x'] }, '==.0: verify has no label nope'],
  [{ '>': [V('constructor'), 0] }, '>.0: constructor is not observed'],
  [{ '>': [V('__proto__.x'), 0] }, '>.0: __proto__ is not observed'],
  [{ '>': [V('perf.constructor'), 0] }, '>.0: perf has no field constructor'],
  [{ '>': [V('perf.__proto__'), 0] }, '>.0: perf has no field __proto__'],
  [{ '==': [V('target.constructor.name'), 'x'] }, '==.0: target has no constructor'],
  [{ '>': [V('params.constructor'), 0] }, '>.0: there is no param constructor'],
  [{ constructor: [1, 2] }, ': "constructor" is no operator'],
  [{ toString: [] }, ': "toString" is no operator'],
  [{ '>>': [V('perf'), 1] }, ': ">>" is no operator'],
  [{ if: [V('ok'), true, false] }, ': "if" is no operator'],
  [{ missing: ['perf'] }, ': "missing" is no operator'],
  [{ map: [[1], V('')] }, ': "map" is no operator'],
  [{ some: [V('psi'), true] }, ': "some" is no operator'],
  [{ log: 'x' }, ': "log" is no operator'],
  [{ '>': [V('perf')] }, ': > has 1 argument; expected two'],
  [{ '>': [1, V('perf'), 3] }, ': > has 3 arguments; expected two'],
  [{ '>': V('perf') }, ': > has 1 argument; expected two'],
  [{ '+': [1, 2, 3] }, ': + has 3 arguments; expected two'],
  [{ and: [V('ok')] }, ': and has 1 argument; expected a list of two or more'],
  [{ and: [] }, ': and has 0 arguments'],
  [{ '!': [V('ok'), V('ok')] }, ': ! has 2 arguments; expected one'],
  [{ '!': [] }, ': ! has 0 arguments; expected one'],
  [{ exists: [V('perf'), V('ok')] }, ': exists has 2 arguments; expected one'],
  [{ var: ['perf', 1] }, ': var has 2 arguments; expected a name alone'],
  [{ var: '' }, 'var: var is ""; expected a name'],
  [{ var: 3 }, 'var: var is 3; expected a name'],
  [{ var: 'perf..rows' }, 'var: var is "perf..rows"'],
  [{ reduce: ['count'] }, ': reduce has 1 argument'],
  [{ reduce: ['sum', V('psi')] }, ': sum is no function'],
  [{ reduce: ['abs', V('psi')] }, 'reduce.0: the reducer is "abs"'],
  [{ reduce: [V('psi'), 'count'] }, 'reduce.0: the reducer is a mapping'],
  [{ reduce: ['count', V('psi')] }, 'reduce.1: count reduces a number'],
  [{ '>': [1, 2], '<': [1, 2] }, ': the mapping has 2 keys (>, <); expected one operator'],
  [{ and: [{}, V('ok')] }, 'and.0: the mapping is empty; expected one operator'],
  [{}, ': the mapping is empty'],
  [[V('ok'), V('ok')], ': a list stands alone'],
  [{ and: [[V('ok')], V('ok')] }, 'and.0: a list stands alone'],
  [{ '>': [V('perf'), null] }, '>.1: null is no value'],
  [{ in: [V('state'), V('state')] }, 'in.1: in has no list on its right'],
  [{ in: [V('state'), [V('state')]] }, 'in.1.0: the list holds a name'],
  [{ in: [V('state'), []] }, 'in.1: the list is empty'],
  [true, ': this reads no observation'],
  [7, ': this is a bare number; expected a condition'],
  [{ '>': [1, 2] }, ': this reads no observation'],
  [V('perf'), ': this is a number; expected a condition'],
])('%j is refused', (written, expected) => {
  const { checked, diagnostics } = check(written);
  expect(checked).toBeUndefined();
  const [first] = diagnostics;
  expect(`${first?.position.file}: ${first?.message}`).toContain(expected);
  expect(first?.message).toContain('expected');
});

test('what is too long or too deep is refused', () => {
  const long = check({ and: Array.from({ length: 20_000 }, () => V('ok')) });
  expect(long.diagnostics[0]?.message).toBe('more than 1000 parts; expected fewer in one condition');
  let deep: Json = V('ok');
  for (let i = 0; i < 50_000; i++) deep = { '!': [deep] };
  expect(check(deep).diagnostics[0]?.message).toBe('nested deeper than 60 levels; expected less');
  const fits = check({ and: Array.from({ length: 900 }, () => V('ok')) });
  expect(fits.checked?.condition.logic).toEqual({ and: Array.from({ length: 900 }, () => V('ok')) });
});

/** Well-typed texts of every operator. `ms` stands where a duration does, so that the stored number can be told apart. */
const numeric = fc.letrec<{ tree: string }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'perf',
      'perf.rows',
      'before.perf',
      'steps.evaluate.log_loss',
      '0.5',
      '5k',
      '-3',
      'params.psi_max',
    ),
    fc
      .tuple(tie('tree'), fc.constantFrom('*', '/'), fc.constantFrom('2', '0.5'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('tree')).map(([a]) => `abs(${a} + 1)`),
    fc.tuple(tie('tree')).map(([a]) => `max(${a}, 1, perf)`),
    fc.tuple(tie('tree')).map(([a]) => `-(${a})`),
  ),
})).tree;
const text = fc.letrec<{ tree: string }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(
        numeric,
        fc.constantFrom('<', '<=', '==', '!=', '>', '>='),
        fc.constantFrom('perf', '1', '-2.5e3'),
      )
      .map(t => t.join(' ')),
    fc.constantFrom(
      ...[
        'ok',
        'exists(perf)',
        "state in ['a', '6h', 'x y']",
        "state == 'it\\'s \"6h\"'",
        'nulls <= 5% + nulls',
      ],
      ...[
        'count(psi > 0.2 and psi.rows > 9) >= 3',
        'share(psi > perf) < 5%',
        'any(psi > 1)',
        'max(psi) > avg(psi)',
      ],
    ),
    fc
      .tuple(tie('tree'), fc.constantFrom('and', 'or', '&&', '||'), tie('tree'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc.tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree')).map(([a, op, b]) => `${a} ${op} ${b}`),
    tie('tree').map(a => `not (${a})`),
    tie('tree').map(a => `!(${a})`),
  ),
})).tree;

describe('round trips', () => {
  test('text → logic → accepted → the same logic, and its text gives the same logic again', () => {
    fc.assert(
      fc.property(text, written => {
        const first = check(written);
        if (first.checked === undefined) return; // a constant, or a chain that binds otherwise
        const { logic } = first.checked.condition;
        const second = check(logic);
        expect(second.diagnostics).toEqual([]);
        expect(second.checked?.condition.logic).toEqual(logic);
        expect(check(second.checked?.condition.text ?? '').checked?.condition.logic).toEqual(logic);
        expect({ ...second.checked, condition: 0 }).toEqual({ ...first.checked, condition: 0 });
      }),
      { numRuns: 1500 },
    );
  });

  test.each([
    'age > 6h',
    'age * 2 > 1d - 2h',
    'age - before.age > -30m',
    'min(age, 3h) >= 300ms',
    'age in [1h, 2h]',
  ])('%s: a duration is written as text, in milliseconds as well', written => {
    const logic = check(written).checked?.condition.logic ?? null;
    const again = check(withUnits(logic));
    expect(again.diagnostics).toEqual([]);
    expect(again.checked?.condition.logic).toEqual(logic);
  });
});

function withUnits(logic: Json): Json {
  if (typeof logic === 'number') return Math.abs(logic) > 2 ? `${logic}ms` : logic;
  if (Array.isArray(logic)) return logic.map(one => withUnits(one as Json));
  if (typeof logic !== 'object' || logic === null) return logic;
  return Object.fromEntries(Object.entries(logic).map(([op, args]) => [op, withUnits(args)]));
}

test('readLogic never throws, whatever the JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const { tree, error } = readLogic(value as Json);
      expect((tree === undefined) !== (error === undefined)).toBe(true);
      if (tree) expect(typeof writeInfix(tree, new Set())).toBe('string');
      check(value as Json);
    }),
    { numRuns: 2000 },
  );
});
