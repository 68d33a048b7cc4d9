/** What the parts of closing a policy share: where it stands, what it may refer to, and its mistakes so far. Pure. */
import type {
  Catalogue,
  ConnectionSpec,
  DatasetSpec,
  Diagnostic,
  Json,
  ModelSpec,
  TargetRef,
} from '../model.ts';
import { error } from './diagnostic.ts';
import type { Library } from './library.ts';
import { lookUp } from './library.ts';
import type { PolicySpec } from './policy.ts';
import type { Path, Source } from './source.ts';

/** One policy while it is being closed. */
export interface Closing {
  readonly source: Source;
  readonly spec: PolicySpec;
  readonly library: Library;
  readonly catalogue: Catalogue;
  readonly diagnostics: Diagnostic[];
  readonly target: TargetRef;
  readonly model: ModelSpec | undefined;
  readonly dataset: DatasetSpec | undefined;
  /** Everything that it refers to, by value. */
  readonly datasets: Map<string, DatasetSpec>;
  readonly connections: Map<string, ConnectionSpec>;
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
