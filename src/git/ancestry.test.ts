/** Merge bases and counts are those of the real git, on random histories with merges. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { git, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { ancestryOf, relate } from './ancestry.ts';
import { objectsOf } from './objects.ts';

/** Commits with the given parents (indices of earlier ones), all of the empty tree; gives their ids. */
function history(dir: string, parents: readonly (readonly number[])[]): readonly string[] {
  const tree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const shas: string[] = [];
  for (const [i, of] of parents.entries()) {
    const flags = [...new Set(of)].flatMap(parent => ['-p', shas[parent]!]);
    shas.push(git(dir, 'commit-tree', tree, '-m', String(i), ...flags));
  }
  return shas;
}

test('base, ahead and behind are what git says', async () => {
  /** Each commit picks up to two parents among all earlier ones, mostly recent. */
  const parents = fc
    .array(fc.array(fc.nat(3), { maxLength: 2 }), { minLength: 2, maxLength: 9 })
    .map(all => all.map((of, i) => of.map(back => i - 1 - back).filter(parent => parent >= 0)));
  await fc.assert(
    fc.asyncProperty(parents, fc.nat(), fc.nat(), async (of, a, b) => {
      const dir = temporaryFolder();
      try {
        git(dir, 'init', '-q');
        git(dir, 'hash-object', '-t', 'tree', '-w', '/dev/null');
        const shas = history(dir, of);
        const [ours, theirs] = [shas[a % shas.length]!, shas[b % shas.length]!];
        const objects = objectsOf(`${dir}/.git`, 'dry');
        const bases = git(
          dir,
          '-c',
          'alias.bases=!git merge-base --all "$@" || true #',
          'bases',
          ours,
          theirs,
        );
        const [behind, ahead] = git(dir, 'rev-list', '--left-right', '--count', `${ours}...${theirs}`).split(
          '\t',
        );
        const best = bases.split('\n').filter(line => line !== '');
        expect(await relate(objects, await ancestryOf(objects, ours), theirs)).toEqual({
          ...(best.length === 1 && { base: best[0] }),
          ahead: Number(ahead),
          behind: Number(behind),
        });
      } finally {
        removeFolder(dir);
      }
    }),
    { numRuns: 15 },
  );
});
