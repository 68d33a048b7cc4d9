/** P52: what people take out of service again stays out, is remembered, and comes back only with a person's yes. */
import { describe, expect, test } from 'vitest';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import {
  compares,
  condition,
  doing,
  HOUR,
  observes,
  policyOf,
  RETRAIN,
  stepOf,
  TARGET,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const observe = { psi: observes('psi'), perf: observes('perf') };
const BAD = { psi: 0.5, perf: 0.9 };
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: 6 * HOUR,
  attempts: 3,
  otherwise: 'escalate' as const,
};
const policy = policyOf({ observe, rule: doing([stepOf('promote', { version: 'v2' })], { verify }) });

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  expect(sim.start(sim.live(verb))).toEqual([]);
  sim.end(sim.live(verb), 'succeeded', outputs);
}

function serve(sim: Simulation, champion: string): void {
  sim.serving = { champion, weights: { [champion]: 1 } };
}

function promoted(sim = simulate([policy])): Simulation {
  sim.tick(BAD);
  carryOut(sim, 'promote');
  sim.tick(BAD);
  carryOut(sim, 'promote', { version: 'v2' });
  serve(sim, 'v2');
  return sim;
}

function reverted(): Simulation {
  const sim = promoted();
  sim.run(1, BAD);
  serve(sim, 'v1');
  sim.run(1, BAD);
  return sim;
}

const begun = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'promote');

describe('a revert by somebody else', () => {
  test('is an entry; the sequence ends without a round and without a page, and people are told', () => {
    const sim = reverted();
    expect(sim.of('reverted')).toMatchObject([{ version: 'v2', state: 'out', to: 'v1' }]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'reverted' }]);
    expect(sim.of('not-verified')).toMatchObject([{ judged: true }]);
    sim.run(30, BAD);
    expect(begun(sim)).toHaveLength(2);
    const told = sim.of('intent').filter(one => one.action.call.capability === 'notify.send');
    expect(told.map(one => one.action.verb)).toEqual(['notify']);
    expect(sim.own.verifiedVersions).toEqual(['v1']);
    expect(sim.own.reverted).toMatchObject({ v2: { to: 'v1' } });
  });

  test('is remembered beyond its episode and a restart: a new one asks before it promotes that version again', () => {
    const sim = reverted();
    sim.run(1, { psi: 0.05, perf: 0.9 });
    expect(Object.values(sim.own.episodes).every(one => one.ended)).toBe(true);
    sim.own = sim.chain.reduce((own, entry) => fold(own, entry), emptyOwn(TARGET));
    sim.run(2, BAD);
    expect(sim.of('ask')).toMatchObject([{ why: 'reverted', from: ['ml'], quorum: 1 }]);
    expect(begun(sim)).toHaveLength(2);
    const { approval } = sim.of('ask')[0]!;
    sim.input({ kind: 'approval', approval, decision: 'yes', by: PERSON });
    sim.run(1, BAD);
    expect(begun(sim)).toHaveLength(3);
    expect(sim.own.reverted).toEqual({});
  });

  test('who brings the version back takes that back too', () => {
    const sim = reverted();
    serve(sim, 'v2');
    sim.run(1, BAD);
    expect(sim.of('reverted').map(one => one.state)).toEqual(['out', 'back']);
    expect(sim.own.reverted).toEqual({});
  });

  test('another version than that one is promoted as ever', () => {
    const other = policyOf({
      observe,
      rule: doing([RETRAIN, stepOf('promote', { version: { $: 'steps.retrain.version' } })], { verify }),
    });
    const sim = reverted();
    sim.enforce([other]);
    sim.run(1, BAD);
    const { approval = '' } = sim.of('ask').at(-1) ?? {};
    sim.input({ kind: 'approval', approval, decision: 'yes', by: PERSON });
    sim.run(1, BAD);
    carryOut(sim, 'retrain', { version: 'v3' });
    sim.run(1, BAD);
    expect(begun(sim).at(-1)?.action.call.args.weights).toEqual({ v3: 1 });
  });

  test('our own rollback is none, and neither is a look from before the champion was pointed', () => {
    const back = policyOf({
      policy: 'back',
      observe,
      rule: { ...doing([stepOf('rollback')]), when: condition(compares('perf', '>', 0.95)) },
    });
    const sim = simulate([policy, back]);
    promoted(sim);
    // As a tick that began before the outcome was known: what it read is older.
    serve(sim, 'v1');
    sim.tick(BAD);
    expect(sim.of('reverted')).toEqual([]);
    serve(sim, 'v2');
    sim.run(1, { psi: 0.5, perf: 0.99 });
    carryOut(sim, 'rollback');
    sim.tick({ psi: 0.5, perf: 0.99 });
    carryOut(sim, 'rollback', { version: 'v1' });
    serve(sim, 'v1');
    sim.run(3, BAD);
    expect(sim.of('reverted')).toEqual([]);
  });
});
