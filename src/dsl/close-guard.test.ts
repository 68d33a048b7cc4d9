/** The guard of Settings and Policy together, and which instances of another policy hold this one. */
import { expect, test } from 'vitest';
import { compiled, example } from '../../test/fixtures/bad/example.ts';
import type { ClosedPolicy } from '../model.ts';
import { formatDiagnostic } from './diagnostic.ts';
import type { File } from './documents.ts';

const SETTINGS = `apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  people: { ana: { emails: [ana@acme.example] } }
  groups: { flights-ml: [ana] }
  windows:
    office: { when: "Mon-Fri 08:00-17:00", zone: Europe/Zurich }
    lunch: { when: "12:00-13:00", zone: Europe/Zurich }
    year-end: { when: "12-15 00:00 - 01-06 00:00", zone: Europe/Zurich }
`;

function policy(name: string, target: string, guard: string): string {
  return `---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: ${name} }
spec:
  target: ${target}
  every: 6h
  observe: { rows: { rows: flights, window: 1d } }
  when: rows < 1000
  then: [ { notify: { text: few rows } } ]
  guard: ${guard}
`;
}

/** The documents of the example with other Settings and other policies. */
function files(settings: string, ...policies: readonly string[]): File[] {
  const rest = example().filter(one => one.path.endsWith('documents.yaml'));
  return [
    ...rest,
    { path: 'flyball.yaml', text: SETTINGS + settings },
    { path: 'p.yaml', text: policies.join('') },
  ];
}

function close(
  settings: string,
  ...policies: readonly string[]
): { closed: readonly ClosedPolicy[]; told: string[] } {
  const { closed, diagnostics } = compiled(files(settings, ...policies));
  return { closed, told: diagnostics.map(formatDiagnostic) };
}

const LATE = '{ model: late-flights }';
const HOUR = 3_600_000;

test('windows of Settings and Policy add up: one of each allow, none of any deny', () => {
  const { closed, told } = close(
    '  guard: { allow: [office], deny: [year-end] }\n',
    policy('p', LATE, '{ allow: [lunch, office], deny: [lunch, year-end] }'),
  );
  expect(told).toEqual([]);
  const [one] = closed;
  expect(one?.guard.allow?.map(list => list.map(window => window.name))).toEqual([
    ['office'],
    ['lunch', 'office'],
  ]);
  expect(one?.guard.deny).toEqual([
    { name: 'year-end', when: '12-15 00:00 - 01-06 00:00', zone: 'Europe/Zurich' },
    { name: 'lunch', when: '12:00-13:00', zone: 'Europe/Zurich' },
  ]);
});

test('a policy that says nothing has the guard of Settings', () => {
  const { closed } = close(
    '  guard: { deny: [year-end], blastRadius: { targets: 3, per: 1h } }\n',
    policy('p', LATE, '{}'),
  );
  expect(closed[0]?.guard).toEqual({
    deny: [expect.objectContaining({ name: 'year-end' })],
    blastRadius: [{ targets: 3, scope: 'fleet', perMs: HOUR, of: 1 }],
  });
});

test('every blast radius binds; a fleet is what some policy is about, a policy what it selects', () => {
  const { closed, told } = close(
    '  guard: { blastRadius: { targets: 3, share: 10%, per: 1h } }\n',
    policy('one', LATE, '{ blastRadius: { share: 50%, per: 2h } }'),
    policy('two', '{ dataset: flights }', '{ blastRadius: { targets: 1, scope: fleet, per: 2h } }'),
    policy('three', '{ model: { labels: { tier: prod } } }', '{}'),
  );
  expect(told).toEqual([]);
  const radius = (name: string) => closed.find(one => one.policy === name)?.guard.blastRadius;
  const settings = { targets: 3, share: 0.1, scope: 'fleet', perMs: HOUR, of: 2 };
  expect(radius('one')).toEqual([settings, { share: 0.5, scope: 'policy', perMs: 2 * HOUR, of: 1 }]);
  expect(radius('two')).toEqual([settings, { targets: 1, scope: 'fleet', perMs: 2 * HOUR, of: 2 }]);
  expect(radius('three')).toEqual([settings]);
});

