/** Deterministic names: chains, groups, slots in time, action ids, plan hashes. Pure. */
import { effectKey, hashOf } from '../canonical.ts';
import type { Action, ClosedPolicy, Labels, Origin, PolicyHashes, TargetRef } from '../model.ts';

const HOUR_MS = 3_600_000;

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

/** The key of a label set: `''` for the whole target, else `a=1,b=2` with sorted names. */
export function groupKey(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length === 0) return '';
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${key === '' ? '' : ','}${name}=${labels[name]}`;
  return key;
}

/** Hashes by which an edit of a policy is noticed by a target's chain. */
export function policyHashes(policy: ClosedPolicy): PolicyHashes {
  const timing = {
    observe: Object.values(policy.observe).map(({ position: _, ...spec }) => spec),
    rules: policy.rules.map(rule => ({ name: rule.name, when: rule.when.logic, forMs: rule.forMs })),
  };
  return { acting: policy.actingHash, timing: hashOf(timing) };
}

/** Where in its period a rule is evaluated, so that a thousand targets do not wake at once. */
function slotOffset(target: string, policy: string, everyMs: number): number {
  return Number.parseInt(hashOf({ target, policy }).slice(0, 12), 16) % Math.min(everyMs, HOUR_MS);
}

/** True when a slot k × every + offset lies in (last, at]. A target that was never looked at is due. */
export function isDue(policy: ClosedPolicy, at: number, last: number | undefined): boolean {
  if (last === undefined) return true;
  return slotBefore(policy, at) > slotBefore(policy, last);
}

/** The first slot after `at`. */
export function nextSlot(policy: ClosedPolicy, at: number): number {
  return slotBefore(policy, at) + policy.everyMs;
}

function slotBefore(policy: ClosedPolicy, at: number): number {
  const offset = slotOffset(chainOf(policy.target), policy.policy, policy.everyMs);
  return Math.floor((at - offset) / policy.everyMs) * policy.everyMs + offset;
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
