/** Each pain that can be tested has a test that names its number (docs and issues speak of them by it). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
/** What is promised so far. */
const PROMISED = [...range(1, 39), ...range(41, 49), 54];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The names that tests and groups of tests are given, as they are written. */
function namesIn(text: string): string[] {
  const called =
    /\b(?:test|it|describe)(?:\.each(?:<[^(]*>)?\((?:[^()]|\([^()]*\))*\))?\(\s*(['"`])([^\n]*?)\1/g;
  return [...text.matchAll(called)].map(match => match[2] ?? '');
}

function numbersOf(name: string): number[] {
  return [...name.matchAll(/\bP(\d+)\b/g)].map(match => Number(match[1]));
}

const named = new Map<number, string[]>();
for (const folder of ['src', 'test', 'examples'])
  for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.test.ts')) continue;
    for (const name of namesIn(readFileSync(join(ROOT, folder, file), 'utf8')))
      for (const number of numbersOf(name)) named.set(number, [...(named.get(number) ?? []), name]);
  }

test.each(PROMISED)('P%i is named by a test', number => {
  expect(named.get(number) ?? []).not.toEqual([]);
});

test('names of tests are found, and nothing else', () => {
  expect(namesIn(`test('P7: a', () => {}); // P9\n  describe("P8 b", () => {});`)).toEqual(['P7: a', 'P8 b']);
  expect(namesIn('test.each([1])(`P4 %i`, () => {});\nconst x = "P5";')).toEqual(['P4 %i']);
  expect(numbersOf('P1, P9 and XP3 or P12x')).toEqual([1, 9]);
});
