/** Steps that are skipped, and attempts that are repeated: through `wants`, `step` and `fold`. */
import { describe, expect, test } from 'vitest';
import { pauseMs } from '../../src/engine/retries.ts';
import type { ClosedPolicy, Rule, StepSpec } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  EVALUATE,
  HOUR,
  NOTIFY,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5, perf: 0.9 };
const MINUTE = 60_000;
const RETRY = { attempts: 3, backoffMs: 10 * MINUTE, backoffMaxMs: 2 * HOUR };
const observe = { psi: observes('psi'), perf: observes('perf') };
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: 6 * HOUR,
  attempts: 1,
  otherwise: 'escalate' as const,
};

function retrains(more: Partial<StepSpec> = {}, policy: Parameters<typeof policyOf>[0] = {}): ClosedPolicy {
  return policyOf({ observe, ...policy, rule: doing([{ ...RETRAIN, retry: RETRY, ...more }]) });
}

/** A drifted model whose retraining has begun. */
function begun(policy: ClosedPolicy): Simulation {
  const sim = simulate([policy]);
  sim.tick(DRIFTED);
  expect(sim.start(sim.live('retrain'))).toEqual([]);
  return sim;
}

/** Waits for the next attempt, at exactly its time, and starts it. */
function again(sim: Simulation): void {
  const until = sim.of('retrying').at(-1)?.until ?? 0;
  sim.at = until - 1;
  sim.tick(DRIFTED, 'slots');
  expect(sim.last?.wakeAt).toBeLessThanOrEqual(until);
  const before = sim.of('intent').length;
  sim.at = until;
  sim.tick(DRIFTED);
  expect(sim.of('intent')).toHaveLength(before + 1);
  expect(sim.start(sim.live('retrain'))).toEqual([]);
}

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

