/** `query: CONNECTION` with `sql`: what a person's own SELECT says. */
import { z } from 'zod';
import type {
  Evaluator,
  Json,
  JsonObject,
  ObservationRequest,
  Reading,
  Row,
  Scalar,
  Unknown,
} from '../model.ts';
import { numberOf, observationOf, unknown } from './reading.ts';

const args = z
  .strictObject({
    main: z.string(),
    sql: z.string().min(1),
    vector: z.boolean().optional(),
    labels: z.array(z.string()).min(1).optional(),
  })
  .refine(a => (a.vector === true) === (a.labels !== undefined), {
    message: '`vector: true` and `labels: [COLUMN, …]` go together: the columns that name each row',
  });

/**
 * The column `value`, or the only column that is not a label, of the query's one row; with `vector: true`, one reading a row,
 * by the columns named in `labels`. Its unit is the observation's `unit`, else a number. Columns `lower`, `upper` and `rows`
 * are passed on. Unknown: `absent` for no row or NULL, `undefined` for NaN, infinities, text where a number is due, several
 * rows without `vector`, and label sets that repeat; `too-few` when `rows` is below `minSamples`.
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
  queries: request => [{ sql: String(request.args.sql) }],
  observe(request, _profile, answers) {
    const rows = answers[0] ?? [];
    const vector = isVector(request.args);
    const failed = shapeFault(rows, request.args);
    const readings =
      failed === undefined ? rows.map(row => reading(row, request)) : vector ? [] : [none(failed)];
    return observationOf(request, {
      unit: request.unit ?? 'number',
      definition: 'query/sql/v1',
      vector,
      readings,
      unknown: failed,
    });
  },
};

function isVector(given: JsonObject): boolean {
  return given.vector === true;
}

function labelNames(given: JsonObject): readonly string[] {
  return Array.isArray(given.labels) ? given.labels.map(String) : [];
}

function shapeFault(rows: readonly Row[], given: JsonObject): Unknown | undefined {
  const names = labelNames(given);
  const first = rows[0];
  if (first === undefined) return unknown('absent', 'the query gave no row');
  const lacking = names.filter(name => !(name in first));
  if (lacking.length > 0)
    return unknown('undefined', `the query has no column ${lacking.join(', ')}; labels name columns of it`);
  if (valueColumn(first, names) === undefined)
    return unknown(
      'undefined',
      `the query gave columns ${Object.keys(first).join(', ')}; expected one named value`,
    );
  if (!isVector(given) && rows.length > 1)
    return unknown(
      'undefined',
      `the query gave ${rows.length} rows; expected one (vector: true and labels take several)`,
    );
  const keys = rows.map(row => JSON.stringify(names.map(name => labelOf(row[name] ?? null))));
  const repeated = keys.find((key, i) => keys.indexOf(key) !== i);
  return repeated === undefined
    ? undefined
    : unknown('undefined', `the query gave the labels ${repeated} twice; each row needs its own`);
}

function valueColumn(row: Row, labels: readonly string[]): string | undefined {
  if ('value' in row) return 'value';
  const rest = Object.keys(row).filter(column => !labels.includes(column));
  return rest.length === 1 ? rest[0] : undefined;
}

function labelOf(cell: Json): string {
  return typeof cell === 'string' ? cell : JSON.stringify(cell);
}

function reading(row: Row, request: ObservationRequest): Reading {
  const names = labelNames(request.args);
  const labels = Object.fromEntries(names.map(name => [name, labelOf(row[name] ?? null)]));
  const cell = row[valueColumn(row, names) ?? 'value'] ?? null;
  const extra = ['lower', 'upper', 'rows'].flatMap(name => {
    const value = numberOf(row[name]);
    return Number.isFinite(value) ? [[name, value] as const] : [];
  });
  const fields = Object.fromEntries(extra);
  const value = scalarOf(cell, request);
  if (typeof value === 'object') return { labels, fields, unknown: value };
  const { minSamples } = request;
  if (minSamples !== undefined && (fields.rows === undefined || fields.rows < minSamples)) {
    const found =
      fields.rows === undefined
        ? 'the query gives no column rows to count them'
        : `${fields.rows} rows behind the value`;
    const message = `${found}, at least ${minSamples} needed (query)`;
    return { labels, fields, unknown: unknown('too-few', message) };
  }
  return { labels, fields: { value, ...fields } };
}

function scalarOf(cell: Json, request: ObservationRequest): Scalar | Unknown {
  if (cell === null) return unknown('absent', 'the query gave NULL');
  const unit = request.unit ?? 'number';
  const wanted =
    unit === 'boolean' ? 'boolean' : unit === 'string' || unit === 'version' ? 'string' : 'number';
  if (wanted === 'number') {
    const value = typeof cell === 'boolean' ? Number.NaN : numberOf(cell);
    if (Number.isFinite(value)) return value;
  } else if (typeof cell === wanted) {
    return cell as Scalar;
  }
  return unknown('undefined', `the query gave ${JSON.stringify(cell)}; expected a ${wanted}`);
}

function none(cause: Unknown): Reading {
  return { labels: {}, fields: {}, unknown: cause };
}
