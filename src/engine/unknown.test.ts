/** Nothing known is never a yes, whatever operator or reducer stands around it. */
import { describe, expect, test } from 'vitest';
import { failedVector, observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json, Observation } from '../model.ts';
import { compile } from './condition.ts';

describe('nothing known is never a yes', () => {
  const x = { var: 'x' };
  const v = { var: 'v' };
  const reducers = ['any', 'all', 'none', 'count', 'share', 'max', 'min', 'avg'] as const;
  const operators: readonly Json[] = [
    ...['>', '>=', '<', '<=', '===', '!=='].flatMap(op => [
      { [op]: [x, 1] },
      { [op]: [1, x] },
      { '!': [{ [op]: [x, 1] }] },
    ]),
    ...['+', '-', '*', '/', '%', 'min', 'max'].flatMap(op => [
      { '<': [{ [op]: [x, 1] }, 5] },
      { '>=': [5, { [op]: [1, x] }] },
    ]),
    { '<': [{ abs: [x] }, 1] },
    { in: [x, ['a', 'b']] },
    { '!': [{ in: [x, ['a', 'b']] }] },
    { '===': [x, x] },
    { '!==': [x, 'never'] },
    { var: 'x' },
    { '!': [x] },
    { and: [{ '>': [x, 1] }, true] },
    { or: [{ '>': [x, 1] }, false] },
    { or: [{ '>': [x, 1] }, { '<=': [x, 1] }] },
    { exists: { var: 'x' } },
    { '!': [{ exists: { var: 'x' } }] },
    { '>': [{ var: 'x.rows' }, 0] },
    { '<': [{ var: 'before.x' }, 1] },
    { '<': [{ var: 'steps.train.loss' }, 1] },
    { '!==': [{ var: 'x' }, { var: 'before.x' }] },
    { '>': [{ var: '__proto__' }, 0] },
    { '!==': [{ var: 'constructor.name' }, 'a'] },
    ...reducers.flatMap((name): Json[] => {
      const inner = ['max', 'min', 'avg'].includes(name) ? v : { '>': [v, 1] };
      const reduced = { reduce: [name, inner] };
      const bare = ['any', 'all', 'none'].includes(name);
      return bare
        ? [reduced, { '!': [reduced] }]
        : [
            { '<': [reduced, 100] },
            { '>=': [reduced, 0] },
            { '!': [{ '>': [reduced, 0] }] },
            { '!==': [reduced, 7] },
          ];
    }),
  ];
  const gone: readonly (readonly [string, Readonly<Record<string, Observation>>])[] = [
    ['not taken', {}],
    ['failed', { x: observed('x', undefined), v: failedVector('v') }],
    ['stale', { x: observed('x', undefined, { reason: 'stale' }), v: failedVector('v', 'stale') }],
    ['NaN', { x: observed('x', Number.NaN), v: vectorOf('v', {}) }],
    ['infinite', { x: observed('x', Number.POSITIVE_INFINITY), v: vectorOf('v', {}) }],
    ['without a value', { x: { ...observed('x', 1), readings: [] }, v: vectorOf('v', {}) }],
  ];
  test.each(gone)('%s', (_, observations) => {
    for (const logic of operators) {
      if (JSON.stringify(logic).includes('"exists"') && observations.x && !observations.x.unknown) continue;
      const answer = compile(logic).evaluate({ observations, before: {}, steps: {}, target: {} });
      expect([JSON.stringify(logic), answer]).toEqual([JSON.stringify(logic), undefined]);
    }
  });

  test('exists: true with a value, false only when the query found nothing', () => {
    const exists = (observation: Observation) =>
      compile({ exists: { var: 'x' } }).evaluate({
        observations: { x: observation },
        before: {},
        steps: {},
        target: {},
      });
    expect(exists(observed('x', 0))).toBe(true);
    expect(exists(observed('x', undefined, { reason: 'absent' }))).toBe(false);
    expect(exists(observed('x', undefined))).toBeUndefined();
    expect(exists(observed('x', undefined, { reason: 'too-few' }))).toBeUndefined();
  });
});
