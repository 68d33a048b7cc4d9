/** What takes an approval back and what does not: which edits change the acting hash. */
import { describe, expect, test } from 'vitest';
import { catalogue, compiled, edited, example } from '../../test/fixtures/bad/example.ts';
import type { ClosedPolicy } from '../model.ts';
import type { File } from './documents.ts';
import { actingHash, closureHash } from './hashes.ts';

const ADDED = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: down }
spec:
  target: { connection: warehouse }
  every: 5m
  observe: { rows: { rows: flights, window: 1d } }
  when: rows < 1000
  then: [ { notify: { text: down } } ]
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: canary-health }
spec:
  target: { model: late-flights }
  every: 1m
  observe: { perf: { performance: log_loss, window: 1d } }
  gate: { on: rollout, closed: perf > 1, fails: 3 of 5 }
`;

const SETTINGS = `
  guard: { deny: [year-end], blastRadius: { targets: 3, per: 1h } }
  channels: { oncall: { connection: outbox, to: ml } }
  notify: { routes: [ { match: {}, to: [oncall] } ] }
  rollouts:
    standard: { steps: [ { shift: 5%, hold: 30m, gate: canary-health }, { shift: 100%, hold: 1h, gate: canary-health } ] }
    other: { gates: none, steps: [ { shift: 100%, hold: 1h } ] }
