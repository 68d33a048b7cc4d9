/** The check at start, between intent and effect: what no longer may begin is withdrawn, with the reason. Pure. */
import type { ActionHistory, ClosedPolicy, Derived } from '../model.ts';
import { admit, isMessage } from './admit.ts';
import { type Draft, emit } from './draft.ts';
import { planOf } from './form.ts';
import { chainOf } from './ids.ts';
import { inOrder, isAside } from './records.ts';
import { notReady } from './sequence.ts';

type Refusal = Pick<Extract<Derived, { kind: 'withdrawn' }>, 'reason' | 'message'>;

/** Withdraws what is about to start and may not: the rule must still fire, admission pass, nobody have cancelled. */
export function checkStarts(draft: Draft, policies: readonly ClosedPolicy[]): void {
  for (const record of inOrder(draft.own.actions)) {
    if (record.state !== 'intended' || (!record.startDue && !record.cancelRequested)) continue;
    const episode = draft.own.episodes[record.episode];
    const refusal = record.cancelRequested
      ? { reason: 'cancelled' as const, message: 'cancelled before its start' }
      : refusalOf(draft, policies, record);
    if (!refusal || !episode) continue;
    const { id, attempt, step } = record.action;
    const { cause } = episode;
    emit(draft, { kind: 'withdrawn', cause, episode: episode.id, action: id, attempt, ...refusal });
    // Who cancels does not want it begun again at the next tick.
    if (!record.cancelRequested || isAside(step) || episode.ended) continue;
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

function refusalOf(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  { action, episode: id }: ActionHistory,
): Refusal | undefined {
  const episode = draft.own.episodes[id];
  const verb = draft.verbs[action.verb];
  const policy = policies.find(one => one.policy === episode?.cause.policy);
  if (verb && isMessage(verb)) return undefined;
  if (!episode || !verb || !policy) return { reason: 'policy-removed', message: 'its policy is gone' };
  if (episode.ended) return { reason: 'ended', message: `its episode ended: ${episode.ended.how}` };
  const plan = planOf({ policy, episode });
  const { mode, modeFrom } = policy;
  const { own, facts, at } = draft;
  const chain = chainOf(policy.target);
  const [first, ...more] = [
    ...notReady({ draft, policy, episode, verdict: undefined }),
    ...admit({ verb, action, mode, modeFrom, plan, own, facts, chain, at }),
  ];
  if (!first) return undefined;
  return { reason: first.reason, message: [first, ...more].map(hold => hold.message).join('; ') };
}
