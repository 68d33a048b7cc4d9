/** The validator of `Policy`: its shape and quantities. What its names refer to is checked when it is closed. */
import { z } from 'zod';
import {
  duration,
  envelope,
  mode,
  name,
  period,
  present,
  rate,
  stepApproval,
  text,
  time,
  word,
} from './fields.ts';

const condition = z
  .string({
    error: issue =>
      typeof issue.input === 'object' && issue.input !== null
        ? 'expected a condition as text, such as psi > 0.2; JSON Logic in its place is not in this version'
        : 'expected a condition such as psi > 0.2',
  })
  .refine(value => value.trim() !== '', 'expected a condition such as psi > 0.2');
const predicate = z
  .string("expected a filter such as origin == 'ORD'")
  .refine(value => value.trim() !== '', "expected a filter such as origin == 'ORD'");

const target = z
  .strictObject({ model: name, dataset: name, connection: name })
  .partial()
  .refine(value => Object.keys(value).length === 1, 'expected exactly one of model, dataset and connection')
  .meta({
    description: 'What the policy is about: { model: NAME }, { dataset: NAME } or { connection: NAME }.',
  });

const lookback = z.strictObject({
  window: period,
  offset: z.union(
    [period.transform(one => [one]), z.array(period).min(1, 'expected at least one duration')],
    {
      error: 'expected a duration, or a list of them, such as [7d, 14d]',
    },
  ),
});
const interval = z.strictObject({ from: time, to: time, dataset: name.optional() });

const reference = z
  .union([z.literal('training'), lookback, interval, z.strictObject({ dataset: name })], {
    error: 'expected training, { window, offset }, { from, to } or { dataset }',
  })
  .meta({ description: 'training, { window: 7d, offset: [7d, 14d] }, { from, to } or { dataset }.' });
export type ReferenceText = z.output<typeof reference>;

/** What every observation may say beside its evaluator's own arguments. */
export const commonArguments = {
  window: period.optional(),
  every: period.optional(),
  where: predicate.optional(),
  maxAge: period.optional(),
  minSamples: z.int('expected a whole number').min(1, 'expected a whole number of at least 1').optional(),
  unit: z
    .enum(['number', 'count', 'ratio', 'duration', 'boolean', 'string'], {
      error: 'expected number, count, ratio, duration, boolean or string',
    })
    .optional(),
  reference: reference.optional(),
};

const observation = z
  .object(commonArguments)
  .catchall(z.json())
  .meta({ description: 'One evaluator with its main argument, its own arguments, and the common ones.' });

/** What every step may say beside its verb. */
export const stepArguments = {
  id: word.optional(),
  require: condition.optional(),
  onNotMet: z.enum(['escalate', 'stop'], 'expected escalate or stop').optional(),
  timeout: period.optional(),
  approval: stepApproval.optional(),
};

const step = z
  .object(stepArguments)
  .catchall(z.json())
  .meta({ description: 'One verb with its arguments, and id, require, onNotMet, timeout, approval.' });

const verify = z.strictObject({
  that: condition,
  within: period,
  attempts: z.literal(1, 'expected 1: more attempts are not in this version').default(1),
  otherwise: z.literal('escalate', 'expected escalate').default('escalate'),
});

const spec = z
  .strictObject({
    description: text.optional(),
    mode: mode.optional(),
    target,
    every: period.meta({ description: 'How often it is looked at.' }),
    observe: z
      .record(word, observation, 'expected a mapping of observations')
      .refine(value => Object.keys(value).length > 0, 'expected at least one observation'),
    when: condition,
    for: duration.default(0),
    clear: condition.optional(),
    keepFor: duration.default(0),
    staleAfter: duration.optional(),
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    then: z
      .array(step, 'expected a list of steps')
      .min(1, 'expected at least one step: a rule without steps does nothing'),
    verify: verify.optional(),
    guard: z
      .strictObject({ cooldown: duration.optional(), rate: rate.optional() })
      .prefault({})
      .transform(present),
  })
  .transform(present);

/** `Policy`. */
export const policyDocument = envelope('Policy', spec);
/** A Policy's spec once its shape was checked; durations are milliseconds under their YAML names. */
export type PolicySpec = z.output<typeof policyDocument>['spec'];
