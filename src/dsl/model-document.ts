/** The validator of `Model`: its data, pipelines, registry and serving, and what it allows anyone to do to it. */
import { z } from 'zod';
import type { ModelSpec } from '../model.ts';
import {
  approval,
  duration,
  envelope,
  mode,
  name,
  period,
  present,
  rate,
  ratio,
  text,
  time,
  word,
} from './fields.ts';
import { withSlots } from './template.ts';

const place = (what: string) =>
  z.strictObject({
    connection: name.meta({ description: `A Connection with ${what}.`, examples: ['local'] }),
    name: text.meta({ description: `What the model is called in the ${what}.`, examples: ['churn'] }),
  });
const ofRole = name.meta({ description: 'The Dataset, by name.', examples: ['churn-predictions'] });
const role = z.strictObject({ dataset: ofRole });
const rowKey = text.meta({
  description: 'The column that names a prediction; predictions and labels are joined by it.',
  examples: ['request_id'],
});

const labels = z
  .strictObject({
    dataset: ofRole,
    key: rowKey,
    value: text.meta({ description: 'The column with what really happened.', examples: ['churned'] }),
    delay: duration.meta({
      description:
        'How long after its prediction a label arrives: windows of label metrics end so much earlier.',
      examples: ['14d'],
    }),
    coverage: ratio.default(0.95).meta({
      description:
        'The least share of predictions with a label; fewer make a metric unknown. 95% unless said.',
      examples: ['95%'],
    }),
  })
  .transform(({ dataset, key, value, delay, coverage }) => ({
    dataset,
    key,
    value,
    delayMs: delay,
    coverage,
  }));

const params = z
  .record(z.string(), z.json())
  .default({})
  .transform((value, ctx) =>
    withSlots(value, (path, found, message) =>
      ctx.addIssue({ code: 'custom', path: [...path], message, input: found }),
    ),
  );

const pipeline = z
  .strictObject({
    connection: name.meta({ description: 'The Connection that runs it.', examples: ['local'] }),
    id: text.meta({
      description: 'What it is called there: a key of commands on a local connection.',
      examples: ['train_churn'],
    }),
    params: params.meta({
      description: `What it is given: literals, or \${data.since}, \${data.until}, \${data.focus}, \${data.rest}, \${data.version} and the like, filled when it runs.`,
      examples: [{ since: `\${data.since}`, until: `\${data.until}` }],
    }),
    output: z
      .record(word, text)
      .default({})
      .meta({
        description: "What later steps may read as steps.ID.NAME: a dotted path in the run's result by name.",
        examples: [{ version: 'return_value.version' }],
      }),
    accepts: z
      .array(word)
      .default([])
      .meta({
        description: "Optional arguments that the pipeline's code honours: focus, only, exclude.",
        examples: [['focus']],
      }),
    cost: z
      .record(z.string(), z.json())
      .optional()
      .meta({ description: 'What one run costs, for backtests and plans.', examples: [{ eur: 40 }] }),
  })
  .transform(present);

const limits = z
  .strictObject({
    cooldown: duration.optional().meta({
      description: 'Least time between the end of this verb and its next start on the model.',
      examples: ['24h'],
    }),
    rate: rate.optional().meta({
      description: 'Starts of this verb on the model at most, whoever starts it.',
      examples: ['3 per 7d'],
    }),
    approval: approval.optional(),
    rollout: name.optional().meta({
      description: 'Of promote: a rollout of Settings, or direct, which moves all traffic at once.',
      examples: ['standard'],
    }),
    timeout: period.optional().meta({
      description: 'How long one action of this verb may run; a step may say less.',
      examples: ['6h'],
    }),
    safe: z
      .array(z.enum(['ask', 'pause'], 'expected ask or pause'), 'expected a list of ask and pause')
      .optional()
      .meta({
        description: 'Of a safe verb: ask makes it wait for the approval, pause lets a pause hold it.',
        examples: [['ask']],
      }),
    preemptAfter: period.optional().meta({
      description: 'Of a safe verb: how long it waits for what it cancelled on its subject; 2m unless said.',
      examples: ['2m'],
    }),
  })
  .transform(({ cooldown, rate, approval, rollout, timeout, safe, preemptAfter }) =>
    present({
      cooldownMs: cooldown,
      rate,
      approval,
      // What is said for the reader is what happens without a word too.
      rollout: rollout === 'direct' ? undefined : rollout,
      timeoutMs: timeout,
      safe,
      preemptAfterMs: preemptAfter,
    }),
  );

