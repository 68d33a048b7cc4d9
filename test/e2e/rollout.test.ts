/** Rollouts on a real serving folder, registry and metrics: a good version goes all the way, a bad one back, and no crash matters. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONNECTIONS, DATASETS, furnish, modelWith, SETTINGS, setLevels, writeParquet } from './churn.ts';
import { type Daemon, type Home, makeHome } from './home.ts';
import { actionsOf, entriesOf, messagesOf } from './ledger.ts';
import { until } from './until.ts';

const settings = (unknownFor: string) => `${SETTINGS}  rollouts:
    standard:
      steps: [ { shift: 5%, hold: 2s, gate: health }, { shift: 100%, hold: 1s, gate: health } ]
      onUnknown: { hold: ${unknownFor}, then: rollback }
      max: 6h
`;

const HEALTH = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: health }
spec:
  target: { model: churn }
  every: 1s
  observe:
    requests: { query: warehouse, unit: count, sides: true, sql: "SELECT requests AS value FROM files('traffic.parquet') WHERE version = \${side.revision}" }
    errors: { query: warehouse, unit: ratio, sides: true, sql: "SELECT errors AS value FROM files('traffic.parquet') WHERE version = \${side.revision}" }
  gate: { on: rollout, needs: requests.canary >= 100, closed: errors.canary > errors.baseline + 0.5%, fails: 3 of 5 }
`;

const PROMOTE = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: upgrade }
spec:
  mode: enforce
  target: { model: churn }
  every: 1s
  observe:
    level: { query: warehouse, window: 1s, sql: "SELECT max(value) AS value FROM files('levels.parquet')" }
  when: level > 10
  keepFor: 1h
  then:
    - promote: { version: v2 }
  verify: { that: level <= 10, within: 1h }
`;

interface Canary {
  readonly requests: number;
  readonly errors: number;
}

/** A model in service, a version that is to be promoted, and what its traffic is like. */
async function begun(canary: Canary, unknownFor = '1h'): Promise<{ home: Home; daemon: Daemon }> {
  const home = await makeHome({
    'flyball.yaml': settings(unknownFor),
    'connections.yaml': CONNECTIONS,
    'datasets.yaml': DATASETS,
    'model.yaml': modelWith('promote: { rollout: standard }'),
    'policies/health.yaml': HEALTH,
    'policies/upgrade.yaml': PROMOTE,
  });
  await furnish(home);
  home.write('world/registry/churn/v2/card.json', '{"version":"v2"}');
  await traffic(home, canary);
  await setLevels(home, { north: 50 });
  return { home, daemon: await home.daemon() };
}

function traffic(home: Home, { requests, errors }: Canary): Promise<void> {
  const rows = `('v1', 9000, 0.01::DOUBLE), ('v2', ${requests}, ${errors}::DOUBLE)`;
  return writeParquet(
    home,
    'traffic.parquet',
    `SELECT * FROM (VALUES ${rows}) AS t(version, requests, errors)`,
  );
}

const GOOD: Canary = { requests: 500, errors: 0.01 };
const BAD: Canary = { requests: 500, errors: 0.09 };
const SILENT: Canary = { requests: 0, errors: 0.01 };

const worldOf = (home: Home, file: string) => JSON.parse(readFileSync(join(home.dir, 'world', file), 'utf8'));
const weights = (home: Home) => worldOf(home, 'serving/churn/weights.json').weights;
const champion = (home: Home) => worldOf(home, 'registry/churn/champion.json').version;
const states = (home: Home) => entriesOf(home.state, 'rollout').map(({ body }) => body.state);
const shifts = (home: Home) =>
  entriesOf(home.state, 'intent')
    .map(({ body }) => body.action.call)
    .filter(call => call.capability === 'serving.shift')
    .map(call => call.args.weights);
const seen = (home: Home, daemon: Daemon) => () => [
  entriesOf(home.state).map(({ body }) => body),
  actionsOf(home.state),
  daemon.log(),
];

/** Every effect on the world, by key: each was carried out once, and for an action of ours. */
function expectOneEffectAKey(home: Home): void {
  const applied = ['serving/churn', 'registry/churn'].flatMap(folder => {
    const effects = join(home.dir, 'world', folder, 'effects');
    const names = existsSync(effects) ? readdirSync(effects) : [];
    return names.filter(name => name.endsWith('.json')).map(name => name.replace('.json', ''));
  });
  const actions = actionsOf(home.state).filter(one => one.verb === 'promote' || one.verb === 'rollback');
  expect(applied.toSorted()).toEqual(actions.map(one => one.key).toSorted());
  for (const { id, attempt, state } of actions) {
    expect([attempt, state]).toEqual([1, 'succeeded']);
    expect(entriesOf(home.state, 'intent').filter(({ body }) => body.action.id === id)).toHaveLength(1);
    expect(entriesOf(home.state, 'outcome').filter(({ body }) => body.action === id)).toHaveLength(1);
  }
}

