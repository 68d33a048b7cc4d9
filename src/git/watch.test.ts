/** New heads are noticed, by watching alone and by polling alone; callbacks never overlap and are tried again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder } from '../../test/real-git.ts';
import { openRepository } from './repository.ts';
import { follow, type Watch, watchBranch } from './watch.ts';
import { readWorktree, watchWorktree } from './worktree.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function repository(): { dir: string; first: string } {
  const made = newRepository();
  undo.push(() => removeFolder(made.dir));
  return made;
}

function closing(watch: Watch): Watch {
  undo.push(() => watch.close());
  return watch;
}

/** Values that arrive, to be awaited one by one. */
function arrivals<T>(): { push(value: T): void; next(): Promise<T> } {
  const values: T[] = [];
  let wake = () => {};
  return {
    push(value) {
      values.push(value);
      wake();
    },
    async next() {
      while (values.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      return values.shift() as T;
    },
  };
}

const HOUR_MS = 3_600_000;

test.each([
  ['watching', HOUR_MS],
  ['watching and polling', undefined],
])('commit, amend, gc and reset are noticed by %s', async (_, pollMs) => {
  const { dir, first } = repository();
  const opened = await openRepository({ dir, branch: 'main' });
  const heads = arrivals<string>();
  closing(watchBranch(opened, head => heads.push(head.sha), pollMs === undefined ? {} : { pollMs }));
  expect(await heads.next()).toBe(first);

  const second = commitFiles(dir, { 'policies/a.yaml': 'two\n' });
  expect(await heads.next()).toBe(second);

  git(dir, 'commit', '-q', '--amend', '-m', 'other');
  expect(await heads.next()).toBe(git(dir, 'rev-parse', 'main'));

  git(dir, 'gc', '-q');
  const third = commitFiles(dir, { 'policies/a.yaml': 'three\n' });
  expect(await heads.next()).toBe(third);

  git(dir, 'reset', '-q', '--hard', first);
  expect(await heads.next()).toBe(first);
});

test('polling alone is enough, when nothing can be watched', async () => {
  let value = 0;
  const seen = arrivals<number>();
  closing(follow({ paths: [], look: async () => seen.push(value), pollMs: 5 }));
  await seen.next();
  value = 1;
  while ((await seen.next()) !== 1);
});

test('a head that was taken already is not reported', async () => {
  const { dir, first } = repository();
  const opened = await openRepository({ dir, branch: 'main' });
  const heads = arrivals<string>();
  closing(watchBranch(opened, head => heads.push(head.sha), { from: first, pollMs: 20 }));
  const second = commitFiles(dir, { 'policies/a.yaml': 'two\n' });
  expect(await heads.next()).toBe(second);
});

test('callbacks never overlap, heads in between are skipped, and close waits for the last', async () => {
  const { dir } = repository();
  const opened = await openRepository({ dir, branch: 'main' });
  let running = 0;
  let overlapped = false;
  let finish = () => {};
  const heads = arrivals<string>();
  const watch = closing(
    watchBranch(
      opened,
      async head => {
        running++;
        overlapped ||= running > 1;
        heads.push(head.sha);
        await new Promise<void>(resolve => {
          finish = resolve;
        });
        running--;
      },
      { pollMs: 10 },
    ),
  );
  await heads.next();
  commitFiles(dir, { 'policies/a.yaml': 'two\n' });
  const last = commitFiles(dir, { 'policies/a.yaml': 'three\n' });
  finish();
  expect(await heads.next()).toBe(last);
  const closed = watch.close();
  finish();
  await closed;
  expect({ running, overlapped }).toEqual({ running: 0, overlapped: false });
});

test('a failing callback is told once and tried again', async () => {
  const { dir, first } = repository();
  const opened = await openRepository({ dir, branch: 'main' });
  const heads = arrivals<string>();
  const errors: unknown[] = [];
  let failures = 3;
  const onChange = (head: { sha: string }) => {
    if (failures-- > 0) throw new Error('store is busy');
    heads.push(head.sha);
  };
  closing(watchBranch(opened, onChange, { pollMs: 5, onError: error => errors.push(error) }));
  expect(await heads.next()).toBe(first);
  expect(errors.map(String)).toEqual(['Error: store is busy']);
});

test('a branch that goes away is told, and taken again when it is back', async () => {
  const { dir, first } = repository();
  const opened = await openRepository({ dir, branch: 'main' });
  const heads = arrivals<string>();
  const errors = arrivals<unknown>();
  closing(watchBranch(opened, head => heads.push(head.sha), { pollMs: 20, onError: errors.push }));
  expect(await heads.next()).toBe(first);
  git(dir, 'branch', '-m', 'main', 'gone');
  expect(await errors.next()).toMatchObject({ code: 'no-branch' });
  const second = commitFiles(dir, { 'policies/a.yaml': 'two\n' });
  git(dir, 'branch', '-m', 'gone', 'main');
  expect(await heads.next()).toBe(second);
});

test('a saved file is noticed in a working tree', async () => {
  const { dir } = repository();
  const seen = arrivals<string>();
  closing(
    watchWorktree(dir, tree => seen.push(tree.files.map(file => file.text).join()), { pollMs: HOUR_MS }),
  );
  expect(await seen.next()).toBe('kind: Policy\n');
  writeFileSync(join(dir, 'policies/a.yaml'), 'saved\n');
  while ((await seen.next()) !== 'saved\n');
  expect((await readWorktree(dir)).files).toEqual([{ path: 'policies/a.yaml', text: 'saved\n' }]);
});
