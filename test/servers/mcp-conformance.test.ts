/** The official conformance suite, with both of its requirement sets, and the Inspector, against Flyball's own server. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POLICIES } from '../e2e/churn.ts';
import { conformanceFixtures } from './mcp-fixtures.ts';
import { mcpWorld, type World } from './mcp-world.ts';

const MODULES = join(import.meta.dirname, '..', '..', 'node_modules', '@modelcontextprotocol');
const BASELINE = join(import.meta.dirname, 'mcp-conformance.yml');

async function ran(script: readonly string[], args: readonly string[]) {
  const child = spawn(process.execPath, [join(MODULES, ...script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>(resolve => child.once('close', resolve));
  const [out, error, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { out, error, code };
}

describe('the conformance suite', () => {
  let world: World;
  beforeAll(async () => {
    world = await mcpWorld(POLICIES, conformanceFixtures);
  });
  afterAll(() => world.close());

  const suite = (requirements: string) =>
    ran(
      ['conformance', 'dist', 'index.js'],
      [
        ...['server', '--url', world.url, '--requirements', requirements],
        ...(requirements === '2025-11-25' ? ['--expected-failures', BASELINE] : []),
      ],
    );

  test.each(['2025-11-25', '2026-07-28'])('passes what %s requires', async requirements => {
    const { out, error, code } = await suite(requirements);
    expect(out, error).toContain('=== SUMMARY ===');
    expect(code, out.slice(-4000)).toBe(0);
  });

  test('every line of the baseline is explained', () => {
    const lines = readFileSync(BASELINE, 'utf8').split('\n');
    const first = lines.indexOf('server:') + 1;
    expect(lines[first]).toMatch(/^ {2}# /);
  });
});

describe('the Inspector', () => {
  let world: World;
  beforeAll(async () => {
    world = await mcpWorld(POLICIES);
  });
  afterAll(() => world.close());

  const inspect = (...args: readonly string[]) =>
    ran(
      ['inspector', 'clients', 'launcher', 'build', 'index.js'],
      [...['--cli', world.url, '--transport', 'http', ...args]],
    );

  test('lists the tools in strict mode: every host can take all of their schemas', async () => {
    const { out, error, code } = await inspect('--strict', '--method', 'tools/list');
    expect(code, `${out.slice(-3000)}${error.slice(-3000)}`).toBe(0);
    expect(out).toContain('flyball_get_status');
  });

  test('calls a tool', async () => {
    const { out, error, code } = await inspect(
      '--method',
      'tools/call',
      '--tool-name',
      'flyball_list_policies',
    );
    expect(code, `${out}${error}`).toBe(0);
    expect(out).toContain('structuredContent');
  });

  test('reads a resource and gets a prompt', async () => {
    const read = await inspect('--method', 'resources/read', '--uri', 'flyball://docs/language');
    expect(read.code, read.error).toBe(0);
    expect(read.out).toContain('flyball://docs/language.gates');
    const got = await inspect(
      ...['--method', 'prompts/get', '--prompt-name', 'explain_why_not'],
      ...['--prompt-args', 'target=model/churn'],
    );
    expect(got.code, got.error).toBe(0);
    expect(got.out).toContain('model/churn');
  });
});
