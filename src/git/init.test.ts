/** A new policy repository is one that git itself finds clean. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { git, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { initRepository } from './init.ts';
import { openRepository } from './repository.ts';

let dir = '';
beforeEach(() => {
  dir = temporaryFolder();
});
afterEach(() => removeFolder(dir));

const author = { name: 'Ana', email: 'ana@acme.example' };
const files = [
  { path: '.gitignore', text: '.flyball/\n' },
  { path: 'policies/a.yaml', text: 'kind: Policy\n' },
];

test('has the files on disk and in the first commit, and a clean working tree', async () => {
  mkdirSync(join(dir, 'new'));
  writeFileSync(join(dir, 'new/notes.txt'), 'mine');
  const { sha } = await initRepository({ dir: join(dir, 'new'), files, author, at: 86_400_000 });
  const made = await openRepository({ dir: join(dir, 'new'), branch: 'main' });
  expect(await made.head()).toEqual({ sha, author, time: 86_400_000, subject: 'First policies' });
  expect(await made.files(sha)).toEqual([files[1]]);
  expect(readFileSync(join(dir, 'new/policies/a.yaml'), 'utf8')).toBe('kind: Policy\n');
  expect(git(join(dir, 'new'), 'status', '--porcelain')).toBe('?? notes.txt');
  expect(git(join(dir, 'new'), 'fsck', '--strict')).toBe('');
});

test('the same files, author and time give the same commit', async () => {
  const shas = await Promise.all(
    ['a', 'b'].map(name => initRepository({ dir: join(dir, name), files, author, at: 5000 })),
  );
  expect(shas[0]).toEqual(shas[1]);
});

test.each([
  ['a repository is there', () => git(dir, 'init', '-q'), files, /is a git repository already/],
  [
    'a file is there',
    () => writeFileSync(join(dir, '.gitignore'), 'mine'),
    files,
    /\.gitignore exist already/,
  ],
  ['a path leaves it', () => {}, [{ path: '../x.yaml', text: '' }], /"\.\.\/x\.yaml" is not inside it/],
  ['a path is in .git', () => {}, [{ path: '.git/hooks/x', text: '' }], /"\.git\/hooks\/x" is not inside/],
  ['there are no files', () => {}, [], /no files to commit/],
] as const)('refuses and writes nothing when %s', async (_, arrange, wanted, message) => {
  arrange();
  await expect(initRepository({ dir, files: wanted, author, at: 0 })).rejects.toThrow(message);
  expect(existsSync(join(dir, 'policies'))).toBe(false);
});
