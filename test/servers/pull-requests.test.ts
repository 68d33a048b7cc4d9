/**
 * Policy changes as pull requests, from the command line to the branch that is enforced: a real git server over HTTP, and the API of
 * each forge as it is written down in forge-api.ts (not the real forges).
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES } from '../e2e/churn.ts';
import { type Home, makeHome } from '../e2e/home.ts';
import { commitInForce, entriesOf } from '../e2e/ledger.ts';
import { until } from '../e2e/until.ts';
import { commitFiles, git, removeFolder, temporaryFolder } from '../real-git.ts';
import { type ForgeKind, forgeServer } from './forge-api.ts';
import { gitServer } from './git-server.ts';
import { freePort } from './processes.ts';

const TOKEN = 'glpat-averysecrettoken';
const SECRET = 'a secret of the webhook';
const path = 'policies/alarm.yaml';
const { 'policies/remedy.yaml': _, ...documents } = POLICIES;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Proposed {
  readonly branch: string;
  readonly sha: string;
  readonly url?: string;
  readonly updated: boolean;
  readonly rebased: boolean;
  readonly weakenings: readonly string[];
  readonly report: string;
}

/** A policy repository at a git server, a forge for it or none, and a home whose repository is the clone. */
async function world(kind: ForgeKind | undefined, more = '') {
  const root = temporaryFolder();
  ends.push(() => removeFolder(root));
  const work = join(root, 'work');
  git(root, 'init', '-q', '-b', 'main', work);
  commitFiles(work, { ...documents, [path]: alarmAbove('30') });
  git(root, 'clone', '-q', '--bare', work, 'acme/policies.git');
  git(work, 'remote', 'add', 'origin', join(root, 'acme/policies.git'));
  const server = await gitServer(root, TOKEN);
  ends.push(() => server.stop());
  const bare = join(root, 'acme/policies.git');
  const forge = kind && (await forgeServer(kind, bare, TOKEN));
  if (forge) ends.push(() => forge.stop());
  const settings = `state: state
repository: clone
branch: main
env: test
trust: local-user
secrets: { FLYBALL_GIT_TOKEN: [127.0.0.1] }
remote:
  url: ${server.url}/acme/policies.git
  token: \${env:FLYBALL_GIT_TOKEN}
  poll: 5s
${kind && forge ? `  forge: ${kind}\n  api: ${forge.api}\n` : ''}${more}`;
  const home = await makeHome({}, settings, { FLYBALL_GIT_TOKEN: TOKEN, FLYBALL_HOOK: SECRET });
  ends.push(() => home.end());
  await furnish(home);
  const push = (files: Readonly<Record<string, string>>) => {
    git(work, 'pull', '-q', '--rebase', 'origin', 'main');
    const sha = commitFiles(work, files);
    git(work, 'push', '-q', 'origin', 'HEAD:main');
    return sha;
  };
  return { home, forge, bare, push, server };
}

const patch = (from: string, to: string) => {
  const [before, after] = [alarmAbove(from), alarmAbove(to)].map(text => text.split('\n'));
  const i = before?.findIndex((line, k) => line !== after?.[k]) ?? 0;
  const hunks = before?.flatMap((line, k) =>
    line === after?.[k] ? [] : [`@@ -${k + 1},1 +${k + 1},1 @@`, `-${line}`, `+${after?.[k]}`],
  );
  expect(i).toBeGreaterThan(0);
  return [`--- a/${path}`, `+++ b/${path}`, ...(hunks ?? []), ''].join('\n');
};

async function propose(
  home: Home,
  title: string,
  text: string,
  ...more: readonly string[]
): Promise<Proposed> {
  return home.json<Proposed>('propose', '--title', title, '--patch', text, ...more);
}

