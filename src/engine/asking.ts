/**
 * Asking people: the question, what becomes of it while it waits, and the intent that follows a yes. Pure but for the draft.
 *
 * asked     → granted, when enough of those who may decide have said yes, and admission passes again
 *           → withdrawn: denied, expired, the plan changed, what it is about is over, or a gate or inhibitor is breached
 * A gate and a safe verb wait for no answer: they are as armed as ever.
 */
import { hashOf } from '../canonical.ts';
import type { Action, Ask, Derived, Hold, SequencePlan, StepSpec } from '../model.ts';
import { admission } from './admit.ts';
import { type Approval, counts, quorumOf, refusedOf, withTimes } from './approvals.ts';
import { adopt } from './coalesce.ts';
import { causeOf, emit } from './draft.ts';
import { moment } from './fact-values.ts';
import { floorText, raisedFloor } from './floors.ts';
import { flooredOf, type Progress, planOf, timesOf } from './form.ts';
import { closedBy } from './gates.ts';
import { firesOf } from './inhibition.ts';
import { escalateOnce, factsOf, held, intend, type Outlook, stall } from './moves.ts';
import { changedParts } from './plan-parts.ts';
import { notReady } from './preconditions.ts';
import { abortPromotions, preempt } from './preempt.ts';

/** Writes the question. What people said to the same plan before counts on, until that would have expired. */
export function askPeople(
  p: Progress,
  plan: SequencePlan,
  step: StepSpec,
  action: Action,
  approval: Approval,
): Outlook {
  const { draft, policy, episode } = p;
  const { at } = draft;
  // The seq beside the time: what is asked anew at the same moment is another question.
  const { id, attempt, planHash } = action;
  const asked = { action: id, attempt, plan: planHash, at, seq: draft.own.seq };
  const name = hashOf(asked).slice(0, 12);
  const kept = draft.own.granted[planHash];
  const known = kept !== undefined && kept.until > at ? kept : undefined;
  const expires = Math.min(at + approval.expiresMs, known?.until ?? Number.POSITIVE_INFINITY);
  const { statedQuorum, escalateAfterMs, floors, among } = approval;
  emit(draft, {
    kind: 'ask',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    approval: name,
    action,
    plan,
    planHash,
    from: approval.from,
    quorum: approval.quorum,
    expires,
    reaskMs: approval.reaskMs,
    refused: refusedOf(policy, episode, draft.own),
    ...(statedQuorum === undefined ? {} : { statedQuorum }),
    ...(approval.onExpiry === 'escalate' ? { onExpiry: 'escalate' as const } : {}),
    ...(escalateAfterMs === undefined ? {} : { escalateAt: at + escalateAfterMs }),
    ...(known ? { votes: known.votes } : {}),
    why: approval.why,
    ...(floors === undefined ? {} : { floors }),
    ...(among === undefined ? {} : { among }),
  });
  const message = `waits for approval ${name}${askedBy(approval)}`;
  const wait: Hold = { reason: 'approval', message, until: expires };
  const outlook = held(p, [wait], step, 'ask');
  return { ...outlook, wakeAt: known ? at : nextWord(draft.own.asks[name], at), read: factsOf(p, action) };
}

/** Which floors have a say in a question, where any has. */
function askedBy({ floors }: Pick<Ask, 'floors'>): string {
  return floors === undefined ? '' : `, as ${floorText(floors)} asks`;
}

/** When something becomes of it without an answer. */
function nextWord(waiting: Ask | undefined, at: number): number {
  const times = [waiting?.expires, waiting?.escalateAt].filter(time => time !== undefined && time > at);
  return Math.min(...(times as number[]), Number.MAX_SAFE_INTEGER);
}

/** What becomes of a question at this moment. */
export function awaitApproval(p: Progress): Outlook {
  const { draft, episode } = p;
  const { approval = '' } = episode.sequence;
  const waiting = draft.own.asks[approval];
  if (!waiting) return held(p, [{ reason: 'approval', message: `approval ${approval} is not known` }]);
  const denied = waiting.votes.find(vote => vote.decision === 'no' && counts(waiting, vote, p));
  const reaskAt = draft.at + waiting.reaskMs;
  if (denied) {
    const said = denied.comment === undefined ? '' : `: ${denied.comment}`;
    return withdraw(p, waiting, 'denied', `denied by ${denied.by.name}${said}`, reaskAt);
  }
  if (draft.at >= waiting.expires) return expire(p, waiting, reaskAt);
  const changed = changeOf(p, waiting);
  if (changed) return withdraw(p, waiting, 'changed', changed);
  const breach = breachOf(p, waiting);
  if (breach) return withdraw(p, waiting, breach.reason, breach.message);
  if (waiting.escalateAt !== undefined && draft.at >= waiting.escalateAt) remind(p, waiting);
  const yes = yesOf(p, waiting);
  const quorum = quorumOf(waiting, p);
  if (yes.length >= quorum) return grant(p, waiting);
  const hold: Hold = {
    reason: 'approval',
    message: `waits for approval ${approval} (${yes.length} of ${quorum})${askedBy(waiting)}`,
    until: waiting.expires,
  };
  const step = { id: waiting.action.step, verb: waiting.action.verb };
  return { ...held(p, [hold], step, 'ask'), wakeAt: nextWord(waiting, draft.at) };
}

