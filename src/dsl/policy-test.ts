/** The validator of `PolicyTest`: series per observation, events on a virtual clock, and what must come of them. Shape only. */
import { z } from 'zod';
import type { HoldReason } from '../model.ts';
import { envelope, name, period, present, text, time, word } from './fields.ts';
import { parseDuration } from './quantity.ts';
import { effect, event, scalar } from './test-events.ts';

/** Monday, so that windows of the week are easy to follow. */
const START = '2026-01-05';

/** Every reason for holding. The compiler sees to it that none of the closed list is missing. */
const REASONS = Object.keys({
  mode: 0,
  floor: 0,
  paused: 0,
  window: 0,
  inhibited: 0,
  gated: 0,
  'subject-locked': 0,
  'blast-radius': 0,
  rate: 0,
  cooldown: 0,
  approval: 0,
  denied: 0,
  excluded: 0,
  unknown: 0,
  late: 0,
  'not-met': 0,
  'not-firing': 0,
  'max-series': 0,
  'max-groups': 0,
  loop: 0,
  stalled: 0,
  contested: 0,
  running: 0,
  verifying: 0,
  unbound: 0,
  retrying: 0,
} satisfies Record<HoldReason, 0>) as [HoldReason, ...HoldReason[]];

const labels = z
  .record(z.string(), z.string('expected text'), 'expected a mapping of labels to text')
  .meta({ description: 'The label set, such as { origin: ORD }.', examples: [{ origin: 'ORD' }] });

// YAML reads 0x3 as a number: what promtool takes for four samples of zero would be a three.
const samples = z
  .string("expected text such as '0.1x6 0.3x20'; a single number stands in quotes")
  .min(1, 'expected text that is not empty');

const series = z
  .strictObject({
    observe: text.meta({ description: 'The observation, by its name in the policy.', examples: ['psi'] }),
    policy: name.optional().meta({
      description: 'Of another policy, which then runs beside the tested one: an inhibitor, or a gate.',
      examples: ['warehouse-down'],
    }),
    labels: labels.optional(),
    field: word.optional().meta({
      description: 'A field of the reading beside its value, such as upper, lower or rows.',
      examples: ['upper'],
    }),
    values: samples.meta({
      description:
        "Samples in Prometheus' notation: 0.3x5 is six of 0.3, 0+0.1x5 rises five times, _x3 is missing three times; also stale, unreachable, too-few, 'text', true, 6h and 2%.",
      examples: ['0.1x6 0.3x20 _x3 stale', "'ok'x3 'failed'x5"],
    }),
    every: period.optional().meta({
      description: 'How long one sample lasts; as long as between two ticks of its policy unless said.',
      examples: ['6h'],
    }),
  })
  .transform(present)
  .meta({ description: 'What an observation gives, sample by sample, from the beginning of the test.' });

const AT = 'expected a time after the beginning such as 24h, or a range of them such as 0h..12h';
const A_TIME = /^\s*(\d+(\.\d+)?(ms|s|m|h|d|w))+\s*(\.\.\s*(\d+(\.\d+)?(ms|s|m|h|d|w))+\s*)?$/;
const at = z
  .string(AT)
  .transform((written, ctx) => {
    const [from, to = from] = written.split('..').map(part => parseDuration(part.trim()));
    if (A_TIME.test(written) && from !== undefined && to !== undefined && to >= from) return { from, to };
    ctx.addIssue({ code: 'custom', message: AT });
    return z.NEVER;
  })
  .meta({
    description: 'When it must hold: at a time after the beginning, or all through a range.',
    examples: ['24h', '0h..12h'],
    pattern: A_TIME.source,
  });

const action = z
  .strictObject({
    verb: word.meta({ description: 'What is done.', examples: ['retrain'] }),
    state: z
      .enum(
        ['intended', 'started', 'succeeded', 'failed', 'timed-out', 'cancelled', 'unresolved', 'withdrawn'],
        'expected intended, started, succeeded, failed, timed-out, cancelled, unresolved or withdrawn',
      )
      .optional()
      .meta({ description: 'How far it is; any unless said.' }),
    labels: labels.optional(),
    with: z
      .record(z.string(), scalar, 'expected a mapping of arguments to values')
      .optional()
      .meta({ description: 'Arguments that it runs with; a filter as text.', examples: [{ version: 'v2' }] }),
  })
  .transform(present);

