/** `explain` of words and of the effective policy, as people run it: with a state, and where there is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { furnish, POLICIES, setLevels } from './churn.ts';
import { ENV, type Home, makeHome, ranToEnd } from './home.ts';

describe('with a state', () => {
  let at: Home;
  beforeAll(async () => {
    at = await makeHome(POLICIES);
    await furnish(at);
    await setLevels(at, { north: 20 });
    await at.flyball('reconcile');
  });
  afterAll(() => at.end());

  test('P52: a policy with its target shows every value with the file and line that says it', async () => {
    const { effective = [] } = await at.json<{ effective?: { path: string; value: string; at: string }[] }>(
      'explain',
      'remedy',
      '--target',
      'model/churn',
    );
    const lines = (path: string) => POLICIES[path]?.split('\n') ?? [];
    expect(effective.map(one => one.path)).toEqual(
      expect.arrayContaining(['mode', 'every', 'when', 'staleAfter']),
    );
    for (const { path, value, at: place } of effective.filter(one => one.at !== 'default')) {
      const [file = '', line] = place.split(':');
      const text = lines(file)[Number(line) - 1] ?? '';
      expect(
        text.includes(path.split('.').at(-1) ?? '') || text.includes(value),
        `${path} at ${place}: ${text}`,
      ).toBe(true);
    }
    const { stdout } = await at.flyball('explain', 'remedy', '--target', 'churn');
    expect(stdout).toMatch(/In force\n[\s\S]*when .* policies\/.*\.yaml:\d+/);
    expect((await at.flyball('explain', 'remedy')).stdout).not.toContain('In force');
  });
  test('what is no policy is looked up as a word', async () => {
    const { code, stdout } = await at.flyball('explain', 'cooldown');
    expect(code).toBe(0);
    expect(stdout).toContain('cooldown, hold reason');
    expect(stdout).toContain('cooldown, field of Policy spec.guard.cooldown');
  });
  test('a slip of a word gets the word', async () => {
    const { code, stderr } = await at.flyball('explain', 'cooldwn');
    expect(code).toBe(1);
    expect(stderr).toMatch(/cooldwn is no policy, episode or action .* Did you mean cooldown\?/);
  });
});

describe('without a daemon.yaml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-words-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...args: string[]) => {
    const { PATH = '' } = process.env;
    return ranToEnd(args, { cwd: folder, env: { ...ENV, PATH, HOME: folder } });
  };

  test('words are explained', async () => {
    const { code, stdout } = await run('explain', 'drift', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).words).toMatchObject([{ word: 'drift', kind: 'evaluator' }]);
  });
  test('what is no word says what else is needed', async () => {
    const { code, stderr } = await run('explain', 'retrian');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no word of the language; .* need a daemon\.yaml .* Did you mean retrain\?/);
  });
});
