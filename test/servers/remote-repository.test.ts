/** The clone of a remote repository, against a real git server over HTTP: fetched, pushed to, and kept when the server fails. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  beginClone,
  deleteBranch,
  fetchBranch,
  pushCommit,
  type Remote,
  takeHead,
} from '../../src/git/remote/clone.ts';
import { mirror } from '../../src/git/remote/mirror.ts';
import { keysIn } from '../../src/git/remote/signatures.ts';
import { openRepository, type PolicyRepository } from '../../src/git/repository.ts';
import { commitFiles, git, removeFolder, temporaryFolder } from '../real-git.ts';
import { type GitServer, gitServer } from './git-server.ts';

const TOKEN = 'ghs_averysecrettoken';
let root = '';
let work = '';
let server: GitServer;
let remote: Remote;
let repository: PolicyRepository;
beforeEach(async () => {
  root = temporaryFolder();
  work = join(root, 'work');
  mkdirSync(work);
  git(work, 'init', '-q', '-b', 'main');
  commitFiles(work, { 'policies/a.yaml': 'one\n' });
  git(root, 'clone', '-q', '--bare', work, 'policies.git');
  git(work, 'remote', 'add', 'origin', join(root, 'policies.git'));
  server = await gitServer(root, TOKEN);
  remote = { url: `${server.url}/policies.git`, token: TOKEN };
  const dir = join(root, 'clone');
  await beginClone(dir, remote.url);
  repository = await openRepository({ dir, branch: 'main' });
});
afterEach(async () => {
  await server.stop();
  removeFolder(root);
});

const head = (branch = 'main') => git(join(root, 'policies.git'), 'rev-parse', branch);
const pushed = (files: Readonly<Record<string, string>>) => {
  const sha = commitFiles(work, files);
  git(work, 'push', '-q', '--force', 'origin', 'HEAD:main');
  return sha;
};

test('is fetched, follows, and is what the real git reads', async () => {
  const first = await fetchBranch(repository, remote, 'main');
  expect(first).toBe(head());
  await takeHead(repository, first);
  expect((await repository.head()).sha).toBe(first);
  expect(await repository.files(first)).toEqual([{ path: 'policies/a.yaml', text: 'one\n' }]);
  const second = pushed({ 'policies/b.yaml': 'two\n' });
  await takeHead(repository, await fetchBranch(repository, remote, 'main'));
  expect((await repository.head()).sha).toBe(second);
  expect(git(join(root, 'clone'), 'fsck', '--strict', '--no-dangling')).toBe('');
});

test('a push goes there by compare-and-set; a proposal may be replaced, and deleted twice', async () => {
  const first = await fetchBranch(repository, remote, 'main');
  await takeHead(repository, first);
  const theirs = pushed({ 'policies/b.yaml': 'two\n' });
  const ours = git(join(root, 'clone'), 'commit-tree', `${first}^{tree}`, '-p', first, '-m', 'ours');
  const push = pushCommit(repository, remote, { branch: 'main', sha: ours });
  await expect(push).rejects.toMatchObject({ code: 'remote-moved' });
  expect(head()).toBe(theirs);
  await pushCommit(repository, remote, { branch: 'proposals/x', sha: ours, replaces: true });
  const other = git(join(root, 'clone'), 'commit-tree', `${first}^{tree}`, '-p', first, '-m', 'other');
  await pushCommit(repository, remote, { branch: 'proposals/x', sha: other, replaces: true });
  expect(head('proposals/x')).toBe(other);
  for (let i = 0; i < 2; i++) await deleteBranch(repository, remote, 'proposals/x');
  expect(git(join(root, 'policies.git'), 'branch', '--list', 'proposals/*')).toBe('');
  expect(git(join(root, 'clone'), 'for-each-ref', 'refs/flyball')).toBe('');
});

describe('what goes wrong', () => {
  test('a wrong token is said without it', async () => {
    const asked = fetchBranch(repository, { ...remote, token: 'wrong-secret' }, 'main');
    await expect(asked).rejects.toThrow(/it answers 401: the token is not one that may do this/);
    await asked.catch(error =>
      expect(JSON.stringify([error.message, error.cause])).not.toContain('wrong-secret'),
    );
    await expect(fetchBranch(repository, { url: remote.url }, 'main')).rejects.toThrow(
      /it wants a token; set remote\.token/,
    );
  });

  test('a redirect to another host gets nothing', async () => {
    const asked: string[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(String(request.headers.authorization));
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise(resolve => elsewhere.once('listening', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    server.fault = { redirect: `http://127.0.0.1:${port}` };
    await expect(fetchBranch(repository, remote, 'main')).rejects.toThrow(/it redirects to http:\/\/127/);
    expect(asked).toEqual([]);
    elsewhere.close();
  });

  test('a repository that is too large, or unpacks to too much, is not stored', async () => {
    pushed({ 'large.bin': 'x'.repeat(70 * 1024 * 1024) });
    await expect(fetchBranch(repository, remote, 'main')).rejects.toThrow(
      /has 73400320 bytes; expected at most 67108864/,
    );
    await expect(fetchBranch(repository, { ...remote, most: 1000 }, 'main')).rejects.toThrow(
      /sends more than 1000 bytes/,
    );
    expect(readdirSync(join(root, 'clone/objects/pack')).filter(name => name.endsWith('.idx'))).toEqual([]);
  });

  test('no such branch, no git server, nobody there', async () => {
    await expect(fetchBranch(repository, remote, 'trunk')).rejects.toMatchObject({ code: 'no-branch' });
    server.fault = { status: 503 };
    await expect(fetchBranch(repository, remote, 'main')).rejects.toThrow(
      /does not answer as a git server does/,
    );
    await server.stop();
    await expect(fetchBranch(repository, remote, 'main')).rejects.toThrow(/it cannot be reached/);
    server = await gitServer(root, TOKEN);
  });
});

describe('following', () => {
  test('what was taken stays while it is down, and it is taken again when it is back; a force-push is followed', async () => {
    let now = 1000;
    const states: unknown[] = [];
    const followed = mirror({
      url: remote.url,
      repository: async () => repository,
      remote: () => remote,
      now: () => now,
      onState: state => void states.push(state),
    });
    await followed.fetch();
    const first = head();
    expect(followed.look()).toEqual({ url: remote.url, fetchedAt: 1000 });
    server.fault = { status: 502 };
    now = 2000;
    await expect(followed.fetch()).rejects.toThrow();
    now = 3000;
    await expect(followed.fetch()).rejects.toThrow();
    expect(followed.look()).toMatchObject({ fetchedAt: 1000, failing: { since: 2000, problem: /./ } });
    expect((await repository.head()).sha).toBe(first);
    server.fault = undefined;
    git(work, 'commit', '-q', '--amend', '-m', 'rewritten');
    const rewritten = pushed({});
    now = 4000;
    await followed.fetch();
    expect(followed.look()).toEqual({ url: remote.url, fetchedAt: 4000 });
    expect((await repository.head()).sha).toBe(rewritten);
    expect(await repository.isDescendant(rewritten, first)).toBe(false);
    await followed.close();
  });

  test('many pokes at once are at most two looks', async () => {
    const followed = mirror({
      ...{ url: remote.url, repository: async () => repository, remote: () => remote, now: () => 0 },
    });
    await followed.fetch();
    const before = server.seen.requests;
    for (let i = 0; i < 50; i++) followed.poke();
    await followed.close();
    // A look is the list of refs; nothing is new, so no pack follows or an empty one.
    expect(server.seen.requests - before).toBeLessThanOrEqual(4);
  });
});

describe('signed commits', () => {
  const kinds = [
    ['ed25519', ['-t', 'ed25519']],
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384']],
  ] as const;
  test.each(kinds)(
    'by a known key (%s) are taken; unsigned ones, other keys and altered ones are not',
    async (name, type) => {
      for (const file of ['known', 'other'])
        execFileSync('ssh-keygen', ['-q', ...type, '-N', '', '-C', file, '-f', join(root, file)]);
      const signing = (file: string) => [
        ...['-c', 'gpg.format=ssh', '-c', `user.signingkey=${join(root, file)}`],
        ...['commit', '-q', '--allow-empty', '-S', '-m', `signed ${name}`],
      ];
      const keys = keysIn(readFileSync(join(root, 'known.pub'), 'utf8'));
      const followed = mirror({
        ...{ url: remote.url, repository: async () => repository, remote: () => remote, now: () => 0 },
        keys: async () => keys,
      });
      const look = async () => {
        git(work, 'push', '-q', '--force', 'origin', 'HEAD:main');
        await followed.fetch();
        return followed.look().refused?.problem;
      };
      expect(await look()).toMatch(/it is not signed/);
      await expect(repository.head()).rejects.toMatchObject({ code: 'no-commits' });
      git(work, ...signing('known'));
      expect(await look()).toBeUndefined();
      const taken = head();
      expect((await repository.head()).sha).toBe(taken);

      git(work, ...signing('other'));
      expect(await look()).toMatch(/which is not among the keys/);
      // One signed commit on top does not vouch for an unsigned one below.
      git(work, 'reset', '-q', '--hard', taken);
      commitFiles(work, { 'policies/a.yaml': 'unsigned\n' });
      git(work, ...signing('known'));
      expect(await look()).toMatch(/it is not signed/);
      git(work, 'reset', '-q', '--hard', taken);
      git(work, ...signing('known'));
      writeFileSync(join(root, 'raw'), git(work, 'cat-file', 'commit', 'HEAD').replace('signed', 'altered'));
      git(work, 'reset', '-q', '--hard', git(work, 'hash-object', '-t', 'commit', '-w', join(root, 'raw')));
      expect(await look()).toMatch(/does not fit what is committed/);
      expect((await repository.head()).sha).toBe(taken);
      git(work, 'reset', '-q', '--hard', taken);
      git(work, ...signing('known'));
      expect(await look()).toBeUndefined();
      expect((await repository.head()).sha).toBe(head());
      rmSync(join(root, 'raw'));
    },
  );
});
