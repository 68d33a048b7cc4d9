/** Query texts in closed policies: parts and values, each with how it stands; constants by value, the rest as slots. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the language.
import { expect, test } from 'vitest';
import { compiled, example } from '../../test/fixtures/bad/example.ts';
import { formatDiagnostic } from './diagnostic.ts';

const CONNECTION = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: metrics }
spec: { connector: prometheus, url: "https://prometheus.example" }
---
`;

function closed(policy: string) {
  const found = compiled([...example(), { path: 'policies/x.yaml', text: `${CONNECTION}${policy}` }]);
  expect(found.diagnostics.filter(one => one.severity === 'error').map(formatDiagnostic)).toEqual([]);
  const [one] = found.closed.filter(({ policy: name }) => name === 'asked');
  if (one === undefined) throw new Error('it was not closed');
  return one;
}

const asked = (observe: string, more = '') => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: asked }
spec:
  target: { connection: metrics }
  every: 1m
${more}  observe:
    x: ${observe}
  when: x > 0.5
  then: [ { notify: { text: Look. } } ]
`;

test('a text without templates stays text', () => {
  const { observe } = closed(asked(`{ query: metrics, promql: 'sum(x{a=~"b.*"})' }`));
  expect(observe.x?.args).toEqual({ main: 'metrics', promql: 'sum(x{a=~"b.*"})' });
  expect(observe.x?.connection).toBe('metrics');
});

test('constants by value, each with how it stands there', () => {
  const params = '  params: { back: { default: 5m }, most: { default: 2%, min: 0%, max: 100% } }\n';
  const { observe } = closed(
    asked(
      `{ query: metrics, promql: 'rate(x{job="\${target.name}",kind=~"\${target.connector}|y"}[\${params.back}]) > \${params.most}', rows: 'count(x{job="\${target.name}"})', minSamples: 3 }`,
      params,
    ),
  );
  expect(observe.x?.args).toEqual({
    main: 'metrics',
    promql: {
      text: ['rate(x{job="', '",kind=~"', '|y"}[', ']) > ', ''],
      values: ['metrics', 'prometheus', 300_000, 0.02],
      as: ['quoted', 'regex', 'duration', 'number'],
    },
    rows: { text: ['count(x{job="', '"})'], values: ['metrics'], as: ['quoted'] },
  });
});

test('SQL takes literals', () => {
  const { observe } = closed(
    asked(
      '{ query: warehouse, sql: "SELECT count(*) AS value FROM files(\'x\') WHERE job = ${target.name} AND age < ${params.back}" }',
      '  params: { back: { default: 5m } }\n',
    ),
  );
  expect(observe.x?.args.sql).toEqual({
    text: ["SELECT count(*) AS value FROM files('x') WHERE job = ", ' AND age < ', ''],
    values: ['metrics', 300_000],
    as: ['literal', 'duration'],
  });
});

test('an edit of a param is an edit of what acts; of a comment it is none', () => {
  const hash = (most: string, description: string) =>
    closed(
      asked(
        "{ query: metrics, promql: 'x > ${params.most}' }",
        `  description: ${description}\n  params: { most: { default: ${most} } }\n`,
      ),
    ).actingHash;
  expect(hash('1', 'a')).toBe(hash('1', 'b'));
  expect(hash('1', 'a')).not.toBe(hash('2', 'a'));
});

test('the canary gate of the language page: sides and the step are filled when it is judged', () => {
  const canary = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: asked }
spec:
  target: { model: late-flights }
  every: 1m
  observe:
    requests: { query: metrics, unit: count, sides: true, promql: 'sum(increase(http_requests_total{service="\${target.serving.name}",revision="\${side.revision}"}[\${step.elapsed}]))' }
    errors:   { query: metrics, unit: ratio, sides: true, promql: 'sum(rate(http_requests_total{revision="\${rollout.canary}",other!~"\${rollout.baseline}"}[5m]))' }
  gate: { on: rollout, needs: requests.canary >= 2000, closed: errors.canary > errors.baseline + 0.5%, fails: 3 of 5 }
`;
  const { observe } = closed(canary);
  expect(observe.requests?.args.promql).toMatchObject({
    values: ['late-flights', { $: 'side.revision' }, { $: 'step.elapsed' }],
    as: ['quoted', 'quoted', 'duration'],
  });
  expect(observe.errors?.args.promql).toMatchObject({
    values: [{ $: 'rollout.canary' }, { $: 'rollout.baseline' }],
    as: ['quoted', 'regex'],
  });
});
