/** Formatting changes the form of policy files and nothing that they say. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { formatDiagnostic } from './diagnostic.ts';
import { formatFile } from './format.ts';
import { readFile } from './source.ts';

const textOf = (text: string) => {
  const result = formatFile({ path: 'p.yaml', text });
  if ('diagnostics' in result) throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
  return result.text;
};
const said = (text: string) => readFile('p.yaml', text).sources.map(one => one.value);

describe('one form', () => {
  const cases: readonly (readonly [what: string, from: string, to: string])[] = [
    [
      'keys in the order in which they are read, comments with them',
      'kind: Policy\n# the version\napiVersion: flyball.dev/v1\nspec:\n  when: a > 1 # why\n  every: 1h\nmetadata: {labels: {a: b}, name: x}\n',
      '# the version\napiVersion: flyball.dev/v1\nkind: Policy\nmetadata: { name: x, labels: { a: b } }\nspec:\n  every: 1h\n  when: a > 1 # why\n',
    ],
    ['flow padding', 'spec: {a: [ 1,2 ], b: {c: 1}}\n', 'spec: { a: [1, 2], b: { c: 1 } }\n'],
    [
      'what does not fit into a line stands one key a line',
      `spec: { one: ${'a'.repeat(60)}, two: ${'b'.repeat(60)} }\n`,
      `spec:\n  one: ${'a'.repeat(60)}\n  two: ${'b'.repeat(60)}\n`,
    ],
    ['line ends, byte order mark', '\uFEFFspec:\r\n    a: 1\r\n', 'spec:\n  a: 1\n'],
    ['several documents', 'spec: {a: 1}\n---\nspec: {b: 1}\n', 'spec: { a: 1 }\n---\nspec: { b: 1 }\n'],
    [
      'quotes that are needed stay',
      'spec: { a: "no", b: \'1\', c: "$\u007bx}" }\n',
      'spec: { a: "no", b: \'1\', c: "$\u007bx}" }\n',
    ],
    [
      'the first comment stays first',
      '# yaml-language-server: $schema=x\nspec: {}\n',
      '# yaml-language-server: $schema=x\nspec: {}\n',
    ],
  ];
  for (const [what, from, to] of cases) test(what, () => expect(textOf(from)).toBe(to));

  test('a file with mistakes is left alone, and they are said', () => {
    const result = formatFile({ path: 'p.yaml', text: 'a: 1\na: 2\n' });
    expect(result).toHaveProperty('diagnostics');
    expect(formatFile({ path: 'p.yaml', text: 'a: [1' })).toHaveProperty('diagnostics');
  });
});

test('the shipped policies say the same afterwards, and formatting twice changes nothing', () => {
  const folder = new URL('../../policies/', import.meta.url);
  for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const once = textOf(text);
    expect(said(once), name).toEqual(said(text));
    expect(textOf(once), name).toBe(once);
  }
});

test('any document says the same afterwards, and formatting twice changes nothing', () => {
  const key = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,8}$/);
  const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme-ascii' }),
      fc.integer(),
      fc.boolean(),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    ),
  }));
  const document = fc.record({ kind: key, spec: fc.dictionary(key, tree, { maxKeys: 6 }), metadata: tree });
  fc.assert(
    fc.property(document, fc.boolean(), (value, flow) => {
      const text = stringify(value, { collectionStyle: flow ? 'flow' : 'any' });
      fc.pre(readFile('p.yaml', text).sources[0]?.diagnostics.length === 0);
      const once = textOf(text);
      expect(said(once)).toEqual(said(text));
      expect(textOf(once)).toBe(once);
    }),
    { numRuns: 500 },
  );
});
