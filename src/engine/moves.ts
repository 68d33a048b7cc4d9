/**
 * The moves that every status of a sequence shares: intend, hold, stall and escalate, and the decision that says so. Pure.
 */

import { hashOf } from '../canonical.ts';
import type { Action, Decision, Hold, SequencePlan, StepSpec } from '../model.ts';
import { pauseKeys } from './admit.ts';
import { causeOf, emit, lockKey } from './draft.ts';
import { evidenceOf, form, type Progress, planOf } from './form.ts';
import { chainOf } from './ids.ts';

/** Names of observations that are missing for this episode, taken under `policy#episode`. */
export interface Outlook {
  readonly decision: Decision;
  readonly needs: readonly string[];
  readonly wakeAt: number;
}

export const NEVER = Number.MAX_SAFE_INTEGER;

export function intend(
  p: Progress,
  plan: SequencePlan,
  action: Action,
  approval: string | undefined,
): Outlook {
  const { draft, policy, episode } = p;
  const read = [...pauseKeys(chainOf(policy.target), action.verb), lockKey(action.call.subject)];
  emit(draft, {
    kind: 'intent',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    action,
    plan,
    first: action.phase === 0,
    facts: Object.fromEntries(read.flatMap(key => (draft.facts[key] ? [[key, draft.facts[key]]] : []))),
    snapshot: hashOf(draft.snapshot),
    ...(approval === undefined ? {} : { approval }),
  });
  return { decision: decide(p, 'act', [], { id: action.step, verb: action.verb }), needs: [], wakeAt: NEVER };
}

/** Nothing more is tried; people are told why, with the evidence and a recommendation. */
export function stall(
  p: Progress,
  reason: 'not-verified' | 'not-judged' | 'step-failed' | 'not-met' | 'cancelled' | 'unbound',
  message: string,
  escalates = true,
): Outlook {
  const { draft, episode, policy } = p;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const version = draft.snapshot.serving?.champion;
  emit(draft, {
    kind: 'stalled',
    cause,
    episode: episode.id,
    reason,
    message,
    ...(version === undefined ? {} : { version }),
  });
  if (escalates && reason !== 'cancelled') escalate(p, message);
  return held(p, [{ reason: 'stalled', message }]);
}

export function escalate(p: Progress, message: string): void {
  const plan = planOf(p);
  const step: StepSpec = {
    id: '!escalate',
    verb: 'escalate',
    args: {
      text: `${message}\n${evidenceOf(p)}\nRecommended: look at 'flyball explain ${p.policy.policy}', then 'flyball retry ${p.episode.id}' or 'flyball resolve ${p.episode.id} --as resolved'.`,
    },
    onNotMet: 'stop',
    position: p.policy.position,
  };
  const aside: Progress = { ...p, episode: { ...p.episode, sequence: { ...p.episode.sequence, phase: 0 } } };
  const formed = form(aside, plan, step);
  if ('action' in formed) intend(aside, plan, formed.action, undefined);
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
