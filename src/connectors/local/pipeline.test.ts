/** Commands of the local connection, as real processes: how they end, what they are given, what they leave. */
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effect } from '../../model.ts';
import { localPipeline } from './pipeline.ts';
import { bootId, identityOf, isGroupAlive, signalGroup } from './processes.ts';
import { runFiles } from './run-folder.ts';
import {
  endOf,
  found,
  living,
  makeWorld,
  processIn,
  startedAndEnded,
  until,
  type World,
} from './test-world.ts';

let world: World;
let effect: Effect;

/** Starts a child of its own that, like itself, ignores SIGTERM, says both pids and never ends. */
const STUBBORN = `
  import { spawn } from 'node:child_process';
  import { appendFileSync } from 'node:fs';
  process.on('SIGTERM', () => {});
  appendFileSync(process.env.FLYBALL_ROOT + '/' + process.env.FLYBALL_KEY + '.pids', process.pid + '\\n');
  if (process.argv[2] !== 'leaf') spawn(process.execPath, [process.argv[1], process.argv[2] === 'child' ? 'leaf' : 'child'], { stdio: 'inherit' });
  setInterval(() => {}, 1000);`;

beforeAll(async () => {
  world = await makeWorld({
    missing: { argv: ['no-such-program-of-ours', '--x'] },
    'not-executable': { argv: ['./code/plain.sh'] },
    nowhere: { argv: ['node', 'x.mjs'], cwd: 'no/such/folder' },
    'shell-like': { argv: ['node', 'code/say-arguments.mjs', '$HOME; touch hacked', '`id`', '*'] },
    'bad-bytes': { argv: ['node', 'a\u0000b'] },
  });
  effect = localPipeline(world);
  await writeFile(join(world.home, 'code/plain.sh'), 'exit 0\n');
  await chmod(join(world.home, 'code/plain.sh'), 0o644);
  await world.command('stubborn', STUBBORN);
  await world.command('hang', `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);`);
  await world.command(
    'fails',
    `process.stderr.write('reading\\n\\u001b[31mno column dist\\u0007ance\\u001b[0m\\n'); process.exit(3);`,
  );
  await world.command(
    'loud',
    `process.stderr.write(('x'.repeat(999) + '\\n').repeat(20_000) + 'the end', () => process.exit(3));`,
  );
  await world.command('silent', '');
  await world.command('killed', `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`);
  await world.command(
    'wrong',
    `import { writeFileSync } from 'node:fs'; writeFileSync(process.env.FLYBALL_RESULT, process.env.HOME ? '{"made":' : '');`,
  );
  await world.command(
    'other',
    `import { writeFileSync } from 'node:fs'; writeFileSync(process.env.FLYBALL_RESULT, '{"made":{"rows":3},"list":[{"a":1}]}');`,
  );
  await world.command(
    'leaves',
    `import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs';
    const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    writeFileSync(process.env.FLYBALL_RESULT, JSON.stringify({ left: left.pid })); process.exit(0);`,
  );
  const given = `import { readFileSync, writeFileSync } from 'node:fs';
    const params = JSON.parse(readFileSync(process.env.FLYBALL_PARAMS, 'utf8'));
    writeFileSync(process.env.FLYBALL_RESULT, JSON.stringify({ params, env: process.env, cwd: process.cwd(), argv: process.argv.slice(2), exec: process.execPath }));`;
  await world.command('given', given);
  await world.command('say-arguments', given);
});
afterAll(() => world.end());

