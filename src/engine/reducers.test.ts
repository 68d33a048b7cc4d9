/** Reducers over vectors: intervals where members are unknown, matching of label sets, and no dependence on their order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json } from '../model.ts';
import { compile } from './condition.ts';
import { type Bounds, reduce, type Value } from './interval.ts';
import { labelSets, type Scope } from './label-sets.ts';

describe('reducers are intervals where members are unknown', () => {
  const T = true;
  const F = false;
  const U = undefined;
  test.each<[string, readonly Value[], Value]>([
    ['count', [T, T, F], 2],
    ['count', [T, U, F], { lo: 1, hi: 2 }],
    ['share', [T, F, F, F], 0.25],
    ['share', [T, U, F, F], { lo: 0.25, hi: 0.5 }],
    ['any', [F, U, T], T],
    ['any', [F, U], U],
    ['any', [F, F], F],
    ['none', [F, U, T], F],
    ['none', [F, U], U],
    ['none', [F, F], T],
    ['all', [T, U, F], F],
    ['all', [T, U], U],
    ['all', [T, T], T],
    ['max', [1, 3, 2], 3],
    ['max', [1, U, 2], { lo: 2, hi: Number.POSITIVE_INFINITY }],
    ['min', [1, U, 2], { lo: Number.NEGATIVE_INFINITY, hi: 1 }],
    ['max', [U, U], U],
    ['avg', [1, 2, 3], 2],
    ['avg', [1, U, 3], U],
  ])('%s of %j', (name, members, expected) => {
    expect(reduce(name, members)).toEqual(expected);
  });

  test('a comparison of one is decided when every value that it could have says the same', () => {
    const scope = (members: Readonly<Record<string, number | undefined>>): Scope => ({
      observations: { v: vectorOf('v', members) },
      before: {},
      steps: {},
      target: {},
    });
    const atLeastTwo = { '>=': [{ reduce: ['count', { '>': [{ var: 'v' }, 0.2] }] }, 2] };
    const ask = (logic: Json, members: Readonly<Record<string, number | undefined>>) =>
      compile(logic).evaluate(scope(members));
    expect(ask(atLeastTwo, { a: 1, b: 1, c: undefined })).toBe(true);
    expect(ask(atLeastTwo, { a: 1, b: 0, c: undefined })).toBeUndefined();
    expect(ask(atLeastTwo, { a: 0, b: 0, c: undefined })).toBe(false);
    const largest = { '>': [{ reduce: ['max', { var: 'v' }] }, 0.2] };
    expect(ask(largest, { a: 1, b: undefined })).toBe(true);
    expect(ask(largest, { a: 0, b: undefined })).toBeUndefined();
  });

  test('intervals hold every value that the unknown members could give', () => {
    const member = fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined });
    const name = fc.constantFrom('count', 'share', 'any', 'all', 'none', 'max', 'min', 'avg');
    fc.assert(
      fc.property(
        name,
        fc.array(fc.tuple(member, fc.integer({ min: -3, max: 3 })), { minLength: 1, maxLength: 6 }),
        (by, pairs) => {
          const isNumeric = ['max', 'min', 'avg'].includes(by);
          const as = (value: number | undefined): Value =>
            isNumeric || value === undefined ? value : value > 0;
          const bounds = reduce(
            by,
            pairs.map(([value]) => as(value)),
          );
          const full = reduce(
            by,
            pairs.map(([value, hidden]) => as(value ?? hidden)),
          );
          if (bounds === undefined) return;
          if (typeof bounds !== 'object') expect(full).toBe(bounds);
          else
            expect(
              (full as number) >= (bounds as Bounds).lo && (full as number) <= (bounds as Bounds).hi,
            ).toBe(true);
        },
      ),
    );
  });

  test('the order of the members does not change a bit', () => {
    const name = fc.constantFrom('count', 'share', 'max', 'min', 'avg');
    fc.assert(
      fc.property(
        name,
        fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }),
        fc.infiniteStream(fc.nat()),
        (by, members, order) => {
          const as = (value: number): Value => (['count', 'share'].includes(by) ? value > 0 : value);
          const shuffled = members
            .map(value => [order.next().value, value] as const)
            .sort((a, b) => a[0] - b[0]);
          expect(
            reduce(
              by,
              shuffled.map(([, value]) => as(value)),
            ),
          ).toBe(reduce(by, members.map(as)));
        },
      ),
    );
  });
});

describe('two vectors', () => {
  test('match on shared labels; an unmatched set is unknown; a scalar holds for every set', () => {
    const scope: Scope = {
      observations: {
        v: vectorOf('v', [
          [{ origin: 'A', day: '1' }, 5],
          [{ origin: 'B', day: '1' }, 5],
        ]),
        w: vectorOf('w', { A: 1 }),
        s: observed('s', 3),
      },
      before: {},
      steps: {},
      target: {},
    };
    const compiled = compile({
      and: [{ '>': [{ var: 'v' }, { var: 'w' }] }, { '>': [{ var: 'v' }, { var: 's' }] }],
    });
    const sets = labelSets(scope, compiled.names) ?? [];
    expect(sets.map(set => [set.labels.origin, compiled.evaluate(scope, set)])).toEqual([
      ['A', true],
      ['B', undefined],
    ]);
  });

  test('of the same labels: a set that only one of them has is there, and unknown', () => {
    const both = (op: string): Json => ({ reduce: [op, { '>': [{ var: 'v' }, { var: 'w' }] }] });
    const ask = (op: string, v: Readonly<Record<string, number>>, w: Readonly<Record<string, number>>) =>
      compile(both(op)).evaluate({
        observations: { v: vectorOf('v', v), w: vectorOf('w', w) },
        before: {},
        steps: {},
        target: {},
      });
    expect(ask('all', { A: 5 }, { A: 1 })).toBe(true);
    expect(ask('all', { A: 5 }, { A: 1, B: 1 })).toBeUndefined();
    expect(ask('all', { A: 5, C: 5 }, { A: 1 })).toBeUndefined();
    expect(ask('count', { A: 5, C: 5 }, { A: 1, B: 1 })).toEqual({ lo: 1, hi: 3 });
  });

  test('a single value that is unknown hides no set that is decided without it', () => {
    const logic: Json = { reduce: ['any', { or: [{ '>': [{ var: 'v' }, 1] }, { '>': [{ var: 's' }, 1] }] }] };
    const scope = (v: Readonly<Record<string, number>>): Scope => ({
      observations: { v: vectorOf('v', v), s: observed('s', undefined) },
      before: {},
      steps: {},
      target: {},
    });
    expect(compile(logic).evaluate(scope({ A: 0, B: 2 }))).toBe(true);
    expect(compile(logic).evaluate(scope({ A: 0 }))).toBeUndefined();
  });
});
