/** The fast reader gives what the library gives, or gives up: for every file of the repository, and for hosts of mutations. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readYaml } from './library-yaml.ts';
import { readPlain } from './plain-yaml.ts';
import type { Marked } from './spots.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILES = ['policies', 'examples', 'test/fixtures/bad'].flatMap(folder =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.yaml') && !name.includes('node_modules'))
    .map(name => `${folder}/${name}`),
);
const texts = FILES.map(path => readFileSync(`${ROOT}${path}`, 'utf8'));

/** What both readers say. */
function comparable({ value, spots, from, to, start }: Marked) {
  return {
    value,
    from,
    to,
    start,
    places: spots.paths.map(path => [path, spots.value(path), spots.key(path)]),
  };
}

/** True when the fast reader read it, and then as the library does. */
function agrees(text: string): boolean {
  // Of such a text `readFile` asks neither reader.
  if (/(?![\n\t\r])[\p{Cc}\p{Cs}\uFFFD-\uFFFF]/u.test(text)) return false;
  const plain = readPlain(text);
  if ('from' in plain) return false;
  const { documents, unreadable } = readYaml(text, offset => ({ file: '', line: offset, column: 0 }));
  expect({ text, unreadable, diagnostics: documents.flatMap(one => one.diagnostics) }).toEqual({
    text,
    unreadable: [],
    diagnostics: [],
  });
  expect({ text, found: plain.documents.map(comparable) }).toEqual({
    text,
    found: documents.map(one => comparable(one.marked)),
  });
  return true;
}

test('every file of the repository', () => {
  const read = texts.filter(agrees).length;
  expect(read).toBeGreaterThan(texts.length * 0.9);
});

test.each([
  'a: 1\n',
  'a: 1',
  '# c\n\na: 1 # d\n\n# e\n',
  'a:\n  b: 1\n\n  # c\n  d: 2\ne:\n- f\n- g: 1\n  h: 2\n-   i: 3\n    j: {}\n',
  'a: { b: [1, x, "y z"], c: {}, d: [], e: 10% }\n',
  "a: '#x'\nb: \"it's\"\nc: x'y\n",
  '---\na: 1\n---\nb: 2\n',
  '# c\n---\n# d\na: 1\n# e\n---\nb: 2',
  'a: # c\n  b: 1\n',
  "a: psi > 0.2 and x.y == 'z' # c\n",
  'a: -x\nb: -1\nc: 0.50\nd: 1.0\ne: x#y\nf: a,b\n',
  'a: [ ]\nb: { }\n',
  'a:\n  { b: 1,\n    c: [x y,\n      z ]\n  }\nd: [\n  1, 2\n ]\ne:\n  - f:\n      [1]\n    g: 2\n',
  'a:   1   \nb: x   \n',
  'a: >-\n  x > 1\n  # y: z\nb: |\n  x\n  - y\n\n\nc:\n  - d: >\n      x\n      y\n    e: |-\n      z\n',
])('reads %j itself', text => {
  expect(agrees(text)).toBe(true);
});

test.each([
  ...[
    'a:\n',
    'a: &x 1\n',
    'a: *x\n',
    'a: !!str 1\n',
    'a: |+\n  x\n',
    'a: >\n  x\n\n  y\n',
    'a: |\n  x\n   y\n',
    'a: |2\n  x\n',
    'a: |\n',
    'a: |\n  x',
    'a: > # c\n  x\n',
    'a: x\n  y\n',
    '"a": 1\n',
    '? a\n',
    'a: 1\na: 2\n',
  ],
  ...[
    'a: "x\\n"\n',
    "a: 'it''s'\n",
    'a: [1,\n2]\n',
    'a: [x\n y]\n',
    'a: [1,\n\n 2]\n',
    'a: [1, # c\n 2]\n',
    'a:\n  b: [1,\n  2]\n',
    'a: {b: 1,}\n',
    'a: {b}\n',
    'a: x: y\n',
    'a: x:\n',
    '- a\n -b\n',
  ],
  ...[
    'a: no\n',
    'a: 010\n',
    'a: 1:30\n',
    'a: 1_000\n',
    'a: ~\n',
    'a: null\n',
    'a: 1e3\n',
    'a: .5\n',
    'a: True\n',
    'a: +1\n',
  ],
  ...[
    'a:\tb\n',
    'a: b\r\n',
    '\uFEFFa: 1\n',
    '%YAML 1.1\n---\na: 1\n',
    '--- a\n',
    'a: 1\n...\n',
    '<<: {}\n',
    '__proto__: 1\n',
  ],
  ...[
    'x\n',
    '- - a\n',
    '-\n  a: 1\n',
    'a: b\n c: d\n',
    'a:\n    b: 1\n  c: 2\n',
    ' a: 1\nb: 2\n',
    'a: `x`\n',
    'a: @x\n',
    'a: %x\n',
  ],
])('gives up at %j', text => {
  expect(readPlain(text)).toMatchObject({ from: expect.any(Number) });
});

describe('mutations', () => {
  const base = texts.filter(text => 'documents' in readPlain(text));
  const inserted = fc.oneof(
    fc.constantFrom(
      ...'#:-{}[],"\'&*!|>%@`?~ \n\\'.split(''),
      ': ',
      ' #',
      '- ',
      '---\n',
      '\n  ',
      ' - ',
      'no',
      '1:30',
      '<<: ',
    ),
    fc.string({ maxLength: 3 }),
  );
  const edit = fc.tuple(fc.nat(), fc.nat({ max: 4 }), inserted);
  test('of good files', () => {
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...base), fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        const mutated = edits.reduce(
          (sofar, [at, removed, added]) => {
            const from = at % (sofar.length + 1);
            return sofar.slice(0, from) + added + sofar.slice(from + removed);
          },
          text.slice(0, 1500),
        );
        if (agrees(mutated)) read++;
      }),
      { numRuns: 4000 },
    );
    expect(read).toBeGreaterThan(200);
  });

  test('of short texts', () => {
    const token = fc.constantFrom(
      ...[
        'a',
        'b: ',
        'c:',
        '- ',
        '-',
        ' ',
        '  ',
        '\n',
        '\n  ',
        '\n- ',
        '{',
        '}',
        '[',
        ']',
        ',',
        ', ',
        '#',
        ' # x',
        '"',
        "'",
        '1',
        '.5',
      ],
      ...[
        '---',
        '---\n',
        '...',
        'x y',
        '6h',
        '5%',
        '-1',
        'true',
        '*',
        '/',
        '.',
        '(',
        '<',
        '>',
        '+',
        '=',
        '$',
        `\${a.b}`,
        '?',
        '|',
        '|\n  ',
        '>-\n   ',
        '>\n x\n',
        '%',
        '@',
      ],
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), tokens => {
        agrees(tokens.join(''));
      }),
      { numRuns: 20_000 },
    );
  });
});
