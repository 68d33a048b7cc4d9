/** What `explain WORD` shows: every meaning once, where it belongs, and the facts of it. */
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../test/core/closed-policy.ts';
import type { Paint } from './command.ts';
import { explainWord, meaningsText, nearWords } from './explain-word.ts';

const same = (text: string) => text;
const PAINT: Paint = { bold: same, dim: same, good: same, bad: same, warn: same };
const shown = (word: string) => meaningsText(explainWord(word, CATALOGUE), PAINT);

test('a hold reason says what ends it', () => {
  expect(shown('inhibited')).toBe(`inhibited, hold reason
  An inhibitor fires, was not evaluated yet, or a connection that is needed does not answer.
  ends     The inhibitor is known not to fire; the connection answers.
  example  expect: [{ at: 24h, reason: inhibited }]`);
});

test('a field says its type, its place and an example', () => {
  expect(shown('keepFor')).toBe(`keepFor, field of Policy spec.keepFor
  How long clear must hold before the firing ends; at once unless said. Unknown starts it anew.
  type     duration
  default  0s
  example  keepFor: 6h`);
});

test('a verb says what it asks and gives', () => {
  expect(shown('rollback')).toMatch(
    /rollback, verb of Policy spec\.then\[\]\n.*\n {2}nature +safe: .*\n {2}arguments +version/,
  );
});

test('meanings that are said alike are one, with all their places', () => {
  const [rows] = explainWord('rows', CATALOGUE).filter(one => one.kind === 'output');
  expect(rows?.of.length).toBeGreaterThan(2);
});

test('no word has no meaning, and a slip has near words', () => {
  expect(explainWord('xyzzy', CATALOGUE)).toEqual([]);
  expect(nearWords('xyzzy', CATALOGUE)).toBe('');
  expect(nearWords('retrian', CATALOGUE)).toBe(' Did you mean retrain?');
});
