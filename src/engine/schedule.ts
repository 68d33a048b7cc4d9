/** When the rules of a policy are evaluated: slots of `every` or of a cron expression, and exclusions. Pure. */
import { cronAfter, cronBefore } from '../calendar.ts';
import { hashOf } from '../canonical.ts';
import type { ClosedPolicy, Rule } from '../model.ts';
import { chainOf } from './ids.ts';

const HOUR_MS = 3_600_000;
const NEVER = Number.MAX_SAFE_INTEGER;

/** The rules that ticks evaluate: a gate on a rollout is asked in holds of rollouts only. */
export function tickedRules(policy: ClosedPolicy): readonly Rule[] {
  const onRollout = policy.rules.some(rule => rule.gate?.on === 'rollout');
  return onRollout ? policy.rules.filter(rule => rule.gate?.on !== 'rollout') : policy.rules;
}

/** True while the policy does not apply to its target: nothing of it is looked at, and its episodes stand still. */
export function isExcluded({ excluded }: ClosedPolicy, at: number): boolean {
  return excluded !== undefined && (excluded.until === undefined || at < excluded.until);
}

/** False while a policy is excluded, and for one without a rule for ticks: it is never looked at. */
export function isTicked(policy: ClosedPolicy, at: number): boolean {
  return !isExcluded(policy, at) && tickedRules(policy).length > 0;
}

/**
 * True when a slot of the policy lies in (last, at], and at the end of an exclusion. A target that was never looked at is due,
 * but for a policy with cron, which waits for its first run: a Monday message is not for the Sunday of the first commit.
 */
export function isDue(policy: ClosedPolicy, at: number, last: number | undefined): boolean {
  if (!isTicked(policy, at)) return false;
  if (last === undefined) return policy.cron === undefined || slotBefore(policy, at) === at;
  const until = policy.excluded?.until;
  return (until !== undefined && last < until) || slotBefore(policy, at) > slotBefore(policy, last);
}

/** The first slot after `at`, or the end of an exclusion; the greatest integer when there is none. */
export function nextSlot(policy: ClosedPolicy, at: number): number {
  if (tickedRules(policy).length === 0) return NEVER;
  if (isExcluded(policy, at)) return policy.excluded?.until ?? NEVER;
  if (policy.cron) return cronAfter(policy.cron, at) ?? NEVER;
  return slotBefore(policy, at) + policy.everyMs;
}

/** The shortest time between two slots of these policies, as far as ticks evaluate them; undefined when none is evaluated. */
export function shortestEveryMs(policies: readonly ClosedPolicy[], at: number): number | undefined {
  const looked = policies.filter(policy => !isExcluded(policy, at) && tickedRules(policy).length > 0);
  return looked.length === 0 ? undefined : Math.min(...looked.map(policy => policy.everyMs));
}

function slotBefore(policy: ClosedPolicy, at: number): number {
  if (policy.cron) return cronBefore(policy.cron, at) ?? Number.NEGATIVE_INFINITY;
  return slotOf(policy, policy.everyMs, at);
}

/** The last slot of `everyMs` at or before `at`, with the policy's offset: of an observation with an `every` of its own. */
export function slotOf({ target, policy }: ClosedPolicy, everyMs: number, at: number): number {
  const offset = slotOffset(chainOf(target), policy, everyMs);
  return Math.floor((at - offset) / everyMs) * everyMs + offset;
}

/** Where in its period a rule is evaluated, so that a thousand targets do not wake at once. */
function slotOffset(target: string, policy: string, everyMs: number): number {
  return Number.parseInt(hashOf({ target, policy }).slice(0, 12), 16) % Math.min(everyMs, HOUR_MS);
}
