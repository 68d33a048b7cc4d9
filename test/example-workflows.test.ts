/** The example workflows for CI: they are YAML, and the command in each is one that runs and finds what is wrong. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { alarmAbove, POLICIES } from './e2e/churn.ts';
import { ENV, ranToEnd } from './e2e/home.ts';
import { commitFiles, git, removeFolder, temporaryFolder } from './real-git.ts';

const folder = join(import.meta.dirname, '..', 'examples', 'ci');
const texts = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : value && typeof value === 'object'
      ? Object.values(value).flatMap(texts)
      : [];

let dir = '';
afterEach(() => removeFolder(dir));

describe.each(readdirSync(folder))('%s', name => {
  test('runs flyball ci on a pull request', async () => {
    const [line] = texts(parse(readFileSync(join(folder, name), 'utf8'))).filter(text =>
      text.includes('flyball ci'),
    );
    // Without the forge, which only a real job has; everything else as it is written.
    const [, options = ''] =
      /^npx --yes flyball (ci .*?) --forge (?:github|gitlab|gitea)\b.* --token-env [A-Z_]+$/.exec(
        line ?? '',
      ) ?? [];
    expect(line).toMatch(/--request "\$\w+" --sha "\$\w+"/);
    dir = temporaryFolder();
    git(dir, 'init', '-q', '-b', 'main');
    commitFiles(dir, { ...POLICIES, 'policies/alarm.yaml': alarmAbove('30') });
    git(dir, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
    git(dir, 'checkout', '-q', '-b', 'change');
    commitFiles(dir, { 'policies/alarm.yaml': alarmAbove('40') });
    const args = options.replaceAll(/"(?:\$BASE|origin\/\$\w+)"/g, 'origin/main').split(' ');
    const { PATH = '' } = process.env;
    const run = () => ranToEnd(args, { cwd: dir, env: { ...ENV, PATH, HOME: dir } });
    const fine = await run();
    expect(fine).toMatchObject({ code: 0, stdout: expect.stringContaining('### Flyball: in order') });
    expect(fine.stdout).toContain('`level > 30` → `level > 40`');
    writeFileSync(join(dir, 'policies/alarm.yaml'), alarmAbove('40').replace('when: level', 'when: levle'));
    expect(await run()).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/policies\/alarm\.yaml:10:9.*levle/),
    });
  });
});
