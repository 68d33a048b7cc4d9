/** The door over real sockets: which requests come in, and what the others are told. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { Log } from '../model.ts';
import { type Door, openDoor } from './door.ts';
import { ownName } from './own-name.ts';
import { plain, type Route } from './route.ts';

const logged: unknown[] = [];
const note = (fields: unknown, message: string) => void logged.push([message, fields]);
const log: Log = { info: note, warn: note, error: note };
const doors: Door[] = [];
afterEach(async () => {
  logged.length = 0;
  for (const door of doors.splice(0)) await door.close();
});

const echo: Route['answers']['POST'] = async asked =>
  plain(200, JSON.stringify([asked.parts, await asked.json()]));
const routes: readonly Route[] = [
  { path: '/healthz', answers: { GET: async () => plain(200, 'ok') } },
  { path: '/broken', answers: { GET: async () => Promise.reject(new Error('of ours')) } },
  { path: '/things/{id}', answers: { POST: echo } },
  {
    path: '/stream',
    answers: { GET: async () => ({ status: 200, type: 'text/plain', body: bits() }) },
  },
];

async function* bits() {
  yield 'one ';
  yield 'two';
}

async function opened(port = 0, host = '127.0.0.1'): Promise<Door> {
  const door = await openDoor({ host, port }, { routes, over: 'tcp', ...ownName(undefined, false), log });
  doors.push(door);
  return door;
}

interface Options {
  readonly method?: string;
  readonly host?: string;
  readonly type?: string;
  readonly send?: string;
}

function ask(door: Door, path: string, { method = 'GET', host, type, send = '' }: Options = {}) {
  const headers = {
    ...(host === undefined ? {} : { host }),
    ...(type === undefined ? {} : { 'content-type': type }),
  };
  return new Promise<{ status: number; body: string; headers: unknown }>((resolve, reject) => {
    request(`${door.url}${path}`, { method, headers }, async answer =>
      resolve({ status: answer.statusCode ?? 0, body: await text(answer), headers: answer.headers }),
    )
      .on('error', reject)
      .end(send);
  });
}

test.each([
  ['/healthz', {}, 200, 'ok\n'],
  ['/healthz?verbose=1', {}, 200, 'ok\n'],
  ['/healthz', { host: 'localhost:1' }, 200, 'ok\n'],
  ['/healthz', { host: '[::1]:80' }, 200, 'ok\n'],
  ['/healthz', { method: 'HEAD' }, 200, ''],
  ['/stream', {}, 200, 'one two'],
  ['/stream', { method: 'HEAD' }, 200, ''],
])('%s %j is answered', async (path, options, status, body) => {
  const found = await ask(await opened(), path, options);
  expect(found).toMatchObject({
    ...{ status, body },
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
  expect(logged).toEqual([]);
});

const json = { method: 'POST', type: 'application/json' };
const deep = `${'['.repeat(40)}${']'.repeat(40)}`;

test.each<[string, Options, number, string, string]>([
  ['/healthz', { method: 'POST' }, 405, 'method', 'POST is not for /healthz; there is GET.'],
  ['/things/1', {}, 405, 'method', 'GET is not for /things/1; there is POST.'],
  ['/healthz', { host: 'evil.example' }, 421, 'host', 'Host evil.example: expected localhost, a'],
  ['/healthz', { host: '127.0.0.1.evil.example' }, 421, 'host', 'Host 127.0.0.1.evil.example'],
  ['/', {}, 404, 'path', 'There is no / here.'],
  ['/constructor', {}, 404, 'path', 'There is no /constructor here.'],
  ['/things', json, 404, 'path', 'There is no /things here.'],
  ['/things/', json, 404, 'path', 'There is no /things/ here.'],
  ['/things/%FF', json, 404, 'path', 'There is no /things/%FF here.'],
  ['/things/1', { ...json, type: 'text/plain', send: '{}' }, 415, 'media', 'content-type is text/plain;'],
  ['/things/1', { ...json, send: '{"a":' }, 400, 'json', 'The body cannot be parsed as JSON.'],
  ['/things/1', { ...json, send: deep }, 400, 'json', 'The body is nested more than 32 deep.'],
  ['/things/1', { ...json, send: `[${'0,'.repeat(10_001)}0]` }, 400, 'json', 'more than 10000 parts'],
  ['/things/1', { ...json, send: `"${'x'.repeat(1_048_576)}"` }, 413, 'large', 'more than 1048576 bytes'],
  ['/broken', {}, 500, 'bug', 'This could not be answered; the log of the daemon says why.'],
])('%s %j is refused with %i', async (path, options, status, code, detail) => {
  const found = await ask(await opened(), path, options);
  expect(found).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } });
  expect(JSON.parse(found.body)).toMatchObject({
    ...{ type: `urn:flyball:problem:${code}`, status, code },
    ...{ detail: expect.stringContaining(detail), hint: expect.any(String), title: expect.any(String) },
  });
  if (status === 500) expect(logged).toEqual([['http request failed', { path, error: 'of ours' }]]);
  else expect(logged).toEqual([]);
});

test('parts of the path and the body reach the route', async () => {
  const found = await ask(await opened(), '/things/a%2Fb', { ...json, send: '{"x":[1,"}{"]}' });
  expect(JSON.parse(found.body)).toEqual([{ id: 'a/b' }, { x: [1, '}{'] }]);
});

test('a body that grows without an end is cut off where it is too large', async () => {
  const { url } = await opened();
  const status = await new Promise(resolve => {
    const asked = request(`${url}/things/1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    asked.on('response', answer => resolve(answer.statusCode)).on('error', () => undefined);
    const more = () => {
      while (asked.write('0'.repeat(65_536)));
    };
    asked.on('drain', more);
    more();
  });
  expect(status).toBe(413);
});

test('a port that is taken is told with what to do', async () => {
  const { url } = await opened();
  const port = Number(new URL(url).port);
  await expect(opened(port)).rejects.toThrow(
    `daemon.yaml: listen 127.0.0.1:${port}: something listens there already; expected a free address of this machine.`,
  );
});

test('it is on IPv6 as well where the machine has it', async () => {
  const door = await opened(0, '::1').catch(error =>
    expect(String(error)).toMatch(/EADDRNOTAVAIL|EAFNOSUPPORT/),
  );
  if (door) expect(await ask(door, '/healthz')).toMatchObject({ status: 200 });
});
