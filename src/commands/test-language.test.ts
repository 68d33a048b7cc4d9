/** PolicyTests of what policies say about each other: params, windows, inhibitors, groups, gates, rollouts. By the live core. */
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../test/core/closed-policy.ts';
import { openStore } from '../../test/core/outside.ts';
import type { Ports } from './ports.ts';
import { testFiles } from './test.ts';

const ports = {
  world: { catalogue: CATALOGUE } as Ports['world'],
  emptyStore: () => openStore(':memory:'),
};

const BASE = `
apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  people: { ana: { emails: [ana@acme.example] } }
  groups: { ml: [ana] }
  windows:
    nights: { when: "20:00-06:00", zone: Europe/Zurich }
  rollouts:
    standard:
      steps: [{ shift: 10%, hold: 1h, gate: canary }, { shift: 100%, hold: 1h, gate: canary }]
      onFailure: rollback
      onUnknown: { hold: 2h, then: rollback }
      max: 1d
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: here }
spec: { connector: local, access: act, path: state, commands: { train: { argv: [node, train.ts] } } }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
---
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: churn, labels: { tier: prod } }
spec:
  owner: ml
  task: binary
  registry: { connection: here, name: churn }
  serving: { connection: here, name: churn }
  pipelines:
    train: { connection: here, id: train, params: { since: "\${data.since}" }, output: { version: version } }
  actions: { promote: { rollout: standard } }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: drift }
spec:
  target: { model: churn }
  every: 1h
  params: { psi_max: { default: 0.2, min: 0.1, max: 0.5 } }
  observe:
    psi: { query: warehouse, unit: number, sql: SELECT 1 AS value }
  when: psi > params.psi_max
  for: 2h
  then:
    - retrain: { lookback: 7d }
    - promote: { version: "\${steps.retrain.version}" }
      require: psi > 0
  guard: { deny: [nights], inhibitedBy: [{ policy: warehouse-down }] }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: warehouse-down }
spec:
  target: { connection: warehouse }
  every: 1h
  observe:
    up: { query: warehouse, unit: number, sql: SELECT 1 AS value }
  when: up < 1
  then: [{ notify: { text: the warehouse is down } }]
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: canary }
spec:
  target: { model: { labels: { tier: prod } } }
  every: 10m
  observe:
    errors: { query: warehouse, unit: ratio, sides: true, sql: "SELECT 1 AS value" }
  gate: { on: rollout, closed: errors.canary > errors.baseline + 0.5%, fails: 2 of 3 }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: nodes }
spec:
  target: { model: churn }
  every: 1h
  observe:
    age: { query: warehouse, unit: number, vector: true, labels: [node, disk], sql: SELECT 1 AS value }
    nulls: { query: warehouse, unit: ratio, sql: SELECT 1 AS value }
  rules:
    - name: stale
      when: age > 5
      per: [node]
      then: [{ retrain: { lookback: 7d } }]
    - name: sound
      gate: { blocks: [retrain], closed: nulls > 5%, reopen: 2h }
`;

async function outcome(policy: string, spec: string, more = '') {
  const text = `${more}apiVersion: flyball.dev/v1\nkind: PolicyTest\nmetadata: { name: it }\nspec:\n  policy: ${policy}\n${spec}`;
  const files = [
    { path: 'base.yaml', text: BASE },
    { path: 'it.yaml', text },
  ];
  const [found] = (await testFiles(ports, files)).tests;
  return { problems: found?.problems, failures: found?.failures };
}

const holds = { problems: [], failures: [] };

test('params of the test, a window, and an inhibitor with series of its own', async () => {
  const spec = `
  params: { psi_max: 0.4 }
  start: 2026-01-05T12:00Z # 13:00 in Zürich
  series:
    - { observe: psi, values: 0.3x3 0.5x40 }
    - { observe: up, policy: warehouse-down, values: 1x3 0x3 1x40 }
  expect:
    - { at: 0h..3h, state: ok }
    - { at: 6h, state: firing, decision: hold, verb: retrain, reason: inhibited }
    - { at: 7h, decision: hold, reason: window, reasons: [inhibited] }
    - { at: 9h..16h, decision: hold, reason: window }
    - { at: 18h, actions: [{ verb: retrain, state: succeeded }, { verb: promote }] }
`;
  expect(await outcome('drift', spec)).toEqual(holds);
  const without = await outcome('drift', spec.replace('params: { psi_max: 0.4 }', 'params: {}'));
  expect(without.failures?.[0]).toMatchObject({ at: '0h', misses: [{ expected: 'ok', found: 'pending' }] });
});

test('an inhibitor that no series is given for was never evaluated, and holds', async () => {
  const spec = `
  start: 2026-01-05T07:00Z
  series: [{ observe: psi, values: 0.5x40 }]
  expect: [{ at: 2h..5h, state: firing, decision: hold, reason: inhibited }]
`;
  expect(await outcome('drift', spec)).toEqual(holds);
});

