/** The small validators that all kinds share: names, durations, ratios, rates, modes, approvals. Messages say what was expected. */
import { z } from 'zod';
import { zoneProblem } from '../calendar.ts';
import { DURATION, parseDuration, parseRate, parseRatio, parseTime, RATE, SHARE, TIME } from './quantity.ts';

const expected = (what: string) => ({ error: `expected ${what}` });

/** Names of documents: what Kubernetes allows for most of its objects. */
export const NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
/** Names that stand in expressions, so `-` and `.` would be read as operators. */
export const WORD = /^[A-Za-z][A-Za-z0-9_]*$/;

export const text = z.string(expected('text')).min(1, expected('text that is not empty'));
export const flag = z.boolean(expected('true or false'));
export const name = z
  .string(expected('a name'))
  .max(100, expected('at most 100 characters'))
  .regex(NAME, expected('a name of lower-case letters, digits, dashes and dots'));
export const word = z
  .string(expected('a name'))
  .max(100, expected('at most 100 characters'))
  .regex(WORD, expected('a name of letters, digits and underscores that begins with a letter'));

const A_DURATION = expected('a duration such as 30m, 6h or 7d');

/** A duration as milliseconds. */
export const duration = z
  .string(A_DURATION)
  .regex(DURATION, A_DURATION)
  .transform((value, ctx) => {
    const ms = parseDuration(value);
    if (ms !== undefined) return ms;
    ctx.addIssue({ code: 'custom', message: 'expected a duration of fewer than 285000 years' });
    return z.NEVER;
  })
  .meta({
    description: 'A duration: a number with its unit (ms s m h d w), such as 30m, 6h or 7d.',
    examples: ['6h'],
  });

/** A duration that is not nothing. */
export const period = duration.refine(ms => ms > 0, expected('a duration longer than nothing'));

export const ratio = z
  .union(
    [
      z.string().meta({ pattern: SHARE, examples: ['10%'] }),
      z.number().meta({ minimum: 0, maximum: 1, examples: [0.1] }),
    ],
    expected('a share from 0 to 1, such as 10% or 0.1'),
  )
  .transform((value, ctx) => {
    const share = parseRatio(value);
    if (share !== undefined) return share;
    ctx.addIssue({ code: 'custom', message: 'expected a share from 0 to 1, such as 10% or 0.1' });
    return z.NEVER;
  })
  .meta({ description: 'A share: 10% or 0.1.', examples: ['10%', 0.1] });

const A_RATE = expected('a rate such as 3 per 7d');

export const rate = z
  .string(A_RATE)
  .regex(RATE, A_RATE)
  .transform((value, ctx) => {
    const found = parseRate(value);
    if (found !== undefined) return found;
    ctx.addIssue({
      code: 'custom',
      message: 'expected a rate that allows at least 1 in a period longer than nothing',
    });
    return z.NEVER;
  })
  .meta({ description: 'How often at most: 3 per 7d.', examples: ['3 per 7d'] });

const A_TIME = 'expected a date or an ISO 8601 time, such as 2001-01-31 or 2001-01-31T06:00Z';

/** A time as milliseconds since the epoch. */
export const time = z
  .string({ error: A_TIME })
  .transform((value, ctx) => {
    const at = parseTime(value);
    if (at !== undefined) return at;
    ctx.addIssue({ code: 'custom', message: A_TIME });
    return z.NEVER;
  })
  .meta({
    description: 'A date or an ISO 8601 time, UTC when it names no offset.',
    pattern: TIME.source,
    examples: ['2001-01-31', '2001-01-31T06:00Z'],
  });

/** An IANA zone; one that daylight saving would make wrong is refused. */
export const zone = z
  .string(expected('an IANA time zone such as Europe/Zurich or UTC'))
  .superRefine((value, ctx) => {
    const message = zoneProblem(value);
    if (message !== undefined)
      // `values` is what a misspelt one is compared with.
      ctx.addIssue({ code: 'custom', message, values: Intl.supportedValuesOf('timeZone') });
  })
  .meta({ description: 'An IANA time zone.', examples: ['Europe/Zurich', 'UTC'] });

const modeWord = z.enum(['observe', 'enforce'], expected('observe or enforce'));

