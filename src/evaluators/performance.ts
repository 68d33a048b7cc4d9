/** `performance: METRIC`: how good a model's logged predictions were, once their labels are in. */
import { z } from 'zod';
import {
  assert,
  type Dialect,
  type Evaluator,
  type JsonObject,
  type ModelSpec,
  never,
  type ObservationRequest,
  type Reading,
  type Row,
  type Unknown,
} from '../model.ts';
import { countOf, known, numberOf, observationOf, unknown } from './reading.ts';
import { currentRows } from './source.ts';
import { wilson, Z95 } from './special.ts';

const metrics = ['log_loss', 'brier', 'error_rate', 'accuracy', 'auc', 'rmse', 'mae'] as const;
type Metric = (typeof metrics)[number];

/** Fewer labelled rows than this make no interval that deserves the name. */
const LEAST_ROWS = 30;

/** Which metrics a task has. */
const byTask: Readonly<Record<ModelSpec['task'], readonly Metric[]>> = {
  binary: ['log_loss', 'brier', 'error_rate', 'accuracy', 'auc'],
  multiclass: ['error_rate', 'accuracy'],
  regression: ['rmse', 'mae'],
};

/**
 * The metric over the window's predictions that have a label. log_loss (0 best, natural logarithm, scores clipped to
 * 1e-15 … 1 − 1e-15) and brier (0 best, 1 worst) for probabilities; error_rate and accuracy (0..1) at `threshold` (score ≥
 * threshold is positive), for multiclass whether score and label are the same text; auc (0.5 chance, 1 perfect, ties count
 * half); rmse and mae in the label's unit. `lower`, `upper`: 95 %, Wilson for shares, DeLong (1988) for auc, else normal over
 * the rows' losses. Unknown: `too-few` below max(30, minSamples) labelled rows or below the Model's label coverage;
 * `undefined` for a metric that the task does not have, scores or labels out of range, or one class only (auc).
 */
export const performance: Evaluator = {
  name: 'performance',
  args: z.strictObject({
    main: z.enum(metrics).meta({
      description:
        'How good the predictions of the window were, once their labels are in: the metric, with a 95 % interval. Which ones there are depends on the task of the Model.',
    }),
    version: z
      .string()
      .optional()
      .meta({ description: 'Only predictions of this version.', examples: [`\${rollout.canary}`] }),
    threshold: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({
        default: 0.5,
        description: 'Of error_rate and accuracy: a score from here on is positive; 0.5 unless said.',
        examples: [0.5],
      }),
  }),
  outputs: {
    value: 'number',
    lower: 'number',
    upper: 'number',
    rows: 'count',
    coverage: 'ratio',
    base_rate: 'ratio',
  },
  mainDimension: args => dimension(metricOf(args)),
  unfit: (given, { task }) =>
    byTask[task].includes(metricOf(given))
      ? undefined
      : `${metricOf(given)} is not defined for a ${task} model; expected ${byTask[task].join(', ')}`,
  isVector: () => false,
  labelNames: () => [],
  reads: 'predictions+labels',
  datasetArgument: 'dataset',
  needsReference: false,
  queries: (request, dialect) => (binding(request) === undefined ? [{ sql: sqlOf(request, dialect) }] : []),
  observe(request, _profile, answers) {
    const metric = metricOf(request.args);
    const cause = binding(request);
    const reading = cause === undefined ? judge(request, answers[0]?.[0]) : nothing(cause);
    const threshold = metric === 'error_rate' || metric === 'accuracy' ? `/${thresholdOf(request.args)}` : '';
    return observationOf(request, {
      unit: dimension(metric),
      definition: `${metric}${threshold}/labelled/v1`,
      vector: false,
      readings: [reading],
    });
  },
};

function metricOf(args: JsonObject): Metric {
  const metric = metrics.find(name => name === args.main);
  assert(metric !== undefined, `performance has no metric ${String(args.main)}`);
  return metric;
}

function dimension(metric: Metric): 'number' | 'ratio' {
  return metric === 'error_rate' || metric === 'accuracy' || metric === 'auc' ? 'ratio' : 'number';
}

function thresholdOf(args: JsonObject): number {
  return typeof args.threshold === 'number' ? args.threshold : 0.5;
}

