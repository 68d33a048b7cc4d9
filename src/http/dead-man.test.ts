/** The dead man's switch against a real server: told while alive, and never a word of the address in the log. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepDeadManQuiet } from './dead-man.ts';

let server: Server;
let asked: string[];
let status: number;
beforeEach(async () => {
  asked = [];
  status = 200;
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status, { location: '/elsewhere' }).end('OK');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Runs for so many pauses, each of which may change the world first. */
async function during(pauses: readonly (() => void)[], url = urlOf()) {
  const told: string[] = [];
  const logged: string[] = [];
  let left = [...pauses];
  let alive = true;
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  await keepDeadManQuiet({
    url,
    everyMs: 60_000,
    alive: () => alive,
    pause: async ms => {
      expect(ms).toBe(60_000);
      const [next, ...rest] = left;
      left = rest;
      next?.();
      if (next === DIES) alive = false;
    },
    stopped: () => left.length === 0,
    log: { info: note, warn: note, error: note },
    told: result => void told.push(result),
  });
  return { told, logged };
}

const urlOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/s3cret`;
const PASSES = () => {};
const DIES = () => {};

test('it is asked once each pause while the engine lives, first after a pause', async () => {
  expect(await during([PASSES])).toEqual({ told: [], logged: [] });
  expect(asked).toEqual([]);
  expect(await during([PASSES, PASSES, PASSES])).toEqual({ told: ['ok', 'ok'], logged: [] });
  expect(asked).toEqual(['GET /ping/s3cret', 'GET /ping/s3cret']);
});

test('an engine that does not live is silent, and says so in its log', async () => {
  expect(await during([PASSES, DIES, PASSES, PASSES])).toEqual({
    told: ['ok', 'withheld', 'withheld'],
    logged: Array(2).fill('dead man is not told: the engine is not alive {}'),
  });
  expect(asked).toHaveLength(1);
});

test.each([404, 500, 302])('an answer of %i is none, and no redirect is followed', async code => {
  status = code;
  expect(await during([PASSES, PASSES])).toEqual({
    told: ['failed'],
    logged: [`dead man could not be told {"failure":"status ${code}"}`],
  });
  expect(asked).toEqual(['GET /ping/s3cret']);
});

test('nobody answers: the log names the failure and not the address', async () => {
  const url = urlOf();
  await new Promise(resolve => server.close(resolve));
  const { told, logged } = await during([PASSES, PASSES], url);
  expect(told).toEqual(['failed']);
  expect(logged).toEqual(['dead man could not be told {"failure":"ECONNREFUSED"}']);
});
