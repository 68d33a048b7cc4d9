/** Row filters as trees. */
import { expect, test } from 'vitest';
import type { ColumnSpec } from '../model.ts';
import { parsePredicate } from './predicate.ts';

const columns: Record<string, ColumnSpec> = {
  origin: { type: 'string', segment: true },
  hour: { type: 'integer', segment: true },
  rate: { type: 'number', segment: true },
  late: { type: 'boolean', segment: true },
  at: { type: 'timestamp', segment: true },
  secret: { type: 'string' },
};

function parse(text: string) {
  return parsePredicate(text, {
    dataset: 'flights',
    columns,
    at: index => ({ file: 'p.yaml', line: 1, column: index + 1 }),
    fill: path =>
      path[0] === 'members'
        ? { slot: { $: path.join('.') }, list: true }
        : path[0] === 'worst'
          ? { slot: { $: path.join('.') }, list: false }
          : { message: 'unknown; expected members' },
  });
}

const eq = (column: string, value: string | number | boolean) => ({ op: '==', column, value });
test.each([
  ["origin == 'ORD'", eq('origin', 'ORD')],
  ['hour >= 6', { op: '>=', column: 'hour', value: 6 }],
  ['rate < -0.5', { op: '<', column: 'rate', value: -0.5 }],
  ['late == true', eq('late', true)],
  ["at >= '2001-01-31'", { op: '>=', column: 'at', value: '2001-01-31' }],
  ["origin in ['ORD', 'MSP']", { op: 'in', column: 'origin', values: ['ORD', 'MSP'] }],
  ['origin is null', { op: 'is-null', column: 'origin' }],
  ['origin is not null', { op: 'not', arg: { op: 'is-null', column: 'origin' } }],
  ["not origin == 'ORD'", { op: 'not', arg: eq('origin', 'ORD') }],
  [
    "hour == 1 and hour == 2 and late == true or origin == 'a'",
    {
      op: 'or',
      args: [{ op: 'and', args: [eq('hour', 1), eq('hour', 2), eq('late', true)] }, eq('origin', 'a')],
    },
  ],
  [`origin in \${members.origin}`, { op: 'in', column: 'origin', values: { $: 'members.origin' } }],
  [`origin == \${worst.psi.origin}`, { op: '==', column: 'origin', value: { $: 'worst.psi.origin' } }],
  ["origin == 'a\\'; drop table x; --'", eq('origin', "a'; drop table x; --")],
] as const)('%s', (text, tree) => {
  expect(parse(text)).toEqual({ predicate: tree, diagnostics: [] });
});

test.each([
  "orign == 'ORD'",
  "secret == 'x'",
  'hour == 1.5',
  "hour == '1'",
  'origin == 1',
  'origin == ORD',
  'late > true',
  "at > 'soon'",
  'origin == null',
  'origin in []',
  "origin in 'ORD'",
  `origin in \${worst.origin}`,
  `origin == \${members.origin}`,
  `origin == \${steps.x}`,
  "'ORD' == origin",
  'hour + 1 == 2',
  'late',
  'count(hour) == 1',
  'constructor == 1',
  "origin == 'a' -- or 1 == 1",
  "origin == 'a'; delete",
  'origin',
  '',
])('refuses %s', text => {
  const { predicate, diagnostics } = parse(text);
  expect(predicate).toBeUndefined();
  expect(diagnostics.length).toBeGreaterThan(0);
});
