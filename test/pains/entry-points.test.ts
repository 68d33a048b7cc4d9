/** Pains that show at the doors: one validator behind all of them, and status and plan that tell what is really in force. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES, setLevels } from '../e2e/churn.ts';
import { conversation } from '../e2e/conversation.ts';
import { type Home, makeHome } from '../e2e/home.ts';
import { messagesOf } from '../e2e/ledger.ts';

const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
const path = 'policies/alarm.yaml';
/** The very slip: a key that is nearly the right one, so that the rule would look at all rows. */
const slipped = alarmAbove('10').replace(
  `level: { query: warehouse, sql: "SELECT max(value) AS value FROM files('levels.parquet')" }`,
  `level: { rows: self, filters: "place == 'north'" }`,
);
const unset = alarmAbove('10').replace('every: 1s', 'evry: 1s');

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.end();
});

async function home(policies: Readonly<Record<string, string>>): Promise<Home> {
  const made = await makeHome(policies);
  homes.push(made);
  await furnish(made);
  await setLevels(made, { north: 20 });
  return made;
}

describe('P11 a misspelt key is refused at every door, in the same words', () => {
  const KEYS: readonly (readonly [string, string, RegExp])[] = [
    ['a key of the policy', unset, /alarm\.yaml:7:3: .*evry.*every/],
    ['a key of an observation', slipped, /alarm\.yaml:9:\d+: .*filters/],
  ];

  test.each(KEYS)('%s', async (_name, text, message) => {
    const at = await home({ ...documents, [path]: alarmAbove('30') });
    await at.flyball('reconcile');
    mkdirSync(join(at.dir, 'draft', 'policies'), { recursive: true });
    for (const [name, body] of Object.entries({ ...documents, [path]: text }))
      writeFileSync(join(at.dir, 'draft', name), body);

    const validated = await at.flyball('validate', 'draft');
    expect(validated).toMatchObject({ code: 1, stdout: expect.stringMatching(message) });
    const line = (/alarm\.yaml:\d.*/.exec(validated.stdout)?.[0] ?? '').trim();
    expect(line).toMatch(/expected|Did you mean/);

    // An agent's draft, by the protocol.
    const files = [{ path, text }];
    const call = (name: string, args: object) => ({
      method: 'tools/call',
      params: { name, arguments: args },
    });
    const { answers } = await conversation(at, [
      call('flyball_validate_policy', { files }),
      call('flyball_propose_policy_change', { files, title: 'A slip' }),
    ]);
    const [, valid, proposed] = answers.map(answer => JSON.stringify(answer));
    expect(JSON.parse(valid ?? '{}')).toMatchObject({ result: { structuredContent: { ok: false } } });
    expect(JSON.parse(proposed ?? '{}')).toMatchObject({ result: { isError: true } });
    for (const said of [valid, proposed]) expect(said).toContain(JSON.stringify(line).slice(1, -1));

    // A commit: what was in force stays, and status and plan say why.
    at.commit({ [path]: text });
    await at.flyball('reconcile');
    const status = await at.json<{ rejected: readonly string[] }>('status');
    expect(status.rejected).toContainEqual(expect.stringContaining(line));
    const plan = await at.flyball('plan');
    expect(plan).toMatchObject({ code: 1, stdout: expect.stringContaining(line) });
    expect((await at.flyball('explain', 'alarm')).stdout).toContain('level > 30');
    expect(messagesOf(at.state)).toEqual([]);
  });
});

test('P14 a policy that matches no target stands in status and in validate', async () => {
  const nobody = alarmAbove('10', 'nobody').replace(
    'target: { dataset: levels }',
    'target: { dataset: { labels: { tier: gold } } }',
  );
  const at = await home({ ...documents, [path]: alarmAbove('30'), 'policies/nobody.yaml': nobody });
  await at.flyball('reconcile');
  expect(await at.json('status')).toMatchObject({ targets: 1, unmatched: ['nobody'], rejected: [] });
  expect((await at.flyball('status')).stdout).toMatch(/MATCHES 0 +nobody has no target/);
  expect((await at.flyball('validate')).stdout).toMatch(
    /^warning policies\/nobody\.yaml:6:\d+: (warning: )?\{ tier: gold \} matches no dataset/m,
  );
});

test('P48 plan says the mode that is in force, and where it is set', async () => {
  const at = await home({
    ...documents,
    'policies/remedy.yaml': (POLICIES['policies/remedy.yaml'] ?? '').replace(
      'mode: enforce',
      'mode: observe',
    ),
  });
  const plan = await at.flyball('plan');
  expect(plan.stdout).toMatch(/mode is observe \(Policy says observe\): would retrain/);
  expect(plan.code).toBe(0);
  const raised = at.commit({ 'policies/remedy.yaml': POLICIES['policies/remedy.yaml'] ?? '' });
  expect(raised).toMatch(/^\w{40}$/);
  expect((await at.flyball('plan')).stdout).not.toContain('mode is observe');
});
