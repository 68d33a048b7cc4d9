/** Trouble of the world: commands, locks, disks and signals. Each is said where it helps, and loses nothing. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { identityOf } from '../../src/connectors/local/processes.ts';
import { alarmAbove, DATASETS, furnish, POLICIES, SETTINGS, setLevels } from './churn.ts';
import { DAEMON_YAML, type Home, makeHome } from './home.ts';
import { actionsOf, entriesOf, messagesOf } from './ledger.ts';
import { linesOf } from './runs.ts';
import { until } from './until.ts';

const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
const alarmed = { ...documents, 'policies/alarm.yaml': alarmAbove('10') };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(policies: Readonly<Record<string, string>>, settings = DAEMON_YAML): Promise<Home> {
  const made = await makeHome(policies, settings);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

async function lostNothing(at: Home): Promise<void> {
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  expect(await at.json('ledger', 'rebuild')).toMatchObject({ differences: [] });
}

// ------------------------------------------------------------------------------------------------- commands

/** Models that fail in different ways, each with a policy that retrains it at once. */
const COMMANDS: Readonly<Record<string, string>> = {
  forbidden: '[./forbidden]',
  absent: '[no-such-trainer]',
  failing: '[node, failing.mjs]',
  silent: '[node, silent.mjs]',
  hanging: '[node, hanging.mjs]',
};

const model = (name: string) => `apiVersion: flyball.dev/v1
kind: Model
metadata: { name: ${name} }
spec:
  owner: on-call
  task: binary
  data: { training: { dataset: levels } }
  pipelines:
    train:
      connection: local
      id: ${name}
      params: { since: "\${data.since}" }
      output: { version: version }
  actions: { retrain: { timeout: 2s } }
---
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: ${name} }
spec:
  mode: enforce
  target: { model: ${name} }
  every: 1s
  observe: { always: { query: warehouse, sql: "SELECT 1 AS value" } }
  when: always == 1
  then:
    - retrain: { lookback: 30d }
`;

const connections = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: local }
spec:
  connector: local
  access: act
  path: world
  commands:
${Object.entries(COMMANDS)
  .map(([name, argv]) => `    ${name}: { argv: ${argv}, cwd: code }`)
  .join('\n')}
