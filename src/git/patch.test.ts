/** Patches and merges: those of the real git are read, applied and merged as it does; what is no plain change is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { mergeText } from './merge-text.ts';
import { applyPatch, parsePatch } from './patch.ts';

let dir = '';
beforeAll(() => {
  dir = temporaryFolder();
  git(dir, 'init', '-q');
});
afterAll(() => removeFolder(dir));

const written = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return name;
};
/** Texts of few different lines, so that hunks move and repeat; some without a last end of line. */
const text = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'c', 'd', '', '- x', '+ y'), { maxLength: 14 }), fc.boolean())
  .map(([lines, ends]) => lines.join('\n') + (ends && lines.length > 0 ? '\n' : ''));

test('every diff of the real git gives the other text', () => {
  fc.assert(
    fc.property(text, text, fc.nat(3), (before, after, context) => {
      if (before === after) return;
      const [a, b] = [written('before', before), written('after', after)];
      const output = ['--output', join(dir, 'diff'), `-U${context}`];
      git(dir, '-c', 'alias.d=!git diff --no-index "$@" || true #', 'd', ...output, a, b);
      const diff = readFileSync(join(dir, 'diff'), 'utf8');
      const [file] = parsePatch(
        `${diff.replaceAll('a/before', 'a/p.yaml').replaceAll('b/after', 'b/p.yaml')}\n`,
      );
      expect(applyPatch(file ? [file] : [], () => before)).toEqual([{ path: 'p.yaml', text: after }]);
    }),
    { numRuns: 60 },
  );
});

test('a merge is that of the real git, or both conflict', () => {
  fc.assert(
    fc.property(text, text, text, (base, ours, theirs) => {
      const names = [written('ours', ours), written('base', base), written('theirs', theirs)];
      const found = mergeText(base, { name: 'ours', text: ours }, { name: 'theirs', text: theirs });
      let merged: string | undefined;
      try {
        git(dir, 'merge-file', '-q', '--diff3', ...names);
        merged = git(dir, '-c', 'alias.c=!cat', 'c', join(dir, 'ours'));
      } catch {
        merged = undefined;
      }
      // Where lines can be matched in several ways, one may see a conflict that the other does not: never two different texts.
      if ('text' in found && merged !== undefined) expect(found.text.trim()).toBe(merged);
      if (ours === base) expect(found).toEqual({ text: theirs });
      if (theirs === base) expect(found).toEqual({ text: ours });
      if ('conflict' in found) expect(found.conflict).toContain('<<<<<<< ours');
    }),
    { numRuns: 60 },
  );
});

const change = '--- a/p.yaml\n+++ b/p.yaml\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n';

describe('a patch', () => {
  test('may name a wrong line, and adds and deletes files', () => {
    const moved = applyPatch(parsePatch(change), () => 'zero\nhalf\none\ntwo\n');
    expect(moved).toEqual([{ path: 'p.yaml', text: 'zero\nhalf\none\n2\n' }]);
    const added = parsePatch('--- /dev/null\n+++ b/n.yaml\n@@ -0,0 +1 @@\n+new\n');
    expect(applyPatch(added, () => undefined)).toEqual([{ path: 'n.yaml', text: 'new\n' }]);
    const gone = parsePatch('--- a/p.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n');
    expect(applyPatch(gone, () => 'old\n')).toEqual([{ path: 'p.yaml' }]);
  });

  test.each([
    [
      'does not fit',
      change,
      'one\nthree\n',
      /hunk 1 does not fit: at line 2 it expects "two", found "three"/,
    ],
    ['of a file that is not there', change, undefined, /p\.yaml is not in the base/],
    ['miscounts', change.replace('-1,2', '-1,5'), 'one\ntwo\n', /says 5 old and 2 new lines; found/],
    ['renames', `rename from p.yaml\nrename to q.yaml\n${change}`, 'one\ntwo\n', /no renames/],
    ['renames by its names', change.replace('b/p', 'b/q'), 'one\ntwo\n', /becomes "q\.yaml"/],
    ['makes a link', `new file mode 120000\n${change}`, undefined, /links, submodules/],
    ['makes a submodule', `index 000..111 160000\n${change}`, undefined, /submodules/],
    ['changes a mode', `old mode 100644\nnew mode 100755\n${change}`, undefined, /modes/],
    ['is binary', 'Binary files a/p.yaml and b/p.yaml differ\n', undefined, /binary/],
    ['has a file twice', change + change, 'one\ntwo\n', /stands there twice/],
    ['is none', 'please raise it', undefined, /there is no file in it/],
    ['deletes half', '--- a/p.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n', 'one\ntwo\n', /leave lines of it/],
    ['quotes a path', change.replace('a/p.yaml', '"a/\\303\\274.yaml"'), 'one\n', /quoted path/],
  ] as const)('that %s is refused', (_, patch, before, words) => {
    expect(() => applyPatch(parsePatch(patch), () => before)).toThrow(words);
  });
});
