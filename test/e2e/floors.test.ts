/** Floors of daemon.yaml as people meet them: named as the reason, on record when they change, and lowered by no commit. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { furnish, modelWith, POLICIES, SETTINGS, setLevels } from './churn.ts';
import { DAEMON_YAML, type Home, makeHome } from './home.ts';
import { commitInForce, entriesOf } from './ledger.ts';
import { until } from './until.ts';

const homes: Home[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home.end();
});

const settings = SETTINGS.replace(
  /people: .*\n.*/,
  'people: { ana: { emails: [ana@acme.example] }, ben: { emails: [ben@acme.example] } }\n  groups: { on-call: [ana, ben] }',
);

async function homeUnder(floors: string, model = modelWith()): Promise<Home> {
  const files = { ...POLICIES, 'flyball.yaml': settings, 'model.yaml': model };
  const home = await makeHome(files, `${DAEMON_YAML}floors: ${floors}\n`);
  homes.push(home);
  await furnish(home);
  await setLevels(home, { north: 50 });
  return home;
}

const under = ({ dir }: Home, floors: string) =>
  writeFileSync(join(dir, 'daemon.yaml'), `${DAEMON_YAML}floors: ${floors}\n`);
const audits = ({ state }: Home) => entriesOf(state, 'audit').filter(({ body }) => body.command === 'floors');
const begun = ({ state }: Home) =>
  entriesOf(state, 'intent').filter(({ body }) => body.action.verb === 'retrain');

test('a ceiling is the reason in plan, explain and status; without it the daemon acts, and both are on record', async () => {
  const at = await homeUnder('{ quiet: { targets: [model/*], mode: observe } }');
  const why = 'mode is observe \\(floor quiet of daemon.yaml\\): would retrain';
  // Also before any engine has worked under it.
  expect((await at.flyball('plan')).stdout).toMatch(new RegExp(why));
  const daemon = await at.daemon();
  await until('it is held', () => entriesOf(at.state, 'decision')[0]);
  for (const line of [['plan'], ['explain', 'remedy'], ['status']])
    expect((await at.flyball(...line)).stdout, line[0]).toMatch(new RegExp(why));
  expect(begun(at)).toEqual([]);
  expect(await daemon.end('SIGTERM')).toBe(0);
  under(at, '{}');
  const again = await at.daemon();
  await until('it begins', () => begun(at)[0]);
  expect(await again.end('SIGTERM')).toBe(0);
  expect(audits(at).map(({ body }) => body.input)).toEqual([
    { floors: [{ name: 'quiet', targets: ['model/*'], mode: 'observe' }] },
    { floors: null },
  ]);
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  expect(await at.json('ledger', 'rebuild')).toMatchObject({ differences: [] });
});

test('a floor that is raised while the daemon was down asks anew, and a yes to the old question starts nothing', async () => {
  const asks = modelWith('retrain: { approval: { from: [on-call], quorum: 1, expires: 1h } }');
  const at = await homeUnder('{}', asks);
  const daemon = await at.daemon();
  const first = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
  expect(await daemon.end('SIGTERM')).toBe(0);
  expect(await at.flyball('approve', first.body.approval, '--as', 'ben')).toMatchObject({ code: 0 });
  under(at, '{ pair: { verbs: [retrain], quorum: 2 } }');
  const again = await at.daemon();
  const second = await until('it asks anew', () => entriesOf(at.state, 'ask')[1]);
  expect(second.body).toMatchObject({ quorum: 2, floors: ['pair'] });
  expect(entriesOf(at.state, 'withdrawn')[0]?.body).toMatchObject({
    reason: 'changed',
    message: expect.stringContaining('floor pair of daemon.yaml asks 2 people now'),
  });
  expect((await at.flyball('approvals')).stdout).toMatch(
    /needs +2 yes from on-call, as floor pair of daemon.yaml asks; so far 0/,
  );
  expect(await at.flyball('approve', second.body.approval, '--as', 'ben')).toMatchObject({ code: 0 });
  // A commit that asks nobody any more does not get round the floor.
  const head = at.commit({ 'model.yaml': modelWith('retrain: { timeout: 10m }') });
  await until('the commit is in force', () => commitInForce(at.state) === head || undefined);
  const third = await until('it asks still', () => entriesOf(at.state, 'ask')[2]);
  expect(third.body).toMatchObject({ quorum: 2, floors: ['pair'] });
  for (const name of ['ana', 'ben'])
    expect(await at.flyball('approve', third.body.approval, '--as', name)).toMatchObject({ code: 0 });
  await until('it begins', () => begun(at)[0]);
  expect(begun(at)).toHaveLength(1);
  expect(await again.end('SIGTERM')).toBe(0);
});

test('a mistake in a floor keeps the daemon from starting, with its place', async () => {
  const at = await homeUnder('{ a: { verbs: [retrian], quorum: 2 } }');
  const { code, stderr } = await at.flyball('status');
  expect(code).toBe(1);
  expect(stderr).toMatch(/daemon.yaml: floors.a.verbs: found retrian; expected .*retrain/);
});
