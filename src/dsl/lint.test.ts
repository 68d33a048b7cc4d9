/** One fixture a finding, and the exact messages in `messages.txt`; what is sound, and what is silenced, has none. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue, commit } from '../../test/fixtures/bad/example.ts';
import { type File, formatDiagnostic } from './index.ts';
import { lint } from './lint.ts';
import { RULES } from './lint-finding.ts';

const FOLDER = new URL('../../test/fixtures/lint/', import.meta.url);
const AT = Date.UTC(2026, 10, 22);

function read(folder: URL, name: string): File {
  return { path: `policies/${name}`, text: readFileSync(new URL(name, folder), 'utf8') };
}

/** A file beside the base; Settings stand once, so those of the file take the place of the base's. */
function beside(...files: readonly File[]): readonly File[] {
  const settings = files.some(file => /^kind: Settings$/m.test(file.text));
  const base = ['base/documents.yaml', ...(settings ? [] : ['base/flyball.yaml'])];
  return [...base.map(name => read(FOLDER, name)), ...files];
}

function linted(files: readonly File[], env = 'staging') {
  return lint({ files, commit, env, catalogue, at: AT }).diagnostics;
}

function named(files: readonly File[], env?: string): string[] {
  return linted(files, env).map(one => `[${one.rule ?? one.severity}] ${formatDiagnostic(one)}`);
}

const fixtures = readdirSync(FOLDER)
  .filter(name => name.endsWith('.yaml'))
  .sort();

describe('fixtures', () => {
  test('each has one finding, in these words', async () => {
    const text = fixtures.map(name => {
      const found = named(beside(read(FOLDER, name)));
      expect(found, name).toHaveLength(1);
      expect(found[0]).toContain(` policies/${name}:`);
      return found[0];
    });
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../../test/fixtures/lint/messages.txt');
  });

  test('every rule has one', () => {
    const found = new Set(fixtures.flatMap(name => linted(beside(read(FOLDER, name))).map(one => one.rule)));
    // Found in the world, not in files.
    expect(Object.keys(RULES).filter(rule => !found.has(rule))).toEqual(['live-data']);
  });

  test('their base has none', () => {
    expect(named(beside())).toEqual([]);
  });
});

test.each([
  ['test/fixtures/good/', 'staging'],
  ['policies/', 'demo'],
])('%s has no finding', (folder, env) => {
  const url = new URL(`../../${folder}`, import.meta.url);
  const names = readdirSync(url, { recursive: true }).map(String);
  const files = names.filter(name => name.endsWith('.yaml')).map(name => read(url, name));
  expect(files.length).toBeGreaterThan(5);
  expect(named(files, env)).toEqual([]);
});

interface Words {
  readonly name?: string;
  readonly target?: string;
  readonly every?: string;
  readonly observe?: readonly string[];
  /** Lines below spec. */
  readonly body: readonly string[];
}

const PSI = 'psi: { drift: psi, feature: spend, window: 7d, reference: training, minSamples: 500 }';
const NULLS = 'nulls: { nulls: spend, window: 6h }';
const NOTIFY = 'then: [ { notify: { text: Look. } } ]';
const RETRAIN = 'then: [ { retrain: { lookback: 90d } } ]';
const VERIFY = 'verify: { that: psi < 0.1, within: 30d }';

function policy({
  name = 'p',
  target = '{ model: churn }',
  every = '6h',
  observe = [PSI],
  body,
}: Words): File {
  const lines = [
    'apiVersion: flyball.dev/v1',
    'kind: Policy',
    `metadata: { name: ${name} }`,
    'spec:',
    `  target: ${target}`,
    `  every: ${every}`,
    '  observe:',
    ...observe.map(line => `    ${line}`),
    ...body.map(line => `  ${line}`),
  ];
  return { path: `policies/${name}.yaml`, text: `${lines.join('\n')}\n` };
}

function rulesOf(...words: readonly Words[]): (string | undefined)[] {
  return linted(beside(...words.map(policy))).map(one => one.rule ?? one.message);
}

