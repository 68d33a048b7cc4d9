/** Values in queries: each is what it was when the query's own language reads it back, and nothing more. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dialectFor } from '../connectors/duckdb-dialect.ts';
import { promqlOf, sqlOf } from './query-text.ts';

const dialect = dialectFor('.');
const parts = (as: string, value: unknown, before = 'a{b="', after = '"}') =>
  ({ text: [before, after], values: [value], as: [as] }) as never;

describe('PromQL', () => {
  test('text without templates is untouched', () => {
    expect(promqlOf('a{b=~"\\\\d+"}')).toBe('a{b=~"\\\\d+"}');
  });

  test.each([
    ['quoted', 'churn', 'churn'],
    ['quoted', 'x"} or vector(1)#', 'x\\x22} or vector(1)#'],
    ['quoted', '\\"', '\\x5c\\x22'],
    ['quoted', 'a\nb\r\t', 'a\\x0ab\\x0d\\x09'],
    ['quoted', "'`", '\\x27\\x60'],
    ['quoted', 7, '7'],
    ['quoted', true, 'true'],
    ['regex', 'v1.2+x', 'v1\\x5c.2\\x5c+x'],
    ['regex', ['a|b', 'c'], '(?:a\\x5c|b|c)'],
    ['regex', '.*"} or up#', '\\x5c.\\x5c*\\x22\\x5c} or up#'],
    ['number', 0.25, '0.25'],
    ['number', -3, '(-3)'],
    ['number', 1e21, '1e+21'],
    ['duration', 5_400_000, '1h30m'],
    ['duration', 1500, '1s500ms'],
    ['duration', 172_800_000, '48h'],
    ['duration', 0, '1ms'],
  ])('%s %j', (as, value, expected) => {
    expect(promqlOf(parts(as, value))).toBe(`a{b="${expected}"}`);
  });

  test.each([
    ['number', '1) or vector(1'],
    ['number', Number.NaN],
    ['number', Number.POSITIVE_INFINITY],
    ['duration', '5m] or up['],
    ['quoted', ['a']],
    ['quoted', null],
    ['quoted', 'a\0b'],
    ['quoted', { a: 1 }],
    ['regex', [null]],
    ['literal', 'a'],
  ])('%s %j is refused', (as, value) => {
    expect(() => promqlOf(parts(as, value))).toThrow('cannot stand in');
  });

  test('any text comes back as it was, and ends nothing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter(text => !text.includes('\0')),
        text => {
          const rendered = promqlOf(parts('quoted', text)).slice('a{b="'.length, -'"}'.length);
          expect(rendered).not.toMatch(/["'`\n]/);
          const back = rendered.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          );
          expect(back).toBe(text);
          expect(rendered.replace(/\\x[0-9a-f]{2}/g, '')).not.toContain('\\');
        },
      ),
    );
  });
});

describe('SQL', () => {
  test.each([
    ['literal', "it's", "'it''s'"],
    ['literal', "'; DROP TABLE x; --", "'''; DROP TABLE x; --'"],
    ['literal', 7, '7'],
    ['literal', 0.5, '0.5e0'],
    ['literal', false, 'FALSE'],
    ['literal', ['a', "b'c"], "('a', 'b''c')"],
    ['literal', [], '(NULL)'],
    ['duration', 300_000, "INTERVAL '300000 milliseconds'"],
  ])('%s %j', (as, value, expected) => {
    expect(sqlOf(parts(as, value, 'SELECT ', ''), dialect)).toBe(`SELECT ${expected}`);
  });

  test.each([
    ['quoted', 'a'],
    ['literal', null],
    ['literal', 'a\0b'],
    ['duration', "1' ms"],
  ])('%s %j is refused', (as, value) => {
    expect(() => sqlOf(parts(as, value), dialect)).toThrow();
  });
});
