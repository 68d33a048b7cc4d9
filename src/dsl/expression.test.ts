/** Infix text as JSON Logic, and what the checks refuse. */
import { expect, test } from 'vitest';
import type { Dimension } from '../model.ts';
import { checkCondition } from './condition.ts';
import type { Names, Observed } from './variable.ts';

const scalar = (dimension: Dimension): Observed => ({
  dimension,
  outputs: { value: dimension, lower: dimension, upper: dimension, rows: 'count' },
  vector: false,
  labels: [],
});

const names: Names = {
  observations: new Map([
    ['psi', { ...scalar('number'), vector: true, labels: ['origin'] }],
    ['ks', { ...scalar('number'), vector: true, labels: ['origin'] }],
    ['other', { ...scalar('number'), vector: true, labels: ['feature'] }],
    ['perf', scalar('number')],
    ['rows', scalar('count')],
    ['nulls', scalar('ratio')],
    ['age', scalar('duration')],
    ['state', scalar('string')],
    ['ok', scalar('boolean')],
  ]),
  broken: ['broken'],
  steps: new Map([['evaluate', { log_loss: 'number' as const }]]),
  allSteps: ['evaluate', 'later'],
  before: true,
  target: { kind: 'model', name: 'm' },
  params: new Map([
    ['limit', { value: 0.3, dimension: 'number' as const }],
    ['wait', { value: 3_600_000, dimension: 'duration' as const }],
  ]),
  labels: ['origin'],
  targetSpec: { data: { labels: { delayMs: 86_400_000, coverage: 0.95 } }, task: 'binary' },
  where: 'verify',
};

function check(text: string) {
  return checkCondition(text, names, index => ({ file: 'p.yaml', line: 1, column: index + 1 }));
}
const logicOf = (text: string) => {
  const { checked, diagnostics } = check(text);
  return checked?.condition.logic ?? diagnostics.map(one => one.message);
};

const psi = { var: 'psi' };
test.each([
  ['perf > 0.2', { '>': [{ var: 'perf' }, 0.2] }],
  ['perf.value > 0.2', { '>': [{ var: 'perf' }, 0.2] }],
  ['perf.rows >= 5k', { '>=': [{ var: 'perf.rows' }, 5000] }],
  ['nulls <= 2%', { '<=': [{ var: 'nulls' }, 0.02] }],
  ['nulls < 7%', { '<': [{ var: 'nulls' }, 0.07] }],
  ['age > 6h', { '>': [{ var: 'age' }, 21_600_000] }],
  ['age > 1h30m', { '>': [{ var: 'age' }, 5_400_000] }],
  ['age > 300ms', { '>': [{ var: 'age' }, 300] }],
  ['age > 30m', { '>': [{ var: 'age' }, 1_800_000] }],
  ['age * 2 > 1d - 2h', { '>': [{ '*': [{ var: 'age' }, 2] }, { '-': [86_400_000, 7_200_000] }] }],
  ['rows % 2 == 0', { '===': [{ '%': [{ var: 'rows' }, 2] }, 0] }],
  ["state == 'ok'", { '===': [{ var: 'state' }, 'ok'] }],
  ['state != "ok"', { '!==': [{ var: 'state' }, 'ok'] }],
  ["state in ['a', 'b']", { in: [{ var: 'state' }, ['a', 'b']] }],
  ['ok', { var: 'ok' }],
  ['ok == false', { '===': [{ var: 'ok' }, false] }],
  ['not ok', { '!': [{ var: 'ok' }] }],
  ['!ok', { '!': [{ var: 'ok' }] }],
  ['not perf > 1', { '!': [{ '>': [{ var: 'perf' }, 1] }] }],
  [
    'not perf + 1 > 1 and ok',
    { and: [{ '!': [{ '>': [{ '+': [{ var: 'perf' }, 1] }, 1] }] }, { var: 'ok' }] },
  ],
  [
    'ok and ok && ok or ok || ok',
    { or: [{ and: [{ var: 'ok' }, { var: 'ok' }, { var: 'ok' }] }, { var: 'ok' }, { var: 'ok' }] },
  ],
  ['ok and (ok or ok)', { and: [{ var: 'ok' }, { or: [{ var: 'ok' }, { var: 'ok' }] }] }],
  ['-perf < -0.5', { '<': [{ '-': [0, { var: 'perf' }] }, -0.5] }],
  ['1 + 2 * 3 < perf', { '<': [{ '+': [1, { '*': [2, 3] }] }, { var: 'perf' }] }],
  ['perf - 1 - 2 > 0', { '>': [{ '-': [{ '-': [{ var: 'perf' }, 1] }, 2] }, 0] }],
  ['abs(perf) > 1', { '>': [{ abs: [{ var: 'perf' }] }, 1] }],
  ['exists(perf)', { exists: [{ var: 'perf' }] }],
  ['min(perf, 2) > 1', { '>': [{ min: [{ var: 'perf' }, 2] }, 1] }],
  ['max(psi) > 1', { '>': [{ reduce: ['max', psi] }, 1] }],
  ['count(psi > 0.2) >= 3', { '>=': [{ reduce: ['count', { '>': [psi, 0.2] }] }, 3] }],
  ['share(psi > 20%) > 5%', { '>': [{ reduce: ['share', { '>': [psi, 0.2] }] }, 0.05] }],
  [
    'any(psi > perf and psi.rows > 9)',
    { reduce: ['any', { and: [{ '>': [psi, { var: 'perf' }] }, { '>': [{ var: 'psi.rows' }, 9] }] }] },
  ],
  ['perf < before.perf', { '<': [{ var: 'perf' }, { var: 'before.perf' }] }],
  ['perf.rows > before.perf.rows', { '>': [{ var: 'perf.rows' }, { var: 'before.perf.rows' }] }],
  ['steps.evaluate.log_loss < 1', { '<': [{ var: 'steps.evaluate.log_loss' }, 1] }],
  [`\${steps.evaluate.log_loss} < 1`, { '<': [{ var: 'steps.evaluate.log_loss' }, 1] }],
  ['age > target.data.labels.delay', { '>': [{ var: 'age' }, 86_400_000] }],
  ['nulls < target.data.labels.coverage', { '<': [{ var: 'nulls' }, 0.95] }],
  ['perf > params.limit', { '>': [{ var: 'perf' }, 0.3] }],
  ['age > params.wait * 2', { '>': [{ var: 'age' }, { '*': [3_600_000, 2] }] }],
  ['count(psi > params.limit) >= 1', { '>=': [{ reduce: ['count', { '>': [psi, 0.3] }] }, 1] }],
  ["ok and labels.origin == 'A'", { and: [{ var: 'ok' }, { '===': [{ var: 'labels.origin' }, 'A'] }] }],
  ["state == 'it\\'s \\\\ \\n'", { '===': [{ var: 'state' }, "it's \\ \n"] }],
  ["ok and target.name == 'm'", { and: [{ var: 'ok' }, { '===': [{ var: 'target.name' }, 'm'] }] }],
] as const)('%s', (text, logic) => {
  expect(logicOf(text)).toEqual(logic);
});

