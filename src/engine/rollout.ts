/**
 * What a rollout does between its shifts: its traffic is read back, its gate judged, and it goes on, waits, or goes back.
 * Pure: it writes into the draft and gives back the decision and when the answer can change.
 */
import type { Hold, Own, RolloutProgress, RolloutState, Verdict } from '../model.ts';
import { admit } from './admit.ts';
import { causeOf, emit } from './draft.ts';
import { rollingOf } from './fold-rollout.ts';
import { form, type Progress, planOf } from './form.ts';
import { chainOf } from './ids.ts';
import { decide, escalateOnce, factsOf, held, intend, NEVER, type Outlook, stall } from './moves.ts';
import { isAside } from './records.ts';
import { goBack } from './rollout-back.ts';
import { judgeGate, nextGateTick, ownerOf, type Standing, standingOf } from './rollout-gate.ts';
import { difference, gateWords, orders, percent, place, readBack, spanText } from './rollout-traffic.ts';

/** Says once that a rollout is through, its champion pointed; then the sequence is as any other. */
export function sayThrough(p: Progress): Progress {
  const { rollout } = p.episode.sequence;
  if (!rollout?.through) return p;
  say(p, 'done', `${rollout.canary} has all traffic and is the champion`);
  const { rollout: _, ...sequence } = p.episode.sequence;
  return { ...p, episode: p.draft.own.episodes[p.episode.id] ?? { ...p.episode, sequence } };
}

/** The next move of a sequence that holds between two shifts of its rollout. */
export function hold(p: Progress): Outlook {
  const standing = standingOf(p.episode);
  const rollout = rollingOf(p.episode.sequence);
  if (rollout === undefined) return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  if (rollout.state === 'aborted') return goBack(p, rollout);
  const taken = takenBack(p.draft.own, p.episode.id, rollout);
  if (taken !== undefined) return handOver(p, taken);
  if (standing === undefined) return abort(p, `rollout ${rollout.name} is not in its plan`);
  if (rollout.state === undefined) {
    say(p, 'holding', `${place(standing)}, for ${spanText(standing.step.holdMs)}${gateWords(standing)}`);
  }
  if (rollout.order?.what === 'abort') return abort(p, `ordered by ${rollout.order.by}`);
  if (p.draft.at >= rollout.begunAt + standing.spec.maxMs && rollout.state !== 'failed') {
    return fail(p, standing, `it has lasted longer than ${spanText(standing.spec.maxMs)}`);
  }
  const due = p.draft.snapshot.due.includes(ownerOf(p.episode));
  return (due ? gateTick(p, standing) : undefined) ?? goOn(renew(p));
}

/** The episode as the entries of this step have left it. */
function renew(p: Progress): Progress {
  return { ...p, episode: p.draft.own.episodes[p.episode.id] ?? p.episode };
}

/** One line about the rollout, for the chain and for people. */
function say(p: Progress, state: RolloutState, message: string, verdict?: Verdict): void {
  const { draft, policy, episode } = p;
  const { rollout } = episode.sequence;
  emit(draft, {
    kind: 'rollout',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    step: rollout?.step ?? '',
    state,
    index: rollout?.index ?? 0,
    message,
    ...(verdict ? { verdict } : {}),
  });
}

/** Traffic first, then the gate: what a gate says of another split than the step's is no answer. */
function gateTick(p: Progress, standing: Standing): Outlook | undefined {
  const { rollout, gate, step } = standing;
  const { serving } = p.draft.snapshot;
  const differs = difference(rollout, serving);
  if (differs !== undefined) {
    if (rollout.mismatches > 0) return contest(p, differs);
    say(p, 'differs', differs);
    return outlasted(renew(p), standing);
  }
  if (rollout.state === 'failed') return undefined;
  const known = readBack(serving);
  const judged = known === undefined || gate === undefined ? undefined : check(p, gate);
  if (known === undefined)
    note(p, standing, 'unknown', `traffic is unknown: ${serving?.unknown?.message ?? 'not read'}`);
  else if (gate === undefined && step.gate !== undefined)
    note(p, standing, 'unknown', `gate ${step.gate} is not in its plan`);
  else if (judged === undefined) note(p, standing, 'pass', `${place(standing)}, as it was shifted`);
  else note(p, standing, judged.check, judged.message, judged.verdict);
  const now = renew(p);
  const after = now.episode.sequence.rollout ?? rollout;
  const failed = failures(after, gate);
  if (gate !== undefined && failed >= gate.fails.count) {
    return fail(
      now,
      standing,
      `${judged?.message ?? gate.name} (${failed} of the last ${gate.fails.of} checks failed)`,
    );
  }
  return outlasted(now, standing);
}

