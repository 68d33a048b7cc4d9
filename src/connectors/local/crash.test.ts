/** One run per key, whoever is killed when: starters at several moments, runners that race, that come late, that hear half. */

import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effect } from '../../model.ts';
import { minimalEnvironment } from './environment.ts';
import { localPipeline } from './pipeline.ts';
import { bootId } from './processes.ts';
import type { RunSpec } from './run-folder.ts';
import { endOf, makeWorld, until, type World } from './test-world.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
let world: World;
let effect: Effect;

beforeAll(async () => {
  world = await makeWorld();
  effect = localPipeline(world);
  await mkdir(world.runs, { recursive: true });
  await world.command(
    'train',
    `import { appendFileSync } from 'node:fs';
     appendFileSync(process.env.FLYBALL_ROOT + '/ran.txt', process.env.FLYBALL_KEY + '\\n');
     await new Promise(resolve => setTimeout(resolve, 300));`,
  );
  await writeFile(
    join(world.home, 'starter.mjs'),
    `import { localPipeline } from ${JSON.stringify(join(HERE, 'pipeline.ts'))};
     const [folders, action] = JSON.parse(process.argv[2]);
     await localPipeline(folders).start(action);
     setInterval(() => {}, 1000);`,
  );
});
afterAll(() => world.end());

async function there(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise(resolve => child.once('exit', resolve));
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await gone;
  }
}

describe('a starter that is killed', () => {
  const folder = (key: string) => join(world.runs, key);
  const note = (key: string) => join(world.runs, `${key}.starting`);
  const moments: readonly [string, (key: string) => string, number][] = [
    ['as it notes the start', note, 0],
    ['5 ms after', note, 5],
    ['15 ms after', note, 15],
    ['40 ms after', note, 40],
    ['80 ms after', note, 80],
    ['160 ms after', note, 160],
    ['as the folder is there', folder, 0],
    ['20 ms after that', folder, 20],
    ['while the command runs', folder, 250],
    ['when all has ended', folder, 900],
  ];

  it.each(moments.map((moment, index) => [...moment, `k${index}`] as const))(
    '%s has started one run',
    async (_, sign, afterMs, key) => {
      const action = world.run(key, 'train');
      const starter = spawn(
        process.execPath,
        [
          join(world.home, 'starter.mjs'),
          JSON.stringify([{ home: world.home, runs: world.runs, startMs: 2_000 }, action]),
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      await until(async () => (await there(sign(key))) || (await there(folder(key))));
      await delay(afterMs);
      await killed(starter);

      const found = await effect.find(action);
      expect(found.state).toMatch(/found|absent/);
      const handle = found.state === 'found' ? found.handle : await effect.start(action);
      expect(await endOf(effect, action, handle)).toEqual({ state: 'succeeded', outputs: {} });
      expect(await effect.start(action)).toEqual(handle);
    },
  );

  it('each of them once, and nothing came later', async () => {
    const keys = moments.map((_, index) => `k${index}`);
    expect([...(await world.ran())].filter(key => keys.includes(key)).sort()).toEqual(keys);
    expect((await readdir(world.runs)).filter(name => name.startsWith('.new-'))).toEqual([]);
  });
});

describe('a runner', () => {
  const specOf = (key: string, change: Partial<RunSpec> = {}): RunSpec => ({
    key,
    runs: world.runs,
    root: join(world.home, 'data'),
    cwd: join(world.home, 'code'),
    argv: ['node', 'train.mjs'],
    params: {},
    output: {},
    timeoutMs: 60_000,
    startBy: uptime() * 1000 + 60_000,
    ...change,
  });

  async function run(input: string): Promise<{ code: number | null; said: string }> {
    const runner = spawn(process.execPath, [join(HERE, 'runner.ts')], {
      env: minimalEnvironment(process.env),
    });
    const ended = new Promise<number | null>(resolve => runner.once('close', resolve));
    runner.stdin.end(input);
    return { said: await text(runner.stderr), code: await ended };
  }

  it('runs nothing when another has claimed the folder', async () => {
    const spec = JSON.stringify(specOf('race'));
    const ended = await Promise.all([1, 2, 3, 4, 5].map(() => run(spec)));
    expect(ended).toEqual(ended.map(() => ({ code: 0, said: '' })));
    expect((await world.ran()).filter(key => key === 'race')).toHaveLength(1);
  });

  it('begins nothing when it comes too late', async () => {
    const { code, said } = await run(JSON.stringify(specOf('tardy', { startBy: uptime() * 1000 - 1 })));
    expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('it came too late') });
    expect(await readdir(world.runs)).not.toContain('tardy');
    expect(await world.ran()).not.toContain('tardy');
  });

  it.each([
    ['nothing', 0],
    ['half', 120],
  ])('begins nothing when it hears %s of what to run', async (_, length) => {
    const { code, said } = await run(JSON.stringify(specOf('half')).slice(0, length));
    expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('was not told what to run') });
    expect(await readdir(world.runs)).not.toContain('half');
  });

  it('says why it cannot make its folder', async () => {
    const { code, said } = await run(
      JSON.stringify(specOf('closed', { runs: join(world.home, 'starter.mjs') })),
    );
    expect({ code, said }).toEqual({
      code: 1,
      said: expect.stringMatching(/starter\.mjs: cannot be written \(E(EXIST|NOTDIR)\)/),
    });
  });
});

describe('find', () => {
  it('waits for a runner that may still begin', async () => {
    const action = world.run('soon', 'train');
    const note = { startBy: uptime() * 1000 + 5_000, boot: bootId() };
    await writeFile(join(world.runs, 'soon.starting'), JSON.stringify(note));
    const finding = effect.find(action);
    await delay(100);
    await mkdir(join(world.runs, 'soon'));
    expect(await finding).toEqual({ state: 'found', handle: { run: 'soon' } });
  });

  it.each([
    ['whose time is over', () => ({ startBy: uptime() * 1000 - 5_000, boot: bootId() })],
    ['of another boot', () => ({ startBy: uptime() * 1000 + 5_000, boot: 'another' })],
    ['that says nonsense', () => ({ startBy: 1e15, boot: bootId() })],
    ['that is no note', () => [1]],
  ])('does not wait for one %s', async (what, note) => {
    const key = `w${what.replaceAll(/[^a-z]/g, '')}`;
    await writeFile(join(world.runs, `${key}.starting`), JSON.stringify(note()));
    expect(await effect.find(world.run(key, 'train'))).toEqual({ state: 'absent' });
  });

  it('cannot tell when the folder of runs cannot be read', async () => {
    const blind = localPipeline({ home: world.home, runs: join(world.home, 'starter.mjs') });
    expect(await blind.find(world.run('blind', 'train'))).toEqual({
      state: 'cannot-tell',
      message: expect.stringContaining('cannot be read (ENOTDIR)'),
    });
    await expect(blind.start(world.run('blind', 'train'))).rejects.toMatchObject({
      name: 'PortError',
      retry: 'later',
    });
  });
});