describe('how a command ends', () => {
  it.each<[string, string, Record<string, string>, object]>([
    [
      'fails',
      'exit code and the end of stderr',
      {},
      {
        state: 'failed',
        repeatable: true,
        message: 'node fails.mjs: exit code 3; the end of stderr: reading\nno column distance',
      },
    ],
    [
      'killed',
      'a signal',
      {},
      { state: 'failed', repeatable: true, message: 'node killed.mjs: ended by SIGKILL; stderr is empty' },
    ],
    [
      'missing',
      'no such program',
      {},
      {
        state: 'failed',
        repeatable: false,
        message: expect.stringMatching(
          /^command "no-such-program-of-ours" \(in .*\): no such program; install it, or mend argv/,
        ),
      },
    ],
    [
      'not-executable',
      'not executable',
      {},
      {
        state: 'failed',
        repeatable: false,
        message: expect.stringContaining('command "./code/plain.sh" (in '),
      },
    ],
    [
      'nowhere',
      'no folder',
      {},
      {
        state: 'failed',
        repeatable: false,
        message: expect.stringContaining('no/such/folder: no such folder; mend cwd'),
      },
    ],
    [
      'bad-bytes',
      'an argument that no program can have',
      {},
      { state: 'failed', repeatable: false, message: expect.stringContaining('could not be started') },
    ],
    ['silent', 'nothing expected', {}, { state: 'succeeded', outputs: {} }],
    [
      'silent',
      'no result',
      { version: 'version' },
      {
        state: 'failed',
        repeatable: false,
        message:
          'node silent.mjs: exit code 0, but it wrote no result; expected JSON in the file that FLYBALL_RESULT names',
      },
    ],
    [
      'wrong',
      'not JSON',
      { version: 'version' },
      { state: 'failed', repeatable: false, message: expect.stringContaining('its result is not JSON') },
    ],
    [
      'other',
      'output missing',
      { version: 'made.version' },
      {
        state: 'failed',
        repeatable: false,
        message: expect.stringContaining(
          'its result has no made.version (output version); mend it, or output of the pipeline',
        ),
      },
    ],
    [
      'other',
      'what every object has is no output',
      { version: 'made.constructor.name' },
      { state: 'failed', repeatable: false, message: expect.stringContaining('no made.constructor.name') },
    ],
    [
      'other',
      'outputs by path',
      { rows: 'made.rows', a: 'list.0.a' },
      { state: 'succeeded', outputs: { rows: 3, a: 1 } },
    ],
  ])('%s: %s', async (name, what, output, expected) => {
    const key = `e${what.replaceAll(/[^a-z]/g, '')}`;
    expect(await startedAndEnded(effect, world.run(key, name, { output }))).toEqual(expected);
  });

  it('keeps a huge stderr within bounds, without keeping the command waiting', async () => {
    const action = world.run('loud', 'loud');
    const end = await startedAndEnded(effect, action);
    expect(end).toMatchObject({ state: 'failed', message: expect.stringMatching(/the end$/) });
    expect('message' in end && end.message.length).toBeLessThan(2_001);
    const { stderr } = runFiles(join(world.runs, 'loud'));
    expect((await stat(stderr)).size).toBeLessThan(4.1 * 1024 * 1024);
    expect((await readFile(stderr, 'utf8')).slice(-9_000)).toMatch(
      /\[\d+ bytes did not fit; the last of them:\]\n[\s\S]*the end$/,
    );
  });

  it('ends what the command left running in its group', async () => {
    const end = await startedAndEnded(effect, world.run('leaves', 'leaves', { output: { left: 'left' } }));
    expect(end).toMatchObject({ state: 'succeeded' });
    const left = Number(end.state === 'succeeded' && end.outputs.left);
    expect(left).toBeGreaterThan(1);
    await until(() => living([left]).length === 0);
  });

  it('refuses a pipeline that the Connection has no command for', async () => {
    await expect(effect.start(world.run('none', 'train_lite'))).rejects.toMatchObject({
      name: 'PortError',
      retry: 'never',
      message: expect.stringMatching(
        /^Connection world: commands has no train_lite; expected one of missing, /,
      ),
    });
    await expect(effect.start(world.run('none', 'constructor'))).rejects.toMatchObject({
      code: 'no-command',
    });
    expect(await effect.find(world.run('none', 'train_lite'))).toEqual({ state: 'absent' });
  });
});

describe('what a command is given', () => {
  const output = { params: 'params', env: 'env', cwd: 'cwd', argv: 'argv', exec: 'exec' };

  it('is its parameters, its folders and no secret', async () => {
    process.env.FLYBALL_SECRET_FOR_TEST = 'hunter2';
    process.env.SECRET_FOR_TEST = 'hunter2';
    try {
      const params = {
        since: '2001-01-01',
        focus: { op: 'in', column: 'origin', values: ["O'RD", '$(id)'] },
      };
      const action = world.run('given', 'given', { params, output });
      const end = await startedAndEnded(effect, action);
      if (end.state !== 'succeeded') throw new Error(JSON.stringify(end));
      const files = runFiles(join(world.runs, 'given'));
      expect(end.outputs.params).toEqual(params);
      expect(end.outputs.exec).toBe(process.execPath);
      const { PATH, HOME, LANG, TMPDIR, ...own } = end.outputs.env as Record<string, string>;
      expect([PATH, HOME, LANG, TMPDIR]).toEqual(
        ['PATH', 'HOME', 'LANG', 'TMPDIR'].map(name => process.env[name]),
      );
      expect(own).toEqual({
        FLYBALL_KEY: 'given',
        FLYBALL_PARAMS: files.params,
        FLYBALL_RESULT: files.output,
        FLYBALL_ROOT: join(world.home, 'data'),
        FLYBALL_RUN_DIR: files.folder,
      });
      for (const name of await readdir(files.folder))
        if (name !== 'output.json')
          expect(await readFile(join(files.folder, name), 'utf8')).not.toContain('hunter2');
    } finally {
      delete process.env.FLYBALL_SECRET_FOR_TEST;
      delete process.env.SECRET_FOR_TEST;
    }
  });

  it('goes through no shell', async () => {
    const end = await startedAndEnded(effect, world.run('shell', 'shell-like', { output }));
    expect(end).toMatchObject({ outputs: { argv: ['$HOME; touch hacked', '`id`', '*'], cwd: world.home } });
  });
});

