/** Admission through `step` and `fold`: what holds an action when it is asked for and again when it is to start. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy } from '../../src/model.ts';
import { DAY, doing, HOUR, NOTIFY, policyOf, RETRAIN, ruleOf, stepOf } from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const HEALTHY = { psi: 0.1 };
const retrains = (more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy =>
  policyOf({ rule: doing([RETRAIN]), ...more });

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

function carryOut(sim: Simulation, verb = 'retrain', outputs = { version: 'v2' }): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

/** One whole episode: fires, retrains, clears. */
function episode(sim: Simulation): void {
  sim.at += HOUR;
  sim.tick(DRIFTED);
  carryOut(sim);
  sim.at += HOUR;
  sim.tick(HEALTHY);
}

describe('at ask', () => {
  test('observe mode says what it would do, and does nothing', () => {
    const sim = simulate([retrains({ mode: 'observe' })]);
    sim.run(5, DRIFTED);
    expect(holds(sim)).toBe('hold mode');
    expect(sim.of('intent')).toEqual([]);
  });

  test.each(['all', 'target:model/late', 'verb:retrain'])(
    'a pause of %s holds until it is resumed',
    scope => {
      const sim = simulate([retrains()]);
      sim.pause(scope);
      sim.run(3, DRIFTED);
      expect(holds(sim)).toBe('hold paused');
      expect(sim.of('decision').at(-1)?.facts).toHaveProperty(`pause:${scope}`);
      sim.resume(scope);
      sim.tick(DRIFTED);
      expect(sim.of('intent')).toHaveLength(1);
    },
  );

  test.each(['target:model/other', 'verb:promote'])('a pause of %s holds nothing here', scope => {
    const sim = simulate([retrains()]);
    sim.pause(scope);
    sim.run(1, DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('messages are never held', () => {
    const sim = simulate([policyOf({ mode: 'observe', rule: doing([NOTIFY]) })]);
    sim.pause('all');
    sim.run(1, DRIFTED);
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['notify']);
  });

  test('every guard is shown, the first in order first', () => {
    const sim = simulate([retrains({ mode: 'observe' })]);
    sim.pause('all');
    sim.facts = { ...sim.facts, 'lock:local/train': { version: 1, value: { action: 'other' } } };
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe('hold mode paused subject-locked');
  });

  test('two rules in one step see each other: one acts, the other, which wants something else, is held by the lock', () => {
    const other = stepOf('retrain', { lookback: 30 * DAY });
    const rules = [ruleOf(doing([RETRAIN], { name: 'a' })), ruleOf(doing([other], { name: 'b' }))];
    const sim = simulate([policyOf({ rules })]);
    sim.run(1, DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    expect(holds(sim)).toBe('hold subject-locked');
    carryOut(sim);
    sim.run(1, DRIFTED);
    expect(sim.of('intent')).toHaveLength(2);
  });

  test('rate counts over all policies and episodes, and lets go when the period is over', () => {
    const sim = simulate([
      retrains({ actions: { retrain: { rate: { count: 2, perMs: DAY } } } }),
      retrains({ policy: 'renamed', actions: { retrain: { rate: { count: 2, perMs: DAY } } }, rules: [] }),
    ]);
    const first = sim.at + HOUR;
    episode(sim);
    episode(sim);
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe('hold rate');
    expect(sim.of('decision').at(-1)?.decision.holds[0]?.until).toBe(first + DAY);
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(first + DAY);
    sim.at = first + DAY;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(3);
  });

  test('cooldown counts from the end of the last action; the longer of Model and policy', () => {
    const sim = simulate([
      retrains({ actions: { retrain: { cooldownMs: 5 * HOUR } }, guard: { cooldownMs: 10 * HOUR } }),
    ]);
    sim.at += HOUR;
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.run(4, DRIFTED);
    sim.end(record, 'succeeded', { version: 'v2' });
    const ended = sim.at;
    sim.run(1, HEALTHY);
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe('hold cooldown');
    expect(sim.of('decision').at(-1)?.decision.holds[0]?.until).toBe(ended + 10 * HOUR);
    sim.at = ended + 10 * HOUR - 1;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    sim.at += 1;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(2);
  });

  const approval = { from: ['owner'], quorum: 1, expiresMs: HOUR, reaskMs: HOUR };
  const limits = { cooldownMs: DAY, rate: { count: 1, perMs: DAY }, approval };
  function rollsBack(safe: readonly ('ask' | 'pause')[] = []): Simulation {
    const actions = { rollback: { ...limits, safe } };
    const sim = simulate([policyOf({ rule: doing([stepOf('rollback')]), actions })]);
    sim.tick(HEALTHY);
    sim.serving = { champion: 'v2', weights: { v2: 1 } };
    return sim;
  }

  test.each([
    ['all', [], 'act'],
    ['target:model/late', [], 'act'],
    ['verb:rollback', [], 'hold paused'],
    ['all', ['pause'], 'hold paused'],
    ['none', ['ask'], 'ask approval'],
  ] as const)('a safe verb under a pause of %s, with safe: %j: %s', (scope, safe, found) => {
    const sim = rollsBack(safe);
    sim.pause(scope);
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe(found);
  });

  test('safe verbs skip rate, cooldown and approval', () => {
    const sim = rollsBack();
    sim.run(1, DRIFTED);
    carryOut(sim, 'rollback');
    sim.run(1, DRIFTED);
    expect(sim.of('intent').map(one => one.action.call.capability)).toEqual([
      'serving.shift',
      'registry.point',
    ]);
  });

  test('more label sets than 500 that are not ok hold the actions of every group', () => {
    const many = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`o${i}`, 0.5]));
    const sim = simulate([policyOf({ rule: doing([NOTIFY]) })]);
    sim.run(1, { psi: many });
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['escalate']);
    expect(holds(sim)).toBe('hold max-series');
    sim.run(1, { psi: { ...many, o0: 0.1 } });
    expect(sim.of('intent').filter(one => one.action.verb === 'notify')).toHaveLength(500);
  });

  test('serving that is not known holds what needs it', () => {
    const sim = simulate([policyOf({ rule: doing([stepOf('rollback', { version: 'v1' })]) })]);
    sim.serving = { weights: {}, unknown: { reason: 'unreachable', message: 'no folder' } };
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe('hold unknown');
  });
});

