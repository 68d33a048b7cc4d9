/** What a change takes away of protection, over all files of two commits: what a proposal says in its first line. Pure. */
import { canonical } from '../canonical.ts';
import type { Compiled } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { ClosedPolicy, Condition, Floor, Json, Labels, Rule } from '../model.ts';
import { movedNumbers } from './looser.ts';
import { policyChanges } from './policy-diff.ts';

/**
 * One line each, without doubles: policies and steps that are gone, guards, gates, approvals and modes that are lowered,
 * conditions that hold more seldom, tests that are gone or expect less, and targets that leave a floor of daemon.yaml.
 */
export function weakeningsOf(
  before: Compiled,
  after: Compiled,
  floors: readonly Floor[] = [],
): readonly string[] {
  const fields = policyChanges(before, after).flatMap(({ policy, target, change, fields }) => {
    if (change === 'removed' || change === 'broken') return [`${policy} on ${target} is ${change}`];
    return fields.flatMap(({ path, weakens }) =>
      weakens === undefined ? [] : [`${policy} on ${target}: ${path}: ${weakens}`],
    );
  });
  const now = new Map(after.closed.map(one => [keyOf(one), one]));
  const rules = before.closed.flatMap(one => {
    const other = now.get(keyOf(one));
    return other ? one.rules.flatMap(rule => lessOf(rule, other).map(why => `${titleOf(one)}: ${why}`)) : [];
  });
  return [
    ...new Set([...fields, ...rules, ...lostTests(before, after), ...leftFloors(before, after, floors)]),
  ];
}

function keyOf({ policy, target }: ClosedPolicy): string {
  return `${policy} ${chainOf(target)}`;
}

function titleOf({ policy, target }: ClosedPolicy): string {
  return `${policy} on ${chainOf(target)}`;
}

/** What one rule does less than it did. */
function lessOf(rule: Rule, { rules }: ClosedPolicy): readonly string[] {
  const now = rules.find(one => one.name === rule.name);
  if (now === undefined) return [`rule ${rule.name} is gone`];
  const steps = rule.then.filter(step => !now.then.some(one => one.id === step.id && one.verb === step.verb));
  return [
    ...steps.map(step => `step ${step.id} (${step.verb}) is gone`),
    ...moved(rule.when, now.when, rule.gate ? 'closed' : 'when', true),
    ...moved(rule.verify?.that, now.verify?.that, 'verify', false),
    ...rule.then.flatMap(step => {
      const same = now.then.find(one => one.id === step.id);
      return moved(step.require, same?.require, `require of ${step.id}`, false);
    }),
    ...(rule.gate && now.gate === undefined ? ['it is no gate any more'] : []),
  ];
}

/** Conditions that hold more seldom (`harder`), or more easily, than they did. */
function moved(
  before: Condition | undefined,
  after: Condition | undefined,
  what: string,
  harder: boolean,
): readonly string[] {
  if (!before || !after) return [];
  const how = harder ? 'it holds more seldom' : 'it is met more easily';
  return (movedNumbers(before.logic, after.logic) ?? [])
    .filter(one => one.harder === harder)
    .map(one => `${what}: ${one.text}: ${how}`);
}

function lostTests(before: Compiled, after: Compiled): readonly string[] {
  return before.tests.flatMap(({ name, test }) => {
    const now = after.tests.find(one => one.name === name);
    if (now === undefined) return [`test ${name} is removed`];
    if (test === undefined) return [];
    if (now.test === undefined) return [`test ${name} can run no more`];
    const expects = (spec: object) =>
      ((spec as { expect?: readonly Json[] }).expect ?? []).map(one => canonical(one));
    const left = expects(now.test.spec);
    const lost = expects(test.spec).filter(one => !left.includes(one)).length;
    return lost === 0
      ? []
      : [`test ${name}: ${lost} of its expectations ${lost === 1 ? 'is' : 'are'} gone or changed`];
  });
}

/** A floor on labels binds whoever has them: without them the target is free of it. */
function leftFloors(before: Compiled, after: Compiled, floors: readonly Floor[]): readonly string[] {
  const has = (labels: Labels, wanted: Labels) =>
    Object.entries(wanted).every(([key, value]) => labels[key] === value);
  const [old, now] = [labelsOf(before), labelsOf(after)];
  return floors.flatMap(({ name, labels }) =>
    labels === undefined
      ? []
      : [...old].flatMap(([chain, own]) =>
          has(own, labels) && now.has(chain) && !has(now.get(chain) ?? {}, labels)
            ? [`floor ${name} of daemon.yaml no longer binds ${chain}: its labels are others`]
            : [],
        ),
  );
}

function labelsOf({ closed }: Compiled): ReadonlyMap<string, Labels> {
  return new Map(
    closed.map(({ target, documents: { model, dataset } }) => [
      chainOf(target),
      model?.labels ?? dataset?.labels ?? {},
    ]),
  );
}
