/**
 * Further attempts of an action that failed repeatably. Pure.
 *
 * failed, repeatable, attempts left   → a pause that doubles, then the next attempt: same id, another key, planned anew
 *                                       (with the arguments that people approved, where they did)
 * failed, repeatable, none left       → stalled; the same when the next would begin after `within`
 * the policy was edited in the pause  → the wait is over, and the attempts count anew
 * failed for good, timed out          → stalled
 * cancelled, or a cancel in the pause → stalled, and nobody is paged
 */
import { hashOf } from '../canonical.ts';
import type { ActionHistory, RetrySpec } from '../model.ts';
import { causeOf, emit } from './draft.ts';
import { type Progress, planOf } from './form.ts';

/** The share by which a pause is longer or shorter, so that many targets do not come back at once. */
const JITTER = 0.1;

/** Writes that a further attempt follows. False when none does. */
export function retryLater({ draft, policy, episode }: Progress, record: ActionHistory): boolean {
  const { sequence, cause } = episode;
  const { id, attempt, verb } = record.action;
  const failures = record.failures ?? 0;
  const retry = planOf({ policy, episode }).steps[sequence.stepIndex]?.retry;
  const ends = record.state !== 'failed' || record.repeatable !== true || record.cancelRequested;
  const after = retry ? draft.at + pauseMs(retry, failures, id) : draft.at;
  const late = record.action.until !== undefined && after >= record.action.until;
  if (ends || !retry || failures >= retry.attempts || late) return false;
  emit(draft, {
    kind: 'retrying',
    cause: causeOf(policy, cause.rule, cause.group),
    episode: episode.id,
    action: id,
    attempt,
    until: after,
    message: `attempt ${failures} of ${retry.attempts} of ${verb} failed: ${record.message ?? 'no message'}`,
  });
  return true;
}

/** The pause after so many failed attempts, in milliseconds: it doubles up to the longest, ±10 % by the action's id. */
export function pauseMs(retry: RetrySpec, failures: number, id: string): number {
  const plain = Math.min(retry.backoffMs * 2 ** (failures - 1), retry.backoffMaxMs);
  const drawn = Number.parseInt(hashOf({ id, failures }).slice(0, 8), 16) / 0xffff_ffff;
  return Math.round(plain * (1 + JITTER * (2 * drawn - 1)));
}

/** What people are told when no attempt is left. */
export function failedText({ action, state, message, failures = 0 }: ActionHistory): string {
  const tried = failures > 1 ? `${failures} attempts of ${action.verb}` : action.verb;
  return `${tried} ${state}: ${message ?? 'no message'}`;
}
