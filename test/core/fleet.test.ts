/** Several targets over the real store and driver: facts that cross chains, who is looked at again, and locks that let go. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outbox } from '../../src/connectors/outbox.ts';
import { appendInput, tick } from '../../src/engine/drive.ts';
import { look } from '../../src/engine/look.ts';
import type { World } from '../../src/engine/world.ts';
import type { ClosedPolicy, Effect, TargetRef } from '../../src/model.ts';
import {
  compares,
  condition,
  doing,
  HOUR,
  modelOf,
  NOTIFY,
  observes,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { enforce, type OpenStore, type Outside, openStore, outside, settle, worldOf } from './outside.ts';
import { PERSON } from './simulation.ts';

let folder: string;
let store: OpenStore;
let to: Outside;
let world: World;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-fleet-'));
  store = await openStore(join(folder, 'state.sqlite'));
  to = outside();
  world = worldOf(to, store);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const model = (name: string): TargetRef => ({ kind: 'model', name });
const DATASET: TargetRef = { kind: 'dataset', name: 'flights' };

/** A retraining of one model, on a pipeline of its own unless `id` is shared. */
function retrains(
  name: string,
  more: Parameters<typeof policyOf>[0] = {},
  id = `train-${name}`,
): ClosedPolicy {
  const plain = modelOf();
  const train = { ...plain.pipelines.train!, id };
  const documents = { model: { ...plain, name, pipelines: { ...plain.pipelines, train } } };
  return policyOf({ target: model(name), rule: doing([RETRAIN]), documents, ...more });
}

function gate(reaches: readonly string[]): ClosedPolicy {
  const on = { on: 'data', blocks: ['retrain'], reaches, taint: false, running: 'finish' } as const;
  return policyOf({
    policy: 'nulls-burst',
    target: DATASET,
    observe: { nulls: observes('nulls') },
    rules: [ruleOf({ name: 'rule', when: condition(compares('nulls', '>', 0.05)), gate: on })],
  });
}

async function decisionOf(chain: string): Promise<string> {
  const row = await store.target(chain);
  return Object.values(row?.own.decisions ?? {})
    .map(({ outcome, holds }) => [outcome, ...holds.map(hold => hold.reason)].join(' '))
    .join();
}
const begun = async (chain: string) =>
  (await store.entries({ chain, kinds: ['intent'] })).map(({ body }) =>
    body.kind === 'intent' ? body.action.verb : '',
  );

/** The real store's replay of a chain's recorded ticks would give the same: facts are what was recorded. */
async function factsRead(chain: string): Promise<readonly string[]> {
  return [...new Set((await store.ticks(chain)).flatMap(({ facts }) => Object.keys(facts)))];
}

describe('a gate on data', () => {
  test('reaches dependants, which look again as soon as it changes; plan, tick and start say the same', async () => {
    to.values.nulls = 0.2;
    await enforce(world, [gate(['model/a']), retrains('a')]);
    const planned = await look(world, 'model/a', { all: true });
    expect(planned?.step.decisions).toMatchObject([{ outcome: 'hold', holds: [{ reason: 'gated' }] }]);
    await settle(world, to);
    expect(await decisionOf('model/a')).toBe('hold gated');
    const again = await look(world, 'model/a', { all: true });
    expect(again?.step.decisions).toMatchObject([{ outcome: 'hold', holds: [{ reason: 'gated' }] }]);
    expect(await factsRead('model/a')).toContain('fleet:gates');
    to.values.nulls = 0.01;
    to.now += HOUR;
    await tick(world, 'dataset/flights', { all: true });
    await settle(world, to);
    expect(await begun('model/a')).toEqual(['retrain']);
    expect(to.begun.size).toBe(1);
  });

  test('closes between ask and start: nothing begins', async () => {
    to.values.nulls = 0.01;
    await enforce(world, [gate(['model/a']), retrains('a')]);
    await tick(world, 'dataset/flights');
    await tick(world, 'model/a');
    expect(await begun('model/a')).toEqual(['retrain']);
    to.values.nulls = 0.2;
    to.now += 1000;
    await tick(world, 'dataset/flights', { all: true });
    await settle(world, to);
    expect(to.begun.size).toBe(0);
    const [withdrawn] = await store.entries({ chain: 'model/a', kinds: ['withdrawn'] });
    expect(withdrawn?.body).toMatchObject({ reason: 'gated' });
  });

  test('a plan of another commit knows a gate that was never evaluated, and that it is closed', async () => {
    await enforce(world, [retrains('a')]);
    const revision = { commit: retrains('a').commit, policies: [gate(['model/a']), retrains('a')] };
    const seen = await look(world, 'model/a', { all: true, revision });
    expect(seen?.step.decisions).toMatchObject([
      {
        outcome: 'hold',
        holds: [{ reason: 'gated', message: expect.stringContaining('not evaluated yet') }],
      },
    ]);
  });
});

