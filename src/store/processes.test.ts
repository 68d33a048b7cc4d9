/** Several processes on one state, and processes that are killed: chains stay whole, what was committed stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireEngineLock } from './engine-lock.ts';
import { openSqliteStore } from './sqlite.ts';
import { appendTo, chain, folding, gap } from './store.fixture.ts';

let folder: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flyball-processes-'));
  path = join(folder, 'state.db');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(script: string, ...args: string[]) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout }), exit: once(child, 'exit') };
}

it('several starters and writers at once never break the chain', async () => {
  const writers = [0, 1, 2].map(() => start('writer.child.ts', path, '15'));
  const exits = await Promise.all(writers.map(writer => writer.exit));
  expect(exits.map(([code]) => code)).toEqual([0, 0, 0]);
  const store = await openSqliteStore({ ...folding, path });
  expect(await store.verify()).toEqual({ ok: true, chains: 1, entries: 3 * 15 * 3 });
  expect(await store.target(chain)).toMatchObject({ version: 45, own: { seq: 135 } });
  expect((await store.rebuild()).differences).toEqual([]);
  await store.close();
});

it('kill -9 at any moment loses nothing that was committed', async () => {
  let committed = 0;
  for (const acknowledged of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const { child, lines, exit } = start('writer.child.ts', path, '100000');
    let left = acknowledged;
    for await (const line of lines) {
      committed = Number(line);
      left -= 1;
      if (left <= 0) child.kill('SIGKILL');
    }
    expect((await exit)[1]).toBe('SIGKILL');
    const store = await openSqliteStore({ ...folding, path });
    const found = await store.verify();
    expect(found.ok).toBe(true);
    const entries = found.ok ? found.entries : 0;
    expect(entries % 3).toBe(0);
    expect(entries).toBeGreaterThanOrEqual(committed);
    expect((await store.target(chain))?.own.seq).toBe(entries);
    await appendTo(store, [gap(1), gap(2), gap(3)], 1);
    await store.close();
  }
});

it('one engine per state: the second is told who holds it, and a killed one holds nothing', async () => {
  const state = join(folder, 'deep', 'state');
  const { child, lines, exit } = start('lock.child.ts', state);
  await once(lines, 'line');
  const refused = acquireEngineLock(state);
  await expect(refused).rejects.toMatchObject({ code: 'engine-running', subject: state });
  await expect(refused).rejects.toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await exit;
  const lock = await acquireEngineLock(state);
  await expect(acquireEngineLock(state)).rejects.toThrow(`process ${process.pid}`);
  lock.release();
  lock.release();
  (await acquireEngineLock(state)).release();
});
