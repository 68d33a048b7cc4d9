/** `query: CONNECTION` with `sql` or `promql`: what a person's own query says. */
import { z } from 'zod';
import {
  type Answer,
  assert,
  type Evaluator,
  type Json,
  type JsonObject,
  type Observation,
  type ObservationRequest,
  type Query,
  type Reading,
  type Scalar,
  type Unknown,
} from '../model.ts';
import { type Found, foundInPromql, foundInSql, keyOf } from './query-found.ts';
import { isAssembled, promqlOf, sqlOf } from './query-text.ts';
import { numberOf, observationOf, unknown } from './reading.ts';

const args = z
  .strictObject({
    main: z.string().meta({
      description:
        'What a query of your own gives, on a Connection that can be asked: duckdb with sql, prometheus with promql.',
      examples: ['warehouse', 'prometheus'],
    }),
    sql: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: `One SELECT that gives one value: a column named value, or its only column. \${…} become literals; never put them between quotes.`,
        examples: ["SELECT count(*) AS value FROM files('orders/*.parquet')"],
      }),
    promql: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: `A PromQL expression, evaluated at the time of the tick. \${…} stand between double quotes as text, outside of them as numbers or durations. No series is unknown, never zero.`,
        examples: [`sum(rate(http_requests_total{job="\${target.name}",code=~"5.."}[5m]))`],
      }),
    entry: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          'In place of sql or promql: the name of one of the queries of the Connection. Drafts of agents ask these.',
        examples: ['error-rate'],
      }),
    rows: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          'With promql: a second expression that counts the samples behind the value, for minSamples.',
        examples: ['sum(increase(http_requests_total{job="churn"}[5m]))'],
      }),
    empty: z
      .number()
      .optional()
      .meta({
        description:
          'The value when the query gives nothing; only where `needs` proves that there was traffic.',
        examples: [0],
      }),
    vector: z
      .boolean()
      .optional()
      .meta({ description: 'One value a label set, by the labels that `labels` names.', examples: [true] }),
    labels: z
      .array(z.string())
      .min(1)
      .optional()
      .meta({
        description: 'Columns of the SQL, or labels of the series, that name each value.',
        examples: [['origin'], ['instance', 'job']],
      }),
  })
  .refine(a => (a.sql === undefined) !== (a.promql === undefined), {
    message: 'expected exactly one of sql and promql',
  })
  .refine(a => a.rows === undefined || a.promql !== undefined, {
    path: ['rows'],
    message: 'expected rows only with promql; in SQL give a column rows',
  })
  .refine(a => (a.vector === true) === (a.labels !== undefined), {
    message: 'expected `vector: true` and `labels: [NAME, …]` together: what names each value',
  })
  .refine(a => a.empty === undefined || a.vector !== true, {
    path: ['empty'],
    message: 'expected no empty with vector: true, because nobody knows which label sets are missing',
  });

/**
 * The query's one value; with `vector: true`, one reading a row of SQL or a series of PromQL, by `labels`. Its unit is the
 * observation's `unit`, else a number; of PromQL, `unit: duration` takes seconds, which is what Prometheus counts in. SQL's
 * columns `lower`, `upper` and `rows` are passed on; PromQL's `rows` is a query of its own. Unknown: `absent` for no row, no
 * series or NULL (`empty` takes their place), `undefined` for NaN, infinities, text where a number is due, several values
 * without `vector`, and label sets that repeat; `too-few` when `rows` is below `minSamples`.
 */
export const query: Evaluator = {
  name: 'query',
  args,
  outputs: { value: 'number', lower: 'number', upper: 'number', rows: 'count' },
  mainDimension: () => 'number',
  isVector,
  labelNames,
  reads: 'connection',
  datasetArgument: 'main',
  needsReference: false,
  queries(request, dialect) {
    const { sql, promql, rows } = request.args;
    if (promql === undefined) return [{ sql: sqlOf(sql ?? '', dialect) }];
    return [promql, rows].flatMap(text => (text === undefined ? [] : [instant(text, request)]));
  },
  observe(request, _profile, answers, dialect) {
    const { sql, promql, rows } = request.args;
    const vector = isVector(request.args);
    const found = valuesOf(request, answers);
    const warnings = (answers as readonly Answer[]).flatMap(answer => answer.warnings ?? []);
    const texts: Record<string, string> = {};
    if (isAssembled(sql)) texts.sql = sqlOf(sql ?? '', dialect);
    if (isAssembled(promql)) texts.promql = promqlOf(promql ?? '');
    if (isAssembled(rows)) texts.rows = promqlOf(rows ?? '');
    const detail = { ...texts, ...(warnings.length === 0 ? {} : { warnings: [...new Set(warnings)] }) };
    return observationOf(request, {
      unit: request.unit ?? 'number',
      definition: promql === undefined ? 'query/sql/v1' : 'query/promql/v1',
      vector,
      ...readingsOf(found, request),
      ...(Object.keys(detail).length === 0 ? {} : { detail }),
    });
  },
};

