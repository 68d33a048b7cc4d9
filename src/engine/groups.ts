/** Groups: which label sets belong to one, what its conditions see, and how many may act at once. Pure. */
import type {
  ClosedPolicy,
  Episode,
  Json,
  Labels,
  Observation,
  Own,
  Reading,
  Rule,
  Scalar,
} from '../model.ts';
import { compile } from './condition.ts';
import { scalarsOf } from './explain.ts';
import { type LabelSet, labelSets, type Scope } from './label-sets.ts';
import { isLive } from './records.ts';

/** How many groups of a rule have a sequence under way at once, unless it says otherwise. */
const MAX_GROUPS = 5;

/** The labels of the group that a label set belongs to. A label that is not there is empty, as in PromQL. */
export function groupLabels(labels: Labels, per: readonly string[]): Labels {
  return Object.fromEntries(per.map(name => [name, labels[name] ?? '']));
}

/**
 * The scope of a group's own conditions: vectors hold only the label sets that agree with the group on the labels they
 * share. The whole target sees everything.
 */
export function scopeOfGroup(scope: Scope, labels: Labels): Scope {
  if (Object.keys(labels).length === 0) return scope;
  const observations = Object.fromEntries(
    Object.entries(scope.observations).map(([name, one]) => [name, one.vector ? ofGroup(one, labels) : one]),
  );
  return { ...scope, observations, labels };
}

function ofGroup(vector: Observation, labels: Labels): Observation {
  const names = Object.keys(labels);
  const belongs = (reading: Reading) =>
    names.every(name => !Object.hasOwn(reading.labels, name) || reading.labels[name] === labels[name]);
  return { ...vector, readings: vector.readings.filter(belongs) };
}

/** What `before` will hold: scalars, and of a group the vectors in which it has exactly one label set. */
export function beforeOf(scope: Scope, labels: Labels): Record<string, Scalar> {
  const seen = scopeOfGroup(scope, labels);
  if (seen === scope) return scalarsOf(scope.observations);
  const single = Object.entries(seen.observations).map(([name, one]) => [
    name,
    one.vector && one.readings.length === 1 ? { ...one, vector: false } : one,
  ]);
  return scalarsOf(Object.fromEntries(single));
}

/** An answer, and the label set that decided it; none of the whole target or when there is no label set. */
export interface Answer {
  readonly answer: boolean | undefined;
  readonly set: LabelSet | undefined;
}

/**
 * Whether a group's condition holds: for a vector, of every label set of the group (Kleene), so that one bad set is enough
 * to say no. Unknown when there is none: nothing was measured. `scope` is the group's.
 */
export function answerOf(logic: Json, scope: Scope): Answer {
  const compiled = compile(logic);
  const vector = compiled.names.some(name => scope.observations[name]?.vector);
  if (!vector || scope.labels === undefined)
    return { answer: known(compiled.evaluate(scope)), set: undefined };
  const sets = labelSets(scope, compiled.names) ?? [];
  let open: LabelSet | undefined;
  for (const set of sets) {
    const answer = known(compiled.evaluate(scope, set));
    if (answer === false) return { answer, set };
    if (answer === undefined) open ??= set;
  }
  if (open || sets.length === 0) return { answer: undefined, set: open };
  return { answer: true, set: sets[0] };
}

function known(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** The limit that keeps a group from beginning now: as many others of its rule have a sequence under way. */
export function crowdedBy(own: Own, rule: Rule | undefined, episode: Episode): number | undefined {
  if (rule?.per === undefined || isUnderWay(own, episode)) return undefined;
  const { policy, rule: name } = episode.cause;
  const most = rule.maxGroups ?? MAX_GROUPS;
  let under = 0;
  for (const other of Object.values(own.episodes)) {
    if (other.cause.policy === policy && other.cause.rule === name && isUnderWay(own, other)) under++;
  }
  return under >= most ? most : undefined;
}

/** Asked, acting, between steps, or to be judged; of an ended episode, while its action runs. */
function isUnderWay(own: Own, { ended, sequence }: Episode): boolean {
  const record = own.actions[sequence.action ?? ''];
  if (ended) return record !== undefined && isLive(record);
  if (sequence.status === 'stalled' || sequence.status === 'done') return false;
  return sequence.status !== 'ready' || sequence.acted;
}

/** How a rule is named: by its policy alone while that has one rule, else `policy/rule`. */
export function ruleName(policy: Pick<ClosedPolicy, 'policy' | 'rules'>, rule: string): string {
  return policy.rules.length > 1 ? `${policy.policy}/${rule}` : policy.policy;
}
