/** How a rollout goes back: one safe shift of all traffic to the baseline, then the end of its sequence. Pure. */
import type { CapabilityCall, ClosedPolicy, Episode, Own, RolloutProgress } from '../model.ts';
import { BACK, carryBack } from './back.ts';
import { outlives } from './fold-rollout.ts';
import type { Progress } from './form.ts';
import { NEVER, type Outlook, stall } from './moves.ts';

/** Shifts back, waits for it, and ends the sequence once traffic is where it was, or cannot be brought there. */
export function goBack(p: Progress, rollout: RolloutProgress): Outlook {
  const why = rollout.message ?? 'the rollout was aborted';
  const call = callBack(p.draft.own, p.episode, rollout);
  const back = call ? carryBack(p, BACK, [call]) : { failed: 'its shift is not known any more' };
  if ('outlook' in back) return back.outlook;
  if ('done' in back) {
    return stall(
      p,
      'rollout-failed',
      `rollout of ${rollout.canary} failed: ${why}. ${rollout.baseline} has all traffic again`,
    );
  }
  const message = `rollout of ${rollout.canary} failed: ${why}. Going back to ${rollout.baseline} failed as well (${back.failed}): traffic may still be split`;
  return stall(p, 'rollout-failed', message);
}

/** The shift that was made, with all traffic on the baseline. */
function callBack(own: Own, episode: Episode, rollout: RolloutProgress): CapabilityCall | undefined {
  const shifted = Object.values(own.actions).find(
    ({ action, episode: of }) =>
      of === episode.id &&
      action.round === episode.sequence.round &&
      action.step === rollout.step &&
      action.call.rollout?.index === 0,
  );
  if (shifted === undefined) return undefined;
  const { rollout: _, ...call } = shifted.action.call;
  return { ...call, args: { ...call.args, weights: { [rollout.baseline]: 1 } } };
}

/**
 * The policy of a rollout, or of steps that are taken back, whose own one is gone: its plan, by value. Its gates stay armed, and
 * nothing but its way back is begun in its name.
 */
export function orphanOf(own: Own, episode: Episode): ClosedPolicy | undefined {
  const { plan, cause } = episode;
  if (plan === undefined || !outlives(episode)) return undefined;
  return {
    policy: cause.policy,
    target: own.target,
    labels: {},
    commit: { sha: cause.commit, author: { name: '', email: '' }, time: 0, subject: '' },
    position: cause.position,
    closureHash: cause.closureHash,
    actingHash: plan.actingHash,
    mode: 'enforce',
    modeFrom: 'the plan of a running rollout',
    everyMs: NEVER,
    observe: plan.observe,
    rules: [],
    guard: plan.guard,
    documents: plan.documents,
    positions: {},
    text: '',
  };
}