describe('ending a command', () => {
  async function pidsOf(key: string): Promise<readonly number[]> {
    return found(async () => {
      const text = await readFile(join(world.home, 'data', `${key}.pids`), 'utf8').catch(() => '');
      const pids = text.split('\n').filter(Boolean).map(Number);
      return pids.length === 3 ? pids : undefined;
    });
  }

  it('at its deadline, with children and grandchildren that ignore SIGTERM', async () => {
    const action = world.run('late', 'stubborn', { timeoutMs: 2_500 });
    const handle = await effect.start(action);
    const pids = await pidsOf('late');
    expect(living(pids)).toEqual(pids);
    const end = await endOf(effect, action, handle);
    expect(end).toEqual({ state: 'timed-out', message: 'ended after its 2500 ms; stderr is empty' });
    await until(() => living(pids).length === 0);
  });

  it('when it is cancelled, with children and grandchildren that ignore SIGTERM', async () => {
    const action = world.run('stop', 'stubborn');
    const handle = await effect.start(action);
    const pids = await pidsOf('stop');
    await effect.cancel(action, handle);
    await effect.cancel(action, handle);
    expect(await endOf(effect, action, handle)).toEqual({ state: 'cancelled' });
    await until(() => living(pids).length === 0);
  });

  it('is cancelled even when it then exits 0', async () => {
    const action = world.run('polite', 'hang');
    const handle = await effect.start(action);
    await processIn(runFiles(join(world.runs, 'polite')).command);
    await effect.cancel(action, handle);
    expect(await endOf(effect, action, handle)).toEqual({ state: 'cancelled' });
  });

  it('with its runner, when that is told to stop', async () => {
    const action = world.run('told', 'hang');
    const handle = await effect.start(action);
    const files = runFiles(join(world.runs, 'told'));
    const command = await processIn(files.command);
    process.kill((await processIn(files.runner)).pid, 'SIGTERM');
    expect(await endOf(effect, action, handle)).toMatchObject({ state: 'failed', repeatable: true });
    await until(() => !isGroupAlive(command));
  });
});

describe('a runner that was killed', () => {
  it('has lost the run, and says when the command still runs', async () => {
    const action = world.run('orphan', 'hang');
    const handle = await effect.start(action);
    const files = runFiles(join(world.runs, 'orphan'));
    const command = await processIn(files.command);
    expect(await effect.poll(action, handle)).toEqual({ state: 'running' });
    process.kill((await processIn(files.runner)).pid, 'SIGKILL');
    const end = await endOf(effect, action, handle);
    expect(end).toMatchObject({ state: 'lost', message: expect.stringContaining(`kill -- -${command.pid}`) });
    signalGroup(command.pid, 'SIGKILL');
    await until(() => !isGroupAlive(command));
    expect(await effect.poll(action, handle)).toEqual({
      state: 'lost',
      message: `${files.folder}: the runner is gone and left no result`,
    });
    expect(await effect.start(action)).toEqual(handle); // The key is spent: it is not run again.
    expect(await effect.poll(action, handle)).toMatchObject({ state: 'lost' });
  });

  it.each<[string, object]>([
    ['a pid that another process has now', { pid: process.pid, started: '1', boot: bootId() }],
    ['a process of before the boot', { ...identityOf(process.pid), boot: 'before' }],
    ['what is no process', { pid: -1, started: '1', boot: bootId() }],
  ])('is not mistaken for %s', async (what, runner) => {
    const key = `m${what.length}`;
    const action = world.run(key, 'silent');
    const handle = await effect.start(action);
    await endOf(effect, action, handle);
    const files = runFiles(join(world.runs, key));
    await writeFile(files.result, '{"state":"splendid"}');
    expect(await effect.poll(action, handle)).toEqual({
      state: 'lost',
      message: `${files.result}: not a result; read the logs beside it`,
    });
    await rm(files.result);
    await writeFile(files.runner, JSON.stringify(runner));
    expect(await effect.poll(action, handle)).toMatchObject({ state: 'lost' });
    await writeFile(files.runner, JSON.stringify(identityOf(process.pid)));
    expect(await effect.poll(action, handle)).toEqual({ state: 'running' });
    await rm(files.runner);
  });
});
