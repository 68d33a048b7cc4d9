/**
 * Verify and give up: whether the remedy helped, judged on data that postdates it. Pure.
 */
import type { Hold, Json, Observation, Verdict } from '../model.ts';
import { compile } from './condition.ts';
import { causeOf, emit } from './draft.ts';
import { explain, render, shown } from './explain.ts';
import { missingNames, type Progress, planOf, scopeOf } from './form.ts';
import type { Scope } from './label-sets.ts';
import { decide, held, NEVER, type Outlook, stall } from './moves.ts';

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
  const reverted = revertedVersion(p);
  if (reverted) return giveUp(p, true, `version ${reverted} is no longer in service`);
  const late = draft.at >= until;
  const shared = scopeOf(p, plan);
  const missing = missingNames(verify.that.logic, plan, shared);
  if (missing.length > 0) return late || p.verdict ? { ...wait, needs: missing } : wait;
  const scope = { ...shared, observations: postdating(shared.observations, ended) };
  const answer = compile(verify.that.logic).evaluate(scope);
  if (answer === true) return verified(p, scope, verify.that.logic);
  if (!late) return wait;
  const { operands, clause } = explain(verify.that.logic, scope, undefined);
  const found = operands.map(one => `${one.name} ${shown(one)}`).join(', ');
  return giveUp(
    p,
    answer === false,
    `${clause} was ${answer === false ? 'false' : 'not known'} at the end: ${found}`,
  );
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

/** The version that this sequence promoted, when something else is in service by now. */
function revertedVersion(p: Progress): string | undefined {
  const promoted = promotedVersion(p);
  const champion = p.draft.snapshot.serving?.champion;
  return promoted !== undefined && champion !== undefined && champion !== promoted ? promoted : undefined;
}

function promotedVersion({ draft, episode }: Progress): string | undefined {
  const point = Object.values(draft.own.actions).find(
    one =>
      one.episode === episode.id &&
      one.action.round === episode.sequence.round &&
      one.state === 'succeeded' &&
      one.action.verb === 'promote' &&
      one.action.call.capability === 'registry.point',
  );
  const version = point?.action.call.args.version;
  return typeof version === 'string' ? version : undefined;
}

function verified(p: Progress, scope: Scope, logic: Json): Outlook {
  const { draft, episode, policy } = p;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const verdict: Verdict = {
    policy: policy.policy,
    rule: episode.cause.rule,
    labels: episode.labels,
    answer: 'ok',
    ...explain(logic, scope, undefined),
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

function giveUp(p: Progress, judged: boolean, message: string): Outlook {
  const { draft, episode, policy } = p;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  emit(draft, { kind: 'not-verified', cause, episode: episode.id, judged });
  return stall(p, judged ? 'not-verified' : 'not-judged', `the remedy did not help: ${message}`);
}
