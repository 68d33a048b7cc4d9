/**
 * A scripted agent goes the whole way against the real example: flights of February, a model that Flyball governs, the daemon,
 * and a plain MCP client. No model of language is asked anything: each step uses what the one before answered.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runReplay } from '../../examples/flights/demo.ts';
import { until } from '../e2e/until.ts';

const BIN = join(import.meta.dirname, '../../bin/flyball.js');
const TARGET = 'model/late-flights';
const SET_UP_MS = 15 * 60_000;
const PATH = 'policies/early-drift.yaml';
const PRINCIPALS = `principals:
  ana: { roles: [admin] }
  ben: { roles: [approver] }
  bot: { kind: agent, for: ben, roles: [proposer] }
`;

/** Louder sooner: two airports whose delays moved are told of, long before five of them mean a retraining. */
const policy = (statistic: string) => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: early-drift }
spec:
  mode: enforce
  description: Tells people when the delays of two airports have moved.
  target: { model: late-flights }
  every: 1d
  observe:
    psi:
      drift: ${statistic}
      feature: delay
      dataset: flights
      by: [origin]
      where: "origin in ['ATL', 'ORD', 'MSP', 'DFW', 'EWR', 'MCO']"
      window: 7d
      reference: { from: 2001-01-01, to: 2001-02-01 }
      minSamples: 500
  when: count(psi > 0.05) >= 1
  then:
    - notify: { text: "Delays moved at some airports; see flyball explain." }