`;

/** The example with a rollout, an inhibitor, windows and params, and then with one edit. */
function withEdit(from = '', to = ''): ClosedPolicy {
  const files: File[] = [
    ...edited(
      ['promote: { approval', 'promote: { rollout: standard, approval'],
      [
        'guard: { cooldown: 2d,',
        'guard: { allow: [business-hours], inhibitedBy: [ { policy: down } ], cooldown: 2d,',
      ],
      ['every: 6h', 'params: { least: { default: 0.2 } }\n  every: 6h'],
      ['psi > 0.2', 'psi > params.least'],
    ),
    { path: 'policies/added.yaml', text: ADDED },
  ].map(file =>
    file.path.endsWith('flyball.yaml') ? { ...file, text: file.text.trimEnd() + SETTINGS } : file,
  );
  if (from !== '' && !files.some(file => file.text.includes(from))) throw new Error(`nothing says ${from}`);
  const changed = files.map(file => ({
    ...file,
    text: from === '' ? file.text : file.text.replace(from, to),
  }));
  const { closed, diagnostics } = compiled(changed);
  expect(diagnostics.filter(one => one.severity === 'error')).toEqual([]);
  const found = closed.find(one => one.policy === 'origin-drift');
  if (found === undefined) throw new Error('origin-drift was not closed');
  return found;
}

describe('an edit changes the acting hash', () => {
  test.each([
    ['a window that it names', 'Mon-Fri 08:00-17:00', 'Mon-Fri 08:00-18:00'],
    ['the zone of a window', '08:00-17:00", zone: Europe/Zurich', '08:00-17:00", zone: UTC'],
    ['a window that Settings deny', '12-15 00:00', '12-01 00:00'],
    ['the blast radius', 'targets: 3, per: 1h', 'targets: 4, per: 1h'],
    ['the inhibitor', 'inhibitedBy: [ { policy: down } ]', 'inhibitedBy: [ { policy: canary-health } ]'],
    ['how often the inhibitor is evaluated', 'every: 5m', 'every: 10m'],
    ['a step of the rollout', 'shift: 5%, hold: 30m', 'shift: 5%, hold: 40m'],
    ['what the rollout does on failure', 'standard: { steps', 'standard: { onFailure: hold, steps'],
    ['the gate of the rollout', 'closed: perf > 1', 'closed: perf > 2'],
    ['how often the gate may fail', 'fails: 3 of 5', 'fails: 2 of 5'],
    ['which rollout', 'rollout: standard', 'rollout: other'],
    ['a param that is used', 'default: 0.2', 'default: 0.3'],
    ['a limit of the Model', 'retrain: { cooldown: 24h', 'retrain: { cooldown: 12h'],
    ['the path of a connection', 'path: state\n  commands', 'path: other\n  commands'],
    [
      'what may be done',
      'path: state\n  commands',
      'may: { pipeline.run: ["*"], serving.shift: ["*"], registry.point: ["*"] }\n  path: state\n  commands',
    ],
    ['a retry', 'timeout: 6h', 'timeout: 6h\n      retry: 3'],
  ])('%s', (_, from, to) => {
    expect(withEdit(from, to).actingHash).not.toBe(withEdit().actingHash);
  });
});

describe('an edit does not change the acting hash, and the closure hash tells it', () => {
  test.each([
    ['the description', 'description: Several', 'description: Many'],
    ['a channel', 'to: ml }', 'to: ops }'],
    ['a route', 'match: {}, to: [oncall]', 'match: {}, to: [digest]'],
    ['people', 'ana@acme.example', 'ana@example'],
    ['labels', 'labels: { severity: ticket }', 'labels: { severity: page }'],
    ['labels of the Model', '{ tier: prod }', '{ tier: gold }'],
    ['how often it is looked at', 'every: 6h', 'every: { cron: "0 2 * * *", zone: UTC }'],
    ['a season', 'task: binary\n  registry', 'season: 7d\n  task: binary\n  registry'],
    ['a param that is not used', 'params: { least', 'params: { unused: { default: 7 }, least'],
    [
      'what a gate says about itself',
      'name: canary-health }\nspec:',
      'name: canary-health }\nspec:\n  description: new',
    ],
  ])('%s', (what, from, to) => {
    const [before, after] = [withEdit(), withEdit(from, to)];
    expect(after.actingHash).toBe(before.actingHash);
    // The gate's own words are in no other closure.
    if (!what.startsWith('what a gate')) expect(after.closureHash).not.toBe(before.closureHash);
  });

  test('a new target of the fleet', () => {
    const more = ADDED.replace('name: down', 'name: more')
      .replace('connection: warehouse', 'dataset: airports')
      .split('---')[0];
    const files = [...example(), { path: 'p.yaml', text: ADDED }];
    const radius = files.map(file => ({
      ...file,
      text: file.text.replace(
        'cooldown: 2d',
        'blastRadius: { share: 10%, scope: fleet, per: 1h }, cooldown: 2d',
      ),
    }));
    const acting = (all: readonly File[]) => compiled(all).closed.find(one => one.policy === 'origin-drift');
    const [before, after] = [acting(radius), acting([...radius, { path: 'm.yaml', text: more ?? '' }])];
    expect(before?.guard.blastRadius?.[0]?.of).toBe(2);
    expect(after?.guard.blastRadius?.[0]?.of).toBe(3);
    expect(after?.actingHash).toBe(before?.actingHash);
  });
});

test('a field that nobody knows changes the acting hash, wherever it stands', () => {
  const policy = withEdit();
  const { closureHash: _closure, actingHash: _acting, commit: _commit, ...closed } = policy;
  const before = actingHash(closed, catalogue);
  expect(before).toBe(policy.actingHash);
  const [rule] = closed.rules;
  const [step] = rule?.then ?? [];
  const { model, connections, datasets, rollouts, gates } = closed.documents;
  const later = { later: true };
  const changed: readonly object[] = [
    { ...closed, ...later },
    { ...closed, guard: { ...closed.guard, ...later } },
    { ...closed, rules: [{ ...rule, ...later }] },
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    { ...closed, rules: [{ ...rule, then: [{ ...step, ...later }] }] },
    { ...closed, observe: { ...closed.observe, psi: { ...closed.observe.psi, ...later } } },
    { ...closed, documents: { ...closed.documents, ...later } },
    { ...closed, documents: { ...closed.documents, model: { ...model, ...later } } },
    {
      ...closed,
      documents: {
        ...closed.documents,
        connections: { ...connections, here: { ...connections.here, ...later } },
      },
    },
    {
      ...closed,
      documents: {
        ...closed.documents,
        datasets: { ...datasets, flights: { ...datasets.flights, ...later } },
      },
    },
    {
      ...closed,
      documents: {
        ...closed.documents,
        rollouts: { ...rollouts, standard: { ...rollouts?.standard, ...later } },
      },
    },
    {
      ...closed,
      documents: {
        ...closed.documents,
        gates: { ...gates, 'canary-health': { ...gates?.['canary-health'], ...later } },
      },
    },
  ];
  for (const [i, one] of changed.entries()) {
    expect(actingHash(one as typeof closed, catalogue), String(i)).not.toBe(before);
    expect(closureHash(one as ClosedPolicy), String(i)).not.toBe(policy.closureHash);
  }
});
