/** The validator of `Dataset`: where rows lie, when they happened, and which columns may be asked about. */
import { z } from 'zod';
import type { DatasetSpec } from '../model.ts';
import { duration, envelope, flag, name, present, text } from './fields.ts';

const column = z
  .strictObject({
    type: z.enum(
      ['number', 'integer', 'string', 'boolean', 'timestamp'],
      'expected number, integer, string, boolean or timestamp',
    ),
    segment: flag.optional().meta({ description: 'May stand in where, by, focus and only.' }),
    sensitive: flag.optional().meta({ description: 'Values never enter evidence, ledger or messages.' }),
  })
  .transform(present);

const timeColumn = z
  .strictObject({
    column: text,
    zone: z.string().refine(isZone, 'expected an IANA time zone such as UTC or Europe/Zurich').default('UTC'),
    lateness: duration.default(0).meta({ description: 'How long after its time a row may still arrive.' }),
  })
  .transform(({ column, zone, lateness }) => ({ column, zone, latenessMs: lateness }));

const spec = z
  .strictObject({
    owner: text.optional(),
    connection: name,
    table: text
      .regex(/^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*){0,2}$/, 'expected a table such as ml.predictions')
      .optional(),
    path: text
      .refine(isBelow, 'expected a path below the folder of the connection, such as data/*.parquet')
      .optional()
      .meta({ description: "A file or glob, relative to the connection's folder." }),
    time: timeColumn.optional(),
    key: text.optional().meta({ description: 'The column that names a row.' }),
    columns: z
      .record(text, column, 'expected a mapping of columns')
      .refine(columns => Object.keys(columns).length > 0, 'expected at least one column'),
  })
  .superRefine((dataset, ctx) => {
    const issue = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
    if ((dataset.table === undefined) === (dataset.path === undefined))
      issue([], 'expected exactly one of table and path');
    for (const [name, { segment, sensitive }] of Object.entries(dataset.columns))
      if (segment && sensitive)
        issue(
          ['columns', name, 'sensitive'],
          'expected no segment here: its values would be labels, for all to see',
        );
    for (const [at, named] of [
      [['time', 'column'], dataset.time?.column],
      [['key'], dataset.key],
    ] as const) {
      if (named !== undefined && !Object.hasOwn(dataset.columns, named))
        issue([...at], `expected one of the columns: ${Object.keys(dataset.columns).join(', ')}`);
    }
  })
  .transform((value): Omit<DatasetSpec, 'name'> => present(value) as Omit<DatasetSpec, 'name'>);

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

/** No absolute paths, no way up, no URLs: what lies elsewhere needs a connection of its own. */
function isBelow(path: string): boolean {
  return !/^([/\\~]|[A-Za-z]:)/.test(path) && !path.includes('://') && !path.split(/[/\\]/).includes('..');
}

/** `Dataset`. */
export const datasetDocument = envelope('Dataset', spec);