/** Why the question cannot be asked of this model at all. */
function binding(request: ObservationRequest): Unknown | undefined {
  const { model, labels, dataset } = request;
  assert(
    model?.data.predictions && model.data.labels && labels && dataset,
    'performance without a prediction log',
  );
  const metric = metricOf(request.args);
  if (!byTask[model.task].includes(metric))
    return unknown(
      'undefined',
      `${metric} is not defined for a ${model.task} model; it has ${byTask[model.task].join(', ')}`,
    );
  if (labels.connection !== dataset.connection)
    return unknown(
      'undefined',
      `predictions are on connection ${dataset.connection}, labels on ${labels.connection}; they must share one`,
    );
  return undefined;
}

function sqlOf(request: ObservationRequest, dialect: Dialect): string {
  const { model, labels } = request;
  assert(model?.data.predictions && model.data.labels && labels, 'performance without a prediction log');
  const [log, truth] = [model.data.predictions, model.data.labels];
  const id = dialect.identifier;
  const multiclass = model.task === 'multiclass';
  const cell = (column: string) => `CAST(${id(column)} AS ${multiclass ? 'VARCHAR' : 'DOUBLE'})`;
  const rows = `SELECT * ${currentRows(request, dialect)}`;
  // The newest label wins when one prediction has several.
  const latest =
    labels.time === undefined
      ? `max(${cell(truth.value)})`
      : `arg_max(${cell(truth.value)}, ${id(labels.time.column)})`;
  const finite = multiclass ? 's IS NOT NULL' : 'isfinite(s) AND isfinite(y)';
  return `WITH p AS (SELECT ${id(log.key)} AS k, ${cell(log.score)} AS s FROM (${rows}) AS log),
l AS (SELECT ${id(truth.key)} AS k, ${latest} AS y FROM ${dialect.relation(labels, request.connection)}
  WHERE ${id(truth.key)} IN (SELECT k FROM p) AND ${id(truth.value)} IS NOT NULL GROUP BY ${id(truth.key)}),
j AS (SELECT s, y FROM p JOIN l USING (k) WHERE ${finite}),
t AS (SELECT count(*) AS predictions FROM p)
${metricSql(metricOf(request.args), request)}`;
}

function metricSql(metric: Metric, request: ObservationRequest): string {
  if (metric === 'auc') return AUC;
  const odd =
    request.model?.task === 'binary'
      ? `count_if(y NOT IN (0, 1)) AS odd_labels, count_if(s < 0 OR s > 1) AS odd_scores, avg(y) AS base_rate,`
      : '0 AS odd_labels, 0 AS odd_scores, NULL AS base_rate,';
  return `SELECT any_value(predictions) AS predictions, count(y) AS n, ${odd} avg(loss) AS mean,
stddev_samp(loss) AS deviation FROM t LEFT JOIN (SELECT s, y, ${lossSql(metric, request)} AS loss FROM j) AS j ON TRUE`;
}

/** The loss of one row, of score s and label y. */
function lossSql(metric: Exclude<Metric, 'auc'>, request: ObservationRequest): string {
  const clipped = 'least(greatest(s, 1e-15), 1e0 - 1e-15)';
  const threshold = `${thresholdOf(request.args)}::DOUBLE`;
  switch (metric) {
    case 'log_loss':
      return `-(y * ln(${clipped}) + (1 - y) * ln(1 - ${clipped}))`;
    case 'brier':
    case 'rmse':
      return '(s - y) * (s - y)';
    case 'mae':
      return 'abs(s - y)';
    case 'error_rate':
    case 'accuracy':
      return request.model?.task === 'multiclass'
        ? 'CASE WHEN s = y THEN 0e0 ELSE 1e0 END'
        : `CASE WHEN (s >= ${threshold}) = (y = 1) THEN 0e0 ELSE 1e0 END`;
    default:
      return never(metric);
  }
}

/**
 * DeLong's structural components from counts by distinct score: a positive at score s outranks the negatives below it and
 * half of those at it. One pass over distinct scores, ties exact.
 */
