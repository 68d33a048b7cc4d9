/** What engines live through while they are disturbed: closed policies, the plant that they govern, and for how long. */
import type { ClosedPolicy, RolloutGate, RolloutSpec } from '../../src/model.ts';
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
} from '../core/closed-policy.ts';
import type { PlantSpec, ServedValue } from './plant.ts';

export interface Scenario {
  readonly policies: readonly ClosedPolicy[];
  readonly plant: Omit<PlantSpec, 'mode'>;
  /** The clock goes on by this when nothing is due any more. */
  readonly stepMs: number;
  /** After so many steps an undisturbed engine is through. */
  readonly steps: number;
}

const MINUTE = 60_000;
const MODEL = 'late';
const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
const better = condition(compares('steps.evaluate.log_loss', '<', 0.5));
const served = (version: string, then: number, otherwise: number): ServedValue => ({
  model: MODEL,
  version,
  then,
  otherwise,
});

const PLANT: Scenario['plant'] = {
  version: 'v1',
  values: { psi: 0.5, perf: served('v1', 0.9, 0.4) },
  outputs: { version: 'v2', log_loss: 0.4 },
  polls: 2,
};

/** The rate holds whatever fires again. Not against `before`: a query that failed at the opening leaves that unknown. */
const remedy: Scenario = {
  policies: [
    policyOf({
      observe: { psi: observes('psi'), perf: observes('perf', { windowMs: HOUR }) },
      actions: { retrain: { rate: { count: 1, perMs: 90 * DAY } }, promote: { approval } },
      rule: doing([RETRAIN, EVALUATE, { ...PROMOTE, require: better }], {
        verify: {
          that: condition(compares('perf', '<', 0.8)),
          withinMs: 3 * HOUR,
          attempts: 1,
          otherwise: 'escalate',
        },
      }),
    }),
  ],
  plant: PLANT,
  stepMs: HOUR,
  steps: 2,
};

/** A version is put into service and turns out to be bad. */
const rollback: Scenario = {
  policies: [
    policyOf({
      observe: { psi: observes('psi'), errors: observes('errors') },
      actions: { promote: { rate: { count: 1, perMs: 90 * DAY } } },
      rules: [
        ruleOf(doing([stepOf('promote', { version: 'v2' })], { name: 'forward' })),
        ruleOf(
          doing([stepOf('rollback')], {
            name: 'back',
            when: condition(compares('errors', '>', 0.5)),
          }),
        ),
      ],
    }),
  ],
  plant: { ...PLANT, values: { psi: 0.5, errors: served('v2', 0.9, 0.1) } },
  stepMs: HOUR,
  steps: 3,
};

/** The first run is evicted; the second attempt is another key of the same action. */
const retry: Scenario = {
  policies: [
    policyOf({
      actions: { retrain: { rate: { count: 1, perMs: 90 * DAY } } },
      rule: doing([
        { ...RETRAIN, retry: { attempts: 3, backoffMs: 10 * MINUTE, backoffMaxMs: HOUR } },
        NOTIFY,
      ]),
    }),
  ],
  plant: { ...PLANT, failing: { train: 1 } },
  stepMs: HOUR,
  steps: 3,
};

/** Two causes want the same retraining at the same time: one runs, and both go on with its outcome. They see the same. */
const coalescing: Scenario = {
  policies: [
    policyOf({
      rules: [
        ruleOf(doing([RETRAIN, { ...NOTIFY, id: 'first' }], { name: 'a' })),
        ruleOf(
          doing([RETRAIN, { ...NOTIFY, id: 'second' }], {
            name: 'b',
            when: condition(compares('psi', '>', 0.3)),
          }),
        ),
      ],
    }),
  ],
  plant: PLANT,
  stepMs: HOUR,
  steps: 2,
};

const GATE: RolloutGate = {
  name: 'health',
  everyMs: MINUTE,
  observe: { errors: observes('errors') },
  closed: condition(compares('errors', '>', 0.5)),
  fails: { count: 2, of: 3 },
};

const ROLLOUT: RolloutSpec = {
  name: 'standard',
  steps: [
    { weight: 0.1, holdMs: 3 * MINUTE, gate: 'health' },
    { weight: 1, holdMs: 2 * MINUTE, gate: 'health' },
  ],
  onFailure: 'rollback',
  // biome-ignore lint/suspicious/noThenProperty: the word of the language.
  onUnknown: { holdMs: 30 * MINUTE, then: 'rollback' },
  maxMs: 6 * HOUR,
};

function promoting(errors: number): Scenario {
  return {
    policies: [
      policyOf({
        actions: { promote: { rollout: 'standard', rate: { count: 1, perMs: 90 * DAY } } },
        rule: doing([stepOf('promote', { version: 'v2' })]),
        documents: { rollouts: { standard: ROLLOUT }, gates: { health: GATE } },
      }),
    ],
    plant: { ...PLANT, values: { psi: 0.5, errors: served('v2', errors, 0.1) } },
    stepMs: MINUTE,
    steps: 12,
  };
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  remedy,
  rollback,
  retry,
  coalescing,
  rollout: promoting(0.1),
  // The gate fails in the first hold.
  'rollout-back': promoting(0.9),
};
