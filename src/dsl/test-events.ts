/** What happens meanwhile in a PolicyTest: how actions end, and what people and the world do at a time. Shape only. */
import { z } from 'zod';
import { duration, name, period, present, text, word } from './fields.ts';

/** A value of an output, an argument or a param. */
export const scalar = z.union([z.number(), z.string(), z.boolean()], {
  error: 'expected a number, text, true or false',
});
const empty = z.strictObject({}, 'expected an empty mapping: {}');
const by = name.meta({ description: 'A person of Settings.', examples: ['ana'] });

/** How actions end. */
export const effect = z
  .strictObject({
    step: word.optional().meta({ description: 'Of the step with this id.', examples: ['retrain'] }),
    verb: word.optional().meta({ description: 'Of every step with this verb.', examples: ['promote'] }),
    after: duration
      .prefault('0s')
      .meta({ description: 'How long it runs; it ends at once unless said.', examples: ['2h'] }),
    outcome: z
      .enum(['succeeded', 'failed', 'timed-out', 'lost'], {
        error: 'expected succeeded, failed, timed-out or lost',
      })
      .default('succeeded')
      .meta({ description: 'How it ends; lost: nobody can tell whether it did.' }),
    repeatable: z
      .boolean('expected true or false')
      .optional()
      .meta({ description: 'Of a failure: a further attempt may help, so retry makes one.' }),
    message: text
      .optional()
      .meta({ description: 'What it says of its failure.', examples: ['out of memory'] }),
    outputs: z
      .record(word, scalar, 'expected a mapping of outputs to values')
      .optional()
      .meta({ description: 'What the run gives back, by output.', examples: [{ version: 'v2' }] }),
  })
  .transform(present)
  .refine(
    one => (one.step === undefined) !== (one.verb === undefined),
    'expected exactly one of step and verb',
  )
  .meta({
    description:
      'How an action ends. Several for one step are used in turn, the last one from then on; what none names succeeds at once.',
    examples: [{ step: 'retrain', after: '2h', outputs: { version: 'v2' } }],
    oneOf: [{ required: ['step'] }, { required: ['verb'] }],
  });

const decides = z
  .strictObject({
    by,
    comment: text.optional().meta({ description: 'What they say with it.', examples: ['looked at it'] }),
  })
  .transform(present);
const scoped = z
  .strictObject({
    scope: text
      .default('all')
      .meta({ description: 'all, a target as kind/name, or a verb.', examples: ['model/churn'] }),
    reason: text.optional().meta({ description: 'Why they do it.', examples: ['maintenance'] }),
  })
  .transform(present);

/** What may happen at a time; one of them each. */
const EVENTS = {
  approve: decides
    .optional()
    .meta({ description: 'A person says yes to what waits.', examples: [{ by: 'ana' }] }),
  deny: decides.optional().meta({ description: 'A person says no to what waits.' }),
  crash: empty
    .optional()
    .meta({ description: 'The daemon dies and is started again: what it did not write down is lost.' }),
  gap: period.optional().meta({ description: 'The daemon is not running for so long.', examples: ['12h'] }),
  serve: text
    .optional()
    .meta({ description: 'Someone else puts this version into service.', examples: ['v2'] }),
  pause: scoped.optional().meta({ description: 'A person pauses actions.', examples: [{ scope: 'all' }] }),
  resume: scoped.optional().meta({ description: 'A person takes a pause back.' }),
  cancel: z
    .strictObject({
      verb: word.meta({ description: 'The verb whose action is cancelled.', examples: ['retrain'] }),
    })
    .optional()
    .meta({ description: 'A person cancels what runs.', examples: [{ verb: 'retrain' }] }),
  retry: empty.optional().meta({ description: 'A person has what is stalled tried again.' }),
  resolve: empty.optional().meta({ description: 'A person says that it is settled.' }),
  reconcile: empty.optional().meta({ description: 'A person asks for every rule to be looked at now.' }),
  advance: empty.optional().meta({ description: 'A person moves a rollout that holds on.' }),
  abort: empty.optional().meta({ description: 'A person ends a rollout by going back.' }),
};
/** The words for what may happen. */
export const EVENT_NAMES = Object.keys(EVENTS) as readonly (keyof typeof EVENTS)[];

/** Something at a time. */
export const event = z
  .strictObject({
    at: duration.meta({ description: 'When, after the beginning of the test.', examples: ['24h'] }),
    ...EVENTS,
  })
  .transform(present)
  .refine(
    one => EVENT_NAMES.filter(key => Object.hasOwn(one, key)).length <= 1,
    'expected one thing that happens; write another event for the other',
  )
  .meta({
    description: 'Something that happens at a time after the beginning.',
    minProperties: 2,
    maxProperties: 2,
  });
