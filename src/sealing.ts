/** Secrets that come back: marks that only this state can make, random texts, and comparing without telling how far it went. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** HMAC-SHA-256 of a text, as base64url. */
export function markOf(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** True when two texts are one, in a time that depends on their lengths alone. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Unguessable text of so many random bytes, as base64url. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
