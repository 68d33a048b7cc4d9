/** Sweeps: what is written, which numbers move, and where a curve bends. */
import { describe, expect, test } from 'vitest';
import { condition, observes, policyOf } from '../../test/core/closed-policy.ts';
import type { Json } from '../model.ts';
import { kneeOf, parseSweep, thresholdOf, withThreshold } from './sweep.ts';

describe('a sweep is written as', () => {
  const cases: readonly (readonly [text: string, name: string, values: readonly number[]])[] = [
    ['psi=0.1..0.3', 'psi', [0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3]],
    ['psi=0.1..0.3:0.1', 'psi', [0.1, 0.2, 0.3]],
    ['nulls=1%..5%:2%', 'nulls', [0.01, 0.03, 0.05]],
    ['age=1h..3h:1h', 'age', [3_600_000, 7_200_000, 10_800_000]],
    ['auc.upper=0.5..0.6:0.05', 'auc.upper', [0.5, 0.55, 0.6]],
  ];
  for (const [text, name, values] of cases)
    test(text, () => expect(parseSweep(text)).toEqual({ name, values }));
  for (const text of ['psi', 'psi=0.1', 'psi=0.3..0.1', 'psi=a..b', '=1..2', 'psi=0..1:0', 'psi=1..2:x'])
    test(`not ${text}`, () => expect(() => parseSweep(text)).toThrow('expected NAME=FROM..TO'));
  test('not a thousand values', () => expect(() => parseSweep('x=0..1:0.001')).toThrow('at most 50'));
});

describe('another threshold', () => {
  const many: Json = { '>=': [{ reduce: ['count', { '>': [{ var: 'psi' }, 0.2] }] }, 5] };
  const few: Json = { '<': [{ reduce: ['count', { '>': [{ var: 'psi' }, 0.1] }] }, 3] };
  const policy = policyOf({
    observe: { psi: observes('psi', { thresholds: [0.1, 0.2] }) },
    rule: { when: condition(many), clear: condition(few) },
  });
  test('stands in when, and in clear in proportion; other numbers stay', () => {
    const swept = withThreshold(policy, 'psi', 0.3);
    expect(swept.rules[0]?.when.text).toBe('count(psi > 0.3) >= 5');
    expect(swept.rules[0]?.clear?.text).toBe('count(psi > 0.15) < 3');
    expect(swept.observe.psi?.thresholds).toEqual([0.15, 0.3]);
    expect(policy.rules[0]?.when.logic).toEqual(many);
  });
  test('is refused where there is none, or more than one', () => {
    expect(thresholdOf(policy, 'psi')).toBe(0.2);
    expect(() => withThreshold(policy, 'rows', 1)).toThrow('no number');
    const two = { and: [{ '>': [{ var: 'psi' }, 0.2] }, { '<': [{ var: 'psi' }, 0.9] }] };
    expect(() => thresholdOf(policyOf({ rule: { when: condition(two) } }), 'psi')).toThrow('0.2 and 0.9');
  });
});

describe('the knee', () => {
  const cases: readonly (readonly [values: readonly number[], knee: number | undefined])[] = [
    [[100, 20, 12, 8, 4, 0], 1],
    [[100, 95, 90, 30, 5, 0], 2],
    [[1, 2, 3, 4], undefined],
    [[5, 5, 5], undefined],
    [[1, 2], undefined],
    [[], undefined],
  ];
  for (const [values, knee] of cases) test(`of ${values}`, () => expect(kneeOf(values)).toBe(knee));
});
