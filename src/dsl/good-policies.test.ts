/** Whole policies of the language as people write them: they compile, for every target, to what they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue, commit } from '../../test/fixtures/bad/example.ts';
import { hashOf } from '../canonical.ts';
import { closureHash } from './hashes.ts';
import { compile, type File, formatDiagnostic } from './index.ts';

const FOLDER = new URL('../../test/fixtures/good/', import.meta.url);
const files: readonly File[] = readdirSync(FOLDER).map(name => ({
  path: `policies/${name}`,
  text: readFileSync(new URL(name, FOLDER), 'utf8'),
}));
const compiled = compile({ files, commit, env: 'staging', catalogue });

function closedFor(policy: string, target: string) {
  const found = compiled.closed.find(one => one.policy === policy && one.target.name === target);
  if (found === undefined) throw new Error(`${policy} is not closed for ${target}`);
  return found;
}

test('nothing is wrong with them', () => {
  expect(compiled.diagnostics.map(formatDiagnostic)).toEqual([]);
  expect(compiled.unmatched).toEqual([]);
  expect(compiled.wholly).toBe(true);
});

test('each is closed once a target, sorted by policy and chain, with hashes of its own', () => {
  const names = compiled.closed.map(one => `${one.policy} ${one.target.kind}/${one.target.name}`);
  expect(names).toEqual([
    'canary-health model/churn',
    'canary-health model/upsell',
    'country-drift model/churn',
    'country-drift model/upsell',
    'customers-nulls dataset/customers',
    'feature-drift model/churn',
    'feature-drift model/upsell',
    'warehouse-down connection/warehouse',
  ]);
  expect(new Set(compiled.closed.map(one => one.closureHash)).size).toBe(names.length);
  for (const one of compiled.closed) {
    expect(JSON.parse(JSON.stringify(one))).toEqual(one);
    expect(closureHash(one)).toBe(one.closureHash);
    expect(hashOf(one)).toMatch(/^[0-9a-f]{64}$/);
  }
});

describe('params', () => {
  test('a Model sets them within the bounds, and the place says who did', () => {
    expect(closedFor('feature-drift', 'churn').params?.psi_max).toMatchObject({
      ...{ value: 0.3, dimension: 'number' },
      position: { file: 'policies/documents.yaml' },
    });
    expect(closedFor('feature-drift', 'upsell').params?.psi_max).toMatchObject({
      ...{ value: 0.2, dimension: 'number' },
      position: { file: 'policies/feature-drift.yaml', line: 10 },
    });
  });

  test('their values stand in conditions, arguments and texts', () => {
    const [rule] = closedFor('feature-drift', 'churn').rules;
    const logic = JSON.stringify(rule?.when.logic);
    expect(logic).toContain('0.3');
    expect(logic).toContain('0.05');
    expect(rule?.when.text).toContain('params.psi_max');
    expect(rule?.then[0]?.args.lookback).toBe(90 * 86_400_000);
    expect(rule?.then[3]?.args.text).toEqual({
      $text: [
        ...['churn', ' moved (worst ', { $: 'worst.psi.feature' }, ', above ', '0.3', '); '],
        ...[{ $: 'steps.retrain.version' }, ' serves, log loss was ', { $: 'before.perf' }],
      ],
    });
  });

  test('one that changes a condition changes the acting hash', () => {
    const other = files.map(file => ({ ...file, text: file.text.replace('psi_max: 0.3', 'psi_max: 0.4') }));
    const again = compile({ files: other, commit, env: 'staging', catalogue }).closed;
    const of = (closed: typeof again, target: string) =>
      closed.find(one => one.policy === 'feature-drift' && one.target.name === target)?.actingHash;
    expect(of(again, 'churn')).not.toBe(of(compiled.closed, 'churn'));
    expect(of(again, 'upsell')).toBe(of(compiled.closed, 'upsell'));
  });
});

test('steps: if, retry, verify in rounds', () => {
  const [rule] = closedFor('feature-drift', 'churn').rules;
  expect(rule?.then[0]?.retry).toEqual({ attempts: 3, backoffMs: 300_000, backoffMaxMs: 3_600_000 });
  expect(rule?.then[1]?.if?.text).toBe('perf > 0.1');
  expect(rule?.verify?.attempts).toBe(2);
});

test('rules of a list share observations; a gate is a rule of its own; groups are by label', () => {
  const { rules, cron, everyMs } = closedFor('country-drift', 'upsell');
  expect(rules.map(one => [one.name, one.per, one.maxGroups, one.gate?.on])).toEqual([
    ['retrain', ['country'], 2, undefined],
    ['errors', undefined, undefined, undefined],
    ['no-blind-promotion', undefined, undefined, 'data'],
  ]);
  expect(rules[0]?.then[1]?.args.focus).toEqual({
    op: '==',
    column: 'country',
    value: { $: 'labels.country' },
  });
  expect(cron).toEqual({ cron: '0 2 * * Mon-Fri', zone: 'Europe/Zurich' });
  // From Friday to Monday, on the weekend on which clocks are set back.
  expect(everyMs).toBe(73 * 3_600_000);
});

test('a gate on data reaches what descends from it, and counts absence as a breach where it is expected', () => {
  const { rules } = closedFor('customers-nulls', 'customers');
  expect(rules.map(one => one.name)).toEqual(['rule', 'gate']);
  expect(rules[1]).toMatchObject({
    keepForMs: 7_200_000,
    gate: {
      ...{ on: 'data', taint: true, running: 'cancel', blocks: ['retrain', 'promote'] },
      reaches: ['dataset/customers', 'model/churn', 'model/upsell'],
    },
    when: {
      text: '(nulls > params.most) or not exists(nulls)',
      logic: { or: [{ '>': [{ var: 'nulls' }, 0.05] }, { '!': [{ exists: [{ var: 'nulls' }] }] }] },
    },
  });
  expect(rules[0]?.when.text).toBe('(nulls > 0.05) or not exists(nulls)');
});

test('clear is never known true while what is expected is absent', () => {
  const [rule] = closedFor('warehouse-down', 'warehouse').rules;
  expect(rule?.clear?.logic).toEqual({ and: [{ '>': [{ var: 'up' }, 0] }, { exists: [{ var: 'up' }] }] });
});

test('a gate on a rollout names the sides, and what it observes belongs to no tick', () => {
  const { rules, observe } = closedFor('canary-health', 'churn');
  expect(rules).toHaveLength(1);
  expect(rules[0]).toMatchObject({
    name: 'gate',
    gate: { on: 'rollout', fails: { count: 3, of: 5 }, needs: { text: 'requests.canary >= 2000' } },
  });
  expect(rules[0]?.then).toEqual([]);
  expect(observe.requests).toMatchObject({ sides: true, connection: 'prometheus' });
  expect(observe.scores).toMatchObject({
    windowIsStep: true,
    reference: { kind: 'version', version: { $: 'rollout.baseline' } },
  });
});
