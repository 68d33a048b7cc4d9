/** The fields of one observation: what it is compared with, and what every one may say beside its evaluator's arguments. Shape only. */
import { z } from 'zod';
import { flag, name, period, text, time } from './fields.ts';
import { condition } from './rule-fields.ts';

const predicate = z
  .string("expected a filter such as origin == 'ORD'")
  .refine(value => value.trim() !== '', "expected a filter such as origin == 'ORD'")
  .meta({
    description:
      'Which rows are read, of current and reference data alike: segment columns compared with literals (== != < <= > >=, in [...], is null), joined by and, or, not.',
    pattern: String.raw`\S`,
    examples: ["origin == 'ORD' and hour >= 6"],
  });

const version = z.strictObject({
  version: text.meta({
    description: 'The version whose predictions are compared with.',
    examples: [`\${rollout.baseline}`],
  }),
  window: z
    .literal('step', 'expected step: both versions are compared over the same time')
    .meta({ description: 'Since the step of the rollout began, as the current rows.' }),
});
const lookback = z.strictObject({
  window: period.meta({ description: 'How long each interval of the reference is.', examples: ['7d'] }),
  offset: z
    .union([period.transform(one => [one]), z.array(period).min(1, 'expected at least one duration')], {
      error: 'expected a duration, or a list of them, such as [7d, 14d]',
    })
    .meta({
      description: 'How long before the current window each ends; several are taken together.',
      examples: ['7d', ['7d', '14d']],
    }),
});
const ofDataset = name.meta({ description: 'A Dataset with the same columns.', examples: ['training-2025'] });
const interval = z.strictObject({
  from: time.meta({ description: 'Its first moment; a date is midnight UTC.', examples: ['2001-01-01'] }),
  to: time.meta({ description: 'Its end, which does not belong to it.', examples: ['2001-02-01'] }),
  dataset: ofDataset.optional(),
});

const reference = z
  .union([z.literal('training'), lookback, interval, z.strictObject({ dataset: ofDataset }), version], {
    error: 'expected training, { window, offset }, { from, to } or { dataset }',
  })
  .meta({
    description:
      'What the current rows are compared with: training (the data of the champion, frozen for an episode), { window: 7d, offset: [7d, 14d] }, { from, to }, { dataset }, or in a gate on a rollout { version, window: step }.',
    examples: [
      'training',
      { window: '7d', offset: ['7d', '14d'] },
      { from: '2001-01-01', to: '2001-02-01' },
      { dataset: 'training-2025' },
    ],
  });
export type ReferenceText = z.output<typeof reference>;

/** What every observation may say beside its evaluator's own arguments. */
export const commonArguments = {
  window: z
    .union([period, z.literal('step')], { error: 'expected a duration such as 30m, 6h or 7d' })
    .optional()
    .meta({
      description:
        "How far back it looks, ending at now less the data's lateness (labels: less their delay too). In a gate on a rollout, step: since the step began.",
      examples: ['7d'],
    }),
  every: period.optional().meta({
    description: 'As often as the policy is looked at; anything else is refused, so it need not be said.',
    examples: ['6h'],
  }),
  where: predicate.optional(),
  maxAge: period.optional().meta({
    description:
      'How old the newest row may be, measured from the end of the window; older is unknown (stale).',
    examples: ['26h'],
  }),
  minSamples: z
    .int('expected a whole number')
    .min(1, 'expected a whole number of at least 1')
    .optional()
    .meta({
      description: 'Fewer rows than this behind a value make it unknown (too-few).',
      examples: [5000],
    }),
  unit: z
    .enum(['number', 'count', 'ratio', 'duration', 'boolean', 'string'], {
      error: 'expected number, count, ratio, duration, boolean or string',
    })
    .optional()
    .meta({
      default: 'number',
      description: 'The dimension of what a query gives; number unless said. Other evaluators know theirs.',
    }),
  reference: reference.optional(),
  onMissing: z
    .strictObject({
      alertAfter: period.meta({
        description: 'Unknown for so long, it is told once for each cause.',
        examples: ['6h'],
      }),
    })
    .optional()
    .meta({
      description: 'Tells people, once a cause, when it is unknown for so long.',
      examples: [{ alertAfter: '6h' }],
    }),
  expect: z
    .literal('present', 'expected present: its absence is then a breach')
    .optional()
    .meta({ description: 'present: that it is not there is a breach itself, as of a dead endpoint.' }),
  needs: condition.optional().meta({
    description: 'Over other observations: until this is known true, the value is unknown.',
    examples: ['requests >= 100'],
  }),
  sides: flag.optional().meta({
    description: 'In a gate on a rollout: taken once a side, as NAME.canary and NAME.baseline.',
  }),
  treatAs: z
    .json()
    .optional()
    .meta({
      description: 'Always refused: unknown is never made a number. Use onMissing, expect or exists(x).',
      examples: [0],
    }),
};

/** One line of `observe`. */
export const observation = z
  .object(commonArguments)
  .catchall(z.json())
  .meta({
    description: 'One evaluator with its main argument, its own arguments, and the common ones.',
    examples: [{ drift: 'psi', feature: 'tenure', window: '7d', reference: 'training' }],
  });
