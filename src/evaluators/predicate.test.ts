/** Predicates as SQL: what is rendered, and that nothing of a value can leave its literal. */
import { describe, expect, test } from 'vitest';
import { dialectFor } from '../connectors/duckdb.ts';
import type { Predicate } from '../model.ts';
import { predicateColumns, predicateSql } from './predicate.ts';
import { wallClock } from './source.ts';

const dialect = dialectFor('.');
const origin: Predicate = { op: '==', column: 'origin', value: 'ORD' };

describe('predicateSql', () => {
  test.each<[string, Predicate]>([
    [`("origin" = 'ORD')`, origin],
    [`("origin" IS DISTINCT FROM 'ORD')`, { ...origin, op: '!=' }],
    [`("delay" >= 15)`, { op: '>=', column: 'delay', value: 15 }],
    [`("share" < 0.1e0)`, { op: '<', column: 'share', value: 0.1 }],
    [`("late" = TRUE)`, { op: '==', column: 'late', value: true }],
    [`("origin" IN ('ORD', 'MSP'))`, { op: 'in', column: 'origin', values: ['ORD', 'MSP'] }],
    ['(FALSE)', { op: 'in', column: 'origin', values: [] }],
    [`("origin" IS NULL)`, { op: 'is-null', column: 'origin' }],
    [`(NOT coalesce(("origin" = 'ORD'), FALSE))`, { op: 'not', arg: origin }],
    [
      `(("origin" = 'ORD') AND ("delay" > 1))`,
      { op: 'and', args: [origin, { op: '>', column: 'delay', value: 1 }] },
    ],
    [
      `(("origin" = 'ORD') OR ("origin" IS NULL))`,
      { op: 'or', args: [origin, { op: 'is-null', column: 'origin' }] },
    ],
    ['(TRUE)', { op: 'and', args: [] }],
    ['(FALSE)', { op: 'or', args: [] }],
    [`("a""; DROP" = 'it''s'' OR 1=1 --')`, { op: '==', column: 'a"; DROP', value: "it's' OR 1=1 --" }],
  ])('%s', (sql, tree) => {
    expect(predicateSql(tree, dialect)).toBe(sql);
  });

  test.each<[Predicate]>([
    [{ op: '==', column: 'origin', value: { $: 'members.origin' } }],
    [{ op: 'not', arg: { op: 'in', column: 'origin', values: { $: 'members.origin' } } }],
  ])('an empty slot is our bug: %j', tree => {
    expect(() => predicateSql(tree, dialect)).toThrow(/flyball bug: .*empty slot/);
  });
});

test('predicateColumns names each column once', () => {
  const tree: Predicate = {
    op: 'and',
    args: [origin, { op: 'not', arg: { op: 'or', args: [origin, { op: 'is-null', column: 'day' }] } }],
  };
  expect(predicateColumns(tree)).toEqual(['origin', 'day']);
});

describe('wallClock', () => {
  test.each([
    ['UTC', '2001-07-01T12:00:00.250Z', '2001-07-01T12:00:00.250Z'],
    ['Europe/Zurich', '2001-07-01T12:00:00.250Z', '2001-07-01T14:00:00.250Z'],
    ['Europe/Zurich', '2001-01-01T23:30:00Z', '2001-01-02T00:30:00Z'],
    ['America/Chicago', '1969-12-31T23:59:59.999Z', '1969-12-31T17:59:59.999Z'],
  ])('%s at %s', (zone, at, want) => {
    expect(new Date(wallClock(Date.parse(at), zone)).toISOString()).toBe(new Date(want).toISOString());
  });
});
