/** What a tick says of each label set or group of a rule that is not plainly ok, or was not. Pure. */
import type { Labels, Rule, RuleState } from '../model.ts';
import { compile } from './condition.ts';
import { groupLabels } from './groups.ts';
import { groupKey } from './ids.ts';
import { eachSet, type LabelSet, labelSets, type Scope } from './label-sets.ts';
import type { Seen } from './rule-states.ts';
import { worstFirst } from './worst.ts';

const UNKNOWN: Seen = { when: undefined, clear: undefined, vanished: false };
const VANISHED: Seen = { when: undefined, clear: undefined, vanished: true };

/** A rule with what it looks at. */
export interface Look {
  readonly rule: Rule;
  readonly scope: Scope;
  readonly states: Readonly<Record<string, RuleState>>;
}

export interface Finding {
  readonly key: string;
  readonly labels: Labels;
  /** The label set that decided: for a group, the worst that holds, else one that is not known. */
  readonly set: LabelSet | undefined;
  /** Of a group: the label sets that hold, worst first. */
  readonly held?: readonly LabelSet[];
  readonly seen: Seen;
}

/** In the order of their keys, whatever the order of the rows that a query gave. */
export function findings(look: Look): readonly Finding[] {
  return found(look).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function found(look: Look): Finding[] {
  const { rule, scope } = look;
  const names = compile(rule.when.logic).names;
  const vector = names.some(name => scope.observations[name]?.vector);
  // A rule that is a vector no more still has the label sets that it had.
  const bySet = vector || Object.keys(look.states).some(key => key !== '');
  if (!bySet) {
    const truth = compile(rule.when.logic).evaluate(scope);
    return [{ key: '', labels: {}, set: undefined, seen: seen(look, truth, undefined) }];
  }
  const there = new Set<string>();
  const sets = (rule.per ? grouped : present)(look, names, there);
  return sets === undefined ? notHad(look, names) : [...sets, ...absent(look, there)];
}

/**
 * A failed query makes every known label set unknown, and the vector as a whole. One that succeeded and gave nothing has
 * none of them any more.
 */
function notHad({ states, scope }: Look, names: readonly string[]): Finding[] {
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
function present(look: Look, names: readonly string[], there: Set<string>): Finding[] | undefined {
  const { rule, scope, states } = look;
  const mayBeKnown = knownBy(states);
  const evaluate = compile(rule.when.logic).over(scope);
  const clearSets = clearLookup(look);
  const found: Finding[] = [];
  const had = eachSet(scope, names, (labels, readings) => {
    const truth = evaluate(readings);
    // The common case costs no key and no allocation: a known no of a set that is not tracked.
    if (truth === false && !mayBeKnown(labels)) return;
    const key = groupKey(labels);
    if (states[key] !== undefined) there.add(key);
    else if (truth === false) return;
    const set = { labels, readings: [...readings] };
    found.push({ key, labels, set, seen: seen(look, truth, clearSets(set, key)) });
  });
  return had ? found : undefined;
}

/** Sets of one group, gathered while they are visited. */
interface Gathered {
  readonly labels: Labels;
  when: boolean | undefined;
  clear: boolean | undefined;
  readonly held: LabelSet[];
  /** Known not to hold: what a group that is clear is explained by. */
  readonly rest: LabelSet[];
  open: LabelSet | undefined;
}

/**
 * The groups of a rule with `per`: one fires while any of its label sets does (Kleene), and is clear when all of them are.
 * `there` takes the keys of the known groups that have a label set.
 */
function grouped(look: Look, names: readonly string[], there: Set<string>): Finding[] | undefined {
  const { rule, scope, states } = look;
  const evaluate = compile(rule.when.logic).over(scope);
  const groups = new Map<string, Gathered>();
  const had = eachSet(scope, names, (all, readings) => {
    const truth = known(evaluate(readings));
    const labels = groupLabels(all, rule.per ?? []);
    const key = groupKey(labels);
    if (truth === false && states[key] === undefined && !groups.has(key)) return;
    const group = groups.get(key) ?? {
      labels,
      when: false,
      clear: true,
      held: [],
      rest: [],
      open: undefined,
    };
    groups.set(key, group);
    gather(group, truth, () => ({ labels: all, readings: [...readings] }));
  });
  if (!had) return undefined;
  const clear = rule.clear && groupsClear(look, rule.clear.logic);
  return [...groups].map(([key, group]) => {
    if (states[key] !== undefined) there.add(key);
    const { labels, when, open, rest } = group;
    const held = worstFirst(rule.when.logic, scope, group.held);
    const shown = held[0] ?? open ?? worstFirst(rule.when.logic, scope, rest)[0];
    const seen: Seen = { when, clear: clear ? clear(key) : group.clear, vanished: false };
    return { key, labels, set: shown, held, seen };
  });
}

function gather(group: Gathered, truth: boolean | undefined, set: () => LabelSet): void {
  if (truth === true) {
    group.when = true;
    group.clear = false;
    group.held.push(set());
  } else if (truth === undefined) {
    const unknown = set();
    // Not the first one: the order of rows decides nothing.
    if (!group.open || groupKey(unknown.labels) < groupKey(group.open.labels)) group.open = unknown;
    if (group.when === false) group.when = undefined;
    if (group.clear === true) group.clear = undefined;
  } else group.rest.push(set());
}

/** By group: true when `clear` holds for all of its label sets, unknown for a group that it has none of. */
function groupsClear(
  { rule, scope }: Look,
  logic: Rule['when']['logic'],
): (key: string) => boolean | undefined {
  const compiled = compile(logic);
  if (!compiled.names.some(name => scope.observations[name]?.vector)) {
    const whole = known(compiled.evaluate(scope));
    return () => whole;
  }
  const answers = new Map<string, boolean | undefined>();
  for (const set of labelSets(scope, compiled.names) ?? []) {
    const key = groupKey(groupLabels(set.labels, rule.per ?? []));
    const answer = known(compiled.evaluate(scope, set));
    const before = answers.has(key) ? answers.get(key) : true;
    answers.set(key, before === false || answer === false ? false : before === true ? answer : before);
  }
  return key => answers.get(key);
}

function known(truth: unknown): boolean | undefined {
  return typeof truth === 'boolean' ? truth : undefined;
}

/** A quick no for most label sets: the value of one label tells that no known set is the same. */
function knownBy(states: Look['states']): (labels: Labels) => boolean {
  const tracked = Object.values(states);
  if (tracked.length === 0) return () => false;
  const [name = ''] = tracked.flatMap(({ labels }) => Object.keys(labels));
  const values = new Set(tracked.map(({ labels }) => labels[name]));
  return labels => values.has(labels[name]);
}

/** Label sets that are known and not there. The unknown whole of a vector that can be had again is over. */
function absent({ states }: Look, there: ReadonlySet<string>): Finding[] {
  return Object.entries(states).flatMap(([key, { labels, phase }]) => {
    if (there.has(key)) return [];
    const over = key === '' && phase !== 'firing';
    const gone = over ? { when: false, clear: true, vanished: false } : VANISHED;
    return [{ key, labels, set: undefined, seen: gone }];
  });
}

/** `clear` may read other observations than `when`: its label sets are matched by key. */
function clearLookup(look: Look): (set: LabelSet, key: string) => LabelSet | undefined {
  const clear = look.rule.clear;
  if (!clear) return set => set;
  const names = compile(clear.logic).names;
  if (names.join() === compile(look.rule.when.logic).names.join()) return set => set;
  const sets = labelSets(look.scope, names) ?? [];
  const byKey = new Map(sets.map(set => [groupKey(set.labels), set]));
  return (_, key) => byKey.get(key);
}

function seen(look: Look, when: unknown, clearSet: LabelSet | undefined): Seen {
  const fires = known(when);
  if (!look.rule.clear)
    return { when: fires, clear: fires === undefined ? undefined : !fires, vanished: false };
  const clear = compile(look.rule.clear.logic).evaluate(look.scope, clearSet);
  return { when: fires, clear: known(clear), vanished: false };
}
