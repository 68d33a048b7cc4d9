/** All files of one commit as closed policies, with every mistake. Pure: the same files give the same closures. */
import type { Catalogue, ClosedPolicy, Commit, ConnectionSpec, Diagnostic, TargetRef } from '../model.ts';
import { type ClosedFor, closePolicy } from './close-policy.ts';
import { type CheckedTest, closeTests } from './close-policy-test.ts';
import { hasErrors, sorted } from './diagnostic.ts';
import { type CheckedFile, checkFile, type File } from './documents.ts';
import { ofKind, type Shelved } from './library.ts';
import { overrideParams, type ParamOverrides } from './override-params.ts';
import { shelve } from './shelve.ts';

export interface CompileInput {
  readonly files: readonly File[];
  readonly commit: Commit;
  readonly env: string;
  readonly catalogue: Catalogue;
  /** Values of params by policy, instead of what the files say: what a PolicyTest sets. */
  readonly params?: ParamOverrides;
}

/** What could not be closed. Without `policy`, nobody knows which policies the file holds. */
export interface Failed {
  readonly policy?: string;
  /** Of a policy that could be closed for others of its targets. */
  readonly target?: TargetRef;
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Names that the text of an unreadable document still shows, right or wrong. */
  readonly mentions: readonly string[];
}

export interface Compiled {
  readonly closed: readonly ClosedPolicy[];
  readonly failed: readonly Failed[];
  /** Errors and warnings of all files, sorted by file and line. */
  readonly diagnostics: readonly Diagnostic[];
  /** Connections without a mistake, as they are in this environment, by name. */
  readonly connections: Readonly<Record<string, ConnectionSpec>>;
  /** Names of all documents by kind, those with mistakes as well. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** The PolicyTests, each with its own mistakes, which are also in `diagnostics`. */
  readonly tests: readonly CheckedTest[];
  /** Policies whose selector matches nothing, sorted: nothing will ever happen. */
  readonly unmatched: readonly string[];
  /** No error anywhere but in tests: what is enforced never depends on them. */
  readonly wholly: boolean;
  /** Every error is about one of several targets of a policy, which the others are governed by all the same. */
  readonly onlyUnbound: boolean;
}

/**
 * Closed policies, sorted by name and chain, and what failed. A mistake in a document fails the policies that depend on it and
 * no others; one of a policy's targets that lacks what the policy asks for fails alone. Never throws, whatever the files hold.
 */
export function compile(input: CompileInput): Compiled {
  const files = input.files.map(checkFile);
  const documents = files.flatMap(file => file.documents);
  const library = shelve(documents, input.catalogue, input.env);
  if (input.params) overrideParams(library, input.params);
  const general: Diagnostic[] = [
    ...files.flatMap(file => file.unreadable),
    ...documents.flatMap(one => (one.kind === 'PolicyTest' ? [] : one.diagnostics)),
    ...library.all.flatMap(one => (one.kind === 'PolicyTest' ? [] : one.diagnostics)),
  ];
  /** Of policies that are in force for some of their targets. */
  const partial: Diagnostic[] = [];
  const closed: ClosedPolicy[] = [];
  const failed: Failed[] = files.flatMap(unreadableParts);
  const unmatched: string[] = [];
  for (const shelved of ofKind(library, 'Policy')) {
    const results = closePolicy(shelved, library, input);
    const sound = results.filter(one => one.closed !== undefined);
    closed.push(...sound.flatMap(one => one.closed ?? []));
    if (isUnmatched(shelved, results)) unmatched.push(shelved.name);
    else if (sound.length === 0) failed.push(failedPolicy(shelved, results));
    else failed.push(...results.flatMap(one => (one.closed ? [] : failedTarget(shelved, one))));
    (sound.length === 0 ? general : partial).push(...results.flatMap(one => one.diagnostics));
  }
  const tests = closeTests({ closed, failed, library, catalogue: input.catalogue });
  const nameless = documents.flatMap(({ kind, name, diagnostics: own }) =>
    kind === 'PolicyTest' && name === undefined ? own : [],
  );
  const diagnostics = [...general, ...partial];
  const names: Record<string, string[]> = {};
  for (const { kind, name } of library.all) {
    names[kind] ??= [];
    names[kind].push(name);
  }
  return {
    closed: closed.sort(byPolicyAndChain),
    failed,
    diagnostics: sorted([...diagnostics, ...nameless, ...tests.flatMap(one => one.diagnostics)]),
    tests,
    connections: Object.fromEntries(
      ofKind(library, 'Connection').flatMap(({ name, document }) =>
        document ? [[name, document.spec as ConnectionSpec]] : [],
      ),
    ),
    names: Object.fromEntries(Object.entries(names).map(([kind, all]) => [kind, [...new Set(all)].sort()])),
    unmatched: unmatched.sort(),
    wholly: !hasErrors(diagnostics),
    onlyUnbound: hasErrors(diagnostics) && !hasErrors(general),
  };
}

/** By policy, then by chain: the order of everything that is in force. */
export function byPolicyAndChain(a: ClosedPolicy, b: ClosedPolicy): number {
  return (
    order(a.policy, b.policy) || order(a.target.kind, b.target.kind) || order(a.target.name, b.target.name)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isUnmatched(shelved: Shelved, results: readonly ClosedFor[]): boolean {
  return (
    shelved.document !== undefined &&
    results.every(one => one.target === undefined && !hasErrors(one.diagnostics))
  );
}

function failedPolicy(shelved: Shelved, results: readonly ClosedFor[]): Failed {
  const found = results.flatMap(one => one.diagnostics);
  const reasons = [...shelved.checked.diagnostics, ...shelved.diagnostics, ...found];
  return {
    policy: shelved.name,
    file: shelved.checked.source.file,
    diagnostics: sorted(reasons),
    mentions: [],
  };
}

function failedTarget(shelved: Shelved, { target, diagnostics }: ClosedFor): Failed {
  const { name, checked } = shelved;
  return {
    ...{ policy: name, file: checked.source.file, diagnostics: sorted(diagnostics), mentions: [] },
    ...(target && { target }),
  };
}

/** What of a file cannot be told by kind and name: syntax errors, unknown kinds, documents without a name. */
function unreadableParts(file: CheckedFile): Failed[] {
  const parts: Failed[] = [];
  if (file.unreadable.length > 0)
    parts.push({ file: file.path, diagnostics: sorted(file.unreadable), mentions: mentions(file.text) });
  for (const { kind, name, source, diagnostics } of file.documents) {
    if (kind !== undefined && name !== undefined) continue;
    parts.push({ file: file.path, diagnostics: sorted(diagnostics), mentions: mentions(source.text) });
  }
  return parts;
}

function mentions(text: string): string[] {
  return [
    ...new Set(
      [...text.matchAll(/\bname["']?\s*:\s*["']?([a-z0-9][a-z0-9.-]*)/g)].map(found => found[1] ?? ''),
    ),
  ];
}
