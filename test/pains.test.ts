/** What users of such systems suffer, by the number of the report: each test is our rule. Others stand where they belong. */
import { describe, expect, test } from 'vitest';
import { compile, formatDiagnostic } from '../src/dsl/index.ts';
import { step } from '../src/engine/step.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';
import {
  CATALOGUE,
  condition,
  doing,
  HOUR,
  observed,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  TARGET,
  vectorOf,
} from './core/closed-policy.ts';
import { simulate } from './core/simulation.ts';

const commit = { sha: 'a'.repeat(40), author: { name: 'x', email: '' }, time: 0, subject: '' };
const connection = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
`;
const policy = (spec: string) => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: p }
spec:
  target: { connection: warehouse }
  every: 1h
  observe:
    x: { query: warehouse, sql: "SELECT 1 AS value", unit: number }
${spec}`;

function said(text: string): string {
  const files = [
    { path: 'c.yaml', text: connection },
    { path: 'p.yaml', text },
  ];
  return compile({ files, commit, env: 'dev', catalogue: { evaluators, verbs } })
    .diagnostics.map(formatDiagnostic)
    .join('\n');
}

describe('the language refuses to guess', () => {
  test('P7 a metric that nobody observes is a load error', () => {
    expect(said(policy('  when: y > 1\n  then: [ { notify: {} } ]\n'))).toMatch(/p\.yaml:9:9: .*\by\b/);
  });
  test('P11 an unknown key is an error with a suggestion', () => {
    expect(said(policy('  wen: x > 1\n  then: [ { notify: {} } ]\n'))).toMatch(/wen.*[\s\S]*when/);
  });
  test('P12 a duplicate key is an error, the last one never wins', () => {
    expect(said(policy('  when: x > 1\n  when: x > 2\n  then: [ { notify: {} } ]\n'))).toMatch(
      /p\.yaml:10:3: .*when/,
    );
  });
  test('P16 every message has file, line and column', () => {
    for (const line of said(policy('  when: x > \n  then: [ { retrian: {} } ]\n')).split('\n')) {
      expect(line).toMatch(/^p\.yaml:\d+:\d+: /);
    }
  });
  test('P40 one bad file leaves the others in force', () => {
    const files = [
      { path: 'c.yaml', text: connection },
      { path: 'p.yaml', text: policy('  when: x > 1\n  then: [ { notify: {} } ]\n') },
      { path: 'q.yaml', text: 'kind: [' },
    ];
    const compiled = compile({ files, commit, env: 'dev', catalogue: { evaluators, verbs } });
    expect(compiled.closed.map(one => one.policy)).toEqual(['p']);
    expect(compiled.wholly).toBe(false);
  });
  test('P55 a policy without a condition is an error, not a pass', () => {
    expect(said(policy('  then: [ { notify: {} } ]\n'))).toMatch(/when/);
  });
});

const psi = policyOf({ rule: doing([RETRAIN]) });

describe('the core', () => {
  test('P1, P9 an outage is not zero: a missing reading never fires, whatever the operator', () => {
    for (const op of ['<', '<=', '>', '>=', '===', '!==']) {
      const sim = simulate([
        policyOf({ rule: { ...doing([RETRAIN]), when: condition({ [op]: [{ var: 'psi' }, 2] }) } }),
      ]);
      sim.run(3, { psi: undefined });
      expect(sim.of('intent')).toEqual([]);
      expect(sim.of('transition').map(one => one.to)).toEqual(['unknown']);
    }
  });
  test('P2, P3 an empty answer is unknown under every reducer', () => {
    for (const reducer of ['any', 'all', 'none', 'count', 'share']) {
      const inner = { reduce: [reducer, { '>': [{ var: 'psi' }, 0.2] }] };
      const logic = reducer === 'count' || reducer === 'share' ? { '===': [inner, 0] } : inner;
      const sim = simulate([policyOf({ rule: { ...doing([RETRAIN]), when: condition(logic) } })]);
      sim.run(2, { psi: vectorOf('psi', {}) });
      expect(sim.of('intent')).toEqual([]);
    }
  });
  test('P26 a timer survives a restart: history is nothing but entries', () => {
    const sim = simulate([policyOf({ rule: { ...doing([RETRAIN]), forMs: 3 * HOUR } })]);
    sim.run(2, { psi: 0.5 });
    sim.own = JSON.parse(JSON.stringify(sim.own));
    sim.run(2, { psi: 0.5 });
    expect(sim.of('episode-opened')).toHaveLength(1);
  });
  test('P31 the cooldown comes from the ledger, and a renamed policy does not evade it', () => {
    const actions = { retrain: { cooldownMs: 24 * HOUR } };
    const sim = simulate([policyOf({ rule: doing([RETRAIN]), actions })]);
    sim.tick({ psi: 0.5 });
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.enforce([policyOf({ policy: 'renamed', rule: doing([RETRAIN]), actions })]);
    sim.run(3, { psi: 0.5 });
    expect(sim.of('intent')).toHaveLength(1);
    expect(sim.last?.decisions.at(-1)?.holds.map(hold => hold.reason)).toEqual(['cooldown']);
  });
  test('P28 one failing policy does not stop the rest', () => {
    const broken = policyOf({
      policy: 'broken',
      rule: { ...doing([RETRAIN]), when: condition({ nonsense: [1] }) },
    });
    const sim = simulate([psi]);
    const observations = { p: { psi: observed('psi', 0.5) }, broken: { psi: observed('psi', 0.5) } };
    const snapshot = { target: TARGET, takenAt: sim.at, due: ['broken', 'p'], observations };
    const answer = step([broken, psi], snapshot, { own: sim.own, facts: {} }, CATALOGUE);
    expect(answer.problems.map(one => one.policy)).toEqual(['broken']);
    expect(answer.entries.filter(one => one.kind === 'intent')).toHaveLength(1);
  });
  test('P47 a limit is reported in a plan, it is no error', () => {
    const sim = simulate([policyOf({ rule: doing([RETRAIN]), mode: 'observe', modeFrom: 'Policy p' })]);
    sim.tick({ psi: 0.5 });
    expect(sim.last?.problems).toEqual([]);
    expect(sim.last?.decisions[0]).toMatchObject({ outcome: 'hold', holds: [{ reason: 'mode' }] });
  });
  test('P15, P55 a promotion that lacks what it needs waits and says so, and never promotes', () => {
    const require = condition({ '>': [{ var: 'better' }, 0] });
    const steps = [RETRAIN, { ...PROMOTE, require }];
    const observe = { psi: observes('psi'), better: observes('better') };
    const sim = simulate([policyOf({ observe, rule: doing(steps) })]);
    sim.tick({ psi: 0.5 });
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.run(3, { psi: 0.5, better: undefined });
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain']);
    expect(sim.last?.decisions[0]?.holds[0]?.message).toMatch(/better/);
  });
});
