/** What Flyball ships as policies compiles without a word and passes its own tests: policies/, the starter, the README. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Ports } from '../src/commands/index.ts';
import { starter } from '../src/commands/starter.ts';
import { testFiles } from '../src/commands/test.ts';
import { compile, formatDiagnostic } from '../src/dsl/index.ts';
import { catalogue, emptyStore } from '../src/wiring.ts';

interface File {
  readonly path: string;
  readonly text: string;
}

const root = join(import.meta.dirname, '..');
const commit = { sha: 'a'.repeat(40), author: { name: 'x', email: '' }, time: 0, subject: '' };
const shipped = filesIn('policies');
const ports = { emptyStore, world: { catalogue } as Ports['world'] };

/** With the folders in it, as a repository would give them. */
function filesIn(folder: string): readonly File[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .map(path => ({ path, text: readFileSync(join(root, folder, path), 'utf8') }));
}

function problems(files: readonly File[]): string[] {
  return compile({ files, commit, env: 'demo', catalogue }).diagnostics.map(formatDiagnostic);
}

test('policies/ compiles without a word, and all of it enforces', () => {
  expect(problems(shipped)).toEqual([]);
  const { closed } = compile({ files: shipped, commit, env: 'demo', catalogue });
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
    const files = shipped.filter(file => file.path !== 'delay-drift.yaml' && !file.path.startsWith('tests/'));
    expect(problems([...files, { path: 'README.yaml', text }])).toEqual([]);
  }
});

describe('the tests of the shipped policies', () => {
  test('all hold, and no policy is without one', async () => {
    const found = await testFiles(ports, shipped);
    expect(found.tests.filter(one => !one.ok)).toEqual([]);
    const { closed } = compile({ files: shipped, commit, env: 'demo', catalogue });
    const tested = new Set(found.tests.map(one => one.policy));
    expect(closed.map(one => one.policy).filter(name => !tested.has(name))).toEqual([]);
  });

  /** One slip each: a test that did not see it would be worth nothing. */
  const SLIPS: readonly (readonly [string, string, string])[] = [
    ['delay-drift.yaml', 'count(psi > 0.2) >= 5', 'count(psi > 0.2) >= 4'],
    ['delay-drift.yaml', 'count(psi > 0.2) >= 5', 'count(psi >= 0.2) >= 5'],
    ['delay-drift.yaml', 'for: 2d', 'for: 1d'],
    ['delay-drift.yaml', 'keepFor: 2d', 'keepFor: 1d'],
    [
      'delay-drift.yaml',
      'require: steps.evaluate.delta_upper < 0',
      'require: steps.evaluate.delta_upper < 0.1',
    ],
    ['delay-drift.yaml', 'auc > before.auc', 'auc < before.auc'],
    ['model.yaml', 'cooldown: 21d', 'cooldown: 14d'],
    ['model.yaml', 'approval: { from: [on-call], quorum: 1, expires: 24h }', ''],
    ['live-quality.yaml', 'auc.upper < 0.55', 'auc < 0.55'],
    ['live-quality.yaml', 'for: 1d', 'for: 0s'],
    ['live-quality.yaml', 'that: auc > 0.58', 'that: auc > 0.65'],
    ['feature-view.yaml', 'missing > 5%', 'missing >= 5%'],
    ['landing.yaml', 'landed < 12000', 'landed < 9000'],
    ['calibration.yaml', 'abs(bias) > 0.07', 'bias > 0.07'],
    ['calibration.yaml', 'abs(bias) < 0.05', 'abs(bias) < 0.07'],
  ];
  test.each(SLIPS)('see a slip in %s: %s → %s', async (path, from, to) => {
    const files = shipped.map(file =>
      file.path === path ? { path, text: file.text.replace(from, to) } : file,
    );
    expect(files).not.toEqual(shipped);
    const policy = path === 'model.yaml' ? 'delay-drift' : path.replace('.yaml', '');
    expect((await testFiles(ports, files, policy)).failed).toBeGreaterThan(0);
  });
});