const scalar = z.union([z.number(), z.string(), z.boolean()], {
  error: 'expected a number, a share such as 5%, a duration such as 6h, text, true or false',
});

const exclusion = z
  .strictObject({
    policy: name.meta({ description: 'The policy that does not apply here.', examples: ['feature-drift'] }),
    reason: text.meta({
      description: 'Why: whoever reads status sees it.',
      examples: ['frozen for the audit'],
    }),
    until: time
      .optional()
      .meta({ description: 'When it ends; for good unless said.', examples: ['2027-01-31'] }),
  })
  .transform(present)
  .meta({ examples: [{ policy: 'feature-drift', reason: 'frozen for the audit', until: '2027-01-31' }] });

const spec = z
  .strictObject({
    owner: name.meta({
      description: 'A group or a person of Settings: who is paged, and owner in approvals.',
      examples: ['growth-ml'],
    }),
    mode: mode.optional().meta({
      description:
        'A ceiling for all policies on this model: observe keeps them from acting. None unless said.',
    }),
    season: period.optional().meta({
      description: 'After how long the data repeats itself: lint compares windows with it.',
      examples: ['7d'],
    }),
    task: z
      .enum(['binary', 'multiclass', 'regression'], 'expected binary, multiclass or regression')
      .meta({ description: 'What it predicts, and so which metrics of performance it has.' }),
    registry: place('registry')
      .optional()
      .meta({ description: 'Where its versions are kept; promote and rollback point the champion there.' }),
    serving: place('serving')
      .optional()
      .meta({ description: 'What serves it; promote and rollback move traffic there.' }),
    data: z
      .strictObject({
        predictions: z
          .strictObject({
            dataset: ofRole,
            key: rowKey,
            version: text.meta({
              description: 'The column with the version that made the prediction.',
              examples: ['model_version'],
            }),
            score: text.meta({ description: 'The column with the prediction.', examples: ['p_churn'] }),
          })
          .optional()
          .meta({ description: 'The log of its predictions.' }),
        labels: labels.optional().meta({ description: 'What really happened, as it becomes known.' }),
        training: role.optional().meta({ description: 'What it is trained on: reference: training.' }),
        holdout: role.optional().meta({ description: 'What it is evaluated on.' }),
      })
      .default({})
      .transform(present)
      .meta({ description: 'Its data by role; a policy that needs a role which is missing cannot bind.' }),
    features: z
      .strictObject({
        exclude: z
          .array(text)
          .default([])
          .meta({
            description: 'Columns of the training data that are no features.',
            examples: [['customer_id']],
          }),
        only: z
          .array(text)
          .optional()
          .meta({ description: 'Only these columns are features.', examples: [['tenure', 'country']] }),
      })
      .prefault({})
      .transform(present)
      .meta({ description: 'Which columns feature: "*" stands for.' }),
    pipelines: z
      .record(word, pipeline)
      .default({})
      .meta({
        description: 'What verbs run: train of retrain, evaluate of evaluate.',
        examples: [{ train: { connection: 'local', id: 'train_churn', output: { version: 'version' } } }],
      }),
    actions: z
      .record(word, limits)
      .default({})
      .meta({
        description: 'Limits per verb: bind policies, people and agents.',
        examples: [{ retrain: { cooldown: '24h', rate: '3 per 7d' } }],
      }),
    params: z
      .record(name, z.record(word, scalar, 'expected a mapping of params'), 'expected a mapping by policy')
      .optional()
      .meta({
        description: "By policy: values of its params for this model, within the policy's bounds.",
        examples: [{ 'feature-drift': { psi_max: 0.3 } }],
      }),
    exclude: z
      .array(exclusion, 'expected a list of { policy, reason, until }')
      .optional()
      .meta({
        description: 'Policies that do not apply to this model, each with a reason and maybe an end.',
        examples: [[{ policy: 'feature-drift', reason: 'frozen for the audit', until: '2027-01-31' }]],
      }),
  })
  .transform(
    ({ season, ...rest }): Omit<ModelSpec, 'name'> =>
      present({ ...rest, seasonMs: season }) as Omit<ModelSpec, 'name'>,
  )
  .meta({
    description: 'A model with its data, pipelines, registry and serving, and what may be done to it.',
  });

/** `Model`. */
export const modelDocument = envelope('Model', spec);
