/** `principals` of daemon.yaml: who may do what, in which environments and on which targets. Never in the policy repository. */
import { z } from 'zod';
import { globProblem } from './glob.ts';

const role = z.enum(['viewer', 'proposer', 'operator', 'approver', 'admin']);
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][\w.@-]{0,79}$/,
    'expected a name of letters, digits and . _ @ -, such as ana or ci-bot',
  );

const glob = z.string().superRefine((text, context) => {
  const problem = globProblem(text);
  if (problem !== undefined)
    context.addIssue({
      code: 'custom',
      message: `found ${text}; expected kind/name with * for any, such as model/late-*`,
    });
});

const grant = z.union([
  role.transform(word => ({ role: word })),
  z.strictObject({
    role,
    env: z.array(z.string().min(1)).min(1).optional().describe('Only in these environments.'),
    targets: z.array(glob).min(1).optional().describe('Only on these targets, as globs over kind/name.'),
    labels: z.record(z.string(), z.string()).optional().describe('Only on targets with all of these labels.'),
  }),
]);

const principal = z
  .strictObject({
    kind: z.enum(['person', 'agent', 'service']).default('person'),
    for: name.optional().describe('The person for whom an agent or a service acts.'),
    roles: z.array(grant).min(1),
    subjects: z
      .array(z.string().min(1).max(300))
      .default([])
      .describe('What a verified token of the identity provider says of them: see oidc.claim.'),
  })
  .superRefine((one, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    if (one.kind === 'person' && one.for !== undefined)
      say('for: a person acts for nobody; expected kind: agent or service');
    if (one.kind === 'agent' && one.roles.some(({ role: word }) => word === 'approver' || word === 'admin'))
      say('roles: an agent never decides; expected viewer, proposer or operator');
  });

/** By name. */
export const principals = z
  .record(name, principal)
  .default({})
  .superRefine((all, context) => {
    for (const [who, one] of Object.entries(all)) {
      const whom = one.for;
      if (whom !== undefined && all[whom]?.kind !== 'person')
        context.addIssue({
          code: 'custom',
          path: [who, 'for'],
          message: `found ${whom}; expected the name of a principal that is a person`,
        });
    }
    const seen = new Map<string, string>();
    for (const [who, { subjects }] of Object.entries(all)) {
      for (const subject of subjects) {
        const other = seen.get(subject);
        if (other !== undefined)
          context.addIssue({
            code: 'custom',
            path: [who, 'subjects'],
            message: `${subject} is ${other} already; expected each once`,
          });
        seen.set(subject, who);
      }
    }
  });

/** The principal that `flyball mcp` runs as; without one it is an agent of this machine's user, a proposer. */
export const stdio = z.strictObject({ principal: name });