describe('retry', () => {
  /**
   * What happens to the attempts, and what follows.
   * f: failed, repeatable; F: failed for good; t: timed out; c: cancelled; x: cancelled in the pause after f; s: succeeded.
   */
  test.each`
    outcomes | attempts | ends
    ${'s'}   | ${1}     | ${'done'}
    ${'fs'}  | ${2}     | ${'done'}
    ${'ffs'} | ${3}     | ${'done'}
    ${'fff'} | ${3}     | ${'step-failed, 1 pages'}
    ${'F'}   | ${1}     | ${'step-failed, 1 pages'}
    ${'fF'}  | ${2}     | ${'step-failed, 1 pages'}
    ${'t'}   | ${1}     | ${'step-failed, 1 pages'}
    ${'ft'}  | ${2}     | ${'step-failed, 1 pages'}
    ${'c'}   | ${1}     | ${'cancelled, 0 pages'}
    ${'fx'}  | ${1}     | ${'cancelled, 0 pages'}
  `('$outcomes: $attempts attempts, $ends', ({ outcomes, attempts, ends }) => {
    const sim = begun(retrains());
    for (const [i, outcome] of [...outcomes].entries()) {
      if (outcome === 'x') {
        sim.input({ kind: 'cancel', action: sim.of('retrying').at(-1)?.action ?? '', by: PERSON });
        sim.tick(DRIFTED);
        continue;
      }
      if (i > 0) again(sim);
      const record = sim.live('retrain');
      if (outcome === 'f' || outcome === 'F') sim.fail(record, outcome === 'f');
      else sim.end(record, outcome === 's' ? 'succeeded' : outcome === 't' ? 'timed-out' : 'cancelled');
      sim.tick(DRIFTED);
    }
    sim.run(30, DRIFTED);
    const retrainings = sim.of('intent').filter(one => one.action.verb === 'retrain');
    expect(retrainings).toHaveLength(attempts);
    expect(retrainings.map(one => one.action.attempt)).toEqual(
      Array.from({ length: attempts }, (_, i) => i + 1),
    );
    expect(new Set(retrainings.map(one => one.action.id)).size).toBe(1);
    expect(new Set(retrainings.map(one => one.action.key)).size).toBe(attempts);
    const pages = sim.of('intent').filter(one => one.action.verb === 'escalate').length;
    const [stalled] = sim.of('stalled');
    const { status } = Object.values(sim.own.episodes)[0]!.sequence;
    expect(stalled ? `${stalled.reason}, ${pages} pages` : status).toBe(ends);
  });

  test('the pause doubles up to the longest, within a tenth, and is the same for the same action', () => {
    const spec = { attempts: 9, backoffMs: MINUTE, backoffMaxMs: 10 * MINUTE };
    for (const [failures, minutes] of [1, 2, 4, 8, 10, 10].entries()) {
      const pause = pauseMs(spec, failures + 1, 'a1');
      expect(Math.abs(pause / MINUTE / minutes - 1)).toBeLessThanOrEqual(0.1);
      expect(pauseMs(spec, failures + 1, 'a1')).toBe(pause);
    }
    const drawn = Array.from({ length: 50 }, (_, i) => pauseMs(spec, 1, `a${i}`));
    expect(new Set(drawn).size).toBeGreaterThan(40);
  });

  test('the pause is a hold that says why and until when', () => {
    const sim = begun(retrains());
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    expect(sim.of('retrying')).toMatchObject([
      { attempt: 1, message: 'attempt 1 of 3 of retrain failed: no slot free' },
    ]);
    expect(holds(sim)).toBe('hold retrying');
    expect(sim.last?.decisions[0]?.holds[0]).toMatchObject({ until: sim.of('retrying')[0]?.until });
  });

  test('each attempt passes admission in full: a pause of the target holds it (P35)', () => {
    const sim = begun(retrains());
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    sim.pause('all');
    sim.run(3, DRIFTED);
    expect(holds(sim)).toBe('hold paused');
    sim.resume('all');
    sim.tick({ ...DRIFTED, psi: undefined });
    expect(holds(sim)).toBe('hold unknown');
    sim.tick(DRIFTED);
    expect(sim.live('retrain').action.attempt).toBe(2);
  });

  test('what the first attempt consumed does not count against the next, and it is consumed once', () => {
    const sim = begun(
      retrains({}, { actions: { retrain: { cooldownMs: DAY, rate: { count: 1, perMs: 7 * DAY } } } }),
    );
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    again(sim);
    expect(sim.own.spent.retrain?.at).toHaveLength(1);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.run(1, { psi: 0.1 });
    sim.run(2, DRIFTED);
    expect(holds(sim)).toBe('hold rate cooldown');
  });

  test('the end of another action of the verb does hold the next attempt', () => {
    const sim = begun(retrains({}, { actions: { retrain: { cooldownMs: DAY } } }));
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    const { retrain } = sim.own.spent;
    expect(retrain).toMatchObject({ endedBy: sim.of('intent')[0]?.action.id });
    expect(retrain?.endedBefore).toBeUndefined();
    sim.own = { ...sim.own, spent: { retrain: { ...retrain!, endedBy: 'another', endedAt: sim.at } } };
    sim.run(3, DRIFTED);
    expect(holds(sim)).toBe('hold cooldown');
  });

  test('a yes holds for every attempt of the same plan (P44)', () => {
    const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: HOUR };
    const sim = simulate([retrains({ approval })]);
    sim.tick(DRIFTED);
    sim.input({ kind: 'approval', approval: sim.of('ask')[0]?.approval ?? '', decision: 'yes', by: PERSON });
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    again(sim);
    expect(sim.of('ask')).toHaveLength(1);
    const [first, second] = sim.of('intent');
    expect(second?.action.call).toEqual(first?.action.call);
    expect(second?.action.planHash).toBe(first?.action.planHash);
  });

  test('an attempt that was withdrawn before its start has not failed, and is asked for anew', () => {
    const sim = begun(retrains());
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    sim.at = sim.of('retrying')[0]?.until ?? 0;
    sim.tick(DRIFTED);
    sim.pause('all');
    expect(sim.start(sim.live('retrain')).map(one => one.kind)).toContain('withdrawn');
    expect(sim.own.spent.retrain?.at).toHaveLength(1);
    sim.resume('all');
    sim.tick(DRIFTED);
    expect(sim.live('retrain').action.attempt).toBe(3);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    expect(sim.of('retrying').at(-1)?.message).toContain('attempt 2 of 3');
  });

  test('each attempt has its own deadline', () => {
    const sim = begun(retrains({ timeoutMs: HOUR }));
    const first = sim.live('retrain').action.deadline ?? 0;
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    again(sim);
    expect(sim.live('retrain').action.deadline).toBe(sim.at + HOUR);
    expect(sim.at + HOUR).toBeGreaterThan(first);
  });

  test('the episode that ends in the pause takes its further attempts with it', () => {
    const sim = begun(retrains());
    sim.fail(sim.live('retrain'));
    sim.tick(DRIFTED);
    sim.run(5, { psi: 0.1 });
    expect(sim.of('intent')).toHaveLength(1);
    expect(sim.own.episodes).toEqual({});
  });

  test('without a retry a repeatable failure stalls, as ever', () => {
    const sim = simulate([policyOf({ observe, rule: doing([RETRAIN]) })]);
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'));
    sim.run(9, DRIFTED);
    expect(sim.of('retrying')).toEqual([]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
  });

  test('what was lost and settled by a person as failed is not repeated', () => {
    const sim = begun(retrains());
    sim.end(sim.live('retrain'), 'lost');
    sim.tick(DRIFTED);
    sim.input({ kind: 'resolve', action: sim.live('retrain').action.id, as: 'failed', by: PERSON });
    sim.tick(DRIFTED);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
  });
});