test('P30: on a fresh state the inhibitor is evaluated first, whatever the order of the targets', async () => {
  const down = policyOf({
    policy: 'warehouse-down',
    target: { kind: 'connection', name: 'warehouse' },
    observe: { up: observes('up') },
    rules: [ruleOf({ when: condition(compares('up', '<', 1)) })],
  });
  const guard = {
    inhibitedBy: [{ policy: 'warehouse-down', chains: ['connection/warehouse'], everyMs: HOUR }],
  };
  to.values.up = 1;
  await enforce(world, [down, retrains('a', { guard })]);
  await tick(world, 'model/a');
  expect(await decisionOf('model/a')).toBe('hold inhibited');
  await settle(world, to);
  expect(to.begun.size).toBe(1);
});

describe('blast radius', () => {
  test('counts targets over the fleet, also when they are looked at in the same moment', async () => {
    const blastRadius = [{ targets: 2, of: 4, scope: 'fleet' as const, perMs: HOUR }];
    const policies = ['a', 'b', 'c', 'd'].map(name => retrains(name, { guard: { blastRadius } }));
    await enforce(world, policies);
    await settle(world, to);
    expect(to.begun.size).toBe(2);
    const held = await Promise.all(['a', 'b', 'c', 'd'].map(name => decisionOf(`model/${name}`)));
    expect(held.filter(one => one === 'hold blast-radius')).toHaveLength(2);
    to.now += HOUR;
    await settle(world, to);
    expect(to.begun.size).toBe(4);
  });

  test('what was withdrawn before it began does not count', async () => {
    const blastRadius = [{ targets: 1, of: 2, scope: 'fleet' as const, perMs: HOUR }];
    await enforce(
      world,
      ['a', 'b'].map(name => retrains(name, { guard: { blastRadius } })),
    );
    await tick(world, 'model/a');
    await store.transaction(tx => tx.setFact('pause:target:model/a', { by: 'ana', reason: 'x' }));
    await settle(world, to);
    expect([...to.begun.keys()]).toHaveLength(1);
    expect(await begun('model/b')).toEqual(['retrain']);
  });
});

const REPEATED = { ...RETRAIN, retry: { attempts: 2, backoffMs: HOUR, backoffMaxMs: HOUR } };

/** What model/a runs on the subject ends. */
async function ends(outcome: 'failed' | 'succeeded'): Promise<void> {
  const [row] = await store.actions({ chain: 'model/a', live: true });
  const { id: action, attempt } = row!.action;
  await appendInput(world, 'model/a', { kind: 'start-due', action, attempt });
  await appendInput(world, 'model/a', { kind: 'started', action, attempt, handle: null });
  const more = outcome === 'failed' ? { repeatable: true } : { outputs: { version: 'v2' } };
  await appendInput(world, 'model/a', { kind: 'outcome', action, attempt, outcome, ...more });
}

const told = async (chain: string) =>
  (await store.entries({ chain, kinds: ['adopted'] })).map(({ body }) =>
    body.kind === 'adopted' ? body.outcome : body.kind,
  );

