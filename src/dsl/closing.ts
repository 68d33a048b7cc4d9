/** What the parts of closing a policy share: where it stands, what it may refer to, and its mistakes so far. Pure. */
import type {
  Catalogue,
  ConnectionSpec,
  DatasetSpec,
  Diagnostic,
  Json,
  ModelSpec,
  Param,
  TargetRef,
  Verb,
} from '../model.ts';
import { error } from './diagnostic.ts';
import type { Library } from './library.ts';
import { lookUp } from './library.ts';
import type { PolicySpec, StepText } from './policy.ts';
import type { Path, Source } from './source.ts';

/** One policy while it is being closed for one target. */
export interface Closing {
  readonly policy: string;
  readonly source: Source;
  readonly spec: PolicySpec;
  readonly library: Library;
  readonly catalogue: Catalogue;
  readonly diagnostics: Diagnostic[];
  readonly target: TargetRef;
  /** False when there is no target: only the document's own mistakes are of interest. */
  readonly bound: boolean;
  /** Observations and params whose shape has mistakes, which are told already. */
  readonly lacking: Lacking;
  readonly params: ReadonlyMap<string, Param>;
  readonly model: ModelSpec | undefined;
  readonly dataset: DatasetSpec | undefined;
  /** Everything that it refers to, by value. */
  readonly datasets: Map<string, DatasetSpec>;
  readonly connections: Map<string, ConnectionSpec>;
}

/** A step whose verb and id are known; the rest is checked once the conditions are. */
export interface NamedStep {
  readonly id: string;
  readonly verb: Verb;
  readonly raw: StepText;
  readonly path: Path;
  /** What `${steps.<id>.…}` may name: of a pipeline, what the Model says that it gives. */
  readonly outputs: Verb['outputs'];
}

/** Parts that were taken out of a document because of their shape, by name. */
export interface Lacking {
  readonly observations: readonly string[];
  readonly params: readonly string[];
}

/** Notes a mistake at a path of the policy document. Gives undefined, so that it can stand in a return. */
export function refuse(
  closing: Pick<Closing, 'source' | 'diagnostics'>,
  path: Path,
  message: string,
  hint?: string,
): undefined {
  closing.diagnostics.push(error(closing.source.at(path), message, hint));
  return undefined;
}

/** The same, at the key of a mapping. */
export function refuseKey(closing: Closing, path: Path, message: string, hint?: string): undefined {
  closing.diagnostics.push(error(closing.source.atKey(path), message, hint));
  return undefined;
}

/**
 * Notes that the target has not what the policy asks of it: a *binding* error, about this target and no other. Without a target
 * there is none.
 */
export function refuseBinding(closing: Closing, path: Path, message: string, hint?: string): undefined {
  return closing.bound ? refuse(closing, path, message, hint) : undefined;
}

/** The same, at the key of a mapping. */
export function refuseBindingKey(closing: Closing, path: Path, message: string, hint?: string): undefined {
  return closing.bound ? refuseKey(closing, path, message, hint) : undefined;
}

/** A Dataset with its Connection, by value, kept in the closure; undefined after noting why there is none. */
export function closeDataset(closing: Closing, name: string, path: Path): DatasetSpec | undefined {
  const note = (diagnostic: Diagnostic) => closing.diagnostics.push(diagnostic);
  const dataset = lookUp(closing.library, 'Dataset', name, closing.source.at(path), note);
  if (dataset === undefined) return undefined;
  if (closeConnection(closing, dataset.connection, path) === undefined) return undefined;
  closing.datasets.set(name, dataset);
  return dataset;
}

/** A Connection, by value, kept in the closure; undefined after noting why there is none. */
export function closeConnection(closing: Closing, name: string, path: Path): ConnectionSpec | undefined {
  const note = (diagnostic: Diagnostic) => closing.diagnostics.push(diagnostic);
  const connection = lookUp(closing.library, 'Connection', name, closing.source.at(path), note);
  if (connection) closing.connections.set(name, connection);
  return connection;
}

/** What a schema gave back, as plain JSON: keys that are `undefined` are left out. */
export function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}
