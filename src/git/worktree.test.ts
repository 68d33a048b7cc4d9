/** A working tree gives what a commit of it would give. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commitFiles, newRepository, removeFolder } from '../../test/real-git.ts';
import { openRepository } from './repository.ts';
import { readWorktree } from './worktree.ts';

let dir = '';
beforeEach(() => {
  dir = newRepository().dir;
});
afterEach(() => removeFolder(dir));

test('the same files as the commit of it, without what git ignores', async () => {
  mkdirSync(join(dir, 'node_modules/x'), { recursive: true });
  mkdirSync(join(dir, 'out'));
  writeFileSync(join(dir, 'node_modules/x/no.yaml'), 'no');
  writeFileSync(join(dir, 'out/no.yaml'), 'no');
  const sha = commitFiles(dir, {
    '.gitignore': 'node_modules\nout/\nlocal-*.yaml\n',
    'flyball.yaml': 'kind: Settings\n',
    'policies/local-no.yaml': 'no',
    '.github/ci.yaml': 'no',
    'policies/b.yml': 'é\n',
  });
  const { commit, files } = await readWorktree(dir);
  expect(files).toEqual(await (await openRepository({ dir, branch: 'main' })).files(sha));
  expect(files.map(file => file.path)).toEqual(['flyball.yaml', 'policies/a.yaml', 'policies/b.yml']);
  expect(commit).toMatchObject({ sha: expect.stringMatching(/^[0-9a-f]{40}$/), subject: 'working tree' });
  expect(commit.time).toBeGreaterThan(0);
});

test('the id is that of the texts and names', async () => {
  const before = await readWorktree(dir);
  writeFileSync(join(dir, 'policies/a.yaml'), 'kind: Policy\n');
  expect((await readWorktree(dir)).commit.sha).toBe(before.commit.sha);
  writeFileSync(join(dir, 'policies/a.yaml'), 'kind: Model\n');
  expect((await readWorktree(dir)).commit.sha).not.toBe(before.commit.sha);
});

test('links and binary files are refused with their names, a missing folder with its own', async () => {
  symlinkSync('/etc/passwd', join(dir, 'policies/link.yaml'));
  writeFileSync(join(dir, 'policies/binary.yaml'), Buffer.from([0xff, 0xfe]));
  await expect(readWorktree(dir)).rejects.toThrow(
    /binary\.yaml is not UTF-8.*link\.yaml is not a regular file/,
  );
  await expect(readWorktree(join(dir, 'missing'))).rejects.toMatchObject({
    name: 'PortError',
    message: expect.stringContaining(`${join(dir, 'missing')}: no such file or folder`),
  });
});
