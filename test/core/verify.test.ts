/** Closing the loop through `step` and `fold`: verify, not verified, not judged, stalls and the four ways out of them. */
import { describe, expect, test } from 'vitest';
import type { Derived, Interval } from '../../src/model.ts';
import {
  condition,
  DAY,
  doing,
  HOUR,
  observed,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const WITHIN = 10 * HOUR;
const better = condition({ '<': [{ var: 'perf' }, { var: 'before.perf' }] });
const policy = policyOf({
  observe: { psi: observes('psi'), perf: observes('perf') },
  rule: doing([RETRAIN, PROMOTE], {
    verify: { that: better, withinMs: WITHIN, attempts: 1, otherwise: 'escalate' },
  }),
});
const BAD = { psi: 0.5, perf: 0.9 };

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  sim.start(record);
  sim.end(record, 'succeeded', outputs);
}

/** The drifted model, retrained and promoted: version 2 serves, and `verify` is to be judged. */
function promoted(version = 'v2', sim = simulate([policy])): Simulation {
  sim.tick(BAD);
  carryOut(sim, 'retrain', { version });
  sim.tick(BAD);
  carryOut(sim, 'promote');
  sim.tick(BAD);
  carryOut(sim, 'promote', { version });
  sim.serving = { champion: version, weights: { [version]: 1 } };
  return sim;
}

function kinds(entries: readonly Derived[]): readonly string[] {
  return entries.map(entry => entry.kind);
}

function perfOver(interval: Interval, value: number) {
  return { ...observed('perf', value), interval };
}

describe('verify', () => {
  test('first known true: the sequence and its version are verified, and the episode ends', () => {
    const sim = promoted();
    const judged = sim.run(1, { ...BAD, perf: 0.5 });
    expect(kinds(judged)).toEqual(['verified', 'verified', 'transition', 'episode-ended', 'decision']);
    expect(judged[0]).toMatchObject({ what: 'sequence', basis: 'verify' });
    expect(judged[1]).toMatchObject({ what: 'version', version: 'v2' });
    expect(judged[3]).toMatchObject({ how: 'verified' });
    expect(sim.own.verifiedVersions).toEqual(['v1', 'v2']);
    expect(sim.own.episodes).toEqual({});
    // The condition still holds: it is a new episode, not the old one.
    expect(kinds(sim.run(1, { ...BAD, perf: 0.5 }))).toContain('episode-opened');
  });

  test('false before the end decides nothing; true later verifies', () => {
    const sim = promoted();
    expect(kinds(sim.run(8, BAD)).filter(kind => kind !== 'decision')).toEqual([]);
    expect(kinds(sim.run(1, { ...BAD, perf: 0.1 }))).toContain('verified');
  });

  test('known false at the end: not verified, stalled, escalated with the evidence, and nothing more', () => {
    const sim = promoted();
    const entries = sim.run(30, BAD);
    expect(sim.of('not-verified')).toMatchObject([{ judged: true }]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'not-verified', version: 'v2' }]);
    const intents = entries.filter(entry => entry.kind === 'intent');
    expect(intents.map(one => one.action.verb)).toEqual(['escalate']);
    expect(String(intents[0]?.action.call.args.text)).toContain('0.9');
    expect(sim.own.verifiedVersions).toEqual(['v1']);
  });

  test('unknown at the end: escalated as not judged, and no new round', () => {
    const sim = promoted();
    sim.run(30, { ...BAD, perf: undefined });
    expect(sim.of('not-verified')).toMatchObject([{ judged: false }]);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'not-judged' }]);
    expect(sim.of('intent').map(one => one.action.verb)).toEqual([
      'retrain',
      'promote',
      'promote',
      'escalate',
    ]);
  });

  test('the wake is at the end of within, and it is judged there although no rule is due', () => {
    const sim = promoted();
    sim.tick(BAD);
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + HOUR);
    sim.at += WITHIN;
    sim.policies = [{ ...policy, everyMs: 1000 * DAY }];
    sim.tick(BAD, 'slots');
    expect(sim.ticks.at(-1)?.snapshot.due).toEqual([]);
    expect(sim.of('not-verified')).toHaveLength(1);
  });

  test('a window that began before the remedy ended says nothing about it', () => {
    const sim = promoted();
    const ended = sim.at;
    sim.at += HOUR;
    sim.tick({ psi: 0.5, perf: perfOver({ from: ended - 1, to: sim.at }, 0.1) });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toEqual([]);
    sim.at += HOUR;
    sim.tick({ psi: 0.5, perf: perfOver({ from: ended, to: sim.at }, 0.1) });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toHaveLength(1);
  });

  test('someone took the version out of service: not verified', () => {
    const sim = promoted();
    sim.serving = { champion: 'v1', weights: { v1: 1 } };
    sim.run(1, { ...BAD, perf: 0.1 });
    expect(sim.of('not-verified')).toHaveLength(1);
    expect(sim.own.verifiedVersions).toEqual(['v1']);
  });

  test('`before` is the value when the episode opened, whatever came since', () => {
    const sim = promoted();
    sim.run(3, { ...BAD, perf: 1.5 });
    sim.run(1, { ...BAD, perf: 0.95 });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toEqual([]);
    sim.run(1, { ...BAD, perf: 0.89 });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toHaveLength(1);
  });

  test('clear ends it before verify is known: cleared, never verified', () => {
    const sim = promoted();
    sim.run(1, { psi: 0.1, perf: 0.9 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'cleared' }]);
    expect(sim.own.verifiedVersions).toEqual(['v1']);
  });
});

