import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderFocus } from './focus.ts';
import { literal, openWarehouse, type Warehouse } from './warehouse.ts';

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
});
afterAll(() => warehouse.close());

describe('renderFocus', () => {
  test.each([
    [{ op: 'in', column: 'origin', values: ['ORD', 'MSP'] }, "((origin IN ('ORD', 'MSP')) IS TRUE)"],
    [{ op: '==', column: 'origin', value: "O'HARE" }, "((origin = 'O''HARE') IS TRUE)"],
    [{ op: '>=', column: 'hour', value: 17 }, '((hour >= 17) IS TRUE)'],
    [{ op: 'is-null', column: 'destination' }, '((destination IS NULL) IS TRUE)'],
    [
      {
        op: 'and',
        args: [
          { op: 'not', arg: { op: '==', column: 'weekday', value: 7 } },
          { op: '!=', column: 'origin', value: 'ORD' },
        ],
      },
      "(((NOT (weekday = 7)) AND (origin <> 'ORD')) IS TRUE)",
    ],
  ])('%j', (tree, sql) => {
    expect(renderFocus(tree)).toBe(sql);
  });

  test.each([
    [{ op: '==', column: 'late', value: 1 }, /"late"; expected a segment column: origin, destination/],
    [{ op: '==', column: 'origin = origin OR 1', value: 1 }, /expected a segment column/],
    [{ op: '==', column: 'constructor', value: 1 }, /expected a segment column/],
    [{ op: '==', column: '__proto__', value: 1 }, /expected a segment column/],
    [{ op: '==', column: ['origin'], value: 'ORD' }, /expected a segment column/],
    [{ op: '==', column: 'hour', value: '17 OR 1=1' }, /expected a number for hour/],
    [{ op: '==', column: 'hour', value: Number.NaN }, /expected a finite number/],
    [{ op: '==', column: 'origin', value: { $: 'members.origin' } }, /expected a string for origin/],
    [{ op: 'in', column: 'origin', values: [] }, /expected values, 1 to 1000/],
    [{ op: 'in', column: 'origin', values: { $: 'members.origin' } }, /expected values/],
    [{ op: 'in', column: 'origin', values: ['ORD', 1] }, /expected a string for origin/],
    [{ op: 'and', args: [] }, /expected args, at least one/],
    [{ op: 'true) OR (true', args: [] }, /expected and, or, not, a comparison, in or is-null/],
    [{ column: 'origin' }, /expected an op/],
    ["origin = 'ORD'", /expected a predicate tree/],
    [null, /expected a predicate tree/],
  ])('refuses %j', (tree, message) => {
    expect(() => renderFocus(tree)).toThrow(message);
  });

  test('refuses a tree that is deeper than any policy', () => {
    let tree: unknown = { op: '==', column: 'hour', value: 1 };
    for (let depth = 0; depth < 30; depth++) tree = { op: 'not', arg: tree };
    expect(() => renderFocus(tree)).toThrow(/at most 20 levels/);
  });

  test('any text is only ever itself', async () => {
    const text = fc.string({ unit: 'binary' }).filter(value => !value.includes('\0') && value.isWellFormed());
    const nasty = fc.constantFrom("'; DROP TABLE x; --", "''", "\\'", "' OR '1'='1", '"', '$$', 'é', '𝄞');
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, nasty), fc.oneof(text, nasty), async (wanted, found) => {
        const focus = renderFocus({ op: '==', column: 'origin', value: wanted });
        const [row] = await warehouse.rows(
          `SELECT ${focus} AS match FROM (SELECT ${literal(found)} AS origin)`,
        );
        expect(row?.match).toBe(wanted === found);
      }),
      { numRuns: 200 },
    );
  });
});
