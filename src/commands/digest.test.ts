/** The digest over a real store: what was done, asked for, held and changed since a moment, and no more than is asked for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHAIN, doing, HOUR, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import { enforce, type OpenStore, openStore, outside, settle, worldOf } from '../../test/core/outside.ts';
import { requestOf } from '../../test/core/requested.ts';
import { appendInput } from '../engine/drive.ts';
import { PortError } from '../model.ts';
import { digest, entriesSince } from './digest.ts';
import { perform } from './perform.ts';
import type { Ports } from './ports.ts';

let folder: string;
let store: OpenStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-digest-'));
  store = await openStore(join(folder, 'state.sqlite'));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const unread = new PortError('no repository here', { code: 'none', retry: 'never', subject: 'x' });

function portsOf(world: Ports['world']): Ports {
  return {
    world,
    settings: { env: 'prod', trust: 'local-user' },
    principal: { name: 'vera', door: 'cli', authenticated: true },
    grants: [{ role: 'viewer' }],
    engine: async () => undefined,
    repository: { head: () => Promise.reject(unread) },
  } as unknown as Ports;
}

interface Digest {
  readonly acted: readonly { verb: string; from: string; result: string }[];
  readonly requests: readonly string[];
  readonly would_have_acted: readonly string[];
  readonly changes: readonly string[];
  readonly top_holds: readonly string[];
  readonly standing: readonly string[];
  readonly complete: boolean;
}

test('what policies and requests did, what would have been done, and who asked', async () => {
  const to = outside();
  const world = worldOf(to, store);
  const observe = { psi: observes('psi') };
  await enforce(world, [
    policyOf({ observe, rule: doing([RETRAIN]) }),
    policyOf({ policy: 'shy', observe, mode: 'observe', rule: doing([RETRAIN]) }),
  ]);
  await settle(world, to);
  to.now += 2 * HOUR;
  await appendInput(
    world,
    CHAIN,
    requestOf('r1', to.now, { closed: { actions: { retrain: { cooldownMs: 9 * HOUR } } } }),
  );
  await settle(world, to);
  const all = (await perform(digest, portsOf(world), {})) as unknown as Digest;
  expect(all.complete).toBe(true);
  expect(all.acted).toMatchObject([{ verb: 'retrain', from: 'p/main', result: 'succeeded' }]);
  expect(all.would_have_acted).toEqual([`retrain on ${CHAIN} by shy/main`]);
  expect(all.top_holds).toContain('cooldown');
  expect(all.changes).toEqual(
    expect.arrayContaining([`dave asked for retrain on ${CHAIN}`, 'commit c1 of Ana: first']),
  );
  to.now += 8 * HOUR;
  await settle(world, to);
  const later = (await perform(digest, portsOf(world), { since: '4h' })) as unknown as Digest;
  expect(later.acted).toMatchObject([{ from: 'request:r1/retrain', result: 'succeeded' }]);
  expect(later.requests).toEqual([expect.stringContaining('succeeded')]);
  expect(later.changes).toEqual([]);
});

test('entries are read backwards in batches, and never more than is allowed', async () => {
  const to = outside();
  const world = worldOf(to, store);
  await enforce(world, [policyOf()]);
  for (let i = 0; i < 1200; i++) {
    to.now += 1000;
    await appendInput(world, CHAIN, { kind: 'gap', from: i, to: i + 1 });
  }
  const since = to.now - 699_500;
  const found = await entriesSince(store, CHAIN, since, 100_000);
  expect(found.complete).toBe(true);
  expect(found.entries).toHaveLength(700);
  expect(found.entries.map(({ seq }) => seq)).toEqual(
    found.entries.map(({ seq }) => seq).sort((a, b) => a - b),
  );
  const short = await entriesSince(store, CHAIN, 0, 500);
  expect(short.complete).toBe(false);
  expect(short.entries).toHaveLength(500);
  expect((await entriesSince(store, 'model/nobody', 0, 500)).entries).toEqual([]);
});