const AUC = `, g AS (SELECT s, count_if(y = 1)::DOUBLE AS p, count_if(y = 0)::DOUBLE AS q,
  count_if(y NOT IN (0, 1)) AS odd FROM j GROUP BY s),
c AS (SELECT p, q, odd, sum(p) OVER () AS ps, sum(q) OVER () AS qs,
  sum(q) OVER (ORDER BY s) - q / 2 AS below, sum(p) OVER () - sum(p) OVER (ORDER BY s) + p / 2 AS above FROM g)
SELECT any_value(predictions) AS predictions, coalesce(sum(p + q + odd), 0) AS n, coalesce(sum(odd), 0) AS odd_labels,
0 AS odd_scores, any_value(ps / (ps + qs)) AS base_rate, any_value(ps) AS positives, any_value(qs) AS negatives,
sum(p * below) / any_value(ps * qs) AS mean,
sum(p * (below / qs) * (below / qs)) AS squares_p, sum(q * (above / ps) * (above / ps)) AS squares_q
FROM t LEFT JOIN c ON TRUE`;

function judge(request: ObservationRequest, row: Row | undefined): Reading {
  const metric = metricOf(request.args);
  const predictions = countOf(row, 'predictions');
  const n = countOf(row, 'n');
  const coverage = predictions === 0 ? 0 : n / predictions;
  const counts = { rows: n, coverage };
  const fault = tooFew(request, n, predictions) ?? outOfRange(metric, row);
  if (fault !== undefined) return { labels: {}, fields: counts, unknown: fault };
  const base = numberOf(row?.base_rate);
  const rate = Number.isFinite(base) ? { base_rate: base } : {};
  const [value, lower, upper] = estimate(metric, row, n);
  return known({ value, lower, upper, ...counts, ...rate });
}

function tooFew(request: ObservationRequest, n: number, predictions: number): Unknown | undefined {
  const least = Math.max(LEAST_ROWS, request.minSamples ?? 0);
  const needed = request.model?.data.labels?.coverage ?? 0;
  if (n < least)
    return unknown(
      'too-few',
      `${n} labelled rows of ${predictions} predictions in the window, at least ${least} needed`,
    );
  if (n < needed * predictions)
    return unknown(
      'too-few',
      `${n} of ${predictions} predictions have a usable label (${percent(n / predictions)}), at least ${percent(needed)} needed`,
    );
  return undefined;
}

function outOfRange(metric: Metric, row: Row | undefined): Unknown | undefined {
  const oddLabels = countOf(row, 'odd_labels');
  if (oddLabels > 0) return unknown('undefined', `${oddLabels} labels are neither 0 nor 1`);
  const oddScores = countOf(row, 'odd_scores');
  if (oddScores > 0 && (metric === 'log_loss' || metric === 'brier'))
    return unknown('undefined', `${oddScores} scores lie outside of 0..1; ${metric} needs probabilities`);
  if (metric === 'auc' && (numberOf(row?.positives) === 0 || numberOf(row?.negatives) === 0))
    return unknown('undefined', 'all labels are of one class; auc needs both');
  return undefined;
}

function estimate(metric: Metric, row: Row | undefined, n: number): readonly [number, number, number] {
  const mean = numberOf(row?.mean);
  const half = (Z95 * numberOf(row?.deviation)) / Math.sqrt(n);
  switch (metric) {
    case 'error_rate':
      return [mean, ...wilson(Math.round(mean * n), n)];
    case 'accuracy': {
      const [lower, upper] = wilson(Math.round(mean * n), n);
      return [1 - mean, 1 - upper, 1 - lower];
    }
    case 'rmse':
      return [Math.sqrt(mean), Math.sqrt(Math.max(0, mean - half)), Math.sqrt(mean + half)];
    case 'auc': {
      const error = Z95 * Math.sqrt(delongVariance(row, mean));
      return [mean, Math.max(0, mean - error), Math.min(1, mean + error)];
    }
    default:
      return [mean, Math.max(0, mean - half), mean + half];
  }
}

function delongVariance(row: Row | undefined, auc: number): number {
  const [p, q] = [numberOf(row?.positives), numberOf(row?.negatives)];
  const part = (squares: number, n: number) => Math.max(0, squares - n * auc * auc) / Math.max(1, n - 1) / n;
  return part(numberOf(row?.squares_p), p) + part(numberOf(row?.squares_q), q);
}

function percent(share: number): string {
  return `${Math.floor(share * 1000) / 10} %`;
}

function nothing(cause: Unknown): Reading {
  return { labels: {}, fields: {}, unknown: cause };
}
