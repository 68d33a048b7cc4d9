/** `floors` of daemon.yaml: the least that admission adds for verbs on targets. No policy, Model or Settings can lower it. */
import { z } from 'zod';
import type { Floor } from '../model.ts';
import { count, duration, period, present, rate } from './fields.ts';
import { globProblem } from './glob.ts';
import { LATER_VERBS } from './not-in-this-version.ts';

const glob = z.string('expected text such as model/churn-*').superRefine((text, context) => {
  if (globProblem(text) === undefined && (text === '**' || text.split('/').length === 2)) return;
  const message = `found ${text}; expected kind/name with * for any, such as model/churn-*, or ** for all`;
  context.addIssue({ code: 'custom', message });
});

const person = z
  .string('expected the name of a person')
  .regex(/^[A-Za-z0-9][\w.@-]{0,79}$/, 'expected the name of a person, as under principals');

const pattern = z
  .string('expected the name of a Connection')
  .regex(/^[a-z0-9][a-z0-9.-]*\*?$|^\*$/, 'expected the name of a Connection, or its beginning and a star');

const listOf = <T extends z.ZodType>(one: T, what: string) =>
  z.array(one, `expected a list of ${what}`).min(1, `expected at least one of ${what}`);

const approval = z
  .strictObject({
    from: listOf(person, 'persons')
      .optional()
      .describe('Only these persons decide, and of them those whom the policy asks. Never groups.'),
    quorum: count.default(1).describe('So many of them must say yes.'),
    expires: period.optional().describe('The question stands no longer.'),
  })
  .refine(({ from, quorum }) => from === undefined || from.length === 0 || from.length >= quorum, {
    path: ['quorum'],
    message: 'expected no more than there are persons in from: nothing could ever act',
  })
  .transform(({ from, quorum, expires }) => present({ from, quorum, expiresMs: expires }));

const floor = z
  .strictObject({
    targets: listOf(glob, 'targets')
      .optional()
      .describe('As globs over kind/name; every target unless said.'),
    labels: z
      .record(z.string(), z.string('expected text'), 'expected a mapping of labels to text')
      .optional()
      .describe(
        "Only targets with all of these labels. Labels are the repository's: names are the firmer choice.",
      ),
    verbs: listOf(z.string('expected the name of a verb'), 'verbs')
      .optional()
      .describe('Every verb that changes something, unless said.'),
    safe: z.literal(true, 'expected true, or nothing').optional().describe('Binds safe verbs as well.'),
    mode: z
      .literal('observe', 'expected observe: a floor is a ceiling of the mode, and enforce is none')
      .optional(),
    approval: approval.optional(),
    quorum: count.optional().describe('Short for approval: { quorum }.'),
    rate: rate.optional(),
    cooldown: duration.optional(),
    connections: listOf(pattern, 'Connections').optional().describe('Nothing else is acted on.'),
  })
  .superRefine((one, context) => {
    const { mode, approval: asks, quorum, rate: often, cooldown, connections } = one;
    const says = [mode, asks, quorum, often, cooldown, connections].some(value => value !== undefined);
    const message = 'it adds nothing; expected one of: mode, approval, quorum, rate, cooldown, connections';
    if (!says) context.addIssue({ code: 'custom', message });
    if (asks && quorum !== undefined)
      context.addIssue({ code: 'custom', path: ['quorum'], message: 'expected it within approval' });
  })
  .transform(({ approval: asks, quorum, cooldown, ...rest }) =>
    present({
      ...rest,
      approval: asks ?? (quorum === undefined ? undefined : { quorum }),
      cooldownMs: cooldown,
    }),
  );

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'expected a name of lower-case letters, digits and dashes');

/** By name, as they are written; in the order of their names, as nothing depends on another. */
export const floors = z
  .record(name, floor, 'expected a mapping of floors by name')
  .default({})
  .transform((all): readonly Floor[] =>
    Object.entries(all)
      .map(([key, one]) => ({ name: key, ...present(one) }) as Floor)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );

interface Known {
  /** By verb. */
  readonly verbs?: Readonly<Record<string, { readonly safe: boolean }>> | undefined;
  readonly principals: Readonly<Record<string, { readonly kind: string }>>;
}

/** What floors name and nothing has: a slip of the pen would be a protection that is not there. */
export function floorProblems(all: readonly Floor[], { verbs, principals }: Known): readonly string[] {
  const people = Object.keys(principals).filter(one => principals[one]?.kind === 'person');
  return all.flatMap(({ name: at, verbs: named = [], safe, approval: asks }) => {
    const unknown = named.filter(verb => verbs && !Object.hasOwn(verbs, verb) && !LATER_VERBS.includes(verb));
    const isIdle = verbs && named.length > 0 && safe !== true && named.every(verb => verbs[verb]?.safe);
    const strangers = people.length === 0 ? [] : (asks?.from ?? []).filter(one => !people.includes(one));
    return [
      ...unknown.map(
        verb => `floors.${at}.verbs: found ${verb}; expected ${Object.keys(verbs ?? {}).join(', ')}`,
      ),
      ...(isIdle
        ? [`floors.${at}: ${named.join(', ')} is safe, which a floor binds only with safe: true`]
        : []),
      ...strangers.map(
        one =>
          `floors.${at}.approval.from: found ${one}; expected persons of principals: ${people.join(', ')}`,
      ),
    ];
  });
}
