/** The wire itself: what is disturbed is disturbed, and heals. */
import { createConnection, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../e2e/until.ts';
import { type Wire, wireTo } from './wire.ts';

const echo = createServer(socket => void socket.pipe(socket));
let wire: Wire;

beforeAll(async () => {
  await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  wire = await wireTo(typeof address === 'object' && address !== null ? address.port : 0);
});
beforeEach(() => wire.heal());
afterAll(async () => {
  await wire.close();
  await new Promise(resolve => echo.close(resolve));
});

async function connected(): Promise<{
  readonly socket: Socket;
  readonly heard: () => string;
  ended: boolean;
}> {
  const socket = createConnection({ port: wire.port, host: '127.0.0.1' });
  let heard = '';
  const state = { socket, heard: () => heard, ended: false };
  socket.on('data', chunk => {
    heard += String(chunk);
  });
  socket.on('close', () => {
    state.ended = true;
  });
  socket.on('error', () => {});
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  socket.write('a');
  await until('it echoes', () => heard === 'a' || undefined);
  return state;
}

test('a cut ends connections, and new ones are made', async () => {
  const before = await connected();
  wire.cut();
  await until('it is over', () => before.ended || undefined);
  (await connected()).socket.destroy();
});

test('what is said in silence comes through at its end', async () => {
  const one = await connected();
  wire.silence();
  one.socket.write('b');
  const other = createConnection({ port: wire.port, host: '127.0.0.1' });
  let told = false;
  other.on('data', () => {
    told = true;
  });
  other.write('c');
  expect([one.heard(), told]).toEqual(['a', false]);
  wire.heal();
  await until('both are heard', () => (one.heard() === 'ab' && told) || undefined);
  one.socket.destroy();
  other.destroy();
});

test('a half open connection stays silent after healing, and a new one works', async () => {
  const one = await connected();
  wire.halfOpen();
  one.socket.write('b');
  const refused = createConnection({ port: wire.port, host: '127.0.0.1' });
  const over = new Promise<void>(resolve => refused.once('close', () => resolve()));
  refused.on('error', () => {});
  await over;
  wire.heal();
  (await connected()).socket.destroy();
  expect([one.heard(), one.ended]).toEqual(['a', false]);
  one.socket.destroy();
});
