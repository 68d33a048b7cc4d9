/** `drift: psi` and `drift: ks`: how far a column's distribution has moved from a reference. */
import { z } from 'zod';
import { hashOf } from '../canonical.ts';
import type { Dialect, Evaluator, Json, JsonObject, ObservationRequest, Query, Row } from '../model.ts';
import { binsOf, comparable, driftColumns, sliceColumns } from './drift-columns.ts';
import {
  asProfile,
  categoryCountsBySlice,
  type DriftProfile,
  fineBins,
  numericCounts,
  rowsBySlice,
  type SliceProfile,
  sliceKey,
  sliceOf,
} from './drift-profile.ts';
import { detailOf, type Exact, openSlices, readingsOf, type SliceCounts } from './drift-reading.ts';
import { referenceProfile } from './drift-reference.ts';
import { categoriesSql, exactKsSql, histogramSql } from './drift-sql.ts';
import { numberOf, observationOf, unknown } from './reading.ts';
import { currentRows, referenceRows } from './source.ts';

/**
 * `feature` or `prediction` names what to compare; `by` gives one reading a slice, each against its own reference; `version`:
 * only the predictions of that version.
 */
const args = z
  .strictObject({
    main: z.enum(['psi', 'ks']).meta({
      description:
        "How far the distribution of a column has moved from the reference: psi (0 the same, above 0.25 usually a large shift) or ks (Kolmogorov-Smirnov's D, 0 the same, 1 disjoint).",
    }),
    feature: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: 'The column; "*" is every feature of the model, as a vector by label feature.',
        examples: ['tenure', '*'],
      }),
    prediction: z
      .literal('score')
      .optional()
      .meta({ description: "In place of feature: the score of the model's predictions." }),
    by: z
      .array(z.string())
      .min(1)
      .max(2)
      .optional()
      .meta({
        description: 'One value for each value of these segment columns, each against its own reference.',
        examples: [['origin']],
      }),
    exact: z
      .boolean()
      .optional()
      .meta({ description: 'ks: the exact D at once, not only where a threshold lies within its bounds.' }),
    bins: z
      .number()
      .int()
      .min(2)
      .max(100)
      .optional()
      .meta({
        default: 10,
        description: "Bins at the reference's quantiles; 10 unless said.",
        examples: [10],
      }),
    version: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'Only predictions of this version.', examples: [`\${rollout.canary}`] }),
    dataset: z
      .string()
      .optional()
      .meta({
        description:
          "A Dataset, a role of the Model (predictions, labels, training, holdout) or self; the target's own, or the Model's predictions, unless said.",
        examples: ['flights', 'predictions', 'self'],
      }),
  })
  .refine(a => (a.feature === undefined) !== (a.prediction === undefined), {
    message: 'drift needs exactly one of `feature: COLUMN`, `feature: "*"` and `prediction: score`',
  });

/**
 * PSI (0: same distribution; above 0.25: usually read as a large shift) or KS's D (0: same; 1: disjoint) of each column
 * against the reference. Ten bins at the reference's quantiles, shares floored at 1e-4, repeated quantiles with a bin of their
 * own; text and booleans by category (psi only). NULL, NaN and infinities are left out and counted apart. `psi` stands beside
 * D, so that both cost one pass. `lower` and `upper`: for psi about 95 %; for ks bounds of the sample's D, exact only when a
 * threshold lies between them or `exact: true`. Unknown: `too-few` below max(200, minSamples) rows on either side, and where
 * chance alone explains an exceedance (see `null_q999`); `absent` for slices and columns that the reference lacks; `budget`
 * beyond 1000 categories; `undefined` for ks of text, and for timestamps.
 */
export const drift: Evaluator = {
  name: 'drift',
  args,
  outputs: {
    value: 'number',
    lower: 'number',
    upper: 'number',
    psi: 'number',
    p_value: 'number',
    null_q999: 'number',
    rows: 'count',
    ref_rows: 'count',
    nulls: 'count',
    nonfinite: 'count',
  },
  mainDimension: () => 'number',
  isVector: given => labelNames(given).length > 0,
  labelNames,
  reads: 'dataset',
  datasetArgument: 'dataset',
  needsReference: true,
  profile: referenceProfile,
  queries,
  observe,
};

function labelNames(given: JsonObject): readonly string[] {
  return [...(given.feature === '*' ? ['feature'] : []), ...sliceColumns(given)];
}

/**
 * One pass over the current rows for all numeric columns, another over the text columns. PSI alone asks for its own few
 * edges, which is faster; KS asks for the fine ones, which contain them.
 */
