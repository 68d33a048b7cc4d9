/** The rules of one policy, each by itself: conditions that are decided beforehand, steps that never run, duplicates. Pure. */
import type { Rule, StepSpec } from '../model.ts';
import { clearFindings } from './lint-clear.ts';
import { conditionFindings, type Judged } from './lint-condition.ts';
import { questionOf } from './lint-conflict.ts';
import { type Finding, finding, type LintedPolicy, type LintedRule } from './lint-finding.ts';
import { timingFindings } from './lint-timing.ts';
import type { Vocabulary } from './lint-words.ts';

export function ruleFindings(policy: LintedPolicy, vocabulary: Vocabulary): readonly Finding[] {
  return [
    ...policy.rules.flatMap(linted => [
      ...conditionsOf(linted, policy).flatMap(one => conditionFindings(one, vocabulary)),
      ...clearFindings(linted, policy, vocabulary),
      ...timingFindings(linted, policy, vocabulary),
      ...repeatedSteps(linted.rule),
    ]),
    ...neededFindings(policy, vocabulary),
    ...sameObservations(policy),
  ];
}

/** The conditions of a rule with what becomes of them; `clear` is looked at beside `when`. */
function conditionsOf({ rule, path }: LintedRule, { source }: LintedPolicy): readonly Judged[] {
  const steps = rule.then.flatMap((step, i) => stepConditions(rule, step, i));
  if (rule.gate)
    return [
      {
        condition: rule.when,
        rule: 'dead-gate',
        never: 'the gate never closes',
        always: 'the gate never opens',
        position: source.at([...path, 'gate', 'closed']),
      },
      ...(rule.gate.on === 'rollout' && rule.gate.needs
        ? [{ condition: rule.gate.needs, rule: 'dead-needs' as const, never: 'no hold is ever judged' }]
        : []),
    ];
  return [
    {
      condition: rule.when,
      rule: 'dead-rule',
      never: 'the rule never fires',
      always: 'the rule always fires',
    },
    ...(rule.verify
      ? [
          {
            condition: rule.verify.that,
            rule: 'dead-verify' as const,
            never: 'every remedy counts as one that did not help',
            always: 'every remedy counts as one that helped',
          },
        ]
      : []),
    ...steps,
  ];
}

function stepConditions(rule: Rule, step: StepSpec, index: number): readonly Judged[] {
  const later = rule.then.slice(index + 1).map(one => one.id);
  const after =
    later.length === 0
      ? ''
      : `, and ${later.join(', ')} after it never ${later.length === 1 ? 'runs' : 'run'}`;
  const stops =
    step.onNotMet === 'stop' ? 'the sequence always stops' : 'the sequence always ends by escalating';
  return [
    ...(step.if
      ? [{ condition: step.if, rule: 'dead-step' as const, never: `step ${step.id} never runs` }]
      : []),
    ...(step.require
      ? [{ condition: step.require, rule: 'dead-step' as const, never: `${stops} before ${step.id}${after}` }]
      : []),
  ];
}

/** What an observation needs to be taken for its value. */
function neededFindings({ closed }: LintedPolicy, vocabulary: Vocabulary): readonly Finding[] {
  return Object.values(closed.observe).flatMap(({ name, needs }) =>
    needs === undefined
      ? []
      : conditionFindings(
          {
            condition: needs,
            rule: 'dead-needs',
            never: `${name} is never known`,
            always: 'it proves nothing',
          },
          vocabulary,
        ),
  );
}

/** Messages may be repeated on purpose; what acts on the same thing in the same way may not. */
function repeatedSteps({ then }: Rule): readonly Finding[] {
  return then.flatMap((step, i) => {
    const before = then[i - 1];
    if (before === undefined || contentOf(before) !== contentOf(step)) return [];
    const message = `step ${step.id} does what ${before.id} right before it does; expected it once`;
    return [finding('duplicate', step.position, message)];
  });
}

function contentOf({ verb, args, if: condition }: StepSpec): string {
  return JSON.stringify([verb, args, condition?.logic ?? null]);
}

function sameObservations({ closed }: LintedPolicy): readonly Finding[] {
  const all = Object.values(closed.observe);
  return all.flatMap((spec, i) => {
    const first = all.slice(0, i).find(one => questionOf(one) === questionOf(spec));
    if (first === undefined) return [];
    const message = `${spec.name} is ${first.name} under another name; expected it once`;
    return [finding('duplicate', spec.position, message)];
  });
}