`;

/** Two generations that do not heed SIGTERM, in the group of the command. */
const HANGING = `import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
process.on('SIGTERM', () => {});
const pids = process.env.FLYBALL_ROOT + '/pids.txt';
appendFileSync(pids, process.pid + '\\n');
const deep = "process.on('SIGTERM', () => {}); require('fs').appendFileSync(" + JSON.stringify(pids) + ", process.pid + '\\\\n'); setInterval(() => {}, 1000)";
spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); require('child_process').spawn(process.execPath, ['-e', " + JSON.stringify(deep) + "]); setInterval(() => {}, 1000)"]);
setInterval(() => {}, 1000);
`;

const MESSAGES: Readonly<Record<string, RegExp>> = {
  forbidden:
    /command "\.\/forbidden" \(in .*\/code\): not executable; chmod \+x it, or name its interpreter first/,
  absent: /command "no-such-trainer" \(in .*\): no such program; install it, or mend argv of the command/,
  failing: /node failing\.mjs: exit code 3; the end of stderr: the rows were bad/,
  silent: /exit code 0, but it wrote no result; expected JSON in the file that FLYBALL_RESULT names/,
  // The deadline and the runner's own limit are the same moment; whichever ends it says so.
  hanging: /ended after its 2000 ms|its deadline passed/,
};

test('commands that cannot run, fail, say nothing or hang are named, and stop no other policy', async () => {
  const models = Object.fromEntries(Object.keys(COMMANDS).map(name => [`${name}.yaml`, model(name)]));
  const blind = alarmAbove('0', 'blind').replaceAll('levels.parquet', 'gone.parquet');
  const at = await home({
    'flyball.yaml': SETTINGS,
    'connections.yaml': connections,
    'datasets.yaml': DATASETS,
    ...models,
    'policies/blind.yaml': blind,
    'policies/alarm.yaml': alarmAbove('1'),
  });
  at.write('code/forbidden', '#!/bin/sh\nexit 0\n');
  chmodSync(join(at.dir, 'code/forbidden'), 0o644);
  at.write('code/failing.mjs', "console.error('the rows were bad'); process.exitCode = 3;");
  at.write('code/silent.mjs', '');
  at.write('code/hanging.mjs', HANGING);
  const daemon = await at.daemon();
  const stalled = await until(
    'all five have ended',
    () => {
      const found = entriesOf(at.state, 'stalled');
      return found.length === 5 ? found : undefined;
    },
    () => entriesOf(at.state).map(one => [one.chain, one.body.kind]),
  );
  for (const { chain, body } of stalled) {
    const name = chain.replace('model/', '');
    expect(body.message).toMatch(MESSAGES[name] ?? /never/);
  }
  const retrains = actionsOf(at.state).filter(one => one.verb === 'retrain');
  expect(retrains.filter(one => one.state === 'failed')).toHaveLength(4);
  expect(retrains.filter(one => one.state === 'timed-out')).toHaveLength(1);

  const pids = linesOf(join(at.dir, 'world/pids.txt')).map(Number);
  expect(pids.length).toBeGreaterThanOrEqual(1);
  await until(
    'nothing of its process group is left',
    () => pids.every(pid => identityOf(pid) === undefined) || undefined,
  );

  // The policies beside them went on: one acted, one is blind and says why.
  expect(messagesOf(at.state).filter(({ text }) => text.includes('alarm above 1'))).toHaveLength(1);
  const { stdout } = await at.flyball('status');
  expect(stdout).toMatch(/^BLIND +dataset\/levels +blind +unreachable: .*gone\.parquet/m);
  for (const message of Object.values(MESSAGES)) expect(stdout).toMatch(message);
  expect(stdout).toMatch(
    /NEEDS YOU .*flyball retry \d+ --target \S+, or flyball resolve \d+ --target \S+ --as resolved/,
  );

  // Once mended, a person lets it be tried again.
  at.write(
    'code/failing.mjs',
    'import { writeFileSync } from \'node:fs\';\nwriteFileSync(process.env.FLYBALL_RESULT, \'{"version":"v9"}\');',
  );
  const episode = stalled.find(one => one.chain === 'model/failing')?.body.episode;
  expect(await at.flyball('retry', String(episode), '--target', 'model/failing')).toMatchObject({ code: 0 });
  await until('the mended one succeeds', () =>
    entriesOf(at.state, 'outcome').find(
      ({ chain, body }) => chain === 'model/failing' && body.outcome === 'succeeded',
    ),
  );
  expect(await daemon.end('SIGTERM')).toBe(0);
  await lostNothing(at);
});

// ------------------------------------------------------------------------------------- one engine, and its end

describe('one engine a state', () => {
  test('a second is refused and names the first; signals end it cleanly, with an anchor', async () => {
    const at = await home(alarmed);
    const daemon = await at.daemon();
    const second = await at.flyball('run');
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toContain(`a Flyball engine, process ${daemon.pid}, reconciles it already`);
    expect(await at.json('status')).toMatchObject({ engine: daemon.pid });
    expect(await daemon.end('SIGTERM')).toBe(0);
    const anchors = entriesOf(at.state, 'anchor');
    expect(anchors.map(({ chain, body }) => [chain, Object.keys(body.heads)])).toEqual([
      ['fleet', ['dataset/levels']],
    ]);
    const again = await at.daemon();
    expect(await again.end('SIGINT')).toBe(0);
    // Whatever it still wrote is anchored; when that was nothing, there is no second anchor.
    const named: Readonly<Record<string, string>> = Object.assign(
      {},
      ...entriesOf(at.state, 'anchor').map(({ body }) => body.heads),
    );
    const last = entriesOf(at.state).findLast(({ chain }) => chain === 'dataset/levels');
    expect(named['dataset/levels']).toMatch(new RegExp(`^${last?.seq}:`));
    await lostNothing(at);
  });

  test('one that was killed is not taken for alive, whoever has its process id now', async () => {
    const at = await home(alarmed);
    const daemon = await at.daemon();
    await daemon.end('SIGKILL');
    expect(readFileSync(join(at.state, 'engine.pid'), 'utf8').trim()).toBe(String(daemon.pid));
    writeFileSync(join(at.state, 'engine.pid'), `${process.pid}\n`);
    expect((await at.json('status')).engine).toBeUndefined();
    expect((await at.flyball('status')).stdout).toContain('nothing is being enforced: no engine runs');
    const paused = await at.flyball('pause', '--reason', 'a look');
    expect(paused.stderr).toContain('nothing is being enforced now');
    expect((await at.flyball('reconcile')).stdout).toContain('1 target was evaluated');
    const next = await at.daemon();
    expect(await at.json('status')).toMatchObject({ engine: next.pid });
    expect(await next.end('SIGTERM')).toBe(0);
    await lostNothing(at);
  });

  test('commands beside it wait for a lock for a while, then say who to look for, and work when it is free', async () => {
    const at = await home(alarmed);
    const daemon = await at.daemon();
    await until('it has looked', () => entriesOf(at.state, 'revision')[0]);
    const other = new DatabaseSync(join(at.state, 'flyball.db'));
    try {
      other.exec('BEGIN EXCLUSIVE');
      await setLevels(at, { north: 20 });
      const { code, stderr } = await at.flyball('pause', '--reason', 'locked');
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /flyball\.db: another process holds its write lock .*Nothing of this step was written; .*backup tool/,
      );
      expect(await at.flyball('status')).toMatchObject({ code: 0 });
      other.exec('ROLLBACK');
    } finally {
      other.close();
    }
    expect(await at.flyball('pause', 'retrain', '--reason', 'free')).toMatchObject({ code: 0 });
    await until('the daemon goes on', () => messagesOf(at.state)[0]);
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(entriesOf(at.state, 'pause').map(({ body }) => body.reason)).toEqual(['free']);
    await lostNothing(at);
  });
});

// ------------------------------------------------------------------------------------------------- a full disk

/** A file system of its own and small, where this user may make one. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], {
    stdio: 'ignore',
  });
  if (status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

function removeDisk(folder: string): void {
  execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
}

const probe = smallDisk();
if (probe !== undefined) removeDisk(probe);

// Without the right to mount there is no disk to fill; src/store/faults.test.ts fills the database itself.
test.skipIf(probe === undefined)(
  'a full disk is named, nothing is lost, and work goes on when there is room',
  async () => {
    const disk = smallDisk() ?? '';
    ends.push(() => removeDisk(disk));
    const at = await home(alarmed, DAEMON_YAML.replace('state: state', `state: ${disk}/state`));
    const state = join(disk, 'state');
    const daemon = await at.daemon();
    await until('it has looked', () => entriesOf(state, 'revision')[0]);
    const before = entriesOf(state).length;

    mkdirSync(join(disk, 'fill'));
    fillUp(disk);
    await setLevels(at, { north: 20 });
    await until(
      'the daemon says it',
      () => /no space is left|disk is full/.test(daemon.log()) || undefined,
      daemon.log,
    );
    const paused = await at.flyball('pause', '--reason', 'full');
    expect(paused.code).toBe(1);
    expect(paused.stderr).toMatch(
      /no space is left for it .*Nothing of this step was written; free space on its disk/,
    );
    expect(messagesOf(state)).toEqual([]);

    rmSync(join(disk, 'fill'), { recursive: true });
    await until('the daemon goes on by itself', () => messagesOf(state)[0], daemon.log);
    expect(await at.flyball('pause', 'retrain', '--reason', 'room')).toMatchObject({ code: 0 });
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(entriesOf(state).length).toBeGreaterThan(before);
    await lostNothing(at);
  },
);

/** Until not one page is free: the small files take what the big one left. */
function fillUp(disk: string): void {
  for (const size of [65_536, 4096])
    for (let i = 0; statfsSync(disk).bavail * 4096 >= size; i++)
      try {
        writeFileSync(join(disk, 'fill', `${size}-${i}`), Buffer.alloc(size));
      } catch {
        break;
      }
  expect(existsSync(join(disk, 'fill'))).toBe(true);
}
