/** The notation of series, as promtool's own documentation gives its examples, and what Flyball adds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lengthOf, parseSeries, sampleAt } from './series.ts';

function expanded(text: string): string {
  const series = parseSeries(text);
  if ('problem' in series) {
    const { index, message, hint } = series.problem;
    return `at ${index}: ${message}${hint === undefined ? '' : ` · ${hint}`}`;
  }
  return Array.from({ length: lengthOf(series) }, (_, i) => {
    const sample = sampleAt(series, i);
    return 'value' in sample ? JSON.stringify(sample.value) : sample.unknown;
  }).join(' ');
}

/** What is written and what it stands for. The first lines are the examples of Prometheus' documentation. */
const GOOD = `
-2+4x3                   | -2 2 6 10
1-2x4                    | 1 -1 -3 -5 -7
1x4                      | 1 1 1 1 1
1 _x3 stale              | 1 absent absent absent stale
0.1x6 0.3x2 _x3 stale    | 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.3 0.3 0.3 absent absent absent stale
1                        | 1
1x0                      | 1
_x0 1                    | 1
0x3                      | 0 0 0 0
-0                       | 0
.5 5. 1e3 1E-2           | 0.5 5 1000 0.01
0+0.1x3                  | 0 0.1 0.2 0.3
10-1x2                   | 10 9 8
+3                       | 3
2% 5k                    | 0.02 5000
1%+1%x2                  | 0.01 0.02 0.03
6h 1h30m 300ms           | 21600000 5400000 300
6h+1hx2                  | 21600000 25200000 28800000
5m10sx1                  | 310000 310000
-6h                      | -21600000
true falsex1             | true false false
'ok'x2 "it's x2"         | "ok" "ok" "ok" "it's x2"
''                       | ""
unreachable too-few      | unreachable too-few
unreachablex2 stalex2    | unreachable unreachable stale stale
NaN Inf -Inf +Inf        | undefined undefined undefined undefined
`;

test.each(
  GOOD.trim()
    .split('\n')
    .map(line => line.split('|').map(part => part.trim())),
)('%s', (written = '', samples) => {
  expect(expanded(written)).toBe(samples);
});

test('blanks of any kind stand between samples', () => {
  expect(expanded('  1\n\t2  3 ')).toBe('1 2 3');
});

const WORDS =
  "expected values such as 0.3, 2%, 6h, true or 'text', repeated as 0.3x5 or 0+0.1x5, or one of _, stale, unreachable and too-few";

const BAD: readonly (readonly [string, string])[] = [
  ['', `at 0: it has no sample; ${WORDS}`],
  ['1 ok', `at 2: ok is no sample; ${WORDS} · Text stands in quotes: 'ok'.`],
  ['1 stal', `at 2: stal is no sample; ${WORDS} · Did you mean stale?`],
  ['truex', `at 0: truex is no sample; ${WORDS} · Did you mean true?`],
  ['1x', `at 0: 1x is no sample; ${WORDS}`],
  ['1 x 3', `at 2: x is no sample; ${WORDS} · Text stands in quotes: 'x'.`],
  ['1x-3', `at 0: 1x-3 is no sample; ${WORDS}`],
  ['1x2.5', `at 0: 1x2.5 is no sample; ${WORDS}`],
  ['0.1,0.2', `at 0: 0.1,0.2 is no sample; ${WORDS}`],
  ["'open", `at 0: ' is no sample; ${WORDS}`],
  ['1+2', 'at 0: 1+2 has a step and no times; expected them after an x · Write 1+2x5.'],
  ['6h+1x3', 'at 0: 6h+1x3 adds number to duration; expected the same unit twice'],
  ["'a'+1x3", "at 0: 'a'+1x3 adds number to text; expected the same unit twice"],
  ['true+1x3', 'at 0: true+1x3 adds number to boolean; expected the same unit twice'],
  ['1e999', 'at 0: 1e999 is too large; expected a finite number'],
  ['1x99999999999', 'at 0: 1x99999999999 repeats 99999999999 times; expected at most 1000000'],
  ['1q', `at 0: 1q is no sample; ${WORDS}`],
  ['constructor', `at 0: constructor is no sample; ${WORDS} · Text stands in quotes: 'constructor'.`],
];

test.each(BAD)('%j is refused', (written, message) => {
  expect(expanded(written)).toBe(message);
});

test('after its last sample a series is absent', () => {
  const series = parseSeries('1 2');
  expect('problem' in series ? series : [1, 2, 1000].map(i => sampleAt(series, i))).toEqual([
    { value: 2 },
    { unknown: 'absent' },
    { unknown: 'absent' },
  ]);
});

test('any run is as long as promtool says, and ends where it says', () => {
  const number = fc.integer({ min: -50, max: 50 });
  fc.assert(
    fc.property(number, fc.integer({ min: 1, max: 9 }), fc.nat(40), (a, b, n) => {
      const series = parseSeries(`${a}+${b}x${n} ${a}-${b}x${n} ${a}x${n} _x${n}`);
      if ('problem' in series) throw new Error(series.problem.message);
      expect(lengthOf(series)).toBe(3 * (n + 1) + n);
      expect(sampleAt(series, n)).toEqual({ value: a + n * b });
      expect(sampleAt(series, 2 * n + 1)).toEqual({ value: a - n * b });
      expect(sampleAt(series, 3 * n + 2)).toEqual({ value: a });
      expect(sampleAt(series, 3 * n + 3)).toEqual({ unknown: 'absent' });
    }),
  );
});

test('no text makes it throw or take long', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'01.9xX+-_ hm%k\'"etrus') }), text => {
      const series = parseSeries(text);
      expect('problem' in series || lengthOf(series) >= 0).toBe(true);
    }),
  );
});
