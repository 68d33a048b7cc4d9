/** What a PolicyTest expects, against its policy: rules, label sets and verbs that are there. Pure. */
import type { ClosedPolicy, Json, Rule } from '../model.ts';
import { oneOf } from './diagnostic.ts';
import type { Expectation } from './policy-test.ts';
import type { Path } from './source.ts';
import { refuse, refuseName, type Testing } from './testing.ts';

/** Notes what the expectations name and is not there. */
export function checkExpectations(testing: Testing, policy: ClosedPolicy): void {
  for (const [i, expected] of testing.spec.expect.entries()) {
    const path = ['spec', 'expect', i];
    const rule = ruleOf(testing, policy, expected, path);
    if (rule) {
      checkLabels(testing, policy, rule, expected, path);
      if (expected.gate !== undefined && rule.gate === undefined)
        refuse(testing, [...path, 'gate'], `rule ${rule.name} is no gate; expected a rule with gate`);
    }
    checkVerbs(testing, expected, path);
  }
}

function ruleOf(testing: Testing, policy: ClosedPolicy, expected: Expectation, path: Path): Rule | undefined {
  const names = policy.rules.map(rule => rule.name);
  if (expected.rule === undefined) {
    if (names.length === 1) return policy.rules[0];
    const message = `rule is missing; expected ${oneOf(names)}, as policy ${policy.policy} has several`;
    return refuse(testing, path, message);
  }
  const found = policy.rules.find(rule => rule.name === expected.rule);
  const message = `policy ${policy.policy} has no rule ${expected.rule}`;
  return found ?? refuseName(testing, [...path, 'rule'], message, expected.rule, names);
}

/** A rule on vectors has a state for each label set, and one on single values has one. */
function checkLabels(
  testing: Testing,
  policy: ClosedPolicy,
  rule: Rule,
  expected: Expectation,
  path: Path,
): void {
  const known = rule.per ?? labelsOf(testing, policy, rule);
  const given = Object.keys(expected.labels ?? {});
  if (known.length === given.length && given.every(one => known.includes(one))) return;
  const what =
    known.length === 0 ? 'none: the rule has one state' : `{ ${known.map(one => `${one}: …`).join(', ')} }`;
  const found = given.length === 0 ? 'missing' : `{ ${given.map(one => `${one}: …`).join(', ')} }`;
  refuse(testing, given.length === 0 ? path : [...path, 'labels'], `labels are ${found}; expected ${what}`);
}

/** Labels of the vectors that no reducer of the condition stands around. */
function labelsOf(testing: Testing, policy: ClosedPolicy, rule: Rule): readonly string[] {
  const found = new Set<string>();
  const walk = (logic: Json): void => {
    if (logic === null || typeof logic !== 'object') return;
    if (Array.isArray(logic)) {
      for (const one of logic) walk(one as Json);
      return;
    }
    for (const [op, args] of Object.entries(logic as { readonly [key: string]: Json })) {
      if (op === 'reduce') continue;
      if (op !== 'var') walk(args);
      const name = String(Array.isArray(args) ? args[0] : args).split('.')[0] ?? '';
      const spec = op === 'var' ? policy.observe[name] : undefined;
      const evaluator = spec && testing.catalogue.evaluators[spec.evaluator];
      for (const label of spec && evaluator ? evaluator.labelNames(spec.args) : []) found.add(label);
    }
  };
  walk(rule.when.logic);
  return [...found];
}

function checkVerbs(testing: Testing, expected: Expectation, path: Path): void {
  const verbs = Object.keys(testing.catalogue.verbs);
  const check = (verb: string | undefined, at: Path) => {
    if (verb !== undefined && !verbs.includes(verb))
      refuseName(testing, at, `there is no verb ${verb}`, verb, verbs);
  };
  check(expected.verb, [...path, 'verb']);
  for (const [j, action] of (expected.actions ?? []).entries())
    check(action.verb, [...path, 'actions', j, 'verb']);
}
