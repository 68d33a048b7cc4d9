/** The door over real sockets: which requests come in, and what the others are told. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { Log } from '../model.ts';
import { type Door, openDoor, plain } from './door.ts';

const logged: unknown[] = [];
const note = (fields: unknown, message: string) => void logged.push([message, fields]);
const log: Log = { info: note, warn: note, error: note };
const doors: Door[] = [];
afterEach(async () => {
  logged.length = 0;
  for (const door of doors.splice(0)) await door.close();
});

async function opened(port = 0, host = '127.0.0.1'): Promise<Door> {
  const routes = {
    '/healthz': async () => plain(200, 'ok'),
    '/broken': async () => Promise.reject(new Error('of ours')),
  };
  const door = await openDoor({ host, port }, routes, log);
  doors.push(door);
  return door;
}

function ask(door: Door, path: string, options: { method?: string; host?: string } = {}) {
  const { method = 'GET', host } = options;
  return new Promise<{ status: number; body: string; headers: unknown }>((resolve, reject) => {
    request(`${door.url}${path}`, { method, headers: host === undefined ? {} : { host } }, async answer =>
      resolve({ status: answer.statusCode ?? 0, body: await text(answer), headers: answer.headers }),
    )
      .on('error', reject)
      .end();
  });
}

test.each([
  ['/healthz', {}, 200, 'ok\n'],
  ['/healthz?verbose=1', {}, 200, 'ok\n'],
  ['/healthz', { host: 'localhost:1' }, 200, 'ok\n'],
  ['/healthz', { host: '[::1]:80' }, 200, 'ok\n'],
  ['/healthz', { method: 'HEAD' }, 200, ''],
  ['/healthz', { method: 'POST' }, 405, 'POST is not for /healthz; it is read by GET.\n'],
  [
    '/healthz',
    { host: 'evil.example' },
    421,
    'Host evil.example: expected localhost or a loopback address.\n',
  ],
  [
    '/healthz',
    { host: '127.0.0.1.evil.example' },
    421,
    expect.stringContaining('Host 127.0.0.1.evil.example'),
  ],
  ['/', {}, 404, 'There is no / here; there are /healthz, /broken.\n'],
  ['/constructor', {}, 404, expect.stringContaining('There is no /constructor')],
  ['/broken', {}, 500, 'This could not be answered; the log of the daemon says why.\n'],
])('%s %j', async (path, options, status, body) => {
  const found = await ask(await opened(), path, options);
  expect(found).toMatchObject({
    status,
    body,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
  if (status === 500) expect(logged).toEqual([['http request failed', { path, error: 'of ours' }]]);
  else expect(logged).toEqual([]);
});

test('a port that is taken is told with what to do', async () => {
  const { url } = await opened();
  const port = Number(new URL(url).port);
  await expect(opened(port)).rejects.toThrow(
    `daemon.yaml: listen 127.0.0.1:${port}: something listens there already; expected a free loopback address.`,
  );
});

test('it is on IPv6 as well where the machine has it', async () => {
  const door = await opened(0, '::1').catch(error =>
    expect(String(error)).toMatch(/EADDRNOTAVAIL|EAFNOSUPPORT/),
  );
  if (door) expect(await ask(door, '/healthz')).toMatchObject({ status: 200 });
});
