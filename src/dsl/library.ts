/** The documents of one commit by kind and name, and how one finds another. `shelve.ts` fills it and checks it. Pure. */
import type {
  Catalogue,
  ConnectionSpec,
  DatasetSpec,
  Diagnostic,
  Document,
  DocumentKind,
  ModelSpec,
  Position,
  SettingsSpec,
} from '../model.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import type { Checked } from './documents.ts';

/** One document in the library: without `document` it is there and has mistakes. */
export interface Shelved {
  readonly checked: Checked;
  readonly kind: DocumentKind;
  readonly name: string;
  document: Document | undefined;
  readonly diagnostics: Diagnostic[];
}

/** Specs by kind. */
export interface SpecOf {
  readonly Settings: SettingsSpec;
  readonly Model: ModelSpec;
  readonly Dataset: DatasetSpec;
  readonly Connection: ConnectionSpec;
}

export interface Library {
  readonly all: readonly Shelved[];
  /** By `Kind name`. Of doubles, which are all unsound, one. */
  readonly byName: ReadonlyMap<string, Shelved>;
  readonly byKind: ReadonlyMap<DocumentKind, readonly Shelved[]>;
  readonly catalogue: Catalogue;
}

/** The documents of a kind. */
export function ofKind(library: Library, kind: DocumentKind): readonly Shelved[] {
  return library.byKind.get(kind) ?? [];
}

/** The spec of a sound document, or undefined after telling `report` why there is none. */
export function lookUp<Kind extends keyof SpecOf>(
  library: Library,
  kind: Kind,
  name: string,
  at: Position,
  report: (diagnostic: Diagnostic) => void,
): SpecOf[Kind] | undefined {
  const found = library.byName.get(`${kind} ${name}`);
  if (found?.document) return found.document.spec as SpecOf[Kind];
  const word = kind.toLowerCase();
  if (found === undefined) {
    const known = ofKind(library, kind).map(one => one.name);
    report(error(at, `there is no ${word} ${name}; expected ${oneOf(known)}`, didYouMean(name, known)));
    return undefined;
  }
  const first = found.diagnostics[0] ?? found.checked.diagnostics[0];
  const where = first?.position ?? found.checked.source.start;
  report(
    error(
      at,
      `${word} ${name} has a mistake of its own; expected one without`,
      `See ${where.file}:${where.line}:${where.column}.`,
    ),
  );
  return undefined;
}

/** Notes a mistake of a document, which is unsound from then on. */
export function blame(shelved: Shelved, diagnostic: Diagnostic): void {
  shelved.diagnostics.push(diagnostic);
  shelved.document = undefined;
}

/** The fleet's Settings; empty ones when the repository has none. Undefined when there are some, with mistakes. */
export function settingsOf(library: Library): SettingsSpec | undefined {
  const [settings] = ofKind(library, 'Settings');
  if (settings === undefined) return { people: {}, groups: {} };
  return settings.document?.spec as SettingsSpec | undefined;
}

/** Why someone cannot be asked for an approval; nothing when they can, or when the Settings have their own mistake. */
export function unknownApprover(
  library: Library,
  name: string,
  model: ModelSpec | undefined,
  at: Position,
): readonly Diagnostic[] {
  const settings = settingsOf(library);
  if (settings === undefined) return [];
  const known = [...Object.keys(settings.groups), ...Object.keys(settings.people)];
  if (name === 'owner') {
    if (model === undefined)
      return [
        error(at, 'owner is the owner of a Model, and there is none here; expected a group or a person'),
      ];
    if (known.includes(model.owner)) return [];
    return [
      error(
        at,
        `owner is ${model.owner}, who is no group or person of Settings; expected ${oneOf(known)}`,
        didYouMean(model.owner, known),
      ),
    ];
  }
  if (known.includes(name)) return [];
  return [
    error(
      at,
      `${name} is no group or person of Settings; expected ${oneOf(['owner', ...known])}`,
      didYouMean(name, known),
    ),
  ];
}