function check(p: Progress, gate: NonNullable<Standing['gate']>): ReturnType<typeof judgeGate> {
  const observations = p.draft.snapshot.observations[ownerOf(p.episode)] ?? {};
  return judgeGate(gate, observations, {
    own: p.draft.own,
    policy: p.policy.policy,
    rule: p.episode.cause.rule,
  });
}

/** A check is written when it can change what comes next: a pass after passes and an unknown after unknowns are quiet. */
function note(
  p: Progress,
  { rollout, gate }: Standing,
  found: RolloutProgress['checks'][number],
  message: string,
  verdict?: Verdict,
): void {
  const quiet = found === rollout.checks.at(-1) && (found === 'unknown' || failures(rollout, gate) === 0);
  if (quiet && found !== 'fail' && rollout.mismatches === 0) return;
  const state = ({ pass: 'passed', fail: 'failed-check', unknown: 'unknown' } as const)[found];
  say(p, state, message, verdict);
}

/** Failed ones among the last judged checks; unknown is not judged. */
function failures({ checks }: RolloutProgress, gate: Standing['gate']): number {
  const judged = checks.filter(one => one !== 'unknown');
  return judged.slice(-(gate?.fails.of ?? 1)).filter(one => one === 'fail').length;
}

/** What becomes of an unknown that has lasted too long; undefined while it has not. */
function outlasted(p: Progress, { spec }: Standing): Outlook | undefined {
  const rollout = rollingOf(p.episode.sequence);
  const { unknownSince } = rollout ?? {};
  if (rollout === undefined || unknownSince === undefined) return undefined;
  if (p.draft.at < unknownSince + spec.onUnknown.holdMs) return undefined;
  const why = `unknown for ${spanText(spec.onUnknown.holdMs)}: ${rollout.message ?? ''}`;
  if (spec.onUnknown.then === 'rollback') return abort(p, why);
  escalateOnce(
    p,
    `${why}. It holds until a person says what next: ${orders(p)}`,
    `!rollout-unknown-${rollout.index}`,
  );
  return undefined;
}

/** On to the next shift when the hold is over and its gate says so, or when a person does; else it holds. */
function goOn(p: Progress): Outlook {
  const standing = standingOf(p.episode);
  if (standing === undefined) return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
  const { rollout, step } = standing;
  const wakeAt = wakeOf(p, standing);
  const waits = waitsFor(p, standing);
  if (waits.length > 0) return { ...held(p, waits, { id: rollout.step, verb: 'promote' }), wakeAt };
  const plan = planOf(p);
  const spec = plan.steps[p.episode.sequence.stepIndex];
  const { sequence } = p.episode;
  const next = { ...p, episode: { ...p.episode, sequence: { ...sequence, phase: rollout.index + 1 } } };
  const formed = spec === undefined ? { unbound: 'its step is not in its plan' } : form(next, plan, spec);
  if ('unbound' in formed) return abort(p, formed.unbound);
  if ('held' in formed) return { ...held(p, [formed.held], spec), wakeAt };
  const verb = p.draft.verbs[formed.action.verb];
  if (verb === undefined) return abort(p, `verb ${formed.action.verb} is not known`);
  const { mode, modeFrom } = p.policy;
  const { own, facts } = p.draft;
  const chain = chainOf(p.policy.target);
  const holds = admit({
    verb,
    action: formed.action,
    mode,
    modeFrom,
    plan,
    own,
    facts,
    chain,
    at: p.draft.at,
  });
  if (holds.length > 0) {
    const waiting = held(p, holds, spec);
    return { ...waiting, wakeAt: Math.min(waiting.wakeAt, wakeAt), read: factsOf(p, formed.action) };
  }
  const how = rollout.order === undefined ? 'its hold is over' : `ordered by ${rollout.order.by}`;
  say(
    p,
    'advanced',
    `step ${rollout.index + 1} of ${standing.spec.steps.length} (${percent(step.weight)}): ${how}`,
  );
  return intend(renew(p), plan, formed.action, undefined);
}

