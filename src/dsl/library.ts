/** The documents of one commit by kind and name, with what they say about each other checked. Pure. */
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
import type { Path } from './source.ts';

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
  readonly catalogue: Catalogue;
}

/** The documents of a kind. */
export function ofKind(library: Library, kind: DocumentKind): readonly Shelved[] {
  return library.all.filter(one => one.kind === kind);
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

/** Shelves the documents of a commit; those that contradict each other lose their `document` and say why. */
export function shelve(documents: readonly Checked[], catalogue: Catalogue): Library {
  const all = documents.flatMap((checked): Shelved[] => {
    const { kind, name, document } = checked;
    return kind === undefined || name === undefined
      ? []
      : [{ checked, kind, name, document, diagnostics: [] }];
  });
  const byName = new Map(all.map(one => [`${one.kind} ${one.name}`, one]));
  const library = { all, byName, catalogue };
  refuseDoubles(all);
  // In the order in which they refer to each other, so that a mistake spreads to what depends on it.
  for (const one of ofKind(library, 'Settings')) checkSettings(one);
  for (const one of ofKind(library, 'Dataset')) checkDataset(library, one);
  for (const one of ofKind(library, 'Model')) checkModel(library, one);
  return library;
}

function blame(shelved: Shelved, diagnostic: Diagnostic): void {
  shelved.diagnostics.push(diagnostic);
  shelved.document = undefined;
}

function refuseDoubles(all: readonly Shelved[]): void {
  const groups = new Map<string, Shelved[]>();
  for (const one of all) {
    const key = one.kind === 'Settings' ? 'Settings' : `${one.kind} ${one.name}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  for (const [key, group] of groups) {
    if (group.length < 2) continue;
    for (const one of group) {
      const { file, line } = (group.find(other => other !== one) ?? one).checked.source.start;
      blame(
        one,
        error(
          one.checked.source.at(['metadata', 'name']),
          `${key} is also in ${file}:${line}; expected it once`,
        ),
      );
    }
  }
}

function checkSettings(shelved: Shelved): void {
  const spec = shelved.document?.spec as SettingsSpec | undefined;
  if (spec === undefined) return;
  const people = Object.keys(spec.people);
  for (const [group, members] of Object.entries(spec.groups)) {
    for (const [i, member] of members.entries()) {
      if (Object.hasOwn(spec.people, member)) continue;
      const at = shelved.checked.source.at(['spec', 'groups', group, i]);
      blame(
        shelved,
        error(at, `group ${group} names ${member}; expected ${oneOf(people)}`, didYouMean(member, people)),
      );
    }
    if (group === 'owner' || Object.hasOwn(spec.people, group))
      blame(
        shelved,
        error(
          shelved.checked.source.atKey(['spec', 'groups', group]),
          `group ${group} has a name that means something else; expected a name of its own`,
        ),
      );
  }
}

function checkDataset(library: Library, shelved: Shelved): void {
  const spec = shelved.document?.spec as DatasetSpec | undefined;
  if (spec === undefined) return;
  connectionFor(library, shelved, spec.connection, ['spec', 'connection'], 'duckdb');
}

/** A connection of the connector that fits, or a diagnostic. */
function connectionFor(
  library: Library,
  shelved: Shelved,
  name: string,
  path: Path,
  connector: ConnectionSpec['connector'],
): ConnectionSpec | undefined {
  const at = shelved.checked.source.at(path);
  const found = lookUp(library, 'Connection', name, at, one => blame(shelved, one));
  if (found && found.connector !== connector) {
    blame(
      shelved,
      error(
        at,
        `connection ${name} is of connector ${found.connector}; expected one of connector ${connector} here`,
      ),
    );
    return undefined;
  }
  return found;
}

function checkModel(library: Library, shelved: Shelved): void {
  const spec = shelved.document?.spec as ModelSpec | undefined;
  if (spec === undefined) return;
  checkRoles(library, shelved, spec);
  for (const role of ['registry', 'serving'] as const) {
    const place = spec[role];
    if (place === undefined) continue;
    const path = ['spec', role, 'connection'];
    const connection = connectionFor(library, shelved, place.connection, path, 'local');
    if (connection && connection.path === undefined)
      blame(
        shelved,
        error(
          shelved.checked.source.at(path),
          `connection ${place.connection} has no path; expected the folder of its registry/ and serving/`,
        ),
      );
  }
  for (const [name, pipeline] of Object.entries(spec.pipelines)) {
    const path = ['spec', 'pipelines', name];
    checkSlots(shelved, pipeline, path);
    const connection = connectionFor(library, shelved, pipeline.connection, [...path, 'connection'], 'local');
    if (connection === undefined || Object.hasOwn(connection.commands, pipeline.id)) continue;
    const known = Object.keys(connection.commands);
    blame(
      shelved,
      error(
        shelved.checked.source.at([...path, 'id']),
        `connection ${pipeline.connection} has no command ${pipeline.id}; expected ${oneOf(known)}`,
        didYouMean(pipeline.id, known),
      ),
    );
  }
  checkActions(library, shelved, spec);
}

function checkRoles(library: Library, shelved: Shelved, { data }: ModelSpec): void {
  const roles = {
    predictions: { dataset: data.predictions?.dataset, columns: ['key', 'version', 'score'] },
    labels: { dataset: data.labels?.dataset, columns: ['key', 'value'] },
    training: { dataset: data.training?.dataset, columns: [] },
    holdout: { dataset: data.holdout?.dataset, columns: [] },
  };
  for (const [role, { dataset, columns }] of Object.entries(roles)) {
    if (dataset === undefined) continue;
    const at = shelved.checked.source.at(['spec', 'data', role, 'dataset']);
    const found = lookUp(library, 'Dataset', dataset, at, one => blame(shelved, one));
    if (found === undefined) continue;
    const named = data[role as 'predictions'] as Readonly<Record<string, string>> | undefined;
    for (const key of columns) {
      const column = named?.[key] ?? '';
      if (Object.hasOwn(found.columns, column)) continue;
      const known = Object.keys(found.columns);
      blame(
        shelved,
        error(
          shelved.checked.source.at(['spec', 'data', role, key]),
          `dataset ${dataset} has no column ${column}; expected ${oneOf(known)}`,
          didYouMean(column, known),
        ),
      );
    }
  }
}

function checkActions(library: Library, shelved: Shelved, spec: ModelSpec): void {
  const verbs = Object.keys(library.catalogue.verbs);
  for (const [verb, limits] of Object.entries(spec.actions)) {
    const path = ['spec', 'actions', verb];
    const { source } = shelved.checked;
    if (!verbs.includes(verb))
      blame(
        shelved,
        error(
          source.atKey(path),
          `${verb} is no verb of this version; expected ${oneOf(verbs)}`,
          didYouMean(verb, verbs),
        ),
      );
    for (const [i, name] of (limits.approval?.from ?? []).entries())
      for (const one of unknownApprover(library, name, spec, source.at([...path, 'approval', 'from', i])))
        blame(shelved, one);
    checkQuorum(library, shelved, spec, verb);
  }
}

/** A quorum that nobody can ever reach would hold the verb for good. */
function checkQuorum(library: Library, shelved: Shelved, spec: ModelSpec, verb: string): void {
  const approval = spec.actions[verb]?.approval;
  const settings = settingsOf(library);
  if (approval === undefined || settings === undefined) return;
  const names = approval.from.map(name => (name === 'owner' ? spec.owner : name));
  const people = new Set(names.flatMap(name => settings.groups[name] ?? [name]));
  if (approval.quorum <= people.size) return;
  const at = shelved.checked.source.at(['spec', 'actions', verb, 'approval', 'quorum']);
  const message = `quorum is ${approval.quorum}, and ${approval.from.join(', ')} are ${people.size} in all; expected one that they can reach`;
  blame(shelved, error(at, message));
}

/** What verbs tell a pipeline: the words after `data.` that its params may name. */
const TOLD = ['since', 'until', 'focus', 'only', 'rest', 'seed', 'version', 'champion'];

function checkSlots(shelved: Shelved, pipeline: ModelSpec['pipelines'][string], path: Path): void {
  for (const [key, value] of Object.entries(pipeline.params)) {
    const slot = (value as { readonly $?: unknown } | null)?.$;
    if (typeof slot !== 'string') continue;
    const [root = '', word = '', ...rest] = slot.split('.');
    if (root === 'data' && TOLD.includes(word) && rest.length === 0) continue;
    const at = shelved.checked.source.at([...path, 'params', key]);
    const known = TOLD.map(one => `data.${one}`);
    const message = `\${${slot}} is nothing that a pipeline is told; expected ${oneOf(known)}`;
    blame(shelved, error(at, message, didYouMean(slot, known)));
  }
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
