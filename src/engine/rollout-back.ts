/** How a rollout goes back: one safe shift of all traffic to the baseline, then the end of its sequence. Pure. */
import type { CapabilityCall, ClosedPolicy, Episode, Own, RolloutProgress, StepSpec } from '../model.ts';
import { admit } from './admit.ts';
import { isRolling } from './fold-rollout.ts';
import { form, type Progress, planOf } from './form.ts';
import { chainOf } from './ids.ts';
import { decide, factsOf, held, intend, NEVER, type Outlook, stall } from './moves.ts';
import { isLive } from './records.ts';

/** The step of the shift back: beside the sequence, so that it has an id and attempts of its own. */
export const BACK = '!rollout-back';
const MOST_ATTEMPTS = 3;

/** Shifts back, waits for it, and ends the sequence once traffic is where it was, or cannot be brought there. */
export function goBack(p: Progress, rollout: RolloutProgress): Outlook {
  const step = { id: BACK, verb: 'rollback' };
  const record = backOf(p);
  const why = rollout.message ?? 'the rollout was aborted';
  if (record?.state === 'succeeded') {
    return stall(
      p,
      'rollout-failed',
      `rollout of ${rollout.canary} failed: ${why}. ${rollout.baseline} has all traffic again`,
    );
  }
  if (record !== undefined && isLive(record)) {
    return { decision: decide(p, 'act', [], step), needs: [], wakeAt: NEVER };
  }
  if (record !== undefined && record.action.attempt >= MOST_ATTEMPTS) {
    const message = `rollout of ${rollout.canary} failed: ${why}. Going back to ${rollout.baseline} failed as well (${record.message ?? record.state}): traffic may still be split`;
    return stall(p, 'rollout-failed', message);
  }
  return shiftBack(p, rollout);
}

function backOf({ draft, episode }: Progress): Own['actions'][string] | undefined {
  return Object.values(draft.own.actions).find(
    one =>
      one.episode === episode.id && one.action.step === BACK && one.action.round === episode.sequence.round,
  );
}

/** The rollout was approved with its way back: only a pause that binds safe verbs, or a lock, holds this shift. */
function shiftBack(p: Progress, rollout: RolloutProgress): Outlook {
  const { draft, policy, episode } = p;
  const step = stepBack(p);
  const plan = planOf(p);
  const call = callBack(draft.own, episode, rollout);
  const verb = draft.verbs.rollback;
  const aside = { ...p, episode: { ...episode, sequence: { ...episode.sequence, phase: 0 } } };
  const formed = call && verb ? form(aside, plan, step, [call]) : undefined;
  if (formed === undefined || verb === undefined || !('action' in formed)) {
    const why =
      formed !== undefined && 'unbound' in formed ? formed.unbound : 'its shift is not known any more';
    return stall(p, 'rollout-failed', `${rollout.message ?? ''}; it could not go back: ${why}`);
  }
  const { action } = formed;
  const chain = chainOf(policy.target);
  const { own, facts, at } = draft;
  const holds = admit({ verb, action, mode: 'enforce', modeFrom: '', plan, own, facts, chain, at }).filter(
    one => one.reason === 'paused' || one.reason === 'subject-locked',
  );
  if (holds.length > 0) return { ...held(p, holds, step), read: factsOf(p, action) };
  intend(aside, plan, action, undefined);
  return { decision: decide(p, 'act', [], step), needs: [], wakeAt: NEVER };
}

function stepBack({ policy }: Progress): StepSpec {
  return { id: BACK, verb: 'rollback', args: {}, onNotMet: 'stop', position: policy.position };
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
 * The policy of a rollout whose own one is gone: its plan, by value. Its gates stay armed, and nothing but its way back is
 * begun in its name.
 */
export function orphanOf(own: Own, episode: Episode): ClosedPolicy | undefined {
  const { plan, cause } = episode;
  if (plan === undefined || !isRolling(episode)) return undefined;
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
