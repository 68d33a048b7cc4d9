/** What is read of repositories in every state that git can leave them in; all of them made with the real git. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { FILE_BYTES_MAX, FILES_MAX } from './paths.ts';
import { openRepository, plainLine } from './repository.ts';

const folders: string[] = [];
afterEach(() => {
  for (const dir of folders.splice(0)) removeFolder(dir);
});

function folder(): string {
  const dir = temporaryFolder();
  folders.push(dir);
  return dir;
}

function repository(): { dir: string; first: string } {
  const made = newRepository();
  folders.push(made.dir);
  return made;
}

const open = (dir: string, branch = 'main') => openRepository({ dir, branch });

describe('head', () => {
  test('is the commit of the branch with author, committer time and subject', async () => {
    const { dir, first } = repository();
    expect(await (await open(dir)).head()).toEqual({
      sha: first,
      author: { name: 'Ana', email: 'ana@acme.example' },
      time: Date.UTC(2001, 1, 3, 4, 5, 6),
      subject: 'First',
    });
  });

  const states: readonly (readonly [string, (dir: string) => unknown])[] = [
    ['packed refs', dir => git(dir, 'pack-refs', '--all')],
    ['everything packed by gc', dir => git(dir, 'gc', '-q', '--prune=now')],
    ['an amended commit', dir => git(dir, 'commit', '-q', '--amend', '-m', 'x')],
    [
      'packed refs, then a newer loose one',
      dir => {
        git(dir, 'pack-refs', '--all');
        commitFiles(dir, {});
      },
    ],
    [
      'packed refs with peeled tags',
      dir => {
        git(dir, 'tag', '-a', 'v1', '-m', 'one');
        git(dir, 'pack-refs', '--all');
      },
    ],
    [
      'a detached HEAD elsewhere',
      dir => {
        commitFiles(dir, { 'b.yaml': 'b' });
        git(dir, 'checkout', '-q', '--detach', 'HEAD~1');
        commitFiles(dir, { 'c.yaml': 'c' });
      },
    ],
    [
      'a dirty working tree and index',
      dir => {
        writeFileSync(join(dir, 'policies/a.yaml'), 'changed');
        git(dir, 'add', '-A');
      },
    ],
    [
      'a branch that is a symbolic ref',
      dir => {
        git(dir, 'branch', '-m', 'main', 'trunk');
        git(dir, 'symbolic-ref', 'refs/heads/main', 'refs/heads/trunk');
      },
    ],
  ];
  test.each(states)('is what git says with %s', async (_, arrange) => {
    const { dir } = repository();
    arrange(dir);
    expect((await (await open(dir)).head()).sha).toBe(git(dir, 'rev-parse', 'refs/heads/main'));
  });

  test('is read in bare clones, linked worktrees and branches with slashes', async () => {
    const { dir, first } = repository();
    const bare = folder();
    git(dir, 'clone', '-q', '--bare', dir, bare);
    git(dir, 'pack-refs', '--all');
    const linked = join(folder(), 'linked');
    git(dir, 'worktree', 'add', '-q', '-b', 'team/blue', linked);
    const sha = commitFiles(linked, { 'policies/b.yaml': 'b\n' });

    expect(await open(bare)).toMatchObject({ bare: true, gitDir: bare });
    expect((await (await open(bare)).head()).sha).toBe(first);
    expect((await (await open(linked)).head()).sha).toBe(first);
    expect((await (await open(linked, 'team/blue')).head()).sha).toBe(sha);
    expect((await (await open(dir, 'team/blue')).files(sha)).map(file => file.path)).toEqual([
      'policies/a.yaml',
      'policies/b.yaml',
    ]);
  });

  test('follows a force-push, and says that it does not descend', async () => {
    const { dir, first } = repository();
    const bare = folder();
    git(dir, 'clone', '-q', '--bare', dir, bare);
    const old = commitFiles(dir, { 'policies/a.yaml': 'two\n' });
    git(dir, 'push', '-q', bare, 'main');
    git(dir, 'reset', '-q', '--hard', first);
    const rewritten = commitFiles(dir, { 'policies/a.yaml': 'three\n' });
    git(dir, 'push', '-q', '--force', bare, 'main');
    git(bare, 'gc', '-q', '--prune=now');

    const served = await open(bare);
    expect((await served.head()).sha).toBe(rewritten);
    expect(await served.isDescendant(rewritten, old)).toBe(false);
    expect(await served.isDescendant(rewritten, first)).toBe(true);
  });

  test('follows a rebase', async () => {
    const { dir, first } = repository();
    git(dir, 'checkout', '-q', '-b', 'work');
    const before = commitFiles(dir, { 'b.yaml': 'b' });
    git(dir, 'checkout', '-q', 'main');
    const base = commitFiles(dir, { 'c.yaml': 'c' });
    git(dir, 'checkout', '-q', 'work');
    git(dir, 'rebase', '-q', 'main');
    const work = await open(dir, 'work');
    const head = await work.head();
    expect(head.sha).toBe(git(dir, 'rev-parse', 'work'));
    expect(
      await Promise.all([base, first, head.sha, before].map(sha => work.isDescendant(head.sha, sha))),
    ).toEqual([true, true, true, false]);
    expect((await work.log(2)).map(commit => commit.sha)).toEqual([head.sha, base]);
  });
});

describe('trouble says where, what and what to do', () => {
  /** `arrange` gives the folder to open. */
  const cases: readonly (readonly [string, (dir: string) => string, RegExp])[] = [
    [
      'no folder',
      dir => join(dir, 'missing'),
      /missing: no such folder; expected a git repository; .*flyball init/,
    ],
    ['no repository', dir => dir, /not a git repository; expected a folder with \.git .*git init/],
    [
      'no commits',
      dir => {
        git(dir, 'init', '-q', '-b', 'main');
        return dir;
      },
      /no commits; .* branch main; commit them: git add/,
    ],
    [
      'a subfolder',
      dir => {
        git(dir, 'init', '-q');
        mkdirSync(join(dir, 'sub'));
        return join(dir, 'sub');
      },
      /not the top of a git repository; \S+ is: name that folder/,
    ],
    [
      'another branch only',
      dir => {
        git(dir, 'init', '-q', '-b', 'trunk');
        commitFiles(dir, { 'a.yaml': 'a' });
        git(dir, 'branch', 'blue');
        return dir;
      },
      /no branch main; it has: blue, trunk; name one of these/,
    ],
    [
      'a .git file that points nowhere',
      dir => {
        writeFileSync(join(dir, '.git'), 'gitdir: /nowhere/at/all\n');
        return dir;
      },
      /points to \/nowhere\/at\/all, which does not exist/,
    ],
    [
      'borrowed objects',
      dir => {
        git(dir, 'init', '-q', '-b', 'main', 'origin');
        commitFiles(join(dir, 'origin'), { 'a.yaml': 'a' });
        git(dir, 'clone', '-q', '--shared', join(dir, 'origin'), 'shared');
        return join(dir, 'shared');
      },
      /borrows objects .*git repack -a -d/,
    ],
    [
      'SHA-256 objects',
      dir => {
        git(dir, 'init', '-q', '--object-format=sha256');
        return dir;
      },
      /SHA-256; expected SHA-1/,
    ],
    [
      'a damaged ref',
      dir => {
        git(dir, 'init', '-q', '-b', 'main');
        writeFileSync(join(dir, '.git/refs/heads/main'), 'not a sha');
        return dir;
      },
      /refs\/heads\/main: found "not a sha"; expected 40 hex digits/,
    ],
    [
      'a ref to a commit that is not there',
      dir => {
        git(dir, 'init', '-q', '-b', 'main');
        writeFileSync(join(dir, '.git/refs/heads/main'), `${'a'.repeat(40)}\n`);
        return dir;
      },
      /branch main: an object of this commit is not there; .*git fetch --unshallow/,
    ],
  ];
  test.each(cases)('%s', async (_, arrange, message) => {
    const dir = arrange(folder());
    const head = async () => (await open(dir)).head();
    await expect(head()).rejects.toMatchObject({
      name: 'PortError',
      message: expect.stringMatching(message),
    });
  });

  test('a repository that went away is not taken for an empty one', async () => {
    const { dir } = repository();
    const opened = await open(dir);
    rmSync(join(dir, '.git'), { recursive: true });
    await expect(opened.head()).rejects.toMatchObject({ code: 'not-a-repository' });
  });

  test.each(['', '../x', 'a..b', 'a b', '-x', 'x.lock', '.x', 'a//b', 'a~1', '@{u}'])(
    'the branch name %j is refused',
    async name => {
      const { dir } = repository();
      await expect(open(dir, name)).rejects.toMatchObject({ code: 'branch-name' });
    },
  );

  test.each(['', 'main', 'HEAD', 'a'.repeat(39), 'A'.repeat(40)])('%j is no commit id', async sha => {
    const { dir } = repository();
    await expect((await open(dir)).files(sha)).rejects.toMatchObject({ code: 'commit-id' });
  });

  test('a shallow clone reads its head and compares what it has', async () => {
    const { dir } = repository();
    const sha = commitFiles(dir, { 'policies/a.yaml': 'two\n' });
    const shallow = join(folder(), 'shallow');
    git(dir, 'clone', '-q', '--depth', '1', `file://${dir}`, shallow);
    const opened = await open(shallow);
    expect((await opened.head()).sha).toBe(sha);
    expect((await opened.files(sha)).map(file => file.text)).toEqual(['two\n']);
    expect(await opened.isDescendant(sha, 'b'.repeat(40))).toBe(false);
  });
});

