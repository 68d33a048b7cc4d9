/** `flyball test` over files: what it says of a failure, what it refuses, and that a test can fail. */
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../test/core/closed-policy.ts';
import { openStore } from '../../test/core/outside.ts';
import { perform, Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { test as command, testFiles } from './test.ts';
import { text } from './test-report.ts';

const PLAIN = { bold: same, dim: same, good: same, bad: same, warn: same };
function same(written: string): string {
  return written;
}

function portsFor(files: readonly PolicyText[] = []): Ports {
  const ports = {
    world: { catalogue: CATALOGUE },
    emptyStore: () => openStore(':memory:'),
    worktree: async () => files,
    settings: { env: 'dev' },
    grants: [{ role: 'viewer' }],
    principal: { name: 'ana', door: 'cli', authenticated: false },
  };
  return ports as unknown as Ports;
}

const BASE = `
apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  people: { ana: { emails: [ana@acme.example] } }
  groups: { ml: [ana] }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: here }
spec:
  connector: local
  access: act
  path: state
  commands: { train: { argv: [node, train.ts] } }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
---
apiVersion: flyball.dev/v1
kind: Model
metadata: { name: churn }
spec:
  owner: ml
  task: binary
  registry: { connection: here, name: churn }
  serving: { connection: here, name: churn }
  pipelines:
    train: { connection: here, id: train, params: { since: "\${data.since}" }, output: { version: version } }
  actions:
    retrain: { cooldown: 12h, approval: { from: [ml], quorum: 1, expires: 8h } }
`;

const POLICY = `
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: drift }
spec:
  target: { model: churn }
  every: 1h
  observe:
    psi: { query: warehouse, unit: number, sql: SELECT 1 AS value }
  when: psi > 0.2
  for: 2h
  then:
    - retrain: { lookback: 7d }
`;

/** One test `moves` of the policy `drift`. */
function moves(spec: string): string {
  return `
apiVersion: flyball.dev/v1
kind: PolicyTest
metadata: { name: moves }
spec:
  policy: drift
${spec}`;
}

const SOUND = moves(`
  series: [{ observe: psi, values: 0.1x1 0.3x8 }]
  effects: [{ step: retrain, after: 2h }]
  events: [{ at: 5h, approve: { by: ana } }]
  expect:
    - { at: 0h..1h, state: ok, actions: [] }
    - { at: 2h..3h, state: pending }
    - { at: 4h, state: firing, decision: ask, verb: retrain, explain: psi 0.3 }
    - { at: 5h, actions: [{ verb: retrain, state: started }] }
    - { at: 7h, decision: none, actions: [{ verb: retrain, state: succeeded }] }
`);

function filesOf(tests: string, policy = POLICY): readonly PolicyText[] {
  return [
    { path: 'base.yaml', text: BASE },
    { path: 'drift.yaml', text: policy },
    { path: 'tests.yaml', text: tests },
  ];
}

const run = (tests: string, policy = POLICY, filter?: string) =>
  testFiles(portsFor(), filesOf(tests, policy), filter);

async function said(tests: string, policy = POLICY): Promise<string> {
  return text(await run(tests, policy), PLAIN);
}

test('a test that holds is a line with its course', async () => {
  expect(await said(SOUND)).toBe(
    [
      '✓ moves drift on model/churn',
      '    0h ok → 2h pending → 4h firing (ask retrain: approval) → 5h firing (act retrain) → 7h firing',
      '1 passed',
    ].join('\n'),
  );
});

test('a failure is a diff along the time line', async () => {
  const wrong = SOUND.replace('state: pending }', 'state: pending, decision: ask }').replace(
    'at: 7h, decision: none, actions: [{ verb: retrain, state: succeeded }]',
    'at: 7h..8h, state: ok, episode: cleared, actions: [{ verb: retrain, state: failed }, { verb: escalate }]',
  );
  await expect(`${await said(wrong)}\n`).toMatchFileSnapshot('../../test/fixtures/test-failure.txt');
});

describe('a test can fail', () => {
  const mutations: readonly (readonly [string, string, string])[] = [
    ['the threshold', 'psi > 0.2', 'psi > 0.35'],
    ['the sign', 'psi > 0.2', 'psi < 0.2'],
    ['for', 'for: 2h', 'for: 3h'],
    ['the verb', 'retrain: { lookback: 7d }', 'notify: { text: look }'],
  ];
  test.each(mutations)('when %s of the policy is another', async (_, from, to) => {
    expect(POLICY).toContain(from);
    const found = await run(SOUND.replace('step: retrain', 'verb: escalate'), POLICY.replace(from, to));
    expect(found).toMatchObject({ passed: 0, failed: 1 });
    expect(found.tests[0]?.failures).not.toEqual([]);
    expect(found.tests[0]?.problems.filter(one => !one.includes(' nothing waits '))).toEqual([]);
  });

  test('when a person answers and nothing waits', async () => {
    const found = await run(SOUND.replace('at: 5h, approve', 'at: 3h, approve'));
    expect(found.tests[0]?.problems).toEqual(['at 3h nothing waits for an answer of ana']);
  });

  // P13: a name that is not there must never count as a pass.
  test('P13: when it names a rule that is not there', async () => {
    const found = await run(SOUND.replace('at: 4h,', 'at: 4h, rule: drifts,'));
    expect(found.failed).toBe(1);
    expect(found.tests[0]?.problems).toEqual([
      'tests.yaml:14:23: policy drift has no rule drifts; expected rule.',
    ]);
  });

  test('when its policy has mistakes of its own', async () => {
    const found = await run(SOUND, POLICY.replace('psi > 0.2', 'psy > 0.2'));
    expect(found.tests[0]?.problems.join()).toContain('drift.yaml:10:9: ');
  });

  test('when a file cannot be read: nobody knows which tests it holds', async () => {
    const files = [...filesOf(SOUND), { path: 'torn.yaml', text: 'kind: [PolicyTest' }];
    const found = await testFiles(portsFor(), files);
    expect(found).toMatchObject({ passed: 1, failed: 1 });
    expect(found.tests.find(one => !one.ok)?.problems[0]).toMatch(/^torn\.yaml:1:\d+: a \[ is not closed/);
  });
});

test('the mode of a test is its own: enforce, whatever the files say, or observe', async () => {
  const observing = moves(`
  mode: observe
  series: [{ observe: psi, values: 0.3x8 }]
  expect: [{ at: 4h, state: firing, decision: hold, reason: mode, actions: [] }]
`);
  const quiet = POLICY.replace('spec:', 'spec:\n  mode: observe');
  expect(await run(observing, quiet)).toMatchObject({ passed: 1 });
  expect(await run(SOUND, quiet)).toMatchObject({ passed: 1 });
});

test('the author of a policy may not approve what it asks', async () => {
  const own = SOUND.replace('policy: drift', 'policy: drift\n  author: ana');
  const found = await run(own);
  expect(found.tests[0]?.failures[0]).toMatchObject({
    at: '5h',
    misses: [{ what: 'actions', expected: 'retrain started', found: 'none' }],
  });
});

test('events of every kind reach the live core', async () => {
  const eventful = moves(`
  series: [{ observe: psi, values: 0.3x40 }]
  effects:
    - { step: retrain, after: 3h, outcome: failed, message: out of disk }
    - { step: retrain, after: 3h }
  events:
    - { at: 2h, deny: { by: ana } }
    - { at: 150m, retry: {} }
  expect: [{ at: 2h, state: firing }]
`);
  const found = await run(eventful);
  expect(found.tests[0]?.problems).toEqual([
    'at 2h nothing waits for an answer of ana',
    'at 2h30m nothing is stalled',
  ]);
  const failing = moves(`
  series: [{ observe: psi, values: 0.3x60 }]
  effects:
    - { step: retrain, after: 1h, outcome: failed, message: out of disk }
    - { step: retrain, after: 1h }
  events:
    - { at: 3h, approve: { by: ana } }
    - { at: 5h, retry: {} }
    - { at: 17h, approve: { by: ana } }
    - { at: 19h, pause: { scope: retrain, reason: full } }
    - { at: 20h, resume: { scope: retrain } }
    - { at: 21h, resolve: {} }
  expect:
    - { at: 4h, episode: stalled, explain: out of disk, actions: [{ verb: retrain, state: failed }, { verb: escalate }] }
    - { at: 5h, decision: hold, reason: cooldown }
    - { at: 16h, decision: ask }
    - at: 18h
      actions: [{ verb: retrain, state: failed }, { verb: escalate }, { verb: retrain, state: succeeded }]
    - { at: 21h, episode: resolved }
`);
  expect((await run(failing)).tests[0]).toMatchObject({ ok: true });
});

test('a gap is not looked at, and a cancelled run ends', async () => {
  const gap = moves(`
  series: [{ observe: psi, values: 0.3x60 }]
  effects: [{ verb: retrain, after: 10h }]
  events:
    - { at: 3h, approve: { by: ana } }
    - { at: 4h, crash: {} }
    - { at: 5h, cancel: { verb: retrain } }
    - { at: 6h, gap: 5h }
  expect:
    - { at: 4h, actions: [{ verb: retrain, state: started }] }
    - { at: 6h..12h, episode: stalled, actions: [{ verb: retrain, state: cancelled }] }
`);
  const [tested] = (await run(gap)).tests;
  expect(tested).toMatchObject({ ok: true, failures: [] });
});

test('two runs say the same', async () => {
  const once = await run(SOUND);
  expect(await run(SOUND)).toEqual(once);
});

describe('the command', () => {
  const input = (more: object) => ({ watch: false, ...more });

  test('gives exit code 1 when a test failed', async () => {
    const good = await perform(command, portsFor(filesOf(SOUND)), input({}));
    expect(command.exit(good as never)).toBe(0);
    const wrong = filesOf(SOUND.replace('decision: ask', 'decision: act'));
    expect(command.exit((await perform(command, portsFor(wrong), input({}))) as never)).toBe(1);
  });

  test('runs those whose name, policy or file is asked for', async () => {
    const two = `${SOUND}\n---${SOUND.replace('name: moves', 'name: rests')}`;
    expect((await run(two)).passed).toBe(2);
    expect((await run(two, POLICY, 'rest')).tests.map(one => one.name)).toEqual(['rests']);
    await expect(run(two, POLICY, 'nowhere')).rejects.toThrow(
      new Refusal('no test has nowhere in its name, policy or file; expected one of moves, rests.'),
    );
  });

  test('finding no test is an error that says what to do', async () => {
    await expect(perform(command, portsFor([{ path: 'base.yaml', text: BASE }]), input({}))).rejects.toThrow(
      'there is no PolicyTest in these files; expected at least one. Write a document with kind: PolicyTest beside the policies, or name their folder.',
    );
  });

  test('watches, and shows every run', async () => {
    const shown: string[] = [];
    const ports: Ports = {
      ...portsFor(),
      watch: async (_, each) => {
        shown.push(await each(filesOf(SOUND), PLAIN));
        shown.push(await each(filesOf(SOUND.replace('state: ok', 'state: firing')), PLAIN));
        throw new Error('ended');
      },
    };
    await expect(perform(command, ports, input({ watch: true }))).rejects.toThrow('ended');
    expect(shown.map(one => one.split('\n').at(-1))).toEqual(['1 passed', '1 failed']);
  });
});