test.each([
  'age > 0.2',
  'age > nulls',
  'state == 3',
  'ok == 1',
  "state > 'a'",
  'rows < 5%',
  'age * age > 1h',
  'perf / 1h > 1',
  '0 < perf < 1',
  'perf and ok',
  'perf + 1',
  'age > params.limit',
  'perf > params.lmit',
  "labels.orgin == 'A'",
  "state == '\\d'",
  'psi > other',
  'not perf',
  'true',
  '1 < 2',
  'before.psi > 1',
  'steps.later.x > 1',
  'steps.none.x > 1',
  'members.origin == 3',
  'max(psi, 1) > 2',
  'any(psi)',
  'max(psi > 1)',
  'max(max(psi)) > 1',
  'count(perf > 1) > 1',
  'exists(perf + 1)',
  'abs(ok)',
  'ok ? ok : ok',
  'perf = 1',
  'perf === 1',
  'perf[0] > 1',
  'perf.constructor > 1',
  'constructor.name == "Object"',
  '__proto__.x == 1',
  'this.x > 1',
  'ok; ok',
  'ok, ok',
  'ok,',
  'state in []',
  'state in state',
  'perf in [1, "a"]',
  'perf > null',
  '`x` == 1',
  'ok and',
  ')',
  '',
])('refuses %s', text => {
  const { checked, diagnostics } = check(text);
  expect(checked).toBeUndefined();
  expect(diagnostics.length).toBeGreaterThan(0);
  for (const { message } of diagnostics) expect(message).toContain('expected');
});

test('an observation with a mistake of its own gives no second one', () => {
  expect(check('broken > 1 and perf > 2')).toEqual({ diagnostics: [] });
});

test('all mistakes of one text are told, each at its column', () => {
  const { diagnostics } = check('nope > 1 and age > 3 or state == 1');
  expect(diagnostics.map(one => one.position.column)).toEqual([1, 20, 34]);
});

test('thresholds are the numbers that main values are compared with', () => {
  const { checked } = check(
    'count(psi > 0.2) >= 3 and 0.5 < perf and max(psi) > 2 * 0.5 and perf.rows > 7 and ks + 1 > 9 or psi > perf',
  );
  expect(checked?.thresholds).toEqual({ psi: [0.2, 1], perf: [0.5] });
});

test('a vector without a reducer stays one, and says of what', () => {
  const { checked } = check('psi > 0.2 and not any(ks > 1)');
  expect(checked?.vector).toBe(true);
  expect(checked?.reducers).toEqual([
    { reducer: 'each', observations: ['psi'], underNot: false },
    { reducer: 'any', observations: ['ks'], underNot: true },
  ]);
});

test('long and deep texts are refused, not overflowed', () => {
  expect(logicOf('('.repeat(1500))).toEqual(['nested deeper than 60 levels; expected less']);
  expect(logicOf('not '.repeat(400))).toEqual(['nested deeper than 60 levels; expected less']);
  expect(logicOf('x'.repeat(3000))).toEqual(['3000 characters; expected at most 2000 in one expression']);
  expect(Array.isArray(logicOf(`${'perf + '.repeat(280)}perf > 1`))).toBe(false);
});
