/** What lint looks at, and what it finds: warnings with a stable name. Pure. */
import type { Catalogue, ClosedPolicy, Diagnostic, Position, Rule } from '../model.ts';
import type { Library } from './library.ts';
import type { PolicySpec, RuleText } from './policy.ts';
import type { Path, Source } from './source.ts';

/** Names of findings, in the order of the reference; comments silence by them. */
export const RULES = {
  'dead-rule': 'A rule whose condition is never true, or never false.',
  'dead-clause': 'A part of a condition that changes nothing.',
  'dead-step': 'A step that never runs, or after which none does.',
  'dead-gate': 'A gate that never closes, or never opens.',
  'dead-verify': 'A verify that is never true, or always.',
  'dead-needs': 'A needs that is never true, or always.',
  'threshold-range': 'A threshold outside of the range of its statistic.',
  'unreachable-clear': 'A clear that never holds, or only while when does.',
  'clear-overlap': 'A clear that holds while when still does.',
  'opposing-verbs': 'Rules that undo, or repeat, what others do to the same target.',
  duplicate: 'The same observation, step or rule twice.',
  'for-window': 'A for below a tenth of the window that it reads.',
  'window-season': 'A window that is no multiple of the season of the model.',
  'slow-every': 'An every that is longer than for or within have room for.',
  'min-samples': 'A statistic that chance alone takes above its threshold.',
  'low-traffic': 'A ratio of events without a least number of events.',
  'unused-observation': 'An observation that nothing reads.',
  'unused-param': 'A param that nothing uses.',
  'unused-setting': 'A window, group, channel or rollout of Settings that nothing uses.',
  'no-match': 'A selector that matches nothing.',
  'no-verify': 'A disruptive verb, and no verify.',
  'never-open': 'Windows that leave no time to act.',
  'dead-inhibitor': 'An inhibitor that never holds anything.',
  'idle-gate': 'A gate that blocks what nobody does.',
  'empty-approval': 'An approval that nobody, or not enough people, can give.',
  'expired-exclusion': 'An exclusion that has ended.',
  'unrouted-message': 'A message that no route takes.',
  'live-data': 'Of --live: data, series or targets that are not there.',
  'ignore-reason': 'A comment that silences without saying what, or why.',
  'ignore-nothing': 'A comment that silences nothing.',
} as const;

export type RuleName = keyof typeof RULES;

/** Something that is not wrong and will not do what was meant. */
export interface Finding extends Diagnostic {
  readonly severity: 'warning';
  readonly rule: RuleName;
}

/** `message`: what was found, what goes wrong; what was expected. `hint`: what to do. */
export function finding(rule: RuleName, position: Position, message: string, hint?: string): Finding {
  return { severity: 'warning', rule, position, message, ...(hint === undefined ? {} : { hint }) };
}

/** A rule in the closure beside the text that it was made from. */
export interface LintedRule {
  readonly rule: Rule;
  readonly text: RuleText;
  /** Of the rule as it is written. */
  readonly path: Path;
}

/** One policy closed for one target, with the document that says so. */
export interface LintedPolicy {
  readonly closed: ClosedPolicy;
  readonly spec: PolicySpec;
  readonly source: Source;
  readonly rules: readonly LintedRule[];
}

/** Everything of one commit that lint looks at. */
export interface Linted {
  readonly policies: readonly LintedPolicy[];
  readonly library: Library;
  readonly catalogue: Catalogue;
  /** Now, for what has ended. */
  readonly at: number;
}
