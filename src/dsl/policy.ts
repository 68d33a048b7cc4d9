/** The validator of `Policy`: its shape and quantities. What its names refer to is checked when it is closed. */
import { z } from 'zod';
import { count, duration, envelope, mode, name, period, present, rate, ratio, text, word } from './fields.ts';
import { observation } from './observation-fields.ts';
import { namedRule, ruleFields } from './rule-fields.ts';

const labels = z.record(
  z.string(),
  z.string('expected text'),
  'expected a mapping of labels to text, such as { tier: prod }',
);
const selected = z
  .union(
    [
      name,
      z.strictObject({
        labels: labels.meta({
          description:
            'Every document of the kind that has all of these labels, each as a target of its own.',
          examples: [{ tier: 'prod' }],
        }),
      }),
    ],
    {
      error: 'expected a name, or { labels: { tier: prod } } for every one that has them',
    },
  )
  .meta({ examples: ['churn', { labels: { tier: 'prod' } }] });

const target = z
  .strictObject({
    model: selected.meta({ description: 'A Model by name, or every one with these labels.' }),
    dataset: selected.meta({
      description: 'A Dataset by name, or every one with these labels.',
      examples: ['predictions', { labels: { tier: 'prod' } }],
    }),
    connection: selected.meta({
      description: 'A Connection by name, or every one with these labels.',
      examples: ['warehouse', { labels: { tier: 'prod' } }],
    }),
  })
  .partial()
  .refine(value => Object.keys(value).length === 1, 'expected exactly one of model, dataset and connection')
  .meta({
    description:
      'What the policy is about: { model: NAME }, { dataset: NAME } or { connection: NAME }; with { labels: {…} } in place of the name, every one that has these labels, each for itself.',
    examples: [{ model: 'churn' }, { model: { labels: { tier: 'prod' } } }],
    minProperties: 1,
    maxProperties: 1,
  });

const scalar = z.union([z.number(), z.string(), z.boolean()], {
  error: 'expected a number, a share such as 5%, a duration such as 6h, text, true or false',
});
const param = z
  .strictObject({
    default: scalar.meta({
      description: 'The value unless a Model says its own; its form (0.2, 5%, 6h, text) is its dimension.',
      examples: [0.2, '5%', '6h'],
    }),
    min: scalar
      .optional()
      .meta({ description: 'The least that a Model may say; no bound unless said.', examples: [0.1] }),
    max: scalar
      .optional()
      .meta({ description: 'The greatest that a Model may say; no bound unless said.', examples: [0.5] }),
    description: text
      .optional()
      .meta({ description: 'For people: what it is.', examples: ['PSI above which a feature has moved'] }),
  })
  .transform(present)
  .meta({
    description: 'A value that a Model may override within the bounds: spec.params.POLICY there.',
    examples: [{ default: 0.2, min: 0.1, max: 0.5 }],
  });

const cron = z
  .strictObject({
    cron: z.string('expected minute, hour, day, month and weekday, such as 0 2 * * *').meta({
      description: 'Minute, hour, day of the month, month, weekday.',
      pattern: String.raw`^\S+( +\S+){4}$`,
      examples: ['0 2 * * *'],
    }),
    zone: z.string('expected an IANA time zone such as Europe/Zurich or UTC').meta({
      description: 'The IANA time zone whose clock it is; required, because there is no default that fits.',
      examples: ['Europe/Zurich', 'UTC'],
    }),
  })
  .meta({ description: 'Five fields of cron in an IANA zone.' });

const inhibitor = z
  .strictObject({
    policy: name.meta({
      description:
        'While a rule of this policy fires, or none was evaluated yet, nothing disruptive begins here.',
      examples: ['warehouse-down'],
    }),
    equal: z
      .array(text, 'expected a list of labels')
      .optional()
      .meta({
        description:
          'Only its instances whose target has the same values of these; connection is the one that is read. All unless said.',
        examples: [['connection']],
      }),
  })
  .transform(present)
  .meta({ examples: [{ policy: 'warehouse-down', equal: ['connection'] }] });

