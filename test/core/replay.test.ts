/** Properties over random histories: replay gives the same bytes, folding may be cut anywhere, and what is unknown never acts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { step } from '../../src/engine/step.ts';
import type { ClosedPolicy, Derived, Fresh, Own, Snapshot } from '../../src/model.ts';
import {
  CATALOGUE,
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
  ruleOf,
  stepOf,
  TARGET,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

const RATE = { count: 2, perMs: 2 * DAY };
const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 12 * HOUR };
const actions = { retrain: { rate: RATE, approval }, promote: { cooldownMs: 4 * HOUR } };
const observe = {
  psi: observes('psi'),
  perf: observes('perf'),
  v: observes('v', { args: { main: 'warehouse', sql: 'v', vector: true, labels: ['origin'] } }),
};
const verify = {
  that: condition({ '<': [{ var: 'perf' }, { var: 'before.perf' }] }),
  withinMs: 6 * HOUR,
  attempts: 1,
  otherwise: 'escalate' as const,
};
const better = condition(compares('steps.evaluate.log_loss', '<', 0.5));

/** Versions of the policies, as commits would bring them. */
const REVISIONS: readonly (readonly ClosedPolicy[])[] = [
  [
    policyOf({
      observe,
      actions,
      rule: doing([RETRAIN, EVALUATE, { ...PROMOTE, require: better }], { forMs: HOUR, verify }),
    }),
    policyOf({
      policy: 'q',
      observe,
      actions,
      rules: [
        ruleOf(doing([NOTIFY], { name: 'each', when: condition(compares('v', '>', 0.2)), keepForMs: HOUR })),
        ruleOf(doing([stepOf('rollback')], { name: 'back', when: condition(compares('perf', '>', 0.8)) })),
      ],
    }),
  ],
  [
    policyOf({
      observe,
      rule: doing([RETRAIN], {
        clear: condition(compares('psi', '<', 0.1)),
        when: condition(compares('psi', '>', 0.3)),
      }),
    }),
  ],
  [policyOf({ observe, actions, mode: 'observe', rule: doing([RETRAIN]) })],
  [],
  [
    policyOf({ observe, actions, rule: doing([RETRAIN]) }),
    policyOf({
      policy: 'q',
      observe,
      rules: [
        ruleOf(
          doing([RETRAIN], {
            name: 'each',
            when: condition({ '>': [{ reduce: ['count', compares('v', '>', 0.2)] }, 1] }),
          }),
        ),
      ],
    }),
  ],
];

const level = fc.constantFrom(0.05, 0.15, 0.25, 0.5, 0.9, undefined);
const vector = fc.dictionary(fc.constantFrom('A', 'B', 'C', 'D'), level, { maxKeys: 4 });
const values: fc.Arbitrary<Values> = fc.record({
  psi: level,
  perf: level,
  v: fc.oneof(vector, fc.constant(undefined)),
});
const move = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('tick' as const),
      hours: fc.constantFrom(0, 1, 1, 1, 2, 5),
      values,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('start' as const, 'start' as const, 'cancel' as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      outcome: fc.constantFrom(
        'succeeded' as const,
        'succeeded' as const,
        'failed' as const,
        'lost' as const,
        'cancelled' as const,
      ),
      loss: fc.constantFrom(0.3, 0.7),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('vote' as const),
      decision: fc.constantFrom('yes' as const, 'yes' as const, 'no' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), on: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('commit' as const), revision: fc.nat(REVISIONS.length - 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'retry' as const,
        'resolve' as const,
        'adopt' as const,
        'settle' as const,
        'late' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('serve' as const), version: fc.constantFrom('v1', 'v2', 'v3') }),
  },
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;
const scenario = fc.array(move, { minLength: 10, maxLength: 60 });

function play(moves: readonly Move[]): Simulation {
  const sim = simulate(REVISIONS[0] as readonly ClosedPolicy[]);
  for (const one of moves) make(sim, one);
  return sim;
}

