/**
 * How many label sets a rule may have: beyond it all that is known is kept, its actions are held, and people are told once
 * while it lasts. Pure but for the draft.
 */
import type { Draft } from './draft.ts';
import { MAX_SERIES, onceStep, toldKey } from './fold-standing.ts';
import type { Progress } from './form.ts';
import { escalate, held, type Outlook } from './moves.ts';

/** The hold of an episode whose rule has too many label sets that are not ok, counted once a rule; undefined when it has not. */
export function seriesLimit(draft: Draft): (p: Progress) => Outlook | undefined {
  const counted = new Map<string, number>();
  return p => {
    const { cause, sequence } = p.episode;
    const { policy, rule, group } = cause;
    if (group === '' || sequence.acted) return undefined;
    const key = `${policy}/${rule}`;
    const sets = counted.get(key) ?? Object.keys(draft.own.rules[policy]?.[rule] ?? {}).length;
    counted.set(key, sets);
    const most = p.policy.maxSeries ?? MAX_SERIES;
    if (sets <= most) return undefined;
    const message = `more than ${most} label sets of ${policy} are not ok: its actions are held`;
    if (
      draft.own.told[toldKey('max-series', policy, rule)] === undefined &&
      draft.snapshot.starting === undefined
    ) {
      const text = `${message}. There are ${sets}: the threshold, the labels or the data are wrong. What is known of them is kept, and this is said once while it lasts.`;
      escalate(p, text, onceStep('max-series', draft.at));
    }
    return held(p, [{ reason: 'max-series', message }]);
  };
}
