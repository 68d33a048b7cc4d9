/** Properties over random histories: replay gives the same bytes, folding may be cut anywhere, and what is unknown never acts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { step } from '../../src/engine/step.ts';
import type { Derived, Fresh, Own, Snapshot } from '../../src/model.ts';
import { CATALOGUE, TARGET } from './closed-policy.ts';
import { play, RATE, scenario, values } from './scenarios.ts';

function folded(entries: readonly Fresh[], from: Own = emptyOwn(TARGET)): Own {
  return entries.reduce((own, entry) => fold(own, entry), from);
}

const plain = <T>(value: T): T => JSON.parse(canonical(value));

test('replay: the recorded inputs, snapshots and facts give every derived entry byte for byte', () => {
  let derived = 0;
  fc.assert(
    fc.property(scenario, moves => {
      const sim = play(moves);
      for (const tick of sim.ticks) {
        // Folded anew from the entries, in memory: nothing of the live run's own state is used.
        const own = folded(sim.chain.filter(entry => entry.seq <= tick.before.seq));
        const history = { own, facts: plain(tick.facts) };
        const answer = step(plain(tick.policies), plain(tick.snapshot), history, CATALOGUE);
        expect(canonical(answer.entries)).toBe(canonical(tick.entries));
        derived += answer.entries.length;
      }
    }),
    { numRuns: 60 },
  );
  expect(derived).toBeGreaterThan(500);
});

test('folding in two halves equals folding once', () => {
  fc.assert(
    fc.property(scenario, fc.double({ min: 0, max: 1, noNaN: true }), (moves, share) => {
      const { chain } = play(moves);
      const cut = Math.floor(chain.length * share);
      const half = plain(folded(chain.slice(0, cut)));
      expect(canonical(folded(chain.slice(cut), half))).toBe(canonical(folded(chain)));
    }),
    { numRuns: 60 },
  );
});

/** The hash of a snapshot is over its rows as they came; everything else must not know their order. */
function withoutHash(entries: readonly Derived[]): string {
  return canonical(entries.map(entry => ('snapshot' in entry ? { ...entry, snapshot: '' } : entry)));
}

function reversed(snapshot: Snapshot): Snapshot {
  const observations = Object.entries(snapshot.observations).map(([owner, byName]) => [
    owner,
    Object.fromEntries(
      Object.entries(byName)
        .reverse()
        .map(([name, one]) => [name, { ...one, readings: one.readings.toReversed() }]),
    ),
  ]);
  return { ...snapshot, observations: Object.fromEntries(observations.reverse()) };
}

test('the order of rows does not change the entries', () => {
  fc.assert(
    fc.property(scenario, moves => {
      for (const { policies, snapshot, before, facts, entries } of play(moves).ticks) {
        const answer = step(policies, reversed(snapshot), { own: before, facts }, CATALOGUE);
        expect(withoutHash(answer.entries)).toBe(withoutHash(entries));
      }
    }),
    { numRuns: 60 },
  );
});

const isMessage = (verb: string) => verb === 'notify' || verb === 'escalate';

test('what is unknown never asks, never begins, never verifies and never clears', () => {
  let acted = 0;
  fc.assert(
    fc.property(scenario, moves => {
      for (const { entries, before, snapshot } of play(moves).ticks) {
        let own = before;
        for (const body of entries) {
          own = fold(own, { seq: own.seq + 1, at: snapshot.takenAt, body });
          if ((body.kind === 'intent' || body.kind === 'ask') && !isMessage(body.action.verb)) {
            const { policy, rule, group } = body.cause;
            // No rule stands behind what was asked for.
            if (policy.startsWith('request:')) continue;
            // What has begun is brought to its end as a whole, also when its rule has ended meanwhile.
            const halfway = body.kind === 'intent' && body.action.phase > 0;
            const states = halfway ? ['firing', 'clearing', undefined, 'ok'] : ['firing', 'clearing'];
            expect(states).toContain(own.rules[policy]?.[rule]?.[group]?.state);
            acted++;
          }
          if (body.kind === 'verified' && body.what === 'sequence') {
            expect(body.verdict?.operands.filter(one => one.unknown)).toEqual([]);
          }
          if (body.kind === 'episode-ended' && body.how === 'cleared') {
            const seen = entries.find(
              one => one.kind === 'transition' && one.to === 'ok' && one.cause.group === body.cause.group,
            );
            expect(seen?.kind === 'transition' && seen.verdict?.answer).not.toBe('unknown');
          }
        }
      }
    }),
    { numRuns: 100 },
  );
  expect(acted).toBeGreaterThan(50);
});

function isGated(entry: Derived): boolean {
  return entry.kind === 'decision' && entry.decision.holds.some(hold => hold.reason === 'gated');
}

test('ticks at one moment become quiet, and stay so', () => {
  fc.assert(
    fc.property(scenario, values, (moves, last) => {
      const sim = play(moves);
      for (let again = 0; again < 12; again++) if (sim.tick(last).length === 0) break;
      expect(sim.tick(last)).toEqual([]);
      sim.at += 1;
      // Only the answer of a gate may be too old by then.
      const later = sim.tick(last, 'slots').filter(one => !isGated(one));
      expect(later).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('one effect per subject at a time, a new key for every attempt, and no budget exceeded', () => {
  fc.assert(
    fc.property(scenario, moves => {
      const sim = play(moves);
      const keys = sim.of('intent').map(one => one.action.key);
      expect(new Set(keys).size).toBe(keys.length);
      const begun: number[] = [];
      // A further attempt consumes nothing, and gives nothing back.
      const first = new Set<string>();
      let own = emptyOwn(TARGET);
      for (const entry of sim.chain) {
        const { body } = entry;
        own = fold(own, entry);
        const live = Object.values(own.actions).filter(
          one => ['intended', 'started', 'unresolved'].includes(one.state) && !isMessage(one.action.verb),
        );
        const subjects = live.map(one => one.action.call.subject);
        expect(new Set(subjects).size).toBe(subjects.length);
        if (body.kind === 'withdrawn' && first.has(`${body.action}/${body.attempt}`)) begun.pop();
        if (body.kind !== 'intent' || body.action.verb !== 'retrain' || !body.first) continue;
        first.add(`${body.action.id}/${body.action.attempt}`);
        begun.push(entry.at);
        if (!body.plan.documents.model?.actions.retrain?.rate) continue;
        expect(begun.filter(at => at > entry.at - RATE.perMs).length).toBeLessThanOrEqual(RATE.count);
      }
    }),
    { numRuns: 100 },
  );
});
