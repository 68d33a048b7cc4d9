/** Names of targets that people and agents give: one that is not known is refused, never an empty answer. */
import { unknownName } from './refusal.ts';
import { safe } from './time.ts';

/** Returns when a target is known or none was named; else throws a Refusal that knows those that are. */
export function requireTarget(target: string | undefined, known: readonly string[]): void {
  if (target === undefined || known.includes(target)) return;
  throw unknownName(`no target ${safe(target, 80)} is known`, known);
}