const expectation = z
  .strictObject({
    at,
    rule: text
      .optional()
      .meta({ description: 'Which rule; needed where a policy has several.', examples: ['severe'] }),
    labels: labels.optional(),
    state: z
      .enum(
        ['ok', 'pending', 'firing', 'clearing', 'unknown', 'vanished'],
        'expected ok, pending, firing, clearing, unknown or vanished',
      )
      .optional()
      .meta({ description: 'The state of the rule, for the label set.' }),
    decision: z.enum(['none', 'act', 'hold', 'ask'], 'expected none, act, hold or ask').optional().meta({
      description: 'What is done about it: nothing, an action, none because of reasons, or a question.',
    }),
    verb: word
      .optional()
      .meta({ description: 'The verb of the step that the decision is about.', examples: ['retrain'] }),
    reason: z
      .enum(REASONS)
      .optional()
      .meta({ description: 'The first of the reasons for holding: the one that decides.' }),
    reasons: z
      .array(z.enum(REASONS), 'expected a list of reasons')
      .optional()
      .meta({
        description: 'Reasons for holding that must be among them.',
        examples: [['cooldown', 'window']],
      }),
    explain: text
      .optional()
      .meta({ description: 'Text that the explanation of the rule contains.', examples: ['psi 0.3'] }),
    episode: z
      .enum(
        ['none', 'open', 'stalled', 'verified', 'cleared', 'self-cleared', 'vanished', 'resolved'],
        'expected none, open, stalled, verified, cleared, self-cleared, vanished or resolved',
      )
      .optional()
      .meta({ description: 'How the last firing stands or ended; verified: its remedy was seen to help.' }),
    actions: z
      .array(action, 'expected a list of actions')
      .optional()
      .meta({
        description:
          'All actions of the rule so far, in order; [] for none. Messages beside a sequence count.',
        examples: [[{ verb: 'retrain', state: 'succeeded' }]],
      }),
    gate: z
      .enum(['open', 'closed', 'unknown'], 'expected open, closed or unknown')
      .optional()
      .meta({ description: 'How the gate of the rule stands.' }),
  })
  .transform(present)
  .refine(
    one => Object.keys(one).some(key => !['at', 'rule', 'labels'].includes(key)),
    'expected something to hold at that time, such as state: firing',
  )
  .meta({ description: 'What must hold at a time.', minProperties: 2 });

const spec = z
  .strictObject({
    description: text
      .optional()
      .meta({ description: 'For people: what it shows.', examples: ['One retraining, not four hundred.'] }),
    policy: name.meta({ description: 'The policy that is tested.', examples: ['feature-drift'] }),
    target: z
      .string('expected a target such as model/churn')
      .regex(/^(model|dataset|connection)\/\S+$/, 'expected a target such as model/churn')
      .optional()
      .meta({
        description: 'Which of its targets; needed where there are several.',
        examples: ['model/churn'],
      }),
    env: name.optional().meta({
      description: 'The environment that modes are read for; test unless said.',
      examples: ['prod'],
    }),
    mode: z
      .enum(['observe', 'enforce'], 'expected observe or enforce')
      .default('enforce')
      .meta({ description: 'The mode that the policy is tested in, whatever the files say.' }),
    author: name.optional().meta({
      description: 'Who wrote the policy, and may not approve what it asks; somebody else unless said.',
      examples: ['ben'],
    }),
    start: time.prefault(START).meta({
      description: "The test begins at the policy's first slot from then on; matters for windows.",
      examples: ['2026-01-05'],
    }),
    params: z
      .record(word, scalar, 'expected a mapping of params to values')
      .optional()
      .meta({ description: "Values of the policy's params in this test.", examples: [{ psi_max: 0.3 }] }),
    series: z
      .array(series, 'expected a list of series')
      .min(1, 'expected at least one series')
      .meta({
        description: 'What the observations give over time. Every observation has one, or is absent.',
        examples: [[{ observe: 'psi', values: '0.1x6 0.3x20' }]],
      }),
    absent: z
      .array(word, 'expected a list of observations')
      .optional()
      .meta({
        description: 'Observations that are missing all the time: they need no series.',
        examples: [['perf']],
      }),
    serving: z
      .strictObject({ champion: text.meta({ description: 'A version.', examples: ['v1'] }) })
      .default({ champion: 'v1' })
      .meta({ description: 'The version in service at the beginning.' }),
    effects: z
      .array(effect, 'expected a list of effects')
      .default([])
      .meta({
        description: 'How actions end; what none names succeeds at once.',
        examples: [[{ step: 'retrain', after: '2h', outputs: { version: 'v2' } }]],
      }),
    events: z
      .array(event, 'expected a list of events')
      .default([])
      .meta({
        description: 'What people and the world do meanwhile.',
        examples: [[{ at: '25h', approve: { by: 'ana' } }]],
      }),
    expect: z
      .array(expectation, 'expected a list of expectations')
      .min(1, 'expected at least one expectation')
      .meta({
        description: 'What must hold, and when.',
        examples: [[{ at: '24h', state: 'firing', decision: 'ask', verb: 'retrain' }]],
      }),
  })
  .transform(present)
  .meta({
    description: 'What observations give over time, what happens meanwhile, and what must come of it.',
  });

/** `PolicyTest`. */
export const policyTestDocument = envelope('PolicyTest', spec);
export type PolicyTestSpec = z.output<typeof policyTestDocument>['spec'];
export type TestSeries = PolicyTestSpec['series'][number];
export type TestEffect = PolicyTestSpec['effects'][number];
export type TestEvent = PolicyTestSpec['events'][number];
export type Expectation = PolicyTestSpec['expect'][number];
