/**
 * The moves that every status of a sequence shares: intend, hold, stall and escalate, and the decision that says so. Pure.
 */
import type { Action, Decision, Hold, SequencePlan, StallReason, StepSpec } from '../model.ts';
import { isFirst, pauseKeys } from './admit.ts';
import { ACTED } from './blast-radius.ts';
import { causeOf, emit, lockKey } from './draft.ts';
import { pageText } from './escalation.ts';
import { byValue } from './fact-values.ts';
import { FLOORS, TRUST } from './floors.ts';
import { form, type Progress, planOf } from './form.ts';
import { GATES, gateKey, gateRefs } from './gates.ts';
import { chainOf } from './ids.ts';
import { inhibitorKeys } from './inhibition.ts';
import { loopOf } from './loops.ts';
import { isMessage } from './message-verbs.ts';
import { connectionKey, connectionsOf } from './reachability.ts';
import { isLive } from './records.ts';
import { undoable } from './undoable.ts';

/** Names of observations that are missing for this episode, taken under `policy#episode`. */
export interface Outlook {
  readonly decision: Decision;
  readonly needs: readonly string[];
  readonly wakeAt: number;
  /** Keys of the facts that admission read for the decision. */
  readonly read?: readonly string[];
}

/** Keys of the facts that admission reads for an action. */
export function factsOf({ draft, policy }: Progress, action: Action): readonly string[] {
  const verb = draft.verbs[action.verb];
  const always = [...pauseKeys(chainOf(policy.target), action.verb), lockKey(action.call.subject), FLOORS];
  if (verb === undefined || isMessage(verb) || verb.safe) return always;
  const gates = gateRefs(draft.facts).map(({ chain, gate }) => gateKey(chain, gate));
  return [
    ...always,
    ...(gates.length > 0 ? [GATES, ...gates] : []),
    ...inhibitorKeys(policy.guard),
    ...connectionsOf(policy).map(connectionKey),
    ...(policy.guard.blastRadius ? [ACTED] : []),
  ];
}

export const NEVER = Number.MAX_SAFE_INTEGER;

export function intend(
  p: Progress,
  plan: SequencePlan,
  action: Action,
  approval: string | undefined,
): Outlook {
  const { draft, policy, episode } = p;
  const read = [...factsOf(p, action), ...(approval === undefined ? [] : [TRUST])];
  const verb = draft.verbs[action.verb];
  emit(draft, {
    kind: 'intent',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    action,
    plan,
    // A further attempt consumes nothing.
    first: action.phase === 0 && draft.own.actions[action.id]?.spentAt === undefined,
    facts: byValue(draft.facts, read),
    snapshot: draft.snapshotHash(),
    ...(approval === undefined ? {} : { approval }),
    ...(verb && isFirst({ action, plan, own: draft.own, verb, verbs: draft.verbs })
      ? { impact: true as const }
      : {}),
  });
  const decision = decide(p, 'act', [], { id: action.step, verb: action.verb });
  return { decision, needs: [], wakeAt: NEVER, read };
}

/** Nothing more is tried, once what asks for it is taken back; people are told why, with the evidence and a recommendation. */
export function stall(p: Progress, reason: StallReason, message: string, escalates = true): Outlook {
  const { draft, episode, policy } = p;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const steps = undoable(p, reason);
  if (steps.length > 0) {
    emit(draft, { kind: 'undoing', cause, episode: episode.id, reason, message, steps });
    const step = { id: steps[0] ?? '', verb: 'rollback' };
    return { decision: decide(p, 'act', [], step), needs: [], wakeAt: draft.at };
  }
  const version = draft.snapshot.serving?.champion;
  emit(draft, {
    kind: 'stalled',
    cause,
    episode: episode.id,
    reason,
    message,
    ...(version === undefined ? {} : { version }),
  });
  // Whoever asked for an action is told its end; people are woken for what is left standing in the world.
  const wakes = episode.request === undefined || reason === 'rollout-failed' || reason === 'reverted';
  if (escalates && wakes && reason !== 'cancelled') escalate(p, message, '!escalate', reason);
  return held(p, [{ reason: 'stalled', message }]);
}

/** Pages people, beside the sequence. `id` names the cause: one page for each and round. `reason`: why it gave up, if it did. */
export function escalate(p: Progress, message: string, id = '!escalate', reason?: StallReason): void {
  tell(p, 'escalate', pageText(p, message, reason), id);
}

/** Pages people once about a cause, however long it lasts. */
export function escalateOnce(p: Progress, message: string, id: string): void {
  if (!isTold(p, id)) escalate(p, message, id);
}

/** Tells people once, without waking them. */
export function notifyOnce(p: Progress, message: string, id: string): void {
  if (!isTold(p, id)) tell(p, 'notify', message, id);
}

function isTold({ draft, episode }: Progress, id: string): boolean {
  return Object.values(draft.own.actions).some(
    one =>
      one.episode === episode.id && one.action.step === id && one.action.round === episode.sequence.round,
  );
}

function tell(p: Progress, verb: 'escalate' | 'notify', text: string, id: string): void {
  const plan = planOf(p);
  const step: StepSpec = { id, verb, args: { text }, onNotMet: 'stop', position: p.policy.position };
  const aside: Progress = { ...p, episode: { ...p.episode, sequence: { ...p.episode.sequence, phase: 0 } } };
  const formed = form(aside, plan, step);
  // The same page is not sent twice at once; a later one of the same cause is a further attempt.
  if (!('action' in formed) || isLiveNow(p, formed.action.id)) return;
  // A flood of pages wakes nobody.
  if (loopOf(p.draft.own, formed.action, true, p.draft.at) !== undefined) return;
  intend(aside, plan, formed.action, undefined);
}

function isLiveNow({ draft }: Progress, id: string): boolean {
  const record = draft.own.actions[id];
  return record !== undefined && isLive(record);
}

export function decide(
  p: Progress,
  outcome: Decision['outcome'],
  holds: readonly Hold[],
  step?: Pick<StepSpec, 'id' | 'verb'>,
): Decision {
  const { cause, labels, id } = p.episode;
  return {
    policy: cause.policy,
    rule: cause.rule,
    labels,
    episode: id,
    outcome,
    holds,
    ...(step ? { step: step.id, verb: step.verb } : {}),
  };
}

/** The decision as it was last written: nothing new can be said at this moment. */
export function standing(p: Progress): Decision {
  const { policy, rule, group } = p.episode.cause;
  return p.draft.own.decisions[`${policy}/${rule}/${group}`] ?? decide(p, 'none', []);
}

export function held(
  p: Progress,
  holds: readonly Hold[],
  step?: Pick<StepSpec, 'id' | 'verb'>,
  outcome: 'hold' | 'ask' = 'hold',
): Outlook {
  const times = holds
    .flatMap(hold => (hold.until === undefined ? [] : [hold.until]))
    .filter(until => until > p.draft.at);
  return { decision: decide(p, outcome, holds, step), needs: [], wakeAt: Math.min(NEVER, ...times) };
}