/** Why the next shift does not begin now; nothing when it may. */
function waitsFor(p: Progress, standing: Standing): Hold[] {
  const { rollout, spec, step } = standing;
  const over = rollout.since + step.holdMs;
  const differs = difference(rollout, p.draft.snapshot.serving);
  if (rollout.state === 'failed') {
    return [{ reason: 'gated', message: `${rollout.message ?? 'it failed'}; ${orders(p)}` }];
  }
  if (differs !== undefined) return [{ reason: 'unknown', message: differs }];
  if (readBack(p.draft.snapshot.serving) === undefined)
    return [{ reason: 'unknown', message: 'its traffic cannot be read back' }];
  const ended = p.episode.ended?.how;
  if (ended === 'policy-removed' || ended === 'resolved') {
    const message = `its episode ended (${ended}): its gates stay armed, and no further step begins`;
    return [{ reason: 'not-firing', message, until: rollout.begunAt + spec.maxMs }];
  }
  const last = rollout.checks.at(-1);
  if (last === 'fail') return [{ reason: 'gated', message: rollout.message ?? 'its gate failed' }];
  if (rollout.order?.what === 'advance') return [];
  if (rollout.unknownSince !== undefined) {
    const until = rollout.unknownSince + spec.onUnknown.holdMs;
    return [{ reason: 'unknown', message: rollout.message ?? 'unknown', until }];
  }
  if (p.draft.at < over) return [{ reason: 'running', message: place(standing), until: over }];
  // No data is no success, however long it lasts.
  if (last !== 'pass')
    return [{ reason: 'unknown', message: `${place(standing)}, and no check of it was judged yet` }];
  return [];
}

/** The hold's own times; a gate tick comes whatever else is waited for. */
function wakeOf(p: Progress, standing: Standing): number {
  const { rollout, spec, step } = standing;
  const { at: now } = p.draft;
  const { unknownSince } = rollout;
  const times = [
    nextGateTick(standing, now),
    rollout.since + step.holdMs,
    rollout.begunAt + spec.maxMs,
    ...(unknownSince === undefined ? [] : [unknownSince + spec.onUnknown.holdMs]),
  ];
  return Math.min(...times.filter(time => time > now), NEVER);
}

/** A failed rollout goes back, or stays where it is until a person says what next. */
function fail(p: Progress, standing: Standing, message: string): Outlook {
  if (standing.spec.onFailure === 'rollback') return abort(p, message);
  say(p, 'failed', message);
  escalateOnce(
    p,
    `${message}. It stays at ${place(standing)}: ${orders(p)}`,
    `!rollout-failed-${standing.rollout.index}`,
  );
  return goOn(renew(p));
}

function abort(p: Progress, message: string): Outlook {
  say(p, 'aborted', message);
  const now = renew(p);
  const rollout = rollingOf(now.episode.sequence);
  return rollout === undefined ? held(now, [{ reason: 'stalled', message }]) : goBack(now, rollout);
}

/** A shift of a rollout, or its last step, that did not succeed ends it: where traffic is, it does not stay. */
export function failShift(p: Progress, message: string): Outlook {
  const { rollout } = p.episode.sequence;
  const taken = takenBack(p.draft.own, p.episode.id, rollout);
  if (taken !== undefined) return handOver(p, taken);
  return rollout?.state === 'aborted' ? goBack(p, rollout) : abort(p, message);
}

/** Twice another split than ours: somebody else moves this traffic, and is not fought. */
function contest(p: Progress, differs: string): Outlook {
  const message = `${differs}, twice in a row: somebody else moves this traffic. Nothing more is done to it`;
  say(p, 'contested', message);
  const stalled = stall(renew(p), 'rollout-failed', message);
  const holds = [{ reason: 'contested' as const, message }];
  return { ...stalled, decision: decide(p, 'hold', holds) };
}

/** A rollback of the same traffic has happened meanwhile: it was this rollout's abort. */
function takenBack(own: Own, episode: number, rollout: RolloutProgress | undefined): string | undefined {
  const found = Object.values(own.actions).find(
    ({ action, state, at: intended, episode: other }) =>
      action.verb === 'rollback' &&
      other !== episode &&
      !isAside(action.step) &&
      action.call.subject === rollout?.subject &&
      action.call.capability === 'serving.shift' &&
      intended >= rollout.begunAt &&
      state === 'succeeded',
  );
  if (found === undefined) return undefined;
  return 'policy' in found.action.origin ? found.action.origin.policy : 'a request';
}

function handOver(p: Progress, by: string): Outlook {
  const message = `the rollback of ${by} took the traffic back`;
  say(p, 'aborted', message);
  return stall(renew(p), 'rollout-failed', message, false);
}
