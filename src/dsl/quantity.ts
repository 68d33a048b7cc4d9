/** Quantities that carry their unit: durations, ratios, rates and times as people write them, and as numbers. Pure. */
import type { Interval, RateSpec } from '../model.ts';

/** Milliseconds per unit. `m` is minutes; there are no months, because they have no length. */
export const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** What a duration looks like: one or more numbers with their units, such as `30m`, `7d` or `1h30m`. */
export const DURATION = /^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/;
export const RATIO = /^\d+(\.\d+)?%$/;
/** As text of a JSON Schema: up to 100 %, which the pattern above does not say. */
export const SHARE = String.raw`^0*(100(\.0+)?|\d{1,2}(\.\d+)?)%$`;
export const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;
export const RATE = /^\d+ per (\d+(\.\d+)?(ms|s|m|h|d|w))+$/;

/**
 * Milliseconds, rounded to whole ones; undefined when the text is not a duration.
 *
 * @example parseDuration('1h30m') // → 5400000
 */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(count) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}

/** 0..1 from `10%` or 0.1; undefined for anything else, also when it is out of range. */
export function parseRatio(value: string | number): number | undefined {
  const ratio =
    typeof value === 'number' ? value : RATIO.test(value) ? percent(value.slice(0, -1)) : Number.NaN;
  return ratio >= 0 && ratio <= 1 ? ratio : undefined;
}

/** The nearest number to so many hundredths: `0.07` from '7', where 7 / 100 and not 7 * 0.01 is it. */
export function percent(text: string): number {
  return Number(text) / 100;
}

/** `3 per 7d` as a count and milliseconds; undefined when it is not one, or allows nothing, or has no period. */
export function parseRate(text: string): RateSpec | undefined {
  if (!RATE.test(text)) return undefined;
  const [count, period = ''] = text.split(' per ');
  const perMs = parseDuration(period);
  return perMs === undefined || perMs === 0 || Number(count) === 0
    ? undefined
    : { count: Number(count), perMs };
}

/**
 * Milliseconds since the epoch from a date (midnight UTC) or an ISO 8601 time (UTC when it names no offset); undefined
 * for anything else, also for days that do not exist.
 */
export function parseTime(text: string): number | undefined {
  const found = TIME.exec(text);
  if (!found) return undefined;
  const [, day = '', time = '00:00', zone = 'Z'] = found;
  const midnight = Date.parse(`${day}T00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
  const at = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(at) ? undefined : at;
}

/** A half-open interval from two times; undefined when one is not a time or the end is not after the start. */
export function parseInterval(from: string, to: string): Interval | undefined {
  const [start, end] = [parseTime(from), parseTime(to)];
  return start === undefined || end === undefined || end <= start ? undefined : { from: start, to: end };
}

/** A duration as people write it, in the largest unit up to days that divides it. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS_MS)
    .filter(([unit]) => unit !== 'w')
    .reverse();
  const [unit = 'ms', size = 1] = units.find(([, size]) => ms !== 0 && ms % size === 0) ?? [];
  return `${ms / size}${unit}`;
}
