/** Every word of the language has a meaning and an example, and is found by its name, its place or a slip of it. */
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../test/core/closed-policy.ts';
import { HOLD_REASONS } from './closed-lists.ts';
import { parseInfix } from './infix.ts';
import { FUNCTIONS, OPERATORS, REDUCER_MEANINGS } from './operators.ts';
import { OUTPUTS } from './outputs.ts';
import { UNITS_MS } from './quantity.ts';
import { REDUCERS, RESERVED } from './reducer.ts';
import { meaningsOf, suggestionsFor, words } from './words.ts';

const ALL = words(CATALOGUE);

describe('every word', () => {
  test('has one sentence or more, and an example', () => {
    expect(ALL.filter(one => !/\.$/.test(one.means)).map(one => `${one.kind} ${one.of} ${one.word}`)).toEqual(
      [],
    );
    expect(ALL.filter(one => one.example === '').map(one => one.word)).toEqual([]);
  });
  test('has a place of its own', () => {
    const places = ALL.map(one => `${one.kind} ${one.of} ${one.word}`);
    expect(places.filter((one, i) => places.indexOf(one) !== i)).toEqual([]);
  });
  test('of the grammar, the evaluators and the verbs is among them', () => {
    const known = new Set(ALL.map(one => one.word));
    const due = [
      ...Object.keys(CATALOGUE.evaluators),
      ...Object.keys(CATALOGUE.verbs),
      ...REDUCERS.map(one => one.name),
      ...Object.keys(UNITS_MS),
      ...RESERVED.filter(one => !['is', 'this', 'null', 'true', 'false'].includes(one)),
      ...Object.keys(HOLD_REASONS),
    ];
    expect(due.filter(one => !known.has(one))).toEqual([]);
    expect(Object.keys(REDUCER_MEANINGS).sort()).toEqual(REDUCERS.map(one => one.name).sort());
  });
  test('of an output has a meaning, and none is left over', () => {
    const given = Object.values(CATALOGUE.evaluators).flatMap(one => Object.keys(one.outputs));
    expect(Object.keys(OUTPUTS).sort()).toEqual([...new Set(given)].sort());
  });
});

test.each(Object.entries({ ...OPERATORS, ...FUNCTIONS, ...REDUCER_MEANINGS }))(
  'the example of %s is sound',
  (_, { example }) => {
    expect(() => parseInfix(example)).not.toThrow();
  },
);

test.each([
  ['for', ['field Policy spec.for']],
  ['For', ['field Policy spec.for']],
  ['spec.for', ['field Policy spec.for']],
  ['Policy.spec.for', ['field Policy spec.for']],
  ['guard.rate', ['field Policy spec.guard.rate']],
  ['then.require', ['field Policy spec.then[].require']],
  ['promote', ['verb Policy spec.then[]']],
  ['stalled', ['hold reason ']],
  ['fr', []],
])('%s means %j', (word, expected) => {
  expect(meaningsOf(word, ALL).map(one => `${one.kind} ${one.of ?? ''}`)).toEqual(expected);
});

test('a word with several meanings has all of them', () => {
  const kinds = new Set(meaningsOf('cooldown', ALL).map(one => one.kind));
  expect([...kinds].sort()).toEqual(['field', 'hold reason']);
  expect(meaningsOf('late', ALL).map(one => one.kind)).toEqual(['hold reason', 'unknown reason']);
});

test.each([
  ['cooldwn', 'cooldown'],
  ['retrian', 'retrain'],
  ['hystersis', undefined],
  ['inhibit', 'inhibited'],
])('%s suggests %s', (word, near) => {
  expect(suggestionsFor(word, ALL)[0]).toBe(near);
});
