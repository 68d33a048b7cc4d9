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
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

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
export const scenario = fc.array(move, { minLength: 10, maxLength: 60 });

/** A target that lives through the moves. */
export function play(moves: readonly Move[]): Simulation {
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
