/** PolicyTests as documents: what a sound one becomes, what is refused, and that policies never depend on them. */
import { describe, expect, test } from 'vitest';
import { compiled, example } from '../../test/fixtures/bad/example.ts';
import { formatDiagnostic } from './diagnostic.ts';
import { nextRevision } from './index.ts';
import { policyTestDocument } from './policy-test.ts';
import { keysOf } from './shape.ts';

const SERIES = `
    - { observe: psi, labels: { origin: ORD }, values: 0.1x6 0.3x20 }
    - { observe: nulls, values: 0.1%x26 }
    - { observe: rows, values: 5000x26 }
    - { observe: perf, values: 0.5x26, every: 1d }`;

function written(spec: string, name = 'moves'): { path: string; text: string } {
  const text = `apiVersion: flyball.dev/v1\nkind: PolicyTest\nmetadata: { name: ${name} }\nspec:\n${spec}`;
  return { path: `policies/tests/${name}.yaml`, text };
}

const sound = `  policy: origin-drift\n  series:${SERIES}\n  expect: [{ at: 24h, state: ok }]\n`;

function checked(spec: string, files = example()) {
  const [found] = compiled([...files, written(spec)]).tests;
  if (!found) throw new Error('no test was found');
  return { ...found, said: [...found.diagnostics, ...found.broken].map(formatDiagnostic) };
}

describe('a sound test', () => {
  test('has its policy closed for its target, and series in the units of the observations', () => {
    const { test: closed, said } = checked(sound);
    expect(said).toEqual([]);
    expect(closed?.policy).toMatchObject({ policy: 'origin-drift', target: { name: 'late-flights' } });
    expect(closed?.spec).toMatchObject({
      mode: 'enforce',
      start: Date.UTC(2026, 0, 5),
      serving: { champion: 'v1' },
    });
    expect(closed?.series.map(one => [one.observe, one.field, one.everyMs / 3_600_000])).toEqual([
      ['psi', 'value', 6],
      ['nulls', 'value', 6],
      ['rows', 'value', 6],
      ['perf', 'value', 24],
    ]);
    expect(closed?.positions['spec.expect.0']).toMatchObject({ file: 'policies/tests/moves.yaml', line: 11 });
  });

  test('is not a policy: nothing of it is in the revision', () => {
    const before = compiled(example());
    const after = compiled([...example(), written(sound)]);
    expect(after.closed).toEqual(before.closed);
    expect(after.diagnostics).toEqual([]);
  });

  test.each([
    ['24h', { from: 86_400_000, to: 86_400_000 }],
    ['0h..12h', { from: 0, to: 43_200_000 }],
    ['1d .. 1d', { from: 86_400_000, to: 86_400_000 }],
  ])('%s is a time, or a range', (at, range) => {
    const { test: closed } = checked(sound.replace('at: 24h', `at: ${at}`));
    expect(closed?.spec.expect[0]?.at).toEqual(range);
  });

  test.each(['24', '12h..0h', '1h..2h..3h', '..2h', '-1h', 'noon'])('%s is none', at => {
    expect(checked(sound.replace('at: 24h', `at: ${at}`)).said.join('\n')).toContain(
      'expected a time after the beginning such as 24h, or a range of them such as 0h..12h',
    );
  });
});

// P13, kyverno #9379: a wrong rule name in a test counted as a pass.
describe('P13: what a test names and is not there fails it', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'policy',
      sound.replace('policy: origin-drift', 'policy: origin-drifd'),
      'there is no policy origin-drifd',
    ],
    [
      'rule',
      sound.replace('state: ok', 'rule: retrain, state: ok'),
      'policy origin-drift has no rule retrain',
    ],
    ['observation', sound.replace('observe: rows', 'observe: row'), 'policy origin-drift observes no row'],
    ['target', sound.replace('  series:', '  target: model/bare\n  series:'), 'is not about model/bare'],
    ['step', `${sound}  effects: [{ step: train }]\n`, 'policy origin-drift has no step train'],
    ['person', `${sound}  events: [{ at: 1h, approve: { by: cleo } }]\n`, 'there is no person cleo'],
    ['reason', sound.replace('state: ok', 'reason: frozen'), 'reason is "frozen"'],
    ['label', sound.replace('{ origin: ORD }', '{ airport: ORD }'), 'psi is given for airport=ORD'],
  ];
  test.each(cases)('an unknown %s', (_, spec, message) => {
    const found = checked(spec);
    expect(found.test).toBeUndefined();
    expect(found.said.join('\n')).toContain(message);
  });
});

describe('a broken test', () => {
  const broken = [written(sound.replace('state: ok', 'state: fireing'))];

  test('is a mistake of the files, and keeps no policy out of force', () => {
    const found = compiled([...example(), ...broken]);
    expect(found.diagnostics.map(formatDiagnostic)).toHaveLength(1);
    expect(found.wholly).toBe(true);
    const commit = { sha: 'c', author: { name: 'Ana', email: '' }, time: 0, subject: '' };
    const next = nextRevision(undefined, found, commit, 0);
    expect(next.revision?.policies.map(one => one.policy)).toEqual(['origin-drift']);
    expect(next.rejected).toBeUndefined();
  });

  test('also when it has no name, or shares it', () => {
    const nameless = {
      path: 'policies/t.yaml',
      text: 'apiVersion: flyball.dev/v1\nkind: PolicyTest\nspec: {}\n',
    };
    const found = compiled([
      ...example(),
      nameless,
      written(sound),
      { ...written(sound), path: 'policies/u.yaml' },
    ]);
    expect(found.wholly).toBe(true);
    expect(found.diagnostics.map(one => one.position.file)).toEqual(
      expect.arrayContaining(['policies/t.yaml', 'policies/tests/moves.yaml', 'policies/u.yaml']),
    );
    expect(found.tests.every(one => one.test === undefined)).toBe(true);
  });

  test('a test of a policy with mistakes fails with those', () => {
    const files = example().map(file => ({ ...file, text: file.text.replace('for: 24h', 'for: a day') }));
    const { test: closed, diagnostics, broken: of, said } = checked(sound, files);
    expect(closed).toBeUndefined();
    expect(diagnostics).toEqual([]);
    expect(of).toHaveLength(1);
    expect(said[0]).toContain('policies/policy.yaml:');
    expect(said[0]).toContain('spec.for is "a day"');
  });
});

test('every key of a PolicyTest is described for editors', () => {
  const keys = keysOf(policyTestDocument)(['spec', 'expect', 0]);
  expect(keys).toEqual(expect.arrayContaining(['at', 'state', 'decision', 'reasons', 'actions', 'gate']));
});