/** Asked at the end of the window, which is the time of the tick: the server's own now is not looked at. */
function instant(text: Json, { interval, end, name }: ObservationRequest): Query {
  const at = interval?.to ?? end;
  assert(at !== undefined, `observation ${name} does not say when it is asked`);
  return { promql: promqlOf(text), at };
}

function isVector(given: JsonObject): boolean {
  return given.vector === true;
}

function labelNames(given: JsonObject): readonly string[] {
  return Array.isArray(given.labels) ? given.labels.map(String) : [];
}

function valuesOf({ args }: ObservationRequest, answers: readonly Answer[]): readonly Found[] | Unknown {
  const [rows = [], counts] = answers;
  const names = labelNames(args);
  if (args.promql === undefined) return foundInSql(rows, names);
  return foundInPromql(rows, names, counts);
}

function readingsOf(
  found: readonly Found[] | Unknown,
  request: ObservationRequest,
): Pick<Observation, 'readings'> & { readonly unknown?: Unknown | undefined } {
  const failed = 'reason' in found ? found : shapeFault(found, request);
  if (failed === undefined)
    return { readings: (found as readonly Found[]).map(one => reading(one, request)) };
  const { empty } = request.args;
  if (failed.reason === 'absent' && typeof empty === 'number')
    return { readings: [reading({ labels: {}, value: null, fields: {} }, request)] };
  return {
    readings: isVector(request.args) ? [] : [{ labels: {}, fields: {}, unknown: failed }],
    unknown: failed,
  };
}

function shapeFault(found: readonly Found[], { args }: ObservationRequest): Unknown | undefined {
  const prom = args.promql !== undefined;
  if (found.length === 0)
    return unknown('absent', prom ? 'the query gave no series' : 'the query gave no row');
  if (!isVector(args) && found.length > 1)
    return unknown(
      'undefined',
      prom
        ? `the query gave ${found.length} series; expected one (sum or max makes one of them; vector: true and labels take several)`
        : `the query gave ${found.length} rows; expected one (vector: true and labels take several)`,
    );
  const seen = new Set<string>();
  for (const { labels } of found) {
    const key = keyOf(labels);
    if (seen.has(key))
      return unknown('undefined', `the query gave the labels ${key} twice; each value needs its own`);
    seen.add(key);
  }
  return undefined;
}

function reading({ labels, value: cell, fields }: Found, request: ObservationRequest): Reading {
  const { minSamples } = request;
  const value = scalarOf(cell, request);
  if (typeof value === 'object') return { labels, fields, unknown: value };
  if (minSamples !== undefined && (fields.rows === undefined || fields.rows < minSamples)) {
    const found = fields.rows === undefined ? uncounted(request) : `${fields.rows} rows behind the value`;
    const message = `${found}, at least ${minSamples} needed (query)`;
    return { labels, fields, unknown: unknown('too-few', message) };
  }
  return { labels, fields: { value, ...fields } };
}

function uncounted({ args }: ObservationRequest): string {
  return args.promql === undefined
    ? 'the query gives no column rows to count them'
    : 'rows gives no count for the value';
}

function scalarOf(cell: Json, request: ObservationRequest): Scalar | Unknown {
  const { empty, promql } = request.args;
  if (cell === null) return typeof empty === 'number' ? empty : unknown('absent', 'the query gave NULL');
  const unit = request.unit ?? 'number';
  const wanted =
    unit === 'boolean' ? 'boolean' : unit === 'string' || unit === 'version' ? 'string' : 'number';
  if (wanted === 'number') {
    const value = typeof cell === 'boolean' ? Number.NaN : numberOf(cell);
    if (Number.isFinite(value)) return promql !== undefined && unit === 'duration' ? value * 1000 : value;
  } else if (typeof cell === wanted) {
    return cell as Scalar;
  }
  return unknown('undefined', `the query gave ${JSON.stringify(cell)}; expected a ${wanted}`);
}
