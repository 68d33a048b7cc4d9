/** Proposals listed, merged and closed, on repositories made with the real git, which also judges the result. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commitFiles, git, newRepository, removeFolder } from '../../test/real-git.ts';
import { closeProposal, diffProposal, listProposals, mergeProposal } from './proposals.ts';
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
const merger = { author: { name: 'Ben', email: 'ben@acme.example' }, at: 2_000_000 };

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

describe('list and diff', () => {
  test('say what a proposal is, what it changes and whether it can be merged', async () => {
    expect(await listProposals(repository)).toEqual([]);
    const { branch, sha } = await propose(repository, draft());
    git(dir, 'pack-refs', '--all');
    expect(await listProposals(repository)).toEqual([
      {
        branch,
        commit: { sha, author, time: 1_000_000, subject: 'Raise psi_max to 0.3' },
        rationale: 'Week 12 was noise.',
        base: first,
        files: [{ path: 'policies/a.yaml', change: 'modified' }],
        ahead: 1,
        behind: 0,
        mergeable: 'fast-forward',
      },
    ]);
    const diff = await diffProposal(repository, branch);
    expect(diff).toBe(
      [
        'diff --git a/policies/a.yaml b/policies/a.yaml',
        '--- a/policies/a.yaml',
        '+++ b/policies/a.yaml',
        '@@ -1,1 +1,2 @@',
        ' kind: Policy',
        '+name: a',
        '',
      ].join('\n'),
    );
  });

  const cases: readonly (readonly [string, () => unknown, object])[] = [
    [
      'other files changed',
      () => commitFiles(dir, { 'policies/b.yaml': 'b\n' }),
      { mergeable: 'merge', behind: 1 },
    ],
    [
      'the same lines changed',
      () => commitFiles(dir, { 'policies/a.yaml': 'kind: Model\n' }),
      { mergeable: 'conflict', problem: expect.stringContaining('same lines of policies/a.yaml') },
    ],
    [
      'the file was removed',
      () => {
        rmSync(join(dir, 'policies/a.yaml'));
        commitFiles(dir, {});
      },
      { mergeable: 'conflict', behind: 1 },
    ],
    [
      'the branch was merged already',
      () =>
        git(
          dir,
          'merge',
          '-q',
          '--no-ff',
          '-m',
          'merged',
          git(dir, 'for-each-ref', '--format=%(refname)', 'refs/heads/proposals'),
        ),
      { mergeable: 'merged', ahead: 0, behind: 1 },
    ],
    [
      'the history was replaced',
      () => {
        git(dir, 'checkout', '-q', '--orphan', 'fresh');
        commitFiles(dir, { 'policies/a.yaml': 'fresh\n' });
        git(dir, 'branch', '-f', 'main', 'fresh');
      },
      { mergeable: 'refused', base: '', problem: expect.stringContaining('no single commit') },
    ],
  ];
  test.each(cases)('when %s', async (_, arrange, expected) => {
    await propose(repository, draft());
    arrange();
    expect(await listProposals(repository)).toEqual([expect.objectContaining(expected)]);
  });

  test('a branch by hand that changes other than policies is refused', async () => {
    git(dir, 'checkout', '-q', '-b', 'proposals/by-hand');
    mkdirSync(join(dir, '.github'));
    commitFiles(dir, { '.github/a.yaml': 'x\n', 'README.md': 'other\n' });
    git(dir, 'checkout', '-q', 'main');
    expect(await listProposals(repository)).toEqual([
      expect.objectContaining({
        mergeable: 'refused',
        problem: expect.stringContaining('.github/a.yaml, README.md'),
      }),
    ]);
    await expect(mergeProposal(repository, 'proposals/by-hand', merger)).rejects.toMatchObject({
      code: 'refused',
    });
    expect(await diffProposal(repository, 'proposals/by-hand')).toContain('+other\n');
  });

  test('a branch that leads to nothing is listed beside the others', async () => {
    const { branch } = await propose(repository, draft());
    writeFileSync(join(dir, '.git/refs/heads/proposals/broken'), `${'a'.repeat(40)}\n`);
    const listed = await listProposals(repository);
    expect(listed.map(proposal => [proposal.branch, proposal.mergeable])).toEqual([
      ['proposals/broken', 'refused'],
      [branch, 'fast-forward'],
    ]);
    expect(listed[0]?.problem).toMatch(/an object of this commit is not there/);
  });

  test.each(['main', 'proposals/none', '../main', 'proposals/../main'])('%s is no proposal', async name => {
    await propose(repository, draft());
    const asks = [
      () => diffProposal(repository, name),
      () => closeProposal(repository, name),
      () => mergeProposal(repository, name, merger),
    ];
    for (const ask of asks)
      await expect(ask()).rejects.toThrow(/no such proposal; there are: proposals\/raise/);
    expect(git(dir, 'rev-parse', 'main')).toBe(first);
  });
});

describe('merge and close', () => {
  test('fast-forwards the branch, lets the working tree follow, and deletes the proposal', async () => {
    const { branch, sha } = await propose(repository, draft());
    git(dir, 'pack-refs', '--all');
    writeFileSync(join(dir, 'note.txt'), 'mine\n');
    git(dir, 'add', 'note.txt');
    expect(await mergeProposal(repository, branch, merger)).toEqual({
      sha,
      how: 'fast-forward',
      files: ['policies/a.yaml'],
      workingTree: 'updated',
      left: [],
    });
    // What else was staged is still so, and the next commit does not take the merge back.
    expect(git(dir, 'status', '--porcelain')).toBe('A  note.txt');
    git(dir, 'commit', '-q', '-m', 'a note');
    expect(git(dir, 'show', 'main:policies/a.yaml')).toBe('kind: Policy\nname: a');
    expect(git(dir, 'branch', '--format=%(refname:short)')).toBe('main');
    expect((await repository.files(sha))[0]?.text).toBe('kind: Policy\nname: a\n');
  });

  test('a file that somebody has edited is left alone and named', async () => {
    const { branch } = await propose(repository, draft());
    writeFileSync(join(dir, 'policies/a.yaml'), 'my own edit\n');
    const before = state();
    const merged = await mergeProposal(repository, branch, merger);
    expect(merged).toMatchObject({ workingTree: 'behind', left: ['policies/a.yaml'] });
    expect(state()).toMatchObject({ index: before.index, file: before.file, main: merged.sha });
  });

  test('makes a merge commit that git would make too, lines of one file included', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `l${i}: 1\n`);
    const base = commitFiles(dir, { 'policies/a.yaml': lines.join('') });
    const text = lines.with(0, 'l0: 2\n').join('');
    const { branch, sha } = await propose(
      repository,
      draft({ base, files: [{ path: 'policies/a.yaml', text }] }),
    );
    const head = commitFiles(dir, {
      'policies/a.yaml': lines.with(11, 'l11: 2\n').join(''),
      'policies/b.yaml': 'b\n',
    });
    writeFileSync(join(dir, 'policies/staged.yaml'), 'not committed\n');
    git(dir, 'add', '-A');
    git(dir, 'branch', 'oracle', branch);
    git(dir, 'checkout', '-q', '--detach');

    const merged = await mergeProposal(repository, branch, merger);
    expect(merged).toMatchObject({ how: 'merge', workingTree: 'none', files: ['policies/a.yaml'] });
    expect(git(dir, 'log', '-1', '--format=%P|%an|%ct|%s', 'main')).toBe(
      `${head} ${sha}|Ben|2000|Merge ${branch}: Raise psi_max to 0.3`,
    );
    git(dir, 'reset', '-q', '--hard', head);
    git(dir, 'merge', '-q', '--no-edit', 'oracle');
    expect(git(dir, 'rev-parse', 'main^{tree}')).toBe(git(dir, 'rev-parse', 'HEAD^{tree}'));
    expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  });

  test('ignores an unfinished merge and a broken index of the working tree', async () => {
    const { branch } = await propose(repository, draft());
    commitFiles(dir, { 'policies/b.yaml': 'b\n' });
    writeFileSync(join(dir, '.git/index'), 'broken');
    expect(await listProposals(repository)).toEqual([expect.objectContaining({ mergeable: 'merge' })]);
    expect((await mergeProposal(repository, branch, merger)).how).toBe('merge');
    expect(readFileSync(join(dir, '.git/index'), 'utf8')).toBe('broken');
  });

  test('a conflict, a failing check and a branch that moved change nothing', async () => {
    const { branch, sha } = await propose(repository, draft());
    const refuse = () => {
      throw new Error('policies/a.yaml:2:1: name is not allowed here');
    };
    await expect(mergeProposal(repository, branch, { ...merger, check: refuse })).rejects.toThrow(
      /not allowed here/,
    );
    const move = () => void commitFiles(dir, { 'policies/c.yaml': 'c\n' });
    await expect(mergeProposal(repository, branch, { ...merger, check: move })).rejects.toMatchObject({
      code: 'branch-moved',
      retry: 'later',
    });
    const head = commitFiles(dir, { 'policies/a.yaml': 'kind: Model\n' });
    await expect(mergeProposal(repository, branch, merger)).rejects.toMatchObject({ code: 'conflict' });
    expect(git(dir, 'rev-parse', 'main', branch)).toBe(`${head}\n${sha}`);
  });

  test('check is given the merged files', async () => {
    const { branch } = await propose(repository, draft());
    commitFiles(dir, { 'policies/b.yaml': 'b\n' });
    let seen: readonly { path: string; text: string }[] = [];
    const check = (files: typeof seen) => {
      seen = files;
    };
    await mergeProposal(repository, branch, { ...merger, check });
    expect(seen).toEqual([
      { path: 'policies/a.yaml', text: 'kind: Policy\nname: a\n' },
      { path: 'policies/b.yaml', text: 'b\n' },
    ]);
  });

  test('two merges at once: each is merged, or told to try again', async () => {
    const drafts = ['x', 'y', 'z'].map(name =>
      propose(repository, draft({ title: name, files: [{ path: `policies/${name}.yaml`, text: name }] })),
    );
    const made = await Promise.all(drafts);
    const outcomes = await Promise.allSettled(
      made.map(({ branch }) => mergeProposal(repository, branch, merger)),
    );
    const lost = outcomes
      .filter(outcome => outcome.status === 'rejected')
      .map(outcome => outcome.reason.code);
    expect(lost.every(code => code === 'branch-moved')).toBe(true);
    for (const { branch } of await listProposals(repository)) await mergeProposal(repository, branch, merger);
    const files = await repository.files((await repository.head()).sha);
    expect(files.map(file => file.path)).toEqual(['a', 'x', 'y', 'z'].map(name => `policies/${name}.yaml`));
    expect(git(dir, 'fsck', '--strict', '--no-dangling')).toBe('');
  });

  test('what was merged elsewhere is only cleaned up', async () => {
    const { branch } = await propose(repository, draft());
    git(dir, 'merge', '-q', '--ff-only', branch);
    const head = git(dir, 'rev-parse', 'main');
    expect(await mergeProposal(repository, branch, merger)).toMatchObject({
      sha: head,
      how: 'already-merged',
      workingTree: 'none',
    });
    expect(await listProposals(repository)).toEqual([]);
  });

  test('closing deletes packed and loose branches and keeps the others', async () => {
    const one = await propose(repository, draft());
    git(dir, 'tag', '-a', 'v1', '-m', 'one');
    const other = await propose(repository, draft({ title: 'Other' }));
    git(dir, 'pack-refs', '--all');
    expect(await closeProposal(repository, one.branch)).toEqual({ sha: one.sha });
    expect((await listProposals(repository)).map(({ branch }) => branch)).toEqual([other.branch]);
    expect(git(dir, 'rev-parse', 'v1^{commit}')).toBe(first);
    expect(git(dir, 'rev-parse', 'main')).toBe(first);
  });
});