describe('a stall', () => {
  function stalled(): Simulation {
    const sim = promoted();
    sim.run(12, BAD);
    expect(sim.of('stalled')).toHaveLength(1);
    expect(sim.run(20, BAD).filter(entry => entry.kind === 'intent')).toEqual([]);
    return sim;
  }
  const episodeOf = (sim: Simulation) => Number(Object.keys(sim.own.episodes)[0]);

  test('is left by retry: a new round with other ids, judged by its own promotion', () => {
    const sim = stalled();
    for (const version of ['v3', 'v4', 'v5']) {
      sim.input({ kind: 'retry', episode: episodeOf(sim), by: PERSON });
      promoted(version, sim);
      if (version !== 'v5') sim.run(12, BAD);
    }
    sim.run(1, { ...BAD, perf: 0.1 });
    expect(sim.of('not-verified').every(one => one.judged)).toBe(true);
    expect(sim.of('stalled').map(one => one.message)).not.toContainEqual(
      expect.stringContaining('no longer in service'),
    );
    expect(sim.own.verifiedVersions).toEqual(['v1', 'v5']);
    const retrains = sim.of('intent').filter(one => one.action.verb === 'retrain');
    expect(retrains.map(one => one.action.round)).toEqual([0, 1, 2, 3]);
    expect(new Set(retrains.map(one => one.action.id)).size).toBe(4);
  });

  test('is left by resolve: the episode ends', () => {
    const sim = stalled();
    sim.input({ kind: 'resolve', episode: episodeOf(sim), as: 'resolved', by: PERSON });
    sim.tick({ psi: undefined, perf: 0.9 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'resolved' }]);
    expect(sim.own.rules.p?.main).toEqual({});
  });

  test('is left by an edit of the rule: one that asks, as its episode is of an earlier hash', () => {
    const sim = stalled();
    sim.enforce([{ ...policy, actingHash: 'edited' }]);
    sim.tick(BAD);
    expect(sim.of('ask')).toMatchObject([{ why: 'adopt', action: { round: 1, verb: 'retrain' } }]);
  });

  test('is not left by a commit that changes nothing that acts', () => {
    const sim = stalled();
    sim.enforce([{ ...policy, closureHash: 'other words' }]);
    expect(sim.run(3, BAD).filter(entry => entry.kind !== 'decision')).toEqual([]);
  });

  test('is left by a new version in service', () => {
    const sim = stalled();
    sim.serving = { champion: 'v9', weights: { v9: 1 } };
    sim.tick({ psi: undefined, perf: 0.9 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'resolved' }]);
  });

  test.each([
    ['failed', 'step-failed', 1],
    ['timed-out', 'step-failed', 1],
    ['cancelled', 'cancelled', 0],
  ] as const)('%s: %s, %i pages', (outcome, reason, pages) => {
    const sim = simulate([policy]);
    sim.tick(BAD);
    const record = sim.live('retrain');
    sim.start(record);
    sim.end(record, outcome);
    sim.run(3, BAD);
    expect(sim.of('stalled')).toMatchObject([{ reason }]);
    expect(sim.of('intent').filter(one => one.action.verb === 'escalate')).toHaveLength(pages);
    expect(sim.of('intent').filter(one => one.action.verb === 'retrain')).toHaveLength(1);
  });

  test('a verb that cannot be done here is unbound', () => {
    const documents = { model: { ...policy.documents.model!, pipelines: {} } };
    const sim = simulate([policyOf({ rule: doing([RETRAIN]), documents })]);
    sim.tick(BAD);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'unbound' }]);
  });
});

test('a remedy that can be judged in the tick that clears is verified, not merely cleared', () => {
  const sim = promoted();
  const judged = sim.run(1, { psi: 0.1, perf: 0.5 });
  expect(kinds(judged)).toEqual(['verified', 'verified', 'transition', 'episode-ended', 'decision']);
  expect(sim.of('episode-ended').map(one => one.how)).toEqual(['verified']);
});

test('nothing is begun for a sequence whose promotion could not be carried out', () => {
  const sim = simulate([policy]);
  sim.serving = { weights: {}, unknown: { reason: 'absent', message: 'weights.json is not there' } };
  sim.tick(BAD);
  expect(sim.of('intent')).toEqual([]);
  expect(sim.last?.decisions[0]?.holds).toEqual([
    { reason: 'unknown', message: 'promote will need what serves: weights.json is not there' },
  ]);
  sim.serving = { champion: 'v1', weights: { v1: 1 } };
  sim.run(1, BAD);
  expect(sim.of('intent').map(one => one.action.verb)).toEqual(['retrain']);
});

test('the page of an unresolved action carries the evidence once', () => {
  const sim = simulate([policy]);
  sim.tick(BAD);
  sim.start(sim.live('retrain'));
  sim.end(sim.live('retrain'), 'lost');
  sim.tick(BAD);
  const page = sim.of('intent').find(one => one.action.verb === 'escalate');
  expect(String(page?.action.call.args.text).match(/ fires/g)).toHaveLength(1);
});
