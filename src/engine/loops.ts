/** The loop detector: what is begun again and again on one target is stopped, whatever begins it. Pure. */
import type { Action, Derived, Own } from '../model.ts';

/** The same verb on the same target is begun at most so often within the period. */
const MOST_BEGUN = 10;
const PERIOD_MS = 3_600_000;

/** Why an action is not begun once more; undefined when it may be. */
export function loopOf(own: Own, action: Action, message: boolean, at: number): string | undefined {
  const recent = (own.begun[loopKey(action, message)] ?? []).filter(one => one > at - PERIOD_MS);
  if (recent.length < MOST_BEGUN) return undefined;
  const what = message ? `the same ${action.verb}` : action.verb;
  return `loop: ${what} was begun ${recent.length} times within an hour on this target; it is not begun again by itself`;
}

/** Of a message: when the flood is over. */
export function floodEnds(own: Own, action: Action): number {
  const times = own.begun[loopKey(action, true)] ?? [];
  return (times[times.length - MOST_BEGUN] ?? 0) + PERIOD_MS;
}

/** Every first phase counts, also of what was withdrawn: a loop of withdrawals is one too. */
export function foldBegun(own: Own, { action }: Extract<Derived, { kind: 'intent' }>, at: number): Own {
  if (action.phase > 0) return own;
  const key = loopKey(action, action.call.capability === 'notify.send');
  const recent = (own.begun[key] ?? []).filter(one => one > at - PERIOD_MS);
  return { ...own, begun: { ...withoutOld(own.begun, at), [key]: [...recent, at] } };
}

/** Messages count by rule and group: many groups may have something to say at once, one may not say it all day. */
function loopKey({ verb, origin, step }: Action, message: boolean): string {
  if (!message) return verb;
  const from = 'request' in origin ? origin.request : `${origin.policy}/${origin.rule}/${origin.group}`;
  return `${verb}:${from}/${step}`;
}

/** Hundreds of groups may have sent something: what is long ago goes when there are many. */
function withoutOld(begun: Own['begun'], at: number): Own['begun'] {
  if (Object.keys(begun).length < 50) return begun;
  return Object.fromEntries(
    Object.entries(begun).filter(([, times]) => (times.at(-1) ?? 0) > at - PERIOD_MS),
  );
}
