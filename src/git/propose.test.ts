/** Drafts become commits on branches of their own, on repositories made with the real git, which also judges the result. */
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder, temporaryFolder } from '../../test/real-git.ts';
import { pathProblem } from './paths.ts';
import { closeProposal, listProposals } from './proposals.ts';
import { type ProposalDraft, propose } from './propose.ts';
import { openRepository, type PolicyRepository } from './repository.ts';

let dir = '';
let first = '';
let repository: PolicyRepository;
beforeEach(async () => {
  ({ dir, first } = newRepository());
  repository = await openRepository({ dir, branch: 'main' });
});
afterEach(() => removeFolder(dir));

const author = { name: 'agent', email: 'agent@flyball.invalid' };

function draft(change: Partial<ProposalDraft> = {}): ProposalDraft {
  return {
    base: first,
    files: [{ path: 'policies/a.yaml', text: 'kind: Policy\nname: a\n' }],
    title: 'Raise psi_max to 0.3',
    rationale: 'Week 12 was noise.',
    author,
    at: 1_000_000,
    ...change,
  };
}

const state = () => ({
  status: git(dir, 'status', '--porcelain'),
  index: git(dir, 'ls-files', '-s'),
  file: readFileSync(join(dir, 'policies/a.yaml'), 'utf8'),
  main: git(dir, 'rev-parse', 'main'),
});

