/** The lines in which people read rules, groups, steps and gates: made from what the engine really derives. */
import { describe, expect, test } from 'vitest';
import {
  compares,
  condition,
  doing,
  HOUR,
  NOTIFY,
  observes,
  observesBy,
  policyOf,
  RETRAIN,
  ruleOf,
} from '../../test/core/closed-policy.ts';
import { simulate } from '../../test/core/simulation.ts';
import type { Derived, Rule } from '../model.ts';
import { summary } from './entry-text.ts';
import { gateText, groupText, inGroup, ruleText, sequenceText } from './rule-text.ts';

test.each([
  [{ policy: 'drift', rule: 'rule' }, 'drift'],
  [{ policy: 'drift', rule: 'restart' }, 'drift/restart'],
  [{ policy: 'drift', rule: '' }, 'drift'],
])('%j is %s', (of, expected) => {
  expect(ruleText(of)).toBe(expected);
});

test('values of labels come from outside, and are made safe', () => {
  expect(groupText({ origin: 'O\u001b[31mRD', feature: 'a' })).not.toContain('\u001b');
  expect(inGroup({})).toBe('');
  expect(inGroup({ origin: 'ORD' })).toBe(' [ORD]');
});

describe('the steps of an episode', () => {
  const verify = {
    that: condition(compares('perf', '<', 0.5)),
    withinMs: 2 * HOUR,
    attempts: 2,
    otherwise: 'escalate' as const,
  };
  const retry = { attempts: 2, backoffMs: HOUR, backoffMaxMs: HOUR };
  const rule = ruleOf(
    doing(
      [
        { ...NOTIFY, if: condition(compares('perf', '>', 0.95)) },
        { ...RETRAIN, retry },
      ],
      { verify },
    ),
  );
  const policy = policyOf({ observe: { psi: observes('psi'), perf: observes('perf') }, rules: [rule] });
  const BAD = { psi: 0.5, perf: 0.9 };

  test('a skipped step, a pause before the next attempt, a verify, the next round', () => {
    const sim = simulate([policy]);
    const said = () => sequenceText(Object.values(sim.own.episodes)[0]!, rule);
    sim.tick(BAD);
    expect(said()).toBe('acting, step 2 of 2 (retrain), round 1 of 2; skipped: notify');
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'));
    sim.tick(BAD);
    expect(said()).toMatch(
      /^ready, step 2 of 2 \(retrain\), round 1 of 2, next attempt at .+; skipped: notify$/,
    );
    sim.run(2, BAD);
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.tick(BAD);
    expect(said()).toBe('verifying, round 1 of 2; skipped: notify');
    sim.run(2, BAD);
    expect(said()).toBe('acting, step 2 of 2 (retrain), round 2 of 2; skipped: notify');
    const lines = sim.chain.filter(({ body }) => ['skipped', 'retrying', 'not-verified'].includes(body.kind));
    expect(lines.map(({ body }) => summary(body as Derived))).toEqual([
      'p/main: step notify is skipped, perf > 0.95 is false: perf 0.9',
      'p/main: attempt 1 of 2 of retrain failed: no slot free',
      'p/main: the remedy did not help, round 2 follows',
      'p/main: step notify is skipped, perf > 0.95 is false: perf 0.9',
    ]);
  });

  test('a hold of a group that waits for its turn is told with its group', () => {
    const each = policyOf({
      observe: { psi: observesBy('psi', ['origin']) },
      rule: doing([NOTIFY], { per: ['origin'], maxGroups: 1 }),
    });
    const sim = simulate([each]);
    sim.tick({ psi: { A: 0.5, B: 0.5 } });
    const held = sim.of('decision').find(one => one.decision.outcome === 'hold');
    expect(summary(held!)).toBe(
      'p/main [B]: hold notify maxGroups of main is 1, and so many are acted for; the oldest come first',
    );
  });
});

describe('a gate', () => {
  const gate = (on: Rule['gate']) => {
    const rule = ruleOf({ name: 'fresh', ...(on ? { gate: on } : {}) });
    return [policyOf({ rules: [rule, ruleOf({ name: 'other' })] }), rule] as const;
  };

  test('says what it blocks, and that it is closed before it was ever evaluated', () => {
    const [policy, rule] = gate({
      on: 'data',
      blocks: ['retrain', 'promote'],
      reaches: ['model/late'],
      taint: true,
      running: 'finish',
    });
    expect(gateText(policy, rule, undefined)).toBe(
      'p/fresh is closed: not evaluated yet; blocks retrain, promote of model/late; data of the time in which it is closed is tainted',
    );
  });

  test('on a rollout says where it is asked', () => {
    const [policy, rule] = gate({ on: 'rollout', fails: { count: 3, of: 5 } });
    expect(gateText(policy, rule, undefined)).toBe(
      'asked in the holds of rollouts, where it fails at 3 of 5 checks',
    );
    expect(gateText(...gate(undefined), undefined)).toBeUndefined();
  });
});
