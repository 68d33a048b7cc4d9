/** The codec of observations: whatever is encoded is decoded to the same, and a quiet day costs little. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical } from '../canonical.ts';
import type { Json, Observation, Snapshot } from '../model.ts';
import { decodeSeen, encodeSeen, type Shape, shapesIn, splitSnapshot } from './series.ts';

/** Encodes as the store does, with numbers for shapes from 1 on. */
function coder() {
  const shapes: Shape[] = [];
  const numberOf = (shape: Shape) => {
    if (!shapes.includes(shape)) shapes.push(shape);
    return shapes.indexOf(shape) + 1;
  };
  return {
    shapes,
    encode: (snapshot: Pick<Snapshot, 'takenAt' | 'observations'>) =>
      encodeSeen(splitSnapshot(snapshot), numberOf),
    decode: (text: string, takenAt: number) => decodeSeen(text, takenAt, nr => shapes[nr - 1] ?? ''),
  };
}

const DAY = 86_400_000;
const NOON = 1_780_000_000_000;

const scalar = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(NOON, NOON - DAY, 0),
  fc.boolean(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('@', '@@', '@-5', '[0]'),
);
const names = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { maxKeys: 3 });
const interval = fc.record({ from: fc.integer(), to: fc.constantFrom(NOON, NOON - 1, 7) });
const unknown = fc.record({ reason: fc.constant('absent'), message: fc.string({ unit: 'grapheme' }) });
const reading = fc.record(
  { labels: names, fields: fc.dictionary(fc.string(), scalar, { maxKeys: 4 }), unknown },
  { requiredKeys: ['labels', 'fields'] },
);
const observation = fc.record(
  {
    name: fc.string(),
    evaluator: fc.string(),
    unit: fc.constant('ratio'),
    definition: fc.string(),
    vector: fc.boolean(),
    interval,
    reference: fc.record(
      { label: fc.string(), hash: fc.string(), interval },
      { requiredKeys: ['label', 'hash'] },
    ),
    readings: fc.array(reading, { maxLength: 4 }),
    unknown,
    detail: fc.jsonValue() as fc.Arbitrary<Json>,
    asked: fc.string(),
  },
  { requiredKeys: ['name', 'evaluator', 'unit', 'definition', 'vector', 'readings'] },
) as unknown as fc.Arbitrary<Observation>;
const observations = fc.dictionary(fc.string(), fc.dictionary(fc.string(), observation, { maxKeys: 3 }), {
  maxKeys: 3,
});

describe('the series', () => {
  it('gives back what was put in, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.array(observations, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, NOON),
        (days, takenAt) => {
          const { encode, decode, shapes } = coder();
          const texts = days.map(one => encode({ takenAt, observations: one }));
          for (const [day, text] of texts.entries()) {
            const seen = Object.entries(days[day] ?? {}).flatMap(([policy, byName]) =>
              Object.values(byName).map(one => ({ policy, observation: one })),
            );
            expect(canonical(decode(text, takenAt))).toBe(canonical(seen));
            for (const nr of shapesIn(text)) expect(shapes[nr - 1]).toBeDefined();
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads rows from before there were shapes', () => {
    const one = { name: 'rows', readings: [] } as unknown as Observation;
    const row = JSON.stringify([[0, 'drift', canonical(one)]]);
    expect(decodeSeen(row, 5, () => '')).toEqual([{ policy: 'drift', observation: one }]);
    expect(shapesIn(row)).toEqual([]);
  });

  it('of a quiet day is numbers only: no new shape, whichever label sets are there', () => {
    const { encode, shapes } = coder();
    const origins = ['ORD', 'MSP', 'EWR', 'MCO'];
    const look = (n: number) => ({
      takenAt: NOON + n * 300_000,
      observations: {
        drift: {
          psi: {
            ...{
              name: 'psi',
              evaluator: 'drift',
              unit: 'number',
              definition: 'psi/quantile_ref/10/floor1e-4/v1',
            },
            vector: true,
            interval: { from: NOON + n * 300_000 - 7 * DAY, to: NOON + n * 300_000 },
            reference: { label: 'training data', hash: 'a'.repeat(64) },
            readings: origins
              .filter((_, index) => (n + index) % 3 !== 0)
              .map((origin, index) => ({
                labels: { origin },
                fields: { value: Math.sin(n + index), lower: 0.1 / (n + 1), upper: 0.2, n: 5000 + n },
              })),
          },
          rows: {
            ...{ name: 'rows', evaluator: 'rows', unit: 'count', definition: 'rows/v1', vector: false },
            readings: [{ labels: {}, fields: { value: 17_000 + n } }],
          },
        } as unknown as Record<string, Observation>,
      },
    });
    const looks = Array.from({ length: 288 }, (_, n) => look(n));
    const bytes = looks.map(encode).join('').length / looks.length;
    const before = looks.map(one => canonical(one.observations)).join('').length / looks.length;
    expect(shapes).toHaveLength(2 + origins.length + 1);
    expect(bytes * 3).toBeLessThan(before);
  });
});
