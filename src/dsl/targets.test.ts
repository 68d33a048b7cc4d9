/** Selectors: one closure a match, each failing for itself, and what is in force when targets come, go and break. */
import { describe, expect, test } from 'vitest';
import { catalogue, commit } from '../../test/fixtures/bad/example.ts';
import type { Revision } from '../model.ts';
import { compile, type File, formatDiagnostic, nextRevision } from './index.ts';

const head = (kind: string, name: string, labels = '') =>
  `apiVersion: flyball.dev/v1\nkind: ${kind}\nmetadata: { name: ${name}${labels} }\n`;

const BASE = `${head('Connection', 'warehouse')}spec: { connector: duckdb, path: data }
---
${head('Connection', 'here')}spec: { connector: local, access: act, path: state, commands: { train: { argv: [node, train.ts] } } }
---
${head('Dataset', 'rows')}spec: { connection: warehouse, path: rows.parquet, time: { column: at }, columns: { at: { type: timestamp }, x: { type: number } } }
`;

const TRAINED =
  'data: { training: { dataset: rows } }, pipelines: { train: { connection: here, id: train, output: { version: version } } }';

function model(name: string, options: { labels?: string; spec?: string } = {}): File {
  const { labels = ', labels: { tier: prod }', spec = TRAINED } = options;
  return {
    path: `models/${name}.yaml`,
    text: `${head('Model', name, labels)}spec: { owner: ana, task: binary, ${spec} }\n`,
  };
}

const POLICY = `${head('Policy', 'fresh')}spec:
  target: { model: { labels: { tier: prod } } }
  every: 1h
  observe: { rows: { rows: training, window: 1d } }
  when: rows < 10
  then: [ { retrain: { lookback: 7d } } ]
  verify: { that: rows > 10, within: 2d }
`;

function compiled(models: readonly File[], policy = POLICY) {
  const files = [{ path: 'base.yaml', text: BASE }, { path: 'fresh.yaml', text: policy }, ...models];
  return compile({ files, commit, env: 'prod', catalogue });
}

const chains = (found: { readonly policies: Revision['policies'] } | undefined) =>
  found?.policies.map(one => `${one.policy} ${one.target.name}`);
const closedOf = (found: ReturnType<typeof compiled>) => found.closed.map(one => one.target.name);
const lines = (found: ReturnType<typeof compiled>) => found.diagnostics.map(formatDiagnostic);

describe('a selector', () => {
  test.each([
    ['all of its labels', '{ tier: prod, team: a }', ['both']],
    ['one of them', '{ tier: prod }', ['both', 'prod']],
    ['another value', '{ tier: test }', ['test']],
    ['none: every one', '{}', ['bare', 'both', 'prod', 'test']],
    ['a label that nothing has', '{ toString: "" }', []],
  ])('by %s', (_, labels, expected) => {
    const found = compiled(
      [
        model('test', { labels: ', labels: { tier: test }' }),
        model('prod'),
        model('both', { labels: ', labels: { team: a, tier: prod }' }),
        model('bare', { labels: '' }),
      ],
      POLICY.replace('{ tier: prod }', labels),
    );
    expect(closedOf(found)).toEqual(expected);
    expect(found.unmatched).toEqual(expected.length === 0 ? ['fresh'] : []);
    expect(found.wholly).toBe(true);
  });

  test('that matches nothing warns, and nothing is in force', () => {
    const found = compiled([]);
    expect(lines(found)).toEqual([
      'fresh.yaml:5:20: warning: { tier: prod } matches no model; nothing will ever happen.',
    ]);
    expect(found.failed).toEqual([]);
    expect(nextRevision(undefined, found, commit, 0).revision?.policies).toEqual([]);
  });

  test('that matches nothing still tells the mistakes of the document', () => {
    const found = compiled(
      [],
      POLICY.replace('rows < 10', 'rwos < 10').replace('lookback: 7d', 'lookbak: 7d'),
    );
    expect(lines(found).filter(line => !line.includes('warning'))).toEqual([
      'fresh.yaml:8:9: rwos is not observed; expected rows. Did you mean rows?',
      expect.stringContaining('retrain.lookback is missing'),
      expect.stringContaining('retrain has no key "lookbak"'),
    ]);
    expect(found.unmatched).toEqual([]);
    expect(found.failed).toMatchObject([{ policy: 'fresh' }]);
  });
});

