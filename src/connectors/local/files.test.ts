/** What the file system refuses, in words; what is printed, made harmless; which process is meant. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printable } from './capture.ts';
import { readJson, refused, writeJson } from './files.ts';
import { identityOf, isAlive, signalGroup } from './processes.ts';
import { pickOutputs } from './run-folder.ts';
import { until } from './test-world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('files', () => {
  it('reads what it wrote, and nothing where nothing is', async () => {
    const file = join(folder, 'a/b/c.json');
    expect(await readJson(file)).toBeUndefined();
    await writeJson(file, { a: [1, null, 'x'] });
    await writeJson(file, { b: 2 });
    expect(await readJson(file)).toEqual({ b: 2 });
    expect(await readdir(join(folder, 'a/b'))).toEqual(['c.json']);
  });

  it('leaves no draft when it may not write', async () => {
    await writeFile(join(folder, 'plain'), 'x');
    await expect(writeJson(join(folder, 'plain/c.json'), {})).rejects.toMatchObject({
      name: 'PortError',
      retry: 'later',
    });
    await expect(readJson(join(folder, 'plain/c.json'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(readJson(join(folder, 'plain'))).rejects.toMatchObject({ code: 'not-json', retry: 'never' });
  });

  it.runIf(existsSync('/dev/full'))('says of a full disk that it is full', () => {
    let error: unknown;
    try {
      appendFileSync('/dev/full', 'x');
    } catch (caught) {
      error = caught;
    }
    expect(refused(error, 'runs/f1', 'written')).toMatchObject({
      code: 'ENOSPC',
      retry: 'later',
      message: 'runs/f1: the disk is full (ENOSPC); nothing was changed; free some space',
    });
  });

  it('says what to allow', () => {
    expect(refused({ code: 'EACCES' }, 'runs', 'read').message).toBe(
      "runs: may not be read (EACCES); allow it to the daemon's user",
    );
  });
});

describe('what is printed', () => {
  it.each([
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://x\u001b\\link', 'link'],
    ['a\r\nb\rc\td\u0000e\u009b31mf', 'a\nbcde31mf'],
    ['\u202egpj.exe', 'gpj.exe'],
    ['Zürich 🛩️', 'Zürich 🛩️'],
  ])('%j becomes %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('never moves a cursor, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('\u001b', '[', ']', '3', 'm', '\u0007', '\\', '\u009b', 'x', '\n'),
        }),
        text => {
          expect(printable(text)).not.toMatch(/[^\P{Cc}\n]/u);
        },
      ),
    );
  });
});

it('picks outputs by what the result itself holds', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (result, path) => {
      const picked = pickOutputs({ a: path }, result as never);
      if ('outputs' in picked) expect(JSON.stringify(result)).toContain(JSON.stringify(picked.outputs.a));
    }),
  );
  expect(pickOutputs({ a: '__proto__.x' }, {})).toEqual({ missing: '__proto__.x (output a)' });
  expect(pickOutputs({ a: 'b' }, { b: null })).toEqual({ missing: 'b (output a)' });
});

describe('a process', () => {
  it('is the one with this pid and start time, while it lives', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true });
    const identity = identityOf(child.pid!)!;
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, started: '0' })).toBe(false);
    expect(signalGroup(identity.pid, 'SIGKILL')).toBe(true);
    await until(() => !isAlive(identity));
  });

  it('is never everything, nor ourselves', () => {
    expect(signalGroup(0, 'SIGKILL')).toBe(false);
    expect(signalGroup(1, 'SIGKILL')).toBe(false);
    expect(signalGroup(-5, 'SIGKILL')).toBe(false);
  });

  it.runIf(process.platform === 'linux')('is dead when it only waits to be reaped', async () => {
    // The shell-less way to a zombie: a parent that stops before it can reap.
    const parent = spawn(process.execPath, [
      '-e',
      `const child = require('node:child_process').spawn('sleep', ['0']); console.log(child.pid); process.kill(process.pid, 'SIGSTOP');`,
    ]);
    const pid = await new Promise<number>(resolve =>
      parent.stdout.once('data', data => resolve(Number(data))),
    );
    await until(async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z '));
    expect(identityOf(pid)).toBeUndefined();
    const gone = new Promise(resolve => parent.once('exit', resolve));
    parent.kill('SIGKILL');
    await gone;
  });
});
