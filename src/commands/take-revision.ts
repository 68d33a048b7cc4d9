/** Takes a commit into force: compiles it closed, keeps what cannot be closed, and tells every target's chain. */

import { canonical } from '../canonical.ts';
import { type Compiled, compile, type NextRevision, nextRevision } from '../dsl/index.ts';
import { emptyOwn } from '../engine/fold.ts';
import { chainOf } from '../engine/ids.ts';
import { foldAll, revisionInput } from '../engine/look.ts';
import type { World } from '../engine/world.ts';
import type { Commit, Revision, TargetRef, Transaction } from '../model.ts';
import { inBatches } from './in-batches.ts';
import type { PolicyText } from './ports.ts';
import { type Renew, type Renewed, renewer } from './renew-requests.ts';
import type { SinceLast } from './since-last.ts';

export interface Taken extends NextRevision {
  readonly compiled: Compiled;
  /** What its files make of requested actions that wait. */
  readonly renew: Renew;
}

/** Where the store keeps the rejection of a head when nothing is in force yet: there is no revision to hold it. */
const FIRST_REJECTION = 'first-rejection';

/** What would be in force if this commit were taken now. Writes nothing. */
export async function compileRevision(
  world: World,
  env: string,
  commit: Commit,
  files: readonly PolicyText[],
): Promise<Taken> {
  const previous = await world.store.revision();
  const compiled = compile({ files, commit, env, catalogue: world.catalogue });
  const next = nextRevision(previous, compiled, commit, world.clock());
  return { compiled, ...next, renew: renewer(world, env, commit, async () => files) };
}

/**
 * Puts a commit into force by compare-and-set, and tells every chain whose policies changed by a `revision` input. False when
 * another process moved the revision meanwhile: look again. `since`: what lies between it and the last one.
 *
 * The transaction that sets the revision touches no target that is known: a fleet that is being ticked would never let it
 * through. Chains are told after it; one that is not, because the process died, tells itself at its next look.
 */
export async function takeRevision(world: World, taken: Taken, since: SinceLast): Promise<boolean> {
  const before = await world.store.revision();
  if (!taken.revision) {
    await world.store.setMeta(FIRST_REJECTION, canonical(taken.rejected ?? null));
    return true;
  }
  const revision: Revision = { ...taken.revision, ...since };
  // What is still owed from the last commit would be told with the authors of this one.
  if (before) await tellTargets(world, before);
  const known = new Set((await world.store.targets()).map(row => chainOf(row.target)));
  const targets = new Map(revision.policies.map(({ target }) => [chainOf(target), target]));
  const isSet = await world.store.transaction(async tx => {
    if (!(await tx.setRevision(revision, before?.commit.sha))) return false;
    for (const [chain, target] of targets)
      if (!known.has(chain)) await tell(tx, world, revision, chain, target);
    return true;
  });
  // Of a head that is rejected as a whole nothing is in force.
  const isInForce = revision.rejected === undefined || revision.commit.sha === revision.rejected.commit.sha;
  if (isSet) await tellTargets(world, revision, isInForce ? taken.renew : undefined);
  return isSet;
}

/** Tells the revision in force to all known targets that were not told of it, and makes them due. */
export async function tellTargets(world: World, revision: Revision, renew?: Renew): Promise<void> {
  const owed = new Map<string, { readonly target: TargetRef; readonly renewed: Renewed }>();
  for (const { target, own } of await world.store.targets()) {
    const chain = chainOf(target);
    const renewed = (await renew?.(own)) ?? {};
    if (revisionInput(own, revision, chain, renewed)) owed.set(chain, { target, renewed });
  }
  await inBatches(world, [...owed.keys()], async (tx, chain) => {
    const one = owed.get(chain);
    // A later commit has its own words.
    if (!one || (await tx.revisionSha()) !== revision.commit.sha) return;
    await tell(tx, world, revision, chain, one.target, one.renewed);
  });
}

/** Why the head is not (wholly) in force, if it is not. */
export async function rejectionOf(world: World): Promise<Revision['rejected']> {
  const revision = await world.store.revision();
  if (revision) return revision.rejected;
  const kept = await world.store.meta(FIRST_REJECTION);
  return kept === undefined ? undefined : ((JSON.parse(kept) ?? undefined) as Revision['rejected']);
}

async function tell(
  tx: Transaction,
  world: World,
  revision: Revision,
  chain: string,
  target: TargetRef,
  renewed: Renewed = {},
): Promise<void> {
  const row = await tx.target(chain);
  const own = row?.own ?? emptyOwn(target);
  const input = revisionInput(own, revision, chain, renewed);
  if (!input) return;
  const at = Math.max(world.clock(), own.takenAt);
  await tx.append({ target, bodies: [input], at, own: foldAll(own, [input], at), dueAt: 0 });
}
