/** The fields of one rule: its conditions, steps, verify and gate. Shape only; names are checked when a policy is closed. */
import { z } from 'zod';
import { count, duration, flag, period, present, stepApproval, word } from './fields.ts';

const A_CONDITION = 'expected a condition such as psi > 0.2';

export const condition = z
  .union(
    [
      z
        .string()
        .refine(value => value.trim() !== '', A_CONDITION)
        .meta({ pattern: String.raw`\S` }),
      z.record(z.string(), z.json()).refine(value => Object.keys(value).length > 0, A_CONDITION),
    ],
    { error: A_CONDITION },
  )
  .meta({
    description: 'An expression that is true, false or unknown; or the JSON Logic that it stands for.',
    examples: ['psi > 0.2', 'share(psi > params.psi_max) > 5% and nulls < 2%'],
  });
const retry = z
  .union(
    [
      z
        .int()
        .min(2, 'expected at least 2: the first attempt counts')
        .transform(attempts => ({ attempts })),
      z
        .strictObject({
          attempts: z
            .int('expected a whole number')
            .min(2, 'expected at least 2: the first attempt counts')
            .meta({ description: 'In all, the first included; at least 2.', examples: [3] }),
          backoff: period.optional().meta({
            description: 'The pause before the second attempt; it doubles from then on.',
            examples: ['5m'],
          }),
          max: period
            .optional()
            .meta({ description: 'The longest pause between two attempts.', examples: ['1h'] }),
          within: period.optional().meta({
            description:
              'All attempts with their pauses end within this time of the first beginning; without it only timeout binds, and that each attempt.',
            examples: ['8h'],
          }),
        })
        .transform(present),
    ],
    {
      error:
        'expected at least 2 attempts, the first included, such as 3, or { attempts, backoff, max, within }',
    },
  )
  .meta({
    description: 'Attempts in all of an action that failed repeatably, after a pause that doubles up to max.',
    examples: [3, { attempts: 3, backoff: '5m', max: '1h', within: '8h' }],
  });

/** What every step may say beside its verb. */
export const stepArguments = {
  id: word.optional().meta({
    description: `What templates and conditions call it (\${steps.ID.version}); its verb unless said.`,
    examples: ['retrain'],
  }),
  if: condition.optional().meta({
    description: 'Known false: the step is skipped, and the sequence goes on. Unknown waits.',
    examples: ['rows > 10k'],
  }),
  require: condition.optional().meta({
    description: 'Known true: the step runs. Known false: onNotMet. Unknown waits.',
    examples: ['steps.evaluate.delta_upper < 0'],
  }),
  onNotMet: z.enum(['escalate', 'stop'], 'expected escalate or stop').optional().meta({
    default: 'escalate',
    description:
      'What happens when require is known false: escalate (the default) pages people, stop ends the sequence without a page; either way it is stalled.',
  }),
  timeout: period.optional().meta({
    description:
      'How long one attempt may run; then it is asked to end and counts as timed out, and where nobody confirms that, as unresolved. The Model may say it too; 24h unless said.',
    examples: ['6h'],
  }),
  retry: retry.optional(),
  approval: stepApproval.optional(),
  undo: z.literal(true, 'expected true, or no undo at all').optional().meta({
    description:
      'When the sequence gives up after this step, what the step did is taken back by safe actions of their own, the last step first: after a later step failed for good or was not met, and when the remedy is known not to have helped. Not after a cancel, and not when nobody could judge it. promote can be undone.',
  }),
};

const step = z
  .object(stepArguments)
  .catchall(z.json())
  .meta({
    description:
      'One verb with its arguments, and id, if, require, onNotMet, timeout, retry, approval, undo.',
    examples: [{ retrain: { lookback: '90d' }, timeout: '6h' }],
  });

const verify = z
  .strictObject({
    that: condition.meta({
      description:
        'What must be known true, on data from after the last step; before.NAME is the value when the rule fired.',
      examples: ['auc > before.auc'],
    }),
    within: period.meta({
      description:
        'How long after the last step it may take; unknown at the end is escalated, never tried again.',
      examples: ['30d'],
    }),
    attempts: count
      .default(1)
      .meta({ description: 'Rounds of the remedy in all; 1 unless said.', examples: [2] }),
    otherwise: z.literal('escalate', 'expected escalate').default('escalate').meta({
      description: 'What happens when no round helped: people are paged, and the episode is stalled.',
    }),
  })
  .meta({
    description: 'Whether the remedy helped, judged on data after its last step.',
    examples: [{ that: 'perf < before.perf', within: '30d', attempts: 2 }],
  });

const fails = z
  .string('expected a share of checks such as 3 of 5')
  .regex(/^[1-9]\d{0,3} of [1-9]\d{0,3}$/, 'expected a share of checks such as 3 of 5')
  .transform(written => {
    const [least, of] = written.split(' of ').map(Number);
    return { count: least ?? 1, of: of ?? 1 };
  })
  .refine(({ count: least, of }) => least <= of, 'expected at most as many as there are, such as 3 of 5')
  .meta({
    default: '1 of 1',
    description:
      'On a rollout: how many of the last checks must be known closed to fail it; 1 of 1 unless said.',
    examples: ['3 of 5'],
  });