describe('files', () => {
  test('are the YAML of the commit, outside of hidden names, whatever the working tree holds', async () => {
    const { dir } = repository();
    const sha = commitFiles(dir, {
      'flyball.yaml': 'kind: Settings\n',
      'policies/deep/er/b.yml': 'é ✓\r\n',
      'policies/c.yaml.bak': 'no',
      '.github/workflows/ci.yaml': 'no',
      '.pre-commit-config.yaml': 'no',
      'policies/.draft/d.yaml': 'no',
    });
    writeFileSync(join(dir, 'policies/a.yaml'), 'uncommitted');
    writeFileSync(join(dir, 'policies/new.yaml'), 'uncommitted');
    expect(await (await open(dir)).files(sha)).toEqual([
      { path: 'flyball.yaml', text: 'kind: Settings\n' },
      { path: 'policies/a.yaml', text: 'kind: Policy\n' },
      { path: 'policies/deep/er/b.yml', text: 'é ✓\r\n' },
    ]);
  });

  test('a byte order mark is dropped and an executable file is a file', async () => {
    const { dir } = repository();
    writeFileSync(join(dir, 'policies/a.yaml'), '\uFEFFkind: Policy\n');
    chmodSync(join(dir, 'policies/a.yaml'), 0o755);
    const sha = commitFiles(dir, {});
    expect(await (await open(dir)).files(sha)).toEqual([{ path: 'policies/a.yaml', text: 'kind: Policy\n' }]);
  });

  test('all that cannot be policies is refused at once', async () => {
    const { dir } = repository();
    symlinkSync('/etc/passwd', join(dir, 'policies/link.yaml'));
    writeFileSync(join(dir, 'policies/binary.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
    writeFileSync(join(dir, 'policies/nul.yaml'), 'a\0b');
    const sha = commitFiles(dir, { 'policies/big.yaml': 'x'.repeat(FILE_BYTES_MAX + 1) });
    const refused = (await open(dir)).files(sha);
    await expect(refused).rejects.toMatchObject({ name: 'PortError', code: 'files-refused', retry: 'never' });
    for (const name of ['big', 'binary', 'link', 'nul'])
      await expect(refused).rejects.toThrow(`${name}.yaml`);
  });

  test('a commit with too many files is refused', async () => {
    const { dir } = repository();
    const files = Array.from({ length: FILES_MAX }, (_, i) => [`many/${i}.yaml`, 'x'] as const);
    const sha = commitFiles(dir, Object.fromEntries(files));
    await expect((await open(dir)).files(sha)).rejects.toMatchObject({ code: 'too-many-files' });
  });

  test('folders that repeat one tree a billion times are refused, not walked', async () => {
    const { dir } = repository();
    let tree = git(dir, 'rev-parse', 'main:policies');
    for (let level = 0; level < 9; level++) {
      const lines = Array.from({ length: 10 }, (_, i) => `040000 tree ${tree}\tf${i}`).join('\n');
      writeFileSync(join(dir, 'tree.txt'), `${lines}\n`);
      tree = git(dir, '-c', 'alias.mk=!git mktree < tree.txt', 'mk');
    }
    const sha = git(dir, 'commit-tree', '-m', 'bomb', tree);
    await expect((await open(dir)).files(sha)).rejects.toMatchObject({ code: 'too-many-files' });
  });
});

test('text of commits is one line without characters that steer a terminal', async () => {
  const { dir } = repository();
  git(dir, 'commit', '-q', '--allow-empty', '-m', 'red \u001b[31m\u202egnihton\n\nbody');
  expect((await (await open(dir)).head()).subject).toBe('red [31m gnihton');
  expect(plainLine(`  a\tb\r\n${'x'.repeat(300)}`)).toHaveLength(200);
});
