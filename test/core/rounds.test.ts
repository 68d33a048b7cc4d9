/** Rounds: a remedy that did not help is tried again, at most `attempts` times, and then given up with all that was tried. */
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/canonical.ts';
import type { VerifySpec } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

const BAD = { psi: 0.5, perf: 0.9 };
const HELPED = { psi: 0.5, perf: 0.1 };
const BLIND = { psi: 0.5, perf: undefined };
const WITHIN = 4 * HOUR;

function policy(attempts: number, more: Parameters<typeof policyOf>[0] = {}, steps = [RETRAIN]) {
  const verify: VerifySpec = {
    that: condition(compares('perf', '<', 0.5)),
    withinMs: WITHIN,
    attempts,
    otherwise: 'escalate',
  };
  return policyOf({
    observe: { psi: observes('psi'), perf: observes('perf') },
    ...more,
    rule: doing(steps, { verify }),
  });
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

/** Carries out the retraining that is due, and lets `within` pass with these values. */
function round(sim: Simulation, values: Values, version = 'v2'): void {
  carryOut(sim, 'retrain', { version });
  sim.run(WITHIN / HOUR, values);
}

const retrains = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'retrain');
const pages = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'escalate');

/** What verify said at the end of each round: n: known false, y: true, u: unknown. */
test.each`
  said     | attempts | rounds | ends
  ${'y'}   | ${3}     | ${1}   | ${'verified'}
  ${'ny'}  | ${3}     | ${2}   | ${'verified'}
  ${'nny'} | ${3}     | ${3}   | ${'verified'}
  ${'nnn'} | ${3}     | ${3}   | ${'not-verified'}
  ${'n'}   | ${1}     | ${1}   | ${'not-verified'}
  ${'u'}   | ${3}     | ${1}   | ${'not-judged'}
  ${'nu'}  | ${3}     | ${2}   | ${'not-judged'}
`('$said of $attempts: $rounds rounds, $ends', ({ said, attempts, rounds, ends }) => {
  const sim = simulate([policy(attempts)]);
  sim.tick(BAD);
  for (const one of said) round(sim, one === 'y' ? HELPED : one === 'n' ? BAD : BLIND);
  const [stalled] = sim.of('stalled');
  expect(stalled?.reason ?? sim.of('episode-ended')[0]?.how).toBe(ends);
  const begun = retrains(sim).filter(one => one.episode === retrains(sim)[0]?.episode);
  expect(begun.map(one => one.action.round)).toEqual(Array.from({ length: rounds }, (_, i) => i));
  expect(new Set(begun.map(one => one.action.id)).size).toBe(rounds);
  // It gives up: what did not help is not repeated for ever (P32).
  if (stalled) expect(sim.run(50, BAD).filter(one => one.kind === 'intent')).toEqual([]);
  expect(pages(sim)).toHaveLength(stalled ? 1 : 0);
});

test('the page after the last round: evidence, what was tried, a diagnosis and what is recommended, word for word', () => {
  const sim = simulate([policy(2, {}, [RETRAIN, PROMOTE])]);
  sim.tick(BAD);
  for (const version of ['v2', 'v3']) {
    carryOut(sim, 'retrain', { version });
    sim.tick(BAD);
    carryOut(sim, 'promote');
    sim.tick(BAD);
    carryOut(sim, 'promote', { version });
    sim.serving = { champion: version, weights: { [version]: 1 } };
    sim.run(WITHIN / HOUR, BAD);
  }
  const text = String(pages(sim)[0]?.action.call.args.text);
  expect(text).toBe(
    [
      'the remedy did not help: perf < 0.5 was false at the end: perf 0.9',
      'p on late: {">":[{"var":"psi"},0.2]} fires, for 8 h now.',
      'psi = 0.5',
      'Tried:',
      '- round 1: retrain succeeded, version v2, 1970-02-11 16:00 UTC to 1970-02-11 16:00 UTC; promote 1 of 2 succeeded, 1970-02-11 16:00 UTC to 1970-02-11 16:00 UTC; promote 2 of 2 succeeded, version v2, 1970-02-11 16:00 UTC to 1970-02-11 16:00 UTC; it did not help',
      '- round 2: retrain succeeded, version v3, 1970-02-11 20:00 UTC to 1970-02-11 20:00 UTC; promote 1 of 2 succeeded, 1970-02-11 20:00 UTC to 1970-02-11 20:00 UTC; promote 2 of 2 succeeded, version v3, 1970-02-11 20:00 UTC to 1970-02-11 20:00 UTC',
      'Diagnosis: the rule says breach now: psi > 0.2 (psi 0.5). Every step went well and what they were for is known not to hold: the cause is likely another one',
      "Recommended: look for the cause in the data and upstream of it before the same is tried again. See 'flyball explain p'; 'flyball retry 4 --target model/late' tries it once more, 'flyball resolve 4 --target model/late --as resolved' ends it.",
    ].join('\n'),
  );
  expect(sim.of('stalled')[0]?.message).toContain('perf < 0.5 was false at the end: perf 0.9');
});

