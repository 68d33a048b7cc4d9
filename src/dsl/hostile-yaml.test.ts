/** Texts that want to hurt, or that two versions of YAML read otherwise: each is handled, and said at its place. */
import { expect, test } from 'vitest';
import { formatDiagnostic } from './diagnostic.ts';
import { readFile } from './source.ts';

/** Messages of a file, and its values when it could be read. */
function read(text: string) {
  const { sources, unreadable } = readFile('p.yaml', text);
  return {
    values: sources.map(one => one.value),
    said: [...unreadable, ...sources.flatMap(one => one.diagnostics)].map(one =>
      formatDiagnostic(one).replace('p.yaml:', ''),
    ),
  };
}

const AGAIN = (count: number, text: string) => Array.from({ length: count }, () => text).join('');

test.each<[string, string, readonly string[]]>([
  ['an anchor', 'a: &x 1\n', ['1:4: the anchor &x is not in the language; expected the value without it.']],
  [
    'an alias',
    'a: &x 1\nb: *x\n',
    [
      '1:4: the anchor &x is not in the language; expected the value without it.',
      '2:4: *x is an alias, which the language does not have; expected the value itself. What policies share belongs into params, selectors and the Model.',
    ],
  ],
  [
    'an alias without an anchor',
    'b: *x\n',
    [
      '1:4: *x is an alias, which the language does not have; expected the value itself. What policies share belongs into params, selectors and the Model.',
    ],
  ],
  [
    'a merge key',
    'a: { b: 1 }\nc:\n  <<: { b: 2 }\n',
    [
      '3:3: the merge key << is not in the language; expected the keys themselves. What policies share belongs into params, selectors and the Model.',
    ],
  ],
  [
    'a merge of an alias',
    'a: &x { b: 1 }\nc:\n  <<: *x\n',
    [
      '1:4: the anchor &x is not in the language; expected the value without it.',
      '3:3: the merge key << is not in the language; expected the keys themselves. What policies share belongs into params, selectors and the Model.',
    ],
  ],
  [
    'a tag of another language',
    'a: !!js/function "function () {}"\n',
    ['1:5: the tag !!js/function is not in the language; expected a plain value without it.'],
  ],
  [
    'a tag of YAML',
    'a: !!str 5\n',
    ['1:5: the tag !!str is not in the language; expected a plain value without it.'],
  ],
  [
    'a tag of a mapping',
    'a: !!map { b: 1 }\n',
    ['1:5: the tag !!map is not in the language; expected a plain value without it.'],
  ],
  [
    'binary data',
    'a: !!binary aGk=\n',
    ['1:5: the tag !!binary is not in the language; expected a plain value without it.'],
  ],
  [
    'a tag of its own',
    'a: !thing { b: 1 }\n',
    ['1:4: the tag !thing is not in the language; expected a plain value without it.'],
  ],
  [
    'a tab that indents',
    'a:\n\tb: 1\n',
    ['2:1: a tab indents this line; expected spaces. Write two spaces for each level.'],
  ],
  [
    'a tab that indents a list',
    'a:\n  - b\n\t- c\n',
    ['3:1: a tab indents this line; expected spaces. Write two spaces for each level.'],
  ],
  [
    'a duplicate key',
    'a: 1\nb: 2\na: 3\n',
    ['3:1: the key "a" is written twice in one mapping; expected it once.'],
  ],
  [
    'a duplicate key in a flow mapping',
    'x: { a: 1, a: 2 }\n',
    ['1:12: the key "a" is written twice in one mapping; expected it once.'],
  ],
  [
    'no',
    'country: no\n',
    [
      '1:10: no is text in YAML 1.2 and false in YAML 1.1; expected true, false, or text in quotes. Write false or "no".',
    ],
  ],
  [
    'Yes',
    'flag: Yes\n',
    [
      '1:7: Yes is text in YAML 1.2 and true in YAML 1.1; expected true, false, or text in quotes. Write true or "Yes".',
    ],
  ],
  [
    'off in a list',
    'list: [on, off]\n',
    [
      '1:8: on is text in YAML 1.2 and true in YAML 1.1; expected true, false, or text in quotes. Write true or "on".',
      '1:12: off is text in YAML 1.2 and false in YAML 1.1; expected true, false, or text in quotes. Write false or "off".',
    ],
  ],
  [
    'octal of YAML 1.1',
    'n: 010\n',
    [
      '1:4: 010 is decimal in YAML 1.2 and octal in YAML 1.1; expected a number without leading zeros, or text in quotes. Write 10 or "010".',
    ],
  ],
  [
    'octal of YAML 1.2',
    'n: 0o10\n',
    ['1:4: 0o10 is not decimal; expected a decimal number, or text in quotes. Write 8 or "0o10".'],
  ],
  [
    'hexadecimal',
    'n: 0x1F\n',
    ['1:4: 0x1F is not decimal; expected a decimal number, or text in quotes. Write 31 or "0x1F".'],
  ],
  [
    'binary',
    'n: 0b11\n',
    ['1:4: 0b11 is not decimal; expected a decimal number, or text in quotes. Write 3 or "0b11".'],
  ],
  [
    'sexagesimal',
    'for: 1:30\n',
    [
      '1:6: 1:30 is text in YAML 1.2 and a sexagesimal number in YAML 1.1; expected a duration such as 1h30m, or text in quotes. Write "1:30" if it is text.',
    ],
  ],
  [
    'sexagesimal with seconds',
    'for: 190:20:30\n',
    [
      '1:6: 190:20:30 is text in YAML 1.2 and a sexagesimal number in YAML 1.1; expected a duration such as 1h30m, or text in quotes. Write "190:20:30" if it is text.',
    ],
  ],
  [
    'underscores',
    'n: 1_000\n',
    [
      '1:4: 1_000 is text in YAML 1.2 and a number in YAML 1.1; expected a number without underscores, or text in quotes. Write 1000 or "1_000".',
    ],
  ],
  [
    'infinity',
    'n: .inf\n',
    ['1:4: ".inf" is not an exact number; expected a finite one, or text in quotes.'],
  ],
  [
    'not a number',
    'n: .NaN\n',
    ['1:4: ".NaN" is not an exact number; expected a finite one, or text in quotes.'],
  ],
  [
    'a number that is too large',
    'n: 12345678901234567890\n',
    ['1:4: "12345678901234567890" is not an exact number; expected a finite one, or text in quotes.'],
  ],
  ['a NUL', 'a: 1\nb: x\0y\n', ['2:5: the control character U+0000 stands here; expected text without it.']],
  [
    'an escape character',
    'a: \u001b[31m\n',
    ['1:4: the control character U+001B stands here; expected text without it.'],
  ],
  ['half a character', 'a: 1\nb: x\ud800y\n', ['2:5: half a character stands here; expected UTF-8.']],
  [
    'half a character as an escape',
    'a: "\\ud800"\n',
    ['1:4: the text holds half a character; expected text without it.'],
  ],
  ['what was no UTF-8', 'a: caf\ufffd\n', ['1:7: a character could not be decoded; expected UTF-8.']],
  [
    'a directive',
    '%YAML 1.1\n---\na: no\n',
    [
      '1:1: the directive %YAML 1.1 changes what values mean; expected YAML 1.2 without it.',
      '3:4: no is text in YAML 1.2 and false in YAML 1.1; expected true, false, or text in quotes. Write false or "no".',
    ],
  ],
  [
    'a tag directive',
    '%TAG ! tag:example.org,2000:\n---\na: !x 1\n',
    ['3:4: the tag tag:example.org,2000:x is not in the language; expected a plain value without it.'],
  ],
  ['a complex key', '? [a, b]\n: 1\n', ['1:3: a collection stands as a key; expected a name.']],
  [
    'a prototype',
    '__proto__: { a: 1 }\n',
    ['1:1: the key "__proto__" is not allowed; expected another name.'],
  ],
  ['an unclosed bracket', 'a: [1, 2\nb: 3\n', ['2:1: a [ is not closed before this line; expected its ].']],
  [
    'an unclosed quote',
    'a: "x\nb: 3\n',
    ['3:1: a quote is not closed before this place; expected it once more.'],
  ],
  [
    'a wrong indentation',
    'a:\n    b: 1\n  c: 2\n',
    ['3:1: the indentation fits no line before; expected the column of its neighbours.'],
  ],
  [
    'nested deeper than a person would',
    `a: ${AGAIN(60, '[')}${AGAIN(60, ']')}\n`,
    ['1:44: nested deeper than 40 levels; expected less.'],
  ],
  [
    'nested deeper than the stack',
    `a:\n  ${AGAIN(100_000, '[')}`,
    ['2:203: brackets nested deeper than 200 levels; expected less.'],
  ],
  [
    'nested by indentation',
    Array.from({ length: 60 }, (_, i) => `${AGAIN(i, ' ')}a:`).join('\n'),
    ['42:42: nested deeper than 40 levels; expected less.'],
  ],
  [
    'a file that is too large',
    `a: 1\n${AGAIN(10_000_000, '#')}`,
    ['1:1: 10000005 characters; expected at most 1000000 in one file. Split it into several files.'],
  ],
])('%s', (_, text, said) => {
  expect(read(text).said).toEqual(said);
});