test('an inhibitor is the instances whose labels are those of the target', () => {
  const down = policy('down', '{ connection: warehouse }', '{}');
  const others = policy('others', '{ dataset: flights }', '{}');
  const model = (guard: string) =>
    close('', policy('p', LATE, guard), down, others).closed.find(one => one.policy === 'p');
  const table = [
    ['{ inhibitedBy: [ { policy: down, equal: [connection] } ] }', [['down', ['connection/warehouse']]]],
    ['{ inhibitedBy: [ { policy: others, equal: [connection] } ] }', [['others', ['dataset/flights']]]],
    ['{ inhibitedBy: [ { policy: others } ] }', [['others', ['dataset/flights']]]],
    ['{ inhibitedBy: [ { policy: others, equal: [owner] } ] }', [['others', []]]],
    ['{ inhibitedBy: [ { policy: others, equal: [tier] } ] }', [['others', []]]],
    [
      '{ inhibitedBy: [ { policy: down, equal: [connection] }, { policy: others } ] }',
      [
        ['down', ['connection/warehouse']],
        ['others', ['dataset/flights']],
      ],
    ],
  ] as const;
  for (const [guard, expected] of table)
    expect(model(guard)?.guard.inhibitedBy, guard).toEqual(
      expected.map(([name, chains]) => ({ policy: name, chains, everyMs: 6 * HOUR })),
    );
});

test('an inhibitor that selects is the instances of the same label only', () => {
  const tiers = `---
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: other, labels: { tier: prod } }
spec: { owner: flights-ml, task: binary }
---
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: trial, labels: { tier: trial } }
spec: { owner: flights-ml, task: binary }
`;
  const { closed } = close(
    '',
    tiers,
    policy('watch', '{ model: { labels: {} } }', '{}'),
    policy('p', LATE, '{ inhibitedBy: [ { policy: watch, equal: [tier] } ] }'),
  );
  expect(closed.find(one => one.policy === 'p')?.guard.inhibitedBy?.[0]?.chains).toEqual([
    'model/late-flights',
    'model/other',
  ]);
});

test('the longest pause of a schedule is how often an inhibitor is evaluated', () => {
  const nightly = policy('nightly', '{ dataset: flights }', '{}').replace(
    'every: 6h',
    'every: { cron: "0 2 * * *", zone: Europe/Zurich }',
  );
  const { closed, told } = close('', nightly, policy('p', LATE, '{ inhibitedBy: [ { policy: nightly } ] }'));
  expect(told).toEqual([]);
  expect(closed.find(one => one.policy === 'p')?.guard.inhibitedBy?.[0]?.everyMs).toBe(25 * HOUR);
});

test('an inhibitor with a mistake of its own keeps the policy from being closed, and says where', () => {
  const broken = policy('down', '{ connection: warehouse }', '{ cooldown: soon }');
  const { closed, told } = close('', broken, policy('p', LATE, '{ inhibitedBy: [ { policy: down } ] }'));
  expect(closed).toEqual([]);
  expect(told).toContainEqual(
    expect.stringContaining('policy down has a mistake of its own; expected one without. See p.yaml:'),
  );
});

test('three policies in a circle hold themselves, and each says how', () => {
  const { told } = close(
    '',
    policy('a', LATE, '{ inhibitedBy: [ { policy: b } ] }'),
    policy('b', LATE, '{ inhibitedBy: [ { policy: c } ] }'),
    policy('c', LATE, '{ inhibitedBy: [ { policy: a } ] }'),
  );
  expect(told.map(line => line.replace(/^.*?: /, ''))).toEqual([
    'a would hold itself: a → b → c → a; expected inhibitors without a circle.',
    'b would hold itself: b → c → a → b; expected inhibitors without a circle.',
    'c would hold itself: c → a → b → c; expected inhibitors without a circle.',
  ]);
});
