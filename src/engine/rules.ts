/** Verdicts and transitions of one rule at a due tick: every label set, known or new. Pure but for the draft. */
import type { Cause, ClosedPolicy, Episode, Labels, Rule, RuleState, Verdict } from '../model.ts';
import { compile, type LabelSet, labelSets, type Scope } from './condition.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { confirm, explain, scalarsOf } from './explain.ts';
import { groupKey } from './ids.ts';
import { advance, type Seen } from './rule-states.ts';
import { frozenReferences } from './wants.ts';

/** Verdicts by group key. Only those of label sets that are not plainly ok are explained, and at most this many kept. */
const MOST_VERDICTS = 500;

const NO_STATES: Readonly<Record<string, RuleState>> = {};

/** Evaluates a due rule: writes transitions, opens and ends episodes. */
export function evaluateRule(draft: Draft, policy: ClosedPolicy, rule: Rule): ReadonlyMap<string, Verdict> {
  const scope: Scope = {
    observations: draft.snapshot.observations[policy.policy] ?? {},
    before: {},
    steps: {},
    target: { name: policy.target.name, kind: policy.target.kind },
  };
  const states = draft.own.rules[policy.policy]?.[rule.name] ?? NO_STATES;
  const when = compile(rule.when.logic);
  const vector = when.names.some(name => scope.observations[name]?.vector);
  const work: Work = { draft, policy, rule, scope, verdicts: new Map() };
  if (!vector) one(work, {}, undefined, states['']);
  else overVector(work, states, labelSets(scope, when.names));
  return work.verdicts;
}

interface Work {
  readonly draft: Draft;
  readonly policy: ClosedPolicy;
  readonly rule: Rule;
  readonly scope: Scope;
  readonly verdicts: Map<string, Verdict>;
}

/** A failed query makes every known label set unknown, and the vector as a whole; an absent set has vanished. */
function overVector(
  work: Work,
  states: Readonly<Record<string, RuleState>>,
  sets: readonly LabelSet[] | undefined,
): void {
  if (sets === undefined) {
    one(work, {}, undefined, states[''], UNKNOWN);
    for (const [key, state] of Object.entries(states))
      if (key !== '') one(work, state.labels, undefined, state, UNKNOWN);
    return;
  }
  if (states['']) one(work, {}, undefined, states[''], { when: false, clear: true, vanished: false });
  const tracked = Object.keys(states).length > 0;
  const present = tracked ? new Set<string>() : undefined;
  const when = compile(work.rule.when.logic);
  const clearSets = clearLookup(work, sets);
  for (const set of sets) {
    const truth = when.evaluate(work.scope, set);
    // The common case costs no key and no allocation: a known no of a set that is not tracked.
    if (truth === false && !tracked) continue;
    const key = groupKey(set.labels);
    present?.add(key);
    if (truth === false && states[key] === undefined) continue;
    one(work, set.labels, set, states[key], seen(work, truth, clearSets(set, key)));
  }
  for (const [key, state] of Object.entries(states)) {
    if (key !== '' && !present?.has(key)) one(work, state.labels, undefined, state, VANISHED);
  }
}

const UNKNOWN: Seen = { when: undefined, clear: undefined, vanished: false };
const VANISHED: Seen = { when: undefined, clear: undefined, vanished: true };

/** `clear` may read other observations than `when`: its label sets are matched by key. */
function clearLookup(
  work: Work,
  sets: readonly LabelSet[],
): (set: LabelSet, key: string) => LabelSet | undefined {
  const clear = work.rule.clear;
  if (!clear) return set => set;
  const names = compile(clear.logic).names;
  if (names.join() === compile(work.rule.when.logic).names.join()) return set => set;
  const byKey = new Map((labelSets(work.scope, names) ?? sets).map(set => [groupKey(set.labels), set]));
  return (_, key) => byKey.get(key);
}

function seen(work: Work, when: unknown, clearSet: LabelSet | undefined): Seen {
  const known = typeof when === 'boolean' ? when : undefined;
  if (!work.rule.clear)
    return { when: known, clear: known === undefined ? undefined : !known, vanished: false };
  const clear = compile(work.rule.clear.logic).evaluate(work.scope, clearSet);
  return { when: known, clear: typeof clear === 'boolean' ? clear : undefined, vanished: false };
}

function one(
  work: Work,
  labels: Labels,
  set: LabelSet | undefined,
  state: RuleState | undefined,
  given?: Seen,
): void {
  const { draft, policy, rule, scope } = work;
  const found = given ?? seen(work, compile(rule.when.logic).evaluate(scope, set), set);
  const key = groupKey(labels);
  const timing = { ...rule, everyMs: policy.everyMs };
  const gap = draft.own.gap?.to === draft.at ? draft.own.gap : undefined;
  const next = advance(state, found, timing, draft.at, gap);
  const verdict = verdictOf(work, labels, set, found);
  if (work.verdicts.size < MOST_VERDICTS) work.verdicts.set(key, verdict);
  if (next.opens && found.when === true) confirm(rule.when.logic, scope, set, true);
  const cause = causeOf(policy, rule.name, key);
  let from = state?.state ?? ('ok' as const);
  for (const change of next.changes) {
    emit(draft, { kind: 'transition', cause, labels, from, ...change, verdict });
    from = change.to;
  }
  if (next.opens) open(work, labels, key, verdict);
  if (next.ends && state?.episode !== undefined)
    end(draft, draft.own.episodes[state.episode], next.ends, cause);
}

function verdictOf(work: Work, labels: Labels, set: LabelSet | undefined, found: Seen): Verdict {
  const { rule, policy, scope } = work;
  const answer = found.vanished || found.when === undefined ? 'unknown' : found.when ? 'breach' : 'ok';
  const why = found.vanished
    ? { operands: [], clause: 'the label set has vanished', members: {} }
    : explain(rule.when.logic, scope, set);
  return { policy: policy.policy, rule: rule.name, labels, answer, ...why };
}

function open(work: Work, labels: Labels, key: string, verdict: Verdict): void {
  const { draft, policy, rule, scope } = work;
  emit(draft, {
    kind: 'episode-opened',
    cause: causeOf(policy, rule.name, key),
    labels,
    mode: policy.mode,
    actingHash: policy.actingHash,
    before: scalarsOf(scope.observations),
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
  const finished = episode.sequence.endedAt !== undefined;
  emit(draft, {
    kind: 'episode-ended',
    cause,
    episode: episode.id,
    how: how === 'cleared' && !finished ? 'self-cleared' : how,
  });
}
