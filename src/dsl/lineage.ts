/** What hangs on what: which Models a Dataset or a Connection feeds, and on which Connections a target hangs. Pure. */
import type { DatasetSpec, Json, ModelSpec, TargetRef } from '../model.ts';
import { type Library, ofKind, type Shelved } from './library.ts';
import { valueAt } from './shape.ts';
import type { Path } from './source.ts';

/** Edges of the lineage, as they are written: a slip elsewhere in a document must not open what it guards. */
interface Lineage {
  /** By dataset: those made from it. */
  readonly madeFrom: ReadonlyMap<string, readonly string[]>;
  /** By connection: the datasets that lie there. */
  readonly on: ReadonlyMap<string, readonly string[]>;
  /** By dataset: the Models that name it as one of their roles. */
  readonly usedBy: ReadonlyMap<string, readonly string[]>;
}

const lineages = new WeakMap<Library, Lineage>();

/** Chains (`model/NAME`) of every Model that descends from the target, sorted; of a model: its own. */
export function reachOf(library: Library, target: TargetRef): readonly string[] {
  if (target.kind === 'model') return [`model/${target.name}`];
  const { madeFrom, on, usedBy } = lineageOf(library);
  const reached = new Set(target.kind === 'dataset' ? [target.name] : on.get(target.name));
  // A set is walked in order of insertion, also what is added on the way; so circles end.
  for (const dataset of reached) for (const next of madeFrom.get(dataset) ?? []) reached.add(next);
  const models = new Set([...reached].flatMap(dataset => usedBy.get(dataset) ?? []));
  return [...models].map(name => `model/${name}`).sort();
}

/** Names of the Connections that a target hangs on: its own, its datasets', its registry's, its serving's, its pipelines'. */
export function connectionsOf(library: Library, { kind, name }: TargetRef): readonly string[] {
  if (kind === 'connection') return [name];
  const dataset = (one: string) =>
    (library.byName.get(`Dataset ${one}`)?.document?.spec as DatasetSpec | undefined)?.connection;
  if (kind === 'dataset') return [dataset(name) ?? []].flat();
  const model = library.byName.get(`Model ${name}`)?.document?.spec as ModelSpec | undefined;
  if (model === undefined) return [];
  const { data, registry, serving, pipelines } = model;
  const named = [
    ...Object.values(data).map(role => role && dataset(role.dataset)),
    ...[registry, serving, ...Object.values(pipelines)].map(place => place?.connection),
  ];
  return [...new Set(named)].filter(one => one !== undefined).sort();
}

function lineageOf(library: Library): Lineage {
  const known = lineages.get(library);
  if (known) return known;
  const datasets = ofKind(library, 'Dataset');
  const made = {
    madeFrom: grouped(datasets, one => listAt(one, ['spec', 'upstream']).map(named)),
    on: grouped(datasets, one => [writtenAt(one, ['spec', 'connection'])]),
    usedBy: grouped(ofKind(library, 'Model'), one => listAt(one, ['spec', 'data']).map(named)),
  };
  lineages.set(library, made);
  return made;
}

/** The names of the documents by each of the keys that `keysOf` gives for them. */
function grouped(documents: readonly Shelved[], keysOf: (one: Shelved) => readonly (Json | undefined)[]) {
  const groups = new Map<string, string[]>();
  for (const one of documents)
    for (const key of new Set(keysOf(one)))
      if (typeof key === 'string') groups.set(key, [...(groups.get(key) ?? []), one.name]);
  return groups;
}

/** The values of a list or a mapping. */
function listAt(one: Shelved, path: Path): readonly Json[] {
  const found = writtenAt(one, path);
  return typeof found === 'object' && found !== null ? Object.values(found) : [];
}

function writtenAt({ checked }: Shelved, path: Path): Json | undefined {
  return valueAt(checked.source.value, path);
}

/** The dataset that a role or an upstream names. */
function named(one: Json): Json | undefined {
  return valueAt(one, ['dataset']);
}
