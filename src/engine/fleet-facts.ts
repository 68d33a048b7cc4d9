/**
 * What a step must know of others: which facts to read for a target, what the revision in force says about its gates and
 * inhibitors, and whom its answer concerns. Pure; the driver reads and writes.
 */
import type { ClosedPolicy, Facts, Json, Own, Revision, Step } from '../model.ts';
import { ACTED } from './blast-radius.ts';
import { objectOf } from './fact-values.ts';
import { FLOORS, TRUST } from './floors.ts';
import { GATES, gateKey, gateRefs, gatesReaching } from './gates.ts';
import { chainOf } from './ids.ts';
import { INHIBITORS, inhibitorKey, inhibitorKeys } from './inhibition.ts';
import { outcomeKey } from './locks.ts';
import { connectionKey, connectionsOf } from './reachability.ts';
import { isExcluded } from './schedule.ts';

/**
 * Facts that no row holds: the gates that reach this chain, and the inhibitors among its policies, from the revision that is
 * looked with. Their version is 0. Empty when there is nothing to say.
 */
export function standingFacts(policies: readonly ClosedPolicy[], chain: string, at: number): Facts {
  const gates = gatesReaching(policies, chain, at);
  const inhibitors = inhibitorsOf(policies, chain, at);
  return {
    ...(gates.length > 0 ? { [GATES]: { version: 0, value: gates as unknown as Json } } : {}),
    ...(inhibitors ? { [INHIBITORS]: { version: 0, value: inhibitors } } : {}),
  };
}

/** `named`: policies of this chain that inhibit others. `excluded`: inhibitors of this chain that do not apply now. */
function inhibitorsOf(policies: readonly ClosedPolicy[], chain: string, at: number): Json | undefined {
  const named = new Set<string>();
  const wanted = new Set<string>();
  for (const policy of policies) {
    const mine = chainOf(policy.target) === chain;
    for (const one of policy.guard.inhibitedBy ?? []) {
      if (one.chains.includes(chain)) named.add(one.policy);
      if (mine) for (const other of one.chains) wanted.add(inhibitorKey(one.policy, other));
    }
  }
  if (named.size === 0 && wanted.size === 0) return undefined;
  const excluded = policies.flatMap(policy => {
    const key = inhibitorKey(policy.policy, chainOf(policy.target));
    return wanted.has(key) && isExcluded(policy, at) ? [[key, true] as const] : [];
  });
  return { named: [...named].sort(), excluded: Object.fromEntries(excluded) };
}

/** False for what no row holds: it comes from the revision alone. */
export function isRow(key: string): boolean {
  return key !== GATES && key !== INHIBITORS;
}

/** Keys of the facts that most looks at a chain read; what else a step asks for is read when it does. */
export function factKeys(policies: readonly ClosedPolicy[], standing: Facts, own: Own): readonly string[] {
  const gates = gateRefs(standing).map(({ chain, gate }) => gateKey(chain, gate));
  const inhibitors = policies.flatMap(({ guard }) => inhibitorKeys(guard));
  // What it said itself of a policy that others name: since when.
  const mine = policies.map(({ policy, target }) => inhibitorKey(policy, chainOf(target)));
  const named = (objectOf(standing, INHIBITORS)?.named ?? []) as readonly Json[];
  const said = mine.filter(key => named.some(name => key.startsWith(`inhibitor:${String(name)}:`)));
  const acted = policies.some(({ guard }) => guard.blastRadius !== undefined) ? [ACTED] : [];
  const connections = policies.flatMap(connectionsOf).map(connectionKey);
  const awaited = Object.values(own.episodes).flatMap(({ sequence: { adopts } }) =>
    adopts ? [outcomeKey(adopts.running, chainOf(own.target))] : [],
  );
  const trust = Object.keys(own.asks).length > 0 ? [TRUST] : [];
  const others = [...said, ...acted, ...connections, ...awaited];
  return [...new Set([...gates, ...inhibitors, ...others, ...trust, FLOORS])].sort();
}

/** Other chains whose answer may change with this one: those that a gate reaches, or that an inhibitor holds. */
export function concernedBy(
  revision: Revision | undefined,
  chain: string,
  before: Facts,
  answer: Step,
): readonly string[] {
  const reached = answer.entries.flatMap(body => (body.kind === 'gate' ? body.reaches : []));
  const changed = Object.entries(answer.facts ?? {}).flatMap(([key, value]) => {
    if (!key.startsWith('inhibitor:')) return [];
    const was = objectOf(before, key);
    const is = value as { readonly firing?: Json; readonly unknown?: Json } | null;
    return was?.firing === is?.firing && was?.unknown === is?.unknown ? [] : [key];
  });
  const inhibited =
    changed.length === 0
      ? []
      : (revision?.policies ?? []).flatMap(policy =>
          inhibitorKeys(policy.guard).some(key => changed.includes(key)) ? [chainOf(policy.target)] : [],
        );
  return [...new Set([...reached, ...inhibited])].filter(one => one !== chain).sort();
}
