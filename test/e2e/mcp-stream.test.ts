/** A stream of MCP ends with the token that it was opened with. */
import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { alarmAbove, POLICIES } from './churn.ts';
import { DAEMON_YAML, type Home, makeHome } from './home.ts';

const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
const SETTINGS = `${DAEMON_YAML.replace('local-user', 'tokens')}listen: 127.0.0.1:0
principals:
  ana: { roles: [admin] }
  vic: { roles: [viewer] }
`;
let home: Home | undefined;
afterEach(() => home?.end());

test('when it is revoked', async () => {
  home = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('30') }, SETTINGS);
  const ana = (await home.json<{ token: string }>('token', 'create', 'ana')).token;
  const made = JSON.parse((await home.as(ana, 'token', 'create', 'vic', '--json')).stdout) as {
    readonly token: string;
    readonly id: string;
  };
  const daemon = await home.daemon();
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(daemon.log()) ?? [];
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'stream', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const notifications = { resourceSubscriptions: ['flyball://policies/alarm'] };
  const body = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen' },
    params: { notifications, _meta: meta },
  });
  const headers = {
    authorization: `Bearer ${made.token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'subscriptions/listen',
  };
  const stream = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request(`${url}/mcp`, { method: 'POST', headers }, resolve).on('error', reject).end(body);
  });
  expect(stream.statusCode).toBe(200);
  expect(stream.headers['content-type']).toContain('text/event-stream');
  const ended = new Promise<void>(resolve =>
    stream
      .on('close', resolve)
      .on('error', () => resolve())
      .resume(),
  );
  expect((await home.as(ana, 'token', 'revoke', made.id)).code).toBe(0);
  await ended;
  expect(stream.complete).toBe(false);
});
