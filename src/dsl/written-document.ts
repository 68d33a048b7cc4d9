/** The documents of a commit as they are written, with where each value stands: for showing where a value comes from. Pure. */
import type { DocumentKind, Json, Position } from '../model.ts';
import { checkFile, type File } from './documents.ts';

export interface WrittenDocument {
  readonly kind: DocumentKind;
  readonly name: string;
  /** As YAML gives it, before any default. */
  readonly value: Json;
  /** By dotted path, as `Document.positions`. */
  readonly positions: Readonly<Record<string, Position>>;
}

/** All documents of known kinds, also those with mistakes. */
export function writtenDocuments(files: readonly File[]): readonly WrittenDocument[] {
  return files.flatMap(file =>
    checkFile(file).documents.flatMap(({ kind, name, source }) =>
      kind === undefined || name === undefined
        ? []
        : [{ kind, name, value: source.value, positions: source.positions }],
    ),
  );
}
