/** Files as documents: positions, and text that is hostile. */
import { expect, test } from 'vitest';
import { example } from '../../test/fixtures/bad/example.ts';
import type { ConnectionSpec, DatasetSpec, ModelSpec } from '../model.ts';
import { didYouMean, editDistance, formatDiagnostic } from './diagnostic.ts';
import { parseDocuments } from './documents.ts';

const parse = (text: string) => parseDocuments([{ path: 'a.yaml', text }]);
const problems = (text: string) => parse(text).diagnostics.map(formatDiagnostic);

test('every kind is read with its quantities as numbers', () => {
  const { documents, diagnostics } = parseDocuments(example());
  expect(diagnostics).toEqual([]);
  expect(documents.map(one => `${one.kind} ${one.name}`)).toMatchInlineSnapshot(`
    [
      "Settings flyball",
      "Connection warehouse",
      "Connection here",
      "Connection looking",
      "Dataset flights",
      "Dataset predictions",
      "Dataset labels",
      "Dataset airports",
      "Model late-flights",
      "Model bare",
      "Model looked-at",
      "Policy origin-drift",
    ]
  `);
  const spec = (name: string) => documents.find(one => one.name === name)?.spec;
  expect((spec('flights') as DatasetSpec).time).toEqual({
    column: 'departed_at',
    zone: 'UTC',
    latenessMs: 7_200_000,
  });
  expect((spec('here') as ConnectionSpec).limits).toEqual({ timeoutMs: 30_000 });
  expect((spec('warehouse') as ConnectionSpec).access).toBe('read');
  const model = spec('late-flights') as ModelSpec;
  expect(model.actions).toEqual({
    retrain: { cooldownMs: 86_400_000, rate: { count: 3, perMs: 604_800_000 } },
    promote: { approval: { from: ['owner'], quorum: 1, expiresMs: 28_800_000, reaskMs: 86_400_000 } },
  });
  expect(model.pipelines.train?.params.since).toEqual({ $: 'data.since' });
  expect(model.data.labels).toMatchObject({ delayMs: 86_400_000, coverage: 0.95 });
});

test('a document knows its text and where everything in it stands', () => {
  const [first, second] = parse(
    '# one\nkind: A\n---\n\napiVersion: flyball.dev/v1\nkind: Connection\nmetadata: { name: b }\nspec:\n  connector: duckdb\n  path: data\n',
  ).documents;
  expect(second).toBeUndefined();
  expect(first?.position).toEqual({ file: 'a.yaml', line: 5, column: 1 });
  expect(first?.positions['spec.path']).toEqual({ file: 'a.yaml', line: 10, column: 9 });
  expect(first?.text).toContain('connector: duckdb');
  expect(first?.text).not.toContain('kind: A');
});

test('empty files and empty documents hold nothing', () => {
  for (const text of ['', '\n', '# only a comment\n', '---\n---\n', '---\n# nothing\n'])
    expect(parse(text)).toEqual({ documents: [], diagnostics: [] });
});

test.each([
  ['nesting', `a: ${'['.repeat(5000)}`],
  ['nested and closed', `a: ${'['.repeat(500)}${']'.repeat(500)}`],
  ['flow maps', '{a: '.repeat(3000)],
  ['size', `a: ${'x'.repeat(1_000_001)}`],
  [
    'aliases',
    `a: &a [x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: &c [${'*b, '.repeat(60)}]\nd: [${'*c, '.repeat(60)}]`,
  ],
  ['itself', 'a: &a [*a]'],
  ['half a character', 'a: "\\ud800"'],
  ['half a character raw', 'a: \ud800'],
  ['prototype', '__proto__: { kind: Policy }\nkind: Policy'],
  ['keys that are no text', '? [a, b]\n: c'],
  ['merge', 'a: &a { b: 1 }\nkind: Policy\n<<: *a'],
  ['binary', 'kind: !!binary aGVsbG8='],
  ['directive', '%YAML 1.1\n---\nkind: yes'],
  ['nul', 'kind: "\u0000"'],
])('hostile text is refused with a place: %s', (_, text) => {
  const found = problems(text);
  expect(found.length).toBeGreaterThan(0);
  for (const line of found) expect(line).toMatch(/^a\.yaml:\d+:\d+: /);
});

test('edit distance counts added, removed, replaced and swapped letters', () => {
  const table = [
    ['when', 'when', 0],
    ['wehn', 'when', 1],
    ['whn', 'when', 1],
    ['flihgts', 'flights', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ] as const;
  for (const [a, b, far] of table) {
    expect(editDistance(a, b), `${a} ${b}`).toBe(far);
    expect(editDistance(b, a), `${b} ${a}`).toBe(far);
  }
  expect(didYouMean('retrian', ['retrain', 'promote'])).toBe('Did you mean retrain?');
  expect(didYouMean('xyz', ['retrain', 'promote'])).toBeUndefined();
});
