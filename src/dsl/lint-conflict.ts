/** P33: rules of one target that undo, or repeat, what others do. Said before they do it, not after. Pure. */
import type { ClosedPolicy, Json, ObservationSpec, Rule, StepSpec } from '../model.ts';
import { shown } from './lint-condition.ts';
import { type Finding, finding, type Linted, type LintedPolicy } from './lint-finding.ts';
import { ANY } from './lint-range.ts';
import { observationAt, rangesOf } from './lint-statistics.ts';
import { canBe, nodeOf } from './lint-truth.ts';

/** Verbs of which each undoes the other. */
const OPPOSED: readonly (readonly [string, string])[] = [['promote', 'rollback']];
/** Verbs that cost much, and that two causes can ask for one after the other. */
const REPEATED: readonly string[] = ['retrain'];

/** A rule that acts, with its policy. */
interface Acting {
  readonly policy: LintedPolicy;
  readonly rule: Rule;
  /** Its condition with observations by what they ask, so that those of other policies are the same where they ask the same. */
  readonly logic: Json;
}

/** Findings about pairs of rules that can hold on the same target at the same time. */
export function conflictFindings({ policies, catalogue }: Linted): readonly Finding[] {
  const byChain = Map.groupBy(policies, ({ closed: { target } }) => `${target.kind}/${target.name}`);
  return [...byChain.values()].flatMap(all => {
    const acting = all.flatMap(policy =>
      policy.closed.rules
        .filter(rule => rule.then.length > 0)
        .map(rule => ({ policy, rule, logic: asked(rule.when.logic, policy.closed.observe) })),
    );
    const rangesAll = rangesOfAll(acting, catalogue);
    return acting.flatMap((one, i) =>
      acting.slice(i + 1).flatMap(other => {
        const found = [
          ...[...opposing(one, other), ...opposing(other, one)],
          ...[...repeating(one, other), ...same(one, other)],
        ];
        const together = { and: [one.logic, other.logic] };
        return found.length > 0 && canBe(together, true, rangesAll) ? found : [];
      }),
    );
  });
}

/** `one` brings a version in and `other` takes it out; nothing makes `one` wait before it brings it in again. */
function opposing(one: Acting, other: Acting): readonly Finding[] {
  return OPPOSED.flatMap(([forth, back]) => {
    const step = stepOf(one, forth);
    const undoing = stepOf(other, back);
    if (step === undefined || undoing === undefined || isSlowed(one)) return [];
    const { kind, name } = one.policy.closed.target;
    const message = `${forth} here and ${back} of ${nameOf(other)} (${place(undoing)}) can both hold for ${kind} ${name}, and nothing slows them down: one undoes the other, again and again; expected a cooldown or a rate, or conditions that exclude each other`;
    return [
      finding(
        'opposing-verbs',
        step.position,
        message,
        `Say actions: { ${forth}: { cooldown: 24h } } on the Model, which binds all policies.`,
      ),
    ];
  });
}

/** Both run the same on the same target; that the one has just run does not hold the other. */
function repeating(one: Acting, other: Acting): readonly Finding[] {
  return REPEATED.flatMap(verb => {
    const first = stepOf(one, verb);
    const second = stepOf(other, verb);
    if (first === undefined || second === undefined) return [];
    if (isLimited(one.policy.closed, verb) && isLimited(other.policy.closed, verb)) return [];
    const { kind, name } = one.policy.closed.target;
    const message = `${verb} here and ${verb} of ${nameOf(one)} (${place(first)}) can both run for ${kind} ${name}, one right after the other, for neither a cooldown nor a rate is in the way; expected one that binds both`;
    return [
      finding(
        'opposing-verbs',
        second.position,
        message,
        `Say actions: { ${verb}: { cooldown: 24h } } on the Model, which binds all policies.`,
      ),
    ];
  });
}

/** The same condition with the same steps: everything happens, and is told, twice. */
function same(one: Acting, other: Acting): readonly Finding[] {
  const [a, b] = [one, other].map(({ rule, logic }) =>
    JSON.stringify([logic, rule.per ?? [], rule.then.map(({ verb, args }) => [verb, args])]),
  );
  if (a !== b) return [];
  const { position } = other.rule.when;
  const message = `${nameOf(other)} fires on ${shown(other.rule.when)} and does what ${nameOf(one)} (${place(one.rule.when)}) does on the same; expected it once`;
  return [finding('duplicate', position, message)];
}

function stepOf({ rule }: Acting, verb: string): StepSpec | undefined {
  return rule.then.find(step => step.verb === verb);
}

/** A sequence comes round again only as often as its slowest verb may. */
function isSlowed({ policy, rule }: Acting): boolean {
  return rule.then.some(step => isLimited(policy.closed, step.verb));
}

function isLimited({ documents, guard }: ClosedPolicy, verb: string): boolean {
  const { cooldownMs = 0, rate } = documents.model?.actions[verb] ?? {};
  return cooldownMs > 0 || rate !== undefined || (guard.cooldownMs ?? 0) > 0 || guard.rate !== undefined;
}

/** A policy's only rule has no name of its own. */
function nameOf({ policy, rule }: Acting): string {
  return policy.spec.rules === undefined ? policy.closed.policy : `${policy.closed.policy}/${rule.name}`;
}

function place({
  position,
}: {
  readonly position: { readonly file: string; readonly line: number };
}): string {
  return `${position.file}:${position.line}`;
}

/** The condition with each observation named by all that it asks. */
function asked(logic: Json, observe: ClosedPolicy['observe']): Json {
  if (Array.isArray(logic)) return logic.map(one => asked(one as Json, observe));
  const [op, args] = nodeOf(logic);
  if (op === '') return logic;
  if (op !== 'var') return { [op]: args.map(one => asked(one, observe)) };
  const path = String(args[0]);
  const spec = observationAt(path, observe);
  if (spec === undefined) return logic;
  const [before, rest] = path.startsWith('before.') ? ['before.', path.slice(7)] : ['', path];
  const [, ...fields] = rest.split('.');
  return { var: [before + questionOf(spec).replaceAll('.', '·'), ...fields].join('.') };
}

/** What an observation asks, in one word. */
export function questionOf(spec: ObservationSpec): string {
  const { name: _, position: __, thresholds: ___, ...question } = spec;
  return JSON.stringify(question);
}

/** Ranges by what is asked: those of each policy under the same names as its conditions. */
function rangesOfAll(acting: readonly Acting[], catalogue: Linted['catalogue']) {
  const observe: Record<string, ObservationSpec> = {};
  for (const { policy } of acting)
    for (const spec of Object.values(policy.closed.observe))
      observe[questionOf(spec).replaceAll('.', '·')] = spec;
  const ranges = rangesOf(observe, catalogue, 'sure');
  return (path: string) => (path.includes('steps.') ? ANY : ranges(path));
}