const gate = z
  .strictObject({
    on: z.enum(['data', 'rollout'], 'expected data or rollout').optional().meta({
      default: 'data',
      description:
        'data (the default): holds verbs while it is closed. rollout: judges the holds of a rollout.',
    }),
    closed: condition.meta({
      description: 'What closes it. Unknown closes a gate on data, and holds a rollout.',
      examples: ['nulls > 5%'],
    }),
    blocks: z
      .array(word, 'expected a list of verbs')
      .min(1, 'expected at least one verb')
      .optional()
      .meta({
        description: 'On data: the verbs that are held. Safe verbs and messages are never held.',
        examples: [['retrain', 'promote']],
      }),
    reach: z.enum(['target', 'dependants'], 'expected target or dependants').optional().meta({
      default: 'target',
      description:
        'On data: target (the default) holds this target; dependants every Model that descends from it as well.',
    }),
    reopen: duration.optional().meta({
      default: '0s',
      description: 'On data: how long closed must be known false before it opens again; at once unless said.',
      examples: ['2h'],
    }),
    taint: flag.optional().meta({
      default: false,
      description:
        'On data: rows of the time in which it was closed are refused or left out by later retrains.',
    }),
    running: z.enum(['finish', 'cancel'], 'expected finish or cancel').optional().meta({
      default: 'finish',
      description: 'On data: what happens to blocked actions that run when it closes; finish unless said.',
    }),
    needs: condition.optional().meta({
      description: 'On a rollout: until this is known true nothing is judged, and nothing advances.',
      examples: ['requests.canary >= 2000'],
    }),
    fails: fails.optional(),
  })
  .transform(present)
  .meta({
    description:
      'On data: while closed holds, or is unknown, these verbs are held. On a rollout: judged at every tick of a hold.',
    examples: [
      {
        blocks: ['retrain', 'promote'],
        reach: 'dependants',
        closed: 'nulls > 5%',
        reopen: '2h',
        taint: true,
      },
      { on: 'rollout', needs: 'requests.canary >= 2000', closed: 'errors.canary > 1%', fails: '3 of 5' },
    ],
  });

/** The parts of one rule, of which a policy has one, or several under `rules`. */
export const ruleFields = {
  when: condition.optional().meta({
    description: 'What is wrong. True starts the timer of for; unknown starts nothing and ends nothing.',
  }),
  for: duration.optional().meta({
    default: '0s',
    description:
      'How long when must hold before it fires; at once unless said. Unknown and gaps stand still, and start it anew when they last.',
    examples: ['24h'],
  }),
  clear: condition.optional().meta({
    description:
      'What ends the firing when known true for keepFor; not when unless said. Hysteresis goes here.',
    examples: ['share(psi > params.psi_max) < 2%'],
  }),
  keepFor: duration.optional().meta({
    default: '0s',
    description:
      'How long clear must hold before the firing ends; at once unless said. Unknown starts it anew.',
    examples: ['6h'],
  }),
  staleAfter: duration.optional().meta({
    description:
      'After how long a label set that has vanished ends its firing; the longer of 3 times every and for unless said.',
    examples: ['18h'],
  }),
  per: z
    .array(word, 'expected a list of labels')
    .min(1, 'expected at least one label')
    .optional()
    .meta({
      description:
        'One episode and one sequence for each value of these labels; needed where when is a vector.',
      examples: [['origin']],
    }),
  maxGroups: count.optional().meta({
    default: 5,
    description: 'With per: how many groups act at once; 5 unless said.',
    examples: [5],
  }),
  // biome-ignore lint/suspicious/noThenProperty: the word of the language.
  then: z
    .array(step, 'expected a list of steps')
    .min(1, 'expected at least one step: a rule without steps does nothing')
    .optional()
    .meta({
      description: 'What is done when it fires: steps in order, each one verb.',
      examples: [[{ retrain: { lookback: '90d' }, timeout: '6h' }]],
    }),
  verify: verify.optional(),
  gate: gate.optional(),
};

const ruleName = z
  .string('expected a name')
  .max(100, 'expected at most 100 characters')
  .regex(/^[A-Za-z0-9]([\w-]*[A-Za-z0-9])?$/, 'expected a name of letters, digits, dashes and underscores');

/** One of `rules`. */
export const namedRule = z
  .strictObject({
    name: ruleName.meta({
      description: 'Its name in the policy: explain, gates and tests call it POLICY/NAME.',
      examples: ['severe'],
    }),
    ...ruleFields,
  })
  .transform(present);

/** A condition as it is written: text, or JSON Logic. */
export type ConditionText = z.output<typeof condition>;
export type GateText = z.output<typeof gate>;
