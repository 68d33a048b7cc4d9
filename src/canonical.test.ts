/** Canonical JSON is the library's, byte for byte, though most of it is written by hand. */
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical, hashOf } from './canonical.ts';

test('is what the library writes, whatever the value', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('10', '9', 'é', '\u2028', '\ud83d\ude00', '"\\'),
  );
  const value = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(
        -0,
        1e21,
        1e-7,
        null,
        true,
        undefined,
        new Date(0),
        Object(1),
        Object('x'),
        Object(false),
      ),
      text,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(text, tie('tree'), { maxKeys: 5 }),
    ),
  })).tree;
  const outcome = (write: (value: unknown) => string | undefined, of: unknown) => {
    try {
      return write(of) ?? 'refused';
    } catch {
      return 'refused';
    }
  };
  fc.assert(
    fc.property(value, one => {
      expect(outcome(canonical, one)).toBe(outcome(canonicalize, one));
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ['half a character', 'x\ud800'],
  ['half a character in a key', { 'x\udc00': 1 }],
  ['NaN', [Number.NaN]],
  ['infinity', { a: Number.POSITIVE_INFINITY }],
  ['undefined', undefined],
])('%s is refused', (_, value) => {
  expect(() => canonical(value)).toThrow();
});

test('a cycle is refused', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  expect(() => canonical(cycle)).toThrow();
});

test('equal values have equal hashes whatever their key order', () => {
  expect(hashOf({ b: 1, a: [true, null], c: undefined })).toBe(hashOf({ a: [true, null], b: 1 }));
});