describe('subjects of two targets', () => {
  test('the same action is shared: one run, both sequences go on', async () => {
    const tell = { ...NOTIFY, id: 'tell' };
    const both = ['a', 'b'].map(name => retrains(name, { rule: doing([RETRAIN, tell]) }, 'shared'));
    await enforce(world, both);
    await settle(world, to);
    expect(to.capabilities.filter(one => one === 'pipeline.run')).toHaveLength(1);
    expect(await begun('model/a')).toEqual(['retrain', 'notify']);
    expect(await begun('model/b')).toEqual(['notify']);
    const adopted = await store.entries({ chain: 'model/b', kinds: ['adopted'] });
    expect(adopted.map(({ body }) => body.kind === 'adopted' && body.outcome)).toEqual([
      undefined,
      'succeeded',
    ]);
    expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual([]);
    expect((await store.rebuild()).differences).toEqual([]);
  });

  test('who adopts a further attempt waits for its end, and is not told how the one before ended', async () => {
    await enforce(
      world,
      ['a', 'b', 'c'].map(name => retrains(name, name === 'a' ? { rule: doing([REPEATED]) } : {}, 'shared')),
    );
    for (const chain of ['model/a', 'model/b', 'model/c']) await tick(world, chain);
    await ends('failed');
    for (const chain of ['model/a', 'model/b', 'model/b']) await tick(world, chain);
    expect(await told('model/b')).toEqual([undefined, 'failed']);
    to.now += 2 * HOUR;
    await tick(world, 'model/a');
    expect((await store.actions({ chain: 'model/a', live: true })).map(row => row.action.attempt)).toEqual([
      2,
    ]);
    const [episode] = Object.values((await store.target('model/b'))!.own.episodes);
    await appendInput(world, 'model/b', { kind: 'retry', episode: episode!.id, by: PERSON });
    for (let round = 0; round < 3; round++) await tick(world, 'model/b');
    expect(await told('model/b')).toEqual([undefined, 'failed', undefined]);
    expect((await store.rebuild()).differences).toEqual([]);
    // Who had no time to look at the first one's end learns of it all the same.
    await tick(world, 'model/c');
    expect(await told('model/c')).toEqual([undefined, 'failed']);
    await ends('succeeded');
    await tick(world, 'model/b');
    expect(await told('model/b')).toEqual([undefined, 'failed', undefined, 'succeeded']);
    expect((await store.rebuild()).differences).toEqual([]);
  });

  test('of two sequences of one target, one may wait on while the other is told', async () => {
    const rules = ['first', 'second'].map(name => ruleOf(doing([RETRAIN], { name })));
    await enforce(world, [
      retrains('a', { rule: doing([REPEATED]) }, 'shared'),
      retrains('b', { rules }, 'shared'),
    ]);
    for (const chain of ['model/a', 'model/b']) await tick(world, chain);
    const [first] = Object.values((await store.target('model/b'))!.own.episodes);
    await appendInput(world, 'model/b', { kind: 'cancel', episode: first!.id, by: PERSON });
    await tick(world, 'model/b');
    await ends('failed');
    await tick(world, 'model/a');
    to.now += 2 * HOUR;
    await tick(world, 'model/a');
    await appendInput(world, 'model/b', { kind: 'retry', episode: first!.id, by: PERSON });
    await tick(world, 'model/b');
    expect(await told('model/b')).toEqual([undefined, undefined, undefined, 'failed']);
    expect((await store.rebuild()).differences).toEqual([]);
  });

  test('a safe verb asks what another target runs on its subject to end', async () => {
    const base = worldOf(to, store).effectFor('pipeline.run', retrains('a').documents.connections.local!);
    let cancelled = false;
    const slow: Effect = {
      ...base,
      poll: async () => (cancelled ? { state: 'cancelled' } : { state: 'running' }),
      cancel: async () => {
        cancelled = true;
      },
    };
    const shift = { ...world, effectFor: () => slow };
    const promotes = retrains('a', { rule: doing([stepOf('promote', { version: 'v2' })]) });
    await enforce(shift, [promotes, retrains('b', { rule: doing([stepOf('rollback', { version: 'v0' })]) })]);
    await tick(shift, 'model/a');
    await tick(shift, 'model/b');
    expect((await store.target('model/a'))?.own.actions).toMatchObject(
      Object.fromEntries(
        (await store.actions({ chain: 'model/a' })).map(row => [row.action.id, { cancelRequested: true }]),
      ),
    );
    const inputs = await store.entries({ chain: 'model/a', kinds: ['cancel'] });
    expect(inputs[0]?.body).toMatchObject({ by: { name: 'flyball', door: 'daemon' } });
    await tick(shift, 'model/a');
    await tick(shift, 'model/b');
    expect(await begun('model/b')).toEqual(['rollback']);
  });
});