function queries(request: ObservationRequest, dialect: Dialect, stored: Json | undefined): readonly Query[] {
  const read = asProfile(stored);
  const rows = { from: currentRows(request, dialect), by: sliceColumns(request.args) };
  const numeric = comparable(request, 'numeric');
  const categorical = comparable(request, 'categorical');
  const values = read.slices.map(s => s.values);
  const edges = (slice: number, column: number) =>
    asked(request, read.slices[slice]?.numeric[numeric[column] ?? '']);
  return [
    ...(numeric.length === 0 ? [] : [{ sql: histogramSql(rows, numeric, values, edges, dialect) }]),
    ...(categorical.length === 0 || request.args.main === 'ks'
      ? []
      : [{ sql: categoriesSql(rows, categorical, dialect) }]),
  ];
}

function asked(
  request: ObservationRequest,
  column: SliceProfile['numeric'][string] | undefined,
): readonly number[] {
  return (request.args.main === 'ks' ? column?.edges : column?.psi) ?? [];
}

function observe(
  request: ObservationRequest,
  stored: Json | undefined,
  answers: readonly (readonly Row[])[],
  dialect: Dialect,
): ReturnType<Evaluator['observe']> {
  const read = asProfile(stored);
  const asks = queries(request, dialect, stored).length;
  const slices = currentSlices(request, read, answers);
  const open = openSlices(request, slices);
  const columns = [...open.keys()];
  if (answers.length === asks && columns.length > 0) {
    const reference = { from: referenceRows(request, dialect), by: sliceColumns(request.args) };
    const current = { from: currentRows(request, dialect), by: sliceColumns(request.args) };
    return {
      refine: columns.map(c => ({ sql: exactKsSql(reference, current, c, open.get(c) ?? [], dialect) })),
    };
  }
  const exact = exactOf(columns, answers.slice(asks), sliceColumns(request.args));
  const readings = readingsOf(request, slices, exact);
  const { reference } = request;
  const nothing = readings.length === 0 ? unknown('absent', 'no slice has rows') : undefined;
  return observationOf(request, {
    unit: 'number',
    definition: definitionOf(request),
    vector: labelNames(request.args).length > 0,
    readings,
    unknown: nothing,
    detail: detailOf(request, slices, readings),
    reference: reference && {
      label: reference.label,
      hash: hashOf(stored),
      ...(reference.interval === undefined ? {} : { interval: reference.interval }),
    },
  });
}

function definitionOf(request: ObservationRequest): string {
  const bins = binsOf(request.args);
  if (request.args.main === 'ks') return `ks/two-sample/bins${fineBins(bins)}/v1`;
  const kinds = new Set(driftColumns(request).map(c => c.kind));
  return [
    ...(kinds.has('numeric') ? [`quantile_ref/${bins}/floor1e-4/atoms/v1`] : []),
    ...(kinds.has('categorical') ? ['categorical/floor1e-4/v1'] : []),
  ].join('+');
}

function exactOf(
  columns: readonly string[],
  answers: readonly (readonly Row[])[],
  by: readonly string[],
): Exact {
  return new Map(
    columns.flatMap((column, i) =>
      (answers[i] ?? []).map(
        row => [sliceKey([column, ...(sliceOf(row, by) ?? [])]), numberOf(row.d)] as const,
      ),
    ),
  );
}

/** Current counts by slice: the reference's slices in its order, then those that it lacks. */
function currentSlices(
  request: ObservationRequest,
  read: DriftProfile,
  answers: readonly (readonly Row[])[],
): readonly SliceCounts[] {
  const by = sliceColumns(request.args);
  const numeric = comparable(request, 'numeric');
  const categorical = request.args.main === 'ks' ? [] : comparable(request, 'categorical');
  const bins = rowsBySlice(numeric.length === 0 ? [] : (answers[0] ?? []), by);
  const categories = categorical.map((_, i) =>
    categoryCountsBySlice(answers[numeric.length === 0 ? 0 : 1] ?? [], i, by),
  );
  const profiles = new Map(read.slices.map(s => [sliceKey(s.values), s]));
  const keys = new Set([...profiles.keys(), ...bins.keys(), ...categories.flatMap(c => [...c.keys()])]);
  return [...keys].map(key => {
    const reference = profiles.get(key);
    const row = bins.get(key);
    return {
      values: JSON.parse(key) as string[],
      reference,
      numeric: Object.fromEntries(
        reference === undefined || row === undefined
          ? []
          : numeric.map((c, i) => [
              c,
              numericCounts(row, `h${i}`, asked(request, reference.numeric[c]).length),
            ]),
      ),
      categorical: Object.fromEntries(
        categorical.flatMap((c, i) => {
          const counts = categories[i]?.get(key);
          return counts === undefined ? [] : [[c, counts] as const];
        }),
      ),
    };
  });
}
