/**
 * The text of a query with its values put in. The parts come from the closed policy, which says of each value how it stands
 * there; a value is escaped for that place, so that none can become code. Pure.
 */
import { type Dialect, type Json, never, PortError, type Scalar } from '../model.ts';

/**
 * How a value stands in its query: in PromQL between quotes (`quoted`), between the quotes of a regular expression (`regex`),
 * or bare, as a number or a duration; in SQL as a literal, or a duration.
 */
export type Placing = 'quoted' | 'regex' | 'number' | 'duration' | 'literal';

/** A query that was written with `${…}`: `text[0]`, the first value, `text[1]`, … */
interface Parts {
  readonly text: readonly string[];
  readonly values: readonly Json[];
  readonly as: readonly Placing[];
}

/** PromQL. Throws PortError `refused` for a value that cannot stand where it should. */
export function promqlOf(written: Json): string {
  return assembled(written, (value, as) => {
    switch (as) {
      case 'quoted':
        return escaped(textOf(value));
      case 'regex':
        return escaped(Array.isArray(value) ? `(?:${value.map(regexOf).join('|')})` : regexOf(value));
      case 'number':
        return numberText(value);
      case 'duration':
        return durationText(value);
      case 'literal':
        throw misplaced(value, 'PromQL');
      default:
        return never(as);
    }
  });
}

/** SQL of one dialect. Throws PortError `refused` for a value that cannot stand where it should. */
export function sqlOf(written: Json, dialect: Dialect): string {
  return assembled(written, (value, as) => {
    if (as === 'duration') return `INTERVAL ${dialect.literal(`${finite(value)} milliseconds`)}`;
    if (as !== 'literal') throw misplaced(value, 'SQL');
    if (!Array.isArray(value)) return dialect.literal(scalar(value));
    return value.length === 0 ? '(NULL)' : `(${value.map(one => dialect.literal(scalar(one))).join(', ')})`;
  });
}

/** True when the policy wrote `${…}` in it. */
export function isAssembled(written: Json | undefined): boolean {
  return typeof written === 'object' && written !== null;
}

function assembled(written: Json, place: (value: Json, as: Placing) => string): string {
  if (typeof written === 'string') return written;
  const { text, values, as } = written as unknown as Parts;
  return text
    .map((part, i) => {
      const placing = as[i];
      return placing === undefined ? part : part + place(values[i] ?? null, placing);
    })
    .join('');
}

/** Between either kind of quotes of PromQL: what could end the text or begin an escape is written as its code. */
function escaped(text: string): string {
  if (text.includes('\0')) throw misplaced(text, 'PromQL');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped.
  return text.replace(/["'`\\\u0000-\u001f\u007f]/g, found => `\\x${code(found)}`);
}

function code(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}

/** A regular expression that matches this text and no other. */
function regexOf(value: Json): string {
  return textOf(value).replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

function textOf(value: Json): string {
  return String(scalar(value)).toWellFormed();
}

function scalar(value: Json): Scalar {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return finite(value);
}

function finite(value: Json): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw misplaced(value, 'a query');
}

/** In brackets when it is negative, since two signs in a row would mean something else. */
function numberText(value: Json): string {
  const n = finite(value);
  return n < 0 ? `(${n})` : String(n);
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** `1h30m`; at least 1ms, because PromQL refuses a range of nothing. */
function durationText(value: Json): string {
  let left = Math.max(1, Math.round(finite(value)));
  let text = '';
  for (const [unit, ms] of UNITS) {
    const n = Math.floor(left / ms);
    if (n > 0) text += `${n}${unit}`;
    left -= n * ms;
  }
  return text;
}

function misplaced(value: Json, where: string): PortError {
  return new PortError(
    `the value ${JSON.stringify(value)} cannot stand in ${where} there; expected another value of its template.`,
    { code: 'refused', retry: 'never', subject: 'query' },
  );
}
