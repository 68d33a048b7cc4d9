/** `lint` as people and scripts run it: exit codes, text and JSON. With `--live` on real servers: test/servers/lint-command.test.ts. */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { alarmAbove, furnish, POLICIES, setLevels } from '../../test/e2e/churn.ts';
import { ENV, type Home, makeHome, ranToEnd } from '../../test/e2e/home.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function homeWith(files: Readonly<Record<string, string>> = {}): Promise<Home> {
  const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
  const home = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('10'), ...files });
  ends.push(() => home.end());
  await furnish(home);
  await setLevels(home, { north: 3 });
  return home;
}

const alarm = (from: string, to: string) => {
  const text = alarmAbove('10');
  if (!text.includes(from)) throw new Error(`the alarm has no ${from}`);
  return text.replace(from, to);
};
const DEAD = alarm('when: level > 10', 'when: level > 10 and level < 5');

interface Found {
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  readonly live?: readonly Readonly<Record<string, unknown>>[];
}

describe('exit codes', () => {
  test('0 without a finding and with warnings, 1 for warnings with --strict, 1 with errors', async () => {
    const home = await homeWith();
    const sound = await home.flyball('lint', '--strict');
    expect(sound).toMatchObject({ code: 0, stderr: '' });
    expect(sound.stdout).toMatch(/^no findings in \d+ files\n$/);

    home.write('policies/policies/alarm.yaml', DEAD);
    const warned = await home.flyball('lint');
    expect(warned.code).toBe(0);
    expect(warned.stdout).toMatch(
      /^policies\/alarm\.yaml\n {2}10:9 warning: level > 10 and level < 5 is never true, whatever is observed, so the rule never fires; .*\. \[dead-rule\]\n\n1 warning in 1 of \d+ files\n$/,
    );
    expect((await home.flyball('lint', '--strict')).code).toBe(1);

    home.write('policies/policies/alarm.yaml', alarm('level > 10', 'levle > 10'));
    const wrong = await home.flyball('lint');
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/10:9 error: levle is not observed; .* \[invalid\]\n[\s\S]*1 error in 1 of/);
  });
});

test('--json gives each finding by its parts; a silenced one is none', async () => {
  const home = await homeWith({ 'policies/alarm.yaml': DEAD });
  const found = await home.json<Found>('lint');
  expect(found).toMatchObject({ errors: 0, warnings: 1, strict: false });
  expect(found.findings).toEqual([
    {
      ...{ rule: 'dead-rule', severity: 'warning', file: 'policies/alarm.yaml', line: 10, column: 9 },
      message: expect.stringMatching(/^level > 10 and level < 5 is never true/),
    },
  ]);
  expect(found.live).toBeUndefined();
  const reason = '# flyball-lint: ignore dead-rule the level is not calibrated yet';
  home.write('policies/policies/alarm.yaml', DEAD.replace('level < 5', `level < 5 ${reason}`));
  expect((await home.json<Found>('lint')).findings).toEqual([]);
});

test('validate gives the same parts, and the text beside them', async () => {
  const home = await homeWith({ 'policies/alarm.yaml': alarm('level > 10', 'levle > 10') });
  expect(await home.json('validate')).toMatchObject({
    ok: false,
    diagnostics: [
      {
        ...{ severity: 'error', file: 'policies/alarm.yaml', line: 10, column: 9 },
        hint: 'Did you mean level?',
        text: expect.stringMatching(
          /^error policies\/alarm\.yaml:10:9: levle is not observed; .* Did you mean level\?$/,
        ),
      },
    ],
  });
});

test('without a configuration the files are looked at, and --live says what it lacks', async () => {
  const home = await homeWith();
  const env = { ...ENV, PATH: home.env.PATH ?? '', HOME: join(home.dir, 'data') };
  const run = (...args: readonly string[]) => ranToEnd(args, { cwd: '/', env });
  expect(await run('lint', home.repository)).toMatchObject({ code: 0, stderr: '' });
  const live = await run('lint', home.repository, '--live');
  expect(live).toMatchObject({ code: 1, stdout: '' });
  expect(live.stderr).toMatch(/^lint --live asks the connections .* there is no daemon\.yaml; expected one/);
});
