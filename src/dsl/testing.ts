/** One PolicyTest while it is checked against the policies of the same files: what its parts share. Pure. */
import type { Catalogue, ClosedPolicy, Diagnostic } from '../model.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import { type Library, ofKind, type Shelved } from './library.ts';
import type { PolicyTestSpec } from './policy-test.ts';
import type { Path } from './source.ts';

/** What the tests are checked against. */
export interface Tested {
  readonly closed: readonly ClosedPolicy[];
  readonly failed: readonly { readonly policy?: string; readonly diagnostics: readonly Diagnostic[] }[];
  readonly library: Library;
  readonly catalogue: Catalogue;
}

export interface Testing extends Omit<Tested, 'closed'> {
  /** By name, on each of its targets. */
  readonly closed: ReadonlyMap<string, readonly ClosedPolicy[]>;
  readonly shelved: Shelved;
  readonly spec: PolicyTestSpec;
  readonly diagnostics: Diagnostic[];
}

/** Notes a mistake at a path of the test. Gives undefined, so that it can stand in a return. */
export function refuse(testing: Testing, path: Path, message: string, hint?: string): undefined {
  testing.diagnostics.push(error(testing.shelved.checked.source.at(path), message, hint));
  return undefined;
}

/** The same, for a name that is not among the known ones. */
export function refuseName(
  testing: Testing,
  path: Path,
  message: string,
  name: string,
  known: readonly string[],
): undefined {
  return refuse(testing, path, `${message}; expected ${oneOf(known)}`, didYouMean(name, known));
}

/** A policy on each of its targets, or why it cannot be had: `broken` are its own mistakes. */
export type Instances =
  | { readonly instances: readonly ClosedPolicy[] }
  | { readonly broken: readonly Diagnostic[] };

/** The policy of a name; undefined after noting that there is none. */
export function instancesOf(testing: Testing, name: string, path: Path): Instances | undefined {
  const instances = testing.closed.get(name);
  if (instances) return { instances };
  const known = [...new Set(ofKind(testing.library, 'Policy').map(one => one.name))].sort();
  if (!known.includes(name)) return refuseName(testing, path, `there is no policy ${name}`, name, known);
  const told = testing.failed.filter(one => one.policy === name).flatMap(one => one.diagnostics);
  const broken = told.filter(one => one.severity === 'error');
  if (broken.length > 0) return { broken };
  return refuse(testing, path, `policy ${name} is about no target; expected one that it can be tested on`);
}
