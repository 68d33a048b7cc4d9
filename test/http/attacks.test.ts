/** Attacks on the daemon's address: each is refused, says why, and costs the others nothing. */
import { afterEach, describe, expect, test } from 'vitest';
import { plain } from '../../src/http/route.ts';
import { doing, observes, policyOf, RETRAIN } from '../core/closed-policy.ts';
import { enforce } from '../core/outside.ts';
import { PRINCIPALS, type Served, serve } from './served.ts';

const served: Served[] = [];
afterEach(async () => {
  for (const one of served.splice(0)) await one.end();
});
async function opened(...of: Parameters<typeof serve>): Promise<Served> {
  const one = await serve(...of);
  served.push(one);
  return one;
}

const ME = '/api/v1/whoami';

describe('tokens', () => {
  test('an unknown, a wrong, an expired and a revoked token are nobody', async () => {
    const at = await opened();
    const good = await at.token('vic');
    expect(await at.ask(ME, { token: good })).toMatchObject({
      status: 200,
      body: { name: 'vic', authenticated: true },
    });
    const [kept = ''] = /^fb_[^_]+_/.exec(good) ?? [];
    for (const [token, why] of [
      [`fb_${'a'.repeat(10)}_${'A'.repeat(43)}`, 'not known here'],
      [`${kept}${'A'.repeat(43)}`, 'not known here'],
      [await at.token('vic', { expiresAt: 0 }), 'has expired'],
      [await at.token('vic', { revokedAt: 1 }), 'was revoked'],
      [await at.token('nobody'), 'no principal any more'],
      ['a.b.c', 'not known here'],
    ] as const) {
      const found = await at.ask(ME, { token });
      expect(found, why).toMatchObject({
        status: 401,
        body: { code: 'unauthenticated', detail: expect.stringContaining(why) },
      });
      expect(found.headers['www-authenticate']).toContain('error="invalid_token"');
      expect(found.text).not.toContain(token);
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b'])
      expect(await at.ask(ME, { headers: { authorization } })).toMatchObject({ status: 401 });
  });

  test('without a token nobody comes in, also not by the header of the socket', async () => {
    const at = await opened();
    const found = await at.ask(ME, { headers: { 'x-flyball-door': 'cli' } });
    expect(found).toMatchObject({ status: 401, body: { detail: 'There is no token.' } });
    expect(found.headers['www-authenticate']).toMatch(
      /^Bearer resource_metadata="http:.*oauth-protected-resource"$/,
    );
    expect(await at.ask('/.well-known/oauth-protected-resource/mcp')).toMatchObject({
      status: 200,
      body: { resource: `${at.url}/mcp`, scopes_supported: ['state:read', 'audit:read'] },
    });
  });

  test('under trust: local-user a call from here is this user, and one that a proxy passed on is nobody', async () => {
    const at = await opened({ trust: 'local-user' });
    expect(await at.ask(ME)).toMatchObject({
      status: 200,
      body: { name: 'me', door: 'http', authenticated: false },
    });
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])
      expect(await at.ask(ME, { headers: { [name]: '127.0.0.1' } }), name).toMatchObject({ status: 401 });
  });

  test("an agent's token decides nothing", async () => {
    const at = await opened();
    const found = await at.ask('/api/v1/resume', { token: await at.token('bot'), json: {} });
    expect(found).toMatchObject({
      status: 403,
      body: { code: 'role', detail: expect.stringContaining('bot is an agent') },
    });
  });
});

test('figures of the fleet are for this machine, and for whoever may read', async () => {
  const figures = { path: '/metrics', answers: { GET: async () => plain(200, 'figures') } };
  const at = await opened({}, { open: [figures] });
  expect((await at.ask('/metrics')).text).toBe('figures\n');
  const headers = { 'x-forwarded-for': '10.1.1.1' };
  expect(await at.ask('/metrics', { headers })).toMatchObject({ status: 401 });
  expect(await at.ask('/metrics', { headers, token: await at.token('vic') })).toMatchObject({ status: 200 });
  const proxied = await opened({}, { open: [figures], behindProxy: true });
  expect(await proxied.ask('/metrics')).toMatchObject({ status: 401 });
});

