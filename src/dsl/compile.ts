/** All files of one commit as closed policies, with every mistake. Pure: the same files give the same closures. */
import type { Catalogue, ClosedPolicy, Commit, Diagnostic } from '../model.ts';
import { closePolicy } from './close-policy.ts';
import { hasErrors, sorted } from './diagnostic.ts';
import { type CheckedFile, checkFile, type File } from './documents.ts';
import { ofKind, shelve } from './library.ts';

export interface CompileInput {
  readonly files: readonly File[];
  readonly commit: Commit;
  readonly env: string;
  readonly catalogue: Catalogue;
}

/** What could not be closed. Without `policy`, nobody knows which policies the file holds. */
export interface Failed {
  readonly policy?: string;
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
  /** Names of all documents by kind, those with mistakes as well. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** No error anywhere. */
  readonly wholly: boolean;
}

/**
 * Closed policies, sorted by name, and what failed. A mistake in a document fails the policies that depend on it and no
 * others. Never throws, whatever the files hold.
 */
export function compile(input: CompileInput): Compiled {
  const files = input.files.map(checkFile);
  const documents = files.flatMap(file => file.documents);
  const library = shelve(documents, input.catalogue);
  const diagnostics: Diagnostic[] = [
    ...files.flatMap(file => file.unreadable),
    ...documents.flatMap(one => one.diagnostics),
    ...library.all.flatMap(one => one.diagnostics),
  ];
  const closed: ClosedPolicy[] = [];
  const failed: Failed[] = files.flatMap(unreadableParts);
  for (const shelved of ofKind(library, 'Policy')) {
    const result = closePolicy(shelved, library, input);
    diagnostics.push(...result.diagnostics);
    if (result.closed) closed.push(result.closed);
    else {
      const reasons = [...shelved.checked.diagnostics, ...shelved.diagnostics, ...result.diagnostics];
      failed.push({
        policy: shelved.name,
        file: shelved.checked.source.file,
        diagnostics: sorted(reasons),
        mentions: [],
      });
    }
  }
  const names: Record<string, string[]> = {};
  for (const { kind, name } of library.all) names[kind] = [...(names[kind] ?? []), name];
  return {
    closed: closed.sort((a, b) => (a.policy < b.policy ? -1 : 1)),
    failed,
    diagnostics: sorted(diagnostics),
    names: Object.fromEntries(Object.entries(names).map(([kind, all]) => [kind, [...new Set(all)].sort()])),
    wholly: !hasErrors(diagnostics),
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