function make(sim: Simulation, one: Move): void {
  const actions = Object.values(sim.own.actions);
  const episode = Object.values(sim.own.episodes)[0]?.id;
  switch (one.do) {
    case 'tick':
      sim.at += one.hours * HOUR;
      sim.tick(one.values);
      return;
    case 'start': {
      const record = actions.find(action => action.state === 'intended');
      if (record) sim.start(record);
      return;
    }
    case 'cancel':
      if (actions[0]) sim.input({ kind: 'cancel', action: actions[0].action.id, by: PERSON });
      return;
    case 'end': {
      const record = actions.find(action => action.state === 'started');
      if (record) sim.end(record, one.outcome, { version: 'v2', log_loss: one.loss });
      return;
    }
    case 'vote': {
      const ask = sim.of('ask').at(-1);
      if (ask) sim.input({ kind: 'approval', approval: ask.approval, decision: one.decision, by: PERSON });
      return;
    }
    case 'pause':
      if (one.on) sim.pause('all');
      else sim.resume('all');
      return;
    case 'commit':
      sim.enforce(REVISIONS[one.revision] as readonly ClosedPolicy[]);
      return;
    case 'serve':
      sim.serving = { champion: one.version, weights: { [one.version]: 1 } };
      return;
    case 'retry':
    case 'adopt':
      if (episode !== undefined) sim.input({ kind: one.do, episode, by: PERSON });
      return;
    case 'resolve':
      if (episode !== undefined) sim.input({ kind: 'resolve', episode, as: 'resolved', by: PERSON });
      return;
    case 'settle': {
      const record = actions.find(action => action.state === 'unresolved');
      if (record) sim.input({ kind: 'resolve', action: record.action.id, as: 'failed', by: PERSON });
      return;
    }
    case 'late': {
      // Words about an attempt that is over: they must decide nothing.
      const record = actions.find(action => ['succeeded', 'failed', 'withdrawn'].includes(action.state));
      const { id: action, attempt } = record?.action ?? { id: 'nobody', attempt: 1 };
      sim.input({ kind: 'started', action, attempt, handle: null });
      sim.input({ kind: 'absent', action, attempt });
      sim.input({ kind: 'cannot-tell', action, attempt, message: 'late' });
    }
  }
}

function folded(entries: readonly Fresh[], from: Own = emptyOwn(TARGET)): Own {
  return entries.reduce(fold, from);
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
            expect(['firing', 'clearing']).toContain(own.rules[policy]?.[rule]?.[group]?.state);
            acted++;
          }
          if (body.kind === 'verified' && body.what === 'sequence') {
            expect(snapshot.observations[body.cause?.policy ?? '']?.perf?.unknown).toBeUndefined();
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

test('ticks at one moment become quiet, and stay so', () => {
  fc.assert(
    fc.property(scenario, values, (moves, last) => {
      const sim = play(moves);
      for (let again = 0; again < 12; again++) if (sim.tick(last).length === 0) break;
      expect(sim.tick(last)).toEqual([]);
      sim.at += 1;
      expect(sim.tick(last, 'slots')).toEqual([]);
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
      let own = emptyOwn(TARGET);
      for (const entry of sim.chain) {
        const { body } = entry;
        own = fold(own, entry);
        const live = Object.values(own.actions).filter(
          one => ['intended', 'started', 'unresolved'].includes(one.state) && !isMessage(one.action.verb),
        );
        const subjects = live.map(one => one.action.call.subject);
        expect(new Set(subjects).size).toBe(subjects.length);
        if (body.kind === 'withdrawn' && own.actions[body.action ?? '']?.action.verb === 'retrain')
          begun.pop();
        if (body.kind !== 'intent' || body.action.verb !== 'retrain') continue;
        begun.push(entry.at);
        if (!body.plan.documents.model?.actions.retrain?.rate) continue;
        expect(begun.filter(at => at > entry.at - RATE.perMs).length).toBeLessThanOrEqual(RATE.count);
      }
    }),
    { numRuns: 100 },
  );
});
