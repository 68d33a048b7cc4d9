/**
 * What holds in every history of policies with groups, several rules, skipped steps, further attempts, rounds and
 * exclusions: values that are unknown, vanish or stop coming, votes, cancels, edits and crashes of actions, in any order.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold } from '../../src/engine/fold.ts';
import type { ClosedPolicy, Episode, Own } from '../../src/model.ts';
import { HOUR } from './closed-policy.ts';
import { GROUPED, MAX_GROUPS, play, REVISIONS, scenario, stubborn } from './scenarios.ts';
import { PERSON, type Simulation } from './simulation.ts';

const begins = fc.constantFrom(...GROUPED);
const mixed = fc.oneof({ weight: 1, arbitrary: scenario }, { weight: 3, arbitrary: stubborn });
const LIVE = ['intended', 'starting', 'started', 'unresolved'];

function live(own: Own) {
  return Object.values(own.actions).filter(one => LIVE.includes(one.state));
}

function underWay({ ended, sequence }: Episode): boolean {
  if (ended || ['stalled', 'done'].includes(sequence.status)) return false;
  return sequence.status !== 'ready' || sequence.acted;
}

test('one live action a subject, and at most maxGroups sequences of a rule under way', () => {
  let most = 0;
  fc.assert(
    fc.property(begins, mixed, (revision, moves) => {
      play(moves, revision, sim => {
        const subjects = live(sim.own)
          .filter(one => one.action.call.capability !== 'notify.send')
          .map(one => one.action.call.subject);
        expect(new Set(subjects).size).toBe(subjects.length);
        const groups = Object.values(sim.own.episodes).filter(
          one => one.cause.rule === 'slices' && underWay(one),
        ).length;
        // An edit to fewer groups stops none of those that are under way.
        expect(groups).toBeLessThanOrEqual(MAX_GROUPS);
        most = Math.max(most, groups);
      });
    }),
    { numRuns: 40 },
  );
  expect(most).toBe(MAX_GROUPS);
});

test('nothing is asked, begun, skipped or tried again while the rule is not known to fire', () => {
  const seen = { intent: 0, skipped: 0, retrying: 0 };
  fc.assert(
    fc.property(begins, mixed, (revision, moves) => {
      for (const { entries, before, snapshot } of play(moves, revision).ticks) {
        let own = before;
        for (const body of entries) {
          own = fold(own, { seq: own.seq + 1, at: snapshot.takenAt, body });
          if (body.kind === 'retrying') seen.retrying++;
          if (body.kind !== 'intent' && body.kind !== 'skipped') continue;
          // What is told beside the sequence is told of unknown things as well.
          if (body.kind === 'intent' && body.action.step.startsWith('!')) continue;
          const { policy, rule, group } = body.cause;
          // No rule stands behind what was asked for.
          if (policy.startsWith('request:')) continue;
          expect(['firing', 'clearing']).toContain(own.rules[policy]?.[rule]?.[group]?.state);
          seen[body.kind]++;
        }
      }
    }),
    { numRuns: 40 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
});

test('rounds and attempts stay within their bounds, and no key is used twice', () => {
  let attempts = 0;
  let rounds = 0;
  fc.assert(
    fc.property(begins, stubborn, (revision, moves) => {
      const sim = play(moves, revision);
      const keys = sim.of('intent').map(one => one.action.key);
      expect(new Set(keys).size).toBe(keys.length);
      const tries = sim.of('retrying').map(one => `${one.action}`);
      for (const id of tries) expect(tries.filter(one => one === id).length).toBeLessThanOrEqual(2);
      for (const one of sim.of('not-verified')) expect(one.next ?? 1).toBeLessThanOrEqual(1);
      attempts = Math.max(attempts, ...sim.of('intent').map(one => one.action.attempt));
      rounds += sim.of('not-verified').filter(one => one.next !== undefined).length;
    }),
    { numRuns: 40 },
  );
  expect(attempts).toBeGreaterThan(1);
  expect(rounds).toBeGreaterThan(0);
});

/** The world is well again, everything that runs ends, and people settle what nobody knows. */
function recover(sim: Simulation, well: boolean): void {
  sim.resume('all');
  for (let hour = 0; hour < 24; hour++) {
    for (const record of live(sim.own)) {
      if (record.state === 'unresolved')
        sim.input({ kind: 'resolve', action: record.action.id, as: 'failed', by: PERSON });
      else if (record.state === 'intended') sim.start(record);
    }
    for (const record of live(sim.own)) {
      if (record.state === 'started') sim.end(record, 'succeeded', { version: 'v2', log_loss: 0.3 });
    }
    for (const { id } of Object.values(sim.own.episodes))
      if (!well) sim.input({ kind: 'resolve', episode: id, as: 'resolved', by: PERSON });
    sim.at += HOUR;
    sim.tick({ psi: 0.05, perf: 0.05, v: { A: 0.05, B: 0.05, C: 0.05, D: 0.05 } });
  }
}

test.each([
  ['the values are good again', true],
  ['a person resolves it', false],
] as const)('every state has a way to end: %s (P17)', (_, well) => {
  fc.assert(
    fc.property(
      begins,
      fc.oneof(scenario, stubborn),
      fc.nat(REVISIONS.length - 1),
      (revision, moves, last) => {
        const sim = play(moves, revision);
        sim.enforce(REVISIONS[last] as readonly ClosedPolicy[]);
        recover(sim, well);
        expect(sim.own.episodes).toEqual({});
        expect(live(sim.own)).toEqual([]);
        expect(sim.own.asks).toEqual({});
      },
    ),
    { numRuns: 40 },
  );
});

test('what is verified was measured after the remedy, for the group itself, and was good (P5)', () => {
  let verified = 0;
  fc.assert(
    fc.property(begins, stubborn, (revision, moves) => {
      for (const { entries, before, snapshot } of play(moves, revision).ticks) {
        for (const body of entries) {
          if (
            body.kind !== 'verified' ||
            body.what !== 'sequence' ||
            !['slices', 'quick'].includes(body.cause?.rule ?? '')
          )
            continue;
          const episode = before.episodes[body.episode ?? -1];
          const seen = { ...snapshot.observations.p, ...snapshot.observations[`p#${body.episode}`] }.v;
          const mine = seen?.readings.filter(one => one.labels.origin === episode?.labels.origin) ?? [];
          expect(mine.map(one => Number(one.fields.value) < 0.2)).toEqual([true]);
          expect(seen?.interval?.from).toBeGreaterThanOrEqual(episode?.sequence.endedAt ?? Number.NaN);
          verified++;
        }
      }
    }),
    { numRuns: 40 },
  );
  expect(verified).toBeGreaterThan(0);
});
