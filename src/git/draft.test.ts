/** Drafts against the head: rebased or refused with the conflict, and nothing is written, whatever they try. */
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder } from '../../test/real-git.ts';
import { draftEdits } from './draft.ts';
import { openRepository, type PolicyRepository } from './repository.ts';

const lines = (...changed: readonly (readonly [number, string])[]) =>
  Array.from({ length: 12 }, (_, i) => `${new Map(changed).get(i) ?? `line ${i}`}\n`).join('');
const path = 'policies/b.yaml';

let dir = '';
let base = '';
let repository: PolicyRepository;
beforeEach(async () => {
  ({ dir } = newRepository());
  base = commitFiles(dir, { [path]: lines() });
  repository = await openRepository({ dir, branch: 'main' });
});
afterEach(() => removeFolder(dir));

const objects = () => readdirSync(join(dir, '.git/objects'), { recursive: true }).length;

test('a base that moved elsewhere is rebased, without a word written', async () => {
  const head = commitFiles(dir, { [path]: lines([1, 'theirs']) });
  const before = objects();
  const drafted = await draftEdits(repository, { base, files: [{ path, text: lines([10, 'ours']) }] });
  expect(drafted).toMatchObject({ base, head: { sha: head }, rebased: true });
  expect(drafted.edits).toEqual([{ path, text: lines([1, 'theirs'], [10, 'ours']) }]);
  expect(objects()).toBe(before);
});

test('the same lines are a conflict, which is shown; what the branch has by now is no change', async () => {
  commitFiles(dir, { [path]: lines([5, 'theirs']) });
  const asked = draftEdits(repository, { base, files: [{ path, text: lines([5, 'ours']) }] });
  await expect(asked).rejects.toMatchObject({ code: 'conflict' });
  await expect(asked).rejects.toThrow(
    /<<<<<<< branch at [0-9a-f]{7}\ntheirs\n=======\nours\n>>>>>>> proposal/,
  );
  const same = draftEdits(repository, { base, files: [{ path, text: lines([5, 'theirs']) }] });
  await expect(same).rejects.toMatchObject({ code: 'no-change' });
  git(dir, 'rm', '-q', path);
  git(dir, 'commit', '-q', '-m', 'gone');
  const gone = draftEdits(repository, { base, files: [{ path, text: lines([5, 'ours']) }] });
  await expect(gone).rejects.toThrow(/the branch deleted it, and the other side changed it/);
});

test('a patch deletes a file, and is refused with its path before it is read', async () => {
  const gone = `--- a/${path}\n+++ /dev/null\n@@ -1,12 +0,0 @@\n${lines().replace(/^/gm, '-').slice(0, -1)}`;
  expect((await draftEdits(repository, { patch: gone })).edits).toEqual([{ path }]);
  for (const outside of ['../../etc/passwd', '.git/config', 'a/.git/x.yaml', '/etc/x.yaml']) {
    const patch = `--- a/${outside}\n+++ b/${outside}\n@@ -1 +1 @@\n-x\n+y\n`;
    await expect(draftEdits(repository, { patch }), outside).rejects.toMatchObject({ code: 'files-refused' });
  }
});

test.each([
  ['a name in other letters', 'Policies/b.yaml', /there is "policies" in that folder/],
  ['a file in other letters', 'policies/B.YAML'.replace('YAML', 'yaml'), /there is "b\.yaml" in that folder/],
  ['a name that looks the same', 'policies/ﬁle.yaml', /there is "file\.yaml"/],
  ['a decomposed name', 'policies/u\u0308.yaml', /write them in Unicode form NFC/],
  ['a device', 'policies/con.yaml', /name of a device/],
  ['a short name of Windows', 'policies/GIT~1/x.yaml', /characters other than/],
  ['an invisible .git', 'policies/.g\u200cit/x.yaml', /starts with a dot/],
  ['a link', 'policies/link.yaml', /symbolic link/],
  ['through a link', 'outside/x.yaml', /symbolic link/],
  ['a submodule', 'module/x.yaml', /submodule/],
])('%s is refused', async (_, wanted, words) => {
  symlinkSync('b.yaml', join(dir, 'policies/link.yaml'));
  symlinkSync('/etc', join(dir, 'outside'));
  commitFiles(dir, { 'policies/file.yaml': 'x\n' });
  git(dir, 'update-index', '--add', '--cacheinfo', `160000,${base},module`);
  git(dir, 'commit', '-q', '-m', 'module');
  const before = objects();
  await expect(draftEdits(repository, { files: [{ path: wanted, text: 'x' }] })).rejects.toThrow(words);
  expect(objects()).toBe(before);
});

test('a huge text, too many files, and both files and a patch', async () => {
  const huge = draftEdits(repository, { files: [{ path, text: 'x'.repeat(1_048_577) }] });
  await expect(huge).rejects.toThrow(/1048577 bytes/);
  const many = Array.from({ length: 2001 }, (_, i) => ({ path: `p${i}.yaml`, text: '' }));
  await expect(draftEdits(repository, { files: many })).rejects.toThrow(/2001 files/);
  await expect(draftEdits(repository, { files: [{ path, text: 'x' }], patch: 'x' })).rejects.toThrow(
    /not both/,
  );
});
