/**
 * What an open episode does next, one function a status: begin, ask, wait, judge, give up. Pure: it writes into the
 * draft and gives back the decision, what it still needs to know, and when the answer can change.
 */

import { hashOf } from '../canonical.ts';
import type { Action, Ask, Hold, SequencePlan, StepSpec } from '../model.ts';
import { admit } from './admit.ts';
import { approvalFor, authorsOf, counts } from './approvals.ts';
import { compile } from './condition.ts';
import { causeOf, emit } from './draft.ts';
import { explain, shown } from './explain.ts';
import { denialKey } from './fold-actions.ts';
import { form, missingNames, type Progress, planOf, scopeOf } from './form.ts';
import { chainOf } from './ids.ts';
import { judge } from './judge.ts';
import { decide, factsOf, held, intend, NEVER, type Outlook, stall, standing } from './moves.ts';

/** The next move of an open episode. The check at start observes nothing, so nothing moves in it. */
export function progress(p: Progress): Outlook {
  if (p.draft.snapshot.starting !== undefined) {
    return { decision: standing(p), needs: [], wakeAt: p.draft.at };
  }
  switch (p.episode.sequence.status) {
    case 'ready':
      return begin(p);
    case 'asking':
      return awaitApproval(p);
    case 'acting':
      return awaitOutcome(p);
    case 'verifying':
      return judge(p);
    case 'stalled':
      return held(p, [{ reason: 'stalled', message: p.episode.sequence.stalled ?? 'stalled' }]);
    case 'done':
      return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  }
}

function begin(p: Progress): Outlook {
  const { sequence } = p.episode;
  const plan = planOf(p);
  const step = plan.steps[sequence.stepIndex];
  if (step === undefined) return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  const waits = [...notReady(p), ...cannotEnd(p, plan)];
  if (waits.length > 0) return held(p, waits, step);
  if (sequence.phase === 0 && step.require) {
    const required = checkRequire(p, plan, step);
    if (required) return required;
  }
  const formed = form(p, plan, step);
  if ('held' in formed) return held(p, [formed.held], step);
  if ('unbound' in formed) return stall(p, 'unbound', formed.unbound);
  return propose(p, plan, step, formed.action);
}

/** Nothing begins while the rule is not known to fire, or inside the time that a no lasts. */
export function notReady(p: Progress): Hold[] {
  const { sequence, cause } = p.episode;
  const state = p.draft.own.rules[cause.policy]?.[cause.rule]?.[cause.group];
  const holds: Hold[] = [];
  if (state?.state === 'unknown' || state?.state === 'vanished') {
    holds.push({ reason: 'unknown', message: 'the rule is not known to fire now' });
  }
  if (state?.state === 'clearing' && !sequence.acted) {
    holds.push({ reason: 'not-firing', message: 'the condition is clearing' });
  }
  const plan = planOf(p);
  const denied = p.draft.own.denials[denialKey(cause, plan.steps[sequence.stepIndex]?.id ?? '')];
  if (denied && denied.until > p.draft.at && denied.actingHash === plan.actingHash) {
    holds.push({ reason: 'denied', message: 'the last ask was not granted', until: denied.until });
  }
  return holds;
}

/** Nobody is asked, and nothing trained, for a sequence whose later step could not be carried out anyway. */
function cannotEnd({ draft, episode }: Progress, plan: SequencePlan): Hold[] {
  const { unknown } = draft.snapshot.serving ?? {};
  if (unknown === undefined || episode.sequence.stepIndex > 0 || episode.sequence.phase > 0) return [];
  const later = plan.steps.slice(1).find(step => draft.verbs[step.verb]?.needs.includes('serving'));
  return later
    ? [{ reason: 'unknown', message: `${later.id} will need what serves: ${unknown.message}` }]
    : [];
}

/** Undefined when `require` holds. Unknown waits; false stops or escalates. */
function checkRequire(p: Progress, plan: SequencePlan, step: StepSpec): Outlook | undefined {
  const require = step.require;
  if (!require) return undefined;
  const scope = scopeOf(p, plan);
  const missing = missingNames(require.logic, plan, scope);
  if (missing.length > 0) return { decision: standing(p), needs: missing, wakeAt: NEVER };
  const answer = compile(require.logic).evaluate(scope);
  if (answer === true) return undefined;
  const { clause, operands } = explain(require.logic, scope, undefined);
  const values = operands.map(one => `${one.name} ${shown(one)}`).join(', ');
  if (answer === undefined) {
    return held(
      p,
      [{ reason: 'unknown', message: `${step.id} requires ${clause}, and that is unknown (${values})` }],
      step,
    );
  }
  return stall(p, 'not-met', `${step.id} requires ${clause}; found ${values}`, step.onNotMet === 'escalate');
}

/** Admission, then approval, then the intent. */
function propose(p: Progress, plan: SequencePlan, step: StepSpec, action: Action): Outlook {
  const { draft, policy, episode } = p;
  const verb = draft.verbs[step.verb];
  if (!verb) return stall(p, 'unbound', `verb ${step.verb} is not known`);
  const { mode, modeFrom } = policy;
  const chain = chainOf(policy.target);
  const holds = admit({
    verb,
    action,
    mode,
    modeFrom,
    plan,
    own: draft.own,
    facts: draft.facts,
    chain,
    at: draft.at,
  });
  if (holds.length > 0) return { ...held(p, holds, step), read: factsOf(p, action) };
  const approval = action.phase === 0 ? approvalFor({ verb, step, plan, episode, policy }) : undefined;
  if (approval) return ask(p, plan, step, action, approval);
  return intend(p, plan, action, undefined);
}

