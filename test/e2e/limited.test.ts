/** Whoever has a role on some targets only: nothing of the others is in any answer, error, resource or completion. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { alarmAbove, furnish, POLICIES } from './churn.ts';
import { BIN, DAEMON_YAML, type Home, makeHome } from './home.ts';
import { commitInForce } from './ledger.ts';
import { until } from './until.ts';

/** Stands in the hidden target's name, in its policies, and in why it is paused. */
const MARK = 'hushhush';
const HIDDEN = `dataset/${MARK}`;
const SEEN = 'dataset/levels';
const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
const hidden = `apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: ${MARK} }
spec:
  owner: growth
  connection: warehouse
  path: levels.parquet
  key: place
  columns:
    place: { type: string, segment: true }
    value: { type: number }
`;
const policy = alarmAbove('1', `${MARK}-alarm`).replace(/dataset: levels/g, `dataset: ${MARK}`);
const PRINCIPALS = `principals:
  ana: { roles: [admin] }
  vic: { roles: [{ role: operator, targets: ["dataset/lev*"] }] }
`;

let home: Home;
let token: string;
let client: Client;

beforeAll(async () => {
  const files = {
    ...documents,
    'policies/alarm.yaml': alarmAbove('1'),
    'policies/z-hidden-dataset.yaml': hidden,
    'policies/z-hidden-policy.yaml': policy,
  };
  home = await makeHome(files, DAEMON_YAML.replace('local-user', 'tokens') + PRINCIPALS);
  await furnish(home);
  const ana = (await home.json<{ token: string }>('token', 'create', 'ana')).token;
  await home.daemon();
  await until('the commit is in force', () => commitInForce(home.state));
  await home.flyball('pause', HIDDEN, '--reason', `${MARK} reason`);
  token = await tokenBy(ana, 'vic');
  client = new Client({ name: 'limited', version: '1' });
  const env = { ...home.env, FLYBALL_TOKEN: token };
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
  await client?.close();
  await home?.end();
});

async function tokenBy(by: string, principal: string): Promise<string> {
  const made = await home.as(by, 'token', 'create', principal, '--json');
  return (JSON.parse(made.stdout) as { token: string }).token;
}

/** Words of a command line by command; where several, each is tried. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  target: [SEEN, HIDDEN],
  policy: ['alarm', `${MARK}-alarm`, 'nope'],
  explain: ['alarm', `${MARK}-alarm`, `${MARK}-alarm --target ${HIDDEN}`, 'nope', '1', '2', '3'],
  log: ['', SEEN, HIDDEN, '--kind transition'],
  plan: ['', SEEN, HIDDEN, 'dataset/none'],
  backtest: ['alarm', `${MARK}-alarm`, 'nope'],
  report: [`quality ${SEEN}`, `quality ${HIDDEN}`],
  observations: [`${SEEN} level`, `${HIDDEN} level`],
  'proposals show': ['proposals/none'],
  approval: ['abcdef'],
  action: ['abcdef'],
  status: ['', HIDDEN, 'dataset/none'],
};

test('the owner of the state sees it, so that there is something to be hidden', async () => {
  const { stdout } = await home.flyball('status', '--json');
  expect(stdout).toContain(MARK);
});

test.each(commands.filter(one => one.effect === 'read' && one.terminal !== true).map(one => one.name))(
  '%s',
  async name => {
    for (const line of LINES[name] ?? ['']) {
      const words = line.split(' ').filter(word => word !== '');
      const { stdout, stderr } = await home.as(token, ...name.split(' '), ...words, '--json');
      // What somebody says themselves may be said back to them.
      const said = words.join(' ').includes(MARK);
      const told = `${stdout}${stderr}`;
      if (said) expect(told.replaceAll(new RegExp(words.join('|'), 'g'), ''), line).not.toContain('reason');
      else expect(told, `${name} ${line}`).not.toContain(MARK);
      if (said) expect(told, line).not.toMatch(/SELECT|firing|clause|verdict/i);
    }
  },
);

test('resources and completion', async () => {
  const { resources } = await client.listResources();
  expect(JSON.stringify(resources)).not.toContain(MARK);
  expect(JSON.stringify(resources)).toContain('alarm');
  await expect(client.readResource({ uri: `flyball://policies/${MARK}-alarm` })).rejects.toThrow();
  const ref = { type: 'ref/resource' as const, uri: 'flyball://policies/{name}' };
  const { completion } = await client.complete({ ref, argument: { name: 'name', value: MARK.slice(0, 2) } });
  expect(completion.values).toEqual([]);
});