test('a group for each value of a label, and a gate', async () => {
  const spec = `
  series:
    - { observe: age, labels: { node: a, disk: x }, values: 1 9x8 }
    - { observe: age, labels: { node: a, disk: "y" }, values: 1x9 }
    - { observe: age, labels: { node: b, disk: x }, values: 1x3 9x5 }
    - { observe: nulls, values: 1%x2 6%x1 1%x9 }
  expect:
    - { at: 1h, rule: stale, labels: { node: a }, state: firing, actions: [{ verb: retrain, state: succeeded }] }
    - { at: 1h..3h, rule: stale, labels: { node: b }, state: ok }
    - { at: 4h, rule: stale, labels: { node: b }, state: firing, decision: hold, reason: gated }
    - { at: 0h..2h, rule: sound, gate: open }
    - { at: 3h..6h, rule: sound, gate: closed }
    - { at: 7h, rule: sound, gate: open }
    - { at: 8h, rule: stale, labels: { node: b }, actions: [{ verb: retrain, state: succeeded }] }
`;
  expect(await outcome('nodes', spec)).toEqual(holds);
});

const ROLLOUT = `
  start: 2026-01-05T07:00Z
  series:
    - { observe: psi, values: 0.5x40 }
    - { observe: up, policy: warehouse-down, values: 1x40 }
    - { observe: errors.baseline, policy: canary, values: 1%x400 }
`;

test('a rollout whose gate holds goes through', async () => {
  const spec = `${ROLLOUT}
    - { observe: errors.canary, policy: canary, values: 1.4%x400 }
  expect:
    - { at: 2h30m, actions: [{ verb: retrain, state: succeeded }, { verb: promote, state: started }] }
    - { at: 5h, actions: [{ verb: retrain, state: succeeded }, { verb: promote, state: succeeded, with: { version: v2 } }] }
`;
  expect(await outcome('drift', spec)).toEqual(holds);
});

test('a rollout whose gate fails goes back', async () => {
  const spec = `${ROLLOUT}
    - { observe: errors.canary, policy: canary, values: 3%x400 }
  expect:
    - at: 3h
      episode: stalled
      actions:
        - { verb: retrain, state: succeeded }
        - { verb: promote, state: failed }
        - { verb: rollback, state: succeeded }
        - { verb: escalate }
`;
  expect(await outcome('drift', spec)).toEqual(holds);
});

test('a gate on rollouts is not tested by itself, where nothing would ever ask it', async () => {
  const spec = `
  series:
    - { observe: errors.canary, values: 3%x400 }
    - { observe: errors.baseline, values: 3%x400 }
  expect: [{ at: 1h, gate: closed }]
`;
  expect((await outcome('canary', spec)).problems).toEqual([
    'it.yaml:5:11: policy canary is asked in rollouts only; expected the policy that promotes. Give its series there with policy: canary.',
  ]);
});

test('one side of an observation is named as conditions name it, and both are needed', async () => {
  const spec = ROLLOUT.replace('errors.baseline', 'errors.champion');
  const expected = '\n  expect: [{ at: 1h, state: pending }]\n';
  expect((await outcome('drift', spec + expected)).problems).toEqual([
    'it.yaml:11:18: policy canary observes no errors.champion; expected errors.canary or errors.baseline.',
  ]);
  expect((await outcome('drift', ROLLOUT + expected)).problems?.join()).toContain(
    'policy canary reads errors.canary, and no series gives it; expected one for each',
  );
});

test('a target that is excluded to the end proves nothing, and one that is excluded for a while is looked at afterwards', async () => {
  const excluded = (until: string) => `
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: away }
spec: { owner: ml, task: binary, exclude: [{ policy: calm, reason: frozen data${until} }] }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: calm }
spec:
  target: { model: away }
  every: 1h
  observe: { psi: { query: warehouse, unit: number, sql: SELECT 1 AS value } }
  when: psi > 1
  then: [{ notify: { text: it moved } }]
---
`;
  const spec = `
  start: 2026-01-05
  series: [{ observe: psi, values: 2x40 }]
`;
  const idle = await outcome('calm', `${spec}  expect: [{ at: 5h, state: ok }]\n`, excluded(''));
  expect(idle.problems).toEqual([
    'model/away is excluded from calm (frozen data), so nothing is looked at; expected a target that it applies to, or a start after the exclusion',
  ]);
  const later = `${spec}  expect: [{ at: 11h, actions: [] }, { at: 13h, state: firing }]\n`;
  expect(await outcome('calm', later, excluded(', until: 2026-01-05T12:00Z'))).toEqual(holds);
});