test('a good version goes from 5% to all traffic, and is the champion then', async () => {
  const { home, daemon } = await begun(GOOD);
  try {
    await until('5% are shifted', () => weights(home).v2 === 0.05 || undefined, seen(home, daemon));
    expect(champion(home)).toBe('v1');
    await until('it is the champion', () => champion(home) === 'v2' || undefined, seen(home, daemon));
    expect(weights(home)).toEqual({ v2: 1 });
    await until('that is said', () => states(home).includes('done') || undefined, seen(home, daemon));
    expect(states(home)).toEqual(['holding', 'passed', 'advanced', 'holding', 'passed', 'advanced', 'done']);
    expect(shifts(home)).toEqual([{ v2: 0.05, v1: 0.95 }, { v2: 1 }]);
    await setLevels(home, { north: 5 });
    await until('it is verified', () => entriesOf(home.state, 'episode-ended')[0], seen(home, daemon));
    expect(entriesOf(home.state, 'episode-ended').map(({ body }) => body.how)).toEqual(['verified']);
    expectOneEffectAKey(home);
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(await home.json('ledger', 'verify')).toMatchObject({ ok: true });
    expect((await home.json<{ differences: string[] }>('ledger', 'rebuild')).differences).toEqual([]);
  } finally {
    await home.end();
  }
});

test('a bad version goes back after three failed checks, and people are told why', async () => {
  const { home, daemon } = await begun(BAD);
  try {
    await until('it is over', () => entriesOf(home.state, 'stalled')[0], seen(home, daemon));
    expect(states(home)).toEqual(['holding', 'failed-check', 'failed-check', 'failed-check', 'aborted']);
    expect(weights(home)).toEqual({ v1: 1 });
    expect(champion(home)).toBe('v1');
    expect(entriesOf(home.state, 'stalled').map(({ body }) => body.reason)).toEqual(['rollout-failed']);
    await until('people are told', () => messagesOf(home.state)[0], seen(home, daemon));
    expect(messagesOf(home.state)[0]?.text).toContain('errors.canary > errors.baseline + 0.005');
    expect(messagesOf(home.state)[0]?.text).toContain('3 of the last 5 checks failed');
    expectOneEffectAKey(home);
    expect((await home.flyball('status')).stdout).toMatch(/NEEDS YOU .*rollout of v2 failed/);
  } finally {
    await home.end();
  }
});

test('without traffic it is held, never failed, and goes back in the end (P8)', async () => {
  const { home, daemon } = await begun(SILENT, '4s');
  try {
    await until('it is over', () => entriesOf(home.state, 'stalled')[0], seen(home, daemon));
    expect(states(home)).toEqual(['holding', 'unknown', 'aborted']);
    expect(weights(home)).toEqual({ v1: 1 });
    const [, unknown, aborted] = entriesOf(home.state, 'rollout');
    expect(unknown?.body.message).toBe('health unknown: no canary traffic');
    expect((aborted?.at ?? 0) - (unknown?.at ?? 0)).toBeGreaterThanOrEqual(4000);
    expectOneEffectAKey(home);
  } finally {
    await home.end();
  }
});

test('a person sees where it stands, moves it on, and takes it back', async () => {
  const { home, daemon } = await begun(SILENT);
  try {
    await until('it is unknown', () => states(home).includes('unknown') || undefined, seen(home, daemon));
    const { stdout } = await home.flyball('status');
    expect(stdout).toMatch(
      /NEEDS YOU .*canary 5% \(read back 5%\) step 1\/2, gate unknown \d+s of 1h: no canary traffic → rolls back \d\d:\d\d; flyball rollout advance\|abort churn/,
    );
    expect((await home.flyball('explain', 'upgrade')).stdout).toContain('checks: unknown');
    const advanced = await home.flyball('rollout', 'advance', 'churn', '--reason', 'we looked');
    expect([advanced.code, advanced.stderr]).toEqual([0, '']);
    await until('all traffic is shifted', () => weights(home).v2 === 1 || undefined, seen(home, daemon));
    await until(
      'the next hold is unknown too',
      () => states(home).filter(one => one === 'unknown').length === 2 || undefined,
      seen(home, daemon),
    );
    expect(champion(home)).toBe('v1');
    expect((await home.flyball('rollout', 'abort', 'model/churn')).code).toBe(0);
    await until('it is over', () => entriesOf(home.state, 'stalled')[0], seen(home, daemon));
    expect(weights(home)).toEqual({ v1: 1 });
    const none = await home.flyball('rollout', 'abort', 'churn');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('churn is in no rollout')]);
    expectOneEffectAKey(home);
  } finally {
    await home.end();
  }
});

/** In the order in which they are reached; a daemon that is a step further when it is killed is killed there. */
const points: readonly (readonly [string, (home: Home) => boolean])[] = [
  ['the shift is intended', home => shifts(home).length > 0],
  ['the traffic has moved', home => weights(home).v2 === 0.05],
  ['its outcome is recorded', home => entriesOf(home.state, 'outcome').length > 0],
  ['a check has passed', home => states(home).includes('passed')],
  ['the next shift is intended', home => shifts(home).length > 1],
];

describe('kill -9 when', () => {
  test.each(points)('%s: one effect a key, and the rollout ends well', async (name, reached) => {
    const { home, daemon } = await begun(GOOD);
    try {
      await until(name, () => reached(home) || undefined, seen(home, daemon));
      await daemon.end('SIGKILL');
      const again = await home.daemon();
      await until('it is the champion', () => states(home).includes('done') || undefined, seen(home, again));
      expect(shifts(home)).toEqual([{ v2: 0.05, v1: 0.95 }, { v2: 1 }]);
      expect([champion(home), weights(home)]).toEqual(['v2', { v2: 1 }]);
      expect(await again.end('SIGTERM')).toBe(0);
      expectOneEffectAKey(home);
      expect(await home.json('ledger', 'verify')).toMatchObject({ ok: true });
      expect((await home.json<{ differences: string[] }>('ledger', 'rebuild')).differences).toEqual([]);
    } finally {
      await home.end();
    }
  });
});
