/**
 * Inhibition: rules of other policies that hold disruptive actions while they fire, are unknown, or were not evaluated of
 * late. What is not known inhibits: after a start nothing disruptive begins before every inhibitor was evaluated once. Pure.
 */
import type { ClosedPolicy, Facts, GuardSpec, Hold, JsonObject, Own, Verdict } from '../model.ts';
import { type Draft, note } from './draft.ts';
import { asObject, moment, objectOf } from './fact-values.ts';
import { chainOf } from './ids.ts';
import { tickedRules } from './schedule.ts';

/** The fact with which drive tells a step which of its policies inhibit others, and which inhibitors are excluded. */
export const INHIBITORS = 'fleet:inhibitors';

/** What a chain says of a policy of its own that inhibits others. */
export function inhibitorKey(policy: string, chain: string): string {
  return `inhibitor:${policy}:${chain}`;
}

/** Keys of every fact that a guard's inhibitors are read from. */
export function inhibitorKeys({ inhibitedBy = [] }: GuardSpec): readonly string[] {
  return inhibitedBy.flatMap(({ policy, chains }) => chains.map(chain => inhibitorKey(policy, chain)));
}

/** The value of the fact, of a policy that this tick has evaluated. `since` is kept while it says the same. */
function inhibitorValue(policy: ClosedPolicy, own: Own, at: number, before: Facts, key: string): JsonObject {
  const states = Object.values(own.rules[policy.policy] ?? {}).flatMap(one => Object.values(one));
  const firing = states.some(({ phase }) => phase === 'firing');
  const unknown = states.some(({ state }) => state === 'unknown' || state === 'vanished');
  const last = objectOf(before, key);
  const same = last?.firing === firing && last.unknown === unknown && typeof last.since === 'number';
  return { firing, unknown, since: same ? (last.since ?? at) : at, at, acting: policy.actingHash };
}

/** Says of every policy that was evaluated at this tick, and that others name, whether it inhibits. */
export function noteInhibitors(
  draft: Draft,
  looked: readonly ClosedPolicy[],
  verdicts: ReadonlyMap<string, ReadonlyMap<string, Verdict>>,
): void {
  const named = inhibitorsAmong(draft.facts);
  for (const policy of looked) {
    if (!named.includes(policy.policy)) continue;
    const key = inhibitorKey(policy.policy, chainOf(policy.target));
    const value = inhibitorValue(policy, draft.own, draft.at, draft.facts, key);
    const failed = tickedRules(policy).some(rule => !verdicts.has(`${policy.policy}/${rule.name}`));
    note(draft, key, failed ? { ...value, unknown: true } : value);
  }
}

/** The policies of a chain that others name as inhibitors. */
function inhibitorsAmong(facts: Facts): readonly string[] {
  const named = objectOf(facts, INHIBITORS)?.named;
  return Array.isArray(named) ? named.map(String) : [];
}

/** One hold for each inhibitor that fires, is unknown, or was not evaluated within twice its `every`. */
export function inhibitedBy(guard: GuardSpec, facts: Facts, at: number): readonly Hold[] {
  const excluded = asObject(objectOf(facts, INHIBITORS)?.excluded);
  return (guard.inhibitedBy ?? []).flatMap(({ policy, chains, everyMs }) =>
    chains.flatMap(chain => {
      const key = inhibitorKey(policy, chain);
      if (excluded && Object.hasOwn(excluded, key)) return [];
      const why = whyInhibited(objectOf(facts, key), everyMs, at);
      return why === undefined
        ? []
        : [{ reason: 'inhibited' as const, message: `inhibited by ${policy} on ${chain}: ${why}` }];
    }),
  );
}

/** The first inhibitor that is known to fire now; what is unknown or old is no answer. */
export function firesOf(guard: GuardSpec, facts: Facts, at: number): string | undefined {
  const firing = (guard.inhibitedBy ?? []).map(one => ({
    ...one,
    chains: one.chains.filter(chain => {
      const said = objectOf(facts, inhibitorKey(one.policy, chain));
      return said?.firing === true && typeof said.at === 'number' && at - said.at <= 2 * one.everyMs;
    }),
  }));
  return inhibitedBy({ inhibitedBy: firing }, facts, at)[0]?.message;
}

function whyInhibited(said: JsonObject | undefined, everyMs: number, at: number): string | undefined {
  if (said === undefined || typeof said.at !== 'number') return 'it was not evaluated yet';
  if (at - said.at > 2 * everyMs) return `it was last evaluated ${moment(said.at)}`;
  const since = typeof said.since === 'number' ? ` since ${moment(said.since)}` : '';
  if (said.firing === true) return `it fires${since}`;
  return said.unknown === true ? `it is unknown${since}` : undefined;
}
