/** Which words a rule has and must have: one of two forms, and neither half of one. Pure. */
import { type Closing, refuse, refuseKey } from './closing.ts';
import type { RuleText } from './policy.ts';
import { ruleFields } from './rule-fields.ts';
import type { Path } from './source.ts';
import type { WrittenRule } from './written-rules.ts';

/** Words that say nothing without `when` and `then`. */
const OF_STEPS = ['when', 'for', 'clear', 'keepFor', 'per', 'maxGroups', 'verify'] as const;

/** Notes rules without a condition or without anything to do, words that belong to the other form, and names that repeat. */
export function checkRules(closing: Closing, rules: readonly WrittenRule[]): void {
  if (closing.spec.rules !== undefined) refuseMixture(closing);
  const names = new Set<string>();
  for (const rule of rules) {
    checkRule(closing, rule);
    for (const name of namesOf(rule)) {
      if (names.has(name))
        refuse(
          closing,
          [...rule.path, 'name'],
          `two rules are called ${name}; expected a name of its own for each`,
        );
      names.add(name);
    }
  }
}

/** Names that it takes in the closure: its own, its gate's, or both. */
function namesOf({ name, gate, text }: WrittenRule): readonly string[] {
  return [...new Set([...(text.then ? [name] : []), ...(text.gate ? [gate] : [])])];
}

/** How long a label set that vanished is waited for. */
export function staleAfterOf(text: RuleText, everyMs: number): number {
  return text.staleAfter ?? Math.max(3 * everyMs, text.for ?? 0);
}

function refuseMixture(closing: Closing): void {
  for (const key of Object.keys(ruleFields) as (keyof RuleText)[]) {
    if (closing.spec[key] === undefined) continue;
    refuseKey(
      closing,
      ['spec', key],
      `${key} stands beside rules, and nobody could tell of which rule it is; expected it within one of rules`,
    );
  }
}

function checkRule(closing: Closing, { path, text }: WrittenRule): void {
  const at = (key: string): Path => [...path, key];
  const called = path.length > 1 ? `spec.rules.${String(path.at(-1))}` : 'spec';
  if (text.then !== undefined) {
    if (text.when === undefined)
      refuse(
        closing,
        at('when'),
        `${called}.when is missing; expected a condition such as psi > 0.2: a rule without a condition never fires`,
      );
    checkTimes(closing, text, path);
    return;
  }
  if (text.gate === undefined || text.when !== undefined)
    refuse(
      closing,
      at('then'),
      `${called}.then is missing; expected a list of steps: a rule without steps does nothing`,
      text.gate === undefined ? undefined : 'The condition of a gate is closed, within gate.',
    );
  if (text.gate === undefined) return;
  for (const word of OF_STEPS)
    if (word !== 'when' && text[word] !== undefined)
      refuseKey(
        closing,
        at(word),
        `${word} is about when and then, and this rule is a gate alone; expected closed and reopen within gate`,
      );
}

function checkTimes(closing: Closing, text: RuleText, path: Path): void {
  if (text.maxGroups !== undefined && text.per === undefined)
    refuseKey(
      closing,
      [...path, 'maxGroups'],
      'maxGroups limits groups, and without per there are none; expected per as well',
    );
}
