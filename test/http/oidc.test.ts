/** Tokens of an identity provider that really answers: discovered, its keys fetched, each wrong token told apart. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Oidc } from '../../src/commands/index.ts';
import { type Served, serve } from './served.ts';

const ME = '/api/v1/whoami';
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const other = await generateKeyPair('ES256');
let provider: Server;
let issuer: string;
let claimed: string;

beforeAll(async () => {
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  provider = createServer((request, response) => {
    const found = {
      '/.well-known/openid-configuration': { issuer: claimed, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: [jwk] },
    }[request.url ?? ''];
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found));
  });
  await new Promise<void>(resolve => provider.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  claimed = issuer;
});
afterAll(() => {
  provider.closeAllConnections();
  provider.close();
});

const served: Served[] = [];
afterEach(async () => {
  claimed = issuer;
  for (const one of served.splice(0)) await one.end();
});
async function opened(more: Partial<Oidc> = {}): Promise<Served> {
  const oidc: Oidc = {
    ...{ issuer, audience: 'flyball', claim: 'sub', algorithms: ['ES256'], scopes: 'required' },
    ...more,
  };
  const one = await serve({ oidc });
  served.push(one);
  return one;
}

const READS = { scope: 'state:read' };
/** By the clock of the doors, which is at the epoch. */
const sign = (claims: JWTPayload, key = privateKey) =>
  new SignJWT({ iss: issuer, aud: 'flyball', sub: 'sub-ana', exp: 600, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .sign(key);

test('a token of the provider is its principal, with what it was issued for', async () => {
  const at = await opened();
  const token = await sign(READS);
  expect(await at.ask(ME, { token })).toMatchObject({
    ...{ status: 200, body: { name: 'ana', kind: 'person', authenticated: true } },
  });
  const agent = await at.ask(ME, { token: await sign({ ...READS, sub: 'sub-bot' }) });
  expect(agent.body).toMatchObject({ name: 'bot', kind: 'agent', onBehalfOf: 'ana' });
  const acting = await at.ask(ME, { token: await sign({ ...READS, act: { sub: 'x' } }) });
  expect(acting.body).toMatchObject({ kind: 'agent', onBehalfOf: 'ana', grants: [{ role: 'operator' }] });
});

describe('nobody is', () => {
  test.each<[string, JWTPayload]>([
    ['for another audience', { aud: 'somebody-else' }],
    ['from another issuer', { iss: 'https://evil.example' }],
    ['has expired', { exp: -600 }],
    ['does not say when it ends', { exp: undefined as never }],
    ['does not count yet', { nbf: 600 }],
    ['for nobody under principals', { sub: 'sub-eve' }],
    ['for nobody under principals', { sub: 'constructor' }],
    ['does not say who it is for', { sub: undefined as never }],
  ])('a token that %s: %j', async (why, claims) => {
    const at = await opened();
    const found = await at.ask(ME, { token: await sign({ ...READS, ...claims }) });
    expect(found).toMatchObject({ status: 401, body: { detail: expect.stringContaining(why) } });
    expect(found.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('a token that another key signed, or none', async () => {
    const at = await opened();
    const [head = '', body = ''] = (await sign(READS)).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const token of [await sign(READS, other.privateKey), `${none}.${body}.`, `${head}.${body}.AAAA`])
      expect(await at.ask(ME, { token })).toMatchObject({ status: 401 });
    expect(
      await (await opened({ algorithms: ['RS256'] })).ask(ME, { token: await sign(READS) }),
    ).toMatchObject({
      status: 401,
    });
  });

  test('an e-mail address that the provider did not verify', async () => {
    const at = await opened({ claim: 'email' });
    const email = 'ana@acme.example';
    expect(await at.ask(ME, { token: await sign({ ...READS, email }) })).toMatchObject({ status: 401 });
    const token = await sign({ ...READS, email, email_verified: true });
    expect(await at.ask(ME, { token })).toMatchObject({ status: 200, body: { name: 'ana' } });
  });
});

test.each([
  ['no scope at all', {}, ME, undefined, 'state:read'],
  ['another scope', { scope: 'openid action:request' }, ME, undefined, 'state:read'],
  ['only reading', READS, '/api/v1/pause', {}, 'action:request'],
  ['only reading', READS, '/api/v1/resume', {}, 'approval:decide'],
  ['only reading', READS, '/api/v1/log', {}, 'audit:read'],
  ['only reading', { scp: ['state:read'] }, '/api/v1/reconcile', {}, 'reconcile:request'],
])('a call with %s is told which one it needs: %j %s', async (_, claims, path, json, scope) => {
  const at = await opened();
  const found = await at.ask(path, { token: await sign(claims), ...(json ? { json } : {}) });
  expect(found).toMatchObject({ status: 403, body: { code: 'scope' } });
  expect(found.headers['www-authenticate']).toContain(`error="insufficient_scope", scope="${scope}"`);
  const refused = await at.ports.world.store.entries({ chain: 'fleet', kinds: ['audit'] });
  expect(refused).toMatchObject([{ body: { by: { name: 'ana' }, result: 'refused' } }]);
});

test('running Flyball itself is in no scope; a provider without scopes can be taken as it is', async () => {
  const all = {
    scope: 'state:read audit:read policy:propose reconcile:request action:request approval:decide',
  };
  const prune = { token: await sign(all), json: {} };
  expect(await (await opened()).ask('/api/v1/ledger/prune', prune)).toMatchObject({ status: 403 });
  expect(await (await opened({ scopes: 'ignored' })).ask(ME, { token: await sign({}) })).toMatchObject({
    status: 200,
  });
});

test('a provider that does not answer, or names another issuer, is no reason to let somebody in', async () => {
  claimed = 'https://evil.example';
  const at = await opened();
  const found = await at.ask(ME, { token: await sign(READS) });
  expect(found).toMatchObject({
    status: 503,
    body: { detail: expect.stringContaining('names another issuer') },
  });
  expect(await at.ask(ME, { token: await at.token('vic') })).toMatchObject({ status: 200 });
  const away = await opened({ issuer: 'http://127.0.0.1:1' });
  expect(await away.ask(ME, { token: await sign({ ...READS, iss: 'http://127.0.0.1:1' }) })).toMatchObject({
    status: 503,
  });
});
