/**
 * Deadlines belong to the engine: what does not confirm in time that it ended is unresolved, and never runs for ever. Pure.
 *
 * past its deadline, or long after a cancel → marked as overdue: an entry, and its connector is asked at once
 * marked, and still not over               → unresolved, with a page; its connector is asked on
 *
 * The grace counts from the mark, so that a start after a long outage does not page for what ended well meanwhile.
 */
import type { ActionHistory, Own } from '../model.ts';
import { type Draft, emit } from './draft.ts';
import { moment } from './fact-values.ts';
import { isLive } from './records.ts';

/** How long a connector has to confirm that an action has ended which it was asked to end. */
const GRACE_MS = 600_000;

/** When something is to be said of an action that has begun: first that it is overdue, then that nobody knows. */
function nextOf({ action, cancelledAt, overdueSince, state, startDue }: ActionHistory): number | undefined {
  if (state !== 'started' && !(state === 'intended' && startDue)) return undefined;
  if (overdueSince !== undefined) return overdueSince + GRACE_MS;
  const cancelled = cancelledAt === undefined ? undefined : cancelledAt + GRACE_MS;
  const times = [action.deadline, cancelled].filter(time => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Marks an action that should be over. What is to be said of one that was marked and is not; undefined while there is time. */
export function overdueText(draft: Draft, record: ActionHistory): string | undefined {
  const next = nextOf(record);
  // What is checked at its start has begun nothing yet.
  if (next === undefined || draft.at < next || draft.snapshot.starting === record.action.id) return undefined;
  const { id, attempt, verb, deadline } = record.action;
  if (record.overdueSince !== undefined)
    return `it should have ended, was asked to end ${moment(record.overdueSince)}, and nobody has confirmed since that it did`;
  const episode = draft.own.episodes[record.episode];
  if (episode === undefined) return undefined;
  const passed = deadline !== undefined && draft.at >= deadline;
  const why = passed ? `its deadline passed (${moment(deadline)})` : 'its cancel was not confirmed';
  emit(draft, {
    kind: 'cancelling',
    cause: episode.cause,
    episode: episode.id,
    action: id,
    attempt,
    message: `${verb} is overdue: ${why}`,
    overdue: true,
  });
  return undefined;
}

/** The next time at which something is to be said of an action that has not ended. */
export function overdueAt(own: Own): number {
  const times = Object.values(own.actions).flatMap(record => {
    const next = isLive(record) && own.episodes[record.episode] ? nextOf(record) : undefined;
    return next === undefined ? [] : [next];
  });
  return Math.min(Number.MAX_SAFE_INTEGER, ...times);
}
