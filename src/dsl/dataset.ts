/** The validator of `Dataset`: where rows lie, when they happened, and which columns may be asked about. */
import { z } from 'zod';
import type { DatasetSpec } from '../model.ts';
import { duration, envelope, flag, name, period, present, text, zone } from './fields.ts';

const column = z
  .strictObject({
    type: z
      .enum(
        ['number', 'integer', 'string', 'boolean', 'timestamp'],
        'expected number, integer, string, boolean or timestamp',
      )
      .meta({ description: 'What its values are.' }),
    segment: flag
      .optional()
      .meta({ description: 'May stand in where, by, focus and only: few values, for all to see.' }),
    sensitive: flag.optional().meta({ description: 'Values never enter evidence, ledger or messages.' }),
  })
  .transform(present);

const timeColumn = z
  .strictObject({
    column: text.meta({ description: 'The column that says when a row happened.', examples: ['scored_at'] }),
    zone: zone
      .default('UTC')
      .meta({ description: 'The time zone of its values where they name none; UTC unless said.' }),
    lateness: duration.default(0).meta({
      description:
        'How long after its time a row may still arrive: windows end so much before now. None unless said.',
      examples: ['2h'],
    }),
  })
  .transform(({ column, zone, lateness }) => ({ column, zone, latenessMs: lateness }));

const spec = z
  .strictObject({
    owner: text.optional().meta({
      description: 'Who is paged about it: a group or a person of Settings.',
      examples: ['growth-data'],
    }),
    connection: name.meta({ description: 'The Connection that has it.', examples: ['warehouse'] }),
    table: text
      .regex(/^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*){0,2}$/, 'expected a table such as ml.predictions')
      .optional()
      .meta({
        description: 'The table, with its schema; exactly one of table and path.',
        examples: ['ml.predictions'],
      }),
    path: text
      .refine(isBelow, 'expected a path below the folder of the connection, such as data/*.parquet')
      .optional()
      .meta({
        description: "A file or a glob, relative to the connection's folder; exactly one of table and path.",
        examples: ['predictions/*.parquet'],
      }),
    time: timeColumn
      .optional()
      .meta({ description: 'When rows happened; without it nothing can look at a window of them.' }),
    key: text.optional().meta({
      description: 'The column that names a row; rest samples by a hash of it.',
      examples: ['request_id'],
    }),
    columns: z
      .record(text, column, 'expected a mapping of columns')
      .refine(columns => Object.keys(columns).length > 0, 'expected at least one column')
      .meta({
        description: 'Its columns: only what is listed here may be read.',
        examples: [{ country: { type: 'string', segment: true }, tenure: { type: 'number' } }],
        minProperties: 1,
      }),
    expect: z
      .strictObject({
        maxAge: period.optional().meta({
          description: 'How old its newest row may be: target.expect.maxAge in conditions.',
          examples: ['26h'],
        }),
      })
      .transform(({ maxAge }) => present({ maxAgeMs: maxAge }))
      .optional()
      .meta({ description: 'What is promised of it.', examples: [{ maxAge: '26h' }] }),
    upstream: z
      .array(
        z.strictObject({
          dataset: name.meta({ description: 'One that it is made from.', examples: ['customers'] }),
        }),
        'expected a list of { dataset: NAME }',
      )
      .optional()
      .meta({
        description: 'Datasets that it is made from: what a gate on one of them reaches.',
        examples: [[{ dataset: 'customers' }]],
      }),
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
  .transform(
    ({ upstream, ...rest }): Omit<DatasetSpec, 'name'> =>
      present({ ...rest, upstream: upstream?.map(({ dataset }) => dataset) }) as Omit<DatasetSpec, 'name'>,
  )
  .meta({
    description: 'A table or files: where rows lie, when they happened, which columns may be asked about.',
  });

/** No absolute paths, no way up, no URLs: what lies elsewhere needs a connection of its own. */
function isBelow(path: string): boolean {
  return !/^([/\\~]|[A-Za-z]:)/.test(path) && !path.includes('://') && !path.split(/[/\\]/).includes('..');
}

/** `Dataset`. */
export const datasetDocument = envelope('Dataset', spec);
