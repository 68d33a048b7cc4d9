/** Verdicts and transitions of one rule at a due tick: every label set, known or new. Pure but for the draft. */
import type { Cause, ClosedPolicy, Episode, Labels, Rule, RuleState, Verdict } from '../model.ts';
import { compile } from './condition.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { confirm, explain, scalarsOf } from './explain.ts';
import { groupKey } from './ids.ts';
import { judge } from './judge.ts';
import { eachSet, type LabelSet, labelSets, type Scope } from './label-sets.ts';
import { isAside } from './records.ts';
import { type Advance, advance, type Seen } from './rule-states.ts';
import { frozenReferences } from './wants.ts';

/** Verdicts by group key. Only those of label sets that are not plainly ok are explained, and at most this many kept. */
const MOST_VERDICTS = 500;

const NO_STATES: Readonly<Record<string, RuleState>> = {};
const UNKNOWN: Seen = { when: undefined, clear: undefined, vanished: false };
const VANISHED: Seen = { when: undefined, clear: undefined, vanished: true };

interface Work {
  readonly draft: Draft;
  readonly policy: ClosedPolicy;
  readonly rule: Rule;
  readonly scope: Scope;
  readonly states: Readonly<Record<string, RuleState>>;
  readonly verdicts: Map<string, Verdict>;
}

/** What a tick says of one label set that is not plainly ok, or was not. */
interface Finding {
  readonly key: string;
  readonly labels: Labels;
  readonly set: LabelSet | undefined;
  readonly seen: Seen;
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
  // Entries come in the order of the keys, whatever the order of the rows that a query gave.
  const found = findings(work).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  for (const finding of found) move(work, finding);
  return work.verdicts;
}

function findings(work: Work): Finding[] {
  const { rule, scope } = work;
  const names = compile(rule.when.logic).names;
  const vector = names.some(name => scope.observations[name]?.vector);
  // A rule that is a vector no more still has the label sets that it had.
  const known = vector || Object.keys(work.states).some(key => key !== '');
  if (!known) {
    const truth = compile(rule.when.logic).evaluate(scope);
    return [{ key: '', labels: {}, set: undefined, seen: seen(work, truth, undefined) }];
  }
  const there = new Set<string>();
  const found = present(work, names, there);
  return found === undefined ? notHad(work, names) : [...found, ...absent(work, there)];
}

/**
 * A failed query makes every known label set unknown, and the vector as a whole. One that succeeded and gave nothing has
 * none of them any more.
 */
function notHad({ states, scope }: Work, names: readonly string[]): Finding[] {
  const empty = names.every(name => {
    const observation = scope.observations[name];
    return observation !== undefined && (observation.unknown?.reason ?? 'absent') === 'absent';
  });
  const sets = Object.entries(states).filter(([key]) => key !== '');
  return [
    { key: '', labels: {}, set: undefined, seen: UNKNOWN },
    ...sets.map(([key, { labels }]) => ({ key, labels, set: undefined, seen: empty ? VANISHED : UNKNOWN })),
  ];
}

/** `there` takes the keys of the known label sets that are present. Undefined when the vectors were not had. */
function present(work: Work, names: readonly string[], there: Set<string>): Finding[] | undefined {
  const { rule, scope, states } = work;
  const mayBeKnown = knownBy(states);
  const evaluate = compile(rule.when.logic).over(scope);
  const clearSets = clearLookup(work);
  const found: Finding[] = [];
  const had = eachSet(scope, names, (labels, readings) => {
    const truth = evaluate(readings);
    // The common case costs no key and no allocation: a known no of a set that is not tracked.
    if (truth === false && !mayBeKnown(labels)) return;
    const key = groupKey(labels);
    if (states[key] !== undefined) there.add(key);
    else if (truth === false) return;
    const set = { labels, readings: [...readings] };
    found.push({ key, labels, set, seen: seen(work, truth, clearSets(set, key)) });
  });
  return had ? found : undefined;
}

/** A quick no for most label sets: the value of one label tells that no known set is the same. */
function knownBy(states: Work['states']): (labels: Labels) => boolean {
  const known = Object.values(states);
  if (known.length === 0) return () => false;
  const [name = ''] = known.flatMap(({ labels }) => Object.keys(labels));
  const values = new Set(known.map(({ labels }) => labels[name]));
  return labels => values.has(labels[name]);
}

/** Label sets that are known and not there. The unknown whole of a vector that can be had again is over. */
function absent({ states }: Work, there: ReadonlySet<string>): Finding[] {
  return Object.entries(states).flatMap(([key, { labels, phase }]) => {
    if (there.has(key)) return [];
    const over = key === '' && phase !== 'firing';
    const gone = over ? { when: false, clear: true, vanished: false } : VANISHED;
    return [{ key, labels, set: undefined, seen: gone }];
  });
}

/** `clear` may read other observations than `when`: its label sets are matched by key. */
function clearLookup(work: Work): (set: LabelSet, key: string) => LabelSet | undefined {
  const clear = work.rule.clear;
  if (!clear) return set => set;
  const names = compile(clear.logic).names;
  if (names.join() === compile(work.rule.when.logic).names.join()) return set => set;
  const sets = labelSets(work.scope, names) ?? [];
  const byKey = new Map(sets.map(set => [groupKey(set.labels), set]));
  return (_, key) => byKey.get(key);
}

function seen(work: Work, when: unknown, clearSet: LabelSet | undefined): Seen {
  const known = typeof when === 'boolean' ? when : undefined;
  if (!work.rule.clear)
    return { when: known, clear: known === undefined ? undefined : !known, vanished: false };
  const clear = compile(work.rule.clear.logic).evaluate(work.scope, clearSet);
  return { when: known, clear: typeof clear === 'boolean' ? clear : undefined, vanished: false };
}

function move(work: Work, { key, labels, set, seen: found }: Finding): void {
  const { draft, policy, rule, scope, states } = work;
  const state = states[key];
  const timing = { ...rule, everyMs: policy.everyMs };
  const next = advance(state, found, timing, draft.at, draft.gap);
  const kept = work.verdicts.size < MOST_VERDICTS;
  if (!kept && next.changes.length === 0) return;
  const verdict = verdictOf(work, labels, set, found);
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

function verdictOf(work: Work, labels: Labels, set: LabelSet | undefined, found: Seen): Verdict {
  const { rule, policy, scope } = work;
  const answer = found.vanished || found.when === undefined ? 'unknown' : found.when ? 'breach' : 'ok';
  const why = found.vanished
    ? { operands: [], clause: 'the label set has vanished', members: {} }
    : explain(rule.when.logic, scope, set);
  return { policy: policy.policy, rule: rule.name, labels, answer, ...why };
}

function open(work: Work, labels: Labels, cause: Cause, verdict: Verdict): void {
  const { draft, policy, scope } = work;
  emit(draft, {
    kind: 'episode-opened',
    cause,
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
