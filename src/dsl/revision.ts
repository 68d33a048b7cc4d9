/**
 * What is in force after a commit: the closures that it gives, and for what it could not close, the closures before it.
 * Pure; the caller stores the result by compare-and-set, and says `rewritten` when the head did not descend.
 */
import { hashOf } from '../canonical.ts';
import type { ClosedPolicy, Commit, Revision, TargetRef } from '../model.ts';
import { byPolicyAndChain, type Compiled, type Failed } from './compile.ts';
import { closureHash } from './hashes.ts';
import { DOCUMENT_OF } from './select-targets.ts';

export interface NextRevision {
  /** Undefined until the first commit without an error: nothing is in force, and nothing may act. */
  readonly revision: Revision | undefined;
  /** The head, when not all of it is in force; also in `revision`. */
  readonly rejected?: NonNullable<Revision['rejected']>;
  /** False when storing it would change nothing. */
  readonly changed: boolean;
}

/**
 * The revision after `commit`.
 *
 * - A commit without errors is in force as a whole. A closure whose hash is as before stays as it is, with the commit that
 *   brought it.
 * - Otherwise every policy that could be closed is taken, those that could not keep the closure they had, and `rejected`
 *   says why. What stands of a policy stands for each of its targets. A policy counts as failed by its name, or, where a document is unreadable, by the file it was in or by its
 *   name still standing in the unreadable text. Policies that are in no file any more go.
 * - A kept closure whose target or connections are in no file any more observes, and says so.
 * - `revision.commit` moves when anything of the commit was taken, so that it names what is enforced.
 * - Before the first commit without errors nothing is taken. Targets of a selector that lack what the policy asks for do not
 *   count: the others are governed from the first commit on.
 */
export function nextRevision(
  previous: Revision | undefined,
  compiled: Compiled,
  commit: Commit,
  at: number,
): NextRevision {
  const unmatched = compiled.unmatched.length > 0 ? { unmatched: compiled.unmatched } : {};
  const sameMatches = (previous?.unmatched ?? []).join() === compiled.unmatched.join();
  if (compiled.wholly) {
    const policies = compiled.closed.map(closed => unchanged(previous, closed));
    const same =
      previous !== undefined && previous.commit.sha === commit.sha && previous.rejected === undefined;
    const changed = !same || !sameMatches || !samePolicies(previous.policies, policies);
    return { revision: { commit, policies, ...unmatched }, changed };
  }
  const errors = compiled.diagnostics.filter(one => one.severity === 'error');
  const known = previous?.rejected?.commit.sha === commit.sha;
  const rejected = { commit, diagnostics: errors, at: known ? (previous.rejected?.at ?? at) : at };
  if (previous === undefined && !compiled.onlyUnbound)
    return { revision: undefined, rejected, changed: false };
  const policies = partly(previous, compiled);
  const taken = previous === undefined || !samePolicies(previous.policies, policies);
  const revision = { commit: taken ? commit : previous.commit, policies, ...unmatched, rejected };
  return { revision, rejected, changed: taken || !known || !sameMatches };
}

function partly(previous: Revision | undefined, compiled: Compiled): ClosedPolicy[] {
  const taken = compiled.closed.map(closed => unchanged(previous, closed));
  const kept = (previous?.policies ?? [])
    .filter(before => !compiled.closed.some(closed => isSame(closed, before)))
    .filter(before => isLost(before, compiled) || compiled.failed.some(one => concerns(one, before)))
    .map(before => disarmed(before, compiled));
  return [...taken, ...kept].sort(byPolicyAndChain);
}

/** The same policy for the same target. */
function isSame(a: ClosedPolicy, b: ClosedPolicy): boolean {
  return a.policy === b.policy && isTarget(a.target, b.target);
}

function isTarget(a: TargetRef, b: TargetRef): boolean {
  return a.kind === b.kind && a.name === b.name;
}

/** Its target stands in a text that cannot be read: nobody knows whether it is still selected. */
function isLost(before: ClosedPolicy, { names, failed }: Compiled): boolean {
  const { kind, name } = before.target;
  if (!names.Policy?.includes(before.policy) || names[DOCUMENT_OF[kind]]?.includes(name)) return false;
  return failed.some(one => one.mentions.includes(name));
}

/** The closure before, when nothing in it changed: then its commit is the one that brought it. */
function unchanged(previous: Revision | undefined, closed: ClosedPolicy): ClosedPolicy {
  const before = previous?.policies.find(one => isSame(one, closed));
  return before?.closureHash === closed.closureHash ? before : closed;
}

function concerns(failed: Failed, before: ClosedPolicy): boolean {
  if (failed.policy !== undefined)
    return failed.policy === before.policy && (!failed.target || isTarget(failed.target, before.target));
  return failed.file === before.position.file || failed.mentions.includes(before.policy);
}

/**
 * What a commit deletes is gone at once. A kept closure whose target is gone observes; the connections that are gone are
 * taken out of it, so that its observations through them are unknown and its actions have nowhere to run.
 */
function disarmed(before: ClosedPolicy, compiled: Compiled): ClosedPolicy {
  const gone = needed(before).filter(({ kind, name }) => !isThere(compiled, kind, name));
  const [first] = gone;
  if (first === undefined) return before;
  const modeFrom = `${first.kind} ${first.name} was deleted by a later commit, and this policy is kept from an earlier one`;
  const lost = new Set(gone.filter(({ kind }) => kind === 'Connection').map(({ name }) => name));
  const kept = Object.entries(before.documents.connections).filter(([name]) => !lost.has(name));
  const documents = { ...before.documents, connections: Object.fromEntries(kept) };
  const actingHash = hashOf({ acting: before.actingHash, mode: 'observe' });
  const closed = { ...before, mode: 'observe' as const, modeFrom, documents, actingHash };
  return { ...closed, closureHash: closureHash(closed) };
}

function needed({ target, documents }: ClosedPolicy): { readonly kind: string; readonly name: string }[] {
  const kind = DOCUMENT_OF[target.kind];
  const connections = Object.keys(documents.connections).map(name => ({ kind: 'Connection', name }));
  return [{ kind, name: target.name }, ...connections];
}

function isThere({ names, failed }: Compiled, kind: string, name: string): boolean {
  return names[kind]?.includes(name) === true || failed.some(one => one.mentions.includes(name));
}

function samePolicies(a: readonly ClosedPolicy[], b: readonly ClosedPolicy[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i];
      return other !== undefined && isSame(one, other) && one.closureHash === other.closureHash;
    })
  );
}
