/** Logging in at the identity provider: the authorization code flow with PKCE, state and nonce. What it vouches for is a session here. */
import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { canonical } from '../canonical.ts';
import type { Oidc, Ports } from '../commands/index.ts';
import { PortError } from '../model.ts';
import { wordPage } from '../report/pages.ts';
import { isSame, markOf, randomText } from '../sealing.ts';
import { cookieOf, setCookie } from './cookies.ts';
import { metadataOf, verifying } from './jwt.ts';
import { ownPath, pageReply } from './page-reply.ts';
import { Problem } from './problem.ts';
import type { Asked, Reply } from './route.ts';
import { beginSession, FRESH_MS } from './sessions.ts';

export interface OidcLogin {
  /** Sends the browser to the provider. */
  begin(asked: Asked): Promise<Reply>;
  /** Takes the provider's answer. */
  end(asked: Asked): Promise<Reply>;
}

/** Somebody at the provider's form may take so long. */
const FLOW_MS = 600_000;
const TIMEOUT_MS = 5000;

/** A login under way, as the browser keeps it, sealed. */
interface Flow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly next: string;
  readonly until: number;
}

/** Undefined where daemon.yaml names no client for people. */
export function oidcLogin(ports: Ports, clientSecret: string | undefined): OidcLogin | undefined {
  const { oidc } = ports.settings;
  const client = oidc?.client;
  if (!oidc || !client) return undefined;
  const { world, settings } = ports;
  // A token of identity is for the client, and says nothing of scopes.
  const identity: Oidc = { ...oidc, audience: client.id, scopes: 'ignored' };
  const verify = verifying(identity, settings, world.log, world.realClock);
  return { begin, end };

  async function begin(asked: Asked): Promise<Reply> {
    const endpoint = await endpointOf(identity, 'authorization_endpoint');
    const flow: Flow = {
      ...{ state: randomText(32), nonce: randomText(32), verifier: randomText(32) },
      ...{ next: ownPath(asked.query.get('next')), until: world.realClock() + FLOW_MS },
    };
    const again = asked.query.get('again') !== null;
    const query = new URLSearchParams({
      ...{ response_type: 'code', client_id: identity.client?.id ?? '', redirect_uri: returnTo(asked) },
      ...{ scope: 'openid email', state: flow.state, nonce: flow.nonce },
      ...{ code_challenge: challengeOf(flow.verifier), code_challenge_method: 'S256' },
      // The provider then says when it last saw a proof: what it remembers from the morning decides nothing.
      ...(again ? { prompt: 'login', max_age: '0' } : { max_age: String(FRESH_MS / 1000) }),
    });
    const url = new URL(endpoint);
    for (const [name, value] of query) url.searchParams.set(name, value);
    const cookie = setCookie(asked, 'flow', await sealed(ports, flow), FLOW_MS / 1000);
    return { status: 303, body: '', headers: { location: url.href, 'set-cookie': [cookie] } };
  }

  async function end(asked: Asked): Promise<Reply> {
    const flow = await opened(ports, cookieOf(asked, 'flow'));
    const { query } = asked;
    if (!flow || !isSame(query.get('state') ?? '', flow.state))
      throw refused('this answer of the identity provider belongs to no login that was begun here');
    if (query.get('iss') !== null && query.get('iss') !== identity.issuer)
      throw refused('this answer is of another identity provider');
    const code = query.get('code');
    if (code === null) throw refused('the identity provider let nobody in');
    const { token, until, provedAt } = await identityOf(asked, flow, code);
    const found = await verify(token, 'http');
    if ('problem' in found) throw refused(found.problem);
    const { name, kind } = found.principal;
    if (kind !== undefined) throw refused(`${name} is ${kind}; only people log in here`);
    const secret = await beginSession(ports, { principal: name, until, provedAt });
    // The way here came from another site, so a redirect would not carry the new cookie: our own page does.
    const page = wordPage({
      ...{ env: settings.env, title: 'Logged in', text: `You are ${name}.`, goesTo: flow.next },
      link: { href: flow.next, text: 'Go on' },
    });
    const cookies = [setCookie(asked, 'session', secret), setCookie(asked, 'flow', '')];
    return pageReply(200, page, [...cookies, setCookie(asked, 'visit', '')]);
  }

  /** The token of identity that the provider gives for a code, which is not verified yet but for the nonce. */
  async function identityOf(asked: Asked, { verifier, nonce }: Flow, code: string) {
    const endpoint = await endpointOf(identity, 'token_endpoint');
    const id = identity.client?.id ?? '';
    const basic = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(clientSecret ?? '')}`).toString('base64')}`;
    const answer = await fetch(endpoint, {
      ...{ method: 'POST', redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) },
      headers: clientSecret === undefined ? {} : { authorization: basic },
      body: new URLSearchParams({
        ...{ grant_type: 'authorization_code', code, redirect_uri: returnTo(asked), code_verifier: verifier },
        ...(clientSecret === undefined ? { client_id: id } : {}),
      }),
    })
      .then(async found => (found.ok ? ((await found.json()) as Record<string, unknown>) : {}))
      .catch(() => undefined);
    if (answer === undefined) throw away(identity, 'it does not answer');
    const token = answer.id_token;
    if (typeof token !== 'string') throw refused('the identity provider gave no token of identity');
    const claims = claimsOf(token);
    if (!isSame(String(claims.nonce ?? ''), nonce))
      throw refused('this token of identity is of another login');
    return {
      token,
      until: (claims.exp ?? 0) * 1000,
      provedAt: typeof claims.auth_time === 'number' ? claims.auth_time * 1000 : 0,
    };
  }
}

function returnTo({ origin }: Asked): string {
  return `${origin}/login/oidc/callback`;
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function claimsOf(token: string) {
  try {
    return decodeJwt(token);
  } catch {
    throw refused('the identity provider gave no token of identity');
  }
}

/** Over TLS wherever the issuer is. */
async function endpointOf(oidc: Oidc, name: string): Promise<string> {
  const url = (await metadataOf(oidc))[name];
  const safe =
    typeof url === 'string' && URL.canParse(url) && new URL(url).protocol === new URL(oidc.issuer).protocol;
  if (safe) return url;
  throw away(oidc, `it does not say its ${name}`);
}

function away({ issuer }: Oidc, why: string): PortError {
  return new PortError(`identity provider ${issuer}: ${why}; log in by a token, or later.`, {
    ...{ code: 'oidc', retry: 'later', subject: issuer },
  });
}

function refused(why: string): Problem {
  return new Problem('role', `Not logged in: ${why}. Begin the login anew.`);
}

async function sealed(ports: Ports, flow: Flow): Promise<string> {
  const body = Buffer.from(canonical({ ...flow })).toString('base64url');
  return `${body}.${markOf(await ports.sealingKey(), `login ${body}`)}`;
}

async function opened(ports: Ports, cookie: string | undefined): Promise<Flow | undefined> {
  const [body = '', mark = ''] = (cookie ?? '').split('.');
  if (!isSame(mark, markOf(await ports.sealingKey(), `login ${body}`))) return undefined;
  const flow = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Flow;
  return ports.world.realClock() < flow.until ? flow : undefined;
}