const guard = z
  .strictObject({
    cooldown: duration.optional().meta({
      description:
        'Least time between the end of a verb on this target and its next start, whoever started it.',
      examples: ['24h'],
    }),
    rate: rate.optional().meta({
      description: 'Starts of a verb on this target at most, counted over all policies, people and agents.',
      examples: ['3 per 7d'],
    }),
    allow: z
      .array(name, 'expected a list of windows of Settings')
      .optional()
      .meta({
        description: 'Disruptive actions begin only while one of these windows is open.',
        examples: [['business-hours']],
      }),
    deny: z
      .array(name, 'expected a list of windows of Settings')
      .optional()
      .meta({
        description: 'No disruptive action begins while one of these windows is open; deny wins over allow.',
        examples: [['year-end']],
      }),
    blastRadius: z
      .strictObject({
        targets: count.optional().meta({ description: 'At most so many targets.', examples: [3] }),
        share: ratio.optional().meta({
          description: 'At most such a share of the targets in the scope; it allows at least one.',
          examples: ['10%'],
        }),
        scope: z.enum(['fleet', 'policy'], 'expected fleet or policy').optional().meta({
          default: 'policy',
          description:
            'policy: what this policy does counts. fleet: what all policies do. policy unless said.',
        }),
        per: period.meta({ description: 'Within any period of this length.', examples: ['1h'] }),
      })
      .transform(present)
      .optional()
      .meta({
        description:
          'How many targets may be acted on within a time; rules out a fault that hits all of them.',
        examples: [{ targets: 3, share: '10%', per: '1h' }],
      }),
    inhibitedBy: z
      .array(inhibitor, 'expected a list of { policy, equal }')
      .optional()
      .meta({
        description:
          'Policies that hold the disruptive actions of this one while they fire. What cannot be reached inhibits without being named.',
        examples: [[{ policy: 'warehouse-down', equal: ['connection'] }]],
      }),
  })
  .prefault({})
  .transform(present)
  .meta({
    description:
      'What this policy adds to the limits of the Model and of Settings: it may only tighten them.',
    examples: [{ cooldown: '24h', rate: '3 per 7d', allow: ['business-hours'], deny: ['year-end'] }],
  });

const notify = z
  .strictObject({
    severity: text
      .optional()
      .meta({ description: 'What routes match as severity.', examples: ['ticket', 'page'] }),
    to: z
      .union([name.transform(one => [one]), z.array(name)], { error: 'expected channels of Settings' })
      .optional()
      .meta({ description: 'Channels of Settings, beside those of the routes.', examples: ['oncall'] }),
  })
  .transform(present)
  .meta({ description: 'Of its messages: their severity, and channels beside those of the routes.' });

const observations = z.record(word, observation, 'expected a mapping of observations');

const fields = {
  description: text.optional().meta({
    description: 'For people: what it watches and why. Never part of what may act.',
    examples: ['Many features moved, the data is sound: one retraining is warranted.'],
  }),
  mode: mode.optional().meta({
    default: 'observe',
    description:
      'observe (the default) looks and says what it would do; enforce does it. One word, or a map by environment; Settings, Model and connections may lower it.',
  }),
  target,
  params: z
    .record(word, param, 'expected a mapping of params')
    .optional()
    .meta({
      description: 'Values with a name and bounds, for conditions (params.psi_max) and arguments.',
      examples: [{ psi_max: { default: 0.2, min: 0.1, max: 0.5 } }],
    }),
  every: z
    .union([period, cron], {
      error: 'expected a duration such as 30m, 6h or 7d, or { cron: "0 2 * * *", zone: Europe/Zurich }',
    })
    .meta({
      description:
        'How often it is looked at: a duration, or a schedule. Timers stand still over a gap longer than twice this.',
      examples: ['6h', { cron: '0 2 * * *', zone: 'Europe/Zurich' }],
    }),
  observe: observations
    .refine(value => Object.keys(value).length > 0, 'expected at least one observation')
    .meta({
      description: 'What is looked at: a name for conditions, and one evaluator with its arguments.',
      examples: [{ psi: { drift: 'psi', feature: 'tenure', window: '7d', reference: 'training' } }],
      minProperties: 1,
    }),
  ...ruleFields,
  rules: z
    .array(namedRule, 'expected a list of named rules')
    .min(1, 'expected at least one rule')
    .optional()
    .meta({
      description: 'Named rules that share observe and guard, in place of the one rule of spec.',
      examples: [
        // biome-ignore lint/suspicious/noThenProperty: the word of the language.
        [{ name: 'severe', when: 'psi > 0.4', for: '6h', then: [{ escalate: { to: 'on-call' } }] }],
      ],
    }),
  guard,
  notify: notify.optional(),
  maxSeries: z
    .int('expected a whole number')
    .min(1, 'expected a whole number from 1 to 500')
    .max(500, 'expected a whole number from 1 to 500')
    .optional()
    .meta({
      default: 500,
      description: 'Beyond so many label sets actions are held and people told once; 500 unless said.',
      examples: [200],
    }),
};

const spec = z
  .strictObject(fields)
  .transform(present)
  .meta({ description: 'What must hold for the target, and what is done when it does not.' });

/** `Policy`. */
export const policyDocument = envelope('Policy', spec);
/** What a requested action is closed as: a policy that observes nothing. */
export const requestedDocument = envelope(
  'Policy',
  z.strictObject({ ...fields, observe: observations }).transform(present),
);
/** A Policy's spec once its shape was checked; durations are milliseconds under their YAML names. */
export type PolicySpec = z.output<typeof policyDocument>['spec'];
/** One rule, written in `spec` itself or under `rules`. */
export type RuleText = Pick<PolicySpec, keyof typeof ruleFields>;
/** A step as it is written. */
export type StepText = NonNullable<PolicySpec['then']>[number];
