/** Roles on targets, tokens, calls under a key, cursors: what the dispatcher lets through, over a real store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { doing, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import { enforce, type OpenStore, openStore, outside, worldOf } from '../../test/core/outside.ts';
import { appendInput } from '../engine/drive.ts';
import { type ClosedPolicy, type JsonObject, PortError } from '../model.ts';
import { type Grant, type PrincipalSpec, type Speaker, tokenSpeaker } from './access.ts';
import { refusalCounter } from './audit.ts';
import { command } from './command.ts';
import { pageOf } from './cursor.ts';
import { pause, resume } from './pause.ts';
import { perform } from './perform.ts';
import type { Ports } from './ports.ts';
import { status } from './status.ts';
import { tokenCreate, tokenList, tokenRevoke } from './token.ts';

const DAY = 86_400_000;
const person = (role: Grant['role'], more: Partial<PrincipalSpec['roles'][number]> = {}): PrincipalSpec => ({
  ...{ kind: 'person', subjects: [] },
  roles: [{ role, ...more }],
});
const principals: Record<string, PrincipalSpec> = {
  ana: person('admin'),
  ben: person('approver'),
  vera: person('viewer'),
  late: person('operator', { targets: ['model/late'] }),
  staging: person('admin', { env: ['staging'] }),
  bot: { kind: 'agent', for: 'ben', roles: [{ role: 'proposer' }], subjects: [] },
};

const unread = new PortError('no repository here', { code: 'none', retry: 'never', subject: 'x' });

let folder: string;
let store: OpenStore;
let now: number;
let ids: number;

function ports(more: Partial<Speaker> = {}): Ports {
  const to = outside();
  const world = { ...worldOf(to, store), clock: () => now, realClock: () => now };
  return {
    world,
    settings: {
      env: 'prod',
      trust: 'tokens',
      principals,
      home: folder,
      state: folder,
      repository: '',
      branch: 'main',
    },
    principal: { name: 'root', door: 'cli', authenticated: false },
    grants: [{ role: 'operator' }],
    engine: async () => undefined,
    sealingKey: async () => new Uint8Array(32),
    newId: () => `id-${ids++}`,
    refusals: refusalCounter(),
    repository: { head: async () => Promise.reject(unread) },
    ...more,
  } as unknown as Ports;
}

async function speaking(text: string): Promise<Speaker> {
  const found = await tokenSpeaker(text, 'http', { settings: ports().settings, store, now });
  if ('problem' in found) throw new Error(found.problem);
  return found;
}

async function tokenOf(principal: string, by: Ports = ports(), more: JsonObject = {}): Promise<string> {
  return ((await perform(tokenCreate, by, { principal, ...more })) as { token: string }).token;
}

const governs = (name: string): ClosedPolicy => {
  const policy = policyOf({ observe: { psi: observes('psi') }, rule: doing([RETRAIN]) });
  return { ...policy, policy: `watch-${name}`, target: { kind: 'model', name } };
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-access-'));
  store = await openStore(join(folder, 'state.sqlite'));
  [now, ids] = [1000 * DAY, 0];
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

describe('tokens', () => {
  test('the first one of an approver is made by whoever owns the state, every other one needs proof', async () => {
    const first = await tokenOf('ben');
    expect(first).toMatch(/^fb_[a-z0-9]{10}_[\w-]{43}$/);
    await expect(tokenOf('ana')).rejects.toThrow('there is an approver with a token, so this needs proof');
  });

  test('people make them for themselves and for their agents, an admin for anybody: nobody speaks with two voices', async () => {
    const ana = ports(await speaking(await tokenOf('ana')));
    const ben = ports(await speaking(await tokenOf('ben', ana)));
    for (const other of ['ana', 'vera', 'late'])
      await expect(tokenOf(other, ben)).rejects.toThrow("expected an admin, for anybody else's");
    for (const own of ['ben', 'bot']) await speaking(await tokenOf(own, ben));
    const narrow = await speaking(await tokenOf('ben', ben, { role: 'viewer' }));
    expect(narrow.grants).toEqual([{ role: 'viewer' }]);
  });

  test('nobody ends those of people who decide but they and an admin, so that no first one can be made again', async () => {
    const ana = await tokenOf('ana');
    const ben = await tokenOf('ben', ports(await speaking(ana)));
    const idOf = (token: string) => ({ id: token.slice(3, 13) });
    for (const by of [ports(), ports(await speaking(ben))])
      await expect(perform(tokenRevoke, by, idOf(ana))).rejects.toThrow("is an approver's");
    await perform(tokenRevoke, ports(await speaking(ben)), idOf(ben));
    await perform(tokenRevoke, ports(await speaking(ana)), idOf(ana));
    await expect(tokenOf('ana')).rejects.toThrow('say --recover');
    const running = { ...ports(), engine: async () => 1 };
    await expect(tokenOf('ana', running, { recover: true })).rejects.toThrow('Stop the daemon');
    await speaking(await tokenOf('ana', ports(), { recover: true }));
  });

  test('its answer is kept nowhere: no key gives it again; and no name of an object is a principal', async () => {
    const create = { principal: 'vera' };
    await expect(perform(tokenCreate, ports(), create, { key: 'k' })).rejects.toThrow('no idempotency key');
    for (const name of ['constructor', 'toString', '__proto__'])
      await expect(tokenOf(name)).rejects.toThrow('no principal');
  });

  test('nothing that is kept gives one away, and a wrong secret is told like an unknown token', async () => {
    const text = await tokenOf('vera');
    const [id, secret] = [text.slice(3, 13), text.slice(14)];
    expect(JSON.stringify(await store.factsWithPrefix(''))).not.toContain(secret);
    expect(JSON.stringify(await store.entries({ chain: 'fleet' }))).not.toContain(secret);
    const forged = `fb_${id}_${'A'.repeat(43)}`;
    for (const wrong of [forged, `fb_0000000000_${'A'.repeat(43)}`, '', text.toUpperCase()])
      await expect(speaking(wrong)).rejects.toThrow('this token is not known here');
  });

  test('it ends by itself, when it is revoked, and with its principal', async () => {
    const text = await tokenOf('vera', ports(), { expires: '2d' });
    now += 2 * DAY;
    await expect(speaking(text)).rejects.toThrow('has expired');
    now -= DAY;
    const { id } = ((await perform(tokenList, ports(), {})) as { tokens: { id: string }[] }).tokens[0]!;
    await perform(tokenRevoke, ports(), { id: id.slice(0, 6) });
    await expect(speaking(text)).rejects.toThrow('was revoked');
    const other = await tokenOf('vera');
    const { vera: _, ...rest } = principals;
    const settings = { ...ports().settings, principals: rest };
    expect(await tokenSpeaker(other, 'http', { settings, store, now })).toEqual({
      problem: 'daemon.yaml has no principal any more whom this token is for',
    });
  });

  test('a grant of another environment is none', async () => {
    const speaker = await speaking(await tokenOf('staging'));
    expect(speaker.grants).toEqual([]);
    await expect(perform(status, ports(speaker), {})).rejects.toThrow('staging has no role; expected viewer');
  });

  test('an agent creates none, whatever role it has', async () => {
    const agent = {
      principal: { name: 'bot', door: 'http', authenticated: true, kind: 'agent' },
      grants: [{ role: 'admin' }],
    } as const;
    await expect(tokenOf('vera', ports(agent))).rejects.toThrow('bot is an agent');
  });
});

describe('grants on some targets', () => {
  beforeEach(() => enforce(ports().world, [governs('late'), governs('churn')]));

  test('the others are not there', async () => {
    const speaker = await speaking(await tokenOf('late'));
    expect((await perform(status, ports(), {})) as { targets: number }).toMatchObject({ targets: 2 });
    expect((await perform(status, ports(speaker), {})) as { targets: number }).toMatchObject({ targets: 1 });
    await expect(perform(status, ports(speaker), { target: 'model/churn' })).rejects.toThrow(
      'no target model/churn is known',
    );
  });

  test('they are not paused either, nor is the fleet', async () => {
    const speaker = await speaking(await tokenOf('late'));
    await perform(pause, ports(speaker), { scope: 'model/late', reason: 'x' });
    await expect(perform(pause, ports(speaker), { scope: 'model/churn', reason: 'x' })).rejects.toThrow(
      'cannot be paused',
    );
    await expect(perform(pause, ports(speaker), { reason: 'x' })).rejects.toThrow(
      'expected operator on all targets',
    );
    const paused = Object.keys(await store.factsWithPrefix('pause:'));
    expect(paused).toEqual(['pause:target:model/late']);
  });

  test('what writes to another chain is stopped in the transaction itself', async () => {
    const careless = command({
      ...{
        name: 'careless',
        title: '',
        description: '',
        role: 'operator',
        effect: 'request',
        reach: 'targets',
        examples: [],
      },
      input: z.strictObject({ chain: z.string() }),
      output: z.object({}),
      run: async ({ world, principal: by }, { chain }) => {
        const request = { kind: 'request', request: 'r', what: 'reconcile', by } as const;
        await appendInput({ ...world, store: { ...world.store, target: store.target } }, chain, request);
        return {};
      },
      text: () => '',
    });
    const speaker = await speaking(await tokenOf('late'));
    const before = (await store.target('model/churn'))?.own.seq;
    await expect(perform(careless, ports(speaker), { chain: 'model/churn' })).rejects.toThrow();
    expect((await store.target('model/churn'))?.own.seq).toBe(before);
    await perform(careless, ports(speaker), { chain: 'model/late' });
  });
});

describe('calls under a key', () => {
  beforeEach(() => enforce(ports().world, [governs('late')]));
  const pauses = async () =>
    (await store.entries({ chain: 'fleet' })).filter(({ body }) => body.kind === 'pause').length;

  test('are done once, and answered the same', async () => {
    const at = ports();
    const first = await perform(pause, at, { reason: 'x' }, { key: 'k1' });
    now += 1000;
    expect(await perform(pause, at, { reason: 'x' }, { key: 'k1' })).toEqual(first);
    expect(await pauses()).toBe(1);
    await expect(perform(pause, at, { reason: 'y' }, { key: 'k1' })).rejects.toThrow(
      'was used for another call',
    );
    await perform(pause, at, { reason: 'x' }, { key: 'k2' });
    expect(await pauses()).toBe(2);
  });

  test('the key of one principal is nothing to another', async () => {
    await perform(pause, ports(), { reason: 'x' }, { key: 'k' });
    const ana = await speaking(await tokenOf('ana'));
    await perform(pause, ports(ana), { reason: 'x' }, { key: 'k' });
    expect(await pauses()).toBe(2);
  });

  test('one that failed may be made again, one that is under way is not begun twice, a dead one is taken over with its ids', async () => {
    const made: string[] = [];
    let goes: () => Promise<void> = () => Promise.reject(new Error('no'));
    const slow = command({
      ...{
        name: 'slow',
        title: '',
        description: '',
        role: 'operator',
        effect: 'request',
        reach: 'targets',
        examples: [],
      },
      input: z.strictObject({}),
      output: z.object({}),
      run: async ({ newId }) => {
        made.push(newId());
        await goes();
        return {};
      },
      text: () => '',
    });
    await expect(perform(slow, ports(), {}, { key: 'k' })).rejects.toThrow('no');
    let end = () => {};
    let begun = () => {};
    const started = new Promise<void>(resolve => (begun = resolve));
    goes = () =>
      new Promise(resolve => {
        end = resolve;
        begun();
      });
    const running = perform(slow, ports(), {}, { key: 'k' });
    await started;
    await expect(perform(slow, ports(), {}, { key: 'k' })).rejects.toThrow('still being carried out');
    now += 200_000;
    goes = async () => {};
    await perform(slow, ports(), {}, { key: 'k' });
    end();
    await running;
    expect(new Set(made).size).toBe(1);
    expect(made).toHaveLength(3);
  });
});

test('a cursor is for one list, one set of filters and one principal', async () => {
  const all = Array.from({ length: 7 }, (_, i) => `t${i}`);
  const of = { list: 'things', filters: { kind: 'a' } };
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(ports(), of, { limit: 3, cursor }, all, one => one);
    seen.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  expect(seen).toEqual(all);
  const { next = '' } = await pageOf(ports(), of, { limit: 3 }, all, one => one);
  const others = [
    pageOf(
      ports({ principal: { name: 'eve', door: 'http', authenticated: true } }),
      of,
      { limit: 3, cursor: next },
      all,
      one => one,
    ),
    pageOf(ports(), { ...of, list: 'others' }, { limit: 3, cursor: next }, all, one => one),
    pageOf(ports(), { ...of, filters: {} }, { limit: 3, cursor: next }, all, one => one),
    pageOf(ports(), of, { limit: 3, cursor: `${next}x` }, all, one => one),
    pageOf(ports(), of, { limit: 3, cursor: 'x' }, all, one => one),
  ];
  for (const other of others) await expect(other).rejects.toThrow('not one that this list gave you');
});

test('refusals of one principal are one entry a minute and a count, and say no argument', async () => {
  const vera = {
    principal: { name: 'vera', door: 'http', authenticated: true },
    grants: [{ role: 'viewer' }],
  } as const;
  const at = ports(vera);
  for (let i = 0; i < 50; i++) await perform(resume, at, { reason: 'secret words' }).catch(() => {});
  now += 60_000;
  await perform(resume, at, {}).catch(() => {});
  const audited = (await store.entries({ chain: 'fleet' })).map(({ body }) => body);
  expect(audited).toMatchObject([
    { kind: 'audit', command: 'resume', result: 'refused', by: { name: 'vera' } },
    { kind: 'audit', command: 'resume', result: 'refused', more: 49 },
  ]);
  expect(JSON.stringify(audited)).not.toContain('secret words');
});
