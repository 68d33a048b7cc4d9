/** A rollout and its gates in the closures of those that promote by it: by value, for the model, with their data. */
import { expect, test } from 'vitest';
import { compiled, edited, messages } from '../../test/fixtures/bad/example.ts';
import type { ClosedPolicy } from '../model.ts';
import type { File } from './index.ts';

const PROMETHEUS = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: prometheus }
spec: { connector: prometheus, url: "http://localhost:9090" }
`;

/** The gate of the language page, as it is written there. */
const HEALTH = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: canary-health }
spec:
  target: { model: { labels: { tier: prod } } }
  every: 1m
  observe:
    requests: { query: prometheus, unit: count, sides: true, promql: 'sum(increase(http_requests_total{service="\${target.serving.name}",revision="\${side.revision}"}[\${step.elapsed}]))' }
    errors:   { query: prometheus, unit: ratio, sides: true, empty: 0, promql: 'sum(rate(http_requests_total{service="\${target.serving.name}",revision="\${side.revision}",code=~"5.."}[5m]))' }
    scores:   { drift: psi, prediction: score, window: step, version: "\${rollout.canary}", reference: { version: "\${rollout.baseline}", window: step }, minSamples: 2000 }
    loss:     { performance: log_loss, window: step, sides: true }
    beside:   { rows: predictions, window: 1h }
  gate: { on: rollout, needs: requests.canary >= 2000, closed: errors.canary > errors.baseline + 0.5% or scores > 0.1 or loss.canary.lower > loss.baseline.upper, fails: 3 of 5 }
`;

const ROLLOUTS = `  rollouts:
    standard:
      steps: [ { shift: 5%, hold: 30m, gate: canary-health }, { shift: 25%, hold: 2h, gate: canary-health }, { shift: 100%, hold: 24h, gate: canary-health } ]
      onFailure: rollback
      onUnknown: { hold: 2h, then: rollback }
      max: 3d
`;

function files(health = HEALTH): File[] {
  const sound = edited(['promote: { approval:', 'promote: { rollout: standard, approval:']);
  return [
    ...sound.map(file =>
      file.path.endsWith('flyball.yaml') ? { ...file, text: file.text + ROLLOUTS } : file,
    ),
    { path: 'policies/prometheus.yaml', text: PROMETHEUS },
    { path: 'policies/canary-health.yaml', text: health },
  ];
}

function promoting(from: File[]): ClosedPolicy {
  const policies = compiled(from).closed;
  const found = policies.find(one => one.rules.some(rule => rule.then.some(step => step.verb === 'promote')));
  if (found === undefined) throw new Error(messages(from).join('\n'));
  return found;
}

test('the rollout and its gate are in the closure by value, with what the gate reads', () => {
  expect(messages(files())).toEqual([]);
  const { documents } = promoting(files());
  expect(documents.rollouts?.standard).toMatchObject({
    name: 'standard',
    steps: [
      { weight: 0.05, holdMs: 1_800_000, gate: 'canary-health' },
      { weight: 0.25, holdMs: 7_200_000 },
      { weight: 1, holdMs: 86_400_000 },
    ],
    maxMs: 259_200_000,
  });
  const gate = documents.gates?.['canary-health'];
  expect(gate).toMatchObject({
    name: 'canary-health',
    everyMs: 60_000,
    fails: { count: 3, of: 5 },
    needs: { logic: { '>=': [{ var: 'requests.canary' }, 2000] } },
  });
  expect(Object.keys(gate?.observe ?? {})).toEqual(['requests', 'errors', 'scores', 'loss']);
  expect(documents.connections).toHaveProperty('prometheus');
});

test('an evaluator that tells versions apart is asked for that of its side; what says its version keeps it', () => {
  const observe = promoting(files()).documents.gates?.['canary-health']?.observe;
  expect(observe?.loss?.args).toEqual({ main: 'log_loss', version: { $: 'side.revision' } });
  expect(observe?.scores).toMatchObject({
    args: { version: { $: 'rollout.canary' } },
    windowIsStep: true,
    reference: { kind: 'version', version: { $: 'rollout.baseline' } },
  });
  expect(observe?.requests?.args).not.toHaveProperty('version');
});

test('an edit of the gate is an edit of what promotes by it', () => {
  const looser = files(HEALTH.replace('3 of 5', '4 of 5'));
  expect(promoting(looser).actingHash).not.toBe(promoting(files()).actingHash);
});

test('without a promotion, or without a rollout of the model, there is neither', () => {
  const policies = compiled(files()).closed;
  expect(policies.find(one => one.policy === 'canary-health')?.documents).not.toHaveProperty('rollouts');
  const direct = files().map(file => ({
    ...file,
    text: file.text.replace('rollout: standard', 'rollout: direct'),
  }));
  expect(promoting(direct).documents).not.toHaveProperty('gates');
});