describe('propose', () => {
  test('commits to a branch of its own; index, working tree and main stay as they are', async () => {
    writeFileSync(join(dir, 'policies/a.yaml'), 'half edited\n');
    const before = state();
    const { branch, sha } = await propose(
      repository,
      draft({ files: [...draft().files, { path: 'policies/deep/new one.yaml', text: 'kind: Model\n' }] }),
    );
    expect(state()).toEqual(before);
    expect(branch).toMatch(/^proposals\/raise-psi-max-to-0-3-[0-9a-f]{8}$/);
    expect(git(dir, 'rev-parse', branch)).toBe(sha);
    expect(git(dir, 'log', '-1', '--format=%an|%ae|%at|%P|%s|%b', branch)).toBe(
      `agent|agent@flyball.invalid|1000|${first}|Raise psi_max to 0.3|Week 12 was noise.`,
    );
    expect(git(dir, 'diff', '--name-status', `main...${branch}`)).toBe(
      'M\tpolicies/a.yaml\nA\tpolicies/deep/new one.yaml',
    );
    expect(git(dir, 'show', `${branch}:policies/deep/new one.yaml`)).toBe('kind: Model');
    expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  });

  test('twice gives one branch and one commit, also later and by another author', async () => {
    const once = await propose(repository, draft());
    const later = await propose(repository, draft({ at: 9_000_000, author: { name: 'x', email: '' } }));
    expect(later).toEqual(once);
    const other = await propose(repository, draft({ title: 'Another title' }));
    expect(other.branch).not.toBe(once.branch);
  });

  test('many at once: equal ones become one branch, different ones their own', async () => {
    const opened = await Promise.all(
      Array.from({ length: 3 }, () => openRepository({ dir, branch: 'main' })),
    );
    const drafts = Array.from({ length: 12 }, (_, i) =>
      propose(opened[i % 3]!, draft({ title: `Title ${i % 4}`, at: i * 1000 })),
    );
    const made = await Promise.all(drafts);
    expect(new Set(made.map(({ branch }) => branch)).size).toBe(4);
    const onDisk = git(
      dir,
      'for-each-ref',
      '--format=%(refname:short) %(objectname)',
      'refs/heads/proposals',
    );
    expect(new Set(made.map(({ branch, sha }) => `${branch} ${sha}`))).toEqual(new Set(onDisk.split('\n')));
    expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  });

  test.each([
    [
      'no change',
      { files: [{ path: 'policies/a.yaml', text: 'kind: Policy\n' }] },
      /the same as in .*expected a change/,
    ],
    ['no files', { files: [] }, /it has 0 files/],
    ['a path twice', { files: [...draft().files, ...draft().files] }, /policies\/a\.yaml stands there twice/],
    ['a text file', { files: [{ path: 'README.md', text: '' }] }, /ends in \.yaml/],
    ['a path outside', { files: [{ path: '../a.yaml', text: '' }] }, /'\.\.'/],
    ['a workflow', { files: [{ path: '.github/workflows/a.yaml', text: '' }] }, /starts with a dot/],
    ['a NUL', { files: [{ path: 'a.yaml', text: 'a\0' }] }, /not UTF-8 text/],
    ['a huge text', { files: [{ path: 'a.yaml', text: 'x'.repeat(1_048_577) }] }, /1048577 bytes/],
    [
      'a file where a folder is',
      {
        files: [
          { path: 'policies.yaml/x.yaml', text: '' },
          { path: 'policies.yaml', text: '' },
        ],
      },
      /policies\.yaml: there is a folder/,
    ],
    ['an empty title', { title: ' ' }, /the title has 1 characters/],
    ['a title of two lines', { title: 'a\nparent b' }, /expected one line/],
    [
      'an author that forges a header',
      { author: { name: 'x\nparent 0', email: '' } },
      /author .*expected a name/,
    ],
    ['an unknown base', { base: 'a'.repeat(40) }, /is not a commit of branch main/],
    [
      'a base that is no id',
      { base: 'main' },
      /is not a commit of branch main; expected one, such as its head/,
    ],
  ] as const)('refuses %s and makes no branch', async (_, change, message) => {
    const asked = propose(repository, draft(change));
    await expect(asked).rejects.toMatchObject({ name: 'PortError', message: expect.stringMatching(message) });
    expect(await listProposals(repository)).toEqual([]);
  });

  test('refuses a base that is only on another branch', async () => {
    git(dir, 'checkout', '-q', '-b', 'side');
    const base = commitFiles(dir, { 'policies/a.yaml': 'unreviewed\n' });
    await expect(propose(repository, draft({ base }))).rejects.toMatchObject({ code: 'base-not-on-branch' });
  });

  test('refuses to write over or through links', async () => {
    symlinkSync('/etc', join(dir, 'outside'));
    symlinkSync('a.yaml', join(dir, 'policies/link.yaml'));
    const base = commitFiles(dir, {});
    for (const path of ['outside/passwd.yaml', 'policies/link.yaml']) {
      const asked = propose(repository, draft({ base, files: [{ path, text: 'x' }] }));
      await expect(asked).rejects.toMatchObject({ code: 'path-refused' });
    }
  });

  test('refuses when the branch has moved on, or when a branch is in the way', async () => {
    const { branch } = await propose(repository, draft());
    git(dir, 'checkout', '-q', branch);
    commitFiles(dir, { 'policies/a.yaml': 'more\n' });
    git(dir, 'checkout', '-q', 'main');
    await expect(propose(repository, draft())).rejects.toMatchObject({ code: 'proposal-exists' });
    git(dir, 'branch', '-q', '-D', branch);
    rmSync(join(dir, '.git/refs/heads/proposals'), { recursive: true, force: true });
    git(dir, 'branch', 'proposals');
    await expect(propose(repository, draft())).rejects.toMatchObject({ code: 'branch-in-the-way' });
  });

  test('a lock that another git process left is named', async () => {
    const { branch } = await propose(repository, draft());
    const lock = join(dir, '.git/refs/heads', `${branch}.lock`);
    writeFileSync(lock, '');
    await expect(closeProposal(repository, branch)).rejects.toThrow(`${lock}: exists for more than 2 s`);
    expect(existsSync(lock)).toBe(true);
    rmSync(lock);
    await closeProposal(repository, branch);
  });

  test('works in a bare repository and in a linked worktree', async () => {
    const bare = temporaryFolder();
    try {
      git(dir, 'clone', '-q', '--bare', dir, bare);
      const { branch, sha } = await propose(await openRepository({ dir: bare, branch: 'main' }), draft());
      expect(git(bare, 'rev-parse', branch)).toBe(sha);
      const linked = join(bare, 'linked');
      git(dir, 'worktree', 'add', '-q', '-b', 'blue', linked);
      const made = await propose(await openRepository({ dir: linked, branch: 'main' }), draft());
      expect(git(dir, 'rev-parse', made.branch)).toBe(made.sha);
    } finally {
      removeFolder(bare);
    }
  });
});

test('a path is allowed only when it stays inside, shows itself and is YAML', () => {
  for (const path of ['a.yaml', 'policies/über/a-b_c.1.yml', 'a b.yaml'])
    expect(pathProblem(path)).toBeUndefined();
  for (const path of [
    '/a.yaml',
    'C:/a.yaml',
    'a\\b.yaml',
    'a//b.yaml',
    './a.yaml',
    'a/../b.yaml',
    '.git/a.yaml',
  ])
    expect(pathProblem(path), path).toBeDefined();
  for (const path of ['a.json', 'a.yaml/', 'a\nb.yaml', 'a\u202e.yaml', '-a.yaml', 'a ./b.yaml', '', '.yaml'])
    expect(pathProblem(path), path).toBeDefined();
  fc.assert(
    fc.property(fc.array(fc.constantFrom('..', '.', '.git', 'a', '/', '\\', '.yaml', '\0')), parts => {
      const path = parts.join('');
      if (pathProblem(path) !== undefined) return;
      expect(posix.normalize(path)).toBe(path);
      expect(path).toMatch(/^a.*\.yaml$/);
      expect(path).not.toContain('/.');
    }),
  );
});
