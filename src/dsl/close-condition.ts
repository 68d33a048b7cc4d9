/** The conditions of a policy where they stand: what each may name there, and that it gives one answer where one is due. Pure. */
import type { Condition, Json, ObservationSpec } from '../model.ts';
import { type Closing, type NamedStep, refuse } from './closing.ts';
import { type CheckedCondition, checkCondition } from './condition.ts';
import { targetSpecOf } from './constant.ts';
import type { ConditionText } from './rule-fields.ts';
import type { Path } from './source.ts';
import type { Names, Observed } from './variable.ts';

/** What conditions may know of the observations; undefined for those with mistakes of their own. */
export type Observeds = ReadonlyMap<string, Observed | undefined>;

/** Where a condition stands. */
export interface Standing {
  readonly steps: readonly NamedStep[];
  /** How many of the steps have run by then. */
  readonly ran: number;
  readonly observed: Observeds;
  /** The words for it, such as `when`. */
  readonly where: string;
  /** True once there is an episode. */
  readonly before?: boolean;
  /** Labels of the group that it is asked for. */
  readonly labels?: readonly string[];
}

/** The checked condition at a path; undefined after noting its mistakes. */
export function closeCondition(
  closing: Closing,
  written: ConditionText,
  path: Path,
  standing: Standing,
): CheckedCondition | undefined {
  const { checked, diagnostics } = checkCondition(
    written as Json,
    namesAt(closing, standing),
    index => closing.source.within(path, index),
    deeper => closing.source.at([...path, ...deeper]),
  );
  closing.diagnostics.push(...diagnostics);
  return checked;
}

/** The same where one answer is due: of a vector there is one only in a group. */
export function closeSingle(
  closing: Closing,
  written: ConditionText,
  path: Path,
  standing: Standing,
): CheckedCondition | undefined {
  const found = closeCondition(closing, written, path, standing);
  const grouped = standing.labels !== undefined && standing.labels.length > 0;
  if (found?.vector && !grouped)
    refuse(
      closing,
      path,
      `${standing.where} has one answer per label set of ${vectorsOf(found).join(', ')}; expected one answer, by a reducer such as max or count`,
    );
  return found;
}

function namesAt(closing: Closing, standing: Standing): Names {
  const { steps, ran, observed, where } = standing;
  return {
    observations: knownOf(observed),
    broken: [...brokenOf(closing, observed), ...closing.lacking.params.map(name => `params.${name}`)],
    steps: new Map(steps.slice(0, ran).map(step => [step.id, step.outputs])),
    allSteps: steps.map(step => step.id),
    before: standing.before === true,
    params: closing.params,
    labels: standing.labels ?? [],
    target: closing.target,
    targetSpec: targetSpecOf(closing),
    where,
  };
}

/** Those without mistakes. */
export function knownOf(observed: Observeds): ReadonlyMap<string, Observed> {
  return new Map([...observed].flatMap(([name, one]) => (one ? [[name, one] as const] : [])));
}

/** Those with mistakes, which are told where they stand. */
export function brokenOf(closing: Closing, observed: Observeds): readonly string[] {
  return [...closing.lacking.observations, ...[...observed].flatMap(([name, one]) => (one ? [] : [name]))];
}

/** The vectors that it reads without a reducer. */
export function vectorsOf({ reducers }: CheckedCondition): readonly string[] {
  return [...new Set(reducers.filter(one => one.reducer === 'each').flatMap(one => one.observations))];
}

/**
 * A condition that counts the absence of what is expected to be present as a breach, or, when `breach` is false, is never true
 * without it. The text says so too.
 */
export function withPresence(
  closing: Closing,
  found: CheckedCondition,
  observed: Observeds,
  breach: boolean,
): Condition {
  const expected = found.observations.filter(name => closing.spec.observe[name]?.expect === 'present');
  if (expected.length === 0) return found.condition;
  const each = vectorsOf(found);
  const clauses = expected.flatMap(name => {
    const reduced = observed.get(name)?.vector === true && !each.includes(name);
    const sides = observed.get(name)?.sides ? [`${name}.canary`, `${name}.baseline`] : [name];
    return sides.map(path => presence(path, reduced, breach));
  });
  const { text, logic, position } = found.condition;
  const word = breach ? 'or' : 'and';
  return {
    text: [`(${text})`, ...clauses.map(one => one.text)].join(` ${word} `),
    logic: { [word]: [logic, ...clauses.map(one => one.logic)] },
    position,
  };
}

/** Of a vector that is reduced, one set that is there is presence. */
function presence(
  path: string,
  reduced: boolean,
  breach: boolean,
): { readonly logic: Json; readonly text: string } {
  const there: Json = { exists: [{ var: path }] };
  const logic: Json = reduced ? { reduce: ['any', there] } : there;
  const text = reduced ? `any(exists(${path}))` : `exists(${path})`;
  return breach ? { logic: { '!': [logic] }, text: `not ${text}` } : { logic, text };
}

/** The observations with the numbers that the conditions compare them with. */
export function withThresholds(
  specs: ReadonlyMap<string, ObservationSpec>,
  conditions: readonly CheckedCondition[],
): Record<string, ObservationSpec> {
  return Object.fromEntries(
    [...specs].map(([name, spec]) => {
      const found = conditions.flatMap(one => one.thresholds[name] ?? []);
      return [name, { ...spec, thresholds: [...new Set(found)].sort((a, b) => a - b) }];
    }),
  );
}