/** Persons who said yes and may decide, each once. */
function yesOf(p: Progress, waiting: Ask): readonly string[] {
  const votes = waiting.votes.filter(vote => vote.decision === 'yes' && counts(waiting, vote, p));
  return [...new Set(votes.map(vote => vote.by.name))];
}

/** Nobody decided: it never runs. Where the approval says so, people are told. */
function expire(p: Progress, waiting: Ask, reaskAt: number): Outlook {
  const message = 'nobody decided in time: denied';
  const outlook = withdraw(p, waiting, 'expired', message, reaskAt);
  if (waiting.onExpiry === 'escalate') {
    const text = `nobody decided on ${what(waiting)} in time (${said(p, waiting)}): it is not done. It is asked again ${moment(reaskAt)}, or at once after 'flyball retry ${p.episode.id}'`;
    escalateOnce(p, text, `!expired-${waiting.approval}`);
  }
  return outlook;
}

/** Once, while it waits. */
function remind(p: Progress, waiting: Ask): void {
  const then = `Without an answer by ${moment(waiting.expires)} it is denied`;
  const text = `${what(waiting)} waits for a yes since ${moment(waiting.at)} (${said(p, waiting)}). ${then}: 'flyball approve ${waiting.approval}' or 'flyball deny ${waiting.approval}'`;
  escalateOnce(p, text, `!waits-${waiting.approval}`);
}

function what({ action }: Ask): string {
  return `${action.verb} on ${action.call.subject}`;
}

function said(p: Progress, waiting: Ask): string {
  const words = waiting.votes.flatMap(({ by, comment }) => (comment ? [`${by.name}: "${comment}"`] : []));
  const from = waiting.from.join(', ');
  return [`${yesOf(p, waiting).length} of ${quorumOf(waiting, p)} yes from ${from}`, ...words].join('; ');
}

/** Why the plan that was asked for is none any more; undefined while it is. A sequence that has acted ends on its own plan. */
function changeOf(p: Progress, { action }: Ask): string | undefined {
  const raised = raisedFloor(flooredOf(p, planOf(p), action.verb), action);
  return raised === undefined ? editOf(p) : `${raised}: asked anew`;
}

/** The same, of an edit of the policy alone. */
export function editOf({ episode, policy }: Pick<Progress, 'episode' | 'policy'>): string | undefined {
  if (episode.sequence.acted || episode.plan?.actingHash === policy.actingHash) return undefined;
  const { plan: _, ...bare } = episode;
  const parts = episode.plan ? changedParts(episode.plan, planOf({ policy, episode: bare })) : [];
  return `the policy changed while the ask was waiting${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

/** A gate that is known to be closed, or an inhibitor that is known to fire, takes the question back: people answered another one. */
function breachOf(
  p: Progress,
  { action }: Ask,
): { readonly reason: 'gated' | 'inhibited'; readonly message: string } | undefined {
  const { facts, at, verbs } = p.draft;
  const verb = verbs[action.verb];
  const plan = p.episode.plan ?? planOf(p);
  if (verb === undefined) return undefined;
  const holds = admission(p, plan, verb, action);
  const isHeld = (reason: string) => holds.some(hold => hold.reason === reason);
  const closed = isHeld('gated') ? closedBy(facts, action.verb, at) : undefined;
  if (closed !== undefined) return { reason: 'gated', message: `${closed}, while it waited for an answer` };
  const fires = isHeld('inhibited') ? firesOf(plan.guard, facts, at) : undefined;
  if (fires === undefined) return undefined;
  return { reason: 'inhibited', message: `${fires}, while it waited for an answer` };
}

/** Admission runs again in full; what holds the action now holds it, and the yes stays. */
function grant(p: Progress, waiting: Ask): Outlook {
  const { draft, episode } = p;
  const { action } = waiting;
  const verb = draft.verbs[action.verb];
  const plan = episode.plan ?? planOf(p);
  if (!verb) return stall(p, 'unbound', `verb ${action.verb} is not known`);
  const found = [...notReady(p), ...admission(p, plan, verb, action)];
  const shared = found.length > 0 ? adopt(p, plan, action, found) : undefined;
  if (shared) return shared;
  const holds = preempt(p, plan, verb, action, found);
  if (holds.length > 0) {
    const outlook = held(p, holds, { id: action.step, verb: action.verb });
    const wakeAt = Math.min(outlook.wakeAt, nextWord(waiting, draft.at));
    return { ...outlook, wakeAt, read: factsOf(p, action) };
  }
  abortPromotions(p, action);
  const step = plan.steps.find(one => one.id === action.step);
  const times = step ? timesOf(p, plan, step, action.id) : action;
  return intend(p, plan, withTimes(action, times), waiting.approval);
}

type Reason = Extract<Derived, { kind: 'withdrawn' }>['reason'];

/** Takes a question back, with the reason. */
export function withdraw(
  p: Progress,
  waiting: Ask,
  reason: Reason,
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
  const shown = reason === 'gated' || reason === 'inhibited' ? reason : 'denied';
  const hold: Hold = { reason: shown, message, ...(reaskAt === undefined ? {} : { until: reaskAt }) };
  return {
    ...held(p, [hold], { id: waiting.action.step, verb: waiting.action.verb }),
    wakeAt: reaskAt ?? draft.at,
  };
}
