/** The daemon about itself: probes, metrics, its dead man's switch, its log, and what it tells after a crash. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES, setLevels } from './churn.ts';
import { DAEMON_YAML, type Daemon, type Home, makeHome } from './home.ts';
import { entriesOf, messagesOf } from './ledger.ts';
import { until } from './until.ts';

const LISTENING = `${DAEMON_YAML}listen: 127.0.0.1:0\n`;
const { 'policies/remedy.yaml': _, ...documents } = POLICIES;

const SECRET = 'xyzzy-5ecret-plugh';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(settings = LISTENING): Promise<Home> {
  const made = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('30') }, settings);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

function filesBelow(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found.filter(one => one.isFile()).map(one => join(one.parentPath, one.name));
}

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

function linesOf(daemon: Daemon): Line[] {
  return daemon
    .log()
    .split('\n')
    .flatMap(line => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Line] : []));
}

const doorOf = (daemon: Daemon) =>
  until('the door is open', () => linesOf(daemon).find(line => line.msg === 'http door open')?.url as string);

async function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
}

/** The samples of an exposition by name with labels. */
function samplesOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}

const untilReady = (door: string) =>
  until('it is ready', async () => ((await ask(`${door}/readyz`)).status === 200 ? true : undefined));

test('it is ready when every target was looked at; people and scrapers are told the same figures', async () => {
  const at = await home();
  const daemon = await at.daemon();
  const door = await doorOf(daemon);
  await untilReady(door);
  expect(await ask(`${door}/healthz`)).toEqual({ status: 200, text: 'ok\n' });
  await at.flyball('pause', 'all', '--reason', 'a look around');
  await setLevels(at, { north: 50 });

  const samples = await until('the alarm is held', async () => {
    const found = samplesOf((await ask(`${door}/metrics`)).text);
    return found['flyball_pauses{scope="all"}'] === '1' &&
      found['flyball_verdicts_total{answer="breach"}'] !== '0'
      ? found
      : undefined;
  });
  expect(samples).toMatchObject({
    flyball_state_readable: '1',
    flyball_ready: '1',
    flyball_targets: '1',
    flyball_revision_rejected: '0',
    flyball_remote_failing: '0',
    [`flyball_revision_info{commit="${(await at.json<{ commit: string }>('status')).commit}"}`]: '1',
  });
  const told = await at.json<{ ready: unknown; figures: Record<string, unknown> }>('health');
  expect(told).toMatchObject({
    live: { ok: true },
    ready: { ok: true, reasons: [] },
    figures: { targets: 1, policies: 1, late: 0, pauses: [{ scope: 'all', count: 1 }, {}, {}] },
  });
  const people = await at.flyball('health');
  expect(people).toMatchObject({ code: 0, stdout: expect.stringMatching(/ready +yes\n/) });

  await daemon.end('SIGTERM');
  expect(await at.flyball('health')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/live +no: no engine runs: nothing is being enforced\n/),
  });
});

test('a line of the log leads from the commit to the action and its key', async () => {
  const at = await home();
  await setLevels(at, { north: 50 });
  const daemon = await at.daemon();
  const outcome = await until('the message is sent', () =>
    linesOf(daemon).find(line => line.msg === 'outcome'),
  );
  const intent = linesOf(daemon).find(line => line.msg === 'intent');
  const [entry] = entriesOf(at.state, 'intent');
  const { action, cause, episode } = entry!.body;
  expect(intent).toMatchObject({
    ...{ chain: 'dataset/levels', seq: entry!.seq, policy: 'alarm', commit: cause.commit, episode },
    ...{ action: action.id, key: action.key, attempt: 1, verb: 'notify', subject: action.call.subject },
  });
  expect(outcome).toMatchObject({ chain: 'dataset/levels', action: action.id, key: action.key, attempt: 1 });
});

test("a dead man's switch is told while it lives; its secret is nowhere to be read", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(asked.length === 1 ? 200 : 404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise(resolve => server.close(resolve)));
  ends.push(async () => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/ping/\${env:FLYBALL_PING}`;
  const at = await home(`${LISTENING}deadMan: { url: "${url}", every: 1s }\n`);
  const unset = await at.flyball('run');
  expect(unset).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      'daemon.yaml: deadMan.url: the environment variable FLYBALL_PING is not set; set it where the daemon is started.',
    ),
  });

  const daemon = await at.daemonWith({ FLYBALL_PING: SECRET });
  const door = await doorOf(daemon);
  const failed = await until('a call fails', () =>
    linesOf(daemon).find(line => line.msg === 'dead man could not be told'),
  );
  expect(failed.failure).toBe('status 404');
  expect(asked.slice(0, 2)).toEqual([`GET /ping/${SECRET}`, `GET /ping/${SECRET}`]);
  const shown = (await ask(`${door}/metrics`)).text;
  expect(samplesOf(shown)).toMatchObject({ 'flyball_dead_man_calls_total{result="ok"}': '1' });
  const told = [
    shown,
    daemon.log(),
    (await at.flyball('health', '--json')).stdout,
    (await ask(`${door}/readyz`)).text,
  ];
  await daemon.end('SIGTERM');
  expect(told.filter(text => text.includes(SECRET))).toEqual([]);
  expect(filesBelow(at.state).filter(file => readFileSync(file).includes(SECRET))).toEqual([]);
});

describe('after an end without a word', () => {
  test('people are told once from when to when nothing was enforced; after an end in order they are not', async () => {
    const at = await home();
    await (await at.daemon()).end('SIGTERM');
    const second = await at.daemon();
    expect(messagesOf(at.state)).toEqual([]);
    await second.end('SIGKILL');
    const third = await at.daemon();
    const line = await until('it is told', () =>
      linesOf(third).find(one => one.msg === 'nothing was enforced'),
    );
    const [gap, ...more] = entriesOf(at.state, 'gap').filter(one => one.chain === 'fleet');
    expect(more).toEqual([]);
    expect(messagesOf(at.state)).toEqual([
      {
        title: expect.stringMatching(/^Nothing was enforced for /),
        text: expect.stringMatching(/^From 2\d{3}-/),
      },
    ]);
    expect(line).toMatchObject({ from: gap?.body.from, to: gap?.body.to });
    await third.end('SIGTERM');
    await (await at.daemon()).end('SIGTERM');
    expect(messagesOf(at.state)).toHaveLength(1);
    expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  });
});

test('an engine that cannot begin ends at once, with its door', async () => {
  const at = await home();
  rmSync(at.repository, { recursive: true });
  expect(await at.flyball('run')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/http door open.*policies/s),
  });
});
