/** How rules, groups, sequences and gates are named in one line. Pure. */
import { ruleName } from '../engine/groups.ts';
import type { ClosedPolicy, Episode, GateHistory, Labels, Rule } from '../model.ts';
import { safe, when } from './time.ts';

/** The name of the rule of a policy that has one, and no name for it. */
const ONLY = 'rule';

/** `policy/rule`, or the policy alone where its rule has no name of its own. */
export function ruleText({ policy, rule }: { readonly policy: string; readonly rule: string }): string {
  return rule === ONLY || rule === '' ? policy : `${policy}/${rule}`;
}

/** The values of a label set, which come from outside; empty of the whole target. */
export function groupText(labels: Labels): string {
  return safe(Object.values(labels).join('/'), 200);
}

/** ` [ORD]` behind a name; nothing of the whole target. */
export function inGroup(labels: Labels): string {
  const group = groupText(labels);
  return group === '' ? '' : ` [${group}]`;
}

/** How far the sequence of an episode is: step, round, further attempts, what was skipped. */
export function sequenceText({ sequence, plan }: Episode, rule: Rule | undefined): string {
  const { status, stepIndex, round, outputs, retryAt, acted } = sequence;
  const { steps, verify } = plan && acted ? plan : { steps: rule?.then ?? [], verify: rule?.verify };
  if (steps.length === 0) return '';
  const over = status === 'done' || status === 'verifying';
  const step = over ? undefined : steps[stepIndex];
  const at = step ? `, step ${stepIndex + 1} of ${steps.length} (${step.id})` : '';
  const most = verify?.attempts ?? 1;
  // A person may have wanted one more.
  const of = round < most ? ` of ${most}` : '';
  const rounds = round > 0 || most > 1 ? `, round ${round + 1}${of}` : '';
  const again = retryAt === undefined ? '' : `, next attempt at ${when(retryAt)}`;
  const passed = steps.slice(0, over ? steps.length : stepIndex);
  const skipped = passed.filter(one => outputs[one.id] === undefined).map(one => one.id);
  return `${status}${at}${rounds}${again}${skipped.length > 0 ? `; skipped: ${skipped.join(', ')}` : ''}`;
}

/** What a gate says now and what it holds; undefined of a rule that is none. */
export function gateText(
  policy: ClosedPolicy,
  rule: Rule,
  known: GateHistory | undefined,
): string | undefined {
  const { gate } = rule;
  if (gate === undefined) return undefined;
  if (gate.on === 'rollout')
    return `asked in the holds of rollouts, where it fails at ${gate.fails.count} of ${gate.fails.of} checks`;
  const state = known ? `${known.state} since ${when(known.since)}` : 'closed: not evaluated yet';
  const taint = gate.taint ? '; data of the time in which it is closed is tainted' : '';
  return `${ruleName(policy, rule.name)} is ${state}; blocks ${gate.blocks.join(', ')} of ${gate.reaches.join(', ')}${taint}`;
}
