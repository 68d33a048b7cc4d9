/** Compensation: which steps are taken back when a sequence gives up, in which order, and what becomes of that. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy, StepSpec } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  NOTIFY,
  observes,
  policyOf,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const observe = { psi: observes('psi'), perf: observes('perf') };
const WITHIN = 4 * HOUR;
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: WITHIN,
  attempts: 1,
  otherwise: 'escalate' as const,
};
const BAD = { psi: 0.5, perf: 0.9 };
const UNDONE = stepOf('promote', { version: 'v2' }, { undo: true });
const AFTER: StepSpec = stepOf('retrain', { lookback: DAY }, { id: 'again' });

function doesThen(...steps: readonly StepSpec[]): ClosedPolicy {
  return policyOf({ observe, rule: doing(steps, { verify }) });
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

/** Both phases of the promotion; v2 serves. */
function promoted(policy: ClosedPolicy): Simulation {
  const sim = simulate([policy]);
  sim.tick(BAD);
  carryOut(sim, 'promote');
  sim.tick(BAD);
  carryOut(sim, 'promote', { version: 'v2' });
  sim.serving = { champion: 'v2', weights: { v2: 1 } };
  return sim;
}

const backs = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'rollback');
const pages = (sim: Simulation) =>
  sim.of('intent').flatMap(one => (one.action.verb === 'escalate' ? String(one.action.call.args.text) : []));

/** Carries both calls of taking a promotion back out. */
function takeBack(sim: Simulation): void {
  sim.tick(BAD);
  carryOut(sim, 'rollback');
  sim.tick(BAD);
  carryOut(sim, 'rollback', { version: 'v1' });
  sim.serving = { champion: 'v1', weights: { v1: 1 } };
  sim.run(1, BAD);
}

