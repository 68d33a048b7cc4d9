/** The daemon's HTTP doors as they are: the socket of its user, and its address, over a running `flyball run`. */
import { statSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES } from './churn.ts';
import { DAEMON_YAML, type Daemon, type Home, makeHome } from './home.ts';

const { 'policies/remedy.yaml': remedy = '', ...documents } = POLICIES;
const policies = { ...documents, 'policies/alarm.yaml': alarmAbove('30') };

const PRINCIPALS = `
principals:
  ana: { roles: [approver] }
  vic: { roles: [viewer] }
  bot: { kind: agent, for: ana, roles: [operator] }
`;
const TOKENS = `${DAEMON_YAML.replace('local-user', 'tokens')}listen: 127.0.0.1:0${PRINCIPALS}`;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}

interface Asking {
  readonly at: Home;
  readonly daemon: Daemon;
  /** Over TCP. */
  tcp(path: string, more?: Partial<Request>): Promise<Said>;
  /** Over the socket. */
  socket(path: string, more?: Partial<Request>): Promise<Said>;
}

interface Request {
  readonly method: string;
  readonly token: string;
  readonly json: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

async function asking(settings: string): Promise<Asking> {
  const at = await makeHome(policies, settings);
  ends.push(() => at.end());
  await furnish(at);
  const daemon = await at.daemon();
  const [, url = ''] = /"url":"(http:[^"]+)"/.exec(daemon.log()) ?? [];
  return {
    ...{ at, daemon },
    tcp: (path, more = {}) => ask({ host: new URL(url).hostname, port: new URL(url).port }, path, more),
    socket: (path, more = {}) => ask({ socketPath: join(at.state, 'daemon.sock') }, path, more),
  };
}

function ask(where: RequestOptions, path: string, more: Partial<Request>): Promise<Said> {
  const { token, json, headers = {}, method = json === undefined ? 'GET' : 'POST' } = more;
  const sent = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    request({ ...where, path, method, headers: sent }, async answer => {
      const body = JSON.parse((await text(answer)) || '{}') as Record<string, unknown>;
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
    })
      .on('error', reject)
      .end(json === undefined ? '' : JSON.stringify(json));
  });
}

describe('the socket', () => {
  test('is its user’s alone, and whoever comes through it is that user', async () => {
    const { at, socket } = await asking(DAEMON_YAML.replace('local-user', 'tokens'));
    expect(statSync(join(at.state, 'daemon.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(at.state).mode & 0o777).toBe(0o700);
    const me = await socket('/api/v1/whoami');
    const there = await at.json('whoami');
    expect(me).toMatchObject({ status: 200, body: there });
    expect(me.body).toMatchObject({ door: 'cli', authenticated: false, grants: [{ role: 'operator' }] });
    const agent = await socket('/api/v1/whoami', { headers: { 'x-flyball-door': 'mcp' } });
    expect(agent.body).toMatchObject({ door: 'mcp', kind: 'agent', grants: [{ role: 'proposer' }] });
  });

  test('nobody else’s, also when whoever started the daemon had shown a token', async () => {
    const at = await makeHome(policies, TOKENS);
    ends.push(() => at.end());
    await furnish(at);
    const { token } = await at.json<{ token: string }>('token', 'create', 'ana');
    const there = await at.json<{ name: string }>('whoami');
    await at.daemonWith({ FLYBALL_TOKEN: token });
    const me = await ask({ socketPath: join(at.state, 'daemon.sock') }, '/api/v1/whoami', {});
    expect(me).toMatchObject({ status: 200, body: { name: there.name, authenticated: false } });
    expect(there.name).not.toBe('ana');
  });

  test('what an engine that died left there is replaced', async () => {
    const { at, daemon } = await asking(DAEMON_YAML);
    await daemon.end('SIGKILL');
    expect(statSync(join(at.state, 'daemon.sock')).isSocket()).toBe(true);
    await at.daemon();
    const found = await ask({ socketPath: join(at.state, 'daemon.sock') }, '/api/v1/status', {});
    expect(found).toMatchObject({ status: 200, body: { env: 'test', engine: expect.any(Number) } });
  });

  test('a refusal can be made again from its answer', async () => {
    const { socket } = await asking(DAEMON_YAML.replace('local-user', 'tokens'));
    const refused = await socket('/api/v1/approve', { json: { approval: 'abcdef' } });
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'role', reason: 'role', detail: expect.stringContaining('expected approver') },
    });
  });
});

describe('tokens at the address', () => {
  test('nobody without one, its principal with one, and nobody once it is revoked', async () => {
    const { at, tcp } = await asking(TOKENS);
    const { token, id } = await at.json<{ token: string; id: string }>('token', 'create', 'vic');
    const nobody = await tcp('/api/v1/status');
    expect(nobody).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(nobody.headers['www-authenticate']).toMatch(
      /^Bearer resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource"$/,
    );
    const vic = await tcp('/api/v1/whoami', { token });
    expect(vic.body).toMatchObject({ name: 'vic', door: 'http', authenticated: true, token: id });
    expect(await tcp('/api/v1/pause', { token, json: {} })).toMatchObject({
      ...{ status: 403, body: { code: 'role', detail: expect.stringContaining('expected operator') } },
    });
    for (const wrong of [`${token}x`, token.replace(/_[^_]+$/, `_${'A'.repeat(43)}`), 'Basic'])
      expect(await tcp('/api/v1/whoami', { token: wrong }), wrong).toMatchObject({ status: 401 });
    await at.json('token', 'revoke', id);
    const revoked = await tcp('/api/v1/whoami', { token });
    expect(revoked).toMatchObject({ status: 401, body: { detail: expect.stringContaining('was revoked') } });
    expect(revoked.headers['www-authenticate']).toContain('error="invalid_token"');
  });
});
