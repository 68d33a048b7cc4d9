/** Actions that are asked for on the command line, with the real daemon, registry and pipelines. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterEach, expect, test } from 'vitest';
import { furnish, modelWith, POLICIES } from './churn.ts';
import { BIN, DAEMON_YAML, type Home, makeHome } from './home.ts';
import { entriesOf } from './ledger.ts';
import { linesOf } from './runs.ts';
import { until } from './until.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(model?: string, settings = DAEMON_YAML): Promise<Home> {
  const policies = model === undefined ? POLICIES : { ...POLICIES, 'model.yaml': modelWith(model) };
  const made = await makeHome(policies, settings);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

interface View {
  readonly request: string;
  readonly state: string;
  readonly action?: string;
  readonly outputs?: unknown;
  readonly holds: readonly { reason: string }[];
  readonly plan_hash: string;
}
interface One {
  readonly state: string;
  readonly outputs?: unknown;
  readonly request: View;
  readonly entries: readonly { kind: string }[];
  readonly next?: string;
}

test('a retraining that a person asks for: planned, recorded, done by the daemon, and its course can be read', async () => {
  const at = await home();
  const daemon = await at.daemon();
  await until('the commit is in force', () => entriesOf(at.state, 'revision')[0]);
  const planned = await at.json<View>('request', 'retrain', 'churn', '--lookback', '30d', '--plan');
  expect(planned).toMatchObject({ state: 'running', calls: [{ capability: 'pipeline.run' }] });
  expect(entriesOf(at.state, 'request')).toEqual([]);
  const asked = await at.json<View>(
    'request',
    'retrain',
    'churn',
    '--lookback',
    '30d',
    '--reason',
    'new labels',
  );
  const intent = await until('it begins', () => entriesOf(at.state, 'intent')[0]);
  expect(intent.body.action.origin).toEqual({ request: asked.request });
  const done = await until('it has ended', async () => {
    const found = await at.json<One>('action', asked.request);
    return found.state === 'succeeded' ? found : undefined;
  });
  expect(linesOf(join(at.dir, 'world/ran.txt'))).toHaveLength(1);
  expect(done.entries.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['request', 'episode-opened', 'intent', 'outcome', 'episode-ended']),
  );
  const byAction = await at.json<One>('action', intent.body.action.id.slice(0, 10));
  expect(byAction).toMatchObject({
    state: 'succeeded',
    outputs: done.outputs,
    request: { state: 'succeeded' },
  });
  const first = await at.json<One>('action', asked.request, '--limit', '2');
  expect(first.entries).toHaveLength(2);
  const second = await at.json<One>('action', asked.request, '--limit', '2', '--cursor', first.next ?? '');
  expect([...first.entries, ...second.entries]).toEqual(done.entries.slice(0, 4));
  const listed = await at.json<{ actions: { id: string; from: string }[] }>('actions', 'model/churn');
  expect(listed.actions).toMatchObject([{ id: intent.body.action.id, from: `request ${asked.request}` }]);
  for (const what of [asked.request, intent.body.action.id])
    expect((await at.flyball('explain', what)).stdout).toContain('asked for by');
  const digest = await at.json('digest', '1h');
  expect(digest).toMatchObject({
    acted: [{ verb: 'retrain', from: `request:${asked.request}/retrain`, result: 'succeeded' }],
    requests: [expect.stringContaining('succeeded')],
    complete: true,
  });
  expect((await at.flyball('digest')).stdout).toMatch(/^ACTED .*: succeeded$/m);
  expect(await daemon.end('SIGTERM')).toBe(0);
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  expect(await at.json('ledger', 'rebuild')).toMatchObject({ differences: [] });
});

test('what is wrong with the arguments is said in the words of the language, and nothing is recorded', async () => {
  const at = await home();
  await at.flyball('reconcile');
  const refusals: readonly (readonly [RegExp, ...string[]])[] = [
    [/lookback/, 'retrain', 'churn'],
    [/does not accept focus/, 'retrain', 'churn', '--lookback', '30d', '--focus', "nowhere == 'x'"],
    [/\$\{…\}; expected a value/, 'promote', 'churn', '--version', `\${steps.retrain.version}`],
    [/restart is not in this version/, 'restart', 'churn'],
    [/no target model\/nobody is known/, 'rollback', 'nobody'],
    [/expected a duration up to 7d/, 'rollback', 'churn', '--wait', '30d'],
    [/is in no rollout/, 'abort', 'churn'],
  ];
  for (const [message, ...args] of refusals) {
    const { code, stderr } = await at.flyball('request', ...args);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
  }
  expect(entriesOf(at.state, 'request').filter(({ body }) => body.what === 'action')).toEqual([]);
});

test('a question about it is taken back by a commit that tightens it, and a halt ends it', async () => {
  const approval = (expires: string) =>
    `retrain: { approval: { from: [on-call], quorum: 1, expires: ${expires} } }`;
  const at = await home(approval('2h'));
  const daemon = await at.daemon();
  await until('the commit is in force', () => entriesOf(at.state, 'revision')[0]);
  const asked = await at.json<View>('request', 'retrain', 'churn', '--lookback', '30d');
  const first = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
  expect(asked).toMatchObject({ state: 'awaiting-approval', plan_hash: first.body.planHash });
  expect(await at.json('action', asked.request)).toMatchObject({
    state: 'awaiting-approval',
    approval: first.body.approval,
    plan_hash: first.body.planHash,
  });
  at.commit({ 'model.yaml': modelWith(approval('1h')) });
  const second = await until('it asks anew', () => entriesOf(at.state, 'ask')[1]);
  expect(entriesOf(at.state, 'withdrawn')[0]?.body).toMatchObject({ reason: 'changed' });
  expect(second.body.expires - second.at).toBe(3_600_000);
  expect(await at.flyball('halt', asked.request, '--reason', 'not today')).toMatchObject({ code: 0 });
  const ended = await until('it is over', () => entriesOf(at.state, 'episode-ended')[0]);
  expect(ended.body).toMatchObject({ how: 'withdrawn', message: expect.stringContaining('not today') });
  expect(
    await at.json('halt', '--target', 'model/churn', '--for', '2h', '--reason', 'bad labels'),
  ).toMatchObject({
    state: 'paused',
  });
  const held = await at.json<View>('request', 'retrain', 'churn', '--lookback', '30d');
  expect(held).toMatchObject({ state: 'held', holds: [{ reason: 'paused' }] });
  expect(
    (await at.flyball('halt', '--target', 'model/churn', '--for', '25h', '--reason', 'x')).stderr,
  ).toMatch(/at most 24h/);
  expect(existsSync(join(at.dir, 'world/ran.txt'))).toBe(false);
  expect(await daemon.end('SIGTERM')).toBe(0);
});

const AGENT = `${DAEMON_YAML}principals:
  ana: { roles: [approver] }
  robot: { kind: agent, for: ana, roles: [operator] }
stdio: { principal: robot }
`;

test('an agent asks, waits for a person, cannot be that person, and sees what came of it', async () => {
  const at = await home(undefined, AGENT);
  const daemon = await at.daemon();
  await until('the commit is in force', () => entriesOf(at.state, 'revision')[0]);
  const agent = new Client({ name: 'scripted', version: '1.0.0' });
  const options = { command: process.execPath, args: [BIN, 'mcp'], cwd: at.dir, env: { ...at.env } };
  await agent.connect(new StdioClientTransport({ ...options, stderr: 'ignore' }));
  ends.push(() => agent.close());
  const call = async (name: string, args: Record<string, unknown>) => {
    const { structuredContent, isError, content } = await agent.callTool({ name, arguments: args });
    if (isError) throw new Error(JSON.stringify(content));
    return structuredContent as unknown as View & One & { approval: string; target: string };
  };
  const asks = { verb: 'retrain', target: 'churn', lookback: '30d', reason: 'labels came' };
  const planned = await call('flyball_request_action', { ...asks, plan: true });
  // The Model asks for nothing: its owner is asked, because it is an agent.
  expect(planned).toMatchObject({
    state: 'awaiting-approval',
    approvers: ['on-call'],
    not_approvers: ['ana', 'robot'],
  });
  const asked = await call('flyball_request_action', { ...asks, request: planned.request });
  expect(await call('flyball_request_action', { ...asks, request: planned.request })).toMatchObject({
    request: asked.request,
  });
  expect(asked).toMatchObject({
    state: 'awaiting-approval',
    plan_hash: planned.plan_hash,
    target: 'model/churn',
  });
  const ask = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
  expect(ask.body).toMatchObject({ why: 'agent', refused: ['ana', 'robot'], planHash: asked.plan_hash });
  const waiting = await call('flyball_get_action', { id: asked.request });
  expect(waiting.approval).toBe(ask.body.approval);
  expect((await call('flyball_list_actions', { state: 'live' })) as unknown).toMatchObject({
    actions: [{ id: asked.request, kind: 'request', from: 'robot for ana' }],
  });
  expect(entriesOf(at.state, 'request')).toHaveLength(1);
  const advance = await agent.callTool({
    name: 'flyball_request_action',
    arguments: { verb: 'advance', target: 'churn' },
  });
  expect(advance).toMatchObject({ isError: true });
  expect(JSON.stringify(advance.content)).toContain('only a person ends the hold');
  await call('flyball_halt', { action: asked.request, reason: 'not needed any more' });
  const over = await until('it is over', async () => {
    const found = await call('flyball_get_action', { id: asked.request });
    return found.state === 'withdrawn' ? found : undefined;
  });
  expect(over.request).toMatchObject({ state: 'withdrawn' });
  expect(existsSync(join(at.dir, 'world/ran.txt'))).toBe(false);
  expect(await daemon.end('SIGTERM')).toBe(0);
});
