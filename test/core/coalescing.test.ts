/** Subjects through `step` and `fold`: the same action is shared, another waits, and safe verbs do not wait in line. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy } from '../../src/model.ts';
import {
  CHAIN,
  compares,
  condition,
  DAY,
  doing,
  NOTIFY,
  observes,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const TELL = { ...NOTIFY, id: 'tell' };

/** Two rules that want a retraining; the second begins to want it when `perf` is bad, and tells people afterwards. */
function two(second = RETRAIN, more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy {
  const observe = { psi: observes('psi'), perf: observes('perf') };
  const bad = condition(compares('perf', '>', 0.8));
  const rules = [
    ruleOf(doing([RETRAIN], { name: 'a' })),
    ruleOf(doing([second, TELL], { name: 'b', when: bad })),
  ];
  return policyOf({ observe, rules, ...more });
}

function outcomes(sim: Simulation): string[] {
  return Object.values(sim.own.decisions).map(({ rule, outcome, holds }) =>
    `${rule} ${outcome} ${holds.map(one => one.reason).join()}`.trim(),
  );
}
const verbs = (sim: Simulation) => sim.of('intent').map(one => one.action.verb);

/** The first rule's retraining runs, and an hour later the second rule wants one. */
function shared(policy = two()): Simulation {
  const sim = simulate([policy]);
  sim.run(1, { psi: 0.5, perf: 0.1 });
  sim.start(sim.live('retrain'));
  sim.run(1, { psi: 0.5, perf: 0.9 });
  return sim;
}

describe('the same action on one subject', () => {
  test('is adopted, although it would have been another moment and another origin', () => {
    const sim = shared();
    expect(verbs(sim)).toEqual(['retrain']);
    expect(sim.of('adopted')).toMatchObject([{ running: sim.live('retrain').action.id, chain: CHAIN }]);
    expect(outcomes(sim)).toEqual(['a act', 'b act']);
    sim.tick({ psi: 0.5, perf: 0.9 });
    expect(sim.of('adopted')).toHaveLength(1);
  });

  test('its outputs are those of the adopter, whose sequence goes on', () => {
    const sim = shared();
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.tick({ psi: 0.5, perf: 0.9 });
    expect(sim.of('adopted').at(-1)).toMatchObject({ outcome: 'succeeded', outputs: { version: 'v2' } });
    sim.tick({ psi: 0.5, perf: 0.9 });
    const [, adopter] = Object.values(sim.own.episodes);
    expect(adopter?.sequence.outputs).toEqual({ retrain: { version: 'v2' } });
    expect(verbs(sim)).toEqual(['retrain', 'notify']);
  });

  test('its failure is that of the adopter', () => {
    const sim = shared();
    sim.end(sim.live('retrain'), 'failed');
    sim.tick({ psi: 0.5, perf: 0.9 });
    sim.tick({ psi: 0.5, perf: 0.9 });
    expect(sim.of('stalled').map(one => one.cause.rule)).toEqual(['a', 'b']);
  });

  test('what never began is begun by the adopter itself', () => {
    const sim = simulate([two()]);
    sim.run(1, { psi: 0.5, perf: 0.9 });
    expect(sim.of('adopted')).toHaveLength(1);
    const record = sim.live('retrain');
    sim.run(1, { psi: 0.1, perf: 0.9 });
    sim.start(record);
    sim.run(2, { psi: 0.1, perf: 0.9 });
    expect(sim.of('adopted').at(-1)?.outcome).toBe('withdrawn');
    expect(sim.of('intent').map(one => one.cause.rule)).toEqual(['a', 'b']);
  });

  test('nothing is consumed or asked for twice', () => {
    const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
    const limits = { rate: { count: 1, perMs: 30 * DAY }, cooldownMs: DAY, approval };
    const sim = simulate([two(RETRAIN, { actions: { retrain: limits } })]);
    sim.run(1, { psi: 0.5, perf: 0.1 });
    sim.input({ kind: 'approval', approval: sim.of('ask')[0]!.approval, decision: 'yes', by: PERSON });
    sim.run(1, { psi: 0.5, perf: 0.9 });
    sim.run(1, { psi: 0.5, perf: 0.9 });
    expect(sim.of('ask')).toHaveLength(1);
    expect(sim.of('adopted')).toHaveLength(1);
    expect(sim.own.spent.retrain?.at).toHaveLength(1);
  });

  test('what observes does not adopt', () => {
    const sim = simulate([policyOf({ rule: doing([RETRAIN]) })]);
    sim.run(1, DRIFTED);
    sim.enforce([
      policyOf({ rule: doing([RETRAIN]) }),
      policyOf({ policy: 'q', mode: 'observe', rule: doing([RETRAIN]) }),
    ]);
    sim.run(1, DRIFTED);
    expect(sim.of('adopted')).toEqual([]);
  });
});

test('another action waits, and is told for whom', () => {
  const sim = shared(two(stepOf('retrain', { lookback: 30 * DAY })));
  const held = Object.values(sim.own.decisions).find(one => one.rule === 'b');
  const id = sim.live('retrain').action.id.slice(0, 12);
  expect(held?.holds).toEqual([
    {
      reason: 'subject-locked',
      message: `local/train is held by retrain, ${id} of model/late since 1970-02-11 17:00 UTC`,
    },
  ]);
});

describe('safe verbs', () => {
  const promotes = policyOf({
    policy: 'promotes',
    observe: { psi: observes('psi') },
    rule: doing([stepOf('promote', { version: 'v2' }), { ...TELL, id: 'after' }]),
  });
  const back = (preemptAfterMs?: number) =>
    policyOf({
      policy: 'back',
      observe: { errors: observes('errors') },
      rule: {
        ...doing([stepOf('rollback', { version: 'v0' })]),
        when: condition(compares('errors', '>', 0.1)),
      },
      actions: { rollback: preemptAfterMs === undefined ? {} : { preemptAfterMs } },
    });

  /** A promotion shifts traffic, and then errors rise. */
  function preempting(after?: number): Simulation {
    const sim = simulate([promotes, back(after)]);
    sim.run(1, { psi: 0.5, errors: 0 });
    sim.start(sim.live('promote'));
    sim.at += 60_000;
    sim.tick({ psi: 0.5, errors: 1 });
    return sim;
  }
  const rollbacks = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'rollback');

  test('ask what runs on their subject to end, once, and start when it has', () => {
    const sim = preempting();
    const running = sim.live('promote');
    expect(sim.of('preempted')).toMatchObject([
      { running: running.action.id, chain: CHAIN, until: sim.at + 120_000 },
    ]);
    expect(running.cancelRequested).toBe(true);
    expect(rollbacks(sim)).toEqual([]);
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + 120_000);
    sim.at += 1000;
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    expect(sim.of('preempted')).toHaveLength(1);
    sim.end(running, 'cancelled');
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    expect(rollbacks(sim)).toHaveLength(1);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled', cause: { policy: 'promotes' } }]);
  });

  test('a promotion that ends well all the same is over: the rollback is its abort', () => {
    const sim = preempting();
    sim.end(sim.live('promote'), 'succeeded');
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled', cause: { policy: 'promotes' } }]);
    expect(sim.of('intent').filter(one => one.action.verb === 'promote')).toHaveLength(1);
    expect(rollbacks(sim)).toHaveLength(1);
  });

  test('start all the same when it had long enough; its late end frees nothing', () => {
    const sim = preempting(300_000);
    const running = sim.live('promote');
    sim.at += 299_999;
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    expect(rollbacks(sim)).toEqual([]);
    sim.at += 1;
    sim.tick({ psi: 0.5, errors: 1 }, 'slots');
    expect(rollbacks(sim)).toHaveLength(1);
    const mine = rollbacks(sim)[0]!.action;
    expect(sim.facts[`lock:${mine.call.subject}`]?.value).toMatchObject({ action: mine.id });
    sim.end(running, 'cancelled');
    expect(sim.facts[`lock:${mine.call.subject}`]?.value).toMatchObject({ action: mine.id });
  });

  test('do not end one another', () => {
    const other = policyOf({
      policy: 'other',
      observe: { errors: observes('errors') },
      rule: {
        ...doing([stepOf('rollback', { version: 'v9' })]),
        when: condition(compares('errors', '>', 0.1)),
      },
    });
    const sim = simulate([back(), other]);
    sim.run(1, { errors: 1 });
    expect(rollbacks(sim)).toHaveLength(1);
    expect(sim.of('preempted')).toEqual([]);
  });

  test('a rollback ends a promotion that stands between its two effects', () => {
    const sim = simulate([promotes, back()]);
    sim.run(1, { psi: 0.5, errors: 0 });
    sim.start(sim.live('promote'));
    sim.end(sim.live('promote'), 'succeeded');
    sim.pause('target:model/late');
    sim.at += 60_000;
    sim.tick({ psi: 0.5, errors: 1 });
    sim.resume('target:model/late');
    sim.tick({ psi: 0.5, errors: 1 });
    expect(sim.of('intent').map(one => `${one.action.verb} ${one.action.phase}`)).toEqual([
      'promote 0',
      'rollback 0',
    ]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled', cause: { policy: 'promotes' } }]);
  });
});
