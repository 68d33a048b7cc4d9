/** What commits do to a running daemon, and what it says of a repository that it cannot follow. */
import { rmSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { git } from '../real-git.ts';
import { alarmAbove, furnish, POLICIES, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { commitInForce, messagesOf } from './ledger.ts';
import { until } from './until.ts';

interface Status {
  readonly commit?: string;
  readonly head?: string;
  readonly detached?: string;
  readonly engine?: number;
  readonly rejected: readonly string[];
  readonly rejectedCommit?: string;
  readonly rewritten?: string;
  readonly problems: readonly string[];
}

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.end();
});

async function home(policies: Readonly<Record<string, string>>): Promise<Home> {
  const made = await makeHome(policies);
  homes.push(made);
  return made;
}

const texts = (of: Home) => messagesOf(of.state).map(one => one.text);

test('a running daemon takes the head of its branch, keeps what a broken commit would end, and says so', async () => {
  const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
  const path = 'policies/alarm.yaml';
  const at = await home({ ...documents, [path]: alarmAbove('30') });
  await furnish(at);
  await setLevels(at, { north: 20 });
  const daemon = await at.daemon();
  await until('the first commit is in force', () => commitInForce(at.state));
  expect(texts(at)).toEqual([]);

  // A threshold is changed.
  const lowered = at.commit({ [path]: alarmAbove('10') });
  const began = performance.now();
  await until('the change is in force', () => commitInForce(at.state) === lowered || undefined);
  const tookMs = Math.round(performance.now() - began);
  console.info(`a commit was in force after ${tookMs} ms`);
  expect(tookMs).toBeLessThan(10_000);
  expect(await at.json<Status>('status')).toMatchObject({ commit: lowered, head: lowered, rejected: [] });
  await until('the new threshold acts', () => texts(at).length === 1 || undefined);

  // A broken policy: the one before stays in force, and acts.
  const broken = at.commit({ [path]: alarmAbove('5').replace('when: level', 'when: levle') });
  const rejecting = await until('the broken commit is reported', async () => {
    const status = await at.json<Status>('status');
    return status.rejectedCommit === broken ? status : undefined;
  });
  expect(rejecting.commit).toBe(lowered);
  expect(rejecting.rejected).toEqual([expect.stringMatching(/^policies\/alarm\.yaml:10:9: .*levle/)]);
  const { stdout } = await at.flyball('status');
  expect(stdout).toContain(`(head ${broken.slice(0, 7)} REJECTED)`);
  expect(stdout).toContain('policies/alarm.yaml:10:9:');
  expect((await at.flyball('plan')).code).toBe(1);
  await setLevels(at, { north: 1 });
  await until('the alarm is over', async () => ((await decisions(at)) === 0 ? true : undefined));
  await setLevels(at, { north: 12 });
  await until('the old threshold acts again', () => texts(at).length === 2 || undefined);
  expect(texts(at)).toEqual(['alarm above 10', 'alarm above 10'].map(text => expect.stringContaining(text)));

  // Mended.
  const mended = at.commit({ [path]: alarmAbove('15') });
  await until('the mended policy is in force', () => commitInForce(at.state) === mended || undefined);
  expect(await at.json<Status>('status')).toMatchObject({ commit: mended, rejected: [] });

  await until('the alarm is over', async () => ((await decisions(at)) === 0 ? true : undefined));

  // History is rewritten under it.
  at.write(`policies/${path}`, alarmAbove('11'));
  git(at.repository, 'commit', '-q', '--amend', '-a', '-m', 'amended');
  const other = git(at.repository, 'rev-parse', 'HEAD');
  await until('the rewritten history is in force', () => commitInForce(at.state) === other || undefined);
  expect(await at.json<Status>('status')).toMatchObject({ commit: other, rewritten: mended });
  expect((await at.flyball('status')).stdout).toContain(`history was rewritten: ${mended.slice(0, 7)}`);
  await until(
    'the rewritten threshold acts',
    () => texts(at).some(text => text.includes('above 11')) || undefined,
  );

  // The branch goes away and comes back: what is in force stays.
  git(at.repository, 'branch', '-q', '-m', 'main', 'trunk');
  const without = await at.json<Status>('status');
  expect(without).toMatchObject({
    commit: other,
    problems: [expect.stringMatching(/no branch main; it has: trunk/)],
  });
  expect(without.head).toBeUndefined();
  git(at.repository, 'branch', '-q', '-m', 'trunk', 'main');

  // What is committed at a detached HEAD is on no branch.
  git(at.repository, 'checkout', '-q', '--detach');
  const adrift = at.commit({ [path]: alarmAbove('1') });
  const detached = await at.flyball('status');
  expect(detached.stdout).toContain(`HEAD of the policy repository is detached at ${adrift.slice(0, 7)}`);
  expect(await at.json<Status>('status')).toMatchObject({ commit: other, head: other, detached: adrift });

  expect(await daemon.end('SIGTERM')).toBe(0);
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
});

async function decisions(at: Home): Promise<number> {
  const status = await at.json<Record<'acting' | 'held' | 'needsYou', readonly unknown[]>>('status');
  const { sections } = await at.json<{ sections: readonly { state: string }[] }>('explain', 'alarm');
  return sections.filter(one => one.state.startsWith('firing')).length + status.acting.length;
}

describe('a repository that cannot be followed', () => {
  test('without commits: says so, and takes the first one', async () => {
    const at = await home({});
    const { code, stderr } = await at.flyball('plan');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('no such folder; expected a git repository'),
    });

    const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
    at.write('policies/notes.txt', 'none yet');
    git(at.repository, 'init', '-q', '-b', 'main');
    const words =
      "it has no commits; expected policies on branch main; commit them: git add . && git commit -m 'First policies'";
    for (const command of ['plan', 'reconcile'] as const)
      expect(await at.flyball(command)).toMatchObject({ code: 1, stderr: expect.stringContaining(words) });
    expect((await at.flyball('status')).stdout).toContain(words);

    const daemon = await at.daemon();
    await until('the daemon says it', () => daemon.log().includes('it has no commits') || undefined);
    await furnish(at);
    const first = at.commit({ ...documents, 'policies/alarm.yaml': alarmAbove('1') });
    await until('the first commit is in force', () => commitInForce(at.state) === first || undefined);
    await until('it acts', () => texts(at).length === 1 || undefined);
    expect(await daemon.end('SIGTERM')).toBe(0);
  });

  test('without the branch: names those there are', async () => {
    const at = await home({ 'flyball.yaml': POLICIES['flyball.yaml'] ?? '' });
    git(at.repository, 'branch', '-q', '-m', 'main', 'trunk');
    const { code, stderr } = await at.flyball('plan');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('no branch main; it has: trunk; name one of these'),
    });
  });

  test('that went away while the daemon runs: what is in force stays', async () => {
    const at = await home({ ...POLICIES, 'policies/alarm.yaml': alarmAbove('30') });
    await furnish(at);
    const daemon = await at.daemon();
    const sha = await until('the first commit is in force', () => commitInForce(at.state));
    rmSync(at.repository, { recursive: true });
    await until('the daemon says it', () => daemon.log().includes('policies could not be read') || undefined);
    await setLevels(at, { north: 31 });
    await until('it acts all the same', () => texts(at).length > 0 || undefined);
    expect(await at.json<Status>('status')).toMatchObject({
      commit: sha,
      problems: [expect.stringContaining('expected a git repository')],
    });
    expect(await daemon.end('SIGTERM')).toBe(0);
  });
});
