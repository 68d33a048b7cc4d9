/** A plan is a value: saved, approved, applied exactly; and refused, with the difference named, once an input changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { furnish, modelWith, POLICIES, remedyAbove, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';

interface Plan {
  readonly hash: string;
  readonly actions: readonly { readonly outcome: string; readonly verb: string; readonly planHash: string }[];
  readonly policies?: readonly {
    readonly policy: string;
    readonly change: string;
    readonly acting: boolean;
    readonly from?: string;
    readonly fields: readonly {
      readonly path: string;
      readonly before?: string;
      readonly after?: string;
      readonly weakens?: string;
    }[];
  }[];
}
interface Applied {
  readonly applied: boolean;
  readonly differences: readonly string[];
  readonly waiting: readonly string[];
  readonly written: readonly string[];
}

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.end();
});

const ASKS = modelWith('retrain: { timeout: 10m, approval: { from: [on-call], expires: 8h } }');
const slow = (policy: string) => policy.replace('every: 1s', 'every: 1h');

async function breached(): Promise<Home> {
  const home = await makeHome({
    ...POLICIES,
    'model.yaml': ASKS,
    'policies/remedy.yaml': slow(remedyAbove('10')),
  });
  homes.push(home);
  await furnish(home);
  await setLevels(home, { north: 12 });
  return home;
}

const champion = (home: Home) =>
  (
    JSON.parse(readFileSync(join(home.dir, 'world/registry/churn/champion.json'), 'utf8')) as {
      version: string;
    }
  ).version;

test('P46 plan, approve, apply: exactly the planned action runs, and its sequence with it', async () => {
  const home = await breached();
  const planned = await home.json<Plan>('plan', '--out', 'plan.json');
  expect(planned.actions).toMatchObject([{ outcome: 'ask', verb: 'retrain' }]);

  const asked = await home.json<Applied>('apply', 'plan.json');
  expect(asked).toMatchObject({ applied: true, differences: [], waiting: [expect.any(String)] });
  expect(champion(home)).toBe('v1');

  expect((await home.flyball('approve', asked.waiting[0] ?? '')).code).toBe(0);
  const applied = await home.json<Applied>('apply', 'plan.json');
  expect(applied).toMatchObject({ applied: true, differences: [], waiting: [] });
  expect(applied.written.filter(line => /will (retrain|evaluate|promote)/.test(line))).toHaveLength(4);
  expect(champion(home)).not.toBe('v1');
});

describe('a plan is refused, with the difference named,', () => {
  test('when the data of its own time changed, the commit moved, or somebody paused', async () => {
    const home = await breached();
    await home.json('plan', '--out', 'plan.json');

    await setLevels(home, { north: 13 });
    const data = await home.json<Applied>('apply', 'plan.json');
    expect(data).toMatchObject({ applied: false, written: [] });
    expect(data.differences).toEqual(['model/churn: remedy/level was 12, is 13']);

    await setLevels(home, { north: 12 });
    await home.flyball('pause', 'all', '--reason', 'holidays');
    const paused = await home.json<Applied>('apply', 'plan.json');
    expect(paused.differences).toEqual([
      expect.stringMatching(/would no longer retrain .*paused by .*holidays/),
    ]);
    await home.flyball('resume', 'all');

    home.commit({ 'policies/remedy.yaml': slow(remedyAbove('11')) });
    const moved = await home.json<Applied>('apply', 'plan.json');
    expect(moved.differences).toEqual([expect.stringMatching(/^the branch was at \w{7}, is at \w{7}$/)]);
    expect(champion(home)).toBe('v1');
  });

  test('when its file was edited, is no plan, or an engine runs', async () => {
    const home = await breached();
    await home.json('plan', '--out', 'plan.json');
    const file = join(home.dir, 'plan.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"retrain"', '"promote"'));
    expect((await home.flyball('apply', 'plan.json')).stderr).toContain('it was edited');
    writeFileSync(file, '{');
    expect((await home.flyball('apply', 'plan.json')).stderr).toContain('it is no JSON');
    expect((await home.flyball('apply', 'none.json')).stderr).toContain('cannot be read (ENOENT)');
    writeFileSync(file, text);
    await home.daemon();
    expect((await home.flyball('apply', 'plan.json')).stderr).toContain('acts by itself');
  });
});

test('plan --base says what changed, policy by policy, in the words of the YAML', async () => {
  const home = await breached();
  home.commit({
    'model.yaml': modelWith(),
    'policies/remedy.yaml': '',
    'policies/moved.yaml': slow(remedyAbove('9')).replace('keepFor: 1h', 'keepFor: 2h'),
    'policies/idle.yaml': slow(remedyAbove('9'))
      .replace('name: remedy', 'name: idle')
      .replace(/target: \{.*\}/, 'target: { model: { labels: { tier: none } } }'),
  });
  const { policies } = await home.json<Plan>('plan', '--base', 'main~1');
  expect(policies).toHaveLength(1);
  expect(policies?.[0]).toMatchObject({
    policy: 'remedy',
    change: 'changed',
    acting: true,
    from: 'policies/remedy.yaml',
  });
  const fields = Object.fromEntries((policies?.[0]?.fields ?? []).map(one => [one.path, one]));
  expect(fields['rules.rule.when']).toMatchObject({ before: 'level > 10', after: 'level > 9' });
  expect(fields['rules.rule.keepFor']).toMatchObject({ before: '1h', after: '2h' });
  expect(fields['model.actions.retrain.approval.quorum']).toMatchObject({
    weakens: 'fewer people must agree',
  });
  const { stdout } = await home.flyball('plan', '--base', 'main~1', '--markdown');
  expect(stdout).toContain('**Weakening:**');
  expect(stdout).toMatch(/^- `\S+: warning: /m);
  expect(stdout, 'a table right after a list is part of its last item').not.toMatch(/^- .*\n\|/m);
  expect(stdout).toMatch(/\| changed \| `remedy` \| `model\/churn` \|/);
  expect((await home.flyball('plan', '--base', 'nowhere')).stderr).toContain('there is no commit "nowhere"');
});
