/**
 * Words from outside: names, notes and messages that anybody may have written. Here is the one place where they are cleaned,
 * cut and marked before a model reads them.
 */
import type { Json, JsonObject } from '../model.ts';

/** No single text is longer. */
const LONGEST = 8000;

/** Control, format and direction characters, line separators, unassigned tags, and selectors that hide bytes. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]|[\u{e0100}-\u{e01ef}]/gu;

/** Without characters that hide something; lines and tabs stay. Never ends within a character. */
export function clean(text: string, most = LONGEST): string {
  const kept = text.toWellFormed().replace(HIDDEN, one => (one === '\n' || one === '\t' ? one : ' '));
  return kept.length > most
    ? `${kept
        .slice(0, most - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`
    : kept;
}

/** A value all of whose texts, and names of fields, are clean. */
export function cleaned(value: Json): Json {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [clean(name, 200), cleaned(one)]));
}

/**
 * Lines that are data: each begins with a bar, so that none can pretend to be one of ours by closing a fence.
 */
export function quoted(text: string): string {
  return clean(text, Number.MAX_SAFE_INTEGER)
    .split('\n')
    .map(line => `| ${line}`)
    .join('\n');
}

/** Those of the fields that hold words from outside in this result. */
export function outsideIn(output: JsonObject, fields: readonly string[]): readonly string[] {
  return fields.filter(name => {
    const value = output[name];
    return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
  });
}
