/** The folder registry and the weights file: what they refuse, what is read from them, and that no crash confuses keys. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Action, ConnectionSpec, Json, JsonObject, ModelSpec } from '../../model.ts';
import { applied, apply, stateOf } from './applied.ts';
import { listVersions, readCard, registryPoint } from './registry.ts';
import { readLocalServing, servingShift } from './serving.ts';
import { makeWorld, until, type World } from './test-world.ts';

let world: World;
let root: string;

async function put(path: string, value: Json | string): Promise<void> {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
}

async function json(path: string): Promise<Json> {
  return JSON.parse(await readFile(join(root, path), 'utf8')) as Json;
}

beforeEach(async () => {
  world = await makeWorld();
  root = join(world.home, 'data');
  await put('registry/late/v1/card.json', {
    trained: { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' },
  });
  await put('registry/late/v2/card.json', { rows: 3 });
  await put('registry/late/draft/model.json', {});
});
afterEach(() => world.end());

const point = (key: string, args: JsonObject): Action =>
  world.action(key, { capability: 'registry.point', args: { name: 'late', alias: 'champion', ...args } });
const shift = (key: string, args: JsonObject): Action =>
  world.action(key, { capability: 'serving.shift', args: { name: 'late', ...args } });

describe('the registry', () => {
  it('lists versions that have a card, and reads cards', async () => {
    await registryPoint(world.home).start(point('f1', { version: 'v1' }));
    expect(await listVersions(root, 'late')).toEqual(['v1', 'v2']);
    expect(await listVersions(root, 'early')).toEqual([]);
    expect(await readCard(root, 'late', 'v2')).toEqual({ rows: 3 });
    expect(await readCard(root, 'late', 'v3')).toBeUndefined();
    await expect(readCard(root, 'late', '../../x')).rejects.toMatchObject({ code: 'bad-name' });
    await put('registry/late/v2/card.json', '{"rows":');
    await expect(readCard(root, 'late', 'v2')).rejects.toMatchObject({ code: 'not-json' });
    await put('registry/late/v2/card.json', '[]');
    await expect(readCard(root, 'late', 'v2')).rejects.toMatchObject({ code: 'not-an-object' });
  });

  it('points an alias', async () => {
    await registryPoint(world.home).start(point('f1', { version: 'v2' }));
    expect(await json('registry/late/champion.json')).toEqual({
      alias: 'champion',
      version: 'v2',
      key: 'f1',
    });
  });

  it.each<[JsonObject, string]>([
    [{ version: 'v3' }, 'registry/late: no version v3; it has v1, v2. It will not be retried.'],
    [{ version: 'draft' }, 'no version draft'],
    [{ version: 'effects' }, 'no version effects'],
    [{ name: 'early', version: 'v1' }, 'registry/early: no version v1; it has none'],
    [{ version: '../v1' }, 'version is "../v1"; expected letters'],
    [{ version: '..' }, 'version is ".."; expected letters'],
    [{ name: '../late', version: 'v1' }, 'registry name is "../late"'],
    [{ alias: 'v1/card', version: 'v1' }, 'alias is "v1/card"'],
    [{ version: 7 }, 'world/f1: registry.point'],
    [{ version: '' }, 'version is ""'],
  ])('refuses %j', async (args, message) => {
    await expect(registryPoint(world.home).start(point('f1', args))).rejects.toMatchObject({
      name: 'PortError',
      retry: 'never',
      message: expect.stringContaining(message),
    });
    expect(await listVersions(root, 'late')).toEqual(['v1', 'v2']);
  });

  it('does not refuse a repetition because its version has gone since', async () => {
    const action = point('f1', { version: 'v1' });
    const handle = await registryPoint(world.home).start(action);
    await rm(join(root, 'registry/late/v1'), { recursive: true });
    expect(await registryPoint(world.home).start(action)).toEqual(handle);
  });
});

describe('the weights file', () => {
  it('holds the shares', async () => {
    await servingShift(world.home).start(shift('f1', { weights: { v1: 0.9, v2: 0.1 }, registry: 'late' }));
    expect(await json('serving/late/weights.json')).toEqual({ weights: { v1: 0.9, v2: 0.1 }, key: 'f1' });
  });

  it.each<[JsonObject, string]>([
    [{ weights: { v3: 1 }, registry: 'late' }, 'no version v3; it has v1, v2'],
    [{ weights: { '../x': 1 } }, 'version is "../x"'],
    [{ weights: { v1: 0.5 } }, 'the shares do not add up to 1'],
    [{ weights: {} }, 'the shares do not add up to 1'],
    [{ weights: { v1: 2, v2: -1 } }, 'Too big'],
    [{ weights: { v1: 1 }, name: '..' }, 'serving name is ".."'],
    [{}, 'serving.shift'],
  ])('refuses %j', async (args, message) => {
    await expect(servingShift(world.home).start(shift('f1', args))).rejects.toMatchObject({
      name: 'PortError',
      retry: 'never',
      message: expect.stringContaining(message),
    });
    await expect(json('serving/late/weights.json')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('keys of a state file', () => {
  const file = () => ({ folder: join(root, 'serving/late'), name: 'weights.json' });

  it('are told apart when a process died between the change and its record', async () => {
    await apply(file(), 'f1', { weights: { v1: 1 } });
    await rm(join(root, 'serving/late/effects/f1.json'));
    expect(await applied(file(), 'f1')).toMatchObject({ weights: { v1: 1 } });
    expect(await applied(file(), 'f2')).toBeUndefined();
    await apply(file(), 'f2', { weights: { v2: 1 } });
    await apply(file(), 'f1', { weights: { v1: 1 } });
    expect(await stateOf(file())).toEqual({ weights: { v2: 1 }, key: 'f2' });
    expect(await applied(file(), 'f1')).toEqual({ weights: { v1: 1 } });
  });

  it('that a person wrote by hand lead nowhere', async () => {
    await put('serving/late/weights.json', { weights: { v1: 1 }, key: '../../../escaped' });
    await apply(file(), 'f1', { weights: { v2: 1 } });
    expect(await stateOf(file())).toEqual({ weights: { v2: 1 }, key: 'f1' });
    await expect(json('../escaped.json')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('agree with the file after kill -9 at any moment', async () => {
    const script = join(world.home, 'writer.mjs');
    const module = fileURLToPath(new URL('./applied.ts', import.meta.url));
    await writeFile(
      script,
      `import { apply } from ${JSON.stringify(module)};
       import { appendFileSync } from 'node:fs';
       const [folder, from] = process.argv.slice(2);
       for (let n = Number(from); ; n += 1) {
         appendFileSync(folder + '.begun', 'f' + n + '\\n');
         await apply({ folder, name: 'weights.json' }, 'f' + n, { weights: { ['v' + n]: 1 } });
         appendFileSync(folder + '.done', 'f' + n + '\\n');
       }`,
    );
    await mkdir(file().folder, { recursive: true });
    const lines = async (name: string) =>
      (await readFile(`${file().folder}.${name}`, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    for (let round = 0; round < 6; round += 1) {
      const before = await lines('done');
      const from = (await lines('begun')).length;
      const writer = spawn(process.execPath, [script, file().folder, String(from)], { stdio: 'inherit' });
      await until(async () => (await lines('done')).length > before.length + round);
      await delay(round * 3);
      const gone = new Promise(resolve => writer.once('exit', resolve));
      writer.kill('SIGKILL');
      await gone;

      const done = await lines('done');
      const last = (await lines('begun')).at(-1)!;
      for (const key of done) expect(await applied(file(), key)).toBeDefined();
      const standing = (await stateOf(file()))!.key;
      // Either the last change came through, and is known to have, or it did not, and is known not to have.
      const cameThrough = standing === last;
      if (!cameThrough) expect(standing).toBe(done.at(-1));
      expect((await applied(file(), last)) !== undefined).toBe(cameThrough);
      await apply(file(), last, { weights: { again: 1 } });
      expect((await stateOf(file()))!.weights).toEqual(
        cameThrough ? { [`v${last.slice(1)}`]: 1 } : { again: 1 },
      );
    }
  });
});

describe('what serves', () => {
  const local = (): ConnectionSpec => world.action('f1', { args: {} }).connection;
  const model = (change: Partial<ModelSpec> = {}): ModelSpec => ({
    name: 'late-flights',
    owner: 'ana',
    task: 'binary',
    registry: { connection: 'world', name: 'late' },
    serving: { connection: 'world', name: 'late' },
    data: {},
    features: { exclude: [] },
    pipelines: {},
    actions: {},
    ...change,
  });
  const read = (of = model(), connections: Record<string, ConnectionSpec> = { world: local() }) =>
    readLocalServing(world.home)(of, connections);

  beforeEach(async () => {
    await put('serving/late/weights.json', { weights: { v1: 0.95, v2: 0.05 } });
    await put('registry/late/champion.json', { version: 'v1' });
  });

  it('is read from the weights, the alias and the card', async () => {
    expect(await read()).toEqual({
      champion: 'v1',
      weights: { v1: 0.95, v2: 0.05 },
      trained: { from: Date.parse('2001-01-01T00:00:00Z'), to: Date.parse('2001-02-01T00:00:00Z') },
    });
  });

  it.each<[string, Json | string]>([
    ['has no interval', { rows: 3 }],
    ['says nonsense', { trained: { from: 'yesterday', to: 'today' } }],
    ['cannot be read', '{'],
  ])('is known when the champion’s card %s', async (_, card) => {
    await put('registry/late/v1/card.json', card);
    expect(await read()).toEqual({ champion: 'v1', weights: { v1: 0.95, v2: 0.05 } });
  });

  it.each<[string, string, Json | string | undefined, object]>([
    [
      'no weights',
      'serving/late/weights.json',
      undefined,
      { champion: 'v1', weights: {}, unknown: { reason: 'absent' } },
    ],
    [
      'broken weights',
      'serving/late/weights.json',
      '{"weig',
      { champion: 'v1', weights: {}, unknown: { reason: 'unreachable' } },
    ],
    [
      'weights that are none',
      'serving/late/weights.json',
      { weights: { v1: 3 } },
      { champion: 'v1', weights: {}, unknown: { reason: 'unreachable' } },
    ],
    [
      'no champion',
      'registry/late/champion.json',
      undefined,
      { weights: { v1: 0.95, v2: 0.05 }, unknown: { reason: 'absent' } },
    ],
    [
      'a champion that is none',
      'registry/late/champion.json',
      { version: 3 },
      { weights: { v1: 0.95, v2: 0.05 }, unknown: { reason: 'unreachable' } },
    ],
  ])('is unknown with %s', async (_, path, value, expected) => {
    if (value === undefined) await rm(join(root, path));
    else await put(path, value);
    const serving = await read();
    expect(serving).toMatchObject(expected);
    expect(serving.unknown?.message).toContain(path);
    expect('champion' in serving).toBe('champion' in expected);
  });

  it('is unknown when a file may not be read', async () => {
    await rm(join(root, 'serving/late/weights.json'));
    await mkdir(join(root, 'serving/late/weights.json'));
    expect((await read()).unknown).toEqual({
      reason: 'unreachable',
      message: expect.stringContaining('weights.json: cannot be read (EISDIR)'),
    });
  });

  it('is unknown when the model or the connection does not have it', async () => {
    expect(await read(model({ serving: undefined as never }))).toMatchObject({
      unknown: { reason: 'absent', message: 'Model late-flights has no spec.serving' },
    });
    expect(await read(model({ registry: undefined as never }))).toMatchObject({
      unknown: { reason: 'absent', message: 'Model late-flights has no spec.registry' },
    });
    expect(await read(model(), {})).toMatchObject({
      unknown: {
        reason: 'unreachable',
        message: expect.stringContaining('Connection world is not a local one'),
      },
    });
    expect(await read(model(), { world: { ...local(), connector: 'duckdb' } })).toMatchObject({
      unknown: { reason: 'unreachable' },
    });
  });
});
