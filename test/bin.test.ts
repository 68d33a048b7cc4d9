/** The published command, run as a user's shell would run it: on this Node, through a link, and on an older one. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSource } from './source-text.ts';

const BIN = join(dirname(import.meta.dirname), 'bin');

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(realpathSync(tmpdir()), 'flyball-bin-'));
  cpSync(BIN, join(dir, 'bin'), { recursive: true });
  mkdirSync(join(dir, 'src'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function program(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

function run(node: string, path: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(node, [join(dir, path), ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('on a Node that is new enough', () => {
  test('runs the sources with the arguments and ends with their exit code', () => {
    program(
      'src/main.ts',
      'export async function main(argv: string[]): Promise<number> { console.info(argv.join()); return 2; }',
    );
    expect(run(process.execPath, 'bin/flyball.js', 'plan', '--json')).toEqual({
      status: 2,
      stdout: 'plan,--json\n',
      stderr: '',
    });
  });

  test('prefers the sources, and is found through a link as npm makes it', () => {
    program('src/main.ts', 'export async function main(): Promise<number> { return 0; }');
    program('dist/main.js', 'export async function main() { return 7; }');
    symlinkSync(join(dir, 'bin/flyball.js'), join(dir, 'flyball'));
    expect(run(process.execPath, 'flyball')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('shows what was thrown and ends with 1', () => {
    program(
      'src/main.ts',
      "export async function main(): Promise<number> { throw new Error('flyball bug: x'); }",
    );
    const { status, stderr } = run(process.execPath, 'bin/flyball.js');
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('flyball bug: x') });
  });
});

/** A Node on the PATH that is too old, outside of node_modules. */
function olderNode(): string | undefined {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(folder => !folder.includes('node_modules'));
  return folders
    .map(folder => join(folder, 'node'))
    .find(node => {
      try {
        return (
          Number.parseInt(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24
        );
      } catch {
        return false;
      }
    });
}

const older = olderNode();

test.skipIf(older === undefined)(
  'on an older Node says in one line which it needs, which it found and what to do',
  () => {
    program('src/main.ts', 'export async function main(): Promise<number> { return 0; }');
    const { status, stdout, stderr } = run(older ?? '', 'bin/flyball.js', 'status');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^flyball needs Node 24 or newer, but was started with Node \d+\.\d+\.\d+; install it from \S+, or run: npx .+\n$/,
    );
  },
);

test('has no syntax that came after the first versions of Node', () => {
  const { code } = readSource(readFileSync(join(BIN, 'flyball.js'), 'utf8'));
  const newer = /=>|`|\b(?:let|const|class|import|export|async|await)\b|\?\.|\?\?|\.\.\.|,\s*[)]|\*\*(?!\/)/;
  expect(newer.exec(code)?.[0]).toBeUndefined();
  expect(JSON.parse(readFileSync(join(BIN, 'package.json'), 'utf8'))).toEqual({ type: 'commonjs' });
});
