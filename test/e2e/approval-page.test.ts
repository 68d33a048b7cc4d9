/** Deciding at the daemon's page as a browser without scripts does it, and every way around it that is known. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ApprovalWorld,
  ageSessions,
  asking,
  browser,
  DAEMON_YAML,
  fieldsOf,
  retrainAsks,
} from './approval-world.ts';
import { setLevels } from './churn.ts';
import { entriesOf } from './ledger.ts';
import { until } from './until.ts';

const worlds: ApprovalWorld[] = [];
afterEach(async () => {
  for (const { home } of worlds.splice(0)) await home.end();
});
async function world(...args: Parameters<typeof asking>): Promise<ApprovalWorld> {
  const made = await asking(...args);
  worlds.push(made);
  return made;
}

const votes = ({ home }: ApprovalWorld) => entriesOf(home.state, 'approval').map(({ body }) => body);

test('a person logs in, sees the evidence, approves with a comment, and the ledger has it', async () => {
  const at = await world();
  const { url, approval, planHash, tokens } = at;
  const path = `/approvals/${approval}`;
  const ben = browser(url);

  const stranger = await ben.get(path);
  expect([stranger.status, stranger.headers.get('location')]).toEqual([
    303,
    `/login?next=${encodeURIComponent(path)}`,
  ]);
  const entry = await ben.login(tokens.ben ?? '', path);
  expect([entry.status, entry.headers.get('location')]).toEqual([303, path]);
  expect(entry.headers.getSetCookie()[0]).toMatch(
    /^flyball-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );

  const page = await ben.get(path);
  expect(page.status).toBe(200);
  for (const words of [
    'local/train',
    'level &gt; 10',
    'node train.mjs in code',
    '40 eur',
    planHash,
    'policies/remedy.yaml:10:9',
  ])
    expect(page.text).toContain(words);
  expect(page.text).toMatch(/<svg [^>]*aria-label="level \(number\) from/);
  expect(page.text).toContain('ana (wrote the change that it rests on)');
  expect(page.text).not.toContain('<script');
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; .*frame-ancestors 'none'/);
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect((await ben.get('/approvals')).text).toContain(`href="${path}"`);

  const { csrf = '', plan = '' } = fieldsOf(page.text);
  expect(plan).toBe(planHash);
  const done = await ben.send(path, { csrf, plan, decision: 'approve', comment: 'go <b>on</b>' });
  expect([done.status, done.headers.get('location')]).toEqual([303, path]);
  expect(votes(at)).toMatchObject([
    {
      approval,
      decision: 'yes',
      comment: 'go <b>on</b>',
      by: { name: 'ben', door: 'http', authenticated: true },
    },
  ]);
  await until('it is trained', () => entriesOf(at.home.state, 'outcome')[0]);
  const after = await ben.get(path);
  expect(after.text).toContain('Approved');
  expect(after.text).toContain('go &lt;b&gt;on&lt;/b&gt;');
  expect(after.text).not.toContain('name="decision"');
  // Replayed, whole: the question is decided.
  const replayed = await ben.send(path, { csrf, plan, decision: 'approve' });
  expect([replayed.status, replayed.text]).toEqual([409, expect.stringContaining('does not wait any more')]);
  expect(votes(at)).toHaveLength(1);
});

describe('nobody gets around it', () => {
  test('forged forms, other sites, other people, agents, ended sessions', async () => {
    const at = await world(retrainAsks().replace('quorum: 1', 'quorum: 2'));
    const { url, approval, planHash, tokens } = at;
    const path = `/approvals/${approval}`;
    const ben = browser(url);
    await ben.login(tokens.ben ?? '');
    const { csrf = '', plan = '' } = fieldsOf((await ben.get(path)).text);
    const yes = { csrf, plan, decision: 'approve' };

    // Another origin, none, and null: refused whatever the form holds.
    for (const origin of ['https://evil.example', 'null'])
      expect((await ben.send(path, yes, origin)).status, origin).toBe(403);
    expect((await ben.get(path)).headers.get('x-frame-options')).toBe('DENY');
    // A mark of another browser, of another approval, of another plan, and none.
    for (const wrong of [
      { ...yes, csrf: '' },
      { ...yes, csrf: csrf.slice(0, -2) },
      { ...yes, plan: 'a'.repeat(64) },
    ])
      expect((await ben.send(path, wrong)).status, JSON.stringify(wrong)).toBe(403);
    const cleo = browser(url);
    await cleo.login(tokens.cleo ?? '');
    expect((await cleo.send(path, yes)).status, 'the mark of another session').toBe(403);
    expect((await ben.send(path, { ...yes, decision: 'constructor' })).status).toBe(400);

    // Self-approval: ana wrote the change. Her page says who may, and offers nothing; neither do forms, nor her other token.
    const ana = browser(url);
    await ana.login(tokens.ana ?? '');
    const hers = await ana.get(path);
    expect(hers.text).toContain('ana wrote the change that it rests on, so somebody else decides.');
    expect(hers.text).toContain('ben, cleo');
    expect(hers.text).not.toContain('name="decision"');
    const second = await at.tokenFor('ana');
    for (const token of [tokens.ana ?? '', second])
      expect((await at.as(token, 'approve', approval)).stderr).toMatch(
        /wrote the change.*Expected one of: ben, cleo/,
      );
    expect((await at.as(tokens.ben ?? '', 'approve', approval, '--as', 'cleo')).stderr).toMatch(
      /you are ben, who proved it/,
    );

    // Two tokens of one person are one yes of two.
    const other = await at.tokenFor('ben');
    expect((await ben.send(path, yes)).status).toBe(303);
    const again = browser(url);
    await again.login(other);
    const twice = fieldsOf((await again.get(path)).text);
    expect((await again.send(path, { ...twice, decision: 'approve' })).text).toContain(
      'ben has said yes already',
    );
    expect((await at.as(other, 'approve', approval)).stderr).toContain('ben has said yes already');

    // Who only looks, and programs.
    const dora = browser(url);
    await dora.login(tokens.dora ?? '');
    expect((await dora.get(path)).text).not.toContain('name="decision"');
    for (const name of ['eve', 'ci']) {
      const refused = await browser(url).login(tokens[name] ?? '');
      expect([refused.status, refused.text]).toEqual([
        403,
        expect.stringContaining('only people log in here'),
      ]);
    }
    expect((await at.as(tokens.eve ?? '', 'approve', approval)).stderr).toMatch(/eve is an agent/);
    expect((await browser(url).login('fb_0123456789_'.padEnd(57, 'a'))).text).toContain('not known here');
    // A token in a header opens no page.
    const byHeader = await fetch(`${url}${path}`, {
      redirect: 'manual',
      headers: { authorization: `Bearer ${tokens.ben}` },
    });
    expect(byHeader.status).toBe(303);
    // Nobody is sent elsewhere after a login.
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', '/approvals/../x'])
      expect((await browser(url).login(tokens.cleo ?? '', next)).headers.get('location')).toBe('/approvals');

    // A token that is revoked ends its session at once; logging out ends it too.
    const id = /^fb_([a-z0-9]{10})_/.exec(other)?.[1] ?? '';
    expect((await at.as(tokens.ben ?? '', 'token', 'revoke', id)).code).toBe(0);
    expect((await again.get(path)).status).toBe(303);
    const kept = new Map(cleo.jar);
    const leave =
      /name="csrf" value="([^"]+)"><button class="plain"/.exec((await cleo.get('/approvals')).text)?.[1] ??
      '';
    expect((await cleo.send('/logout', { csrf: leave })).headers.get('location')).toBe('/login');
    for (const [name, value] of kept) cleo.jar.set(name, value);
    expect((await cleo.get(path)).status).toBe(303);

    expect(votes(at)).toMatchObject([{ decision: 'yes', by: { name: 'ben' } }]);
    expect(entriesOf(at.home.state, 'intent')).toEqual([]);
    expect(planHash).toBe(plan);
  });

  test('a plan that changed, and a question that expired, are not decided', async () => {
    const at = await world(retrainAsks().replace('expires: 1h', 'expires: 20s'));
    const { url, approval, home, tokens } = at;
    const path = `/approvals/${approval}`;
    const ben = browser(url);
    await ben.login(tokens.ben ?? '');
    const old = fieldsOf((await ben.get(path)).text);
    home.commit({ 'model.yaml': retrainAsks().replace('timeout: 10m', 'timeout: 20m') });
    const asked = await until('it asks anew', () => entriesOf(home.state, 'ask')[1]);
    const late = await ben.send(path, { ...old, decision: 'approve' });
    expect([late.status, late.text]).toEqual([
      409,
      expect.stringContaining('does not wait any more: withdrawn'),
    ]);
    expect(late.text).not.toContain('name="decision"');
    // The old plan with the new question: its mark is of another form, and the command has the last word.
    const next = `/approvals/${asked.body.approval}`;
    const fresh = fieldsOf((await ben.get(next)).text);
    expect((await ben.send(next, { ...fresh, plan: old.plan ?? '', decision: 'approve' })).status).toBe(403);
    const { stderr } = await at.as(
      tokens.ben ?? '',
      'approve',
      asked.body.approval,
      '--plan-hash',
      old.plan ?? '',
    );
    expect(stderr).toContain('changed plan');

    home.commit({ 'model.yaml': retrainAsks().replace('expires: 1h', 'expires: 1s') });
    const short = await until('it asks a last time', () => entriesOf(home.state, 'ask')[2]);
    await until('nobody decides', () =>
      entriesOf(home.state, 'withdrawn').find(({ body }) => body.reason === 'expired'),
    );
    const over = await ben.get(`/approvals/${short.body.approval}`);
    expect(over.text).toContain('Expired: nobody decided in time');
    expect(over.text).not.toContain('name="decision"');
    expect(await at.as(tokens.ben ?? '', 'approve', short.body.approval)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expired'),
    });
    expect(votes(at)).toEqual([]);
    await setLevels(home, { north: 1 });
  });
});

test('a session ends by itself, and a decision needs a proof of the last minutes', async () => {
  const at = await world();
  const { url, approval, tokens } = at;
  const path = `/approvals/${approval}`;
  const ben = browser(url);
  for (const field of ['seenAt', 'until'] as const) {
    await ben.login(tokens.ben ?? '');
    expect((await ben.get(path)).status).toBe(200);
    ageSessions(at, field);
    expect((await ben.get(path)).status, field).toBe(303);
  }
  await ben.login(tokens.ben ?? '');
  ageSessions(at, 'provedAt');
  const page = await ben.get(path);
  expect(page.text).toContain('Your token, as your login is a while ago');
  const form = { ...fieldsOf(page.text), decision: 'approve' };
  for (const token of ['', tokens.cleo ?? '', 'fb_x'])
    expect((await ben.send(path, { ...form, token })).status, token).toBe(403);
  expect(votes(at)).toEqual([]);
  expect((await ben.send(path, { ...form, token: tokens.ben ?? '' })).status).toBe(303);
  expect(votes(at)).toMatchObject([{ by: { name: 'ben' } }]);
});

test('under trust: local-user it works without a login, and says plainly that nobody is checked', async () => {
  const yaml = DAEMON_YAML.replace('trust: tokens', 'trust: local-user');
  const at = await world(retrainAsks(), yaml);
  const path = `/approvals/${at.approval}`;
  const anybody = browser(at.url);
  const page = await anybody.get(path);
  expect(page.text).toContain('(unauthenticated, self)');
  const form = { ...fieldsOf(page.text), decision: 'approve' };
  expect((await browser(at.url).send(path, form)).status, 'another browser').toBe(403);
  expect((await anybody.send(path, form, 'https://evil.example')).status).toBe(403);
  expect((await anybody.send(path, form)).status).toBe(303);
  expect(votes(at)).toMatchObject([{ by: { authenticated: false, door: 'http' } }]);
  await until('it is trained', () => entriesOf(at.home.state, 'outcome')[0]);
});

test('an agent’s wish waits for somebody else than the person for whom it asked', async () => {
  const at = await world();
  const { url, tokens } = at;
  const asked = await at.as(
    tokens.eve ?? '',
    'request',
    'promote',
    'model/churn',
    '--version',
    'v1',
    '--reason',
    'look',
    '--json',
  );
  expect(asked.stderr).not.toContain('expected');
  const wish = await until('it asks', () =>
    entriesOf(at.home.state, 'ask').find(({ body }) => body.action.verb === 'promote'),
  );
  const path = `/approvals/${wish.body.approval}`;
  const ben = browser(url);
  await ben.login(tokens.ben ?? '');
  const his = await ben.get(path);
  expect(his.text).toContain('ben asked for it, so somebody else decides.');
  expect(his.text).not.toContain('name="decision"');
  const cleo = browser(url);
  await cleo.login(tokens.cleo ?? '');
  const hers = await cleo.get(path);
  expect(hers.text).toContain('Waits for a decision');
  expect(hers.text).toContain('asked for by eve: look');
  const form = { ...fieldsOf(hers.text), decision: 'approve' };
  expect((await cleo.send(path, form)).status).toBe(303);
  expect(votes(at)).toMatchObject([{ approval: wish.body.approval, by: { name: 'cleo' } }]);
});
