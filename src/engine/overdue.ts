/** Deadlines belong to the engine: what does not confirm in time that it ended is unresolved, and never runs for ever. Pure. */
import type { ActionHistory, Own } from '../model.ts';
import { moment } from './fact-values.ts';
import { isLive } from './records.ts';

/** How long a connector has to confirm that an action has ended which it was asked to end. */
const GRACE_MS = 600_000;

/** Since when an action should have ended, by its deadline or because it was cancelled; undefined of one that may go on. */
function endOf({ action, cancelledAt, state, startDue }: ActionHistory): number | undefined {
  const began = state === 'started' || (state === 'intended' && startDue);
  const ends = [action.deadline, cancelledAt].filter(time => time !== undefined);
  return began && ends.length > 0 ? Math.min(...ends) : undefined;
}

/** What is to be said of an action that nobody confirmed the end of; undefined while there is time. */
export function overdueText(record: ActionHistory, at: number): string | undefined {
  const end = endOf(record);
  if (end === undefined || at < end + GRACE_MS) return undefined;
  const why = end === record.action.deadline ? 'its deadline passed' : 'it was asked to end';
  return `${why} ${moment(end)}, and nobody has confirmed since that it ended`;
}

/** The next time at which an action is overdue. */
export function overdueAt(own: Own): number {
  const times = Object.values(own.actions).flatMap(record => {
    const end = isLive(record) ? endOf(record) : undefined;
    return end === undefined ? [] : [end + GRACE_MS];
  });
  return Math.min(Number.MAX_SAFE_INTEGER, ...times);
}
