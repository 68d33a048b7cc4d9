/** `remote` of daemon.yaml: the repository that the policy repository here is a clone of, and its forge. Pure. */
import { z } from 'zod';
import { parseDuration } from './quantity.ts';

const POLL_MS = { least: 5000, most: 86_400_000 };

/** `${env:FLYBALL_…}` and nothing else: no secret stands in the file. */
const secret = z
  .string()
  .regex(/^\$\{env:FLYBALL_[A-Z0-9_]+\}$/, `expected a secret of the environment, as \${env:FLYBALL_…}`)
  .transform(text => /FLYBALL_[A-Z0-9_]+/.exec(text)?.[0] ?? '');

/** https; http on this machine only, where nobody listens on the way. No name, password or query in it. */
const address = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url && isSafe && url.username === '' && url.password === '' && url.search === '' && url.hash === '')
    return text.replace(/\/+$/, '');
  context.addIssue({
    code: 'custom',
    message: 'expected https://HOST/PATH, without a name, a password or a query; the token stands in token',
  });
  return z.NEVER;
});

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

const poll = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= POLL_MS.least && ms <= POLL_MS.most) return ms;
  context.addIssue({ code: 'custom', message: `found ${text}; expected a duration from 5s to 1d` });
  return z.NEVER;
});

export const remote = z
  .strictObject({
    url: address.describe('Of the repository, by HTTPS.'),
    token: secret.optional().describe('What it is read and pushed with.'),
    poll: poll.prefault('30s').describe('How often its branch is looked at.'),
    forge: z.enum(['github', 'gitlab', 'gitea']).optional().describe('Where proposals become pull requests.'),
    api: address.optional().describe("The forge's API; from url unless said."),
    project: z
      .string()
      .regex(/^[\w.-]+(?:\/[\w.-]+)+$/, 'expected OWNER/NAME')
      .optional()
      .describe('The project at the forge; from url unless said.'),
    webhook: z
      .strictObject({ secret })
      .optional()
      .describe('The secret with which the forge signs what it sends to /hooks/git.'),
    signed: z.literal('require').optional().describe('Takes no commit that no key of keys has signed.'),
    keys: z.string().min(1).optional().describe('File with the keys: SSH public keys, OpenPGP public keys.'),
  })
  .transform((of, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (of.forge !== undefined && of.token === undefined)
      problem('token', 'missing; a forge is asked with one');
    if (of.signed !== undefined && of.keys === undefined)
      problem('keys', 'missing; expected the file with the keys whose signatures count');
    if (of.webhook !== undefined && of.forge === undefined)
      problem('forge', 'missing; expected github, gitlab or gitea: each signs in its own way');
    const project = of.project ?? projectOf(of.url);
    if (of.forge !== undefined && project === undefined) problem('project', 'missing; expected OWNER/NAME');
    const { poll: pollMs, forge, api, project: _, ...rest } = of;
    return {
      ...rest,
      pollMs,
      ...(forge === undefined || project === undefined
        ? {}
        : { forge: { kind: forge, project, api: api ?? apiOf(forge, new URL(of.url)) } }),
    };
  });

export type RemoteSettings = z.output<typeof remote>;

/** The path of the repository at its forge. */
function projectOf(url: string): string | undefined {
  const path = new URL(url).pathname.replace(/^\/+/, '').replace(/\.git$/, '');
  return path.includes('/') ? path : undefined;
}

function apiOf(forge: 'github' | 'gitlab' | 'gitea', { origin, hostname }: URL): string {
  if (forge === 'gitlab') return origin;
  if (forge === 'gitea') return `${origin}/api/v1`;
  return hostname === 'github.com' ? 'https://api.github.com' : `${origin}/api/v3`;
}
