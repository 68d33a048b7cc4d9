/** What people order of a sequence that stands or waits: to end, or to begin anew. Pure but for the draft. */
import { withdraw } from './asking.ts';
import { causeOf, emit } from './draft.ts';
import { rollingOf } from './fold-rollout.ts';
import type { Progress } from './form.ts';
import { type Outlook, stall } from './moves.ts';
import { isLive } from './records.ts';
import { failShift } from './rollout.ts';

/** Does what was ordered; undefined when the sequence goes on as it would without. */
export function obey(p: Progress): Outlook | undefined {
  const { draft, policy, episode } = p;
  const { ordered, status, undo } = episode.sequence;
  if (ordered === undefined || status === 'stalled' || status === 'done') return undefined;
  const waiting = status === 'asking' ? draft.own.asks[episode.sequence.approval ?? ''] : undefined;
  if (ordered.what === 'retry') {
    return waiting && withdraw(p, waiting, 'again', `asked anew: ${ordered.by} wants it tried again`);
  }
  const message = `cancelled by ${ordered.by}${ordered.reason === undefined ? '' : `: ${ordered.reason}`}`;
  const record = draft.own.actions[episode.sequence.action ?? ''];
  if (status === 'acting' && record && isLive(record)) {
    const { id: action, attempt, verb } = record.action;
    const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
    const words = `${verb} is asked to end: ${message}`;
    const of = { cause, episode: episode.id, action, attempt, message: words, ordered: ordered.by };
    emit(draft, { kind: 'cancelling', ...of });
    return undefined;
  }
  if (undo) return stall(p, undo.reason, `${undo.message}. Taking back was ${message}`);
  if (rollingOf(episode.sequence)) return failShift(p, message);
  if (waiting) {
    emit(draft, {
      kind: 'withdrawn',
      cause: causeOf(policy, episode.cause.rule, episode.cause.group),
      episode: episode.id,
      approval: waiting.approval,
      reason: 'cancelled',
      message,
    });
  }
  return stall(p, 'cancelled', message);
}
