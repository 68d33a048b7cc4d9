/**
 * The table of rule states (design section 4): what one label set of a rule becomes at a due tick. Pure.
 *
 * inactive  → pending when `when` is true (→ firing in the same tick without `for`).
 * pending   → inactive when `when` is false; firing when it was true at every due tick for `for`; unknown or a gap
 *             freezes the timer, and resets it after max(2 × every, for).
 * firing    → ended when `clear` was known true for `keepFor`. Unknown or a gap resets that count, starts nothing and
 *             ends nothing.
 * vanished  → (the query succeeded, the set is absent) pending becomes inactive; firing ends after `staleAfter`, which a
 *             gap starts anew.
 */
import type { Interval, LabelSetState, RuleState } from '../model.ts';

/** What a due tick says about one label set. `vanished`: the query succeeded and the set is not there. */
export interface Seen {
  readonly when: boolean | undefined;
  readonly clear: boolean | undefined;
  readonly vanished: boolean;
}

export interface Timing {
  readonly forMs: number;
  readonly keepForMs: number;
  readonly staleAfterMs: number;
  readonly everyMs: number;
}

export interface Change {
  readonly to: LabelSetState;
  readonly since: number;
  readonly frozenMs: number;
  readonly reason?: string;
}

/** What changes: at most two transitions in a tick (`pending` and `firing`), and whether the episode opens or ends. */
export interface Advance {
  readonly changes: readonly Change[];
  readonly opens: boolean;
  readonly ends?: 'cleared' | 'vanished';
}

const COUNTS_ANEW = 'counts anew after a gap';
const NOTHING: Advance = { changes: [], opens: false };

/** The next states of a label set. `state` undefined: inactive and known. `gap`: no tick was taken during it. */
export function advance(
  state: RuleState | undefined,
  seen: Seen,
  timing: Timing,
  at: number,
  gap: Interval | undefined,
): Advance {
  const counted = gap !== undefined && gap.to - gap.from > 2 * timing.everyMs ? gap : undefined;
  if (state?.phase === 'firing') return whileFiring(state, seen, timing, at, counted);
  if (state?.phase === 'pending') return whilePending(state, seen, timing, at, counted);
  return whileInactive(state, seen, timing, at);
}

function whileInactive(state: RuleState | undefined, seen: Seen, timing: Timing, at: number): Advance {
  if (seen.vanished) return state ? one({ to: 'ok', since: at, frozenMs: 0, reason: 'vanished' }) : NOTHING;
  if (seen.when === undefined)
    return state?.state === 'unknown' ? NOTHING : one({ to: 'unknown', since: at, frozenMs: 0 });
  if (!seen.when) return state ? one({ to: 'ok', since: at, frozenMs: 0 }) : NOTHING;
  if (timing.forMs === 0) return { changes: [{ to: 'firing', since: at, frozenMs: 0 }], opens: true };
  return one({ to: 'pending', since: at, frozenMs: 0 });
}

function whilePending(
  state: RuleState,
  seen: Seen,
  timing: Timing,
  at: number,
  gap: Interval | undefined,
): Advance {
  if (seen.vanished) return one({ to: 'ok', since: at, frozenMs: 0, reason: 'vanished' });
  if (seen.when === undefined) {
    if (state.state === 'unknown') return NOTHING;
    // The timer stood still during the gap too, if one came before.
    return one({ to: 'unknown', since: gap?.from ?? at, frozenMs: state.frozenMs });
  }
  if (!seen.when) return one({ to: 'ok', since: at, frozenMs: 0 });
  const frozenFrom = state.unknownSince ?? gap?.from;
  if (frozenFrom === undefined) return fireWhenDue(state.since, state.frozenMs, timing, at, []);
  const pause = at - frozenFrom;
  const reset = pause > Math.max(2 * timing.everyMs, timing.forMs);
  const resumed: Change = reset
    ? { to: 'pending', since: at, frozenMs: 0, reason: 'the timer starts anew: it was frozen too long' }
    : { to: 'pending', since: state.since, frozenMs: state.frozenMs + pause, reason: 'the timer runs again' };
  return fireWhenDue(resumed.since, resumed.frozenMs, timing, at, [resumed]);
}

function fireWhenDue(
  since: number,
  frozenMs: number,
  timing: Timing,
  at: number,
  before: readonly Change[],
): Advance {
  if (at - since - frozenMs < timing.forMs) return { changes: before, opens: false };
  return { changes: [...before, { to: 'firing', since: at, frozenMs: 0 }], opens: true };
}

function whileFiring(
  state: RuleState,
  seen: Seen,
  timing: Timing,
  at: number,
  gap: Interval | undefined,
): Advance {
  if (seen.vanished) {
    if (state.vanishedSince === undefined) return one({ to: 'vanished', since: at, frozenMs: 0 });
    if (gap) return one({ to: 'vanished', since: at, frozenMs: 0, reason: COUNTS_ANEW });
    if (at - state.vanishedSince < timing.staleAfterMs) return NOTHING;
    return {
      changes: [{ to: 'ok', since: at, frozenMs: 0, reason: 'vanished' }],
      opens: false,
      ends: 'vanished',
    };
  }
  if (seen.clear === undefined) {
    return state.state === 'unknown' ? NOTHING : one({ to: 'unknown', since: at, frozenMs: 0 });
  }
  if (!seen.clear) return state.state === 'firing' ? NOTHING : one({ to: 'firing', since: at, frozenMs: 0 });
  if (timing.keepForMs === 0) return cleared(at);
  const fresh = state.clearingSince === undefined || gap !== undefined;
  if (fresh)
    return one({
      to: 'clearing',
      since: at,
      frozenMs: 0,
      ...(gap ? { reason: COUNTS_ANEW } : {}),
    });
  return at - (state.clearingSince ?? at) >= timing.keepForMs ? cleared(at) : NOTHING;
}

function cleared(at: number): Advance {
  return { changes: [{ to: 'ok', since: at, frozenMs: 0 }], opens: false, ends: 'cleared' };
}

function one(change: Change): Advance {
  return { changes: [change], opens: false };
}
