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
  word,
} from './fields.ts';
import { withSlots } from './template.ts';

const place = z.strictObject({ connection: name, name: text });
const role = z.strictObject({ dataset: name });

const labels = z
  .strictObject({
    dataset: name,
    key: text,
    value: text,
    delay: duration.meta({ description: 'How long after its prediction a label arrives.' }),
    coverage: ratio
      .default(0.95)
      .meta({ description: 'The least share of labelled predictions; 95% unless said.' }),
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
    connection: name,
    id: text,
    params: params.meta({ description: `Literals, or \${data.since} and the like, filled when it runs.` }),
    output: z
      .record(word, text)
      .default({})
      .meta({ description: "Output → dotted path in the run's result." }),
    accepts: z
      .array(word)
      .default([])
      .meta({ description: "Optional arguments that the pipeline's code honours." }),
    cost: z.record(z.string(), z.json()).optional(),
  })
  .transform(present);

const limits = z
  .strictObject({
    cooldown: duration.optional(),
    rate: rate.optional(),
    approval: approval.optional(),
    rollout: z.literal('direct', 'expected direct: other rollouts are not in this version').optional(),
    timeout: period.optional(),
  })
  .transform(({ cooldown, rate, approval, rollout, timeout }) =>
    present({
      cooldownMs: cooldown,
      rate,
      approval,
      rollout,
      timeoutMs: timeout,
    }),
  );

const spec = z
  .strictObject({
    owner: name,
    mode: mode.optional().meta({ description: 'A ceiling for all policies on this model.' }),
    task: z.enum(['binary', 'multiclass', 'regression'], 'expected binary, multiclass or regression'),
    registry: place.optional(),
    serving: place.optional(),
    data: z
      .strictObject({
        predictions: z.strictObject({ dataset: name, key: text, version: text, score: text }).optional(),
        labels: labels.optional(),
        training: role.optional(),
        holdout: role.optional(),
      })
      .default({})
      .transform(present),
    features: z
      .strictObject({ exclude: z.array(text).default([]), only: z.array(text).optional() })
      .prefault({})
      .transform(present),
    pipelines: z.record(word, pipeline).default({}),
    actions: z
      .record(word, limits)
      .default({})
      .meta({ description: 'Limits per verb: bind policies, people and agents.' }),
  })
  .transform((value): Omit<ModelSpec, 'name'> => present(value) as Omit<ModelSpec, 'name'>);

/** `Model`. */
export const modelDocument = envelope('Model', spec);
