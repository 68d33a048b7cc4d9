/** Whose signature a commit carries, with keys of the real ssh-keygen and commits that the real git has signed. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signerBy } from '../../src/git/remote/signatures.ts';
import { openRepository } from '../../src/git/repository.ts';
import { commitFiles, git, newRepository, removeFolder } from '../real-git.ts';

let dir = '';
let first = '';
beforeEach(() => {
  ({ dir, first } = newRepository());
});
afterEach(() => removeFolder(dir));

function commitBy(name: string, path: string): string {
  commitFiles(dir, { [path]: name });
  git(dir, 'commit', '-q', '--amend', '--no-edit', '--author', `${name} <${name}@acme.example>`);
  return git(dir, 'rev-parse', 'HEAD');
}

test('a signature by a key that counts names it; one by another key, or none, does not', async () => {
  const keys = mkdtempSync(join(tmpdir(), 'flyball-keys-'));
  try {
    for (const name of ['ours', 'strange'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)]);
    copyFileSync(join(keys, 'ours.pub'), join(keys, 'allowed'));
    const signed = (name: string, key: string) => {
      const sha = commitBy(name, key);
      const sign = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${join(keys, key)}`];
      git(dir, ...sign, 'commit', '-q', '--amend', '--no-edit', '-S');
      expect(git(dir, 'rev-parse', 'HEAD')).not.toBe(sha);
    };
    signed('dan', 'ours');
    signed('eve', 'strange');
    const head = commitBy('finn', 'c');
    const [, fingerprint] = execFileSync('ssh-keygen', ['-lf', join(keys, 'ours.pub')], {
      encoding: 'utf8',
    }).split(' ');
    const signer = signerBy(join(keys, 'allowed'));
    const proven = await openRepository({ dir, branch: 'main', signer });
    expect(await proven.authorsBetween(first, head)).toEqual([
      { email: 'dan@acme.example', key: fingerprint },
      'eve@acme.example',
      'finn@acme.example',
    ]);
  } finally {
    rmSync(keys, { recursive: true });
  }
});
