/** The rows of a query as label sets with a value each, or why they are none. SQL and PromQL say it in their own ways. Pure. */
import type { Answer, Json, Labels, Row, Unknown } from '../model.ts';
import { numberOf, unknown } from './reading.ts';

/** One label set: its value as it came, and the fields beside it. */
export interface Found {
  readonly labels: Labels;
  readonly value: Json;
  readonly fields: Readonly<Record<string, number>>;
}

/** Columns of SQL that are passed on when they are finite. */
const EXTRA = ['lower', 'upper', 'rows'];

/** One a row: the column `value`, or the only column that is no label. */
export function foundInSql(rows: Answer, names: readonly string[]): readonly Found[] | Unknown {
  const first = rows[0];
  if (first === undefined) return [];
  const lacking = names.filter(name => !(name in first));
  if (lacking.length > 0)
    return unknown('undefined', `the query has no column ${lacking.join(', ')}; labels name columns of it`);
  const column = valueColumn(first, names);
  if (column === undefined)
    return unknown(
      'undefined',
      `the query gave columns ${Object.keys(first).join(', ')}; expected one named value`,
    );
  return rows.map(row => ({
    labels: Object.fromEntries(names.map(name => [name, labelOf(row[name] ?? null)])),
    value: row[column] ?? null,
    fields: Object.fromEntries(
      EXTRA.flatMap(name => {
        const value = numberOf(row[name]);
        return Number.isFinite(value) ? [[name, value] as const] : [];
      }),
    ),
  }));
}

function valueColumn(row: Row, labels: readonly string[]): string | undefined {
  if ('value' in row) return 'value';
  const rest = Object.keys(row).filter(column => !labels.includes(column));
  return rest.length === 1 ? rest[0] : undefined;
}

function labelOf(cell: Json): string {
  return typeof cell === 'string' ? cell : JSON.stringify(cell);
}

/**
 * One a series, by the labels that are named; a label that a series lacks is empty, as it is in PromQL. `counts`: the answer
 * of the query for the sample counts, matched by the same labels.
 */
export function foundInPromql(
  rows: Answer,
  names: readonly string[],
  counts: Answer | undefined,
): readonly Found[] | Unknown {
  const present = new Set(rows.flatMap(row => Object.keys(labelsOf(row))));
  const lacking = names.filter(name => !present.has(name));
  if (rows.length > 0 && lacking.length > 0)
    return unknown(
      'undefined',
      `no series has the label ${lacking.join(', ')}; they have ${[...present].sort().join(', ') || 'none'}`,
    );
  const counted = new Map<string, number[]>();
  for (const row of counts ?? []) {
    const key = keyOf(pick(row, names));
    counted.set(key, [...(counted.get(key) ?? []), numberOf(row.value)]);
  }
  return rows.map(row => {
    const labels = pick(row, names);
    const [count, ...more] = counted.get(keyOf(labels)) ?? [];
    const known = count !== undefined && Number.isFinite(count) && more.length === 0;
    return { labels, value: row.value ?? null, fields: known ? { rows: count } : {} };
  });
}

function labelsOf(row: Row): Labels {
  return (row.labels ?? {}) as Labels;
}

function pick(row: Row, names: readonly string[]): Labels {
  const labels = labelsOf(row);
  return Object.fromEntries(
    names.map(name => [name, Object.hasOwn(labels, name) ? (labels[name] ?? '') : '']),
  );
}

/** A label set as one text: equal sets have equal keys. The names come in the order of the policy. */
export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels));
}
