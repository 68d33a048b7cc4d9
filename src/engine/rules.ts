/** Verdicts and transitions of one rule at a due tick: every label set, known or new. Pure but for the draft. */
import type { Cause, ClosedPolicy, Episode, Labels, Rule, RuleState, Verdict } from '../model.ts';
import { compile } from './condition.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { confirm, explain } from './explain.ts';
import { type Finding, findings } from './findings.ts';
import { beforeOf } from './groups.ts';
import { groupKey } from './ids.ts';
import { judge } from './judge.ts';
import type { LabelSet, Scope } from './label-sets.ts';
import { inOrder, isAside } from './records.ts';
import { type Advance, advance } from './rule-states.ts';
import { tickedRules } from './schedule.ts';
import { frozenReferences } from './wants.ts';

/** Verdicts by group key. Only those of label sets that are not plainly ok are explained, and at most this many kept. */
const MOST_VERDICTS = 500;

const NO_STATES: Readonly<Record<string, RuleState>> = {};

interface Work {
  readonly draft: Draft;
  readonly policy: ClosedPolicy;
  readonly rule: Rule;
  readonly scope: Scope;
  readonly states: Readonly<Record<string, RuleState>>;
  readonly verdicts: Map<string, Verdict>;
}

/** Evaluates a due rule: writes transitions, opens and ends episodes. */
export function evaluateRule(draft: Draft, policy: ClosedPolicy, rule: Rule): ReadonlyMap<string, Verdict> {
  const scope: Scope = {
    observations: draft.snapshot.observations[policy.policy] ?? {},
    before: {},
    steps: {},
    target: { name: policy.target.name, kind: policy.target.kind },
  };
  const states = draft.own.rules[policy.policy]?.[rule.name] ?? NO_STATES;
  const work: Work = { draft, policy, rule, scope, states, verdicts: new Map() };
  for (const finding of findings(work)) move(work, finding);
  return work.verdicts;
}

/**
 * The policy is excluded: nothing is known of its label sets from here on. Timers stand still, nothing begins, nothing ends.
 */
export function freeze(draft: Draft, policy: ClosedPolicy): void {
  for (const rule of tickedRules(policy)) {
    for (const state of inOrder(draft.own.rules[policy.policy]?.[rule.name] ?? NO_STATES)) {
      if (state.state === 'unknown' || state.phase === 'inactive') continue;
      const { labels, state: from, frozenMs } = state;
      const cause = causeOf(policy, rule.name, groupKey(labels));
      const reason = `excluded: ${policy.excluded?.reason ?? ''}`;
      emit(draft, {
        kind: 'transition',
        cause,
        labels,
        from,
        to: 'unknown',
        since: draft.at,
        frozenMs,
        reason,
      });
    }
  }
}

function move(work: Work, finding: Finding): void {
  const { key, labels, set, seen: found } = finding;
  const { draft, policy, rule, scope, states } = work;
  const state = states[key];
  const timing = { ...rule, everyMs: policy.everyMs };
  const next = advance(state, found, timing, draft.at, draft.gap);
  const kept = work.verdicts.size < MOST_VERDICTS;
  if (!kept && next.changes.length === 0) return;
  const verdict = verdictOf(work, finding);
  if (kept) work.verdicts.set(key, verdict);
  if (next.opens && found.when === true) confirm(rule.when.logic, scope, set, true);
  write(work, { key, labels, from: state, next, verdict });
}

function write(
  work: Work,
  moved: {
    readonly key: string;
    readonly labels: Labels;
    readonly from: RuleState | undefined;
    readonly next: Advance;
    readonly verdict: Verdict;
  },
): void {
  const { draft, policy, rule } = work;
  const { key, labels, from, next, verdict } = moved;
  const cause = causeOf(policy, rule.name, key);
  if (next.ends === 'cleared' && isVerified(work, from, verdict)) return;
  let before = from?.state ?? ('ok' as const);
  for (const change of next.changes) {
    emit(draft, { kind: 'transition', cause, labels, from: before, ...change, verdict });
    before = change.to;
  }
  if (next.opens) open(work, labels, cause, verdict);
  if (next.ends && from?.episode !== undefined)
    end(draft, draft.own.episodes[from.episode], next.ends, cause);
}

/** A remedy that can be judged now is judged before the episode ends by itself: only that counts as verified. */
function isVerified({ draft, policy }: Work, from: RuleState | undefined, verdict: Verdict): boolean {
  const episode = draft.own.episodes[from?.episode ?? -1];
  if (episode?.sequence.status !== 'verifying') return false;
  judge({ draft, policy, episode, verdict });
  const after = draft.own.episodes[episode.id];
  return after === undefined || after.ended !== undefined;
}

function verdictOf(work: Work, { labels, set, held, seen: found }: Finding): Verdict {
  const { rule, policy, scope } = work;
  const answer = found.vanished || found.when === undefined ? 'unknown' : found.when ? 'breach' : 'ok';
  const why = found.vanished
    ? { operands: [], clause: 'the label set has vanished', members: {} }
    : explain(rule.when.logic, scope, set);
  const verdict: Verdict = { policy: policy.policy, rule: rule.name, labels, answer, ...why };
  return held && held.length > 0 ? { ...verdict, members: membersOf(work, verdict, held) } : verdict;
}

/** Of a group: the label sets that hold, in place of the one that is explained. Reducers alone keep their own. */
function membersOf(
  { rule, scope }: Work,
  { members }: Verdict,
  held: readonly LabelSet[],
): Verdict['members'] {
  const vectors = compile(rule.when.logic).names.filter(name => scope.observations[name]?.vector);
  const labels = held.slice(0, MOST_VERDICTS).map(set => set.labels);
  return { ...members, ...Object.fromEntries(vectors.map(name => [name, labels])) };
}

function open(work: Work, labels: Labels, cause: Cause, verdict: Verdict): void {
  const { draft, policy, scope } = work;
  emit(draft, {
    kind: 'episode-opened',
    cause,
    labels,
    mode: policy.mode,
    actingHash: policy.actingHash,
    before: beforeOf(scope, labels),
    verdict,
    references: frozenReferences(policy, draft.snapshot.serving?.trained),
    members: verdict.members,
  });
}

function end(draft: Draft, episode: Episode | undefined, how: 'cleared' | 'vanished', cause: Cause): void {
  if (!episode) return;
  const approval = episode.sequence.status === 'asking' ? episode.sequence.approval : undefined;
  if (approval !== undefined) {
    emit(draft, {
      kind: 'withdrawn',
      cause,
      episode: episode.id,
      approval,
      reason: 'ended',
      message: 'the episode ended while the ask was waiting',
    });
  }
  emit(draft, {
    kind: 'episode-ended',
    cause,
    episode: episode.id,
    how: how === 'cleared' && !finishedAny(draft, episode.id) ? 'self-cleared' : how,
  });
}

/** True when an action of the episode's sequence has succeeded: then the clear may be its doing. */
function finishedAny(draft: Draft, episode: number): boolean {
  return Object.values(draft.own.actions).some(
    one => one.episode === episode && one.state === 'succeeded' && !isAside(one.action.step),
  );
}
