/** What a change takes away of protection, over all files of two commits, through the real compiler. */
import { expect, test } from 'vitest';
import { weakeningsOf } from '../../src/commands/weakenings.ts';
import { compile } from '../../src/dsl/index.ts';
import { catalogue } from '../../src/wiring.ts';
import { modelWith, POLICIES, remedyAbove, SETTINGS } from './churn.ts';

const COMMIT = { sha: 'a'.repeat(40), author: { name: 'a', email: 'a@b' }, time: 0, subject: 's' };
const TEST = `apiVersion: flyball.dev/v1
kind: PolicyTest
metadata: { name: fires }
spec:
  policy: remedy
  series: [ { observe: level, values: '1x2 20x3' } ]
  expect:
    - { at: 1s, state: ok }
    - { at: 3s, state: firing }
`;
const BASE: Readonly<Record<string, string>> = {
  ...POLICIES,
  'model.yaml': modelWith(
    'retrain: { cooldown: 2d, rate: 3 per 7d }, promote: { approval: { from: [on-call], quorum: 1, expires: 8h } }',
  ).replace('name: churn }', 'name: churn, labels: { tier: prod } }'),
};

const compiled = (files: Readonly<Record<string, string>>) =>
  compile({
    files: Object.entries(files).map(([path, text]) => ({ path, text })),
    ...{ commit: COMMIT, env: 'test', catalogue },
  });

const FLOORS = [{ name: 'prod', labels: { tier: 'prod' }, mode: 'observe' as const }];

function weakenings(changed: Readonly<Record<string, string | undefined>>, base = BASE): readonly string[] {
  const files = Object.entries({ ...base, ...changed }).filter(([, text]) => text !== undefined);
  return weakeningsOf(compiled(base), compiled(Object.fromEntries(files) as Record<string, string>), FLOORS);
}

const remedy = (edit: (text: string) => string) => ({ 'policies/remedy.yaml': edit(remedyAbove('10')) });
const model = (edit: (text: string) => string) => ({ 'model.yaml': edit(BASE['model.yaml'] ?? '') });

test('the base is sound, and says nothing of itself', () => {
  expect(compiled(BASE).diagnostics.filter(one => one.severity === 'error')).toEqual([]);
  expect(weakenings({})).toEqual([]);
});

test.each<[string, Readonly<Record<string, string | undefined>>, RegExp]>([
  ['a policy is removed', { 'policies/remedy.yaml': undefined }, /^remedy on model\/churn is removed$/],
  [
    'a policy is broken',
    remedy(text => text.replace('level > 10', 'nothing > 10')),
    /^remedy on model\/churn is broken$/,
  ],
  [
    'a mode is lowered',
    remedy(text => text.replace('mode: enforce', 'mode: observe')),
    /mode: it only looks/,
  ],
  [
    'the mode of all',
    { 'flyball.yaml': SETTINGS.replace('mode: enforce', 'mode: observe') },
    /mode: it only looks/,
  ],
  [
    'a threshold rises',
    remedy(text => text.replace('level > 10', 'level > 99')),
    /when: > 10 is > 99: it holds more seldom/,
  ],
  [
    'what verifies gets easier',
    remedy(text => text.replace('that: level <= 10', 'that: level <= 99')),
    /verify: <= 10 is <= 99: it is met more easily/,
  ],
  [
    'what a promotion requires',
    remedy(text => text.replace('loss < 0.5', 'loss < 0.9')),
    /require of promote: < 0.5 is < 0.9/,
  ],
  [
    'nothing is verified',
    remedy(text => text.replace(/ {2}verify: .*\n/, '')),
    /nothing says any more whether it helped/,
  ],
  [
    'a step is gone',
    remedy(text => text.replace(/ {4}- promote: .*\n {6}require: .*\n {6}onNotMet: .*\n/, '')),
    /step promote \(promote\) is gone/,
  ],
  [
    'it looks more seldom',
    remedy(text => text.replace('every: 1s', 'every: 1h')),
    /every: it looks more seldom/,
  ],
  [
    'a cooldown of the Model',
    model(text => text.replace('cooldown: 2d', 'cooldown: 1h')),
    /cooldown is shorter/,
  ],
  ['a rate of the Model', model(text => text.replace('3 per 7d', '30 per 7d')), /more is allowed/],
  [
    'an approval is gone',
    model(text => text.replace(', promote: { approval: { from: [on-call], quorum: 1, expires: 8h } }', '')),
    /nobody is asked any more/,
  ],
  [
    'it is excluded',
    model(text => `${text}  exclude: [ { policy: remedy, reason: noisy } ]\n`),
    /it does not apply to this target/,
  ],
  [
    'a target leaves a floor',
    model(text => text.replace(', labels: { tier: prod }', '')),
    /floor prod of daemon.yaml no longer binds model\/churn/,
  ],
])('%s', (_, changed, expected) => {
  expect(weakenings(changed).join('\n')).toMatch(new RegExp(expected.source, 'm'));
});

test.each<[string, Readonly<Record<string, string | undefined>>]>([
  [
    'a lower threshold',
    remedy(text => text.replace('level > 10', 'level > 5').replace('that: level <= 10', 'that: level <= 5')),
  ],
  ['a longer cooldown', model(text => text.replace('cooldown: 2d', 'cooldown: 3d'))],
  ['another file', { 'policies/remedy.yaml': undefined, 'policies/moved.yaml': remedyAbove('10') }],
  ['a further policy', { 'policies/more.yaml': remedyAbove('20').replace('name: remedy', 'name: more') }],
])('%s weakens nothing', (_, changed) => {
  expect(weakenings(changed)).toEqual([]);
});

test('tests: removed, or with expectations that are gone', () => {
  const base = { ...BASE, 'policies/test.yaml': TEST };
  expect(compiled(base).tests.flatMap(one => [...one.diagnostics, ...one.broken])).toEqual([]);
  expect(weakenings({ 'policies/test.yaml': undefined }, base)).toEqual(['test fires is removed']);
  expect(weakenings({ 'policies/test.yaml': TEST.replace('series', 'serie') }, base)).toEqual([
    'test fires can run no more',
  ]);
  const less = TEST.replace(/ {4}- \{ at: 3s.*\n/, '');
  expect(weakenings({ 'policies/test.yaml': less }, base)).toEqual([
    'test fires: 1 of its expectations is gone or changed',
  ]);
});