test.each<[string, string, unknown]>([
  [
    'words that two versions read otherwise, in quotes',
    'a: ["no", \'Off\', "010", \'1:30\', "1_0"]\n',
    [{ a: ['no', 'Off', '010', '1:30', '1_0'] }],
  ],
  ['such words as keys', 'on: 1\nno: 2\n', [{ on: 1, no: 2 }]],
  [
    'true and false alone are truths',
    'a: [true, false, yesterday, none, y]\n',
    [{ a: [true, false, 'yesterday', 'none', 'y'] }],
  ],
  [
    'dates are text',
    'from: 2001-01-31\nat: 2001-01-31T06:00Z\n',
    [{ from: '2001-01-31', at: '2001-01-31T06:00Z' }],
  ],
  ['decimal numbers', 'a: [0, -1, 1.50, 1e3, .5, +2]\n', [{ a: [0, -1, 1.5, 1000, 0.5, 2] }]],
  [
    'several documents, empty ones left out',
    '# c\n---\na: 1\n---\n---\n# d\n---\nb: 2\n...\n',
    [{ a: 1 }, { b: 2 }],
  ],
  ['nothing', '', []],
  ['comments alone', '# a\n\n  # b\n', []],
  ['documents without content', '---\n---\n...\n', []],
  [
    'a mark of byte order, and line ends of Windows',
    '\uFEFFa: 1\r\nb:\r\n  - x # c\r\n',
    [{ a: 1, b: ['x'] }],
  ],
  ['tabs between words', 'a:\tx\ty # c\n', [{ a: 'x\ty' }]],
  ['blocks of lines', 'a: |\n  x\n  y\nb: >-\n  x\n  y\n', [{ a: 'x\ny\n', b: 'x y' }]],
])('%s: read without a word', (_, text, values) => {
  expect(read(text)).toEqual({ values, said: [] });
});

