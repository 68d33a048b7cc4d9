/** The approval page in a real browser, without JavaScript: log in, read, approve; forged, framed and foreign requests come to nothing. */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApprovalWorld, asking } from '../e2e/approval-world.ts';
import { setLevels } from '../e2e/churn.ts';
import { entriesOf } from '../e2e/ledger.ts';
import { until } from '../e2e/until.ts';

let at: ApprovalWorld;
let chrome: Browser;
beforeAll(async () => {
  at = await asking();
  chrome = await chromium.launch({
    executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});
afterAll(async () => {
  await chrome?.close();
  await at?.home.end();
});

const pathOf = () => `/approvals/${at.approval}`;

async function visitor(width = 390) {
  const context = await chrome.newContext({ javaScriptEnabled: false, viewport: { width, height: 800 } });
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('console', message => trouble.push(message.text()));
  return { context, page, trouble };
}

async function logIn(page: Awaited<ReturnType<typeof visitor>>['page'], name: string) {
  await page.goto(`${at.url}${pathOf()}`);
  expect(await page.locator('h1').textContent()).toBe('Log in');
  await page.getByLabel('Token').fill(at.tokens[name] ?? '');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(`${at.url}${pathOf()}`);
}

/** A page of another site, on a port of its own, that does something to the daemon. */
async function otherSite(html: string) {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(html),
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  // Another name of this machine is another site; its port alone would be another origin of the same one.
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, end: () => server.close() };
}

test('forged by another site, framed, or without being asked, nothing is decided', async () => {
  const { context, page } = await visitor();
  await logIn(page, 'ben');
  const hidden = (name: string) => page.locator(`form.decide input[name=${name}]`).getAttribute('value');
  const fields = { csrf: await hidden('csrf'), plan: await hidden('plan'), decision: 'approve' };
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
  );
  // Even with the whole form known.
  const forged = await otherSite(
    `<form method="post" action="${at.url}${pathOf()}">${inputs.join('')}<button>Win</button></form>`,
  );
  await page.goto(forged.url);
  await page.getByRole('button', { name: 'Win' }).click();
  await page.waitForLoadState();
  expect(await page.textContent('body')).toMatch(/Another site sent this|origin/i);
  forged.end();

  const framing = await otherSite(`<iframe src="${at.url}${pathOf()}" width="600" height="600"></iframe>`);
  const refused = page.waitForEvent('console', message =>
    /frame-ancestors|X-Frame-Options/i.test(message.text()),
  );
  await page.goto(framing.url);
  await refused;
  const inside = page.frames().find(one => one !== page.mainFrame());
  expect(inside?.url()).not.toContain('/approvals');
  framing.end();
  expect(entriesOf(at.home.state, 'approval')).toEqual([]);
  await context.close();
});

test('another person sees who may decide, and no buttons', async () => {
  const { context, page } = await visitor();
  await logIn(page, 'ana');
  const body = (await page.textContent('main')) ?? '';
  expect(body).toContain('ana wrote the change that it rests on, so somebody else decides.');
  expect(body).toContain('ben, cleo');
  expect(await page.locator('form.decide').count()).toBe(0);
  await context.close();
});

test('a person logs in by a token, sees evidence and chart, and approves with a comment', async () => {
  await setLevels(at.home, { north: 42.5 });
  await until('it was looked at', async () =>
    (await at.as(at.tokens.ben ?? '', 'approval', at.approval)).stdout.includes('is 42.5') ? true : undefined,
  );
  const { context, page, trouble } = await visitor();
  await logIn(page, 'ben');
  expect(await page.locator('h1').textContent()).toBe('retrain local/train for model/churn');
  expect(await page.getByRole('img', { name: /^level \(number\)/ }).count()).toBe(1);
  expect(await page.locator('svg .threshold').count()).toBe(1);
  expect(await page.locator('main').textContent()).toContain('level was 50, is 42.5');
  // Nothing is wider than a phone.
  const wide = await page
    .locator('main')
    .evaluate('document.documentElement.scrollWidth')
    .catch(() => undefined);
  if (wide !== undefined) expect(wide).toBeLessThanOrEqual(390);
  for (const heading of ['What would be done', 'Why', 'Changed since it was asked', 'Who decides', 'Decide'])
    expect(await page.getByRole('heading', { name: heading, exact: true }).count(), heading).toBe(1);
  const shots = process.env.FLYBALL_SHOTS;
  if (shots) await page.screenshot({ path: `${shots}/phone.png`, fullPage: true });
  await page.getByLabel('Comment').fill('looked at it');
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.waitForURL(`${at.url}${pathOf()}`);
  await until('the ledger has the vote', () => entriesOf(at.home.state, 'approval')[0]);
  expect(entriesOf(at.home.state, 'approval').map(({ body }) => body)).toMatchObject([
    { decision: 'yes', comment: 'looked at it', by: { name: 'ben', authenticated: true, door: 'http' } },
  ]);
  await until('it is trained', () => entriesOf(at.home.state, 'outcome')[0]);
  await page.reload();
  expect(await page.getByRole('status').textContent()).toContain('Approved');
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
  // A style or a form that the policy of the page refused would be told here.
  expect(trouble).toEqual([]);
  await context.close();
});
