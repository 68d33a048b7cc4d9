/** Who wrote what is new is who the real git says, on histories with merges. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder } from '../../test/real-git.ts';
import { openRepository, type PolicyRepository } from './repository.ts';

let dir = '';
let first = '';
let repository: PolicyRepository;
beforeEach(async () => {
  ({ dir, first } = newRepository());
  repository = await openRepository({ dir, branch: 'main' });
});
afterEach(() => removeFolder(dir));

function commitBy(name: string, path: string): string {
  commitFiles(dir, { [path]: name });
  git(dir, 'commit', '-q', '--amend', '--no-edit', '--author', `${name} <${name}@acme.example>`);
  return git(dir, 'rev-parse', 'HEAD');
}

const addresses = (...names: readonly string[]) => names.map(name => `${name}@acme.example`);

test('of several commits, all of them', async () => {
  const last = commitBy('cleo', 'a');
  commitBy('dan', 'b');
  const head = commitBy('eve', 'c');
  expect(await repository.authorsBetween(last, head)).toEqual(addresses('dan', 'eve'));
  expect(await repository.authorsBetween(first, head)).toEqual(addresses('cleo', 'dan', 'eve'));
  expect(await repository.authorsBetween(head, head)).toEqual([]);
});

test('of a merge, whoever wrote what it brings, since the branch left', async () => {
  git(dir, 'checkout', '-q', '-b', 'proposal');
  commitBy('dan', 'b');
  commitBy('eve', 'c');
  git(dir, 'checkout', '-q', 'main');
  const last = commitBy('cleo', 'a');
  git(dir, 'merge', '-q', '--no-ff', '-m', 'merged', 'proposal');
  git(dir, 'commit', '-q', '--amend', '--no-edit', '--author', 'finn <finn@acme.example>');
  const head = git(dir, 'rev-parse', 'HEAD');
  const said = git(dir, 'log', '--format=%ae', `${last}..${head}`).split('\n').sort();
  expect(await repository.authorsBetween(last, head)).toEqual(said);
  expect(said).toEqual(addresses('dan', 'eve', 'finn'));
});

test('more than 1,000 commits are nobody’s', async () => {
  const tree = git(dir, 'rev-parse', 'HEAD^{tree}');
  const lines = Array.from({ length: 1001 }, (_, i) => {
    const from = i === 0 ? `from ${first}\n` : '';
    return `commit refs/heads/many\nmark :${i + 1}\nauthor d <dan@acme.example> ${i} +0000\ncommitter d <dan@acme.example> ${i} +0000\ndata 1\nx\n${from}`;
  });
  gitWith(lines.join('\n'));
  expect(git(dir, 'rev-parse', 'many^{tree}')).toBe(tree);
  expect(await repository.authorsBetween(first, git(dir, 'rev-parse', 'many'))).toBeUndefined();
  expect(await repository.authorsBetween(first, git(dir, 'rev-parse', 'many~1'))).toEqual(addresses('dan'));
});

function gitWith(input: string): void {
  execFileSync('git', ['fast-import', '--quiet'], { cwd: dir, input });
}
