/** The page of a backtest in a real browser: it loads nothing, draws its charts, and turns nothing from outside into markup. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { type BacktestPage, backtestPage } from '../../src/report/backtest-page.ts';

const HOUR = 3_600_000;
const HOSTILE = '</script><img src=x onerror="document.title=1">';
const at = Array.from({ length: 100 }, (_, i) => i * HOUR);
const PAGE: BacktestPage = {
  title: 'Backtest of drift',
  subtitle: HOSTILE,
  notes: [HOSTILE],
  figures: [['episodes', '1']],
  series: [
    { name: HOSTILE, at, values: at.map((_, i) => (i === 50 ? null : Math.sin(i / 9))), thresholds: [0.5] },
  ],
  episodes: [{ from: 10 * HOUR, to: 30 * HOUR, label: HOSTILE, cells: ['a', 'b', 'c', 'd', HOSTILE] }],
  actions: [{ at: 12 * HOUR, label: 'retrain', cells: ['a', 'b', 'c', 'd'] }],
  holds: [],
  sweep: {
    name: 'psi',
    points: [0.1, 0.2, 0.3].map((value, i) => ({
      ...{
        value,
        label: String(value),
        episodes: 3 - i,
        firing: '1h',
        firingDays: 1,
        actions: i,
        flaps: 0,
        cost: '',
      },
      ...{ knee: i === 1, current: i === 2 },
    })),
  },
};

test('it draws, loads nothing, and runs nothing from outside', async () => {
  const dist = dirname(createRequire(import.meta.url).resolve('uplot'));
  const [script = '', style = ''] = ['uPlot.iife.min.js', 'uPlot.min.css'].map(name =>
    readFileSync(join(dist, name), 'utf8'),
  );
  const folder = mkdtempSync(join(tmpdir(), 'flyball-page-'));
  const file = join(folder, 'page.html');
  writeFileSync(file, backtestPage(PAGE, { script, style }));
  const browser = await chromium.launch({
    executablePath: execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 } });
    const trouble: string[] = [];
    page.on('console', message => trouble.push(message.text()));
    page.on('pageerror', error => trouble.push(error.message));
    const asked: string[] = [];
    page.on('request', request => asked.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.uplot canvas');
    // As text, because it is about the browser's world.
    const inked = await page.evaluate<boolean[]>(`[...document.querySelectorAll('canvas')].map(canvas =>
      new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 20)`);
    expect(inked).toEqual([true, true]);
    expect(await page.title()).toBe('Backtest of drift');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('header p').textContent()).toBe(HOSTILE);
    expect(asked).toEqual([pathToFileURL(file).href]);
    expect(trouble).toEqual([]);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
