/** A connection's limits: how many queries at once, how often, how long they wait. */
import { expect, test } from 'vitest';
import type { ConnectionSpec } from '../model.ts';
import { limits } from './limits.ts';

const connection = (given: Partial<ConnectionSpec['limits']>, name = 'metrics'): ConnectionSpec => ({
  name,
  connector: 'prometheus',
  access: 'read',
  commands: {},
  limits: { timeoutMs: 60_000, ...given },
});

/** Work that goes on until it is told to end. */
function work() {
  const started: (() => void)[] = [];
  const run = () => new Promise<void>(resolve => started.push(resolve));
  return { run, started, endOne: () => started.shift()?.() };
}
const turn = () => new Promise(resolve => setImmediate(resolve));

test('at most so many at once; the rest follow in their order; connections do not wait for each other', async () => {
  const limited = limits();
  const own = connection({ concurrency: 2 });
  const { run, started, endOne } = work();
  const order: number[] = [];
  const all = [0, 1, 2, 3].map(i => limited(own, run).then(() => order.push(i)));
  await turn();
  expect(started).toHaveLength(2);
  expect(await limited(connection({ concurrency: 1 }, 'other'), async () => 'at once')).toBe('at once');
  for (let i = 0; i < 4; i++) {
    endOne();
    await turn();
    await turn();
  }
  await Promise.all(all);
  expect(order).toEqual([0, 1, 2, 3]);
});

test('a failure gives its place free', async () => {
  const limited = limits();
  const own = connection({ concurrency: 1 });
  for (let i = 0; i < 3; i++)
    await expect(limited(own, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await limited(own, async () => 7)).toBe(7);
});

test('who waits longer than the timeout is told which limit it was, and is not run later', async () => {
  const limited = limits();
  const own = connection({ concurrency: 1, timeoutMs: 20 });
  const { run, endOne, started } = work();
  const first = limited(own, run);
  await expect(limited(own, run)).rejects.toMatchObject({
    code: 'budget',
    message:
      'connection metrics: limits.concurrency is 1 and no query ended within 20 ms; raise it, or limits.timeout.',
  });
  endOne();
  await first;
  await turn();
  expect(started).toHaveLength(0);
  expect(await limited(own, async () => 'free again')).toBe('free again');
});

test('a rate is refused when it is spent, named, and fills again evenly', async () => {
  let now = 0;
  const limited = limits(() => now);
  const own = connection({ rate: { count: 3, perMs: 60_000 } });
  const ask = () => limited(own, async () => 'asked');
  for (let i = 0; i < 3; i++) expect(await ask()).toBe('asked');
  await expect(ask()).rejects.toMatchObject({
    code: 'budget',
    message:
      'connection metrics: limits.rate is 3 per 60000 ms and all of them are used; raise it, or ask less often.',
  });
  now += 20_000;
  expect(await ask()).toBe('asked');
  await expect(ask()).rejects.toMatchObject({ code: 'budget' });
  now += 3_600_000;
  for (let i = 0; i < 3; i++) expect(await ask()).toBe('asked');
  await expect(ask()).rejects.toMatchObject({ code: 'budget' });
});