function ask(
  p: Progress,
  plan: SequencePlan,
  step: StepSpec,
  action: Action,
  approval: NonNullable<ReturnType<typeof approvalFor>>,
): Outlook {
  const { draft, policy, episode } = p;
  const name = hashOf({
    action: action.id,
    attempt: action.attempt,
    plan: action.planHash,
    at: draft.at,
  }).slice(0, 12);
  const expires = draft.at + approval.expiresMs;
  emit(draft, {
    kind: 'ask',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    approval: name,
    action,
    plan,
    planHash: action.planHash,
    from: approval.from,
    quorum: approval.quorum,
    expires,
    reaskMs: approval.reaskMs,
    refused: authorsOf(policy, draft.own),
    why: approval.why,
  });
  const until = { reason: 'approval' as const, message: `waits for approval ${name}`, until: expires };
  const decision = decide(p, 'ask', [until], step);
  return { decision, needs: [], wakeAt: expires, read: factsOf(p, action) };
}

function awaitApproval(p: Progress): Outlook {
  const { draft, episode, policy } = p;
  const { approval = '' } = episode.sequence;
  const waiting = draft.own.asks[approval];
  if (!waiting) return held(p, [{ reason: 'approval', message: `approval ${approval} is not known` }]);
  const step = { id: waiting.action.step, verb: waiting.action.verb };
  const denied = waiting.votes.find(vote => vote.decision === 'no' && counts(waiting, vote, policy));
  const reaskAt = draft.at + waiting.reaskMs;
  if (denied) return withdraw(p, waiting, 'denied', `denied by ${denied.by.name}`, reaskAt);
  if (draft.at >= waiting.expires)
    return withdraw(p, waiting, 'expired', 'nobody decided in time: denied', reaskAt);
  if (!episode.sequence.acted && episode.plan?.actingHash !== policy.actingHash) {
    return withdraw(p, waiting, 'changed', 'the policy changed while the ask was waiting');
  }
  const yes = new Set(
    waiting.votes
      .filter(vote => vote.decision === 'yes' && counts(waiting, vote, policy))
      .map(vote => vote.by.name),
  );
  const hold: Hold = {
    reason: 'approval',
    message: `waits for approval ${approval} (${yes.size} of ${waiting.quorum})`,
    until: waiting.expires,
  };
  if (yes.size < waiting.quorum) return { ...held(p, [hold], step, 'ask'), wakeAt: waiting.expires };
  return grant(p, waiting);
}

/** Admission runs again in full; what holds the action now holds it, and the yes stays. */
function grant(p: Progress, waiting: Ask): Outlook {
  const { draft, episode, policy } = p;
  const { action } = waiting;
  const verb = draft.verbs[action.verb];
  const plan = episode.plan ?? planOf(p);
  if (!verb) return stall(p, 'unbound', `verb ${action.verb} is not known`);
  const { mode, modeFrom } = policy;
  const chain = chainOf(policy.target);
  const holds = [
    ...notReady(p),
    ...admit({ verb, action, mode, modeFrom, plan, own: draft.own, facts: draft.facts, chain, at: draft.at }),
  ];
  if (holds.length > 0) {
    const outlook = held(p, holds, { id: action.step, verb: action.verb });
    return { ...outlook, wakeAt: Math.min(outlook.wakeAt, waiting.expires), read: factsOf(p, action) };
  }
  const deadline = action.timeoutMs === undefined ? {} : { deadline: draft.at + action.timeoutMs };
  return intend(p, plan, { ...action, ...deadline }, waiting.approval);
}

function withdraw(
  p: Progress,
  waiting: Ask,
  reason: 'denied' | 'expired' | 'changed',
  message: string,
  reaskAt?: number,
): Outlook {
  const { draft, episode, policy } = p;
  emit(draft, {
    kind: 'withdrawn',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    approval: waiting.approval,
    reason,
    message,
    ...(reaskAt === undefined ? {} : { reaskAt }),
  });
  const hold: Hold = { reason: 'denied', message, ...(reaskAt === undefined ? {} : { until: reaskAt }) };
  return {
    ...held(p, [hold], { id: waiting.action.step, verb: waiting.action.verb }),
    wakeAt: reaskAt ?? draft.at,
  };
}

function awaitOutcome(p: Progress): Outlook {
  const id = p.episode.sequence.action ?? '';
  const record = p.draft.own.actions[id];
  if (!record) return stall(p, 'step-failed', `action ${id} is not known`);
  const step = { id: record.action.step, verb: record.action.verb };
  if (['failed', 'timed-out', 'cancelled'].includes(record.state)) {
    const reason = record.state === 'cancelled' ? 'cancelled' : 'step-failed';
    return stall(p, reason, `${step.verb} ${record.state}: ${record.message ?? 'no message'}`);
  }
  return { decision: decide(p, 'act', [], step), needs: [], wakeAt: NEVER };
}
