/**
 * What an open episode does next, one function a status: begin, ask, wait, judge, give up. Pure: it writes into the
 * draft and gives back the decision, what it still needs to know, and when the answer can change.
 */

import type { Action, Hold, SequencePlan, StepSpec } from '../model.ts';
import { admission } from './admit.ts';
import { approvalFor, yesTo } from './approvals.ts';
import { askPeople, awaitApproval, withdraw } from './asking.ts';
import { adopt, awaitAdopted } from './coalesce.ts';
import { causeOf, emit } from './draft.ts';
import { form, type Progress, planOf } from './form.ts';
import { judge } from './judge.ts';
import { floodEnds, loopOf } from './loops.ts';
import { isMessage } from './message-verbs.ts';
import { decide, factsOf, held, intend, NEVER, type Outlook, stall, standing } from './moves.ts';
import { obey } from './orders.ts';
import { ask, exclusionOf, missingInArgs, skippedInArgs, waitsOf } from './preconditions.ts';
import { abortPromotions, preempt } from './preempt.ts';
import { failedText, retryLater } from './retries.ts';
import { endReverted } from './reverts.ts';
import { failShift, hold, sayThrough } from './rollout.ts';
import { undo } from './undo.ts';

/** The next move of an open episode. The check at start observes nothing, so nothing moves in it. */
export function progress(given: Progress): Outlook {
  if (given.draft.snapshot.starting !== undefined) {
    return { decision: standing(given), needs: [], wakeAt: given.draft.at };
  }
  const p = sayThrough(given);
  const over = obey(p) ?? endReverted(p);
  if (over) return over;
  const { status } = p.episode.sequence;
  const excluded = exclusionOf(p);
  // What runs may finish; all else stands still.
  if (excluded.length > 0 && !['acting', 'holding', 'undoing'].includes(status)) return exclude(p, excluded);
  switch (status) {
    case 'ready':
      return begin(p);
    case 'asking':
      return awaitApproval(p);
    case 'acting':
      return awaitOutcome(p);
    case 'holding':
      return hold(p);
    case 'verifying':
      return judgeRound(p);
    case 'undoing':
      return undo(p);
    case 'stalled':
      return held(p, [stalledHold(p)]);
    case 'done':
      return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  }
}

function stalledHold({ episode: { sequence } }: Progress): Hold {
  const reason = sequence.rollout?.state === 'contested' ? 'contested' : 'stalled';
  return { reason, message: sequence.stalled ?? 'stalled' };
}

/** An ask of a policy that no longer applies is taken back; afterwards it is asked anew. */
function exclude(p: Progress, holds: readonly Hold[]): Outlook {
  const waiting = p.draft.own.asks[p.episode.sequence.approval ?? ''];
  if (waiting) withdraw(p, waiting, 'excluded', 'the policy does not apply to this target now');
  return held(p, holds);
}

/** A remedy that did not help may be followed by another round, which begins at once when admission lets it. */
function judgeRound(p: Progress): Outlook {
  const judged = judge(p);
  const next = p.draft.own.episodes[p.episode.id];
  return next?.sequence.status === 'ready' ? begin({ ...p, episode: next }) : judged;
}

function begin(p: Progress): Outlook {
  const { sequence } = p.episode;
  const plan = planOf(p);
  const step = plan.steps[sequence.stepIndex];
  if (step === undefined) return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  const paused = p.draft.own.actions[sequence.action ?? ''];
  if (sequence.preempted !== undefined) return stall(p, 'cancelled', sequence.preempted);
  if (sequence.retryAt !== undefined && paused?.cancelRequested)
    return stall(p, 'cancelled', `${paused.action.verb} was cancelled before its next attempt`);
  const waits = waitsOf(p, plan);
  if (waits.length > 0) return held(p, waits, step);
  if (sequence.phase === 0) {
    const other = skip(p, plan, step) ?? checkRequire(p, plan, step) ?? checkArgs(p, plan, step);
    if (other) return other;
  }
  const formed = form(p, plan, step);
  if ('held' in formed) return held(p, [formed.held], step);
  if ('unbound' in formed) return stall(p, 'unbound', formed.unbound);
  return propose(p, plan, step, formed.action);
}

/**
 * Skips a step whose `if` is known to be false and goes on with the next one at once. Undefined when it holds, or was not
 * asked for; unknown waits.
 */
