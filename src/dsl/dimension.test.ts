/** Which operators take which dimensions, as tables of text: a row is the left operand, a column the right one. */
import { describe, expect, test } from 'vitest';
import type { Dimension } from '../model.ts';
import { checkCondition } from './condition.ts';
import type { Names, Observed } from './variable.ts';

const scalar = (dimension: Dimension): Observed => ({ dimension, outputs: {}, vector: false, labels: [] });
const DIMENSIONS = ['number', 'count', 'ratio', 'duration', 'boolean', 'string', 'version'] as const;
const names: Names = {
  observations: new Map(DIMENSIONS.map(dimension => [`a_${dimension}`, scalar(dimension)])),
  broken: [],
  steps: new Map(),
  allSteps: [],
  before: false,
  target: { kind: 'model', name: 'm' },
  targetSpec: {},
  where: 'when',
};
/** What is observed, then what is written out. */
const OPERANDS: readonly (readonly [string, string])[] = [
  ...DIMENSIONS.map(dimension => [dimension, `a_${dimension}`] as const),
  ['7', '7'],
  ['5%', '5%'],
  ['6h', '6h'],
  ["'x'", "'x'"],
  ['true', 'true'],
];

function check(text: string) {
  return checkCondition(text, names, index => ({ file: 'p', line: 1, column: index + 1 }));
}

/** A comparison is allowed (`yes`), or refused at the left (`<`) or right (`>`) operand. */
function compared(op: string, left: string, right: string): string {
  const text = `a_boolean and (${left} ${op} ${right})`;
  const { checked, diagnostics } = check(text);
  if (checked) return 'yes';
  return diagnostics[0]?.position.column === text.indexOf(`(${left}`) + 2 ? '<' : '>';
}

/** The dimension of a calculation, found by what it may be compared with; or where it is refused. */
function calculated(op: string, left: string, right: string): string {
  const text = `a_boolean and ((${left} ${op} ${right}) == `;
  const fits = ['a_duration', 'a_count', 'a_ratio'].filter(
    one => check(`${text}${one})`).checked !== undefined,
  );
  if (fits.length === 2) return 'number';
  if (fits.length === 1) return fits[0]!.slice(2);
  const { diagnostics } = check(`${text}1)`);
  return diagnostics[0]?.position.column === text.indexOf(`((${left}`) + 3 ? '<' : '>';
}

function table(cell: (left: string, right: string) => string): string {
  const width = 9;
  const line = (cells: readonly string[]) =>
    cells
      .map(one => one.padEnd(width))
      .join('')
      .trimEnd();
  const rows = OPERANDS.map(([name, left]) =>
    line([name, ...OPERANDS.map(([, right]) => cell(left, right))]),
  );
  return `\n${[line(['', ...OPERANDS.map(([name]) => name)]), ...rows].join('\n')}`;
}

describe.each(['==', '!='])('%s', op => {
  test('compares like with like', () => {
    expect(table((a, b) => compared(op, a, b))).toBe(EQUAL);
  });
});
describe.each(['<', '<=', '>', '>='])('%s', op => {
  test('orders quantities', () => {
    expect(table((a, b) => compared(op, a, b))).toBe(ORDERED);
  });
});
describe.each(['+', '-', '%'])('%s', op => {
  test('combines like with like', () => {
    expect(table((a, b) => calculated(op, a, b))).toBe(SUM);
  });
});
test('*', () => {
  expect(table((a, b) => calculated('*', a, b))).toBe(PRODUCT);
});
test('/', () => {
  expect(table((a, b) => calculated('/', a, b))).toBe(QUOTIENT);
});
test('in compares with each item of its list', () => {
  const literals = OPERANDS.slice(7);
  for (const [, left] of OPERANDS)
    for (const [, right] of literals)
      expect([left, right, compared('in', left, `[${right}]`) === 'yes']).toEqual([
        left,
        right,
        compared('==', left, right) === 'yes',
      ]);
});
test.each(['min', 'max'])('%s of several takes quantities that compare', name => {
  for (const [, left] of OPERANDS)
    for (const [, right] of OPERANDS) {
      const { checked } = check(`a_boolean and ${name}(${left}, ${right}) < ${left}`);
      expect([left, right, checked !== undefined]).toEqual([
        left,
        right,
        compared('<', left, right) === 'yes',
      ]);
    }
});
test.each(DIMENSIONS)('abs, - and not of %s', dimension => {
  const isQuantity = ['number', 'count', 'ratio', 'duration'].includes(dimension);
  expect(check(`a_boolean and abs(a_${dimension}) == a_${dimension}`).checked !== undefined).toBe(isQuantity);
  expect(check(`a_boolean and -a_${dimension} == a_${dimension}`).checked !== undefined).toBe(isQuantity);
  expect(check(`not a_${dimension}`).checked !== undefined).toBe(dimension === 'boolean');
  expect(check(`a_${dimension} and a_boolean`).checked !== undefined).toBe(dimension === 'boolean');
  expect(check(`exists(a_${dimension})`).checked !== undefined).toBe(true);
});
test.each([
  [
    'a_duration > 0.2',
    'p:14: >: a duration and a bare number do not compare; expected the same dimension on both sides. Write the number with its unit, such as 6h.',
  ],
  [
    '0.2 < a_duration',
    'p:1: <: a bare number and a duration do not compare; expected the same dimension on both sides. Write the number with its unit, such as 6h.',
  ],
  ['a_ratio + a_count > 1', 'p:11: + combines a ratio with a count; expected quantities that fit.'],
  [
    "a_number > '5'",
    'p:12: >: a number and text do not compare; expected the same dimension on both sides. Write the number without quotes.',
  ],
  [
    'a_count >= 5%',
    'p:12: >=: a count and a ratio do not compare; expected the same dimension on both sides. Write a whole number, such as 500.',
  ],
  ['a_boolean < a_boolean', 'p:1: < orders true or false; expected == or != here.'],
  ["a_string >= 'a'", 'p:1: >= orders text; expected == or != here.'],
])('%s', (text, expected) => {
  const [first] = check(text).diagnostics;
  expect(`p:${first?.position.column}: ${first?.message}.${first?.hint ? ` ${first.hint}` : ''}`).toBe(
    expected,
  );
});

