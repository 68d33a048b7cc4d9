/** Takes a commit into force: compiles it closed, keeps what cannot be closed, and tells every target's chain. */

import { canonical } from '../canonical.ts';
import { type Compiled, compile, type NextRevision, nextRevision } from '../dsl/index.ts';
import { emptyOwn } from '../engine/fold.ts';
import { chainOf } from '../engine/ids.ts';
import { foldAll, revisionInput } from '../engine/look.ts';
import type { World } from '../engine/world.ts';
import type { Commit, Revision, TargetRef, Transaction } from '../model.ts';
import type { PolicyText } from './ports.ts';

export interface Taken extends NextRevision {
  readonly compiled: Compiled;
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
  return { compiled, ...next };
}

/**
 * Puts a commit into force by compare-and-set and appends a `revision` input to every chain whose policies changed. False
 * when another process moved the revision meanwhile: look again. `rewritten`: the head did not descend from the last one.
 */
export async function takeRevision(
  world: World,
  taken: Taken,
  rewritten: Revision['rewritten'],
): Promise<boolean> {
  const before = await world.store.revision();
  if (!taken.revision) {
    await world.store.setMeta(FIRST_REJECTION, canonical(taken.rejected ?? null));
    return true;
  }
  const revision = rewritten ? { ...taken.revision, rewritten } : taken.revision;
  const known = new Map((await world.store.targets()).map(row => [chainOf(row.target), row.target]));
  for (const policy of revision.policies) known.set(chainOf(policy.target), policy.target);
  return world.store.transaction(async tx => {
    if (!(await tx.setRevision(revision, before?.commit.sha))) return false;
    for (const [chain, target] of known) await tell(tx, world, revision, chain, target);
    return true;
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
): Promise<void> {
  const row = await tx.target(chain);
  const own = row?.own ?? emptyOwn(target);
  const input = revisionInput(own, revision, chain);
  if (!input) return;
  const at = Math.max(world.clock(), own.takenAt);
  await tx.append({ target, bodies: [input], at, own: foldAll(own, [input], at), dueAt: 0 });
}
