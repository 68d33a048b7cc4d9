/** Which columns a drift observation is about, and how each can be compared. Pure. */
import { assert, type DatasetSpec, type JsonObject, type ObservationRequest } from '../model.ts';

/** A column to compare. `none`: a timestamp, which always drifts. */
export interface DriftColumn {
  readonly column: string;
  readonly kind: 'numeric' | 'categorical' | 'none';
  /** Its values never enter evidence: bins are shown without their edges. */
  readonly sensitive: boolean;
  readonly inReference: boolean;
}

/** The columns of a request: one, or all features for `*`, in the dataset's order. */
export function driftColumns(request: ObservationRequest): readonly DriftColumn[] {
  const { dataset, reference } = request;
  assert(
    dataset !== undefined && reference !== undefined,
    `drift ${request.name} has no dataset or reference`,
  );
  return columnNames(request, dataset).map(column => {
    const spec = dataset.columns[column];
    return {
      column,
      kind: kindOf(spec?.type),
      sensitive: spec?.sensitive === true,
      // What the dataset itself does not declare is looked for all the same: the engine names what is missing.
      inReference:
        spec === undefined ||
        reference.dataset.columns[column] !== undefined ||
        reference.dataset.name === dataset.name,
    };
  });
}

function kindOf(type: DatasetSpec['columns'][string]['type'] | undefined): DriftColumn['kind'] {
  if (type === 'string' || type === 'boolean') return 'categorical';
  return type === 'timestamp' ? 'none' : 'numeric';
}

function columnNames(request: ObservationRequest, dataset: DatasetSpec): readonly string[] {
  const { feature, prediction } = request.args;
  if (prediction === 'score') {
    const score = request.model?.data.predictions?.score;
    assert(score !== undefined, `drift ${request.name} is about the score of a model without predictions`);
    return [score];
  }
  return feature === '*' ? features(request, dataset) : [String(feature)];
}

/** All columns that are inputs of the model: not keys, times, scores, labels, or what the Model excludes. */
function features(request: ObservationRequest, dataset: DatasetSpec): readonly string[] {
  const { model } = request;
  const only = model?.features.only;
  const { predictions, labels } = model?.data ?? {};
  const never = new Set([
    dataset.key,
    dataset.time?.column,
    predictions?.key,
    predictions?.version,
    predictions?.score,
    labels?.key,
    labels?.value,
    ...(model?.features.exclude ?? []),
  ]);
  return Object.entries(dataset.columns)
    .filter(([name, spec]) => spec.type !== 'timestamp' && spec.sensitive !== true && !never.has(name))
    .map(([name]) => name)
    .filter(name => only === undefined || only.includes(name));
}

/** Segment columns that divide the rows into slices; none: the rows as a whole. */
export function sliceColumns(args: JsonObject): readonly string[] {
  return Array.isArray(args.by) ? args.by.map(String) : [];
}

/** How many bins PSI has. */
export function binsOf(args: JsonObject): number {
  return typeof args.bins === 'number' ? args.bins : 10;
}

/** The columns of a request that are of a kind and can be compared, in order: their place names their query columns. */
export function comparable(request: ObservationRequest, kind: DriftColumn['kind']): readonly string[] {
  const wanted = driftColumns(request).filter(c => c.kind === kind && c.inReference);
  return wanted.map(c => c.column);
}
