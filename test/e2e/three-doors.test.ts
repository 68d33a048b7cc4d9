/** One table, three doors: the same call on the same state is answered the same at the command line, over HTTP and over MCP. */
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { alarmAbove, furnish, POLICIES } from './churn.ts';
import { BIN, DAEMON_YAML, type Home, makeHome } from './home.ts';
import { commitInForce } from './ledger.ts';
import { until } from './until.ts';

const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
const policies = { ...documents, 'policies/alarm.yaml': alarmAbove('1') };
const TARGET = 'dataset/levels';
const policy = alarmAbove('2', 'other');

/** By command: the words of its command line, and the same as an input. Reads that give the same as long as nothing happens. */
const READS: readonly (readonly [command: string, argv: readonly string[], input: object])[] = [
  ['status', [], {}],
  ['status', [TARGET], { target: TARGET }],
  ['target', [TARGET], { target: TARGET }],
  ['policies', [], {}],
  ['policy', ['alarm'], { policy: 'alarm' }],
  ['approvals', [], {}],
  ['explain', ['alarm'], { what: 'alarm' }],
  ['log', [TARGET, '--limit', '5'], { chain: TARGET, limit: 5 }],
  ['actions', [], {}],
  ['windows', [], {}],
  ['silences', [], {}],
  ['proposals list', [], {}],
  ['token list', [], {}],
  ['report', ['quality', TARGET], { kind: 'quality', target: TARGET }],
  ['digest', [], {}],
];

/** Writes, in the order in which they are done: each door does the same again. */
const WRITES: typeof READS = [
  ['reconcile', [TARGET, '--reason', 'x'], { target: TARGET, reason: 'x' }],
  ['halt', ['--target', TARGET, '--reason', 'x', '--for', '1h'], { target: TARGET, reason: 'x', for: '1h' }],
];

let home: Home;
let client: Client;

beforeAll(async () => {
  home = await makeHome(policies, DAEMON_YAML);
  await furnish(home);
  await home.daemon();
  await until('the commit is in force', () => commitInForce(home.state));
  client = new Client({ name: 'doors', version: '1' });
  const env = { ...home.env };
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [BIN, 'mcp'],
      cwd: home.dir,
      env,
      stderr: 'ignore',
    }),
  );
});
afterAll(async () => {
  await client.close();
  await home.end();
});

const byCli = (command: string, argv: readonly string[]) => home.json(...command.split(' '), ...argv);

async function byHttp(command: string, input: object): Promise<Readonly<Record<string, unknown>>> {
  const path = `/api/v1/${command.replaceAll(' ', '/')}`;
  const where = { socketPath: join(home.state, 'daemon.sock'), path, method: 'POST' };
  const headers = { 'content-type': 'application/json' };
  const answer = await new Promise<string>((resolve, reject) => {
    request({ ...where, headers }, response => resolve(text(response)))
      .on('error', reject)
      .end(JSON.stringify(input));
  });
  return JSON.parse(answer) as Record<string, unknown>;
}

/** Undefined when agents are not offered it. */
async function byMcp(command: string, input: object) {
  const { tool } = commands.find(({ name }) => name === command) ?? {};
  if (tool === undefined) return undefined;
  const answer = await client.callTool({ name: tool, arguments: { ...input } });
  expect(answer.isError ?? false, JSON.stringify(answer.content)).toBe(false);
  return answer.structuredContent as Readonly<Record<string, unknown>>;
}

/** Without the moment of the question, and cursors, which are for one asker. */
function settled(output: Readonly<Record<string, unknown>>): unknown {
  const volatile = /^(now|lagMs|next|at|since|until|to|lookedAt|takenAt|uptimeMs|nextLook)$/;
  const kept = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(kept);
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).filter(([name]) => !volatile.test(name));
    return Object.fromEntries(fields.map(([name, one]) => [name, kept(one)]));
  };
  return kept(output);
}

/** What agents get: a result that is cut says so, details are for whoever asks for them, and names from outside are pointed at. */
function offeredOf(whole: Readonly<Record<string, unknown>>, mcp: Readonly<Record<string, unknown>>) {
  const { untrusted: __, truncated, ...shown } = mcp;
  expect(truncated).toBeUndefined();
  const same = Object.fromEntries(Object.keys(shown).map(name => [name, whole[name]]));
  return { shown: settled(shown), same: settled(same) };
}

describe('reads', () => {
  test.each(READS)('%s %j', async (command, argv, input) => {
    const [cli, http] = [await byCli(command, argv), await byHttp(command, input)];
    expect(settled(http)).toEqual(settled(cli));
    const mcp = await byMcp(command, input);
    if (mcp === undefined) return;
    const { shown, same } = offeredOf(cli, mcp);
    expect(shown).toEqual(same);
    expect(Object.keys(mcp).length).toBeGreaterThan(0);
  });

  test('a draft with a mistake is told the same', async () => {
    const files = [{ path: 'policies/other.yaml', text: policy.replace('when:', 'wen:') }];
    const [http, mcp] = [await byHttp('validate', { files }), await byMcp('validate', { files })];
    expect(http.ok).toBe(false);
    expect(settled(mcp ?? {})).toMatchObject({ ok: false, diagnostics: http.diagnostics });
  });
});

describe('writes', () => {
  test.each(WRITES)('%s %j', async (command, argv, input) => {
    const [cli, http] = [await byCli(command, argv), await byHttp(command, input)];
    expect(settled(http)).toEqual(settled(cli));
    const tools = (await client.listTools()).tools.map(({ name }) => name);
    const { tool = '' } = commands.find(({ name }) => name === command) ?? {};
    // An agent of this user proposes: what only operators may is not offered to it.
    if (!tools.includes(tool)) return;
    const mcp = await byMcp(command, input);
    expect(offeredOf(cli, mcp ?? {})).toMatchObject({ shown: expect.anything() });
  });
});

test('a refusal has the same words at each', async () => {
  const cli = await home.flyball('explain', 'nothing-of-that-name');
  const http = await byHttp('explain', { what: 'nothing-of-that-name' });
  expect(cli.code).toBe(1);
  expect(cli.stderr.trim()).toContain(http.detail);
  const mcp = await client.callTool({
    name: 'flyball_explain_decision',
    arguments: { what: 'nothing-of-that-name' },
  });
  expect(mcp.isError).toBe(true);
  expect(JSON.stringify(mcp.content)).toContain('nothing-of-that-name');
});
