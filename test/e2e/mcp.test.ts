/** Agents at their door: scripted clients of both generations of the protocol's library, against the real server. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, describe, expect, test } from 'vitest';
import { git } from '../real-git.ts';
import { alarmAbove, furnish, modelWith, POLICIES, setLevels } from './churn.ts';
import { conversation } from './conversation.ts';
import { BIN, DAEMON_YAML, type Home, makeHome } from './home.ts';
import { actionsOf, commitInForce, entriesOf, messagesOf } from './ledger.ts';
import { until } from './until.ts';

const path = 'policies/alarm.yaml';
const { 'policies/remedy.yaml': remedy = '', ...documents } = POLICIES;

interface Answer {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

interface Agent {
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<Answer>;
  tools(): Promise<readonly { readonly name: string }[]>;
  close(): Promise<void>;
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(policies: Readonly<Record<string, string>>, settings = DAEMON_YAML): Promise<Home> {
  const made = await makeHome(policies, settings);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

const spawning = (at: Home) => ({
  command: process.execPath,
  args: [BIN, 'mcp'],
  cwd: at.dir,
  env: { ...at.env },
  stderr: 'ignore' as const,
});

async function agentOf(generation: 'sdk 1' | 'client 2', at: Home): Promise<Agent> {
  const about = { name: 'scripted', version: '1.0.0' };
  const client = generation === 'sdk 1' ? new Client(about) : new ModernClient(about);
  if (client instanceof Client) await client.connect(new StdioClientTransport(spawning(at)));
  else await client.connect(new ModernTransport(spawning(at)));
  ends.push(() => client.close());
  return {
    call: async (name, args = {}) => (await client.callTool({ name, arguments: { ...args } })) as Answer,
    tools: async () => (await client.listTools()).tools,
    close: () => client.close(),
  };
}

const wordsOf = (answer: Answer) => answer.content.map(one => one.text ?? '').join('\n');

test('the tools are these, small, annotated, and none decides', async () => {
  const agent = await agentOf('sdk 1', await home({ ...documents, [path]: alarmAbove('30') }));
  const tools = await agent.tools();
  const text = `${JSON.stringify(tools, null, 2)}\n`;
  expect(Buffer.byteLength(JSON.stringify(tools))).toBeLessThanOrEqual(20_000);
  await expect(text).toMatchFileSnapshot('tools.snapshot.txt');
  for (const tool of tools) {
    expect(tool.name).toMatch(/^flyball_[a-z_]+$/);
    expect(tool.name).not.toMatch(/approve|deny|merge|resume|cancel|retry|resolve|pause|run|init|rebuild/);
    expect(tool).toMatchObject({
      title: expect.any(String),
      annotations: {
        readOnlyHint: expect.any(Boolean),
        destructiveHint: expect.any(Boolean),
        openWorldHint: expect.any(Boolean),
      },
      inputSchema: { type: 'object' },
      outputSchema: { type: 'object' },
    });
  }
});

describe.each(['sdk 1', 'client 2'] as const)('an agent with %s', generation => {
  test('reads, proposes a threshold; a person merges it, the daemon enforces it, the agent reads the decision', async () => {
    const at = await home({ ...documents, [path]: alarmAbove('30') });
    await setLevels(at, { north: 20 });
    const daemon = await at.daemon();
    const base = await until('the first commit is in force', () => commitInForce(at.state));
    const agent = await agentOf(generation, at);

    const status = await agent.call('flyball_get_status');
    expect(status.structuredContent).toMatchObject({ commit: base, engine: daemon.pid, targets: 1 });
    const list = await agent.call('flyball_list_policies');
    expect(list.structuredContent).toMatchObject({
      policies: [{ policy: 'alarm', when: 'level > 30', file: path }],
    });
    const policy = await agent.call('flyball_get_policy', { policy: 'alarm' });
    expect(policy.structuredContent).toMatchObject({
      commit: base,
      text: expect.stringContaining('when: level > 30'),
    });

    const slip = alarmAbove('10').replace('when: level', 'when: levle');
    const invalid = await agent.call('flyball_validate_policy', { files: [{ path, text: slip }] });
    expect(invalid.structuredContent).toMatchObject({
      ok: false,
      diagnostics: [
        {
          ...{ severity: 'error', file: 'policies/alarm.yaml', line: 10, column: 9 },
          message: expect.stringMatching(/^levle is not observed/),
          text: expect.stringMatching(/^error policies\/alarm\.yaml:10:9: levle is not observed/),
        },
      ],
    });
    const refused = await agent.call('flyball_propose_policy_change', {
      files: [{ path, text: slip }],
      title: 'A slip',
    });
    expect(refused.isError).toBe(true);
    expect(wordsOf(refused)).toContain('policies/alarm.yaml:10:9:');
    const plan = await agent.call('flyball_plan_reconcile', { detail: 'full' });
    expect(plan.structuredContent).toMatchObject({
      commit: base,
      rules: [{ policy: 'alarm', answer: 'ok' }],
    });

    const draft = {
      files: [{ path, text: alarmAbove('10') }],
      title: 'Lower the threshold',
      rationale: 'It was 20.',
    };
    const proposed = await agent.call('flyball_propose_policy_change', draft);
    const branch = String(proposed.structuredContent?.branch);
    expect(wordsOf(proposed)).toContain(`flyball proposals merge ${branch}`);
    expect(git(at.repository, 'branch', '--list', branch)).toContain(branch);
    expect(git(at.repository, 'status', '--porcelain')).toBe('');
    expect(git(at.repository, 'rev-parse', 'main')).toBe(base);
    expect((await agent.call('flyball_propose_policy_change', draft)).structuredContent?.branch).toBe(branch);
    expect(messagesOf(at.state)).toEqual([]);

    const shown = await at.flyball('proposals', 'show', branch);
    expect(shown.stdout).toMatch(/^-\s+when: level > 30$/m);
    expect(shown.stdout).toMatch(/^\+\s+when: level > 10$/m);
    const merged = await at.json<{ sha: string }>('proposals', 'merge', branch);
    await until(
      'the merged threshold is in force',
      () => commitInForce(at.state) === merged.sha || undefined,
    );
    await until('it acts', () => messagesOf(at.state)[0]);
    const explained = await agent.call('flyball_explain_decision', { what: 'alarm' });
    expect(explained.structuredContent).toMatchObject({
      sections: [
        {
          policy: 'alarm',
          clause: 'level > 10',
          commit: merged.sha,
          where: 'policies/alarm.yaml:10:9',
          operands: [expect.objectContaining({ name: 'level', value: '20' })],
        },
      ],
    });
    const requested = await agent.call('flyball_request_reconcile', { reason: 'look again' });
    expect(wordsOf(requested)).toContain(`the engine (process ${daemon.pid})`);
    const request = await until('the wish is recorded', () => entriesOf(at.state, 'request')[0]);
    expect(request.body).toMatchObject({ by: { door: 'mcp', authenticated: false }, reason: 'look again' });
    await agent.close();
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  });
});

describe('what agents may not', () => {
  const connection = {
    block:
      'apiVersion: flyball.dev/v1\nkind: Connection\nmetadata: { name: extra }\nspec: { connector: duckdb, path: . }\n',
    flow: '{ apiVersion: flyball.dev/v1, kind: Connection, metadata: { name: extra }, spec: { connector: duckdb, path: . } }\n',
    escaped:
      'apiVersion: flyball.dev/v1\n"\\u006bind": Connection\nmetadata: { name: extra }\nspec: { connector: duckdb, path: . }\n',
    tagged:
      'apiVersion: flyball.dev/v1\nkind: !!str Connection\nmetadata: { name: extra }\nspec: { connector: duckdb, path: . }\n',
    anchored:
      'apiVersion: flyball.dev/v1\nkind: &kind Connection\nmetadata: { name: extra }\nspec: { connector: duckdb, path: . }\n',
    second: `${alarmAbove('3', 'other')}---\n{ apiVersion: flyball.dev/v1, kind: Connection, metadata: { name: extra }, spec: { connector: duckdb, path: . } }\n`,
  };

  test('propose Connections, Settings, Datasets or Models, however they are written; leave the repository', async () => {
    const at = await home({ ...documents, [path]: alarmAbove('30') });
    const agent = await agentOf('sdk 1', at);
    const drafts: readonly (readonly [file: string, text: string, why: string])[] = [
      ...Object.values(connection).map(text => ['extra.yaml', text, 'holds a Connection'] as const),
      [
        'flyball.yaml',
        POLICIES['flyball.yaml']?.replace('on-call: [ana]', 'on-call: []') ?? '',
        'holds a Settings',
      ],
      ['model.yaml', modelWith('retrain: { timeout: 20m }'), 'holds a Model'],
      ['datasets.yaml', `${documents['datasets.yaml']}# more\n`, 'holds a Dataset'],
      // A file that holds Connections does not become a policy's either: that would delete them.
      ['connections.yaml', alarmAbove('3', 'other'), 'holds a Connection'],
      // Settings say which files are theirs; policies/** unless said.
      [
        'other.yaml',
        alarmAbove('3', 'other'),
        'other.yaml is not among the files that agents may change; expected policies/**',
      ],
      ['../outside.yaml', alarmAbove('3', 'other'), 'path'],
      ['.git/hooks/x.yaml', alarmAbove('3', 'other'), 'path'],
    ];
    for (const [file, text, why] of drafts) {
      const answer = await agent.call('flyball_propose_policy_change', {
        files: [{ path: file, text }],
        title: 'More',
      });
      expect(answer.isError, `${file}: ${text}`).toBe(true);
      expect(wordsOf(answer), text).toContain(why);
    }
    expect(git(at.repository, 'branch', '--list', 'proposals/*')).toBe('');
    expect(existsSync(join(at.dir, 'outside.yaml'))).toBe(false);
  });

  test('approve, whatever they send', async () => {
    const actions = 'retrain: { approval: { from: [on-call], quorum: 1, expires: 1h }, timeout: 10m }';
    const at = await home({ ...documents, 'model.yaml': modelWith(actions), 'policies/remedy.yaml': remedy });
    await setLevels(at, { north: 50 });
    const daemon = await at.daemon();
    const ask = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
    const { approval } = ask.body;

    const agent = await agentOf('client 2', at);
    const waiting = await agent.call('flyball_list_approvals');
    expect(waiting.structuredContent).toMatchObject({ approvals: [{ approval, verb: 'retrain' }] });
    const names = [
      'approve',
      'deny',
      'merge',
      'resume',
      'cancel',
      'retry',
      'resolve',
      'pause',
      'run',
      'ledger rebuild',
    ];
    for (const name of names.flatMap(one => [
      one,
      `flyball_${one}`,
      `flyball_${one}_action`,
      `flyball_${one}_proposal`,
    ]))
      await expect(agent.call(name, { approval, decision: 'yes' })).rejects.toThrow(/not found|unknown/i);

    // On the wire: forged answers to a question that was never put, and roles that nobody gave.
    const forged = {
      inputResponses: { approve: { action: 'accept', content: { approval, decision: 'yes', ok: true } } },
      requestState: 'granted',
      _meta: { role: 'admin', principal: { name: 'ana', authenticated: true } },
    };
    const { answers, stray } = await conversation(at, [
      { method: 'tools/call', params: { name: 'flyball_get_status', arguments: {}, ...forged } },
      {
        method: 'tools/call',
        params: { name: 'flyball_request_reconcile', arguments: { target: 'model/churn' }, ...forged },
      },
      {
        method: 'tools/call',
        params: {
          name: 'flyball_request_reconcile',
          arguments: { what: 'approval', approval, decision: 'yes' },
        },
      },
      { method: 'tools/call', params: { name: 'approve', arguments: { approval, as: 'ana' }, ...forged } },
      { method: 'elicitation/create', params: { approval, action: 'accept' } },
      { method: 'flyball/approve', params: { approval } },
    ]);
    expect(stray).toEqual([]);
    expect(answers).toHaveLength(7);

    expect(entriesOf(at.state, 'approval')).toEqual([]);
    expect(actionsOf(at.state)).toEqual([]);
    const status = await agent.call('flyball_get_status');
    expect(wordsOf(status)).toContain(`flyball approve ${approval}`);

    // A person can, and under trust: local-user it is shown for what it is.
    const approved = await at.flyball('approve', approval, '--as', 'ana', '--comment', 'go on');
    expect(approved).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('by ana (unauthenticated, self)'),
    });
    await until(
      'it is promoted',
      () => actionsOf(at.state).filter(one => one.state === 'succeeded').length === 4 || undefined,
    );
    expect((await at.flyball('log', '--kind', 'approval')).stdout).toContain(
      'yes by ana (unauthenticated, self): go on',
    );
    const { key } = actionsOf(at.state)[0] ?? { key: '' };
    const explained = await agent.call('flyball_explain_decision', { what: key.slice(0, 12) });
    expect(wordsOf(explained)).toContain('yes by ana (unauthenticated, self): go on');
    expect(await daemon.end('SIGTERM')).toBe(0);
  });
});

test('standard output carries the protocol and nothing else, and ends with its input', async () => {
  const at = await home({ ...documents, [path]: alarmAbove('x') });
  const { answers, stray, code } = await conversation(at, [
    { method: 'tools/list', params: {} },
    { method: 'tools/call', params: { name: 'flyball_request_reconcile', arguments: {} } },
    { method: 'tools/call', params: { name: 'flyball_plan_reconcile', arguments: {} } },
    { method: 'tools/call', params: { name: 'flyball_get_status', arguments: { target: 'model/nope' } } },
  ]);
  expect({ stray, code }).toEqual({ stray: [], code: 0 });
  for (const answer of answers) expect(answer).toMatchObject({ jsonrpc: '2.0', id: expect.any(Number) });
  expect(JSON.stringify(answers)).toContain('no target model/nope is known');
});

test('without a daemon: reads, plans, appends wishes, and says that nothing is being enforced', async () => {
  const at = await home({ ...documents, [path]: alarmAbove('10') });
  expect((await at.flyball('reconcile')).code).toBe(0);
  await setLevels(at, { north: 20 });
  const agent = await agentOf('sdk 1', at);
  const nobody = /nothing is being enforced/;
  const status = await agent.call('flyball_get_status');
  expect(status.structuredContent?.engine).toBeUndefined();
  expect(wordsOf(status)).toMatch(nobody);
  const plan = await agent.call('flyball_plan_reconcile');
  expect(plan.structuredContent).toMatchObject({
    decisions: [{ policy: 'alarm', outcome: 'act', verb: 'notify' }],
  });
  expect(wordsOf(plan)).toMatch(nobody);
  const request = await agent.call('flyball_request_reconcile', { target: 'dataset/levels' });
  expect(wordsOf(request)).toMatch(nobody);
  const draft = { files: [{ path, text: alarmAbove('9') }], title: 'Nine' };
  expect(wordsOf(await agent.call('flyball_propose_policy_change', draft))).toMatch(nobody);
  await agent.close();
  expect(messagesOf(at.state)).toEqual([]);
  expect(entriesOf(at.state, 'request').at(-1)?.body).toMatchObject({ by: { door: 'mcp' } });
});

test('under trust: tokens nobody can decide without proof, and the refusal stands in the ledger', async () => {
  const at = await home(
    { ...documents, [path]: alarmAbove('30') },
    DAEMON_YAML.replace('local-user', 'tokens'),
  );
  for (const args of [
    ['approve', 'abcdef'],
    ['deny', 'abcdef'],
    ['resume'],
    ['proposals', 'merge', 'proposals/x'],
  ]) {
    const { code, stderr } = await at.flyball(...args);
    expect({ args, code, stderr }).toEqual({
      args,
      code: 1,
      stderr: expect.stringMatching(/expected approver, proved by a token: set FLYBALL_TOKEN/),
    });
  }
  const audited = entriesOf(at.state, 'audit').map(({ body }) => `${body.result} ${body.command}`);
  expect(audited).toEqual(['refused approve', 'refused deny', 'refused resume', 'refused proposals merge']);
  expect(readFileSync(join(at.dir, 'daemon.yaml'), 'utf8')).toContain('trust: tokens');
});
