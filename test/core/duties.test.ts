/** Separation of duties over the real store and driver: inputs that go past every door, straight into the chain, are inert. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layFloors } from '../../src/commands/index.ts';
import { appendInput, tick } from '../../src/engine/drive.ts';
import type { World } from '../../src/engine/world.ts';
import type { Ask, Floor, Principal } from '../../src/model.ts';
import { CHAIN, DAY, doing, HOUR, policyOf, RETRAIN } from './closed-policy.ts';
import { enforce, type OpenStore, type Outside, openStore, outside, settle, worldOf } from './outside.ts';
import { PERSON } from './simulation.ts';

let folder: string;
let store: OpenStore;
let to: Outside;
let world: World;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-duties-'));
  store = await openStore(join(folder, 'state.sqlite'));
  to = outside();
  world = worldOf(to, store);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const APPROVAL = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };
const ASKS = policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval: APPROVAL } } });

async function asked(): Promise<Ask> {
  const row = await store.target(CHAIN);
  const [ask] = Object.values(row?.own.asks ?? {});
  if (!ask) throw new Error('nobody was asked');
  return ask;
}

async function asking(): Promise<Ask> {
  await enforce(world, [ASKS]);
  await tick(world, CHAIN);
  return asked();
}

async function vote(approval: string, by: Principal): Promise<void> {
  await appendInput(world, CHAIN, { kind: 'approval', approval, decision: 'yes', by });
  await settle(world, to);
}

/** As an engine at its start. */
const start = (floors: readonly Floor[], trust: 'tokens' | 'local-user' = 'tokens') =>
  layFloors({
    world,
    settings: { home: '', state: '', repository: 'r', branch: 'main', env: 'test', trust, floors },
  });

test.each<[string, Principal]>([
  ['the author, whom the entry refuses', { ...PERSON, name: 'ana' }],
  ['an agent', { ...PERSON, kind: 'agent' }],
  ['an agent in the name of a person', { ...PERSON, name: 'claude', kind: 'agent', onBehalfOf: 'ben' }],
  ['a service', { ...PERSON, kind: 'service' }],
  ['a person through MCP', { ...PERSON, door: 'mcp' }],
  ['somebody whom nobody knows', { ...PERSON, name: 'mallory' }],
  ['somebody who is not proven, under trust: tokens', { ...PERSON, authenticated: false }],
])('a yes of %s is on record and starts nothing', async (_, by) => {
  await start([]);
  const { approval, refused } = await asking();
  expect(refused).toEqual(['ana']);
  await vote(approval, by);
  expect(to.begun.size).toBe(0);
  expect((await store.entries({ chain: CHAIN, kinds: ['approval'] }))[0]?.body).toMatchObject({ by });
  await vote(approval, PERSON);
  expect(to.begun.size).toBe(1);
  expect(await store.verify()).toMatchObject({ ok: true });
  expect((await store.rebuild()).differences).toEqual([]);
});

test('a yes that was given before a floor rose starts nothing after it, through the real start', async () => {
  const { approval } = await asking();
  await appendInput(world, CHAIN, { kind: 'approval', approval, decision: 'yes', by: PERSON });
  await start([{ name: 'pair', approval: { quorum: 2 } }]);
  await settle(world, to);
  expect(to.begun.size).toBe(0);
  const again = await asked();
  expect(again).toMatchObject({ quorum: 2, votes: [] });
  await vote(approval, { ...PERSON, name: 'cleo' });
  expect(to.begun.size).toBe(0);
  await vote(again.approval, PERSON);
  await vote(again.approval, { ...PERSON, token: 'another' });
  expect(to.begun.size).toBe(0);
  await vote(again.approval, { ...PERSON, name: 'cleo' });
  expect(to.begun.size).toBe(1);
});

test('floors are written once, with an entry of the fleet; an engine without a daemon.yaml leaves them', async () => {
  const floors = [{ name: 'quiet', mode: 'observe' as const }];
  await start(floors);
  await start(floors);
  const settings = { home: '', state: '', repository: '', branch: '', env: '', trust: 'tokens' as const };
  await layFloors({ world, settings });
  expect((await store.facts(['floors'])).floors).toEqual({ version: 1, value: floors });
  expect(await store.entries({ chain: 'fleet', kinds: ['audit'] })).toHaveLength(1);
  await start([], 'local-user');
  expect((await store.facts(['floors', 'trust'])).floors?.value).toBeNull();
  const entries = await store.entries({ chain: 'fleet', kinds: ['audit'] });
  expect(entries[1]?.body).toMatchObject({ command: 'floors', input: { floors: null, trust: null } });
});

test('what recorded ticks read of floors is with them, so that a replay needs no daemon.yaml', async () => {
  await start([{ name: 'quiet', mode: 'observe' }]);
  await enforce(world, [ASKS]);
  await tick(world, CHAIN);
  const [recorded] = await store.ticks(CHAIN);
  expect(recorded?.facts.floors?.value).toEqual([{ name: 'quiet', mode: 'observe' }]);
});
