/** Random histories of one target: ticks, votes, outcomes, commits, pauses and late words, as arbitraries of fast-check. */
import fc from 'fast-check';
import type { ClosedPolicy } from '../../src/model.ts';
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
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { AGENT, DAVE, requestOf } from './requested.ts';
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

export const MAX_GROUPS = 2;
export const RATE = { count: 2, perMs: 2 * DAY };
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

const bySlice = { op: '==', column: 'origin', value: { $: 'labels.origin' } };
const slices = ruleOf(
  doing(
    [
      {
        ...stepOf('retrain', { lookback: DAY, focus: bySlice }),
        retry: { attempts: 3, backoffMs: HOUR, backoffMaxMs: 2 * HOUR },
      },
      { ...NOTIFY, if: condition(compares('perf', '>', 0.4)) },
      { ...NOTIFY, id: 'told', require: condition(compares('labels.origin', '!==', 'D')) },
    ],
    {
      name: 'slices',
      when: condition(compares('v', '>', 0.2)),
      clear: condition(compares('v', '<', 0.1)),
      per: ['origin'],
      maxGroups: MAX_GROUPS,
      verify: {
        that: condition(compares('v', '<', 0.2)),
        withinMs: 3 * HOUR,
        attempts: 2,
        otherwise: 'escalate',
      },
    },
  ),
);
/** It comes to its verify soon, and more than once. */
const quick = ruleOf(
  doing([NOTIFY], {
    name: 'quick',
    when: condition(compares('v', '>', 0.4)),
    clear: condition(compares('v', '<', 0.1)),
    per: ['origin'],
    verify: {
      that: condition(compares('v', '<', 0.2)),
      withinMs: 2 * HOUR,
      attempts: 2,
      otherwise: 'escalate',
    },
  }),
);
const loud = ruleOf(
  doing([{ ...NOTIFY, if: condition(compares('psi', '>', 0.3)) }, stepOf('escalate', { text: 'loud' })], {
    name: 'loud',
    when: condition({ '>': [{ reduce: ['share', compares('v', '>', 0.2)] }, 0.5] }),
    forMs: HOUR,
  }),
);
const gate = ruleOf({
  name: 'gate',
  when: condition(compares('perf', '>', 0.8)),
  keepForMs: HOUR,
  gate: { on: 'data', blocks: ['promote'], reaches: ['model/late'], taint: false, running: 'finish' },
});

/** Versions of the policies, as commits would bring them. */
export const REVISIONS: readonly (readonly ClosedPolicy[])[] = [
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
  // Guarded in every way, with two rules that want the same.
  [
    policyOf({
      observe,
      rules: [
        ruleOf(doing([RETRAIN], { name: 'a' })),
        ruleOf(doing([RETRAIN, NOTIFY], { name: 'b', forMs: HOUR })),
      ],
      guard: {
        allow: [[{ name: 'day', when: '06:00-20:00', zone: 'UTC' }]],
        inhibitedBy: [{ policy: 'q', chains: ['model/late'], everyMs: HOUR }],
        blastRadius: [{ targets: 2, of: 3, scope: 'fleet', perMs: DAY }],
      },
    }),
    policyOf({
      policy: 'g',
      observe,
      rules: [
        ruleOf({
          ...gate,
          gate: { on: 'data', blocks: ['retrain'], reaches: ['model/late'], taint: true, running: 'cancel' },
        }),
      ],
    }),
    policyOf({
      policy: 'q',
      observe,
      rules: [
        ruleOf(doing([stepOf('rollback')], { name: 'back', when: condition(compares('perf', '>', 0.8)) })),
      ],
    }),
  ],
  [policyOf({ observe, actions: { retrain: { rate: RATE } }, rules: [slices, quick, loud, gate] })],
  [
    policyOf({ observe, rules: [{ ...slices, maxGroups: 1 }, quick, loud] }),
    {
      ...policyOf({ policy: 'q', observe, rule: doing([NOTIFY]) }),
      excluded: { policy: 'q', reason: 'not here' },
    },
  ],
];
/** Those with groups, further attempts, rounds and several rules. */
export const GROUPED = [REVISIONS.length - 2, REVISIONS.length - 1];

const level = fc.constantFrom(0.05, 0.15, 0.25, 0.5, 0.9, undefined);
const vector = fc.dictionary(fc.constantFrom('A', 'B', 'C', 'D'), level, { maxKeys: 4 });
export const values: fc.Arbitrary<Values> = fc.record({
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
      repeatable: fc.boolean(),
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
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      id: fc.constantFrom('r1', 'r2', 'r3'),
      step: fc.constantFrom(RETRAIN, stepOf('rollback'), stepOf('promote', { version: 'v3' })),
      by: fc.constantFrom(DAVE, AGENT),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('serve' as const), version: fc.constantFrom('v1', 'v2', 'v3') }),
  },
);
export type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;
export const scenario = fc.array(move, { minLength: 10, maxLength: 60 });

const bad = fc.constantFrom(0.5, 0.9, 0.9, 0.15, undefined);
const badValues = fc.record({
  psi: bad,
  perf: bad,
  v: fc.dictionary(fc.constantFrom('A', 'B', 'C'), bad, { minKeys: 2, maxKeys: 3 }),
});
/** Long histories in which nothing gets well: what is begun mostly fails, and what succeeds mostly does not help. */
export const stubborn: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('tick' as const),
        hours: fc.constantFrom(1, 1, 2),
        values: badValues,
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        outcome: fc.constantFrom('succeeded' as const, 'failed' as const),
        loss: fc.constant(0.7),
        repeatable: fc.constantFrom(true, true, false),
      }),
    },
    { weight: 1, arbitrary: move },
  ),
  { minLength: 60, maxLength: 100 },
);

/** A target that lives through the moves. */
export function play(
  moves: readonly Move[],
  begins = 0,
  after: (sim: Simulation) => void = () => {},
): Simulation {
  const sim = simulate(REVISIONS[begins] as readonly ClosedPolicy[]);
  for (const one of moves) {
    make(sim, one);
    after(sim);
  }
  return sim;
}

function make(sim: Simulation, one: Move): void {
  const records = Object.values(sim.own.actions);
  const episode = Object.values(sim.own.episodes)[0]?.id;
  switch (one.do) {
    case 'tick':
      sim.at += one.hours * HOUR;
      sim.tick(one.values);
      return;
    case 'start': {
      const record = records.find(action => action.state === 'intended');
      if (record) sim.start(record);
      return;
    }
    case 'cancel':
      if (records[0]) sim.input({ kind: 'cancel', action: records[0].action.id, by: PERSON });
      return;
    case 'end': {
      const record = records.find(action => action.state === 'started');
      if (record && one.outcome === 'failed') sim.fail(record, one.repeatable);
      else if (record) sim.end(record, one.outcome, { version: 'v2', log_loss: one.loss });
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
    case 'request':
      sim.input(requestOf(one.id, sim.at, { step: one.step, by: one.by, closed: { actions } }));
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
      const record = records.find(action => action.state === 'unresolved');
      if (record) sim.input({ kind: 'resolve', action: record.action.id, as: 'failed', by: PERSON });
      return;
    }
    case 'late': {
      // Words about an attempt that is over: they must decide nothing.
      const record = records.find(action => ['succeeded', 'failed', 'withdrawn'].includes(action.state));
      const { id: action, attempt } = record?.action ?? { id: 'nobody', attempt: 1 };
      sim.input({ kind: 'started', action, attempt, handle: null });
      sim.input({ kind: 'absent', action, attempt });
      sim.input({ kind: 'cannot-tell', action, attempt, message: 'late' });
    }
  }
}
