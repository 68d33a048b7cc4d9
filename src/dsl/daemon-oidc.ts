/** `oidc` of daemon.yaml: the identity provider whose tokens count here, and what in them says who somebody is. */
import { z } from 'zod';

/** Signatures with a key pair only: a secret that the provider and we share would let us make tokens. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

const url = z
  .string()
  .refine(
    isSafe,
    'expected an https URL without user, query and fragment; http only for this machine itself',
  );

export const oidc = z
  .strictObject({
    issuer: url.describe('The provider, exactly as its tokens say it in iss.'),
    audience: z
      .string()
      .min(1)
      .max(300)
      .describe('What its tokens must say in aud: the name of this Flyball there.'),
    jwks: url.optional().describe('Where its keys are; found by the issuer when not said.'),
    claim: z
      .string()
      .regex(/^[A-Za-z_][\w:/.-]{0,99}$/, 'expected the name of a claim, such as sub or email')
      .default('sub')
      .describe('The claim whose value stands under principals.*.subjects.'),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
    scopes: z
      .enum(['required', 'ignored'])
      .default('required')
      .describe('ignored: for a provider that cannot give scopes; the roles of the principal alone count.'),
    client: z
      .strictObject({
        id: z.string().min(1).max(300),
        secret: z
          .string()
          .regex(
            /^\$\{env:FLYBALL_[A-Z0-9_]+\}$/,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it is written in the file.
            'expected ${env:FLYBALL_…}: a secret does not stand in a file',
          )
          .optional(),
      })
      .optional()
      .describe('How people log in to the pages.'),
  })
  .transform(({ jwks, client, ...rest }) => ({
    ...rest,
    ...(jwks === undefined ? {} : { jwks }),
    ...(client ? { client } : {}),
  }));

export type Oidc = z.output<typeof oidc>;

function isSafe(text: string): boolean {
  const found = URL.canParse(text) ? new URL(text) : undefined;
  if (!found || found.username || found.password || found.search || found.hash) return false;
  const here = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(found.hostname);
  return found.protocol === 'https:' || (found.protocol === 'http:' && here);
}