describe('P43: a lock is let go by every end, also when nobody waits for it any more', () => {
  test.each(['succeeded', 'failed', 'timed-out', 'cancelled'] as const)(
    '%s, after the policy is gone',
    async outcome => {
      await enforce(world, [retrains('a')]);
      await tick(world, 'model/a');
      const [row] = await store.actions({ chain: 'model/a' });
      await store.transaction(tx => tx.updateAction(row!.action.key, { state: 'starting', dueAt: 1e15 }));
      const { id: action, attempt } = row!.action;
      await appendInput(world, 'model/a', { kind: 'started', action, attempt, handle: null });
      await enforce(world, [retrains('b')], { ...retrains('b').commit, sha: 'c2' });
      await tick(world, 'model/a');
      expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual(['lock:local/train-a']);
      await appendInput(world, 'model/a', { kind: 'outcome', action, attempt, outcome });
      expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual([]);
    },
  );

  test('withdrawn, and resolved by a person', async () => {
    await enforce(world, [retrains('a')]);
    await tick(world, 'model/a');
    const [row] = await store.actions({ chain: 'model/a' });
    const { id: action } = row!.action;
    await appendInput(world, 'model/a', { kind: 'cancel', action, by: PERSON });
    await tick(world, 'model/a');
    expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual([]);
    await enforce(world, [retrains('b')], { ...retrains('b').commit, sha: 'c2' });
    await tick(world, 'model/b');
    const [other] = await store.actions({ chain: 'model/b' });
    await appendInput(world, 'model/b', {
      kind: 'resolve',
      action: other!.action.id,
      as: 'failed',
      by: PERSON,
    });
    expect(Object.keys(await store.factsWithPrefix('lock:'))).toEqual([]);
  });
});

describe('messages', () => {
  test('a silence mutes the message and holds nothing', async () => {
    const notify = {
      group: { by: ['owner'], waitMs: 0, repeatMs: 0 },
      routes: [{ match: { severity: 'ticket' }, to: ['slack-ml'] }],
    };
    const effect = outbox({
      now: () => to.now,
      send: message => store.transaction(tx => tx.putMessage(message)),
      hasMessage: async key => (await store.message(key)) !== undefined,
      silencing: async labels =>
        labels.severity === 'ticket' && labels.target === 'model/b' ? 's1' : undefined,
    });
    const telling = { ...world, effectFor: () => effect };
    const tells = (name: string) => {
      const policy = retrains(name, { rule: doing([NOTIFY]), labels: { severity: 'ticket', team: 'ml' } });
      return { ...policy, documents: { ...policy.documents, notify } };
    };
    await enforce(telling, [tells('a'), tells('b')]);
    await settle(telling, to);
    const messages = (await store.messages({})).toSorted((a, b) => (a.target < b.target ? -1 : 1));
    expect(messages).toMatchObject([
      {
        target: 'model/a',
        channels: ['slack-ml'],
        group: 'owner=ml',
        labels: { severity: 'ticket', team: 'ml', policy: 'p' },
      },
      { target: 'model/b', silenced: 's1' },
    ]);
    expect(messages[0]).not.toHaveProperty('silenced');
  });
});
