/** What every effect promises, checked on each of them: one effect per key, found again, polled to its end. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action, Capability, Effect, Message } from '../model.ts';
import { effectsOf } from './index.ts';
import { endOf, makeWorld, startedAndEnded, type World } from './local/test-world.ts';

interface Kind {
  readonly capability: Capability;
  action(world: World, key: string): Action;
  /** How often the world was changed for this key. */
  changes(world: World, key: string): Promise<number>;
  readonly outputs: Action['call']['args'];
}

const messages = new Map<string, Message>();

/** A version's name tells for which key it was written. */
async function stateOf(world: World, path: string): Promise<string> {
  return readFile(join(world.home, 'data', path), 'utf8').catch(() => '');
}

const kinds: readonly Kind[] = [
  {
    capability: 'pipeline.run',
    action: (world, key) =>
      world.run(key, 'train', { params: { say: key }, output: { version: 'made.version' } }),
    changes: async (world, key) => (await world.ran()).filter(line => line === key).length,
    outputs: { version: 'v1' },
  },
  {
    capability: 'registry.point',
    action: (world, key) =>
      world.action(key, {
        capability: 'registry.point',
        args: { name: 'late', alias: 'champion', version: 'v1' },
        output: { version: 'version' },
      }),
    changes: async (world, key) =>
      (await stateOf(world, 'registry/late/champion.json')).includes(key) ? 1 : 0,
    outputs: { version: 'v1' },
  },
  {
    capability: 'serving.shift',
    action: (world, key) =>
      world.action(key, {
        capability: 'serving.shift',
        args: { name: 'late', weights: { v1: 1 }, registry: 'late' },
      }),
    changes: async (world, key) =>
      (await stateOf(world, 'serving/late/weights.json')).includes(key) ? 1 : 0,
    outputs: {},
  },
  {
    capability: 'notify.send',
    action: (world, key) =>
      world.action(key, { capability: 'notify.send', args: { title: 'T', text: 'x', severity: 'info' } }),
    changes: async (_, key) => (messages.has(key) ? 1 : 0),
    outputs: {},
  },
];

describe.each(kinds)('$capability', kind => {
  let world: World;
  const effect = (action: Action): Effect =>
    effectsOf({
      home: world.home,
      runs: world.runs,
      // As the store does it: once per key.
      send: async message => {
        if (!messages.has(message.key)) messages.set(message.key, message);
      },
      hasMessage: async key => messages.has(key),
      now: () => 1_000,
    })(kind.capability, action.connection);

  beforeAll(async () => {
    messages.clear();
    world = await makeWorld();
    await mkdir(join(world.home, 'data/registry/late/v1'), { recursive: true });
    await writeFile(join(world.home, 'data/registry/late/v1/card.json'), '{}');
    await world.command(
      'train',
      `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
       const { say } = JSON.parse(readFileSync(process.env.FLYBALL_PARAMS, 'utf8'));
       appendFileSync(process.env.FLYBALL_ROOT + '/ran.txt', say + '\\n');
       writeFileSync(process.env.FLYBALL_RESULT, JSON.stringify({ made: { version: 'v1' } }));`,
    );
  });
  afterAll(() => world.end());

  it('finds nothing before the start, and the same afterwards', async () => {
    const action = kind.action(world, 'f01');
    expect(await effect(action).find(action)).toEqual({ state: 'absent' });
    expect(await kind.changes(world, 'f01')).toBe(0);
    const handle = await effect(action).start(action);
    expect(await effect(action).find(action)).toEqual({ state: 'found', handle });
    expect(await endOf(effect(action), action, handle)).toEqual({
      state: 'succeeded',
      outputs: kind.outputs,
    });
    expect(await kind.changes(world, 'f01')).toBe(1);
    expect(await effect(action).poll(action, handle)).toEqual({ state: 'succeeded', outputs: kind.outputs });
  });

  it('has one effect when it is started again and again, also at the same time', async () => {
    const action = kind.action(world, 'f02');
    const handles = await Promise.all([1, 2, 3].map(() => effect(action).start(action)));
    await endOf(effect(action), action, handles[0]!);
    expect(await effect(action).start(action)).toEqual(handles[0]);
    expect(new Set(handles.map(one => JSON.stringify(one))).size).toBe(1);
    expect(await kind.changes(world, 'f02')).toBe(1);
  });

  it('has its own effect for another key', async () => {
    const [first, second] = [kind.action(world, 'f03'), kind.action(world, 'f04')];
    await startedAndEnded(effect(first), first);
    expect(await effect(second).find(second)).toEqual({ state: 'absent' });
    await startedAndEnded(effect(second), second);
    expect(await kind.changes(world, 'f04')).toBe(1);
    // A late repetition of the first neither repeats it nor undoes the second.
    await effect(first).start(first);
    expect(await kind.changes(world, 'f04')).toBe(1);
    expect(await kind.changes(world, 'f03')).toBeLessThanOrEqual(1);
    expect(await effect(first).find(first)).toMatchObject({ state: 'found' });
    expect(await effect(first).poll(first, {})).toEqual({ state: 'succeeded', outputs: kind.outputs });
  });

  it('says that it lost what it never started', async () => {
    const action = kind.action(world, 'f05');
    expect(await effect(action).poll(action, {})).toMatchObject({ state: 'lost' });
  });

  it('takes a cancellation of what has ended, and changes nothing by it', async () => {
    const action = kind.action(world, 'f06');
    await startedAndEnded(effect(action), action);
    await effect(action).cancel(action, {});
    expect(await effect(action).poll(action, {})).toEqual({ state: 'succeeded', outputs: kind.outputs });
  });

  it('leaves no draft of a file or folder behind', async () => {
    const left = await readdir(world.home, { recursive: true });
    expect(left.filter(name => /\.tmp$|\.new-|\.starting$/.test(name))).toEqual([]);
  });

  it.runIf(kind.capability !== 'notify.send')('takes no key that leads out of its folder', async () => {
    const action = kind.action(world, '../f07');
    await expect(effect(action).start(action)).rejects.toMatchObject({ name: 'PortError', retry: 'never' });
    await expect(effect(action).find(action)).rejects.toMatchObject({ name: 'PortError', code: 'bad-key' });
  });
});

describe('a connection that cannot', () => {
  it.each([
    [{ connector: 'duckdb' as const }, 'cannot do pipeline.run: it is duckdb; expected connector local'],
    [{ access: 'read' as const }, 'cannot do pipeline.run: access is read; expected act'],
  ])('refuses: %j', async (change, message) => {
    const world = await makeWorld();
    const action = world.run('f01', 'train');
    const options = {
      home: world.home,
      runs: world.runs,
      send: async () => {},
      hasMessage: async () => false,
      now: () => 0,
    };
    const effect = effectsOf(options)('pipeline.run', { ...action.connection, ...change });
    await expect(effect.start(action)).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringContaining(message),
    });
    expect(await effect.find(action)).toEqual({ state: 'absent' });
    await rm(world.home, { recursive: true });
  });
});