describe('clear beside when', () => {
  /** when | clear | finding */
  const TABLE = `
psi > 0.2                          | psi < 0.1                    | -
psi > 0.2                          | psi <= 0.2                   | -
psi > 0.2                          | psi < 0.2001                 | clear-overlap
psi > 0.2                          | psi > 0.25                   | unreachable-clear
psi > 0.2                          | not (psi > 0.2)              | -
psi < 0.1                          | psi > 0.2                    | -
psi < 0.1                          | psi > 0.05                   | clear-overlap
psi > 0.2 and nulls < 2%           | psi < 0.1                    | -
psi > 0.2 and nulls < 2%           | nulls < 1%                   | clear-overlap
psi > 0.2 or nulls > 2%            | psi < 0.1 and nulls < 1%     | -
psi > 0.2 and nulls < 2%           | psi < 0.1 or nulls > 5%      | -
psi.lower > 0.2                    | psi < 0.25                   | -
psi > 0.2                          | psi.upper < 0.3              | -
psi > 0.2                          | nulls < 1%                   | -
  `;
  test.each(
    TABLE.trim()
      .split('\n')
      .map(row => row.split('|').map(cell => cell.trim())),
  )('when %s, clear %s: %s', (when = '', clear = '', expected) => {
    const found = rulesOf({
      observe: [PSI, ...(`${when} ${clear}`.includes('nulls') ? [NULLS] : [])],
      body: [`when: ${when}`, `clear: ${clear}`, NOTIFY],
    });
    expect(found).toEqual(expected === '-' ? [] : [expected]);
  });

  test('label sets are counted: fewer above a lower line is no overlap that is certain', () => {
    const observe = [PSI.replace('feature: spend', 'feature: spend, by: [country]')];
    const found = (when: string, clear: string) =>
      rulesOf({ observe, body: [`when: ${when}`, `clear: ${clear}`, NOTIFY] });
    expect(found('count(psi > 0.2) >= 3', 'count(psi > 0.1) == 0')).toEqual([]);
    expect(found('share(psi > 0.2) > 5%', 'share(psi > 0.2) < 2%')).toEqual([]);
    expect(found('count(psi > 0.2) >= 3', 'count(psi > 0.2) < 5')).toEqual(['clear-overlap']);
    expect(found('count(psi > 0.2) > 2', 'count(psi > 0.2) >= 3')).toEqual(['unreachable-clear']);
  });
});

describe('P33: rules that undo or repeat each other', () => {
  const retrains = (name: string, when: string, ...guard: readonly string[]): Words => ({
    name,
    body: [`when: ${when}`, 'for: 24h', RETRAIN, VERIFY, ...guard],
  });
  const COOLDOWN = 'guard: { cooldown: 24h }';

  test('two that retrain the same model need something that slows both down', () => {
    expect(rulesOf(retrains('a', 'psi > 0.2'), retrains('b', 'psi > 0.3'))).toEqual(['opposing-verbs']);
    expect(rulesOf(retrains('a', 'psi > 0.2', COOLDOWN), retrains('b', 'psi > 0.3'))).toEqual([
      'opposing-verbs',
    ]);
    expect(rulesOf(retrains('a', 'psi > 0.2', COOLDOWN), retrains('b', 'psi > 0.3', COOLDOWN))).toEqual([]);
  });

  test('P33: a cooldown on the Model binds both', () => {
    const files = beside(policy(retrains('a', 'psi > 0.2')), policy(retrains('b', 'psi > 0.3')));
    const slowed = files.map(file => ({
      ...file,
      text: file.text.replace('  pipelines:', '  actions: { retrain: { cooldown: 24h } }\n  pipelines:'),
    }));
    expect(slowed).not.toEqual(files);
    expect(named(slowed)).toEqual([]);
  });

  test('those that cannot hold at the same time do not meet, whatever their observations are called', () => {
    const other = {
      ...retrains('b', 'drifted < 0.19 and drifted > 0.15'),
      observe: [PSI.replace('psi:', 'drifted:')],
    };
    const body = other.body.map(line => line.replace('that: psi', 'that: drifted'));
    expect(rulesOf(retrains('a', 'psi > 0.2'), { ...other, body })).toEqual([]);
    const elsewhere = PSI.replace('psi:', 'drifted:').replace('7d', '9d');
    expect(rulesOf(retrains('a', 'psi > 0.2'), { ...other, observe: [elsewhere], body })).toEqual([
      'opposing-verbs',
    ]);
  });

  test('a promotion that waits for its cooldown is no loop with a rollback', () => {
    const auc = 'auc: { performance: auc, window: 7d, minSamples: 1000 }';
    const promotes = (...more: readonly string[]): Words => ({
      name: 'forth',
      observe: [PSI, auc],
      body: [
        'when: psi > 0.2',
        'for: 24h',
        'then: [ { promote: { version: approved } } ]',
        'verify: { that: auc > before.auc, within: 30d }',
        ...more,
      ],
    });
    const back: Words = {
      name: 'back',
      observe: [auc],
      body: [
        'when: auc < 0.6',
        'for: 24h',
        'then: [ { rollback: {} } ]',
        'verify: { that: auc > 0.6, within: 30d }',
      ],
    };
    expect(rulesOf(promotes(), back)).toEqual(['opposing-verbs']);
    expect(rulesOf(promotes(COOLDOWN), back)).toEqual([]);
    expect(rulesOf(promotes('guard: { rate: 1 per 7d }'), back)).toEqual([]);
  });
});

