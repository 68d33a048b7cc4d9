/** Times and durations as people write them on a command line. */
import { parseDuration, parseTime } from '../dsl/index.ts';
import { Refusal } from './perform.ts';
import { safe } from './time.ts';

/** Milliseconds since the epoch: of a date, an ISO 8601 time (UTC when it names no offset), or how long before `now`. */
export function instantOf(name: string, text: string, now: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const at = parseTime(text);
  if (at !== undefined) return at;
  throw new Refusal(
    `${name} is ${JSON.stringify(text)}; expected a date or a time such as 2026-01-31 or 2026-01-31T06:00Z, or how long ago, such as 30d.`,
  );
}

/** Milliseconds of a duration such as 30m. */
export function periodOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Refusal(`${JSON.stringify(text)} is no duration; expected one such as 30m, 6h or 7d.`);
}

/** When something ends that lasts from `now` on: after so long, or at a time with its zone. Refuses what is over. */
export function untilOf(text: string, now: number): number {
  const forMs = parseDuration(text);
  const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const until = forMs === undefined ? (iso ? Date.parse(text) : Number.NaN) : now + forMs;
  const expected = 'expected how long, such as 4h, or a time with its zone, such as 2026-01-31T06:00Z';
  if (!Number.isFinite(until))
    throw new Refusal(`--until is ${safe(JSON.stringify(text), 60)}; ${expected}.`);
  if (until <= now) throw new Refusal(`--until is ${safe(text, 60)}, which is over; ${expected}.`);
  return until;
}