const EQUAL = `
         number   count    ratio    duration boolean  string   version  7        5%       6h       'x'      true
number   yes      yes      yes      >        >        >        >        yes      yes      >        >        >
count    yes      yes      >        >        >        >        >        yes      >        >        >        >
ratio    yes      >        yes      >        >        >        >        yes      yes      >        >        >
duration >        >        >        yes      >        >        >        >        >        yes      >        >
boolean  >        >        >        >        yes      >        >        >        >        >        >        yes
string   >        >        >        >        >        yes      yes      >        >        >        yes      >
version  >        >        >        >        >        yes      yes      >        >        >        yes      >
7        yes      yes      yes      <        <        <        <        yes      yes      >        >        >
5%       yes      <        yes      <        <        <        <        yes      yes      >        >        >
6h       <        <        <        yes      <        <        <        >        >        yes      >        >
'x'      <        <        <        <        <        yes      yes      >        >        >        yes      >
true     <        <        <        <        yes      <        <        >        >        >        >        yes`;
const ORDERED = `
         number   count    ratio    duration boolean  string   version  7        5%       6h       'x'      true
number   yes      yes      yes      >        >        >        >        yes      yes      >        >        >
count    yes      yes      >        >        >        >        >        yes      >        >        >        >
ratio    yes      >        yes      >        >        >        >        yes      yes      >        >        >
duration >        >        >        yes      >        >        >        >        >        yes      >        >
boolean  >        >        >        >        <        >        >        >        >        >        >        <
string   >        >        >        >        >        <        <        >        >        >        <        >
version  >        >        >        >        >        <        <        >        >        >        <        >
7        yes      yes      yes      <        <        <        <        yes      yes      >        >        >
5%       yes      <        yes      <        <        <        <        yes      yes      >        >        >
6h       <        <        <        yes      <        <        <        >        >        yes      >        >
'x'      <        <        <        <        <        <        <        >        >        >        <        >
true     <        <        <        <        <        <        <        >        >        >        >        <`;
const SUM = `
         number   count    ratio    duration boolean  string   version  7        5%       6h       'x'      true
number   number   number   number   >        >        >        >        number   number   >        >        >
count    number   count    >        >        >        >        >        count    >        >        >        >
ratio    number   >        ratio    >        >        >        >        ratio    ratio    >        >        >
duration >        >        >        duration >        >        >        >        >        duration >        >
boolean  <        <        <        <        <        <        <        <        <        <        <        <
string   <        <        <        <        <        <        <        <        <        <        <        <
version  <        <        <        <        <        <        <        <        <        <        <        <
7        number   count    ratio    <        <        <        <        number   ratio    >        >        >
5%       number   <        ratio    <        <        <        <        ratio    ratio    >        >        >
6h       <        <        <        duration <        <        <        >        >        duration >        >
'x'      <        <        <        <        <        <        <        <        <        <        <        <
true     <        <        <        <        <        <        <        <        <        <        <        <`;
const PRODUCT = `
         number   count    ratio    duration boolean  string   version  7        5%       6h       'x'      true
number   number   number   number   duration >        >        >        number   number   duration >        >
count    number   number   count    duration >        >        >        count    count    duration >        >
ratio    number   count    ratio    duration >        >        >        ratio    ratio    duration >        >
duration duration duration duration >        >        >        >        duration duration >        >        >
boolean  <        <        <        <        <        <        <        <        <        <        <        <
string   <        <        <        <        <        <        <        <        <        <        <        <
version  <        <        <        <        <        <        <        <        <        <        <        <
7        number   count    ratio    duration <        <        <        number   ratio    duration >        >
5%       number   count    ratio    duration <        <        <        ratio    ratio    duration >        >
6h       duration duration duration <        <        <        <        duration duration >        >        >
'x'      <        <        <        <        <        <        <        <        <        <        <        <
true     <        <        <        <        <        <        <        <        <        <        <        <`;
const QUOTIENT = `
         number   count    ratio    duration boolean  string   version  7        5%       6h       'x'      true
number   number   number   number   >        >        >        >        number   number   >        >        >
count    number   ratio    count    >        >        >        >        count    count    >        >        >
ratio    number   number   number   >        >        >        >        ratio    number   >        >        >
duration duration duration duration number   >        >        >        duration duration number   >        >
boolean  <        <        <        <        <        <        <        <        <        <        <        <
string   <        <        <        <        <        <        <        <        <        <        <        <
version  <        <        <        <        <        <        <        <        <        <        <        <
7        number   number   number   <        <        <        <        number   number   >        >        >
5%       number   number   number   <        <        <        <        ratio    number   >        >        >
6h       duration duration duration number   <        <        <        duration duration number   >        >
'x'      <        <        <        <        <        <        <        <        <        <        <        <
true     <        <        <        <        <        <        <        <        <        <        <        <`;
