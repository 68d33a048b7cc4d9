/** Unified diffs: a few by eye, and all of them applied by the real git. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { git, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { unifiedDiff } from './line-diff.ts';

let dir = '';
beforeAll(() => {
  dir = temporaryFolder();
  git(dir, 'init', '-q');
});
afterAll(() => removeFolder(dir));

const numbered = (count: number, changes: Readonly<Record<number, string>> = {}) =>
  Array.from({ length: count }, (_, i) => `${changes[i] ?? `line ${i}`}\n`).join('');

test('shows three lines around each change, and changes far apart in hunks of their own', () => {
  expect(unifiedDiff('p.yaml', numbered(30), numbered(30, { 4: 'four', 20: 'twenty' }))).toBe(
    [
      'diff --git a/p.yaml b/p.yaml',
      '--- a/p.yaml',
      '+++ b/p.yaml',
      '@@ -2,7 +2,7 @@',
      ...[' line 1', ' line 2', ' line 3', '-line 4', '+four', ' line 5', ' line 6', ' line 7'],
      '@@ -18,7 +18,7 @@',
      ...[' line 17', ' line 18', ' line 19', '-line 20', '+twenty', ' line 21', ' line 22', ' line 23'],
      '',
    ].join('\n'),
  );
});

test('says when a file appears, disappears or stays', () => {
  expect(unifiedDiff('p', 'a\n', 'a\n')).toBe('');
  expect(unifiedDiff('p', undefined, 'a')).toBe(
    'diff --git a/p b/p\nnew file mode 100644\n--- /dev/null\n+++ b/p\n@@ -0,0 +1,1 @@\n+a\n\\ No newline at end of file\n',
  );
  expect(unifiedDiff('p', 'a\n', undefined)).toBe(
    'diff --git a/p b/p\ndeleted file mode 100644\n--- a/p\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n',
  );
});

test('git applies every diff and gets the other text', () => {
  const text = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '', ' x', '-y', '+z'), { maxLength: 25 }), fc.boolean())
    .map(([lines, ended]) => lines.join('\n') + (ended && lines.length > 0 ? '\n' : ''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before !== after);
      writeFileSync(join(dir, 'a file.yaml'), before);
      writeFileSync(join(dir, 'patch'), unifiedDiff('a file.yaml', before, after));
      git(dir, 'apply', '--whitespace=nowarn', 'patch');
      expect(readFileSync(join(dir, 'a file.yaml'), 'utf8')).toBe(after);
    }),
    { numRuns: 100 },
  );
});

test('texts too long to compare line by line still give a diff that applies', () => {
  const before = numbered(2500);
  const after = Array.from({ length: 2500 }, (_, i) => `other ${i}\n`).join('');
  writeFileSync(join(dir, 'long.yaml'), before);
  writeFileSync(join(dir, 'patch'), unifiedDiff('long.yaml', before, after));
  git(dir, 'apply', 'patch');
  expect(readFileSync(join(dir, 'long.yaml'), 'utf8')).toBe(after);
});
