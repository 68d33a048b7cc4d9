/** Which targets nobody has looked at in time. Pure. */
import { chainOf } from '../engine/ids.ts';
import { shortestEveryMs } from '../engine/schedule.ts';
import type { Census, ClosedPolicy } from '../model.ts';

export interface Late {
  readonly chain: string;
  /** Since its slot, or since the last look where only that is known. Absent: it was never looked at. */
  readonly lateMs?: number;
}

/**
 * Due targets that are late by more than twice the shortest `every` of their policies, the latest first. With `never` those
 * that were never looked at are among them. What no policy governs now is never late.
 */
export function lateTargets(
  due: Census['due'],
  policies: readonly ClosedPolicy[],
  now: number,
  { never }: { readonly never: boolean },
): readonly Late[] {
  if (due.length === 0) return [];
  const governing = Map.groupBy(policies, policy => chainOf(policy.target));
  const late = due.flatMap(({ chain, dueAt, lastTakenAt }): Late[] => {
    const every = shortestEveryMs(governing.get(chain) ?? [], now);
    if (every === undefined) return [];
    // A target that somebody made due now has lost the time of its slot.
    const since = dueAt > 0 ? dueAt : lastTakenAt;
    if (since === undefined) return never ? [{ chain }] : [];
    if (never && lastTakenAt === undefined) return [{ chain }];
    return now - since > 2 * every ? [{ chain, lateMs: now - since }] : [];
  });
  const size = ({ lateMs = Number.POSITIVE_INFINITY }: Late) => lateMs;
  return late.sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
}
