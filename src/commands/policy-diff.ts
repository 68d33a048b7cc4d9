/** What changes between two commits, policy by policy and in the words of the YAML; and which changes weaken a protection. Pure. */
import type { Compiled } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { ClosedPolicy } from '../model.ts';
import { type Facets, facetsOf } from './policy-facets.ts';
import { weakening } from './weakening.ts';

export interface FieldChange {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
  /** Why this is less protection than before. */
  readonly weakens?: string;
}

export interface PolicyChange {
  readonly policy: string;
  readonly target: string;
  /** `moved`: it says the same in another file. `broken`: it was closed before and has mistakes now. */
  readonly change: 'added' | 'changed' | 'removed' | 'moved' | 'broken';
  /** False when only words, people or channels changed: no act and no approval depends on it. */
  readonly acting: boolean;
  readonly file: string;
  readonly from?: string;
  readonly fields: readonly FieldChange[];
}

/** The changes from `before` to `after`, by policy and target. Policies that say the same are not among them. */
export function policyChanges(before: Compiled, after: Compiled): PolicyChange[] {
  const old = new Map(before.closed.map(one => [keyOf(one), one]));
  const now = new Map(after.closed.map(one => [keyOf(one), one]));
  const broken = new Set(after.failed.flatMap(one => one.policy ?? []));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort();
  return keys.flatMap(key => changeOf(old.get(key), now.get(key), broken) ?? []);
}

function keyOf({ policy, target }: ClosedPolicy): string {
  return `${policy} ${chainOf(target)}`;
}

function changeOf(
  before: ClosedPolicy | undefined,
  after: ClosedPolicy | undefined,
  broken: ReadonlySet<string>,
): PolicyChange | undefined {
  const one = after ?? before;
  if (one === undefined) return undefined;
  const about = { policy: one.policy, target: chainOf(one.target), file: one.position.file };
  if (before === undefined) return { ...about, change: 'added', acting: true, fields: [] };
  if (after === undefined) {
    const change = broken.has(one.policy) ? 'broken' : 'removed';
    return { ...about, change, acting: true, fields: [] };
  }
  const fields = fieldChanges(facetsOf(before), facetsOf(after));
  const moved = before.position.file !== after.position.file;
  if (fields.length === 0 && !moved) return undefined;
  const from = moved ? { from: before.position.file } : {};
  const acting = before.actingHash !== after.actingHash;
  return { ...about, ...from, change: fields.length === 0 ? 'moved' : 'changed', acting, fields };
}

function fieldChanges(before: Facets, after: Facets): FieldChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  return paths.flatMap(path => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === now) return [];
    const weakens = weakening(path, old, now);
    return [
      {
        path,
        ...(old === undefined ? {} : { before: old }),
        ...(now === undefined ? {} : { after: now }),
        ...(weakens === undefined ? {} : { weakens }),
      },
    ];
  });
}