/** One word for every environment, or one word each. An environment that a map does not name is in `observe`. */
export const mode = z
  .union(
    [modeWord, z.record(name, modeWord)],
    expected('observe, enforce, or a map from environment to one of them'),
  )
  .meta({
    description:
      'observe looks and says what it would do; enforce does it. One word, or a map by environment (one that it does not name observes). The lowest of Settings, Model, Policy and the access of the connections is in force.',
    examples: ['enforce', { staging: 'enforce', prod: 'observe' }],
  });

export const count = z.int(expected('a whole number')).min(1, expected('a whole number of at least 1'));

const approvalFields = {
  from: z
    .array(name, expected('a list of groups or people, or owner'))
    .min(1, expected('at least one group or person'))
    .meta({
      description: 'Groups or people of Settings who may decide, or owner: the owner of the Model.',
      examples: [['owner'], ['growth-ml', 'ana']],
    }),
  quorum: count.meta({
    description:
      'How many of them must say yes; 1 unless said. Who asked, and who wrote the change, never count.',
    examples: [1],
  }),
  expires: period.meta({
    description: 'How long the question stands; without an answer by then it is a no.',
    examples: ['8h'],
  }),
  reask: duration.meta({
    description: 'After a no, the same plan is not asked again for so long; 24h unless said.',
    examples: ['24h'],
  }),
  onExpiry: z.enum(['deny', 'escalate'], expected('deny or escalate')).meta({
    default: 'deny',
    description:
      'What happens when nobody answers in time. It is a no either way; escalate pages people beside it.',
  }),
  escalateAfter: period.meta({
    description: 'People are paged once when the question has waited for so long; never unless said.',
    examples: ['2h'],
  }),
};

const AN_APPROVAL = [{ from: ['owner'], quorum: 1, expires: '8h' }];

/** What a Model asks for. A no is not asked again for 24h unless `reask` says otherwise. */
export const approval = z
  .strictObject({
    from: approvalFields.from,
    quorum: approvalFields.quorum.default(1),
    expires: approvalFields.expires,
    reask: approvalFields.reask.default(86_400_000),
    onExpiry: approvalFields.onExpiry.optional(),
    escalateAfter: approvalFields.escalateAfter.optional(),
  })
  .refine(
    ({ expires, escalateAfter = 0 }) => escalateAfter < expires,
    'expected escalateAfter to be shorter than expires: after that nobody is asked any more',
  )
  .transform(({ from, quorum, expires, reask, onExpiry, escalateAfter }) =>
    present({
      ...{ from, quorum, expiresMs: expires, reaskMs: reask },
      // What is said for the reader is what happens without a word too.
      onExpiry: onExpiry === 'escalate' ? onExpiry : undefined,
      escalateAfterMs: escalateAfter,
    }),
  )
  .meta({ description: 'People who must say yes before each start of this verb.', examples: AN_APPROVAL });

/** What a step adds to the Model's: only what it tightens need be written. */
export const stepApproval = z.strictObject(approvalFields).partial().meta({
  description: 'People who must say yes before this step; it only tightens what the Model says of the verb.',
  examples: AN_APPROVAL,
});
export type StepApproval = z.output<typeof stepApproval>;

/** The envelope that every document wears. */
export function envelope<Kind extends string, Spec extends z.ZodType>(kind: Kind, spec: Spec) {
  return z.strictObject({
    apiVersion: z
      .literal('flyball.dev/v1', expected('flyball.dev/v1'))
      .meta({ description: 'The version of the language. There is one.' }),
    kind: z.literal(kind, expected(kind)).meta({ description: `What the document is: a ${kind}.` }),
    metadata: z
      .strictObject({
        name: name.meta({
          description: 'Its identity together with the kind: once in a repository, whatever file it is in.',
          examples: ['feature-drift'],
        }),
        labels: z
          .record(z.string(), z.string(expected('text')), expected('a mapping of labels to text'))
          .default({})
          .meta({
            description: 'Labels of your own: policies select targets by them, routes and silences messages.',
            examples: [{ tier: 'prod', severity: 'page' }],
          }),
      })
      .meta({ description: 'Its name and its labels.' }),
    spec,
  });
}

/** The value without the keys that are `undefined`, as `exactOptionalPropertyTypes` and canonical JSON want it. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
