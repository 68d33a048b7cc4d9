/** Patterns of paths, and which files agents may propose to change. */
import { expect, test } from 'vitest';
import { agentPaths } from './agent-paths.ts';
import { globProblem, matchesGlob } from './glob.ts';

test.each([
  ['policies/**', 'policies/a.yaml', true],
  ['policies/**', 'policies/team/a.yaml', true],
  ['policies/**', 'policies', false],
  ['policies/**', 'models/a.yaml', false],
  ['policies/**', 'policies/../flyball.yaml', false],
  ['policies/**', 'policies//a.yaml', false],
  ['policies/*', 'policies/team/a.yaml', false],
  ['policies/*.yaml', 'policies/a.yaml', true],
  ['policies/*.yaml', 'policies/a.yml', false],
  ['policies/*.yaml', 'policies/aXyaml', false],
  ['policies/drift-*.yaml', 'policies/drift-late.yaml', true],
  ['**/drift.yaml', 'drift.yaml', true],
  ['**/drift.yaml', 'a/b/drift.yaml', true],
  ['**/drift.yaml', 'a/b/other.yaml', false],
  ['teams/*/policies/**', 'teams/growth/policies/a/b.yaml', true],
  ['teams/*/policies/**', 'teams/growth/models/a.yaml', false],
  ['**', 'flyball.yaml', true],
  ['a+b.yaml', 'a+b.yaml', true],
  ['a+b.yaml', 'aab.yaml', false],
] as const)('%s and %s: %s', (glob, path, expected) => {
  expect(globProblem(glob)).toBeUndefined();
  expect(matchesGlob(path, glob)).toBe(expected);
});

test.each([
  '',
  '/etc/**',
  '../x',
  'a/../b',
  './a',
  'a/**b',
  'a/{b,c}',
  'a[bc]',
  'a?',
  '!a',
  'a b',
  'a\\b',
  '*a*b*c*',
  '**/a/**/b/**',
])('%j is no pattern', glob => {
  expect(globProblem(glob)).toMatch(/^expected a pattern of paths/);
});

const settings = (rest: string) => ({
  path: 'flyball.yaml',
  text: `apiVersion: flyball.dev/v1\nkind: Settings\nmetadata: { name: flyball }\nspec: { ${rest} }\n`,
});

test('agents may change policies unless Settings say otherwise, and nothing while the Settings have mistakes', () => {
  const may = (files: { path: string; text: string }[], path: string) => agentPaths(files)?.matches(path);
  expect(may([], 'policies/a.yaml')).toBe(true);
  expect(may([], 'flyball.yaml')).toBe(false);
  expect(may([settings('')], 'policies/a.yaml')).toBe(true);
  const own = settings('proposals: { agents: { paths: [drafts/*.yaml, policies/growth/**] } }');
  expect(may([own], 'drafts/a.yaml')).toBe(true);
  expect(may([own], 'policies/growth/x/a.yaml')).toBe(true);
  expect(may([own], 'policies/a.yaml')).toBe(false);
  expect(may([settings('mode: perhaps')], 'policies/a.yaml')).toBeUndefined();
  expect(may([settings(''), { ...settings(''), path: 'b.yaml' }], 'policies/a.yaml')).toBeUndefined();
  expect(may([{ path: 'x.yaml', text: 'kind: [' }], 'policies/a.yaml')).toBeUndefined();
  expect(may([own, { path: 'x.yaml', text: 'kind: [' }], 'drafts/a.yaml')).toBe(true);
});
