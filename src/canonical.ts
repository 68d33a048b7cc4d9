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
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError(`canonical JSON: ${typeof value} is not a JSON value`);
  return text;
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
