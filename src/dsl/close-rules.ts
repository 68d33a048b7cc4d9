/** The rules of a policy, closed for one target: observations, conditions, steps, verify and gates. Pure. */
import type { GuardSpec, ObservationSpec, Rule, StepSpec, VerifySpec } from '../model.ts';
import {
  brokenOf,
  closeCondition,
  closeSingle,
  knownOf,
  type Observeds,
  type Standing,
  withPresence,
  withThresholds,
} from './close-condition.ts';
import { closeGate } from './close-gate.ts';
import { closeGuard } from './close-guard.ts';
import { closeObservations } from './close-observe.ts';
import { closeStep, type NamedStep, nameSteps } from './close-step.ts';
import type { Closing } from './closing.ts';
import type { CheckedCondition } from './condition.ts';
import { constantOf } from './constant.ts';
import { checkGroups, labelsOf } from './groups.ts';
import { protect } from './protect.ts';
import type { ConditionText } from './rule-fields.ts';
import { checkRules, staleAfterOf } from './rule-words.ts';
import type { Path } from './source.ts';
import { type WrittenRule, writtenRules } from './written-rules.ts';

/** All rules of a policy with what they share. */
export interface ClosedRules {
  readonly rules: readonly Rule[];
  /** Of all rules, in order. */
  readonly steps: readonly NamedStep[];
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  readonly guard: GuardSpec;
}

const MAX_GROUPS = 5;

/** The rules of the policy; those with mistakes are noted and left out. A gate is a rule of its own. */
export function closeRules(closing: Closing, everyMs: number): ClosedRules {
  const written = writtenRules(closing.spec);
  checkRules(closing, written);
  const stepsOf = new Map(written.map(rule => [rule, nameSteps(closing, rule)] as const));
  const steps = [...stepsOf.values()].flat();
  const { specs, observed, needs } = closeObservations(closing, steps);
  const guard = closeGuard(closing, closing.spec.guard, [...new Set(steps.map(step => step.verb.name))]);
  const closed = written.map(rule => closeRule(closing, rule, stepsOf.get(rule) ?? [], observed, everyMs));
  const conditions = [...needs, ...closed.flatMap(one => one.conditions)];
  const observe = withThresholds(specs, conditions);
  for (const [i, { named, then, verify, verified, path }] of closed.entries()) {
    const verifies = written[i]?.text.verify !== undefined;
    protect(closing, { steps: named, closed: then, observe, verify, verified, path, verifies });
  }
  return { rules: closed.flatMap(one => one.rules), steps, observe, guard };
}

interface ClosedRule {
  /** The rule, its gate, both, or neither after mistakes. */
  readonly rules: readonly Rule[];
  readonly conditions: readonly CheckedCondition[];
  readonly path: Path;
  readonly named: readonly NamedStep[];
  readonly then: readonly StepSpec[];
  readonly verify: VerifySpec | undefined;
  /** Observations that `verify.that` reads. */
  readonly verified: readonly string[];
}

function closeRule(
  closing: Closing,
  written: WrittenRule,
  named: readonly NamedStep[],
  observed: Observeds,
  everyMs: number,
): ClosedRule {
  const { text, path } = written;
  const staleAfterMs = staleAfterOf(text, everyMs);
  const gate = closeGate(closing, written, observed, staleAfterMs);
  const conditions = closeConditions(closing, written, named, observed);
  const { when, clear, verify: that } = conditions;
  const then = closeSteps(closing, written, named, observed, conditions);
  const verify: VerifySpec | undefined = text.verify &&
    that && {
      that: that.condition,
      withinMs: text.verify.within,
      attempts: text.verify.attempts,
      otherwise: text.verify.otherwise,
    };
  const rule: Rule | undefined = when &&
    text.then && {
      name: written.name,
      when: withPresence(closing, when, observed, true),
      forMs: text.for ?? 0,
      ...(clear && { clear: withPresence(closing, clear, observed, false) }),
      keepForMs: text.keepFor ?? 0,
      staleAfterMs,
      ...(text.per && { per: text.per, maxGroups: text.maxGroups ?? MAX_GROUPS }),
      then,
      ...(verify && { verify }),
    };
  return {
    rules: [rule, gate?.rule].filter(one => one !== undefined),
    conditions: [...(gate?.conditions ?? []), ...conditions.all],
    path,
    named,
    then,
    verify,
    verified: that?.observations ?? [],
  };
}

interface Conditions {
  readonly when: CheckedCondition | undefined;
  readonly clear: CheckedCondition | undefined;
  readonly verify: CheckedCondition | undefined;
  /** By step id. */
  readonly if: ReadonlyMap<string, CheckedCondition>;
  readonly require: ReadonlyMap<string, CheckedCondition>;
  /** Labels of the group that is acted for. */
  readonly labels: readonly string[];
  readonly all: readonly CheckedCondition[];
}

function closeConditions(
  closing: Closing,
  { text, path }: WrittenRule,
  steps: readonly NamedStep[],
  observed: Observeds,
): Conditions {
  const first: Standing = { steps, ran: 0, observed, where: 'when' };
  const at = (key: string): Path => [...path, key];
  const when = text.when === undefined ? undefined : closeCondition(closing, text.when, at('when'), first);
  const labels = labelsOf(text, when, observed);
  const clear =
    text.clear === undefined
      ? undefined
      : closeCondition(closing, text.clear, at('clear'), { ...first, where: 'clear', before: true });
  const ofSteps = (key: 'if' | 'require') =>
    new Map(
      steps.flatMap((step, i) => {
        const written: ConditionText | undefined = step.raw[key];
        if (written === undefined) return [];
        const standing = {
          steps,
          ran: i,
          observed,
          where: `${key} of step ${step.id}`,
          before: true,
          labels,
        };
        const found = closeSingle(closing, written, [...step.path, key], standing);
        return found ? [[step.id, found] as const] : [];
      }),
    );
  const verify =
    text.verify &&
    closeSingle(closing, text.verify.that, [...path, 'verify', 'that'], {
      ...{ steps, ran: steps.length, observed, where: 'verify', before: true, labels },
    });
  const [ifs, require] = [ofSteps('if'), ofSteps('require')];
  if (when) checkGroups(closing, { text, path, steps, observed, when, clear });
  const all = [when, clear, verify, ...ifs.values(), ...require.values()].filter(one => one !== undefined);
  return { when, clear, verify, if: ifs, require, labels, all };
}

function closeSteps(
  closing: Closing,
  { text }: WrittenRule,
  steps: readonly NamedStep[],
  observed: Observeds,
  conditions: Conditions,
): StepSpec[] {
  return steps.flatMap((step, i) => {
    const templates = {
      // Without when there is a mistake that is told there.
      reducers: text.when === undefined ? undefined : conditions.when?.reducers,
      observations: knownOf(observed),
      broken: brokenOf(closing, observed),
      steps: new Map(steps.slice(0, i).map(one => [one.id, one.outputs])),
      allSteps: steps.map(one => one.id),
      labels: conditions.labels,
      constant: (path: readonly string[]) => constantOf(closing, path),
    };
    const of = {
      if: conditions.if.get(step.id)?.condition,
      require: conditions.require.get(step.id)?.condition,
    };
    return closeStep(closing, step, templates, of) ?? [];
  });
}
