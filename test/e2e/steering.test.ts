/** Steering on the command line: the kill switch, a pause that ends by itself, and the ways out of an episode by its number. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { furnish, modelWith, POLICIES, setLevels } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { entriesOf } from './ledger.ts';
import { linesOf } from './runs.ts';
import { until } from './until.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function home(policies: Readonly<Record<string, string>> = POLICIES): Promise<Home> {
  const made = await makeHome(policies);
  ends.push(() => made.end());
  await furnish(made);
  return made;
}

test('the kill switch: what runs is ended at the other end, nothing begins, and who and why is on every record', async () => {
  const at = await home();
  at.write('world/wait', '');
  await setLevels(at, { north: 50 });
  const daemon = await at.daemon();
  await until('the training runs', () => linesOf(join(at.dir, 'world/ran.txt'))[0]);
  const paused = await at.json<{ cancelled: string[] }>('pause', 'all', '--cancel', '--reason', 'wrong data');
  const [intent] = entriesOf(at.state, 'intent');
  expect(paused.cancelled).toEqual([intent?.body.action.id]);
  const cancel = await until('its chain says who', () => entriesOf(at.state, 'cancel')[0]);
  expect(cancel.body).toMatchObject({ reason: 'the pause of all: wrong data', by: { door: 'cli' } });
  const outcome = await until('it has ended', () => entriesOf(at.state, 'outcome')[0]);
  expect(outcome.body).toMatchObject({ outcome: 'cancelled' });
  const { episode } = (await until('it is stalled', () => entriesOf(at.state, 'stalled')[0])).body;
  expect(await at.json('retry', String(episode))).toMatchObject({
    means: 'its remedy begins anew, one round later',
  });
  const held = await until('it is held', () =>
    entriesOf(at.state, 'decision').find(({ body }) => body.decision.holds[0]?.reason === 'paused'),
  );
  expect(held.body.decision.holds[0]?.message).toMatch(/^all is paused by .*: wrong data$/);
  expect((await at.flyball('status')).stdout).toMatch(/^PAUSED +all by .* since .*: wrong data$/m);
  expect((await at.flyball('explain', 'remedy')).stdout).toMatch(
    /held +paused: all is paused by .*: wrong data/,
  );
  expect(await at.flyball('cancel', String(episode), '--reason', 'leave it')).toMatchObject({ code: 0 });
  await until('it is stalled again', () => entriesOf(at.state, 'stalled')[1]);
  expect((await at.flyball('cancel', String(episode))).stderr).toMatch(/is stalled: nothing of it goes on/);
  expect(entriesOf(at.state, 'intent').filter(({ body }) => body.action.verb === 'retrain')).toHaveLength(1);
  expect(await daemon.end('SIGTERM')).toBe(0);
  expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  expect(await at.json('ledger', 'rebuild')).toMatchObject({ differences: [] });
});

test('a pause with an end is over by itself, and what it held begins then', async () => {
  const at = await home();
  expect((await at.flyball('pause', '--until', 'noon')).stderr).toMatch(
    /--until is "noon"; expected how long/,
  );
  expect(await at.flyball('pause', 'retrain', '--until', '3s', '--reason', 'a moment')).toMatchObject({
    code: 0,
  });
  await setLevels(at, { north: 50 });
  const daemon = await at.daemon();
  const intent = await until('it begins', () => entriesOf(at.state, 'intent')[0]);
  const [pause] = entriesOf(at.state, 'pause');
  expect(intent.at).toBeGreaterThanOrEqual(pause?.body.until ?? Number.NaN);
  expect((await at.flyball('status')).stdout).not.toMatch(/^PAUSED/m);
  expect(await daemon.end('SIGTERM')).toBe(0);
});

test('a question that is cancelled by its episode: withdrawn with who and why, and nothing runs', async () => {
  const actions =
    'retrain: { approval: { from: [on-call], quorum: 1, expires: 1h, escalateAfter: 30m, onExpiry: escalate } }';
  const at = await home({ ...POLICIES, 'model.yaml': modelWith(actions) });
  await setLevels(at, { north: 50 });
  const daemon = await at.daemon();
  const asked = await until('it asks', () => entriesOf(at.state, 'ask')[0]);
  expect(asked.body).toMatchObject({ onExpiry: 'escalate', escalateAt: asked.at + 1_800_000 });
  const shown = await at.flyball('approval', asked.body.approval);
  expect(shown.stdout).toMatch(/^ {2}undone +not by itself; flyball cancel \d+ ends it while it runs$/m);
  await at.flyball('cancel', String(asked.body.episode), '--reason', 'not this week');
  const taken = await until('it is withdrawn', () => entriesOf(at.state, 'withdrawn')[0]);
  expect(taken.body).toMatchObject({
    reason: 'cancelled',
    message: expect.stringMatching(/^cancelled by .*: not this week$/),
  });
  await until('it is stalled', () => entriesOf(at.state, 'stalled')[0]);
  expect((await at.flyball('explain', String(asked.body.episode))).stdout).toContain('not this week');
  expect(existsSync(join(at.dir, 'world/ran.txt'))).toBe(false);
  expect(await daemon.end('SIGTERM')).toBe(0);
});
