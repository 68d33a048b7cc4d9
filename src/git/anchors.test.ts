/** Heads on a ref: commits that the real git reads, beside branches and files that stay as they are. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { git, newRepository, removeFolder } from '../../test/real-git.ts';
import { readAnchors, writeAnchors } from './anchors.ts';
import { openRepository, type PolicyRepository } from './repository.ts';

const ref = 'refs/flyball/anchors';
const hash = (digit: string) => digit.repeat(64);
let dir = '';
let repository: PolicyRepository;
beforeEach(async () => {
  ({ dir } = newRepository());
  repository = await openRepository({ dir, branch: 'main' });
});
afterEach(() => removeFolder(dir));

const heads = [
  { chain: 'fleet', seq: 2, hash: hash('a') },
  { chain: 'model/late flights', seq: 17, hash: hash('b') },
];

test('are a line a chain, one commit after another, and none when nothing moved', async () => {
  const before = [
    git(dir, 'status', '--porcelain'),
    git(dir, 'ls-files', '-s'),
    git(dir, 'rev-parse', 'HEAD'),
  ];
  expect(await readAnchors(repository, ref)).toEqual([]);
  const first = await writeAnchors(repository, ref, heads, 5_000);
  expect(git(dir, 'rev-parse', ref)).toBe(first);
  expect(git(dir, 'show', `${ref}:heads`)).toBe(`2 ${hash('a')} fleet\n17 ${hash('b')} model/late flights`);
  expect(await readAnchors(repository, ref)).toEqual(heads);
  expect(await writeAnchors(repository, ref, heads, 6_000)).toBeUndefined();
  const moved = heads.map(head => ({ ...head, seq: head.seq + 1 }));
  const second = await writeAnchors(repository, ref, moved, 7_000);
  expect(git(dir, 'log', '--format=%H %at %s', ref)).toBe(
    `${second} 7 Heads of 2 chains\n${first} 5 Heads of 2 chains`,
  );
  expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  expect([
    git(dir, 'status', '--porcelain'),
    git(dir, 'ls-files', '-s'),
    git(dir, 'rev-parse', 'HEAD'),
  ]).toEqual(before);
});

test('of several writers at once are all one line of commits', async () => {
  const writes = [1, 2, 3].map(n =>
    writeAnchors(repository, ref, [{ chain: 'fleet', seq: n, hash: hash('c') }], n),
  );
  const written = await Promise.all(writes);
  expect(git(dir, 'rev-list', ref).split('\n').sort()).toEqual([...written].sort());
});

test('survive packing, and what somebody else wrote there is refused', async () => {
  await writeAnchors(repository, ref, heads, 5_000);
  git(dir, 'pack-refs', '--all');
  git(dir, 'gc', '-q');
  expect(await readAnchors(repository, ref)).toEqual(heads);
  git(dir, 'update-ref', ref, 'HEAD');
  await expect(readAnchors(repository, ref)).rejects.toMatchObject({
    name: 'PortError',
    subject: `anchors ${ref}`,
  });
});
