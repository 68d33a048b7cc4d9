/** What an observation reads: its Dataset or Connection, and that the columns which it names are there. Pure. */
import type { DatasetSpec, Evaluator, Json, JsonObject } from '../model.ts';
import { type Closing, closeConnection, closeDataset, refuse, refuseBinding } from './closing.ts';
import { didYouMean, oneOf, quoted } from './diagnostic.ts';
import type { PolicySpec } from './policy.ts';
import type { Path } from './source.ts';

type Raw = PolicySpec['observe'][string];
const ROLES = ['predictions', 'labels', 'training', 'holdout'] as const;

export interface Bound {
  readonly dataset?: DatasetSpec;
  readonly connection?: string;
}

/** The data that it reads, kept in the closure; undefined after noting why there is none. */
export function boundTo(
  closing: Closing,
  evaluator: Evaluator,
  args: JsonObject,
  raw: Raw,
  path: Path,
): Bound | undefined {
  if (evaluator.reads === 'connection') {
    const name = String(args.main);
    const connection = closeConnection(closing, name, [...path, evaluator.name]);
    const asked = args.promql === undefined ? 'duckdb' : 'prometheus';
    if (connection && connection.connector !== asked)
      return refuse(
        closing,
        [...path, evaluator.name],
        `connection ${name} is of connector ${connection.connector}; expected one of connector ${asked}, which ${args.promql === undefined ? 'sql' : 'promql'} is asked of`,
      );
    return connection && { connection: name };
  }
  if (evaluator.reads === 'predictions+labels') return joined(closing, evaluator, path);
  const key = evaluator.datasetArgument === 'main' ? evaluator.name : 'dataset';
  const given = evaluator.datasetArgument === 'main' ? args.main : raw.dataset;
  const dataset = namedDataset(closing, evaluator, given, [...path, key]);
  return dataset && { dataset };
}

function joined(closing: Closing, evaluator: Evaluator, path: Path): Bound | undefined {
  const { model } = closing;
  const at = [...path, evaluator.name];
  if (model === undefined)
    return refuseUnlessModel(
      closing,
      at,
      `${evaluator.name} joins a Model's predictions with its labels, and the target is a ${closing.target.kind}; expected a model as target`,
    );
  const { predictions, labels } = model.data;
  for (const role of ['predictions', 'labels'] as const)
    if (model.data[role] === undefined)
      refuseBinding(
        closing,
        at,
        `model ${model.name} has no data.${role}; expected them for ${evaluator.name}`,
      );
  if (predictions === undefined || labels === undefined) return undefined;
  const dataset = closeDataset(closing, predictions.dataset, at);
  return closeDataset(closing, labels.dataset, at) && dataset && { dataset };
}

/** A target of another kind is a mistake of the document; without a target of the right kind nothing is known. */
function refuseUnlessModel(closing: Closing, path: Path, message: string): undefined {
  return closing.target.kind === 'model' ? undefined : refuse(closing, path, message);
}

/** A Dataset by its name, by its role in the Model, or `self`; left out, the target itself or its predictions. */
function namedDataset(
  closing: Closing,
  evaluator: Evaluator,
  given: Json | undefined,
  path: Path,
): DatasetSpec | undefined {
  const { model, target } = closing;
  if (given !== undefined && typeof given !== 'string')
    return refuse(
      closing,
      path,
      `${String(path.at(-1))} is ${quoted(given)}; expected the name of a dataset, a role of the model, or self`,
    );
  if (given === undefined || given === 'self') {
    if (target.kind === 'dataset')
      return closing.bound ? closeDataset(closing, target.name, path) : undefined;
    if (given === 'self')
      return refuse(
        closing,
        path,
        `self is the target, which is a ${target.kind}; expected a dataset's name, or ${oneOf(ROLES)}`,
      );
    if (model?.data.predictions) return closeDataset(closing, model.data.predictions.dataset, path);
    if (target.kind === 'model' && !closing.bound) return undefined;
    const lacking = model ? `model ${model.name} has no data.predictions` : `the target is a ${target.kind}`;
    return refuse(closing, path, `${evaluator.name} names no dataset and ${lacking}; expected dataset: NAME`);
  }
  const role = ROLES.find(one => one === given);
  if (role !== undefined && target.kind === 'model' && !closing.bound) return undefined;
  if (role === undefined || model === undefined) return closeDataset(closing, given, path);
  const filled = model.data[role]?.dataset;
  if (filled === undefined)
    return refuseBinding(
      closing,
      path,
      `model ${model.name} has no data.${role}; expected it, or another dataset here`,
    );
  return closeDataset(closing, filled, path);
}

/** Names of arguments that hold columns; those that split into slices must be segments. */
const COLUMN_ARGUMENTS: Readonly<Record<string, 'column' | 'segment'>> = {
  feature: 'column',
  column: 'column',
  by: 'segment',
};

/** Notes columns that the arguments name and the dataset has not. */
export function checkColumns(
  closing: Closing,
  evaluator: Evaluator,
  args: JsonObject,
  dataset: DatasetSpec,
  path: Path,
): void {
  const named = Object.entries(COLUMN_ARGUMENTS).flatMap(([key, kind]) => [
    { key, kind, value: args[key], at: [...path, key] },
  ]);
  if (evaluator.name === 'nulls')
    named.push({ key: 'main', kind: 'column', value: args.main, at: [...path, evaluator.name] });
  for (const { kind, value, at } of named) {
    const list = Array.isArray(value)
      ? value.map((one, i) => [one, [...at, i]] as const)
      : [[value, at] as const];
    for (const [column, place] of list)
      if (typeof column === 'string' && column !== '*') checkColumn(closing, column, kind, dataset, place);
  }
}

function checkColumn(
  closing: Closing,
  column: string,
  kind: 'column' | 'segment',
  dataset: DatasetSpec,
  at: Path,
): void {
  const columns = Object.keys(dataset.columns);
  const segments = columns.filter(name => dataset.columns[name]?.segment === true);
  const known = kind === 'segment' ? segments : columns;
  if (known.includes(column)) return;
  const what = columns.includes(column)
    ? `column ${column} of dataset ${dataset.name} is no segment`
    : `dataset ${dataset.name} has no column ${column}`;
  refuse(
    closing,
    at,
    `${what}; expected ${oneOf(known)}`,
    columns.includes(column) ? 'Say segment: true on the column.' : didYouMean(column, known),
  );
}