describe('at start', () => {
  function intended(policy = retrains()): Simulation {
    const sim = simulate([policy]);
    sim.run(1, DRIFTED);
    return sim;
  }
  const reasons = (sim: Simulation) => sim.of('withdrawn').map(one => one.reason);

  test('a pause withdraws; consumption is given back; the next attempt has a new key', () => {
    const sim = intended(retrains({ actions: { retrain: { rate: { count: 1, perMs: DAY } } } }));
    const { action } = sim.live('retrain');
    sim.pause('all');
    sim.start(sim.live('retrain'));
    expect(reasons(sim)).toEqual(['paused']);
    expect(sim.own.spent.retrain?.at).toEqual([]);
    sim.resume('all');
    sim.run(1, DRIFTED);
    const again = sim.live('retrain').action;
    expect([again.id, again.attempt]).toEqual([action.id, 2]);
    expect(again.key).not.toBe(action.key);
  });

  test('its own consumption does not hold it', () => {
    const sim = intended(retrains({ actions: { retrain: { rate: { count: 1, perMs: DAY } } } }));
    expect(sim.start(sim.live('retrain'))).toEqual([]);
  });

  test('a cooldown that began since holds it', () => {
    const sim = intended(retrains({ actions: { retrain: { cooldownMs: HOUR } } }));
    sim.own = { ...sim.own, spent: { retrain: { at: [...sim.own.spent.retrain!.at], endedAt: sim.at } } };
    sim.start(sim.live('retrain'));
    expect(reasons(sim)).toEqual(['cooldown']);
  });

  test('the rule is no longer known to fire', () => {
    const sim = intended();
    const record = sim.live('retrain');
    sim.run(1, { psi: undefined });
    sim.start(record);
    expect(reasons(sim)).toEqual(['unknown']);
    sim.run(1, { psi: undefined });
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('the episode has ended', () => {
    const sim = intended();
    const record = sim.live('retrain');
    sim.run(1, HEALTHY);
    sim.start(record);
    expect(reasons(sim)).toEqual(['ended']);
    expect(sim.own.episodes).toEqual({});
  });

  test('the policy is gone', () => {
    const sim = intended();
    sim.enforce([]);
    sim.start(sim.live('retrain'));
    expect(reasons(sim)).toEqual(['policy-removed']);
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'policy-removed' }]);
  });

  test('cancelled before its start: withdrawn, and not begun again', () => {
    const sim = intended();
    sim.input({ kind: 'cancel', action: sim.live('retrain').action.id, by: PERSON });
    sim.run(5, DRIFTED);
    expect(reasons(sim)).toEqual(['cancelled']);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled' }]);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('mode went down', () => {
    const sim = intended();
    sim.enforce([retrains({ mode: 'observe' })]);
    sim.start(sim.live('retrain'));
    expect(reasons(sim)).toEqual(['mode']);
  });
});

describe('removed policies', () => {
  const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };

  test('a waiting ask is voided and the episode ends', () => {
    const sim = simulate([retrains({ actions: { retrain: { approval } } })]);
    sim.run(1, DRIFTED);
    sim.enforce([]);
    sim.tick();
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'policy-removed' }]);
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'policy-removed' }]);
    expect(sim.of('decision').at(-1)?.decision.outcome).toBe('none');
    expect(sim.own).toMatchObject({ asks: {}, episodes: {}, decisions: {} });
  });

  test('a running effect is polled to its end, and forgotten then', () => {
    const sim = simulate([retrains()]);
    sim.run(1, DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.enforce([]);
    sim.tick();
    expect(sim.own.actions).not.toEqual({});
    sim.end(record, 'succeeded', { version: 'v2' });
    expect(sim.own).toMatchObject({ episodes: {}, actions: {} });
  });
});

test('one failing policy never stops another', () => {
  const broken = policyOf({
    policy: 'broken',
    rules: [
      ruleOf({ when: { text: '', logic: { nonsense: [1] }, position: { file: '', line: 1, column: 1 } } }),
    ],
  });
  const sim = simulate([retrains()]);
  expect(() => {
    sim.enforce([broken, retrains()]);
    sim.run(1, DRIFTED);
  }).toThrow(/unknown operator nonsense/);
  sim.enforce([retrains()]);
  sim.run(1, DRIFTED);
  expect(sim.of('intent')).toHaveLength(1);
});
