/** Times and durations as people write them on a command line. */
import { parseDuration, parseTime } from '../dsl/index.ts';
import { Refusal } from './perform.ts';

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
