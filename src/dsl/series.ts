/**
 * Series of a PolicyTest in Prometheus' notation (as `promtool test rules` reads it), with units, text and the words for
 * what is not known. Kept as runs, so that no length is too long. Pure.
 *
 * | written      | samples                                                                    |
 * | ------------ | -------------------------------------------------------------------------- |
 * | `a`          | a                                                                          |
 * | `axn`        | a, and a again n times: n + 1 in all                                       |
 * | `a+bxn`      | a, a+b, a+2b … a+nb: n + 1 in all; `a-bxn` falls                           |
 * | `_`, `_xn`   | nothing was there (unknown: absent), n times                               |
 * | `stale`      | the value is too old; of a vector, the label set is gone                   |
 * | `unreachable`| the query failed; of a vector, as a whole                                  |
 * | `too-few`    | too few rows behind it                                                     |
 * | `NaN`, `Inf` | not a finite number (unknown: undefined)                                   |
 *
 * A word repeats as `_` does (`unreachablex3` is three of them). After its last sample a series is `_`.
 */
import type { Scalar, UnknownReason } from '../model.ts';
import { didYouMean } from './diagnostic.ts';
import { parseDuration, percent } from './quantity.ts';

/** What a literal says of its dimension. A bare number fits numbers, ratios and counts. */
export type SampleUnit = 'number' | 'duration' | 'ratio' | 'text' | 'boolean';

export type Sample = { readonly value: Scalar } | { readonly unknown: UnknownReason };

/** One run: `count` samples, the first of `value`, each next one by `step` more. */
interface Segment {
  readonly count: number;
  readonly sample: Sample;
  readonly step: number;
  /** Of a value: as it is written, for checks against a dimension. */
  readonly unit?: SampleUnit;
  /** Where it stands in the text. */
  readonly index: number;
  readonly text: string;
}

export interface Series {
  readonly segments: readonly Segment[];
}

/** A mistake at a character of the text. */
export interface SeriesProblem {
  readonly index: number;
  readonly message: string;
  readonly hint?: string;
}

/** Words for samples without a value, and why it is unknown then. */
const WORDS: Readonly<Record<string, UnknownReason>> = {
  _: 'absent',
  stale: 'stale',
  unreachable: 'unreachable',
  'too-few': 'too-few',
  NaN: 'undefined',
  Inf: 'undefined',
  '+Inf': 'undefined',
  '-Inf': 'undefined',
};

const ABSENT: Sample = { unknown: 'absent' };
const MOST_REPEATS = 1_000_000;
const EXPECTED =
  "expected values such as 0.3, 2%, 6h, true or 'text', repeated as 0.3x5 or 0+0.1x5, or one of _, stale, unreachable and too-few";

const NUMBER = String.raw`(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const LITERAL = String.raw`(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+|${NUMBER}[%k]?`;
const VALUE = new RegExp(
  String.raw`^([+-]?(?:${LITERAL})|'[^']*'|"[^"]*"|true|false)(?:([+-])(${LITERAL}))?(?:x(\d+))?$`,
);
const WORD = /^([+-]?[A-Za-z_][A-Za-z_-]*?)(?:x(\d+))?$/;

/** The runs that a text stands for, or the first mistake in it. */
export function parseSeries(text: string): Series | { readonly problem: SeriesProblem } {
  const segments: Segment[] = [];
  for (const found of text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+|['"]/g)) {
    const parsed = parseToken(found[0], found.index);
    if ('problem' in parsed) return parsed;
    segments.push(parsed);
  }
  if (segments.length > 0) return { segments };
  return { problem: { index: 0, message: `it has no sample; ${EXPECTED}` } };
}

/** The sample of an index from 0. */
export function sampleAt({ segments }: Series, index: number): Sample {
  let left = index;
  for (const { count, sample, step } of segments) {
    if (left >= count) {
      left -= count;
      continue;
    }
    return 'value' in sample && typeof sample.value === 'number'
      ? { value: rounded(sample.value + step * left) }
      : sample;
  }
  return ABSENT;
}

/** How many samples are written. */
export function lengthOf({ segments }: Series): number {
  return segments.reduce((sum, { count }) => sum + count, 0);
}

/** Steps such as 0.1 do not add up in binary: what a person reads is twelve digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

function parseToken(text: string, index: number): Segment | { readonly problem: SeriesProblem } {
  const word = WORD.exec(text);
  const reason = word && Object.hasOwn(WORDS, word[1] ?? '') ? WORDS[word[1] ?? ''] : undefined;
  if (reason !== undefined)
    return repeated(word?.[2], { text, index, sample: { unknown: reason }, step: 0 }, 0);
  const value = VALUE.exec(text);
  if (!value) return { problem: { index, message: `${text} is no sample; ${EXPECTED}`, ...slip(word?.[1]) } };
  const [, first = '', sign, by, times] = value;
  const start = literal(first);
  const step = by === undefined ? undefined : literal(by);
  if (start === undefined || (by !== undefined && step === undefined))
    return { problem: { index, message: `${text} is too large; expected a finite number` } };
  if (step !== undefined && times === undefined)
    return {
      problem: {
        index,
        message: `${text} has a step and no times; expected them after an x`,
        hint: `Write ${text}x5.`,
      },
    };
  if (step !== undefined && (step.unit !== start.unit || typeof start.value !== 'number'))
    return {
      problem: { index, message: `${text} adds ${step.unit} to ${start.unit}; expected the same unit twice` },
    };
  const stepped = Number(step?.value ?? 0) * (sign === '-' ? -1 : 1);
  return repeated(times, { text, index, sample: { value: start.value }, unit: start.unit, step: stepped }, 1);
}

/** `first`: how many samples there are besides the repeated ones. */
function repeated(
  times: string | undefined,
  segment: Omit<Segment, 'count'>,
  first: 0 | 1,
): Segment | { readonly problem: SeriesProblem } {
  const count = times === undefined ? 1 : Number(times) + first;
  if (count <= MOST_REPEATS) return { ...segment, count };
  const message = `${segment.text} repeats ${times} times; expected at most ${MOST_REPEATS}`;
  return { problem: { index: segment.index, message } };
}

function literal(text: string): { readonly value: Scalar; readonly unit: SampleUnit } | undefined {
  if (text === 'true' || text === 'false') return { value: text === 'true', unit: 'boolean' };
  if (/^['"]/.test(text)) return { value: text.slice(1, -1), unit: 'text' };
  const sign = text.startsWith('-') ? -1 : 1;
  const plain = text.replace(/^[+-]/, '');
  const duration = parseDuration(plain);
  if (duration !== undefined) return { value: sign * duration, unit: 'duration' };
  const unit = plain.endsWith('%') ? 'ratio' : 'number';
  const value = plain.endsWith('%')
    ? percent(plain.slice(0, -1))
    : Number(plain.replace(/k$/, '')) * (plain.endsWith('k') ? 1000 : 1);
  return Number.isFinite(value) ? { value: value === 0 ? 0 : sign * value, unit } : undefined;
}

function slip(word: string | undefined): { readonly hint?: string } {
  const hint = word === undefined ? undefined : didYouMean(word, [...Object.keys(WORDS), 'true', 'false']);
  if (hint !== undefined) return { hint };
  return word === undefined ? {} : { hint: `Text stands in quotes: '${word}'.` };
}
