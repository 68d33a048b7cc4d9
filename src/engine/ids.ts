/** Deterministic names: chains, groups, action ids, plan hashes, hashes of policies and rules. Pure. */
import { effectKey, hashOf } from '../canonical.ts';
import type { Action, ClosedPolicy, Json, Labels, Origin, PolicyHashes, Rule, TargetRef } from '../model.ts';
import { readNames } from './names.ts';

/** The ledger chain of a target: `model/late-flights`. */
export function chainOf(target: TargetRef): string {
  return `${target.kind}/${target.name}`;
}

/** The chain's target, or undefined for `fleet` and anything else that is not one. */
export function targetOf(chain: string): TargetRef | undefined {
  const [kind, ...rest] = chain.split('/');
  if (kind !== 'model' && kind !== 'dataset' && kind !== 'connection') return undefined;
  return { kind, name: rest.join('/') };
}

/**
 * The key of a label set: `''` for the whole target, else `a=1,b=2` with sorted names. Values come from outside: a comma or a
 * backslash in one is escaped, so that two sets never have one key.
 */
export function groupKey(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length === 0) return '';
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${key === '' ? '' : ','}${name}=${escaped(labels[name] ?? '')}`;
  return key;
}

function escaped(value: string): string {
  return value.includes(',') || value.includes('\\') ? value.replace(/[\\,]/g, '\\$&') : value;
}

/** Of policies as they are in force: every look at a target compares them with what its chain was told. */
const hashes = new WeakMap<ClosedPolicy, PolicyHashes>();

/** Hashes by which an edit of a policy is noticed by a target's chain: of one rule, only that rule's timers start anew. */
export function policyHashes(policy: ClosedPolicy): PolicyHashes {
  const known = hashes.get(policy);
  if (known) return known;
  const rules = Object.fromEntries(policy.rules.map(rule => [rule.name, timingHash(policy, rule)]));
  const made = { acting: policy.actingHash, timing: hashOf(rules), rules };
  hashes.set(policy, made);
  return made;
}

/** Over what the clock of a pending rule depends on: what it reads, when, for, per. */
function timingHash(policy: ClosedPolicy, rule: Rule): string {
  const observed = observationsOf(policy, rule.when.logic).map(name => {
    const spec = policy.observe[name];
    if (spec === undefined) return [name];
    // Thresholds come from all rules, and positions move with the lines above.
    const { position: _, thresholds: __, needs, ...rest } = spec;
    return [name, { ...rest, needs: needs?.logic ?? null }];
  });
  return hashOf({ observed, when: rule.when.logic, forMs: rule.forMs, per: rule.per ?? null });
}

/** Names of the observations behind a condition, with those that they need, sorted. */
function observationsOf(policy: ClosedPolicy, logic: Json): readonly string[] {
  const found = new Set<string>();
  const reach = (names: readonly string[]): void => {
    for (const name of names) {
      if (found.has(name)) continue;
      found.add(name);
      const needs = policy.observe[name]?.needs;
      if (needs) reach(readNames(needs.logic));
    }
  };
  reach(readNames(logic));
  return [...found].sort();
}

/** The id of an action: a hash of its causes and of nothing else, so that an edit never fires it again. */
export function actionId(cause: {
  readonly subject: string;
  readonly origin: Origin;
  readonly step: string;
  readonly phase: number;
  readonly round: number;
}): string {
  return hashOf(cause).slice(0, 32);
}

/** What an approval is bound to. Not observed values, membership, times or the commit: `terms` holds the templates. */
export function planHash(
  action: Omit<Action, 'key' | 'planHash' | 'attempt' | 'deadline'>,
  terms: unknown,
): string {
  return hashOf({
    subject: action.call.subject,
    capability: action.call.capability,
    origin: action.origin,
    round: action.round,
    verb: action.verb,
    terms,
  });
}

export { effectKey };
