/** Health of engines that share a state on a real PostgreSQL: what each shows when one dies, and when the state is gone. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES } from '../e2e/churn.ts';
import { DAEMON_YAML, type Daemon, type Home, makeHome } from '../e2e/home.ts';
import { until } from '../e2e/until.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

const SECRET = 'xyzzy-5ecret-plugh';
const { 'policies/remedy.yaml': _, ...documents } = POLICIES;

let server: Postgres;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A home whose state is a database of its own, reached with a password that the server does not ask for. */
async function home(): Promise<Home> {
  const url = new URL(await server.url(`health_${++databases}`));
  const state = `postgres://${url.username}:\${env:FLYBALL_PASSWORD}@${url.host}${url.pathname}`;
  const settings = DAEMON_YAML.replace('state: state', `state: "${state}"\nlisten: 127.0.0.1:0`);
  const at = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('30') }, settings, {
    FLYBALL_PASSWORD: SECRET,
  });
  ends.push(() => at.end());
  await furnish(at);
  return at;
}

interface Seen {
  readonly status: number;
  readonly text: string;
}

/** A daemon and what its door says. */
async function engineOf(at: Home): Promise<{ daemon: Daemon; ask(path: string): Promise<Seen> }> {
  const daemon = await at.daemon();
  const url = await until(
    'the door is open',
    () => /"url":"([^"]+)","msg":"http door open"/.exec(daemon.log())?.[1],
  );
  const ask = async (path: string) => {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  await until(
    'it is ready',
    async () => ((await ask('/readyz')).status === 200 ? true : undefined),
    () => ask('/readyz'),
  );
  return { daemon, ask };
}

const messages = async (at: Home) =>
  (await at.json<{ messages: { title: string }[] }>('status')).messages.map(one => one.title);

test('replicas count each other; an outage is told only when the last one died', async () => {
  const at = await home();
  const [first, second] = [await engineOf(at), await engineOf(at)];
  const sees = (engine: typeof first, count: number) =>
    until(
      `${count} replicas are seen`,
      async () => (await engine.ask('/metrics')).text.includes(`\nflyball_replicas ${count}\n`) || undefined,
    );
  await sees(first, 2);
  await sees(second, 2);
  await first.daemon.end('SIGKILL');
  await sees(second, 1);
  const third = await engineOf(at);
  expect(await messages(at)).toEqual([]);
  await third.daemon.end('SIGTERM');
  await second.daemon.end('SIGKILL');
  await engineOf(at);
  const told = await until('it is told', async () => {
    const found = await messages(at);
    return found.length > 0 ? found : undefined;
  });
  expect(told).toEqual([expect.stringMatching(/^Nothing was enforced for /)]);
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
});

test('while the state is gone an engine is not ready and says why, without a secret; it is ready again after that', async () => {
  const at = await home();
  const { daemon, ask } = await engineOf(at);
  await server.stop();
  try {
    const unready = await until('it is not ready', async () => {
      const seen = await ask('/readyz');
      return seen.status === 503 ? seen : undefined;
    });
    expect(unready.text).toMatch(/^state postgres:\/\//);
    const shown = await until('the figures are gone', async () => {
      const { text } = await ask('/metrics');
      return text.includes('\nflyball_state_readable 0\n') ? text : undefined;
    });
    expect(shown).toMatch(/\nflyball_live 1\n/);
    expect(shown).toMatch(/\nflyball_loop_lag_seconds Nan\n/);
    expect((await ask('/healthz')).status).toBe(200);
    expect([unready.text, shown].filter(text => text.includes(SECRET))).toEqual([]);
  } finally {
    await server.start();
  }
  await until('it is ready again', async () => ((await ask('/readyz')).status === 200 ? true : undefined));
  expect(daemon.log()).not.toContain(SECRET);
  expect(await daemon.end('SIGTERM')).toBe(0);
});
