/** What descends from what, over any shape of lineage. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { catalogue } from '../../test/fixtures/bad/example.ts';
import { checkFile } from './documents.ts';
import { connectionsOf, reachOf } from './lineage.ts';
import { shelve } from './shelve.ts';

const HEAD = 'apiVersion: flyball.dev/v1\n';

function connection(name: string): string {
  return `${HEAD}kind: Connection\nmetadata: { name: ${name} }\nspec: { connector: duckdb, path: data }\n`;
}

function dataset(name: string, upstream: readonly string[], on = 'warehouse', rest = ''): string {
  const from = upstream.map(one => `{ dataset: ${one} }`).join(', ');
  return `${HEAD}kind: Dataset\nmetadata: { name: ${name} }\nspec: { connection: ${on}, table: t, columns: { x: { type: number } }, upstream: [${from}]${rest} }\n`;
}

function model(name: string, training: string, rest = ''): string {
  return `${HEAD}kind: Model\nmetadata: { name: ${name} }\nspec: { owner: o, task: binary, data: { training: { dataset: ${training} } }${rest} }\n`;
}

function libraryOf(...texts: readonly string[]) {
  return shelve(checkFile({ path: 'a.yaml', text: texts.join('---\n') }).documents, catalogue, 'dev');
}

const CHAIN = [
  ...[connection('warehouse'), connection('lake')],
  ...[
    dataset('raw', [], 'lake'),
    dataset('clean', ['raw']),
    dataset('wide', ['clean', 'other']),
    dataset('other', []),
  ],
  ...[model('a', 'wide'), model('b', 'other'), model('c', 'raw')],
];

test.each([
  ['dataset', 'raw', ['model/a', 'model/c']],
  ['dataset', 'clean', ['model/a']],
  ['dataset', 'other', ['model/a', 'model/b']],
  ['dataset', 'wide', ['model/a']],
  ['dataset', 'missing', []],
  ['connection', 'lake', ['model/a', 'model/c']],
  ['connection', 'warehouse', ['model/a', 'model/b']],
  ['connection', 'missing', []],
  ['model', 'a', ['model/a']],
] as const)('what descends from %s %s', (kind, name, expected) => {
  expect(reachOf(libraryOf(...CHAIN), { kind, name })).toEqual(expected);
});

test.each([
  ['dataset', 'raw', ['lake']],
  ['model', 'c', ['lake']],
  ['model', 'a', ['warehouse']],
  ['connection', 'lake', ['lake']],
] as const)('the connections of %s %s', (kind, name, expected) => {
  expect(connectionsOf(libraryOf(...CHAIN), { kind, name })).toEqual(expected);
});

test('a mistake elsewhere in a document does not open what a gate guards', () => {
  const broken = [
    dataset('clean', ['raw'], 'warehouse', ', key: nowhere'),
    model('a', 'clean', ', task: guess'),
  ];
  expect(
    reachOf(libraryOf(connection('warehouse'), dataset('raw', []), ...broken), {
      kind: 'dataset',
      name: 'raw',
    }),
  ).toEqual(['model/a']);
});

test('circles end, and are mistakes of every dataset on them', () => {
  const library = libraryOf(
    connection('warehouse'),
    ...[
      dataset('a', ['b']),
      dataset('b', ['c']),
      dataset('c', ['a']),
      dataset('self', ['self']),
      dataset('after', ['a']),
    ],
    model('m', 'after'),
  );
  expect(reachOf(library, { kind: 'dataset', name: 'b' })).toEqual(['model/m']);
  expect(
    library.all
      .filter(one => one.diagnostics.some(d => d.message.includes('made from itself')))
      .map(one => one.name),
  ).toEqual(['a', 'b', 'c', 'self']);
});

test('what descends is what a walk along upstream finds, for any lineage without circles', () => {
  const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 16 });
  fc.assert(
    fc.property(edges, pairs => {
      // Only from a smaller to a greater number, so that there is no circle.
      const upstreamOf = (i: number) => [
        ...new Set(pairs.flatMap(([from, to]) => (to === i && from < to ? [from] : []))),
      ];
      const texts = Array.from({ length: 8 }, (_, i) => [
        dataset(
          `d${i}`,
          upstreamOf(i).map(one => `d${one}`),
        ),
        model(`m${i}`, `d${i}`),
      ]).flat();
      const library = libraryOf(connection('warehouse'), ...texts);
      const descends = (i: number): boolean => i === 0 || upstreamOf(i).some(descends);
      const expected = Array.from({ length: 8 }, (_, i) => i)
        .filter(descends)
        .map(i => `model/m${i}`);
      expect(reachOf(library, { kind: 'dataset', name: 'd0' })).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});