function skip(p: Progress, plan: SequencePlan, step: StepSpec): Outlook | undefined {
  const { draft, policy, episode } = p;
  if (!step.if) return undefined;
  const said = ask(p, plan, step.if);
  if ('missing' in said) return { decision: standing(p), needs: said.missing, wakeAt: NEVER };
  if ('unbound' in said) return stall(p, 'unbound', `if of ${step.id}: ${said.unbound}`);
  if (said.answer === true) return undefined;
  if (said.answer === undefined) {
    const message = `whether ${step.id} is due (${said.clause}) is unknown (${said.values})`;
    return held(p, [{ reason: 'unknown', message }], step);
  }
  const { stepIndex, acted } = episode.sequence;
  const last = stepIndex + 1 >= plan.steps.length;
  emit(draft, {
    kind: 'skipped',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    step: step.id,
    // Where nothing was done, nothing can have helped.
    next: last ? (acted && plan.verify ? 'verify' : 'done') : 'step',
    message: `${said.clause} is false: ${said.values}`,
  });
  const next = draft.own.episodes[episode.id];
  return next ? progress({ ...p, episode: next }) : undefined;
}

/** Undefined when everything that the arguments name can be had. */
function checkArgs(p: Progress, plan: SequencePlan, step: StepSpec): Outlook | undefined {
  const skipped = skippedInArgs(p, plan, step);
  if (skipped !== undefined) return stall(p, 'unbound', `${step.id}: ${skipped}`);
  const missing = missingInArgs(p, plan, step);
  return missing.length === 0 ? undefined : { decision: standing(p), needs: missing, wakeAt: NEVER };
}

/** Undefined when `require` holds. Unknown waits; false stops or escalates. */
function checkRequire(p: Progress, plan: SequencePlan, step: StepSpec): Outlook | undefined {
  if (!step.require) return undefined;
  const said = ask(p, plan, step.require);
  if ('missing' in said) return { decision: standing(p), needs: said.missing, wakeAt: NEVER };
  if ('unbound' in said) return stall(p, 'unbound', `require of ${step.id}: ${said.unbound}`);
  if (said.answer === true) return undefined;
  const { clause, values } = said;
  if (said.answer === undefined) {
    const message = `${step.id} requires ${clause}, and that is unknown (${values})`;
    return held(p, [{ reason: 'unknown', message }], step);
  }
  return stall(p, 'not-met', `${step.id} requires ${clause}; found ${values}`, step.onNotMet === 'escalate');
}

/** Admission, then approval, then the intent. */
function propose(p: Progress, plan: SequencePlan, step: StepSpec, action: Action): Outlook {
  const { draft, policy, episode } = p;
  const verb = draft.verbs[step.verb];
  if (!verb) return stall(p, 'unbound', `verb ${step.verb} is not known`);
  const found = admission(p, plan, verb, action);
  const shared = found.length > 0 ? adopt(p, plan, action, found) : undefined;
  if (shared) return shared;
  const holds = preempt(p, plan, verb, action, found);
  if (holds.length > 0) return { ...held(p, holds, step), read: factsOf(p, action) };
  const loop = action.phase === 0 ? loopOf(draft.own, action, isMessage(verb), draft.at) : undefined;
  if (loop !== undefined) return isMessage(verb) ? flooded(p, step, action, loop) : stall(p, 'loop', loop);
  const { own, facts } = draft;
  const approval =
    action.phase === 0 ? approvalFor({ verb, step, plan, episode, policy, own, facts, action }) : undefined;
  const yes = approval ? yesTo(draft.own, action, draft.at) : undefined;
  if (approval && !yes) return askPeople(p, plan, step, action, approval);
  abortPromotions(p, action);
  return intend(p, plan, yes?.action ?? action, yes?.approval);
}

/** The same words again and again help nobody: they wait until the flood is over. */
function flooded(p: Progress, step: StepSpec, action: Action, message: string): Outlook {
  return held(p, [{ reason: 'loop', message, until: floodEnds(p.draft.own, action) }], step);
}

function awaitOutcome(p: Progress): Outlook {
  const shared = awaitAdopted(p);
  if (shared) return shared;
  const id = p.episode.sequence.action ?? '';
  const record = p.draft.own.actions[id];
  if (!record) return stall(p, 'step-failed', `action ${id} is not known`);
  const step = { id: record.action.step, verb: record.action.verb };
  if (['failed', 'timed-out', 'cancelled'].includes(record.state)) {
    if (p.episode.sequence.rollout) return failShift(p, failedText(record));
    const next = retryLater(p, record) ? p.draft.own.episodes[p.episode.id] : undefined;
    if (next) return progress({ ...p, episode: next });
    const reason = record.state === 'cancelled' || record.cancelRequested ? 'cancelled' : 'step-failed';
    return stall(p, reason, failedText(record));
  }
  return { decision: decide(p, 'act', [], step), needs: [], wakeAt: NEVER };
}
