/** Canonical JSON (RFC 8785) and SHA-256, for ids, plan hashes and hash chains. Pure. */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/**
 * The one text of a JSON value: keys sorted, no blanks, numbers as ECMAScript prints them. Keys whose value is
 * `undefined` are left out. Throws on NaN, infinities and cycles.
 *
 * @example canonical({ b: 1, a: [true, null] }) // → '{"a":[true,null],"b":1}'
 */
export function canonical(value: unknown): string {
  const text = written(value);
  if (text === undefined) throw new TypeError(`canonical JSON: ${typeof value} is not a JSON value`);
  return text;
}

/**
 * Plain JSON by hand, because every closure and every entry passes here: it takes a third of the library's time. The library
 * writes whatever else there is (`toJSON`), and is what this is tested against. Undefined for what JSON has not.
 */
function written(value: unknown): string | undefined {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return canonicalize(value);
  if (Array.isArray(value)) return `[${value.map(one => written(one) ?? 'null').join(',')}]`;
  if ('toJSON' in value || value instanceof Number || value instanceof String || value instanceof Boolean)
    return canonicalize(value);
  const names = Object.keys(value);
  if (names.length > 1) names.sort();
  let members = '';
  for (const key of names) {
    const member = written((value as Record<string, unknown>)[key]);
    if (member !== undefined) members += `${members === '' ? '' : ','}${quotedKey(key)}:${member}`;
  }
  return `{${members}}`;
}

/** Keys are few and come again and again. */
function quotedKey(key: string): string {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const made = quoted(key);
  if (keys.size < MOST_KEYS) keys.set(key, made);
  return made;
}

const MOST_KEYS = 5_000;
const keys = new Map<string, string>();

function quoted(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON: half a character stands in a text');
  return JSON.stringify(text);
}

/** SHA-256 of a text's UTF-8 bytes, as 64 hex digits. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** SHA-256 of a value's canonical JSON, as 64 hex digits. Equal values have equal hashes whatever their key order. */
export function hashOf(value: unknown): string {
  return sha256(canonical(value));
}

/**
 * The key that an external system is given for one attempt of an action: a letter and 39 hex digits, which fits the
 * name and token limits of every system (Kubernetes names, SageMaker tokens, Databricks tokens).
 */
export function effectKey(action: string, attempt: number): string {
  return `f${hashOf({ action, attempt }).slice(0, 39)}`;
}
