/**
 * Safe verbs do not wait in line: what runs on their subject is asked to end, and they start once it has, or when it had long
 * enough. Pure but for the draft.
 */
import type { Action, Hold, SequencePlan, Verb } from '../model.ts';
import { causeOf, emit } from './draft.ts';
import { isHalfway } from './fold-rollout.ts';
import type { Progress } from './form.ts';
import { chainOf } from './ids.ts';
import { lockOf } from './locks.ts';

/** How long what runs is waited for, unless the Model says otherwise. */
const PREEMPT_AFTER_MS = 120_000;

/** Holds of a safe verb with its subject's lock seen through: it ends at a time, and something is asked to end. */
export function preempt(
  p: Progress,
  plan: SequencePlan,
  verb: Verb,
  action: Action,
  holds: readonly Hold[],
): readonly Hold[] {
  const { draft, policy, episode } = p;
  const lock = lockOf(draft.facts, action.call.subject);
  const locked = holds.some(({ reason }) => reason === 'subject-locked');
  // One safe verb does not end another, and nothing is ended for what may not begin itself.
  if (!verb.safe || !locked || lock === undefined || holds.length > 1) return holds;
  if (lock.verb !== undefined && draft.verbs[lock.verb]?.safe) return holds;
  const waited = episode.sequence.preempting;
  const running = lock.action;
  if (waited?.running === running) {
    if (draft.at >= waited.until) return [];
    return holds.map(hold => ({ ...hold, until: waited.until }));
  }
  const afterMs = plan.documents.model?.actions[verb.name]?.preemptAfterMs ?? PREEMPT_AFTER_MS;
  const until = draft.at + afterMs;
  emit(draft, {
    kind: 'preempted',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    running,
    chain: lock.chain ?? chainOf(policy.target),
    until,
    message: `${lock.verb ?? 'action'} ${running.slice(0, 12)} is asked to end: ${verb.name} is safe and needs ${action.call.subject}`,
  });
  return holds.map(hold => ({ ...hold, until }));
}

/** A rollback that begins ends every promotion of its target that stands between two of its effects. */
export function abortPromotions(p: Progress, action: Action): void {
  const { draft, episode } = p;
  if (action.verb !== 'rollback' || action.phase > 0) return;
  for (const other of Object.values(draft.own.episodes)) {
    const { sequence, plan, cause } = other;
    const step = plan?.steps[sequence.stepIndex];
    const between = sequence.status === 'ready' && isHalfway(other);
    if (other.id === episode.id || step?.verb !== 'promote' || !between) continue;
    const version = draft.snapshot.serving?.champion;
    emit(draft, {
      kind: 'stalled',
      cause,
      episode: other.id,
      reason: 'cancelled',
      message: 'a rollback of the same model began: that is its end',
      ...(version === undefined ? {} : { version }),
    });
  }
}
