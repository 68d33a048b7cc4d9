/** Sequences through `wants`, `step` and `fold`: steps in order, requires, late observations, edits on the way. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy, Derived } from '../../src/model.ts';
import {
  compares,
  condition,
  doing,
  EVALUATE,
  HOUR,
  NOTIFY,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const HEALTHY = { psi: 0.1 };

function kindsOf(entries: readonly Derived[]): readonly string[] {
  return entries.map(entry => entry.kind);
}

/** Starts the live action of a verb and ends it well. */
function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

function outcomeOf(sim: Simulation) {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

describe('steps in order', () => {
  const better = condition(compares('steps.evaluate.log_loss', '<', 0.5));
  const promote = { ...PROMOTE, require: better };
  const policy = (more: Partial<typeof promote> = {}): ClosedPolicy =>
    policyOf({ rule: doing([RETRAIN, EVALUATE, { ...promote, ...more }]) });

  function evaluated(by: ClosedPolicy, logLoss: number): Simulation {
    const sim = simulate([by]);
    sim.tick(DRIFTED);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(DRIFTED);
    expect(sim.live('evaluate').action.call.args).toMatchObject({ params: { version: 'v2' } });
    carryOut(sim, 'evaluate', { log_loss: logLoss });
    sim.tick(DRIFTED);
    return sim;
  }

  test('each begins when the one before has succeeded; promote shifts, then points', () => {
    const sim = evaluated(policy(), 0.4);
    expect(sim.of('intent').map(({ action }) => `${action.step}/${action.phase}`)).toEqual([
      'retrain/0',
      'evaluate/0',
      'promote/0',
    ]);
    expect(sim.live('promote').action.call).toMatchObject({
      capability: 'serving.shift',
      args: { weights: { v2: 1 } },
    });
    carryOut(sim, 'promote');
    sim.tick(DRIFTED);
    expect(sim.live('promote').action.call).toMatchObject({
      capability: 'registry.point',
      args: { version: 'v2' },
    });
    carryOut(sim, 'promote', { version: 'v2' });
    sim.serving = { champion: 'v2', weights: { v2: 1 } };
    sim.tick(DRIFTED);
    expect(Object.values(sim.own.episodes)[0]?.sequence.status).toBe('done');
  });

  test('a require that is false escalates with the evidence', () => {
    const sim = evaluated(policy(), 0.6);
    expect(sim.of('stalled')[0]).toMatchObject({ reason: 'not-met' });
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain', 'evaluate', 'escalate']);
    expect(String(sim.of('intent')[2]?.action.call.args.text)).toContain('0.6');
  });

  test('or stops in silence when it says so', () => {
    const sim = evaluated(policy({ onNotMet: 'stop' }), 0.6);
    expect(sim.of('stalled')).toHaveLength(1);
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain', 'evaluate']);
  });

  test('unknown waits, and goes on when it is known', () => {
    const other = condition({ and: [compares('perf', '<', 0.5), compares('perf', '>', 0)] });
    const sim = simulate([
      policyOf({
        observe: { psi: observes('psi'), perf: observes('perf', { lateAfter: 'retrain' }) },
        rule: doing([RETRAIN, { ...NOTIFY, require: other }]),
      }),
    ]);
    sim.tick(DRIFTED);
    carryOut(sim, 'retrain', { version: 'v2' });
    const waiting = [...sim.tick({ ...DRIFTED, perf: undefined }), ...sim.run(5, DRIFTED)];
    expect(kindsOf(waiting)).toEqual(['decision']);
    expect(outcomeOf(sim)).toBe('hold unknown');
    sim.run(1, { ...DRIFTED, perf: 0.3 });
    expect(sim.live('notify')).toBeDefined();
  });

  test('a late observation is asked for when its step is done, for the episode alone', () => {
    const slot = { main: 'warehouse', sql: { $: 'steps.retrain.version' } };
    const better = observes('better', { args: slot, lateAfter: 'retrain' });
    const sim = simulate([
      policyOf({
        observe: { psi: observes('psi'), better },
        rule: doing([RETRAIN, { ...NOTIFY, require: condition(compares('better', '===', 'candidate')) }]),
      }),
    ]);
    sim.tick(DRIFTED);
    expect(sim.ticks.at(-1)?.snapshot.observations.p).not.toHaveProperty('better');
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick({ ...DRIFTED, better: 'candidate' });
    const episode = Object.keys(sim.own.episodes)[0];
    expect(sim.ticks.at(-1)?.snapshot.observations[`p#${episode}`]).toHaveProperty('better');
    expect(sim.live('notify')).toBeDefined();
  });

  test('a later step does not begin when the episode has ended; the running one finishes', () => {
    const sim = simulate([policy()]);
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.at += HOUR;
    sim.tick(HEALTHY);
    expect(sim.of('episode-ended')[0]).toMatchObject({ how: 'self-cleared' });
    sim.end(record, 'succeeded', { version: 'v2' });
    sim.run(3, HEALTHY);
    expect(sim.of('intent')).toHaveLength(1);
    expect(sim.own.episodes).toEqual({});
    expect(sim.own.actions).toEqual({});
  });

  test('a clear after an action has finished is cleared, not self-cleared', () => {
    const sim = simulate([policy()]);
    sim.tick(DRIFTED);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.at += HOUR;
    sim.tick(HEALTHY);
    expect(sim.of('episode-ended')[0]).toMatchObject({ how: 'cleared' });
  });

  test('a running sequence ends on its stored plan, whatever a commit says', () => {
    const sim = simulate([policy()]);
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.enforce([policyOf({ rule: doing([RETRAIN, stepOf('rollback')]) })]);
    sim.tick(DRIFTED);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.tick(DRIFTED);
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain', 'evaluate']);
  });

  test('before the first start the edited policy counts', () => {
    const sim = simulate([policyOf({ rule: doing([RETRAIN]) })]);
    sim.tick(DRIFTED);
    sim.pause('all');
    expect(kindsOf(sim.start(sim.live('retrain')))).toContain('withdrawn');
    sim.enforce([policyOf({ rule: doing([stepOf('notify', { text: 'only look' })]) })]);
    sim.resume('all');
    sim.run(2, DRIFTED);
    expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain', 'notify']);
  });

  test('a rule that is gone from its policy ends its episode, and no other rule takes over', () => {
    const rules = [ruleOf(doing([RETRAIN])), ruleOf(doing([stepOf('rollback')], { name: 'other' }))];
    const sim = simulate([policyOf({ mode: 'observe', rules })]);
    sim.tick(DRIFTED);
    sim.enforce([policyOf({ rules: [ruleOf(doing([NOTIFY], { name: 'other' }))] })]);
    sim.tick(HEALTHY);
    expect(sim.of('episode-ended').map(one => `${one.cause.rule} ${one.how}`)).toEqual([
      'other self-cleared',
      'main policy-removed',
    ]);
    expect(sim.own.rules.p?.main ?? {}).toEqual({});
  });
});
