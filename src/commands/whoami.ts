/** `whoami`: whom Flyball takes the caller for, and what they may do here. */
import { z } from 'zod';
import { command, ROLES } from './command.ts';

export const whoami = command({
  name: 'whoami',
  title: 'Who am I',
  description:
    'Whom Flyball takes you for, whether that was proved, and which roles you have on which targets.',
  input: z.strictObject({}),
  output: z.object({
    name: z.string(),
    kind: z.enum(['person', 'agent', 'service']),
    onBehalfOf: z.string().optional(),
    door: z.string(),
    authenticated: z.boolean(),
    token: z.string().optional().describe('The id of the token that was shown.'),
    env: z.string(),
    grants: z.array(
      z.object({
        role: z.enum(ROLES),
        targets: z.array(z.string()).optional(),
        labels: z.record(z.string(), z.string()).optional(),
      }),
    ),
  }),
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball whoami'],
  run: async ({ principal, grants, settings }) => ({
    ...principal,
    kind: principal.kind ?? ('person' as const),
    env: settings.env,
    grants: grants.map(({ role, targets, labels }) => ({
      role,
      ...(targets === undefined ? {} : { targets: [...targets] }),
      ...(labels === undefined ? {} : { labels: { ...labels } }),
    })),
  }),
  text: found => {
    const proof = found.authenticated ? 'proved by a token' : 'not proved';
    const whom = found.onBehalfOf === undefined ? '' : `, for ${found.onBehalfOf}`;
    return [
      `${found.name} (${found.kind}${whom}), ${proof}, in ${found.env}`,
      ...found.grants.map(({ role, targets, labels }) => `  ${role} on ${placesOf(targets, labels)}`),
    ].join('\n');
  },
});

function placesOf(targets?: readonly string[], labels?: Readonly<Record<string, string>>): string {
  const named = targets?.join(', ') ?? 'all targets';
  const labelled = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return labelled.length === 0 ? named : `${named} with ${labelled.join(', ')}`;
}
