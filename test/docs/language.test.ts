/** docs/language.md: current, every example in it sound, every PolicyTest in it kept, every command in it runs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { languagePage } from '../../docs/generate.ts';
import type { Ports } from '../../src/commands/ports.ts';
import { testFiles } from '../../src/commands/test.ts';
import { compile, formatDiagnostic } from '../../src/dsl/index.ts';
import { CATALOGUE } from '../core/closed-policy.ts';
import { openStore } from '../core/outside.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'language.md'), 'utf8');

function blocks(language: string): { readonly line: number; readonly text: string }[] {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(found => ({
    line: PAGE.slice(0, found.index).split('\n').length,
    text: found[1] ?? '',
  }));
}

/** Every block as a file of one repository, named by the line at which it stands. */
const FILES = blocks('yaml').map(({ line, text }) => ({ path: `policies/line-${line}.yaml`, text }));
const COMMIT = { sha: '0'.repeat(40), author: { name: 'test', email: '' }, time: 0, subject: 'test' };

test('the page is current: run node docs/generate.ts', () => {
  expect(languagePage()).toBe(PAGE);
});

describe('the examples', () => {
  test('every YAML block is a whole document', () => {
    expect(FILES.length).toBeGreaterThan(7);
    for (const { path, text } of FILES)
      expect(text, path).toMatch(/^apiVersion: flyball\.dev\/v1\nkind: \w+\nmetadata:/);
  });
  test('together they are a repository without an error', () => {
    const { diagnostics, closed } = compile({
      files: FILES,
      commit: COMMIT,
      env: 'staging',
      catalogue: CATALOGUE,
    });
    const errors = diagnostics.filter(one => one.severity === 'error').map(formatDiagnostic);
    expect(errors).toEqual([]);
    const names = FILES.flatMap(({ text }) =>
      [...text.matchAll(/^kind: Policy\nmetadata: \{ name: ([\w-]+)/gm)].map(found => found[1]),
    );
    expect([...new Set(closed.map(one => one.policy))].sort()).toEqual(names.sort());
  });
  test('every PolicyTest in them holds', async () => {
    const ports = {
      world: { catalogue: CATALOGUE } as Ports['world'],
      emptyStore: () => openStore(':memory:'),
    };
    const { tests } = await testFiles(ports, FILES);
    expect(tests.length).toBeGreaterThan(2);
    expect(tests.filter(one => !one.ok)).toEqual([]);
  });
});

describe('the commands', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'flyball-docs-'));
    mkdirSync(join(folder, 'policies'));
    for (const { path, text } of FILES) writeFileSync(join(folder, path), text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const lines = blocks('console').flatMap(({ text }) =>
    [...text.matchAll(/^\$ flyball (.+)$/gm)].map(found => found[1] ?? ''),
  );
  test('there are some', () => expect(lines.length).toBeGreaterThan(0));
  test.each(lines)('flyball %s', line => {
    const env = { PATH: process.env.PATH ?? '' };
    const shown = execFileSync(process.execPath, [join(ROOT, 'bin', 'flyball.js'), ...line.split(' ')], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect(shown).not.toBe('');
  });
});
