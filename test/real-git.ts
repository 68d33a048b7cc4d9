/** Temporary repositories for tests, made with the real git: so that what we read is what git writes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A new folder below the system's temporary one. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'flyball-git-'));
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** Runs git in a folder without anybody's configuration; gives its output, trimmed. Throws with git's words. */
export function git(dir: string, ...args: readonly string[]): string {
  const env = {
    PATH: process.env.PATH,
    HOME: dir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Ana',
    GIT_AUTHOR_EMAIL: 'ana@acme.example',
    GIT_COMMITTER_NAME: 'Ben',
    GIT_COMMITTER_EMAIL: 'ben@acme.example',
    GIT_COMMITTER_DATE: '2001-02-03T04:05:06Z',
    GIT_EDITOR: 'true',
  };
  return execFileSync('git', [...args], { cwd: dir, env, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Writes files and commits all of them; gives the commit's id. */
export function commitFiles(
  dir: string,
  files: Readonly<Record<string, string>>,
  message = 'change',
): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  git(dir, 'add', '-A');
  git(dir, 'commit', '-q', '--allow-empty', '-m', message);
  return git(dir, 'rev-parse', 'HEAD');
}

/** A repository on branch main with one policy in its first commit. */
export function newRepository(): { readonly dir: string; readonly first: string } {
  const dir = temporaryFolder();
  git(dir, 'init', '-q', '-b', 'main');
  const first = commitFiles(dir, { 'policies/a.yaml': 'kind: Policy\n', 'README.md': 'about\n' }, 'First');
  return { dir, first };
}
