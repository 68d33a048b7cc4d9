/**
 * Which policies of a revision a chain has to do with, found once per revision: with ten thousand targets in force a tick
 * must not look through the policies of all the others. Pure; what is remembered goes with the revision.
 */
import { canonical } from '../canonical.ts';
import type { ClosedPolicy, Own, Revision } from '../model.ts';
import { chainOf, policyHashes } from './ids.ts';

interface Index {
  /** About the chain itself. */
  readonly own: ReadonlyMap<string, readonly ClosedPolicy[]>;
  /** Also those of other chains whose gates reach it, that name its policies as inhibitors, or that inhibit it. */
  readonly concerning: ReadonlyMap<string, readonly ClosedPolicy[]>;
  /** Of the chain's own policies, as they were asked for. */
  readonly hashes: Map<string, HashesOf>;
}

/** By policy, and the same as canonical text, to compare with. */
interface HashesOf {
  readonly policies: Own['policies'];
  readonly text: string;
}

const indexes = new WeakMap<Revision, Index>();
const NONE: readonly ClosedPolicy[] = [];

/** Policies of the revision that are about this target, in the revision's order. */
export function policiesOf(revision: Revision | undefined, chain: string): readonly ClosedPolicy[] {
  return (revision && indexOf(revision).own.get(chain)) ?? NONE;
}

/** All that can say something about the gates and inhibitors of a chain, its own policies included, in the revision's order. */
export function policiesConcerning(revision: Revision | undefined, chain: string): readonly ClosedPolicy[] {
  return (revision && indexOf(revision).concerning.get(chain)) ?? NONE;
}

/** Hashes of the policies that are about a chain: what it is told of a revision, and knows a new one by. */
export function hashesOf(revision: Revision, chain: string): HashesOf {
  const { hashes } = indexOf(revision);
  const known = hashes.get(chain);
  if (known) return known;
  const mine = policiesOf(revision, chain);
  const policies = Object.fromEntries(mine.map(policy => [policy.policy, policyHashes(policy)]));
  const found = { policies, text: canonical(policies) };
  hashes.set(chain, found);
  return found;
}

function indexOf(revision: Revision): Index {
  const known = indexes.get(revision);
  if (known) return known;
  const index = makeIndex(revision.policies);
  indexes.set(revision, index);
  return index;
}

function makeIndex(policies: readonly ClosedPolicy[]): Index {
  const own = new Map<string, ClosedPolicy[]>();
  const concerning = new Map<string, ClosedPolicy[]>();
  const waiting = inhibitedChains(policies);
  for (const policy of policies) {
    const chain = chainOf(policy.target);
    put(own, chain, policy);
    const chains = new Set([
      chain,
      ...policy.rules.flatMap(({ gate }) => (gate?.on === 'data' ? gate.reaches : [])),
      ...(policy.guard.inhibitedBy ?? []).flatMap(one => one.chains),
      ...(waiting.get(`${policy.policy}\n${chain}`) ?? []),
    ]);
    for (const one of chains) put(concerning, one, policy);
  }
  return { own, concerning, hashes: new Map() };
}

/** By inhibitor, as policy and chain: the chains that it holds. */
function inhibitedChains(policies: readonly ClosedPolicy[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { guard, target } of policies) {
    for (const { policy, chains } of guard.inhibitedBy ?? []) {
      for (const chain of chains) {
        const key = `${policy}\n${chain}`;
        found.set(key, (found.get(key) ?? new Set()).add(chainOf(target)));
      }
    }
  }
  return found;
}

function put(map: Map<string, ClosedPolicy[]>, chain: string, policy: ClosedPolicy): void {
  const list = map.get(chain);
  if (list) list.push(policy);
  else map.set(chain, [policy]);
}
