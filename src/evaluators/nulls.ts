/** `nulls: COLUMN` or `nulls: "*"`: the share of rows without a value. */
import { z } from 'zod';
import { assert, type Evaluator, type JsonObject, type ObservationRequest, type Reading } from '../model.ts';
import { countOf, known, observationOf, unknown } from './reading.ts';
import { currentRows } from './source.ts';
import { wilson } from './special.ts';

/**
 * A ratio, 0 (all rows have a value) to 1 (none has), of NULLs and NaNs among the window's rows; `lower` and `upper` are
 * Wilson's 95 % interval. `*` gives every column of the dataset, by label `feature`. Unknown (`too-few`) without rows, or
 * with fewer than `minSamples`.
 */
export const nulls: Evaluator = {
  name: 'nulls',
  args: z.strictObject({
    main: z.string().meta({
      description:
        'The share of rows without a value (NULL or NaN) in this column; "*" is every column, as a vector by label feature.',
      examples: ['distance', '*'],
    }),
    dataset: z
      .string()
      .optional()
      .meta({
        description:
          "A Dataset, a role of the Model (predictions, labels, training, holdout) or self; the target's own, or the Model's predictions, unless said.",
        examples: ['flights', 'self'],
      }),
  }),
  outputs: { value: 'ratio', lower: 'ratio', upper: 'ratio', rows: 'count', nulls: 'count' },
  mainDimension: () => 'ratio',
  isVector: args => args.main === '*',
  labelNames: args => (args.main === '*' ? ['feature'] : []),
  reads: 'dataset',
  datasetArgument: 'dataset',
  needsReference: false,
  queries(request, dialect) {
    const counts = columnsOf(request).map((column, i) => {
      const cell = dialect.identifier(column);
      const empty = isFloat(request, column)
        ? `${cell} IS NULL OR isnan(CAST(${cell} AS DOUBLE))`
        : `${cell} IS NULL`;
      return `, coalesce(count_if(${empty}), 0) AS n${i}`;
    });
    return [{ sql: `SELECT count(*) AS n${counts.join('')} ${currentRows(request, dialect)}` }];
  },
  observe(request, _profile, answers) {
    const row = answers[0]?.[0];
    const total = countOf(row, 'n');
    const vector = isVector(request.args);
    const readings = columnsOf(request).map((column, i) =>
      reading(countOf(row, `n${i}`), total, request.minSamples ?? 1, vector ? { feature: column } : {}),
    );
    return observationOf(request, { unit: 'ratio', definition: 'nulls/null+nan/v1', vector, readings });
  },
};

function reading(empty: number, total: number, needed: number, labels: Reading['labels']): Reading {
  const least = Math.max(1, needed);
  if (total < least) {
    const message = `${total} rows in the window, at least ${least} needed (nulls)`;
    return { labels, fields: { rows: total, nulls: empty }, unknown: unknown('too-few', message) };
  }
  const [lower, upper] = wilson(empty, total);
  return known({ value: empty / total, lower, upper, rows: total, nulls: empty }, labels);
}

function columnsOf(request: ObservationRequest): readonly string[] {
  assert(request.dataset !== undefined, `observation ${request.name} has no dataset`);
  return isVector(request.args) ? Object.keys(request.dataset.columns) : [String(request.args.main)];
}

function isVector(args: JsonObject): boolean {
  return args.main === '*';
}

function isFloat(request: ObservationRequest, column: string): boolean {
  return request.dataset?.columns[column]?.type === 'number';
}
