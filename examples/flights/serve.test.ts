import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootstrap } from './bootstrap.ts';
import { refreshFeatures } from './features.ts';
import { layout } from './layout.ts';
import { prepare } from './prepare.ts';
import { readWeights, route } from './scoring.ts';
import { startServing } from './serve.ts';
import { train } from './train.ts';
import { literal, withWarehouse, writeJson } from './warehouse.ts';

const day = '2001-01-06';
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flights-serve-'));
  await prepare(root, '2001-01-01', '2001-01-08');
  await bootstrap(root, { from: '2001-01-01', to: day });
  await train({ root, params: { since: '2001-01-01T00:00:00Z', until: `${day}T00:00:00Z`, seed: 2 } });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function scored(
  port: number,
  body: unknown,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${port}/score`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

async function log(sql: string): Promise<Record<string, unknown>> {
  const [row] = await withWarehouse(warehouse =>
    warehouse.rows(`SELECT ${sql} FROM read_parquet(${literal(layout(root).predictions(day))})`),
  );
  return row ?? {};
}

describe('serving', () => {
  test('follows the weights file, and the split follows the shares', async () => {
    await refreshFeatures(root, day);
    const serving = await startServing(root);
    try {
      expect(Number(await readFile(layout(root).port, 'utf8'))).toBe(serving.port);
      const all = await scored(serving.port, { day });
      expect(all.answer.versions).toEqual({ v1: expect.any(Number) });
      const requests = (all.answer.versions as { v1: number }).v1;
      expect(await log('count(*)::INTEGER AS n, count(late_rate) > 0.99 * count(*) AS joined')).toEqual({
        n: requests,
        joined: true,
      });

      await writeJson(layout(root).weights, { weights: { v1: 0.9, v2: 0.1 } });
      const split = (await scored(serving.port, { day })).answer.versions as { v1: number; v2: number };
      expect(split.v1 + split.v2).toBe(requests);
      expect(Math.abs(split.v2 - requests / 10)).toBeLessThan(3 * Math.sqrt(requests * 0.09));
      expect(
        await log(
          `count(*) FILTER (WHERE version = 'v2')::INTEGER AS v2, min(score) > 0 AND max(score) < 1 AS shares`,
        ),
      ).toEqual({ v2: split.v2, shares: true });
      expect((await scored(serving.port, { day })).answer.versions).toEqual(split);
    } finally {
      await serving.close();
    }
    await expect(readFile(layout(root).port)).rejects.toThrow(/ENOENT/);
  });

  test('without a feature view, scores with the fallback and logs no rate', async () => {
    await rm(layout(root).features(day), { force: true });
    await writeJson(layout(root).weights, { weights: { v1: 1 } });
    const serving = await startServing(root);
    try {
      expect((await scored(serving.port, { day })).status).toBe(200);
    } finally {
      await serving.close();
    }
    expect(await log('count(late_rate)::INTEGER AS known, count(score) = count(*) AS scored')).toEqual({
      known: 0,
      scored: true,
    });
  });

  test.each([
    [{ day: '../../etc' }, /expected an existing day/],
    [{ day: '2001-02-30' }, /expected an existing day/],
    [{ day: 1 }, /expected \{"day":"YYYY-MM-DD"\}/],
    [{}, /expected \{"day":"YYYY-MM-DD"\}/],
    [{ day: '2001-06-01' }, /2001-06-01/],
  ])('refuses %j and goes on', async (body, message) => {
    const serving = await startServing(root);
    try {
      const { status, answer } = await scored(serving.port, body);
      expect(status).toBe(400);
      expect(answer.error).toMatch(message);
      expect((await fetch(`http://127.0.0.1:${serving.port}/health`)).status).toBe(200);
    } finally {
      await serving.close();
    }
  });

  test('as a process, prints its port and ends on SIGTERM', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts'), root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed] = await once(child.stdout, 'data');
    expect((await fetch(`http://127.0.0.1:${Number(String(printed))}/health`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

test('weights that are no shares are refused', async () => {
  for (const weights of [{ v1: 0.5 }, { v1: -1, v2: 2 }, { '../v1': 1 }, { v1: 'all' }, {}]) {
    await writeJson(layout(root).weights, { weights });
    await expect(readWeights(root)).rejects.toThrow(/expected/);
  }
});

test('a request goes where its ticket falls', () => {
  const weights = [
    ['v1', 0.75],
    ['v2', 0.25],
  ] as const;
  expect([0, 0.5, 0.749999, 0.75, 0.999999].map(ticket => route(weights, ticket))).toEqual([
    'v1',
    'v1',
    'v1',
    'v2',
    'v2',
  ]);
});