test('someone who takes the version out of service is not worked against: no further round', () => {
  const sim = simulate([policy(3, {}, [RETRAIN, PROMOTE])]);
  sim.tick(BAD);
  carryOut(sim, 'retrain', { version: 'v2' });
  sim.tick(BAD);
  carryOut(sim, 'promote');
  sim.tick(BAD);
  carryOut(sim, 'promote', { version: 'v2' });
  sim.run(1, BAD);
  expect(sim.of('not-verified')).toMatchObject([{ judged: true }]);
  expect(sim.of('stalled')).toHaveLength(1);
});

describe('the next round', () => {
  function again(of = policy(2)): Simulation {
    const sim = simulate([of]);
    sim.tick(BAD);
    round(sim, BAD);
    expect(sim.of('not-verified')).toMatchObject([{ judged: true, next: 1 }]);
    return sim;
  }

  test('begins from the first step, without the outputs of the round before', () => {
    const sim = again();
    expect(Object.values(sim.own.episodes)[0]?.sequence).toMatchObject({
      round: 1,
      stepIndex: 0,
      outputs: {},
    });
    expect(sim.live('retrain').action.round).toBe(1);
  });

  test('is held by the cooldown of the one before', () => {
    const sim = again(policy(2, { actions: { retrain: { cooldownMs: DAY } } }));
    expect(sim.last?.decisions[0]?.holds.map(hold => hold.reason)).toEqual(['cooldown']);
    sim.run(24, BAD);
    expect(retrains(sim).map(one => one.action.round)).toEqual([0, 1]);
  });

  test('is asked for anew, and a no of it is final for a while (P19)', () => {
    const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 30 * DAY };
    const sim = simulate([policy(2, { actions: { retrain: { approval } } })]);
    const vote = (decision: 'yes' | 'no') => {
      sim.input({ kind: 'approval', approval: sim.of('ask').at(-1)?.approval ?? '', decision, by: PERSON });
      sim.tick(BAD);
    };
    sim.tick(BAD);
    vote('yes');
    round(sim, BAD);
    expect(sim.of('ask').map(one => one.action.round)).toEqual([0, 1]);
    vote('no');
    sim.run(48, BAD);
    expect(retrains(sim)).toHaveLength(1);
    expect(sim.of('ask')).toHaveLength(2);
  });

  test('runs under the policy of then: edited meanwhile, it asks', () => {
    const sim = simulate([policy(2)]);
    sim.tick(BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(BAD);
    sim.enforce([{ ...policy(2), actingHash: hashOf('edited') }]);
    sim.run(WITHIN / HOUR + 1, BAD);
    expect(sim.of('ask')).toMatchObject([{ why: 'adopt', action: { round: 1 } }]);
  });

  test('does not begin when the rule is no longer known to fire', () => {
    const sim = simulate([policy(2)]);
    sim.tick(BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.run(WITHIN / HOUR, { psi: undefined, perf: 0.9 });
    expect(sim.of('not-verified')).toMatchObject([{ next: 1 }]);
    expect(retrains(sim)).toHaveLength(1);
    sim.run(1, BAD);
    expect(retrains(sim)).toHaveLength(2);
  });

  test('is one by one also after a person has asked for another (P39)', () => {
    const sim = again();
    round(sim, BAD);
    expect(sim.of('stalled')).toHaveLength(1);
    sim.input({ kind: 'retry', episode: Number(Object.keys(sim.own.episodes)[0]), by: PERSON });
    sim.tick(BAD);
    round(sim, BAD);
    expect(sim.of('stalled')).toHaveLength(2);
    expect(retrains(sim).map(one => one.action.round)).toEqual([0, 1, 2]);
    expect(new Set(retrains(sim).map(one => one.action.key)).size).toBe(3);
  });
});
