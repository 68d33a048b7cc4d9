/** The command line as people and scripts use it: help, JSON, exit codes, and steering what runs. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { runProgram, type Terminal } from '../../src/cli/program.ts';
import { commands } from '../../src/commands/index.ts';
import { identityOf } from '../../src/connectors/local/processes.ts';
import { alarmAbove, furnish, modelWith, POLICIES, setLevels } from './churn.ts';
import { ENV, type Home, makeHome, type Ran, ranToEnd } from './home.ts';
import { actionsOf, entriesOf, messagesOf } from './ledger.ts';
import { filesOf, linesOf, runKeys } from './runs.ts';
import { until } from './until.ts';

const { 'policies/remedy.yaml': _, ...documents } = POLICIES;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(policies: Readonly<Record<string, string>>): Promise<Home> {
  const made = await makeHome(policies);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

test('the help of every command', async () => {
  // Groups, such as `ledger`, have a help of their own.
  const names = new Set(['', ...commands.flatMap(({ name }) => [name.split(' ')[0] ?? '', name])]);
  const pages: string[] = [];
  const terminal: Terminal = {
    out: text => pages.push(`${text}\n`),
    error: text => expect(text).toBe(''),
    colour: false,
    open: () => Promise.reject(new Error('help needs no state')),
    readFiles: () => Promise.reject(new Error('help needs no files')),
  };
  for (const name of names) {
    pages.push(`$ flyball ${name === '' ? '' : `${name} `}--help\n`);
    expect(await runProgram([...name.split(' ').filter(Boolean), '--help'], terminal, '0.0.0')).toBe(0);
  }
  await expect(pages.join('')).toMatchFileSnapshot('help.snapshot.txt');
});

test('--json of every command that looks parses, and exit codes are 0, 1 and 2', async () => {
  const at = await home({ ...documents, 'policies/alarm.yaml': alarmAbove('10') });
  expect((await at.flyball('plan')).code).toBe(0);
  await setLevels(at, { north: 20 });
  const pending = await at.flyball('plan', '--json');
  expect(pending.code).toBe(2);
  expect(JSON.parse(pending.stdout)).toMatchObject({
    decisions: [{ policy: 'alarm', outcome: 'act', verb: 'notify' }],
  });
  expect(messagesOf(at.state)).toEqual([]);

  const done = await at.json('reconcile', '--reason', 'to see');
  expect(done).toMatchObject({ by: 'this process', targets: ['dataset/levels'] });
  expect(messagesOf(at.state)).toHaveLength(1);
  const tried: readonly (readonly string[])[] = [
    ['validate'],
    ['status'],
    ['explain', 'alarm'],
    ['policies'],
    ['policy', 'alarm'],
    ['approvals'],
    ['log', 'dataset/levels', '--limit', '5', '--full'],
    ['ledger', 'verify'],
    ['ledger', 'rebuild'],
    ['proposals'],
    ['pause', 'notify', '--reason', 'noise'],
    ['resume', 'notify'],
  ];
  for (const args of tried) {
    const { code, stdout } = await at.flyball(...args, '--json');
    expect({ args, code, parsed: typeof JSON.parse(stdout) }).toEqual({ args, code: 0, parsed: 'object' });
  }
  // Before the command it means the same.
  expect(JSON.parse((await at.flyball('--json', 'status')).stdout)).toMatchObject({ env: 'test' });

  const wrong: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
    [['status', 'model/nope'], /no target model\/nope is known; expected one of: dataset\/levels/],
    [['plan', 'model/nope'], /no target model\/nope is known; expected one of: dataset\/levels/],
    [['explain', 'nope'], /nope is no policy, episode or action that is known here .*xpected one of: alarm/],
    [['policy', 'nope'], /policy nope is not in force; expected one of: alarm/],
    [['approve', 'nope'], /approval nope does not wait/],
    [['cancel', 'abcdef'], /no action begins with abcdef/],
    [['resolve', '4711', '--as', 'resolved'], /episode 4711 is not open/],
    [
      ['resolve', '1', '--as', 'done'],
      /argument 'done' is invalid. Allowed choices are succeeded, failed, resolved/,
    ],
    [
      ['pause', 'everything'],
      /everything cannot be paused; expected all, a target \(dataset\/levels\) or a verb/,
    ],
    [['log', '--limit', 'many'], /log: limit: /],
    [['proposals', 'merge', 'main'], /main/],
    [['validate', 'nowhere'], /nowhere: no such file or folder/],
    [['propose', '--title', 'More', '--files', 'nowhere.yaml'], /nowhere\.yaml: cannot be read \(ENOENT\)/],
  ];
  for (const [args, words] of wrong) {
    const { code, stdout, stderr } = await at.flyball(...args);
    expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^\s+at /m);
  }
  const failed = await at.flyball('explain', 'nope', '--json');
  expect(JSON.parse(failed.stderr)).toMatchObject({ error: expect.stringContaining('nope is no policy') });
});

describe('before there is anything', () => {
  const run = (dir: string, ...args: readonly string[]): Promise<Ran> =>
    ranToEnd(args, { cwd: dir, env: { ...ENV, PATH: process.env.PATH ?? '', HOME: dir } });

  test('init makes a repository that works, and nothing where something is', async () => {
    const at = await home({});
    const dir = join(at.dir, 'new');
    const made = await run(at.dir, 'init', 'new');
    expect(made).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('flyball validate') });
    for (const [args, words] of [
      [['validate'], /^valid$/m],
      [['plan'], /OK +connection\/warehouse +warehouse-answers/],
      [['reconcile'], /1 target was evaluated/],
      [['status'], /OK +1 of 1 targets/],
    ] as const) {
      const { code, stdout } = await run(dir, ...args);
      expect({ args, code, stdout }).toEqual({ args, code: 0, stdout: expect.stringMatching(words) });
    }
    const again = await run(at.dir, 'init', 'new');
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^new: it holds .*; expected an empty folder\. Name another one\.$/m);
  });

  test('without a configuration, and with a wrong one, it says where and what', async () => {
    const at = await home({});
    const file = join(at.dir, 'daemon.yaml');
    const cases: readonly (readonly [text: string | undefined, words: RegExp])[] = [
      [
        undefined,
        /daemon\.yaml: there is no daemon\.yaml; expected one there, by --config FILE or in FLYBALL_HOME\. 'flyball init FOLDER'/,
      ],
      [
        'repository: policies\nrepositry: x\n',
        /daemon\.yaml:? ?.*unknown key repositry; expected one of: state, repository, branch, env, trust/,
      ],
      [
        'repository: policies\nlisten: 8080\n',
        /daemon\.yaml: listen: expected text such as 127\.0\.0\.1:8467/,
      ],
      ['repository: policies\nwishes: {}\n', /daemon\.yaml.*unknown key wishes/],
      ['repository: policies\ntrust: everyone\n', /daemon\.yaml.*trust.*local-user/],
      ['trust: tokens\n', /daemon\.yaml.*repository/],
      ['repository: [\n', /daemon\.yaml.*line 2/],
      ['repository: a\nrepository: b\n', /daemon\.yaml.*unique/],
    ];
    for (const [text, words] of cases) {
      if (text === undefined) rmSync(file);
      else writeFileSync(file, text);
      const { code, stdout, stderr } = await at.flyball('run');
      expect({ text, code, stdout }).toEqual({ text, code: 1, stdout: '' });
      expect(stderr).toMatch(words);
    }
    const elsewhere = await at.flyball('--config', join(at.dir, 'none.yaml'), 'status');
    expect(elsewhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none.yaml: there is no daemon.yaml'),
    });
  });
});

describe('steering', () => {
  test('a pause holds what would be done, and a resume lets it go; a cancel ends it at the other end; a person settles it', async () => {
    const at = await home({ ...POLICIES });
    at.write('world/wait', '');
    const daemon = await at.daemon();
    await until('it has looked', () => entriesOf(at.state, 'verified')[0]);
    expect(await at.flyball('pause', 'model/churn', '--reason', 'a migration')).toMatchObject({ code: 0 });
    await setLevels(at, { north: 50 });
    const held = await until('it is held', () =>
      entriesOf(at.state, 'decision').find(({ body }) => body.decision.outcome === 'hold'),
    );
    expect(held.body.decision.holds.map(hold => hold.reason)).toEqual(['paused']);
    const status = await at.flyball('status');
    expect(status.stdout).toMatch(
      /^HELD +model\/churn +remedy +retrain: target:model\/churn is paused by .*: a migration$/m,
    );
    expect(status.stdout).toMatch(/^PAUSED +target:model\/churn by .*: a migration$/m);
    expect(actionsOf(at.state)).toEqual([]);
    expect(await at.json('resume', 'model/churn')).toEqual({ scope: 'model/churn', was: true });

    const runs = join(at.state, 'runs');
    const key = await until('the training runs', () => linesOf(join(at.dir, 'world/ran.txt'))[0]);
    const { command } = filesOf(runs, key);
    const { pid } = await until('its process is known', () => parsed(command));
    expect(identityOf(pid)).toBeDefined();
    expect((await at.flyball('status')).stdout).toMatch(
      /^ACTING +model\/churn +remedy +retrain .*, started, key /m,
    );
    expect(await at.flyball('cancel', key.slice(0, 12), '--reason', 'wrong data')).toMatchObject({ code: 0 });
    const outcome = await until('it has ended', () => entriesOf(at.state, 'outcome')[0]);
    expect(outcome.body).toMatchObject({ outcome: 'cancelled' });
    expect(identityOf(pid)).toBeUndefined();
    expect((await at.flyball('cancel', key.slice(0, 12))).stderr).toMatch(/is cancelled already/);

    const stalled = await until('it needs a person', () => entriesOf(at.state, 'stalled')[0]);
    const { episode } = stalled.body;
    expect((await at.flyball('status')).stdout).toContain(
      `flyball resolve ${episode} --target model/churn --as resolved`,
    );
    expect(
      await at.flyball('resolve', String(episode), '--as', 'resolved', '--reason', 'by hand'),
    ).toMatchObject({ code: 0 });
    const ended = await until('the episode is over', () => entriesOf(at.state, 'episode-ended')[0]);
    expect(ended.body).toMatchObject({ how: 'resolved', episode });
    expect(runKeys(runs).length).toBeGreaterThanOrEqual(1);
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  });

  test('a no is kept, and is not asked again; a yes lets it go', async () => {
    const actions =
      'retrain: { approval: { from: [on-call], quorum: 1, expires: 1h, reask: 2s }, timeout: 10m }';
    const at = await home({ ...POLICIES, 'model.yaml': modelWith(actions) });
    await setLevels(at, { north: 50 });
    const daemon = await at.daemon();
    const first = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
    const waiting = await at.flyball('approvals');
    expect(waiting.stdout).toMatch(new RegExp(`^${first.body.approval} {2}retrain .* for model/churn$`, 'm'));
    expect(waiting.stdout).toContain(
      `flyball approve ${first.body.approval} | flyball deny ${first.body.approval}`,
    );
    const denied = await at.flyball('deny', first.body.approval.slice(0, 6), '--comment', 'not today');
    expect(denied).toMatchObject({ code: 0, stdout: expect.stringContaining('(unauthenticated, self)') });
    const withdrawn = await until('it is withdrawn', () => entriesOf(at.state, 'withdrawn')[0]);
    expect(withdrawn.body).toMatchObject({ approval: first.body.approval, reason: 'denied' });
    expect(actionsOf(at.state)).toEqual([]);

    const second = await until('it asks again after reask', () => entriesOf(at.state, 'ask')[1]);
    expect(second.at - withdrawn.at).toBeGreaterThanOrEqual(2000);
    expect(await at.flyball('approve', second.body.approval)).toMatchObject({ code: 0 });
    await until('it is trained', () => entriesOf(at.state, 'outcome')[0]);
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  });
});

test('ledger verify names an entry that was altered, and rebuild refuses to act on it', async () => {
  const at = await home({ ...documents, 'policies/alarm.yaml': alarmAbove('10') });
  await setLevels(at, { north: 20 });
  await at.flyball('reconcile');
  expect(await at.flyball('ledger', 'verify')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^whole: \d+ entries in 2 chains/),
  });
  const db = new DatabaseSync(join(at.state, 'flyball.db'));
  db.exec(
    "UPDATE entries SET body = replace(body, 'level > 10', 'level > 99') WHERE chain = 'dataset/levels' AND kind = 'episode-opened'",
  );
  const row = db
    .prepare("SELECT seq FROM entries WHERE chain = 'dataset/levels' AND kind = 'episode-opened'")
    .get();
  db.close();
  const seq = Number(row?.seq);
  const { code, stdout } = await at.flyball('ledger', 'verify');
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: expect.stringMatching(new RegExp(`^dataset/levels entry ${seq}: `)),
  });
  const rebuilt = await at.flyball('ledger', 'rebuild');
  expect(rebuilt).toMatchObject({ code: 1, stderr: expect.stringContaining('is not as it was appended') });
  expect(await at.flyball('ledger', 'verify', 'fleet')).toMatchObject({ code: 0 });
});

test('validate says every mistake at once, with its place', async () => {
  const at = await home({ ...documents, 'policies/alarm.yaml': alarmAbove('10') });
  mkdirSync(join(at.dir, 'draft'));
  for (const [path, text] of Object.entries(documents)) writeFileSync(join(at.dir, 'draft', path), text);
  writeFileSync(
    join(at.dir, 'draft', 'alarm.yaml'),
    alarmAbove('10').replace('when: level', 'when: levle').replace('notify:', 'notfy:'),
  );
  const { code, stdout } = await at.flyball('validate', 'draft');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^error alarm\.yaml:10:9: levle is not observed; expected level/m);
  expect(stdout).toMatch(/^error alarm\.yaml:12:7: .*notfy.*notify/m);
});

function parsed(file: string): { readonly pid: number } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
