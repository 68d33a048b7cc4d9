/** Logging in at the pages by an identity provider that really answers: code, PKCE, state, nonce, and what it says of when it saw a proof. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApprovalWorld, asking, browser, DAEMON_YAML, fieldsOf, retrainAsks } from './approval-world.ts';
import { entriesOf } from './ledger.ts';

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const SECRET = 'a secret';
let provider: Server;
let issuer: string;
let at: ApprovalWorld;
/** What the provider says beside what is right. */
let said: JWTPayload = {};
const codes = new Map<string, URLSearchParams>();
const asked: URLSearchParams[] = [];

/** Checks what a provider checks: the client, its secret, the code (once), where it was to go, and the verifier. */
async function tokenOf(
  authorization: string | undefined,
  form: URLSearchParams,
): Promise<object | undefined> {
  const begun = codes.get(form.get('code') ?? '');
  codes.delete(form.get('code') ?? '');
  const basic = `Basic ${Buffer.from(`pages:${encodeURIComponent(SECRET)}`).toString('base64')}`;
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (!begun || authorization !== basic || challenge !== begun.get('code_challenge')) return undefined;
  if (form.get('redirect_uri') !== begun.get('redirect_uri')) return undefined;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    aud: 'pages',
    sub: 'sub-ben',
    exp: now + 600,
    auth_time: now,
    nonce: begun.get('nonce'),
  };
  const token = new SignJWT({ ...claims, ...said }).setProtectedHeader({ alg: 'ES256', kid: 'one' });
  return { token_type: 'Bearer', id_token: await token.sign(privateKey) };
}

beforeAll(async () => {
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }];
  provider = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', issuer);
    if (pathname === '/authorize') {
      const code = `code-${codes.size}-${Math.random()}`;
      codes.set(code, searchParams);
      asked.push(searchParams);
      const back = new URL(searchParams.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({
        code,
        state: searchParams.get('state') ?? '',
        iss: issuer,
      }).toString();
      response.writeHead(303, { location: back.href }).end();
      return;
    }
    const about = {
      issuer,
      jwks_uri: `${issuer}/keys`,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
    };
    const found =
      pathname === '/token'
        ? await tokenOf(request.headers.authorization, new URLSearchParams(await text(request)))
        : { '/.well-known/openid-configuration': about, '/keys': { keys } }[pathname];
    response
      .writeHead(found ? 200 : 400, { 'content-type': 'application/json' })
      .end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const oidc = `oidc:\n  issuer: ${issuer}\n  audience: flyball\n  client: { id: pages, secret: "\${env:FLYBALL_CLIENT}" }\n`;
  const yaml = DAEMON_YAML.replace(
    'ben: { roles: [admin] }',
    'ben: { roles: [admin], subjects: [sub-ben] }',
  ).replace('roles: [operator] }', 'roles: [operator], subjects: [sub-eve] }');
  at = await asking(retrainAsks(), `${yaml}${oidc}`, { FLYBALL_CLIENT: SECRET });
});
afterAll(async () => {
  await at?.home.end();
  provider.closeAllConnections();
  provider.close();
});

/** From the link of the login form to what the provider sends back: the path at this daemon. */
async function toProvider(who: ReturnType<typeof browser>, path: string): Promise<string> {
  const begun = await who.get(path);
  expect(begun.status).toBe(303);
  const answer = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
  return (answer.headers.get('location') ?? '').replace(at.url, '');
}

test('a person logs in, and what they decide is theirs; each answer that is not of this login lets nobody in', async () => {
  const path = `/approvals/${at.approval}`;
  const begin = `/login/oidc?next=${encodeURIComponent(path)}`;
  const ben = browser(at.url);
  expect((await ben.get(`/login?next=${encodeURIComponent(path)}`)).text).toContain(`href="${begin}"`);

  const wrongs: readonly (readonly [string, JWTPayload, (back: string) => string])[] = [
    ['state', {}, back => back.replace(/state=[^&]+/, 'state=x')],
    ['code', {}, back => back.replace(/code=[^&]+/, 'code=x')],
    ['issuer', {}, back => back.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example')],
    ['nonce', { nonce: 'x' }, back => back],
    ['audience', { aud: 'flyball' }, back => back],
    ['subject', { sub: 'nobody' }, back => back],
    ['an agent', { sub: 'sub-eve' }, back => back],
    ['expired', { exp: 1 }, back => back],
  ];
  for (const [what, more, changed] of wrongs) {
    const back = changed(await toProvider(ben, begin));
    said = more;
    const answer = await ben.get(back);
    expect([answer.status, answer.text], what).toEqual([403, expect.stringContaining('Not logged in')]);
    said = {};
  }
  const other = await toProvider(ben, begin);
  expect((await browser(at.url).get(other)).status, 'a login that another browser began').toBe(403);
  expect((await ben.get(path)).status).toBe(303);

  said = { auth_time: Math.floor(Date.now() / 1000) - 3600 };
  const entry = await ben.get(await toProvider(ben, begin));
  said = {};
  expect([entry.status, entry.text]).toEqual([200, expect.stringContaining(`content="0;url=${path}"`)]);
  // The provider saw no proof for an hour: it looks, and logs in again to decide.
  const old = await ben.get(path);
  expect(old.text).not.toContain('name="decision"');
  const [, again = ''] = /href="(\/login\/oidc\?again=1[^"]*)"/.exec(old.text) ?? [];
  const back = await toProvider(ben, again.replaceAll('&amp;', '&'));
  expect(Object.fromEntries(asked.at(-1) ?? [])).toMatchObject({
    ...{ prompt: 'login', max_age: '0', code_challenge_method: 'S256', response_type: 'code' },
  });
  expect((await ben.get(back)).status).toBe(200);
  expect((await ben.get(back)).status, 'a code, twice').toBe(403);
  const form = fieldsOf((await ben.get(path)).text);
  expect((await ben.send(path, { ...form, decision: 'deny', comment: 'not now' })).status).toBe(303);
  expect(entriesOf(at.home.state, 'approval').map(({ body }) => body)).toMatchObject([
    { decision: 'no', comment: 'not now', by: { name: 'ben', authenticated: true, door: 'http' } },
  ]);
  expect(at.daemon.log()).not.toContain(SECRET);
});
