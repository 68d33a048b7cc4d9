/** Files as checked documents: YAML with positions, one validator a kind, every mistake at once. Pure. */
import type { z } from 'zod';
import type { Diagnostic, Document, DocumentKind, Json, Labels } from '../model.ts';
import type { Lacking } from './closing.ts';
import { connectionDocument } from './connection.ts';
import { datasetDocument } from './dataset.ts';
import { didYouMean, error, hasErrors, oneOf, quoted, sorted } from './diagnostic.ts';
import { modelDocument } from './model-document.ts';
import { LATER_CONNECTORS, LATER_KINDS } from './not-in-this-version.ts';
import { policyDocument, requestedDocument } from './policy.ts';
import { policyTestDocument } from './policy-test.ts';
import { salvage } from './salvage.ts';
import { settingsDocument } from './settings.ts';
import { shapeDiagnostics, valueAt } from './shape.ts';
import { readFile, type Source } from './source.ts';

export interface File {
  readonly path: string;
  readonly text: string;
}

/** The validator of each kind, by its name. */
export const VALIDATORS = {
  Settings: settingsDocument,
  Model: modelDocument,
  Dataset: datasetDocument,
  Connection: connectionDocument,
  Policy: policyDocument,
  PolicyTest: policyTestDocument,
} as const satisfies Record<DocumentKind, z.ZodType>;

/** One YAML document after its validator: `document` is there only when nothing was wrong with it. */
export interface Checked {
  readonly source: Source;
  readonly kind?: DocumentKind;
  /** As it is written, also when the rest of the document is wrong. */
  readonly name?: string;
  readonly document?: Document;
  /** A policy with mistakes, without the parts that have them: only for finding its other mistakes at once. */
  readonly salvaged?: Document;
  /** What is not in `salvaged` because of its own mistakes. */
  readonly lacking?: Lacking;
  readonly diagnostics: readonly Diagnostic[];
}

/** What a file gave. `unreadable` means that nobody knows what else it names. */
export interface CheckedFile {
  readonly path: string;
  readonly text: string;
  readonly documents: readonly Checked[];
  readonly unreadable: readonly Diagnostic[];
}

/**
 * All documents without a mistake of their own, and all mistakes, sorted by file and line. What documents say about each
 * other is checked by `compile`. Never throws.
 */
export function parseDocuments(files: readonly File[]): {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const checked = files.map(checkFile);
  return {
    documents: checked.flatMap(file => file.documents.flatMap(one => one.document ?? [])),
    diagnostics: sorted(
      checked.flatMap(file => [...file.unreadable, ...file.documents.flatMap(one => one.diagnostics)]),
    ),
  };
}

/** The kinds of a file's documents in order, as YAML reads them; undefined for what is unreadable or of no known kind. */
export function kindsIn(file: File): readonly (DocumentKind | undefined)[] {
  const { documents, unreadable } = checkFile(file);
  return [...documents.map(({ kind }) => kind), ...unreadable.map(() => undefined)];
}

/** One file's documents, each with its own mistakes. Never throws. */
export function checkFile(file: File): CheckedFile {
  const path = file.path.toWellFormed();
  const { sources, unreadable } = readFile(path, file.text);
  return { path, text: file.text, documents: sources.map(source => checkSource(source)), unreadable };
}

/** The same of a policy that stands for a requested action: it observes nothing. */
export function checkRequested(file: File): CheckedFile {
  const { sources, unreadable } = readFile(file.path, file.text);
  const validators = { ...VALIDATORS, Policy: requestedDocument };
  return { ...file, documents: sources.map(source => checkSource(source, validators)), unreadable };
}

function checkSource(source: Source, validators: typeof VALIDATORS = VALIDATORS): Checked {
  const found = source.value;
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    return {
      source,
      diagnostics: [
        ...source.diagnostics,
        error(
          source.start,
          `the document is ${quoted(found)}; expected a mapping with apiVersion, kind, metadata and spec`,
        ),
      ],
    };
  const kind = valueAt(found, ['kind']);
  const validator =
    typeof kind === 'string' && Object.hasOwn(VALIDATORS, kind) ? (kind as DocumentKind) : undefined;
  if (validator === undefined)
    return { source, diagnostics: [...source.diagnostics, unknownKind(source, kind)] };
  const named = valueAt(found, ['metadata', 'name']);
  const name = typeof named === 'string' ? { name: named } : {};
  const result = validators[validator].safeParse(found);
  const shape = result.success
    ? []
    : shapeDiagnostics(validator, source, validators[validator], result.error.issues);
  // What could not be read has been told; its absence is no second mistake.
  const told = new Set(source.diagnostics.map(({ position }) => `${position.line}:${position.column}`));
  const fresh = shape.filter(({ position }) => !told.has(`${position.line}:${position.column}`));
  const diagnostics = [...source.diagnostics, ...fresh.map(one => sharpened(validator, source, one))];
  const checked = { source, kind: validator, ...name, diagnostics };
  if (!result.success || hasErrors(diagnostics)) {
    if (validator !== 'Policy') return checked;
    const rest = result.success
      ? { data: result.data, lacking: { observations: [], params: [] } }
      : salvage(policyDocument, found, result.error.issues);
    if (rest === undefined) return checked;
    return { ...checked, salvaged: documentOf(validator, source, rest.data), lacking: rest.lacking };
  }
  return { ...checked, document: documentOf(validator, source, result.data) };
}

function documentOf(
  kind: DocumentKind,
  source: Source,
  {
    metadata,
    spec,
  }: { readonly metadata: { readonly name: string; readonly labels: Labels }; readonly spec: object },
): Document {
  const labelled = (kind === 'Model' || kind === 'Dataset') && Object.keys(metadata.labels).length > 0;
  const named = { name: metadata.name, ...(labelled && { labels: metadata.labels }) };
  return {
    kind,
    name: metadata.name,
    labels: metadata.labels,
    // Every spec but the policy's carries its name, because closures hold it without the envelope.
    spec: kind === 'Policy' || kind === 'Settings' ? spec : { ...named, ...spec },
    position: source.start,
    text: source.text,
    positions: source.positions,
  };
}

function unknownKind(source: Source, kind: Json | undefined): Diagnostic {
  const known = Object.keys(VALIDATORS);
  const at = source.at(['kind']);
  if (typeof kind === 'string' && LATER_KINDS.includes(kind))
    return error(at, `kind ${kind} is not in this version; expected ${oneOf(known)}`);
  return error(
    at,
    `kind is ${quoted(kind)}; expected ${oneOf(known)}`,
    typeof kind === 'string' ? didYouMean(kind, known) : undefined,
  );
}

/** Says more than the shape can: a connector that is still to come. */
function sharpened(kind: DocumentKind, source: Source, diagnostic: Diagnostic): Diagnostic {
  const connector = kind === 'Connection' ? valueAt(source.value, ['spec', 'connector']) : undefined;
  if (
    typeof connector === 'string' &&
    diagnostic.message.startsWith('spec.connector is ') &&
    LATER_CONNECTORS.includes(connector)
  )
    return error(
      diagnostic.position,
      `connector ${connector} is not in this version; expected local, duckdb or prometheus`,
    );
  return diagnostic;
}
