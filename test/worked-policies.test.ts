/**
 * The worked policies of examples/policies: valid without a word, tested by the code of `flyball test`, and each of their
 * tests worth having: a slip in a policy makes at least one of them fail.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Ports } from '../src/commands/index.ts';
import { testFiles } from '../src/commands/test.ts';
import { compile, formatDiagnostic, formatFile } from '../src/dsl/index.ts';
import { lint } from '../src/dsl/lint.ts';
import { catalogue, emptyStore } from '../src/wiring.ts';

interface File {
  readonly path: string;
  readonly text: string;
}

const folder = join(import.meta.dirname, '..', 'examples', 'policies');
const commit = { sha: 'a'.repeat(40), author: { name: 'x', email: '' }, time: 0, subject: '' };
const ports = { emptyStore, world: { catalogue } as Ports['world'] };
const files: readonly File[] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.yaml'))
  .sort()
  .map(path => ({ path, text: readFileSync(join(folder, path), 'utf8') }));

const POLICIES = [
  'canary-health',
  'feature-drift',
  'label-feed',
  'live-performance',
  'monday-report',
  'slice-drift',
  'slo-burn',
  'training-gate',
  'warehouse-down',
  'weekly-refresh',
];

function compiled(env: string) {
  return compile({ files, commit, env, catalogue });
}

describe('the worked policies', () => {
  test.each(['prod', 'staging', 'dev'])('are valid without a word in %s', env => {
    expect(compiled(env).diagnostics.map(formatDiagnostic)).toEqual([]);
  });

  test('have no finding of lint, and are in the form of fmt', () => {
    const found = lint({ files, commit, env: 'prod', catalogue, at: Date.UTC(2026, 5, 15) });
    expect(found.diagnostics.map(formatDiagnostic)).toEqual([]);
    for (const file of files) expect(formatFile(file)).toMatchObject({ text: file.text });
  });

  test('are ten, and the README names each', () => {
    const { closed } = compiled('prod');
    expect([...new Set(closed.map(one => one.policy))].sort()).toEqual(POLICIES);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const name of POLICIES) expect(readme).toContain(`](${name}.yaml)`);
  });

  test('act in staging, where nobody is hurt, and only look in production', () => {
    for (const one of compiled('prod').closed)
      expect([one.policy, one.mode]).toEqual([one.policy, 'observe']);
    const { closed } = compiled('staging');
    expect(closed.filter(one => one.mode !== 'enforce')).toEqual([]);
  });

  test('govern every model with the label, with its own params', () => {
    const { closed } = compiled('prod');
    const drift = closed.filter(one => one.policy === 'feature-drift');
    expect(drift.map(one => [one.target.name, one.params?.psi_max?.value])).toEqual([
      ['churn', 0.2],
      ['fraud', 0.3],
    ]);
  });
});

describe('their tests', () => {
  test.each(POLICIES)('of %s hold', async policy => {
    const { tests } = await testFiles(ports, files, `tests/${policy}.yaml`);
    expect(tests.filter(one => !one.ok)).toEqual([]);
    expect(tests.length).toBeGreaterThan(1);
  });
});

/** Path, what is there, what stands there instead, and where its tests are, when not in a file of its name. */
type Slip = readonly [path: string, from: string, to: string, tests?: string];

