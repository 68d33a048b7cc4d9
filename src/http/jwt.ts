/** Tokens of the identity provider: verified by its keys, issuer, audience, time and algorithm, and mapped to a principal of daemon.yaml. */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import {
  capped,
  type DaemonSettings,
  grantsOf,
  type Oidc,
  principalOf,
  type Speaker,
  scopesIn,
} from '../commands/index.ts';
import { type Log, PortError, type Principal } from '../model.ts';

const TIMEOUT_MS = 5000;
/** A clock of the provider may be ahead. */
const TOLERANCE_S = 30;
/** What discovery said is looked at again after this; what it could not say, sooner. */
const KEPT_MS = 3_600_000;
const AGAIN_MS = 10_000;

/** Who a token speaks for, or why for nobody. Throws PortError when the provider's keys cannot be had. */
export type Verify = (
  token: string,
  door: Principal['door'],
) => Promise<Speaker | { readonly problem: string }>;

type Settings = Pick<DaemonSettings, 'principals' | 'env'>;

export function verifying(oidc: Oidc, settings: Settings, log: Log, now: () => number): Verify {
  const keys = keysOf(oidc);
  return async (token, door) => {
    const { issuer, audience, algorithms, claim } = oidc;
    try {
      const { payload } = await jwtVerify(token, await keys(now()), {
        ...{ issuer, audience, algorithms, clockTolerance: TOLERANCE_S },
        ...{ requiredClaims: ['exp', claim], currentDate: new Date(now()) },
      });
      return speakerOf(payload, oidc, settings, door);
    } catch (error) {
      if (error instanceof PortError) throw error;
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError))
        throw unreachable(oidc, error);
      log.info({ code: error.code }, 'token of the provider refused');
      return { problem: problemOf(error) };
    }
  };
}

/** Never an exception's own text: it may quote the token. */
function problemOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'this token has expired';
  if (!(error instanceof errors.JWTClaimValidationFailed))
    return 'this token is not one of the identity provider';
  switch (error.claim) {
    case 'aud':
      return 'this token is for another audience';
    case 'iss':
      return 'this token is from another issuer';
    case 'nbf':
      return 'this token does not count yet';
    default:
      return `this token does not say ${error.claim === 'exp' ? 'when it ends' : 'who it is for'}`;
  }
}

function speakerOf(
  payload: JWTPayload,
  { claim, scopes }: Oidc,
  settings: Settings,
  door: Principal['door'],
): Speaker | { readonly problem: string } {
  const { principals = {} } = settings;
  const subject = payload[claim];
  // Whoever registers at the provider may write any address.
  if (claim === 'email' && payload.email_verified !== true)
    return { problem: 'the provider has not verified this e-mail address' };
  const [found] = Object.entries(principals).filter(
    ([, { subjects }]) => typeof subject === 'string' && subjects.includes(subject),
  );
  if (!found) return { problem: 'this token is for nobody under principals in daemon.yaml' };
  const [name, spec] = found;
  const limited = scopes === 'required' ? { scopes: scopesIn(payload.scope ?? payload.scp) } : {};
  const principal = principalOf(name, spec, { door });
  if (payload.act === undefined) return { principal, grants: grantsOf(settings, name), ...limited };
  // Somebody acts for the one whom the token is about.
  return {
    principal: {
      ...principal,
      name: `agent of ${name}`,
      kind: 'agent',
      onBehalfOf: principal.onBehalfOf ?? name,
    },
    grants: capped(grantsOf(settings, name), 'operator'),
    ...limited,
  };
}

/** The keys of the provider, found once and kept; jose fetches them anew when a token names one that is not among them. */
function keysOf(oidc: Oidc): (now: number) => Promise<JWTVerifyGetKey> {
  let found: { readonly keys: Promise<JWTVerifyGetKey>; until: number } | undefined;
  return now => {
    if (found && now < found.until) return found.keys;
    const keys = (oidc.jwks === undefined ? discovered(oidc) : Promise.resolve(oidc.jwks)).then(url =>
      createRemoteJWKSet(new URL(url), { timeoutDuration: TIMEOUT_MS }),
    );
    const one = { keys, until: now + KEPT_MS };
    found = one;
    keys.catch(() => {
      one.until = now + AGAIN_MS;
    });
    return keys;
  };
}

/** What the provider says of itself: https://openid.net/specs/openid-connect-discovery-1_0.html, section 4. */
export async function metadataOf(oidc: Pick<Oidc, 'issuer'>): Promise<Readonly<Record<string, unknown>>> {
  const url = `${oidc.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
    .then(async found => (found.ok ? ((await found.json()) as Record<string, unknown>) : undefined))
    .catch(error => {
      throw unreachable(oidc, error);
    });
  if (answer?.issuer === oidc.issuer) return answer;
  throw unreachable(oidc, answer ? 'it names another issuer' : 'it has no openid-configuration');
}

async function discovered(oidc: Oidc): Promise<string> {
  const { jwks_uri: url } = await metadataOf(oidc);
  const safe =
    typeof url === 'string' && URL.canParse(url) && new URL(url).protocol === new URL(oidc.issuer).protocol;
  if (safe) return url;
  throw unreachable(oidc, 'it does not say where its keys are');
}

function unreachable({ issuer }: Pick<Oidc, 'issuer'>, cause: unknown): PortError {
  const why = typeof cause === 'string' ? cause : 'it does not answer';
  return new PortError(
    `identity provider ${issuer}: ${why}; nobody can log in by it until it does. Tokens of Flyball itself still count.`,
    { code: 'oidc', retry: 'later', subject: issuer, ...(typeof cause === 'string' ? {} : { cause }) },
  );
}
