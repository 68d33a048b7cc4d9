/** Durations, ratios, rates and times. */
import { expect, test } from 'vitest';
import {
  formatDuration,
  parseDuration,
  parseInterval,
  parseRate,
  parseRatio,
  parseTime,
} from './quantity.ts';

test.each([
  ['300ms', 300],
  ['30s', 30_000],
  ['30m', 1_800_000],
  ['6h', 21_600_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
  ['1.5h', 5_400_000],
  ['1h30m', 5_400_000],
  ['0s', 0],
  ['6', undefined],
  ['6 h', undefined],
  ['h', undefined],
  ['-6h', undefined],
  ['6H', undefined],
  ['6mo', undefined],
  ['9999999999999w', undefined],
  ['', undefined],
])('duration %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  ['10%', 0.1],
  ['7%', 0.07],
  ['0%', 0],
  ['100%', 1],
  [0.1, 0.1],
  [1, 1],
  ['101%', undefined],
  [1.5, undefined],
  [-0.1, undefined],
  [Number.NaN, undefined],
  ['0.1', undefined],
  ['10 %', undefined],
])('ratio %s', (value, share) => {
  expect(parseRatio(value)).toBe(share);
});

test.each([
  ['3 per 7d', { count: 3, perMs: 604_800_000 }],
  ['1 per 1h30m', { count: 1, perMs: 5_400_000 }],
  ['0 per 7d', undefined],
  ['3 per 0d', undefined],
  ['3 per', undefined],
  ['3/7d', undefined],
  ['1.5 per 7d', undefined],
])('rate %s', (text, rate) => {
  expect(parseRate(text)).toEqual(rate);
});

test.each([
  ['2001-01-01', Date.UTC(2001, 0, 1)],
  ['2001-01-31T06:00Z', Date.UTC(2001, 0, 31, 6)],
  ['2001-01-31 06:00:30.5', Date.UTC(2001, 0, 31, 6, 0, 30, 500)],
  ['2001-01-31T06:00+01:00', Date.UTC(2001, 0, 31, 5)],
  ['2001-02-30', undefined],
  ['2001-13-01', undefined],
  ['2001-01-01T25:00', undefined],
  ['yesterday', undefined],
  ['2001', undefined],
])('time %s', (text, at) => {
  expect(parseTime(text)).toBe(at);
});

test('an interval ends after it starts', () => {
  expect(parseInterval('2001-01-01', '2001-01-02')).toEqual({
    from: Date.UTC(2001, 0, 1),
    to: Date.UTC(2001, 0, 2),
  });
  expect(parseInterval('2001-01-02', '2001-01-02')).toBeUndefined();
});

test.each([
  [604_800_000, '7d'],
  [5_400_000, '90m'],
  [1, '1ms'],
  [0, '0ms'],
])('%s ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