describe.each(['github', 'gitlab', 'gitea'] as const)('%s', kind => {
  test('a proposal is one pull request until it is merged there, at what was looked at', async () => {
    const { home, forge, bare, push } = await world(kind);
    const daemon = await home.daemon();
    const first = await until('the clone is in force', () => commitInForce(home.state));
    expect(first).toBe(git(bare, 'rev-parse', 'main'));

    const made = await propose(
      home,
      'Alarm earlier',
      patch('30', '20'),
      '--rationale',
      'It was late. @everyone <img src=x>',
    );
    expect(made).toMatchObject({ updated: false, rebased: false, url: 'https://forge.example/1' });
    expect(git(bare, 'rev-parse', made.branch)).toBe(made.sha);
    expect(forge?.pulls).toMatchObject([{ title: 'Alarm earlier', branch: made.branch, state: 'open' }]);
    const body = forge?.pulls[0]?.body ?? '';
    expect(body).toContain('What would have happened in the last 30 days');
    expect(body).toContain('```text\nIt was late. @everyone <img src=x>\n```');
    expect(body).toMatch(/Flyball-Proposed-By: \S+ \(person\)/);
    expect(git(bare, 'log', '-1', '--format=%B', made.branch)).toContain('What would have happened');

    // The same again, with another text, after the branch went on.
    const moved = push({ 'policies/other.yaml': '# Nothing yet.\n' });
    await until('the head is taken', () => commitInForce(home.state) === moved || undefined);
    const again = await propose(home, 'Alarm earlier', patch('30', '25'), '--base', first);
    expect(again).toMatchObject({ branch: made.branch, updated: true, rebased: true, url: made.url });
    expect(forge?.pulls).toHaveLength(1);
    expect(git(bare, 'rev-parse', `${made.branch}^`)).toBe(moved);

    const merged = await home.json<{ sha: string; by: string }>('proposals', 'merge', made.branch);
    expect(forge?.pulls).toMatchObject([{ state: 'merged', sha: again.sha }]);
    expect(merged.by).toMatch(/\(unauthenticated, self\)$/);
    expect(merged.sha).toBe(git(bare, 'rev-parse', 'main'));
    expect(git(bare, 'show', `main:${path}`)).toContain('level > 25');
    expect(git(bare, 'branch', '--list', 'proposals/*')).toBe('');
    await until('the merge is in force', () => commitInForce(home.state) === merged.sha || undefined);
    expect(entriesOf(home.state, 'proposal').map(one => one.body.what)).toEqual([
      'proposed',
      'proposed',
      'merged',
    ]);

    // What people close there stays closed.
    const unwanted = await propose(home, 'Alarm always', patch('25', '0'));
    forge?.closeAs(2, 'ben');
    const refused = await home.flyball('propose', '--title', 'Alarm always', '--patch', patch('25', '1'));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was closed by ben on 2026-11-30.* stays closed/),
    });
    expect(forge?.pulls).toHaveLength(2);
    expect((await home.flyball('proposals', 'merge', unwanted.branch)).stderr).toContain(
      'is closed; expected an open one',
    );

    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(daemon.log() + JSON.stringify(entriesOf(home.state))).not.toContain(TOKEN);
  });

  test('ci sets a status and keeps one comment', async () => {
    const { home, forge, bare } = await world(kind);
    const checkout = join(home.dir, 'checkout');
    git(home.dir, 'clone', '-q', bare, checkout);
    const base = git(checkout, 'rev-parse', 'HEAD');
    await propose(home, 'A request to comment on', patch('30', '29'));
    const told = (sha: string) => [
      ...[
        'ci',
        checkout,
        '--base',
        base,
        '--forge',
        kind,
        '--api',
        forge?.api ?? '',
        '--project',
        'acme/policies',
      ],
      ...['--request', '1', '--sha', sha, '--token-env', 'FLYBALL_GIT_TOKEN'],
    ];
    const lowered = commitFiles(checkout, { [path]: alarmAbove('20') });
    const fine = await home.flyball(...told(lowered));
    expect(fine, fine.stderr).toMatchObject({ code: 0 });
    const broken = commitFiles(checkout, { [path]: alarmAbove('20').replace('when: level', 'when: levle') });
    expect(await home.flyball(...told(broken))).toMatchObject({ code: 1 });
    expect(forge?.statuses).toEqual([
      { sha: lowered, state: 'success', context: 'flyball' },
      { sha: broken, state: kind === 'gitlab' ? 'failed' : 'failure', context: 'flyball' },
    ]);
    expect(forge?.comments).toHaveLength(1);
    expect(forge?.comments[0]?.body).toMatch(/^<!-- flyball-ci -->\n[\s\S]*not in order[\s\S]*levle/);
  });
});

test('without a forge a proposal is a branch there, and a merge is pushed before anything moves here', async () => {
  const { home, bare, push, server } = await world(undefined);
  const made = await propose(home, 'Alarm earlier', patch('30', '20'));
  expect(git(bare, 'rev-parse', made.branch)).toBe(made.sha);
  server.fault = { status: 503 };
  const failed = await home.flyball('proposals', 'merge', made.branch);
  expect(failed).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('does not answer as a git server does'),
  });
  server.fault = undefined;
  // Somebody else was faster: the push is refused, and nothing here has moved.
  const theirs = push({ 'policies/other.yaml': '# Nothing yet.\n' });
  const late = await home.flyball('proposals', 'merge', made.branch);
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('does not take the push to main') });
  expect(git(bare, 'rev-parse', 'main')).toBe(theirs);
  expect(failed.stderr + late.stderr).not.toContain(TOKEN);

  const daemon = await home.daemon();
  await until('the head is taken', () => commitInForce(home.state) === theirs || undefined);
  const merged = await home.json<{ sha: string }>('proposals', 'merge', made.branch);
  expect(git(bare, 'rev-parse', 'main')).toBe(merged.sha);
  await until('the merge is in force', () => commitInForce(home.state) === merged.sha || undefined);

  // The remote goes down: what is in force stays, and it is said.
  server.fault = { status: 500 };
  const status = await until('it is said', async () => {
    const { problems } = await home.json<{ problems: string[] }>('status');
    return problems.find(one => one.includes('what was taken before stays in force'));
  });
  expect(status).not.toContain(TOKEN);
  expect(commitInForce(home.state)).toBe(merged.sha);
  await daemon.end('SIGTERM');
});

test('a signed webhook has the remote looked at; a wrong signature gets 401 and no look', async () => {
  const port = await freePort();
  const hook = `  webhook: { secret: "\${env:FLYBALL_HOOK}" }\nlisten: 127.0.0.1:${port}\n`;
  const { home, push, server } = await world('gitea', hook);
  home.write(
    'daemon.yaml',
    readFileSync(join(home.dir, 'daemon.yaml'), 'utf8').replace('poll: 5s', 'poll: 1d'),
  );
  const daemon = await home.daemon();
  await until('the clone is in force', () => commitInForce(home.state));
  const pushed = push({ 'policies/other.yaml': '# Nothing yet.\n' });
  const body = JSON.stringify({ ref: 'refs/heads/main', after: 'f'.repeat(40) });
  const deliver = (secret: string) =>
    fetch(`http://127.0.0.1:${port}/hooks/git`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-gitea-signature': createHmac('sha256', secret).update(body).digest('hex'),
      },
    });
  const before = server.seen.requests;
  expect((await deliver('another')).status).toBe(401);
  expect(server.seen.requests).toBe(before);
  for (let i = 0; i < 3; i++) expect((await deliver(SECRET)).status).toBe(202);
  await until('the push is in force', () => commitInForce(home.state) === pushed || undefined);
  await daemon.end('SIGTERM');
  expect(daemon.log()).not.toContain(SECRET);
});
