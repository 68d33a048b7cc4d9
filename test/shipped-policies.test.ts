/** What Flyball ships as policies compiles without a word: policies/, the starter of `init`, the examples of the README. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { starter } from '../src/commands/starter.ts';
import { compile, formatDiagnostic } from '../src/dsl/index.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';

const root = join(import.meta.dirname, '..');
const commit = { sha: 'a'.repeat(40), author: { name: 'x', email: '' }, time: 0, subject: '' };
const shipped = readdirSync(join(root, 'policies'))
  .filter(name => name.endsWith('.yaml'))
  .map(path => ({ path, text: readFileSync(join(root, 'policies', path), 'utf8') }));

function problems(files: readonly { path: string; text: string }[]): string[] {
  return compile({ files, commit, env: 'demo', catalogue: { evaluators, verbs } }).diagnostics.map(
    formatDiagnostic,
  );
}

test('policies/ compiles without a word, and all of it enforces', () => {
  expect(problems(shipped)).toEqual([]);
  const { closed } = compile({ files: shipped, commit, env: 'demo', catalogue: { evaluators, verbs } });
  expect(closed.map(one => `${one.policy} ${one.mode}`)).toEqual([
    'calibration enforce',
    'delay-drift enforce',
    'feature-view enforce',
    'landing enforce',
    'live-quality enforce',
  ]);
});

test('the starter of init compiles without a word', () => {
  expect(problems(starter)).toEqual([]);
});

test('the policy in the README compiles in place of the shipped one', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1] ?? '');
  expect(examples).toHaveLength(1);
  for (const text of examples) {
    const files = shipped.filter(file => file.path !== 'delay-drift.yaml');
    expect(problems([...files, { path: 'README.yaml', text }])).toEqual([]);
  }
});
