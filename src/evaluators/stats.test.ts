/** Properties of PSI and KS over any data, and small cases by enumeration. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { edgesFrom, fineBins, merge, probabilities } from './drift-profile.ts';
import { ksBounds, ksExactP, ksP, ksStatistic, ksStephensP } from './ks.ts';
import {
  atomEdges,
  binCounts,
  type Cell,
  finiteSorted,
  nextDown,
  psiInterval,
  psiNull,
  psiOfCounts,
  quantile,
  quantileEdges,
} from './psi.ts';
import { chi2Quantile, chi2Tail, KOLMOGOROV_Q999, kolmogorovTail, wilson } from './special.ts';

const cell = fc.oneof(
  { weight: 6, arbitrary: fc.double({ noNaN: true }) },
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<Cell>(null, Number.NaN, 1e308, -1e308, 5e-324, -0) },
);
const sample = fc.array(cell, { minLength: 1, maxLength: 60 });
const finite = sample.filter(values => finiteSorted(values).length > 0);

function tenths(sorted: Float64Array): number[] {
  return Array.from({ length: 9 }, (_, i) => quantile(sorted, (i + 1) / 10));
}
function psi(reference: Cell[], current: Cell[]): number | undefined {
  const sorted = finiteSorted(reference);
  const edges = atomEdges(tenths(sorted));
  return psiOfCounts(binCounts(sorted, edges), binCounts(finiteSorted(current), edges));
}

describe('psi', () => {
  test('is at least 0, and 0 for the same sample', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(psi(a, b)).toBeGreaterThanOrEqual(0);
        expect(psi(a, a)).toBe(0);
      }),
    );
  });
  test('does not depend on the order of rows', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(psi(a.toReversed(), b.toReversed())).toBe(psi(a, b));
      }),
    );
  });
  test('its interval contains it and starts at 0 or above', () => {
    const counts = fc.array(fc.nat(1000), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const n = Math.min(a.length, b.length);
        const [r, c] = [a.slice(0, n), b.slice(0, n)];
        const value = psiOfCounts(r, c);
        const interval = psiInterval(r, c);
        expect(interval === undefined).toBe(value === undefined);
        if (value === undefined || interval === undefined) return;
        expect(interval[0]).toBeGreaterThanOrEqual(0);
        expect(interval[0]).toBeLessThanOrEqual(value);
        expect(interval[1]).toBeGreaterThanOrEqual(value);
      }),
    );
  });
  test('a side without rows has none', () => {
    expect(psiOfCounts([0, 0], [1, 2])).toBeUndefined();
    expect(psiOfCounts([1, 2], [0, 0])).toBeUndefined();
  });
  test('the law without drift fits itself', () => {
    const law = psiNull(10, 1000, 800);
    expect(law.p(law.q999)).toBeCloseTo(0.001, 9);
    expect(law.p(law.q95)).toBeCloseTo(0.05, 9);
    expect(psiNull(1, 10, 10).q999).toBe(0);
  });
});

describe('edges', () => {
  test.each([
    [0, -5e-324],
    [5e-324, 0],
    [1, 1 - 2 ** -53],
    [-1, -1 - 2 ** -52],
    [7, 6.999999999999999],
  ])('nextDown(%d)', (x, want) => {
    expect(nextDown(x)).toBe(want);
  });
  test('nextDown is the neighbour below', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300 }), x => {
        const down = nextDown(x);
        expect(down).toBeLessThan(x);
        expect([down, x]).toContain(down + (x - down) / 2);
      }),
    );
  });
  test('fine edges contain those of psi, and merging onto them is counting on them', () => {
    fc.assert(
      fc.property(finite, finite, fc.constantFrom(2, 5, 10, 20, 33), (a, b, bins) => {
        const sorted = finiteSorted(a);
        const at = (n: number) => probabilities(n).map(p => quantile(sorted, p));
        const { edges, psi: coarse } = edgesFrom(at(bins), at(fineBins(bins)));
        expect(edges).toEqual(expect.arrayContaining([...coarse]));
        expect(new Set([...coarse, ...quantileEdges(sorted, bins)]).size).toBe(coarse.length);
        for (const values of [sorted, finiteSorted(b)])
          expect(merge(binCounts(values, edges), edges, coarse)).toEqual(binCounts(values, coarse));
      }),
    );
  });
});

describe('ks', () => {
  test('lies in 0..1, is 0 for the same sample, symmetric, and blind to order', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const [x, y] = [finiteSorted(a), finiteSorted(b)];
        const d = ksStatistic(x, y)!;
        expect(d).toBeGreaterThanOrEqual(0);
        expect(d).toBeLessThanOrEqual(1);
        expect(ksStatistic(y, x)).toBe(d);
        expect(ksStatistic(x, x)).toBe(0);
        expect(ksStatistic(finiteSorted(a.toReversed()), y)).toBe(d);
      }),
    );
  });
  test('an empty side has none', () => {
    expect(ksStatistic(Float64Array.of(), Float64Array.of(1))).toBeUndefined();
    expect(ksBounds([0, 0], [1, 2])).toBeUndefined();
  });
  test('bounds from any bins contain it; the open bins are where it may hide', () => {
    fc.assert(
      fc.property(finite, finite, fc.integer({ min: 2, max: 12 }), (a, b, bins) => {
        const [x, y] = [finiteSorted(a), finiteSorted(b)];
        const edges = atomEdges(quantileEdges(x, bins));
        const atom = (bin: number) => edges[bin - 1] === nextDown(edges[bin] ?? Number.NaN);
        const bounds = ksBounds(binCounts(x, edges), binCounts(y, edges), atom)!;
        const d = ksStatistic(x, y)!;
        expect(d).toBeGreaterThanOrEqual(bounds.lower - 1e-12);
        expect(d).toBeLessThanOrEqual(bounds.upper + 1e-12);
        expect(bounds.open.length > 0).toBe(bounds.upper > bounds.lower);
      }),
    );
  });
  test('the exact p-value is that of all orders, by enumeration', () => {
    for (const [n, m] of [
      [2, 3],
      [4, 4],
      [3, 6],
      [5, 2],
    ] as const) {
      const all = arrangements(n, m).map(order => distance(order, n, m));
      for (const d of new Set(all)) {
        const share = all.filter(x => x >= d - 1e-12).length / all.length;
        expect(ksExactP(d, n, m), `${n}, ${m}, ${d}`).toBeCloseTo(share, 12);
      }
    }
  });
  test('p falls with D and is 1 at 0, whichever formula', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(1600),
        (n, m, k) => {
          const d = (k % (n * m)) / (n * m);
          expect(ksExactP(0, n, m)).toBe(1);
          expect(ksStephensP(0, n, m)).toBe(1);
          expect(ksExactP(d, n, m)).toBeGreaterThanOrEqual(ksExactP(d + 1 / (n * m), n, m)! - 1e-12);
        },
      ),
    );
    expect(ksExactP(0.1, 1e4, 1e4)).toBeUndefined();
    expect(ksP(0.1, 1e4, 1e4)).toBe(ksStephensP(0.1, 1e4, 1e4));
  });
});

/** All orders of n a's and m b's. */
function arrangements(n: number, m: number): string[] {
  if (n === 0 && m === 0) return [''];
  return [
    ...(n > 0 ? arrangements(n - 1, m).map(s => `a${s}`) : []),
    ...(m > 0 ? arrangements(n, m - 1).map(s => `b${s}`) : []),
  ];
}
function distance(order: string, n: number, m: number): number {
  const at = (letter: string) => Float64Array.from([...order].flatMap((c, i) => (c === letter ? [i] : [])));
  expect([at('a').length, at('b').length]).toEqual([n, m]);
  return ksStatistic(at('a'), at('b'))!;
}

describe('special functions', () => {
  test('quantiles and tails are each other’s inverse', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.9999, noNaN: true }),
        fc.integer({ min: 1, max: 300 }),
        (p, df) => {
          expect(chi2Tail(chi2Quantile(p, df), df)).toBeCloseTo(1 - p, 10);
        },
      ),
    );
    expect(kolmogorovTail(KOLMOGOROV_Q999)).toBeCloseTo(0.001, 15);
    expect(kolmogorovTail(1.18 - 1e-12)).toBeCloseTo(kolmogorovTail(1.18 + 1e-12), 11);
  });
  test('Wilson stays within 0..1 and contains the share', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (a, b) => {
        const [count, n] = [Math.min(a, b), Math.max(a, b)];
        const [low, high] = wilson(count, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        if (n > 0) expect(low - 1e-12 <= count / n && count / n <= high + 1e-12).toBe(true);
      }),
    );
  });
});