describe('evil Host and Origin', () => {
  const listen = {
    ...{ host: '127.0.0.1', port: 0, hosts: ['flyball.example'] },
    origins: ['https://console.example'],
  };
  test.each([
    [{ host: 'evil.example' }, 421, 'host'],
    [{ host: 'flyball.example.evil.example' }, 421, 'host'],
    [{ origin: 'http://evil.example' }, 403, 'origin'],
    [{ origin: 'null' }, 403, 'origin'],
    [{ origin: 'https://console.example.evil.example' }, 403, 'origin'],
    [{ host: 'flyball.example', origin: 'http://localhost' }, 403, 'origin'],
  ])('%j is refused', async (headers, status, code) => {
    const at = await opened({ listen });
    const found = await at.ask(ME, { token: await at.token('vic'), json: {}, headers });
    expect(found).toMatchObject({ status, body: { code } });
  });

  test.each([
    { host: 'flyball.example' },
    { origin: 'https://console.example' },
    { host: 'flyball.example:80', origin: 'http://flyball.example:80' },
    {},
  ])('%j is its own', async headers => {
    const at = await opened({ listen });
    expect(await at.ask(ME, { token: await at.token('vic'), json: {}, headers })).toMatchObject({
      status: 200,
    });
  });

  test('a page of another site can read nothing either: no answer allows it', async () => {
    const at = await opened({ trust: 'local-user' });
    const { headers } = await at.ask(ME, { headers: { origin: 'http://evil.example' } });
    expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('oversized and deep arguments', () => {
  test.each([
    [{ raw: `{"scope":"${'x'.repeat(1_048_576)}"}` }, 413, 'large'],
    [{ raw: `${'{"a":'.repeat(40)}1${'}'.repeat(40)}` }, 400, 'json'],
    [{ raw: `{"a":[${'0,'.repeat(150_000)}0]}` }, 400, 'json'],
    [{ raw: '[]' }, 400, 'input'],
    [{ json: { scope: 'x', more: 1 } }, 400, 'input'],
    [{ raw: 'scope=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, 'media'],
  ])('%#', async (more, status, code) => {
    const at = await opened({ trust: 'local-user' });
    const found = await at.ask('/api/v1/pause', more);
    expect(found).toMatchObject({ status, body: { code } });
    expect(found.text.length).toBeLessThan(2000);
  });

  test('headers too', async () => {
    const at = await opened({ trust: 'local-user' });
    expect(await at.ask(ME, { headers: { 'x-long': 'x'.repeat(20_000) } })).toMatchObject({ status: 431 });
  });

  test('whoever may not come in is not listened to', async () => {
    const at = await opened();
    expect(await at.ask('/api/v1/pause', { raw: '[['.repeat(1000) })).toMatchObject({ status: 401 });
  });
});

test('1,000 requests of one token leave the others served', async () => {
  const at = await opened();
  const [loud, quiet] = [await at.token('bot'), await at.token('ana')];
  const flood = Array.from({ length: 1000 }, () => at.ask(ME, { token: loud }));
  const others = Array.from({ length: 10 }, () => at.ask(ME, { token: quiet }));
  expect((await Promise.all(others)).map(({ status }) => status)).toEqual(Array(10).fill(200));
  const answers = await Promise.all(flood);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length + answers.filter(({ status }) => status === 200).length).toBe(1000);
  expect(refused.length).toBeGreaterThan(500);
  expect(refused[0]).toMatchObject({ body: { code: 'limit' }, headers: { 'retry-after': '1' } });
});

test('whoever shows no token is refused by address, and a token from there still counts', async () => {
  const at = await opened();
  const answers = await Promise.all(Array.from({ length: 300 }, () => at.ask(ME)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
  expect(await at.ask(ME, { token: await at.token('vic') })).toMatchObject({ status: 200 });
});

test('a cursor counts for the one whom it was given, and for that list with those filters', async () => {
  const at = await opened();
  const observe = { psi: observes('psi') };
  const named = (policy: string) => policyOf({ policy, observe, rule: doing([RETRAIN]) });
  await enforce(at.ports.world, [named('a'), named('b')]);
  const [ana, vic] = [await at.token('ana'), await at.token('vic')];
  const first = await at.ask('/api/v1/policies?limit=1', { token: ana });
  expect(first).toMatchObject({
    status: 200,
    body: { policies: [{ policy: 'a' }], next: expect.any(String) },
  });
  const next = encodeURIComponent(String(first.body.next));
  const wrong = { status: 400, body: { code: 'input', detail: expect.stringContaining('cursor: not one') } };
  const more = `/api/v1/policies?limit=1&cursor=${next}`;
  expect(await at.ask(more, { token: vic })).toMatchObject(wrong);
  expect(await at.ask(`${more}x`, { token: ana })).toMatchObject(wrong);
  expect(await at.ask(`${more}&target=model/other`, { token: ana })).toMatchObject(wrong);
  expect(await at.ask(`/api/v1/approvals?cursor=${next}`, { token: ana })).toMatchObject(wrong);
  expect((await at.ask(more, { token: ana })).body).toMatchObject({ policies: [{ policy: 'b' }] });
});

describe('an Idempotency-Key', () => {
  const pause = (at: Served, token: string, reason: string) =>
    at.ask('/api/v1/pause', { token, json: { reason }, headers: { 'idempotency-key': 'k1' } });

  test('gives the same answer again, and no other wish', async () => {
    const at = await opened();
    const token = await at.token('ana');
    const first = await pause(at, token, 'a');
    expect(first).toMatchObject({ status: 200 });
    expect((await pause(at, token, 'a')).body).toEqual(first.body);
    expect(await pause(at, token, 'b')).toMatchObject({
      status: 409,
      body: { code: 'conflict', reason: 'conflict' },
    });
    const paused = (await at.ports.world.store.entries({ chain: 'fleet' })).filter(
      ({ body }) => body.kind === 'pause',
    );
    expect(paused).toHaveLength(1);
  });

  test('that another principal replays is theirs, not an answer to somebody else', async () => {
    const at = await opened({
      principals: { ...PRINCIPALS, eve: { kind: 'person', roles: [{ role: 'viewer' }], subjects: [] } },
    });
    expect(await pause(at, await at.token('ana'), 'a')).toMatchObject({ status: 200 });
    expect(await pause(at, await at.token('eve'), 'a')).toMatchObject({
      status: 403,
      body: { code: 'role' },
    });
    expect(await pause(at, await at.token('ana'), 'a')).toMatchObject({ status: 200 });
  });
});