describe('undo', () => {
  test('a remedy that is known not to have helped: traffic, then the champion, go back to what served before', () => {
    const sim = promoted(doesThen(UNDONE));
    sim.run(WITHIN / HOUR, BAD);
    expect(sim.of('undoing')).toMatchObject([{ reason: 'not-verified', steps: ['promote'] }]);
    expect(sim.of('stalled')).toEqual([]);
    takeBack(sim);
    expect(backs(sim).map(one => [one.action.step, one.action.phase, one.action.call.args])).toMatchObject([
      ['!undo-promote', 0, { weights: { v1: 1 } }],
      ['!undo-promote', 1, { version: 'v1' }],
    ]);
    expect(new Set(backs(sim).map(one => one.action.key)).size).toBe(2);
    expect(sim.of('stalled')).toMatchObject([
      { reason: 'not-verified', message: expect.stringContaining('promote was taken back') },
    ]);
    expect(pages(sim)).toHaveLength(1);
    // It is our own doing: nobody else has reverted anything, and it stays stalled.
    expect(sim.of('reverted')).toEqual([]);
    expect(sim.run(20, BAD).filter(one => one.kind === 'intent')).toEqual([]);
  });

  test('a later step that fails for good: every step that asks for it, the last one first', () => {
    const second = stepOf('promote', { version: 'v3' }, { id: 'second', undo: true });
    const sim = promoted(doesThen(UNDONE, second, AFTER));
    sim.tick(BAD);
    carryOut(sim, 'promote');
    sim.tick(BAD);
    carryOut(sim, 'promote', { version: 'v3' });
    sim.serving = { champion: 'v3', weights: { v3: 1 } };
    sim.tick(BAD);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'), false);
    sim.tick(BAD);
    expect(sim.of('undoing')).toMatchObject([{ reason: 'step-failed', steps: ['second', 'promote'] }]);
    for (const version of ['v2', 'v1']) {
      sim.tick(BAD);
      carryOut(sim, 'rollback');
      sim.tick(BAD);
      carryOut(sim, 'rollback', { version });
      sim.serving = { champion: version, weights: { [version]: 1 } };
    }
    sim.run(1, BAD);
    expect(backs(sim).map(one => one.action.call.args.version ?? one.action.call.args.weights)).toEqual([
      { v2: 1 },
      'v2',
      { v1: 1 },
      'v1',
    ]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
  });

  test('the step itself, when it failed half way', () => {
    const sim = simulate([doesThen(UNDONE)]);
    sim.tick(BAD);
    carryOut(sim, 'promote');
    sim.tick(BAD);
    sim.start(sim.live('promote'));
    sim.fail(sim.live('promote'), false);
    sim.tick(BAD);
    expect(sim.of('undoing')).toMatchObject([{ steps: ['promote'] }]);
    takeBack(sim);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
  });

  test.each([
    ['asks for nothing', doesThen(stepOf('promote', { version: 'v2' })), { ...BAD }],
    ['cannot be judged: unknown takes nothing back', doesThen(UNDONE), { psi: 0.5, perf: undefined }],
  ] as const)('not when it %s', (_, policy, values) => {
    const sim = promoted(policy);
    sim.run(WITHIN / HOUR + 3, values);
    expect(sim.of('stalled')).toHaveLength(1);
    expect(sim.of('undoing')).toEqual([]);
    expect(backs(sim)).toEqual([]);
  });

  test('not when a person cancels a later step: they say what is to be done', () => {
    const sim = promoted(doesThen(UNDONE, AFTER));
    sim.tick(BAD);
    sim.start(sim.live('retrain'));
    sim.input({ kind: 'cancel', action: sim.live('retrain').action.id, by: PERSON });
    sim.end(sim.live('retrain'), 'cancelled');
    sim.run(2, BAD);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled' }]);
    expect(backs(sim)).toEqual([]);
  });

  test('the rule clears meanwhile: what has begun to go back is brought to its end', () => {
    const sim = promoted(doesThen(UNDONE, AFTER));
    sim.tick(BAD);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'), false);
    sim.tick(BAD);
    sim.tick(BAD);
    carryOut(sim, 'rollback');
    sim.run(1, { psi: 0.05, perf: 0.9 });
    expect(sim.of('episode-ended')).toHaveLength(1);
    sim.enforce([]);
    sim.tick();
    carryOut(sim, 'rollback', { version: 'v1' });
    sim.serving = { champion: 'v1', weights: { v1: 1 } };
    sim.run(1, {});
    expect(backs(sim)).toHaveLength(2);
    sim.enforce([doesThen(NOTIFY)]);
    expect(sim.own.episodes).toEqual({});
  });

  test('a pause of a safe verb holds it, at its start too; what cannot be taken back is told', () => {
    const sim = promoted(doesThen(UNDONE));
    sim.run(WITHIN / HOUR, BAD);
    sim.tick(BAD);
    sim.pause('verb:rollback');
    expect(sim.start(sim.live('rollback')).map(one => one.kind)).toContain('withdrawn');
    sim.run(2, BAD);
    expect(sim.last?.decisions[0]?.holds).toMatchObject([{ reason: 'paused' }]);
    sim.resume('verb:rollback');
    for (let attempt = 0; attempt < 6; attempt++) {
      sim.run(1, BAD);
      if (sim.of('stalled').length > 0) break;
      sim.start(sim.live('rollback'));
      sim.fail(sim.live('rollback'));
    }
    expect(sim.of('stalled')).toMatchObject([
      { message: expect.stringContaining('promote could not be taken back (no slot free)') },
    ]);
  });

  test('somebody has taken the version out already: nobody is fought', () => {
    const sim = promoted(doesThen(UNDONE, AFTER));
    sim.tick(BAD);
    sim.start(sim.live('retrain'));
    sim.serving = { champion: 'v7', weights: { v7: 1 } };
    sim.run(1, BAD);
    expect(sim.of('reverted')).toMatchObject([{ version: 'v2', to: 'v7', state: 'out' }]);
    sim.fail(sim.live('retrain'), false);
    sim.run(2, BAD);
    expect(backs(sim)).toEqual([]);
    expect(sim.of('stalled')).toHaveLength(1);
  });
});
