/** Followers of changes: what comes, what they may see, and where a stream that broke goes on. */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import type { Ports } from '../../src/commands/index.ts';
import { appendInput } from '../../src/engine/drive.ts';
import { doing, observes, policyOf, RETRAIN } from '../core/closed-policy.ts';
import { enforce } from '../core/outside.ts';
import { PRINCIPALS, type Served, serve } from './served.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const narrow = {
  kind: 'person',
  roles: [{ role: 'viewer', targets: ['model/late'] }],
  subjects: [],
} as const;

async function doors(): Promise<Served> {
  const made = await serve({ principals: { ...PRINCIPALS, nell: narrow } });
  ends.push(() => made.end());
  const base = policyOf({ observe: { psi: observes('psi') }, rule: doing([RETRAIN]) });
  const of = (name: string) => ({ ...base, policy: `p-${name}`, target: { kind: 'model', name } as const });
  await enforce(made.ports.world, [of('late'), of('churn')]);
  return made;
}

async function wish({ world }: Ports, chain: string): Promise<void> {
  const by = { name: 'ana', door: 'cli', authenticated: true } as const;
  await appendInput(world, chain, { kind: 'request', request: `r-${chain}`, what: 'reconcile', by });
}

interface Event {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Events as they come; it ends with the test. */
async function* follow(
  { url }: Served,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<Event | 'open'> {
  const asked = request(`${url}/api/v1/changes`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  ends.push(() => asked.destroy());
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject).end();
  });
  expect(answer.headers['content-type']).toBe('text/event-stream');
  let fields: Record<string, string> = {};
  for await (const line of createInterface({ input: answer })) {
    const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (name === 'retry') yield 'open';
    if (name !== '') fields[name] = value;
    if (line !== '' || fields.event === undefined) continue;
    yield { id: fields.id ?? '', event: fields.event, data: JSON.parse(fields.data ?? '{}') };
    fields = {};
  }
}

async function next(stream: AsyncGenerator<Event | 'open'>): Promise<Event> {
  for (;;) {
    const { value } = await stream.next();
    if (value === undefined) throw new Error('the stream ended');
    if (value !== 'open') return value;
  }
}

test('what is new comes, of what one may see; and the fleet only to whoever sees all', async () => {
  const made = await doors();
  const [all, some] = [follow(made, await made.token('vic')), follow(made, await made.token('nell'))];
  expect([(await all.next()).value, (await some.next()).value]).toEqual(['open', 'open']);
  const coming = [next(all), next(some)];
  await wish(made.ports, 'model/churn');
  await wish(made.ports, 'model/late');
  const [first, narrowed] = await Promise.all(coming);
  expect(first?.data).toMatchObject({ chain: expect.stringMatching(/^model\//), kind: 'request' });
  expect(narrowed).toMatchObject({ event: 'entry', data: { chain: 'model/late', kind: 'request' } });
});

test('a stream goes on where the last one ended', async () => {
  const made = await doors();
  const token = await made.token('nell');
  await wish(made.ports, 'model/late');
  await wish(made.ports, 'model/churn');
  const from = String(made.ports.world.clock());
  const stream = follow(made, token, { 'last-event-id': from });
  const seen = [await next(stream), await next(stream)];
  expect(seen.map(({ data }) => [data.chain, data.kind])).toEqual([
    ['model/late', 'revision'],
    ['model/late', 'request'],
  ]);
});

test('nobody follows without a token, or from a strange place', async () => {
  const made = await doors();
  expect((await made.ask('/api/v1/changes')).status).toBe(401);
  const token = await made.token('vic');
  const strange = await made.ask('/api/v1/changes', { token, headers: { 'last-event-id': 'x' } });
  expect(strange).toMatchObject({ status: 400, body: { code: 'input' } });
});

test('streams are counted as streams: whoever follows can still ask', async () => {
  const made = await doors();
  const token = await made.token('vic');
  const open = Array.from({ length: 16 }, () => follow(made, token));
  for (const stream of open) expect((await stream.next()).value).toBe('open');
  expect((await made.ask('/api/v1/changes', { token })).status).toBe(429);
  expect((await made.ask('/api/v1/whoami', { token })).status).toBe(200);
});