describe('a target that lacks what the policy asks for', () => {
  const models = [model('good'), model('bad', { spec: 'data: {}' })];

  test('fails alone, and says so for itself', () => {
    const found = compiled(models);
    expect(closedOf(found)).toEqual(['good']);
    expect(found.failed).toMatchObject([{ policy: 'fresh', target: { kind: 'model', name: 'bad' } }]);
    expect(lines(found)).toEqual([
      expect.stringMatching(/^fresh\.yaml:7:28: model bad has no data\.training/),
      expect.stringMatching(/^fresh\.yaml:9:13: model bad has no pipeline train/),
    ]);
    expect([found.wholly, found.onlyUnbound]).toEqual([false, true]);
  });

  test('keeps nothing else out of force, not even at the first commit', () => {
    const { revision } = nextRevision(undefined, compiled(models), commit, 0);
    expect(chains(revision)).toEqual(['fresh good']);
    expect(revision?.rejected?.diagnostics).toHaveLength(2);
  });

  test('keeps what it had before', () => {
    const before = nextRevision(undefined, compiled([model('good'), model('bad')]), commit, 0).revision;
    const later = { ...commit, sha: 'a'.repeat(40) };
    const { revision } = nextRevision(before, compiled(models), later, 1);
    expect(chains(revision)).toEqual(['fresh bad', 'fresh good']);
    expect(revision?.policies[0]).toEqual(before?.policies[0]);
  });

  test('is a plain error when there is no other: nothing is taken at the first commit', () => {
    const found = compiled([model('bad', { spec: 'data: {}' })]);
    expect([found.onlyUnbound, found.failed.length]).toEqual([false, 1]);
    expect(found.failed[0]).not.toHaveProperty('target');
    expect(nextRevision(undefined, found, commit, 0).revision).toBeUndefined();
  });
});

describe('what was in force before', () => {
  const before = nextRevision(undefined, compiled([model('a'), model('b')]), commit, 0).revision;
  const later = { ...commit, sha: 'b'.repeat(40) };

  test('is told apart by its target: one edit leaves the other as it was', () => {
    const edited = model('b', { spec: `${TRAINED}, actions: { retrain: { cooldown: 1h } }` });
    const { revision } = nextRevision(
      before,
      compile({
        files: [{ path: 'base.yaml', text: BASE }, { path: 'fresh.yaml', text: POLICY }, model('a'), edited],
        commit: later,
        env: 'prod',
        catalogue,
      }),
      later,
      1,
    );
    expect(revision?.policies.map(one => one.commit.sha)).toEqual([commit.sha, later.sha]);
  });

  test.each([
    ['goes with its label', model('b', { labels: '' }), ['fresh a']],
    ['stays when its document has a mistake', model('b', { spec: 'taks: binary' }), ['fresh a', 'fresh b']],
    [
      'stays when its document cannot be read',
      { path: 'models/b.yaml', text: `${head('Model', 'b')}spec: {` },
      ['fresh a', 'fresh b'],
    ],
  ])('%s', (_, changed, expected) => {
    const { revision } = nextRevision(before, compiled([model('a'), changed]), later, 1);
    expect(chains(revision)).toEqual(expected);
  });

  test('goes with its document', () => {
    expect(chains(nextRevision(before, compiled([model('a')]), later, 1).revision)).toEqual(['fresh a']);
  });
});

test('a mistake of the policy fails it for every target, once', () => {
  const found = compiled([model('a'), model('b')], POLICY.replace('rows < 10', 'rwos < 10'));
  expect(lines(found)).toEqual(['fresh.yaml:8:9: rwos is not observed; expected rows. Did you mean rows?']);
  expect(found.failed).toHaveLength(1);
  expect(found.closed).toEqual([]);
});

test('a target that is not there does not hide the mistakes of the document', () => {
  const found = compiled(
    [model('a')],
    POLICY.replace('{ labels: { tier: prod } }', 'b').replace('rows > 10', 'rwos > 10'),
  );
  expect(lines(found)).toEqual([
    'fresh.yaml:5:20: there is no model b; expected a.',
    'fresh.yaml:10:19: rwos is not observed; expected rows. Did you mean rows?',
  ]);
});
