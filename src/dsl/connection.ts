/** The validator of `Connection`: one configured instance of an external system, and what may be done on it. */
import { z } from 'zod';
import type { ConnectionSpec } from '../model.ts';
import { duration, envelope, present, text } from './fields.ts';

const limits = z
  .strictObject({
    timeout: duration
      .default(30_000)
      .meta({ description: 'How long one query or call may take; 30s unless said.' }),
    memory: z
      .string()
      .regex(/^\d+(\.\d+)?(MB|GB|MiB|GiB)$/, 'expected a size such as 512MB or 2GB')
      .optional(),
  })
  .transform(({ timeout, memory }) => present({ timeoutMs: timeout, memory }));

const command = z.strictObject({
  argv: z.array(text, 'expected a list: the program and its arguments').min(1, 'expected the program to run'),
  cwd: text.optional(),
});

const spec = z
  .strictObject({
    connector: z.enum(['local', 'duckdb'], 'expected local or duckdb'),
    access: z
      .enum(['read', 'act'], 'expected read or act')
      .default('read')
      .meta({ description: 'read: what would act on it only observes. act: it may be acted on.' }),
    path: text.optional().meta({
      description:
        'duckdb: the folder below which dataset paths lie. local: the folder of registry/ and serving/.',
    }),
    commands: z
      .record(text, command)
      .default({})
      .meta({ description: 'local: what its pipelines run, without a shell.' }),
    limits: limits.prefault({}),
  })
  .superRefine(({ connector, path, commands }, ctx) => {
    if (connector === 'duckdb' && path === undefined)
      ctx.addIssue({
        code: 'custom',
        path: ['path'],
        message: 'expected the folder below which dataset paths lie',
      });
    if (connector === 'duckdb' && Object.keys(commands).length > 0)
      ctx.addIssue({
        code: 'custom',
        path: ['commands'],
        message: 'expected no commands on a duckdb connection',
      });
  })
  .transform((value): Omit<ConnectionSpec, 'name'> => present(value) as Omit<ConnectionSpec, 'name'>);

/** `Connection`. */
export const connectionDocument = envelope('Connection', spec);