const SLIPS: Readonly<Record<string, readonly Slip[]>> = {
  'feature-drift': [
    [
      'feature-drift.yaml',
      'share(psi > params.psi_max) >= 50%',
      'share(psi > params.psi_max) >= 60%',
      'feature-drift-retrains',
    ],
    [
      'feature-drift.yaml',
      'share(psi > params.psi_max) >= 50%',
      'share(psi > params.psi_max) >= 20%',
      'feature-drift-one-of',
    ],
    [
      'feature-drift.yaml',
      'share(psi > params.psi_max) >= 50%',
      'share(psi >= params.psi_max) >= 50%',
      'feature-drift-one-of',
    ],
    [
      'feature-drift.yaml',
      'share(psi > params.psi_max) >= 50%',
      'any(psi > params.psi_max)',
      'feature-drift-one-of',
    ],
    ['feature-drift.yaml', '  for: 18h\n', '', 'feature-drift-clears'],
    ['feature-drift.yaml', 'psi_max) < 25%', 'psi_max) <= 25%', 'feature-drift-clears'],
    ['feature-drift.yaml', '  keepFor: 12h\n', '', 'feature-drift-clears'],
    [
      'feature-drift.yaml',
      'require: steps.evaluate.delta_upper < 0',
      'require: steps.evaluate.delta < 0',
      'feature-drift-not-better',
    ],
    ['feature-drift.yaml', 'onNotMet: escalate', 'onNotMet: stop', 'feature-drift-not-better'],
    ['feature-drift.yaml', 'perf < before.perf', 'perf <= before.perf', 'feature-drift-did-not'],
    ['feature-drift.yaml', 'within: 14d', 'within: 9d', 'feature-drift-did-not'],
    ['feature-drift.yaml', 'attempts: 1', 'attempts: 2', 'feature-drift-did-not'],
    ['feature-drift.yaml', `country in \${members.country}`, "country == 'CH'", 'feature-drift-retrains'],
    ['feature-drift.yaml', 'rest: 10%', 'rest: 100%', 'feature-drift-retrains'],
    [
      'feature-drift.yaml',
      '    inhibitedBy: [{ policy: warehouse-down, equal: [connection] }]\n',
      '',
      'feature-drift-held',
    ],
    ['feature-drift.yaml', 'cooldown: 3d', 'cooldown: 1d', 'feature-drift-cools'],
    [
      'models.yaml',
      'feature-drift: { psi_max: 0.3 }',
      'feature-drift: { psi_max: 0.2 }',
      'feature-drift-retrains',
    ],
    ['models.yaml', 'approval: { from: [owner], quorum: 1, expires: 8h }, ', '', 'feature-drift-no-and'],
    ['models.yaml', 'approval: { from: [owner], quorum: 2, expires: 8h }, ', '', 'feature-drift-crash'],
    ['models.yaml', 'quorum: 2, expires: 8h', 'quorum: 1, expires: 8h', 'feature-drift-retrains'],
    ['models.yaml', 'quorum: 1, expires: 8h', 'quorum: 1, expires: 24h', 'feature-drift-no-and'],
  ],
  'slice-drift': [
    ['slice-drift.yaml', 'when: psi > 0.25', 'when: psi >= 0.25'],
    ['slice-drift.yaml', 'when: psi > 0.25', 'when: psi > 0.35'],
    ['slice-drift.yaml', '  for: 3h\n', ''],
    ['slice-drift.yaml', 'clear: psi < 0.15', 'clear: psi < 0.05'],
    ['slice-drift.yaml', '  keepFor: 3h\n', ''],
    ['slice-drift.yaml', '  maxGroups: 2\n', ''],
    ['slice-drift.yaml', `country == \${labels.country}`, "country == 'CH'"],
    ['slice-drift.yaml', '      retry: { attempts: 2, backoff: 10m }\n', ''],
    ['slice-drift.yaml', 'error < before.error', 'error > before.error'],
    ['slice-drift.yaml', 'rate: 2 per 1d', 'rate: 3 per 1d'],
  ],
  'live-performance': [
    ['live-performance.yaml', 'auc.upper < 0.6', 'auc < 0.6'],
    ['live-performance.yaml', 'auc.upper < 0.6', 'auc.upper <= 0.6'],
    ['live-performance.yaml', 'auc.upper < 0.6', 'auc.upper < 0.55'],
    ['live-performance.yaml', '  for: 24h\n', ''],
    ['live-performance.yaml', 'auc.lower > 0.65', 'auc.lower >= 0.65'],
    ['live-performance.yaml', 'keepFor: 10d', 'keepFor: 1d'],
    ['live-performance.yaml', '{ that: auc > 0.65', '{ that: auc > 0.75'],
    ['models.yaml', 'rollback: { timeout: 10m }', 'rollback: { timeout: 10m, safe: [pause] }'],
  ],
  'slo-burn': [
    ['slo-burn.yaml', 'burn_5m > params.burn_max and burn_1h', 'burn_5m > params.burn_max or burn_1h'],
    ['slo-burn.yaml', 'burn_5m > params.burn_max and burn_1h > params.burn_max', 'burn_5m > params.burn_max'],
    ['slo-burn.yaml', 'default: 1.44%', 'default: 2.5%'],
    ['slo-burn.yaml', '      for: 6m #', '      for: 1m #'],
    ['slo-burn.yaml', 'clear: burn_5m < 0.1%', 'clear: burn_5m < 1%'],
    ['slo-burn.yaml', 'keepFor: 15m', 'keepFor: 5m'],
    ['slo-burn.yaml', 'needs: requests_5m >= 100', 'needs: requests_5m >= 1'],
    ['slo-burn.yaml', 'needs: requests_5m >= 100', 'needs: requests_5m > 100'],
    ['slo-burn.yaml', 'needs: requests_1h >= 1000', 'needs: requests_1h >= 1'],
    ['slo-burn.yaml', '      expect: present\n', ''],
    ['slo-burn.yaml', '      for: 3m\n', ''],
    ['slo-burn.yaml', '{ that: burn_5m < params.burn_max', '{ that: burn_5m > params.burn_max'],
  ],
  'training-gate': [
    ['training-gate.yaml', 'closed: missing > 5%', 'closed: missing < 5%'],
    ['training-gate.yaml', 'closed: missing > 5%', 'closed: missing >= 5%'],
    ['training-gate.yaml', 'reopen: 2h', 'reopen: 0s'],
    ['training-gate.yaml', 'when: missing > 5%\n      for: 3h', 'when: missing > 5%'],
    ['training-gate.yaml', '      clear: missing < 2%\n', ''],
    ['training-gate.yaml', '        reach: dependants', '        reach: target', 'weekly-refresh'],
    ['training-gate.yaml', 'blocks: [retrain, promote]', 'blocks: [promote]', 'weekly-refresh'],
    ['training-gate.yaml', '        running: cancel\n', '', 'weekly-refresh'],
    ['datasets.yaml', '  upstream: [{ dataset: customers }]\n', '', 'weekly-refresh'],
  ],
  'warehouse-down': [
    ['warehouse-down.yaml', 'lag > 2h', 'lag >= 2h'],
    ['warehouse-down.yaml', 'lag > 2h', 'lag > 4h'],
    ['warehouse-down.yaml', 'expect: present, ', ''],
    ['warehouse-down.yaml', '  for: 30m\n', ''],
    ['warehouse-down.yaml', 'clear: lag < 30m', 'clear: lag < 1h'],
    ['warehouse-down.yaml', '  keepFor: 90m\n', ''],
    ['warehouse-down.yaml', 'lag > 2h', 'lag > 4h', 'feature-drift-held'],
    ['warehouse-down.yaml', '{ connection: warehouse }', '{ connection: platform }', 'feature-drift-held'],
  ],
  'weekly-refresh': [
    ['weekly-refresh.yaml', 'moved > 0.1', 'moved > 0.3'],
    ['weekly-refresh.yaml', '  for: 17h\n', ''],
    ['weekly-refresh.yaml', 'clear: moved < 0.05', 'clear: moved < 0.1'],
    ['weekly-refresh.yaml', '  keepFor: 6h\n', ''],
    ['weekly-refresh.yaml', / {4}allow: .*\n/.exec(textOf('weekly-refresh.yaml'))?.[0] ?? '', ''],
    ['weekly-refresh.yaml', / {4}deny: .*\n/.exec(textOf('weekly-refresh.yaml'))?.[0] ?? '', ''],
    ['weekly-refresh.yaml', '    rate: 1 per 3d\n', ''],
    ['weekly-refresh.yaml', '    blastRadius: { targets: 1, scope: fleet, per: 24h }\n', ''],
    ['weekly-refresh.yaml', 'scope: fleet', 'scope: policy'],
    ['weekly-refresh.yaml', 'targets: 1', 'targets: 2'],
    ['flyball.yaml', 'Mon-Fri 08:00-17:00', 'Mon-Sun 08:00-17:00'],
    [
      'flyball.yaml',
      '"Mon-Fri 08:00-17:00", zone: Europe/Zurich',
      '"Mon-Fri 08:00-17:00", zone: America/New_York',
    ],
    ['flyball.yaml', '01-06 00:00', '01-03 00:00'],
    ['models.yaml', 'quorum: 1, expires: 8h', 'quorum: 1, expires: 48h'],
  ],
  'canary-health': [
    ['canary-health.yaml', 'errors.baseline + 0.5%', 'errors.baseline + 0.4%', 'canary-health-lets'],
    ['canary-health.yaml', 'errors.baseline + 0.5%', 'errors.baseline + 5%', 'canary-health-three'],
    ['canary-health.yaml', ' or scores > 0.25', '', 'canary-health-drifting'],
    ['canary-health.yaml', 'scores > 0.25', 'scores >= 0.25', 'canary-health-lets'],
    ['canary-health.yaml', 'fails: 3 of 5 #', 'fails: 1 of 5 #', 'canary-health-three'],
    ['canary-health.yaml', 'fails: 3 of 5 #', 'fails: 5 of 5 #', 'canary-health-three'],
    [
      'canary-health.yaml',
      'needs: requests.canary >= 500\n        closed: errors.canary > errors',
      'needs: requests.canary >= 400\n        closed: errors.canary > errors',
      'canary-health-no-traffic',
    ],
    ['canary-health.yaml', 'closed: errors.canary > 1%', 'closed: errors.canary > 2%', 'canary-health-alone'],
    ['flyball.yaml', 'gate: canary-health/alone', 'gate: canary-health/compared', 'canary-health-alone'],
    [
      'flyball.yaml',
      'onUnknown: { hold: 2h, then: rollback }',
      'onUnknown: { hold: 6h, then: rollback }',
      'canary-health-no-traffic',
    ],
    ['flyball.yaml', 'onFailure: rollback', 'onFailure: hold', 'canary-health-drifting'],
    [
      'models.yaml',
      'promote: { rollout: standard }',
      'promote: { rollout: direct }',
      'canary-health-drifting',
    ],
  ],
  'monday-report': [
    ['monday-report.yaml', 'week < 50k', 'week <= 50k'],
    ['monday-report.yaml', 'week < 50k', 'week < 45k'],
    ['monday-report.yaml', '0 9 * * 1', '0 9 * * *'],
    ['monday-report.yaml', 'zone: Europe/Zurich', 'zone: UTC'],
    ['monday-report.yaml', 'severity: info', 'severity: page'],
  ],
  'label-feed': [
    ['label-feed.yaml', 'delay > 1d', 'delay >= 1d'],
    ['label-feed.yaml', '  for: 2h\n', ''],
    ['label-feed.yaml', '  clear: delay < 12h\n', ''],
    ['label-feed.yaml', 'alertAfter: 6h', 'alertAfter: 5h'],
    ['label-feed.yaml', 'alertAfter: 6h', 'alertAfter: 12h'],
    ['label-feed.yaml', /\n {6}onMissing:.*/.exec(textOf('label-feed.yaml'))?.[0] ?? '', ''],
  ],
};

function textOf(path: string): string {
  return files.find(file => file.path === path)?.text ?? '';
}

describe.each(Object.entries(SLIPS))('the tests of %s', (policy, slips) => {
  const rows = slips.map(([path, from, to, tests = `tests/${policy}.yaml`]) => ({ path, from, to, tests }));
  test.each(rows)('see a slip in $path: $from → $to', async ({ path, from, to, tests }) => {
    expect(from).not.toBe('');
    expect(textOf(path)).toContain(from);
    const slipped = files.map(file =>
      file.path === path ? { path, text: file.text.replaceAll(from, () => to) } : file,
    );
    const found = await testFiles(ports, slipped, tests);
    expect(found.failed, JSON.stringify(found.tests.map(one => one.course))).toBeGreaterThan(0);
    // A slip that no longer compiles would be seen by anyone: it must be the outcome that differs.
    expect(found.tests.some(one => one.failures.length > 0 || one.problems.some(isEvent))).toBe(true);
  });
});

/** Such as a yes that nothing waits for any more. */
function isEvent(problem: string): boolean {
  return problem.startsWith('at ');
}