test('a bomb of aliases is refused in its first layers, and costs nothing', () => {
  const layers = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [${AGAIN(10, `*l${i}, `)}]`);
  const { said, values } = read(['l0: &l0 x', ...layers, ''].join('\n'));
  expect(said.length).toBeLessThanOrEqual(40);
  expect(said[0]).toBe('1:5: the anchor &l0 is not in the language; expected the value without it.');
  expect(JSON.stringify(values).length).toBeLessThan(5_000);
});

test.each([
  ['many keys in brackets', `a: { ${AGAIN(300_000, 'a:')} }`],
  ['many tags', AGAIN(100_000, '- !x y\n')],
  ['many quotes', `a: ${AGAIN(500_000, '"')}`],
  ['many line ends of Windows', AGAIN(200_000, 'a\r\n')],
])('a large file of %s is not given to the library', (_, text) => {
  const { said } = read(text);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(
    `more than plain YAML, in a file of ${text.length} characters; expected at most 200000`,
  );
});

test('a large file of plain documents is read', () => {
  expect(read(AGAIN(60_000, '---\na: 1\nb: x\n')).values).toHaveLength(60_000);
});

test('a mapping of very many keys is refused once, and one key many times only so often', () => {
  const many = read(`? x\n: ${Array.from({ length: 20_000 }, () => '[1,2,3,4]').join('')}`);
  expect(many.said).toHaveLength(1);
  expect(read(AGAIN(30_000, 'a: 1\n')).said).toHaveLength(20);
});

test.each([
  ['\n', ''],
  ['\r\n', ''],
  ['\r\n', '\uFEFF'],
  ['\n', '\uFEFF'],
])('places are right with line ends %j after %j', (end, mark) => {
  const lines = ['a: 1', 'b:', '  c: { d: "x > y", e: no }', '  f: >-', '    one', '    two > three', 'g: z'];
  const { sources } = readFile('p.yaml', `${mark}${lines.join(end)}${end}`);
  const [source] = sources;
  const at = (line: number, column: number) => ({ file: 'p.yaml', line, column });
  expect(source?.at(['a'])).toEqual(at(1, 4));
  expect(source?.atKey(['a'])).toEqual(at(1, 1));
  expect(source?.atKey(['b', 'c', 'e'])).toEqual(at(3, 20));
  expect(source?.within(['b', 'c', 'd'], 2)).toEqual(at(3, 14));
  expect(source?.within(['b', 'f'], 'one two > '.length)).toEqual(at(6, 11));
  expect(source?.at(['b', 'x', 'y'])).toEqual(at(3, 3));
  expect(source?.diagnostics.map(one => one.position)).toEqual([at(3, 23)]);
});