test('P14: a selector that matches nothing is a finding, with its place', () => {
  const found = named(
    beside(policy({ target: '{ model: { labels: { tier: gold } } }', body: ['when: psi > 0.2', NOTIFY] })),
  );
  expect(found).toEqual([
    '[no-match] policies/p.yaml:5:20: warning: { tier: gold } matches no model; nothing will ever happen.',
  ]);
});

describe('P56: a burn rate needs traffic', () => {
  const rate = 'promql: "sum(rate(e[5m])) / sum(rate(r[5m]))"';
  const requests = 'requests: { query: prometheus, unit: count, promql: "sum(increase(r[5m]))" }';
  /** observations | when | finding */
  const TABLE: readonly (readonly [string, readonly string[], string, readonly string[]])[] = [
    [
      'nothing says how many',
      [`burn: { query: prometheus, unit: ratio, ${rate} }`],
      'burn > 5%',
      ['low-traffic'],
    ],
    [
      'needs',
      [`burn: { query: prometheus, unit: ratio, needs: requests >= 100, ${rate} }`, requests],
      'burn > 5%',
      [],
    ],
    [
      'minSamples',
      [`burn: { query: prometheus, unit: ratio, minSamples: 100, rows: "sum(increase(r[5m]))", ${rate} }`],
      'burn > 5%',
      [],
    ],
    [
      'a count beside it',
      [`burn: { query: prometheus, unit: ratio, ${rate} }`, requests],
      'burn > 5% and requests > 100',
      [],
    ],
    ['no ratio', [`burn: { query: prometheus, unit: number, ${rate} }`], 'burn > 14.4', []],
  ];
  test.each(TABLE)('P56: %s', (_, observe, when, expected) => {
    expect(rulesOf({ every: '1m', observe, body: [`when: ${when}`, NOTIFY] })).toEqual(expected);
  });
});

describe('comments', () => {
  const dead = 'when: psi > 0.2 and psi < 0.1';
  const found = (...body: readonly string[]) => rulesOf({ body: [...body, NOTIFY] });
  const WHY = '# flyball-lint: ignore dead-rule until the threshold is known';

  test('silence on the line, above it, above other comments, and around a text below its key', () => {
    expect(found(dead)).toEqual(['dead-rule']);
    expect(found(`${dead} ${WHY}`)).toEqual([]);
    expect(found(WHY, dead)).toEqual([]);
    expect(found(WHY, '# More to say.', '', dead)).toEqual([]);
    expect(found(WHY, 'when: >-', '  psi > 0.2', '  and psi < 0.1')).toEqual([]);
    expect(found(`when: >- ${WHY}`, '  psi > 0.2', '  and psi < 0.1')).toEqual([]);
  });

  test('silence their own rule on their own line, and say so when there is nothing to silence', () => {
    expect(found(WHY.replace('dead-rule', 'dead-clause'), dead)).toEqual(['ignore-nothing', 'dead-rule']);
    expect(found(WHY, 'for: 24h', dead)).toEqual(['ignore-nothing', 'dead-rule']);
    expect(found('# flyball-lint: dead-rule', dead)).toEqual(['ignore-reason', 'dead-rule']);
    expect(found('# flyball-lint: ignore dead-rule', dead)).toEqual(['ignore-reason', 'dead-rule']);
  });

  test('never silence an error', () => {
    expect(named(beside(policy({ body: [WHY, 'when: psy > 0.2', NOTIFY] })))).toEqual([
      expect.stringMatching(/^\[ignore-nothing\]/),
      expect.stringMatching(/^\[error\] .* psy is not observed/),
    ]);
  });
});

test('what only some targets have says which', () => {
  const weekly = read(FOLDER, 'window-of-season.yaml');
  const [, model = ''] = weekly.text.split('---\n');
  const other = {
    path: 'policies/m.yaml',
    text: model.replace('{ name: weekly }', '{ name: weekly, labels: { tier: prod } }'),
  };
  const watched = policy({
    target: '{ model: { labels: { tier: prod } } }',
    observe: [PSI.replace('7d', '3d')],
    body: ['when: psi > 0.2', NOTIFY],
  });
  expect(linted(beside(other, watched)).map(one => one.message)).toEqual([
    expect.stringMatching(/expected a multiple of 7d \(for weekly\)$/),
  ]);
});

test('files with mistakes are linted as far as they go', () => {
  const found = rulesOf(
    { name: 'a', body: ['when: psy > 1', NOTIFY] },
    { name: 'b', body: ['when: psi > 12', NOTIFY] },
  );
  expect(found).toEqual([expect.stringContaining('psy is not observed'), 'threshold-range']);
  expect(() =>
    linted([
      { path: 'x.yaml', text: 'kind: [' },
      { path: 'y.yaml', text: '- 1' },
    ]),
  ).not.toThrow();
});
