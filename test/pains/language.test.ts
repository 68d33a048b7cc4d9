/** Pains of a language that guesses: what is missing, misspelt or unresolved is said before it is in force. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, formatDiagnostic, type NextRevision, nextRevision } from '../../src/dsl/index.ts';
import { catalogue } from '../../src/wiring.ts';
import { badFixtures, example, messages } from '../fixtures/bad/example.ts';

const commit = { sha: 'a'.repeat(40), author: { name: 'x', email: '' }, time: 0, subject: '' };
const DOCUMENTS = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec: { connector: prometheus, url: https://prometheus.example }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: local }
spec: { connector: local, access: act, path: ., commands: { train: { argv: [node, train.mjs] } } }
---
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: churn, labels: { tier: prod } }
spec:
  owner: ml
  task: binary
  registry: { connection: local, name: churn }
  serving: { connection: local, name: churn }
  pipelines:
    train: { connection: local, id: train, params: { since: "\${data.since}" }, output: { version: version } }
  actions: { retrain: { timeout: 1h } }
`;

function policy(spec: string): string {
  return `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: p }
spec:
  target: { model: churn }
  every: 1h
${spec}`;
}

function compiled(spec: string) {
  const files = [
    { path: 'd.yaml', text: DOCUMENTS },
    { path: 'p.yaml', text: policy(spec) },
  ];
  return compile({ files, commit, env: 'dev', catalogue });
}
const said = (spec: string) => compiled(spec).diagnostics.map(formatDiagnostic);

describe('P6 what is missing is each observation’s own to say, and never a number', () => {
  const observe = (more: string) =>
    `  observe: { errors: { query: metrics, unit: ratio, promql: sum(errors)${more} } }\n`;
  const acts = `  when: errors > 1%\n  then: [ { notify: {} } ]\n`;

  test('treatAs is refused, and the message says what there is instead', () => {
    expect(said(`${observe(', treatAs: 0')}${acts}`)).toEqual([
      expect.stringMatching(/^p\.yaml:7:\d+: treatAs .*onMissing.*expect: present.*exists\(x\)/),
    ]);
  });

  test('an empty answer is a number only where traffic is proven', () => {
    expect(said(`${observe(', empty: 0')}${acts}`)).toEqual([
      expect.stringMatching(/^p\.yaml:7:\d+: empty.*needs/),
    ]);
  });

  test('onMissing tells people of this one, and gives it no value', () => {
    expect(said(`${observe(', onMissing: { alertAfter: 6h }')}${acts}`)).toEqual([]);
    const { closed } = compiled(`${observe(', onMissing: { alertAfter: 6h }')}${acts}`);
    expect(closed[0]?.observe.errors).toMatchObject({ onMissing: { alertAfterMs: 21_600_000 } });
  });
});

describe('P7 a name that nothing has is an error, in every place where there is one', () => {
  const observe = `  params: { limit: { default: 5% } }\n  observe: { errors: { query: metrics, unit: ratio, promql: sum(errors) } }\n`;
  const then = '  then: [ { retrain: { lookback: 30d }, id: train } ]\n';

  test.each([
    [
      'an observation',
      '  when: erors > 1%\n',
      /erors is not observed; expected errors\. Did you mean errors\?/,
    ],
    ['a field', '  when: errors.uper > 1%\n', /uper/],
    ['a param', '  when: errors > params.limt\n', /params\.limt|limt/],
    ['a value of the target', '  when: errors > target.data.lables.coverage\n', /lables|target/],
    ['in clear', '  when: errors > 1%\n  clear: eror < 1%\n', /eror is not observed/],
    ['in verify', '  when: errors > 1%\n  verify: { that: eror < 1%, within: 1d }\n', /eror is not observed/],
    ['a window', '  when: errors > 1%\n  guard: { allow: [office] }\n', /no window office/],
    ['an inhibitor', '  when: errors > 1%\n  guard: { inhibitedBy: [ { policy: q } ] }\n', /no policy q/],
  ])('%s', (_, when, message) => {
    const errors = said(`${observe}${when}${then}`).filter(line => !line.includes(': warning: '));
    expect(errors).toEqual([expect.stringMatching(message)]);
    expect(compiled(`${observe}${when}${then}`).closed).toEqual([]);
  });
});

describe('P14 what matches nothing is said', () => {
  const nothing = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: nobody }
spec:
  target: { model: { labels: { tier: porod } } }
  every: 1h
  observe: { errors: { query: metrics, unit: ratio, promql: sum(errors) } }
  when: errors > 1%
  then: [ { notify: {} } ]
`;
  const taken = (text: string, before?: NextRevision): NextRevision => {
    const files = [
      { path: 'd.yaml', text: DOCUMENTS },
      { path: 'q.yaml', text },
    ];
    return nextRevision(before?.revision, compile({ files, commit, env: 'dev', catalogue }), commit, 0);
  };

  test('at load, as a warning', () => {
    const files = [
      { path: 'd.yaml', text: DOCUMENTS },
      { path: 'q.yaml', text: nothing },
    ];
    const { diagnostics, unmatched } = compile({ files, commit, env: 'dev', catalogue });
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      'q.yaml:5:20: warning: { tier: porod } matches no model; nothing will ever happen.',
    ]);
    expect(unmatched).toEqual(['nobody']);
  });

  test('and in what is in force, until it matches', () => {
    const first = taken(nothing);
    expect(first.revision?.unmatched).toEqual(['nobody']);
    const second = taken(nothing.replace('porod', 'prod'), first);
    expect(second.changed).toBe(true);
    expect(second.revision?.unmatched).toBeUndefined();
  });
});

describe('P15 what a step will need is resolved at load', () => {
  const observe = `  observe: { errors: { query: metrics, unit: ratio, promql: sum(errors) } }\n  when: errors > 1%\n`;

  test.each([
    ['a step that is not there', 'steps.retrain.version', /no step retrain.*train/],
    ['an output that it does not give', 'steps.train.verison', /verison/],
    ['a later step', 'steps.after.version', /after/],
    ['a word of nothing', 'secrets.token', /secrets/],
  ])('%s', (_, slot, message) => {
    const then = `  then:\n    - retrain: { lookback: 30d }\n      id: train\n    - promote: { version: "\${${slot}}" }\n      require: errors < 1%\n    - rollback: {}\n      id: after\n`;
    const errors = said(`${observe}${then}`).filter(line => !line.includes(': warning: '));
    expect(errors.length).toBeGreaterThan(0);
    for (const line of errors) expect(line).toMatch(/^p\.yaml:12:\d+: /);
    expect(errors.join('\n')).toMatch(message);
    expect(compiled(`${observe}${then}`).closed).toEqual([]);
  });
});

describe('P16 every message says where, what was found, and what was expected', () => {
  const lines = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'bad', 'messages.txt'), 'utf8')
    .trimEnd()
    .split('\n');

  test('there are hundreds, one file a mistake', () => {
    expect(badFixtures().length).toBeGreaterThanOrEqual(60);
    expect(lines.length).toBeGreaterThanOrEqual(badFixtures().length);
    expect(messages(example())).toEqual([]);
  });

  test('file:line:col, and a sentence', () => {
    for (const line of lines)
      expect(line).toMatch(/^\S+\.(bad\.)?yaml:[1-9]\d*:[1-9]\d*: (warning: )?.*[^ ][.?]$/);
  });

  test('found; expected. What only a parser of YAML can say is marked as its own', () => {
    const silent = lines.filter(
      line =>
        !/expected|nothing will ever happen/.test(line) &&
        !/:\d+: YAML: /.test(line) &&
        !/ needs exactly one of /.test(line),
    );
    expect(silent).toEqual([]);
  });

  test('no dump of a schema: no anyOf, no "Invalid input", no JSON path, no line that only a program can read', () => {
    for (const line of lines) {
      expect(line).not.toMatch(/anyOf|oneOf|allOf|invalid_|Invalid input|\$\.|#\/|undefined|\[object/);
      expect(line.length, line).toBeLessThan(700);
    }
  });
});