`;

interface Answer {
  readonly isError?: boolean;
  readonly content: readonly { readonly text?: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

let home = '';
let daemon: ChildProcess | undefined;
let client: Client | undefined;
const tokens: Record<string, string> = {};

const environment = (more: Readonly<Record<string, string>> = {}) => {
  const { PATH: path = '', HOME = home } = process.env;
  return { PATH: path, HOME, NO_COLOR: '1', FLYBALL_HOME: home, ...more };
};

async function flyball(args: readonly string[], token?: string) {
  const env = environment(token === undefined ? {} : { FLYBALL_TOKEN: token });
  return promisify(execFile)(process.execPath, [BIN, ...args], { cwd: home, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    error => ({ code: Number(error.code), stdout: String(error.stdout), stderr: String(error.stderr) }),
  );
}

async function tokenOf(principal: string, by?: string): Promise<string> {
  const { stdout, stderr } = await flyball(['token', 'create', principal, '--json'], by);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { token: string }).token;
}

async function call(name: string, args: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  // A simulation asks the data of half a year again.
  const patience = { timeout: 300_000 };
  return (await client?.callTool({ name, arguments: { ...args } }, undefined, patience)) as Answer;
}

const wordsOf = (answer: Answer) => answer.content.map(({ text }) => text ?? '').join('\n');

async function ok(name: string, args: Readonly<Record<string, unknown>> = {}) {
  const answer = await call(name, args);
  if (answer.isError) throw new Error(`${name}: ${wordsOf(answer)}`);
  return { words: wordsOf(answer), data: answer.structuredContent ?? {} };
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'flyball-agent-'));
  const replayed = join(home, 'replay');
  await runReplay({ home: replayed, from: '2001-02-01', to: '2001-02-18', print: () => {} });
  home = replayed;
  const file = join(home, 'daemon.yaml');
  const settings = readFileSync(file, 'utf8').replace('trust: local-user', 'trust: tokens');
  writeFileSync(file, settings + PRINCIPALS);
  const log = { text: '' };
  daemon = spawn(process.execPath, [BIN, 'run'], {
    cwd: home,
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  daemon.stderr?.on('data', text => {
    log.text += String(text);
  });
  await until(
    'the daemon listens',
    () => existsSync(join(home, 'state/daemon.sock')) || undefined,
    () => log.text,
  );
  tokens.ana = await tokenOf('ana');
  for (const name of ['ben', 'bot']) tokens[name] = await tokenOf(name, tokens.ana);
  client = new Client({ name: 'scripted', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [BIN, 'mcp'],
      cwd: home,
      env: environment({ FLYBALL_TOKEN: tokens.bot ?? '' }),
      stderr: 'ignore',
    }),
  );
}, SET_UP_MS);

afterAll(async () => {
  await client?.close();
  if (daemon && daemon.exitCode === null) {
    const ended = new Promise(resolve => daemon?.once('exit', resolve));
    daemon.kill('SIGTERM');
    await ended;
  }
  if (home !== '') rmSync(join(home, '..'), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

test(
  'reads, diagnoses, drafts, mends, simulates, proposes; a person merges; the policy fires, and the agent reads it',
  async () => {
    // Whom it is taken for, and what it is offered: nothing that decides.
    const tools = (await client?.listTools())?.tools.map(one => one.name) ?? [];
    expect(tools).toContain('flyball_propose_policy_change');
    expect(tools.filter(name => /approve|merge|resume|deny|token/.test(name))).toEqual([]);

    const status = await ok('flyball_get_status');
    expect(status.data).toMatchObject({ env: 'demo', engine: daemon?.pid });
    const report = await ok('flyball_get_report', { kind: 'drift', target: TARGET, since: '14d' });
    expect(report.data.diagnosis).not.toEqual([]);
    const why = await ok('flyball_explain_decision', { target: TARGET, what: 'delay-drift' });
    expect(why.words).toContain('psi');

    // The first draft has a mistake, which is told by line and column.
    const wrong = await call('flyball_validate_policy', { files: [{ path: PATH, text: policy('pi') }] });
    expect(wordsOf(wrong)).toMatch(/early-drift\.yaml:11:14: psi\.drift is "pi"; expected psi or ks/);
    const files = [{ path: PATH, text: policy('psi') }];
    const right = await ok('flyball_validate_policy', { files });
    expect(right.words).not.toMatch(/error/i);
    const simulated = await ok('flyball_simulate_policy', { files, policy: 'early-drift' });
    expect(simulated.words).not.toBe('');

    // What agents may not change is refused before anything is written.
    const settings = await call('flyball_propose_policy_change', {
      files: [
        {
          path: 'policies/flyball.yaml',
          text: 'apiVersion: flyball.dev/v1\nkind: Settings\nmetadata: { name: flyball }\nspec: { mode: enforce }\n',
        },
      ],
      title: 'Everything enforced',
    });
    expect(settings.isError).toBe(true);
    const proposal = { files, title: 'Tell of drift at two airports', rationale: report.words.slice(0, 500) };
    const proposed = await ok('flyball_propose_policy_change', { ...proposal, idempotency_key: 'first' });
    const again = await ok('flyball_propose_policy_change', { ...proposal, idempotency_key: 'first' });
    expect(again.data.sha).toBe(proposed.data.sha);
    const branch = String(proposed.data.branch);

    // Neither the agent nor the person for whom it acts can merge it.
    for (const name of ['approve', 'merge', 'proposals_merge', 'resume'])
      expect(
        await call(`flyball_${name}`, { branch }).then(
          ({ isError }) => isError,
          () => true,
        ),
      ).toBe(true);
    for (const who of ['bot', 'ben']) {
      const refused = await flyball(['proposals', 'merge', branch], tokens[who]);
      expect({ who, code: refused.code }).toEqual({ who, code: 1 });
      expect(refused.stderr).toMatch(who === 'bot' ? /is an agent/ : /proposed for/);
    }
    expect((await flyball(['proposals', 'merge', branch])).stderr).toMatch(/proved by a token/);
    const merged = await flyball(['proposals', 'merge', branch], tokens.ana);
    expect(merged).toMatchObject({ code: 0, stderr: '' });

    // The daemon takes the merge like any commit; the policy fires on the flights' own data.
    await until(
      'the merge is in force',
      async () => ((await call('flyball_get_policy', { policy: 'early-drift' })).isError ? undefined : true),
      async () => wordsOf(await call('flyball_get_status')),
    );
    // The example's clock stands where its replay ended, so that no slot comes by itself.
    await ok('flyball_request_reconcile', {
      target: TARGET,
      reason: 'a new policy',
      idempotency_key: 'second',
    });
    const fired = await until(
      'the policy fires',
      async () => {
        const found = await call('flyball_explain_decision', { target: TARGET, what: 'early-drift' });
        return /firing/i.test(wordsOf(found)) ? wordsOf(found) : undefined;
      },
      async () => wordsOf(await call('flyball_explain_decision', { target: TARGET, what: 'early-drift' })),
    );
    expect(fired).toContain('psi');
    const actions = await until(
      'its message is sent',
      async () => {
        const found = await ok('flyball_search_ledger', { chain: TARGET, kind: 'outcome', limit: 20 });
        return found.words.includes('succeeded') ? found.words : undefined;
      },
      async () => wordsOf(await call('flyball_search_ledger', { chain: TARGET, limit: 20 })),
    );
    expect(actions).toContain('succeeded');
    const digest = await ok('flyball_get_digest');
    expect(digest.words).toContain('early-drift');
    const audited = await flyball(['log', 'fleet', '--kind', 'audit', '--limit', '100']);
    expect(audited.stdout).toMatch(/allowed propose by bot through mcp/);
    expect(audited.stdout).toMatch(/refused proposals merge by bot/);
    expect(audited.stdout).toMatch(/allowed proposals merge by ana/);
  },
  8 * 60_000,
);
