/** The check at start, between intent and effect: what no longer may begin is withdrawn, with the reason. Pure. */
import type { Action, ActionHistory, ClosedPolicy, Derived, Episode, Hold } from '../model.ts';
import { admission } from './admit.ts';
import { goesBack, holdsBack } from './back.ts';
import { type Draft, emit } from './draft.ts';
import { moment } from './fact-values.ts';
import { raisedFloor } from './floors.ts';
import { isHalfway, isRolling, outlives } from './fold-rollout.ts';
import { flooredOf, planOf } from './form.ts';
import { isMessage } from './message-verbs.ts';
import { notReady } from './preconditions.ts';
import { inOrder, isAside } from './records.ts';
import { orphanOf } from './rollout-back.ts';

type Refusal = Pick<Extract<Derived, { kind: 'withdrawn' }>, 'reason' | 'message'>;

/** Withdraws what is about to start and may not: the rule must still fire, admission pass, nobody have cancelled. */
export function checkStarts(draft: Draft, policies: readonly ClosedPolicy[]): void {
  for (const record of inOrder(draft.own.actions)) {
    if (record.state !== 'intended' || (!record.startDue && !record.cancelRequested)) continue;
    const episode = draft.own.episodes[record.episode];
    const refusal = record.cancelRequested
      ? { reason: 'cancelled' as const, message: 'cancelled before its start' }
      : (deniedBy(record) ?? refusalOf(draft, policies, record));
    if (!refusal || !episode) continue;
    const { id, attempt, step } = record.action;
    const { cause } = episode;
    emit(draft, { kind: 'withdrawn', cause, episode: episode.id, action: id, attempt, ...refusal });
    // Who cancels does not want it begun again at the next tick.
    const again = !record.cancelRequested || record.gated === true;
    const over = episode.ended !== undefined || outlives(episode);
    if (again || isAside(step) || (over && !isHalfway(episode))) continue;
    const version = draft.snapshot.serving?.champion;
    emit(draft, {
      kind: 'stalled',
      cause,
      episode: episode.id,
      reason: 'cancelled',
      message: `${record.action.verb} was cancelled before its start`,
      ...(version === undefined ? {} : { version }),
    });
  }
}

function deniedBy({ denied }: ActionHistory): Refusal | undefined {
  return denied === undefined
    ? undefined
    : { reason: 'denied', message: `denied by ${denied} before its start` };
}

function refusalOf(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  { action, episode: id }: ActionHistory,
): Refusal | undefined {
  const episode = draft.own.episodes[id];
  const verb = draft.verbs[action.verb];
  if (goesBack(action.step)) return heldBack(draft, action, episode);
  if (action.deadline !== undefined && draft.at >= action.deadline)
    return { reason: 'expired', message: `its time was over before it began (${moment(action.deadline)})` };
  const halfway = episode !== undefined && isHalfway(episode);
  const policy =
    policies.find(one => one.policy === episode?.cause.policy) ??
    (halfway ? orphanOf(draft.own, episode) : undefined);
  if (verb && isMessage(verb)) return undefined;
  if (!episode || !verb || !policy) return { reason: 'policy-removed', message: 'its policy is gone' };
  const rolling = isRolling(episode);
  if (episode.ended && !rolling && !halfway)
    return { reason: 'ended', message: `its episode ended: ${episode.ended.how}` };
  const plan = planOf({ policy, episode });
  const raised = rolling ? undefined : raisedFloor(flooredOf({ draft, policy }, plan, verb.name), action);
  if (raised !== undefined) return { reason: 'changed', message: `${raised}: asked anew` };
  return refusal([
    ...(rolling ? [] : notReady({ draft, policy, episode, verdict: undefined })),
    ...admission({ draft, policy, episode, verdict: undefined }, plan, verb, action),
  ]);
}

/** Whatever became of its policy and its rule, it goes back: only a pause that binds safe verbs, or a lock, holds it. */
function heldBack(draft: Draft, action: Action, episode: Episode | undefined): Refusal | undefined {
  return episode?.plan ? refusal(holdsBack(draft, episode.plan, action)) : undefined;
}

function refusal([first, ...more]: readonly Hold[]): Refusal | undefined {
  if (!first) return undefined;
  return { reason: first.reason, message: [first, ...more].map(hold => hold.message).join('; ') };
}
