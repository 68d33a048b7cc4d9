import fc from 'fast-check';
import { expect, test } from 'vitest';
import { measure } from './metrics.ts';

/** The definition: the share of pairs of a late and a punctual flight that are ranked right, ties half. */
function pairwise(scores: Float64Array, late: readonly number[]): number {
  let right = 0;
  let pairs = 0;
  for (const [a, lateA] of late.entries())
    for (const [b, lateB] of late.entries()) {
      if (lateA !== 1 || lateB !== 0) continue;
      pairs++;
      right += scores[a]! > scores[b]! ? 1 : scores[a]! === scores[b]! ? 0.5 : 0;
    }
  return right / pairs;
}

test('auc is the share of pairs ranked right, ties half', () => {
  const row = fc.tuple(fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 1), fc.constantFrom(0, 1));
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), rows => {
      const scores = Float64Array.from(rows, ([score]) => score);
      const late = rows.map(([, outcome]) => outcome);
      const { auc } = measure(scores, late);
      const expected = pairwise(scores, late);
      if (Number.isNaN(expected)) expect(auc).toBeNaN();
      else expect(auc).toBeCloseTo(expected, 12);
    }),
  );
});

test('metrics of three flights, by hand', () => {
  const found = measure(Float64Array.of(0.8, 0.4, 0.5), [1, 0, 0]);
  expect(found.log_loss).toBeCloseTo(-(Math.log(0.8) + Math.log(0.6) + Math.log(0.5)) / 3, 12);
  expect(found.brier).toBeCloseTo((0.04 + 0.16 + 0.25) / 3, 12);
  expect(found).toMatchObject({ error_rate: 1 / 3, auc: 1, rows: 3 });
});

test('a score of 0 or 1 that is wrong costs a finite loss', () => {
  expect(measure(Float64Array.of(0, 1), [1, 0]).log_loss).toBeCloseTo(-Math.log(1e-9), 6);
});

test('no rows have no metrics', () => {
  expect(measure(new Float64Array(0), [])).toMatchObject({ log_loss: Number.NaN, auc: Number.NaN, rows: 0 });
});
