/** The rules of a policy as they are written: the one of `spec` itself, or the named ones of `rules`. Pure. */
import type { PolicySpec, RuleText } from './policy.ts';
import type { Path } from './source.ts';

/** The name of a policy's one rule. */
export const ONE_RULE = 'rule';

/** One rule with where it stands. */
export interface WrittenRule {
  readonly name: string;
  /** What its gate is called in the closure; the same as `name` when it is nothing but a gate. */
  readonly gate: string;
  /** What others call it: `policy` or `policy/rule`. */
  readonly suffix: string;
  readonly path: Path;
  readonly text: RuleText;
}

/** The rules in their order. The one rule of `spec` is called `rule`, and its gate `gate`. */
export function writtenRules(spec: PolicySpec): readonly WrittenRule[] {
  if (spec.rules === undefined)
    return [{ name: ONE_RULE, gate: 'gate', suffix: '', path: ['spec'], text: spec }];
  return spec.rules.map((text, i) => ({
    name: text.name,
    gate: text.then === undefined ? text.name : `${text.name}.gate`,
    suffix: `/${text.name}`,
    path: ['spec', 'rules', i],
    text,
  }));
}

/** True when one of its rules is a gate on a rollout. */
export function hasRolloutGate(spec: PolicySpec): boolean {
  return writtenRules(spec).some(rule => rule.text.gate?.on === 'rollout');
}