describe('if', () => {
  const much = condition(compares('perf', '>', 0.8));
  const first = { ...NOTIFY, id: 'first', if: much };
  const act = (steps: readonly StepSpec[], more: Partial<Rule> = {}) =>
    simulate([policyOf({ observe, rule: doing(steps, more) })]);
  const begunSteps = (sim: Simulation) => sim.of('intent').map(one => one.action.step);

  /** perf when the step is due, and what becomes of it. */
  test.each`
    perf         | begins        | skips        | hold
    ${0.9}       | ${['first']}  | ${[]}        | ${'act'}
    ${0.5}       | ${['second']} | ${['first']} | ${'act'}
    ${undefined} | ${[]}         | ${[]}        | ${'hold unknown'}
  `('perf $perf: begins $begins, skips $skips', ({ perf, begins, skips, hold }) => {
    const sim = act([first, { ...NOTIFY, id: 'second' }]);
    sim.tick({ psi: 0.5, perf });
    expect(begunSteps(sim)).toEqual(begins);
    expect(sim.of('skipped').map(one => one.step)).toEqual(skips);
    expect(holds(sim)).toBe(hold);
  });

  test('unknown waits, and goes either way once it is known', () => {
    const sim = act([first]);
    sim.run(3, { psi: 0.5, perf: undefined });
    expect(sim.of('intent')).toEqual([]);
    sim.run(1, { psi: 0.5, perf: 0.9 });
    expect(begunSteps(sim)).toEqual(['first']);
  });

  test('every step skipped: done, and nothing is judged, for nothing was done', () => {
    const sim = act([first, { ...first, id: 'last' }], { verify });
    sim.tick({ psi: 0.5, perf: 0.7 });
    expect(sim.of('skipped').map(one => one.next)).toEqual(['step', 'done']);
    sim.run(9, { psi: 0.5, perf: 0.7 });
    expect(sim.kinds()).not.toContain('not-verified');
    expect(Object.values(sim.own.episodes)[0]?.sequence.status).toBe('done');
  });

  test('the last step skipped: what was done before is judged', () => {
    const sim = act([{ ...NOTIFY, id: 'zero' }, first], { verify });
    sim.tick({ psi: 0.5, perf: 0.7 });
    carryOut(sim, 'notify');
    sim.tick({ psi: 0.5, perf: 0.7 });
    expect(sim.of('skipped')).toMatchObject([{ step: 'first', next: 'verify' }]);
    sim.run(1, { psi: 0.5, perf: 0.1 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'verified' }]);
  });

  const skipped = { ...RETRAIN, if: much };
  const better = observes('better', {
    args: { main: 'warehouse', sql: { $: 'steps.retrain.version' } },
    lateAfter: 'retrain',
  });
  test.each([
    [
      'an argument',
      [skipped, EVALUATE],
      /evaluate: steps.retrain.version has no value: step retrain was skipped/,
    ],
    [
      'require',
      [skipped, { ...NOTIFY, require: condition(compares('steps.retrain.rows', '>', 1)) }],
      /require of notify/,
    ],
    ['if', [skipped, { ...NOTIFY, if: condition(compares('steps.retrain.rows', '>', 1)) }], /if of notify/],
    [
      'a late observation',
      [skipped, { ...NOTIFY, require: condition(compares('better', '===', 'yes')) }],
      /steps.retrain has no value/,
    ],
  ] as const)('what mentions an output of a skipped step in %s is unbound', (_, steps, message) => {
    const sim = simulate([policyOf({ observe: { ...observe, better }, rule: doing(steps) })]);
    sim.tick({ psi: 0.5, perf: 0.5 });
    expect(sim.of('stalled')).toMatchObject([{ reason: 'unbound', message: expect.stringMatching(message) }]);
    expect(begunSteps(sim)).toEqual(['!escalate']);
  });

  test('unless it is skipped itself', () => {
    const sim = act([skipped, { ...PROMOTE, if: much }, stepOf('notify', { text: 'nothing to do' })]);
    sim.tick({ psi: 0.5, perf: 0.5 });
    expect(sim.of('skipped').map(one => one.step)).toEqual(['retrain', 'promote']);
    expect(begunSteps(sim)).toEqual(['notify']);
  });

  test('a late observation is taken for it', () => {
    const cheap = { ...NOTIFY, if: condition(compares('better', '===', 'yes')) };
    const sim = simulate([policyOf({ observe: { ...observe, better }, rule: doing([RETRAIN, cheap]) })]);
    sim.tick({ ...DRIFTED, better: 'yes' });
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick({ ...DRIFTED, better: 'yes' });
    expect(begunSteps(sim)).toEqual(['retrain', 'notify']);
  });

  test('an edit before anything was done begins with the first step of the new plan', () => {
    const sim = act([
      first,
      { ...RETRAIN, require: condition(compares('perf', '<', 0.1)), onNotMet: 'stop' },
    ]);
    sim.tick({ psi: 0.5, perf: 0.5 });
    expect(Object.values(sim.own.episodes)[0]?.sequence.stepIndex).toBe(1);
    sim.enforce([policyOf({ observe, rule: doing([{ ...NOTIFY, id: 'new' }, stepOf('rollback')]) })]);
    sim.tick({ psi: 0.5, perf: 0.5 });
    expect(begunSteps(sim)).toEqual(['new']);
  });

  test('nothing is skipped while the rule is not known to fire', () => {
    const sim = act([{ ...NOTIFY, id: 'zero' }, first, { ...NOTIFY, id: 'second' }]);
    sim.tick({ psi: 0.5, perf: 0.5 });
    carryOut(sim, 'notify');
    sim.tick({ psi: undefined, perf: 0.5 });
    expect(sim.of('skipped')).toEqual([]);
  });
});
