/**
 * Verify and give up: whether the remedy helped, judged on data that postdates it. Pure.
 */
import type { Hold, Observation, Verdict } from '../model.ts';
import { causeOf, emit } from './draft.ts';
import { type Explanation, explain, render, shown } from './explain.ts';
import { missingNames, type Progress, planOf, scopeOf } from './form.ts';
import { answerOf } from './groups.ts';
import type { Scope } from './label-sets.ts';
import { decide, held, NEVER, type Outlook, stall } from './moves.ts';
import { promotedVersion } from './reverts.ts';

/** Verify: first known true → verified; known false at the end → not verified; unknown at the end → not judged. */
export function judge(p: Progress): Outlook {
  const { draft, episode } = p;
  const plan = planOf(p);
  const ended = episode.sequence.endedAt ?? draft.at;
  const verify = plan.verify;
  if (!verify) return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  const until = ended + verify.withinMs;
  const waiting: Hold = {
    reason: 'verifying',
    message: `until ${render(verify.that.logic)} is known`,
    until,
  };
  const wait: Outlook = { ...held(p, [waiting]), wakeAt: until };
  const promoted = promotedVersion(p);
  // Someone has taken it back: nothing is judged of it, and nothing done against them.
  if (promoted !== undefined && Object.hasOwn(draft.own.reverted, promoted)) return wait;
  const late = draft.at >= until;
  const shared = scopeOf(p, plan);
  const missing = missingNames(verify.that.logic, plan, shared);
  if (missing.length > 0) return late || p.verdict ? { ...wait, needs: missing } : wait;
  const scope = { ...shared, observations: postdating(shared.observations, ended) };
  const { answer, set } = answerOf(verify.that.logic, scope);
  const why = explain(verify.that.logic, scope, set);
  if (answer === true) return verified(p, why);
  if (!late) return wait;
  const found = why.operands.map(one => `${one.name} ${shown(one)}`).join(', ');
  const next = episode.sequence.round + 1;
  return giveUp(p, {
    judged: answer === false,
    message: `${why.clause} was ${answer === false ? 'false' : 'not known'} at the end: ${found}`,
    ...(answer === false && next < verify.attempts ? { next } : {}),
  });
}

/** A window that began before the remedy ended says nothing about it. */
function postdating(observations: Scope['observations'], ended: number): Record<string, Observation> {
  return Object.fromEntries(
    Object.entries(observations).map(([name, one]) => {
      if (one.interval !== undefined && one.interval.from >= ended) return [name, one];
      const message = one.interval
        ? 'its window began before the last step ended'
        : 'it has no window, so nothing says that it is about the time after the remedy';
      return [name, { ...one, unknown: { reason: 'predates' as const, message } }];
    }),
  );
}

function verified(p: Progress, why: Explanation): Outlook {
  const { draft, episode, policy } = p;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const verdict: Verdict = {
    policy: policy.policy,
    rule: episode.cause.rule,
    labels: episode.labels,
    answer: 'ok',
    ...why,
  };
  emit(draft, { kind: 'verified', what: 'sequence', cause, episode: episode.id, basis: 'verify', verdict });
  const version = promotedVersion(p);
  if (version !== undefined)
    emit(draft, { kind: 'verified', what: 'version', version, basis: 'verify', cause, episode: episode.id });
  emit(draft, {
    kind: 'transition',
    cause,
    labels: episode.labels,
    from: 'firing',
    to: 'ok',
    since: draft.at,
    frozenMs: 0,
    reason: 'verified',
  });
  emit(draft, { kind: 'episode-ended', cause, episode: episode.id, how: 'verified' });
  return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
}

/** The remedy did not help, or nobody knows: another round, or a stall that tells what was tried. */
function giveUp(
  p: Progress,
  found: { readonly judged: boolean; readonly message: string; readonly next?: number },
): Outlook {
  const { draft, episode, policy } = p;
  const { judged, message, next } = found;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const again = next === undefined ? {} : { next };
  emit(draft, { kind: 'not-verified', cause, episode: episode.id, judged, ...again });
  if (next !== undefined) return { decision: decide(p, 'none', []), needs: [], wakeAt: draft.at };
  const what = judged ? 'the remedy did not help' : 'nobody knows whether the remedy helped';
  return stall(p, judged ? 'not-verified' : 'not-judged', `${what}: ${message}`);
}
