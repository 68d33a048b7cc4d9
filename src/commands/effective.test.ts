/** P52: the effective policy shows for each value the file and the line that says it. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../test/core/closed-policy.ts';
import { compile } from '../dsl/index.ts';
import { effectiveOf } from './effective.ts';

const GOOD = new URL('../../test/fixtures/good/', import.meta.url);
const FILES = readdirSync(GOOD).map(name => ({
  path: `policies/${name}`,
  text: readFileSync(new URL(name, GOOD), 'utf8'),
}));
const COMMIT = { sha: '0'.repeat(40), author: { name: 'ana', email: '' }, time: 0, subject: 'test' };

function inForce(policy: string, target: string, env = 'staging') {
  const { closed } = compile({ files: FILES, commit: COMMIT, env, catalogue: CATALOGUE });
  const found = closed.find(one => one.policy === policy && one.target.name === target);
  if (!found) throw new Error(`${policy} on ${target} is not closed`);
  return effectiveOf(found, FILES);
}

/** The line of a file, for comparing a place with what stands there. */
function lineAt(at: string): string {
  const [file = '', line] = at.split(':');
  const text = FILES.find(one => one.path === file)?.text ?? '';
  return text.split('\n')[Number(line) - 1] ?? '';
}

test('P52: every value is at a line that says it, or is a default', () => {
  for (const policy of ['feature-drift', 'country-drift', 'canary-health'])
    for (const { path, value, at } of inForce(policy, 'churn')) {
      if (at === 'default') continue;
      const key = path.split('.').at(-1) ?? '';
      const line = lineAt(at);
      expect(line.includes(key) || line.includes(value), `${path} = ${value} at ${at}: ${line}`).toBe(true);
    }
});

test.each([
  ['params.psi_max', '0.3', 'params: { feature-drift: { psi_max: 0.3 } }', 'the Model overrides it'],
  ['params.share_max', '5%', 'share_max: { default: 5%', 'the policy alone says it'],
  ['actions.retrain.cooldown', '24h', 'retrain: { cooldown: 24h', 'the Model limits the verb'],
  ['guard.cooldown', '24h', 'cooldown: 24h', 'the policy tightens it'],
  ['windows.year-end.when', '12-15 00:00 - 01-06 00:00', 'year-end:', 'Settings has the window'],
  ['fleet guard.deny', '["year-end"]', 'guard: { deny: [year-end]', 'Settings guards the fleet'],
  ['observe.psi.minSamples', '5000', 'minSamples: 5000', 'an argument of an observation'],
  [
    'then.promote.require',
    `\${steps.evaluate.log_loss} < steps.evaluate.champion_log_loss`,
    'require:',
    'a step',
  ],
  [
    'observe.perf.dataset',
    'churn-predictions (predictions of the Model)',
    'predictions: { dataset:',
    'a role',
  ],
])('%s is %s: %s', (path, value, line) => {
  const row = inForce('feature-drift', 'churn').find(one => one.path === path);
  expect(row?.value).toBe(value);
  expect(lineAt(row?.at ?? '')).toContain(line);
});

test('what nobody says is a default', () => {
  expect(inForce('feature-drift', 'churn').filter(one => one.at === 'default')).toEqual([
    { path: 'staleAfter', value: '1d', at: 'default' },
    { path: 'guard.blastRadius.scope', value: 'policy', at: 'default' },
    { path: 'actions.promote.approval.reask', value: '1d', at: 'default' },
    { path: 'actions.promote.approval.onExpiry', value: 'deny', at: 'default' },
  ]);
  expect(inForce('feature-drift', 'upsell').find(one => one.path === 'params.psi_max')?.value).toBe('0.2');
});

test('the mode is where the document stands that lowers it', () => {
  const [mode] = inForce('feature-drift', 'churn', 'prod');
  expect(mode?.value).toMatch(/^observe \(Settings says observe/);
  expect(lineAt(mode?.at ?? '')).toContain('mode: { staging: enforce, prod: observe }');
  expect(inForce('warehouse-down', 'warehouse')[0]).toEqual({
    path: 'mode',
    value: 'observe (Policy says no mode, and observe is the default)',
    at: 'default',
  });
});

test('rules have their names in the path, gates what they reach', () => {
  const paths = inForce('country-drift', 'churn').map(one => one.path);
  expect(paths).toEqual(
    expect.arrayContaining(['rules.retrain.when', 'rules.retrain.then.notify.notify.text']),
  );
  expect(inForce('customers-nulls', 'customers')).toContainEqual(
    expect.objectContaining({ path: 'gate.reach', value: 'dependants' }),
  );
});
