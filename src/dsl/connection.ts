/** The validator of `Connection`: one configured instance of an external system, and what may be done on it. */
import { z } from 'zod';
import type { ConnectionSpec } from '../model.ts';
import { count, duration, envelope, name, present, rate, text } from './fields.ts';

const limitFields = {
  timeout: duration.meta({
    description: 'How long one query or call may take; 30s unless said.',
    examples: ['30s'],
  }),
  memory: z
    .string()
    .regex(/^\d+(\.\d+)?(MB|GB|MiB|GiB)$/, 'expected a size such as 512MB or 2GB')
    .optional()
    .meta({ description: 'duckdb: how much memory its queries may use together.', examples: ['2GB'] }),
  concurrency: count.optional().meta({ description: 'Queries under way at once.', examples: [4] }),
  rate: rate.optional().meta({ description: 'Queries at most.', examples: ['60 per 1m'] }),
};

const limits = z
  .strictObject({ ...limitFields, timeout: limitFields.timeout.default(30_000) })
  .transform(({ timeout, ...rest }) => present({ timeoutMs: timeout, ...rest }));

const someLimits = z
  .strictObject({ ...limitFields, timeout: limitFields.timeout.optional() })
  .transform(({ timeout, ...rest }) => present({ timeoutMs: timeout, ...rest }));

const command = z.strictObject({
  argv: z
    .array(text, 'expected a list: the program and its arguments')
    .min(1, 'expected the program to run')
    .meta({
      description: 'The program and its arguments; no shell reads them.',
      examples: [['node', 'train.ts']],
    }),
  cwd: text.optional().meta({
    description: "Where it runs, relative to the folder of the daemon's state.",
    examples: ['examples/flights'],
  }),
});

const access = z
  .enum(['read', 'act'], 'expected read or act')
  .meta({ description: 'read: what would act on it only observes. act: it may be acted on.' });

const url = z
  .string('expected a URL such as https://prometheus.example')
  .superRefine((value, ctx) => {
    const message = urlProblem(value);
    if (message !== undefined) ctx.addIssue({ code: 'custom', message });
  })
  .meta({ description: 'Its base address.', examples: ['https://prometheus.example'] });

function urlProblem(value: string): string | undefined {
  const expected = 'expected a URL such as https://prometheus.example';
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return `${expected}, with http or https`;
  const { username, password, search, hash } = new URL(value);
  if (username !== '' || password !== '')
    return `${expected}, without a user: who asks is said under auth, and its secret is in the environment`;
  return search === '' && hash === '' ? undefined : `${expected}, without ? and #`;
}

const A_SECRET = `expected \${env:FLYBALL_NAME}: secrets are in the environment, never in the repository`;
const SECRET = /^\$\{env:(FLYBALL_[A-Z0-9_]+)\}$/;

/** A secret is a name in the daemon's environment; a value is never in the repository, and no message repeats it. */
const secret = z
  .string(A_SECRET)
  .transform((value, ctx) => {
    const found = SECRET.exec(value)?.[1];
    if (found !== undefined) return { $env: found };
    const message = value.startsWith('${env:')
      ? `expected a name that begins with FLYBALL_, such as \${env:FLYBALL_PASSWORD}: no other variable is sent anywhere`
      : A_SECRET;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ examples: [`\${env:FLYBALL_PASSWORD}`] });

const auth = z
  .union(
    [
      z.literal('none'),
      z.strictObject({
        user: text
          .refine(value => !value.includes('${'), 'expected the name itself; only secrets are templates')
          .meta({ description: 'The name, as it is.', examples: ['flyball'] }),
        password: secret.meta({ description: 'The variable that holds the password.' }),
      }),
      z.strictObject({ bearer: secret.meta({ description: 'The variable that holds the token.' }) }),
    ],
    'expected none, { user, password } or { bearer }',
  )
  .meta({
    description:
      'Who asks. Secrets are names in the environment of the daemon, which says where each may be sent.',
    examples: ['none', { bearer: `\${env:FLYBALL_TOKEN}` }],
  });

const A_PATTERN = 'expected a name, or the beginning of names and a star, such as train_*';
const patterns = z.array(
  z
    .string(A_PATTERN)
    .regex(/^[\w./-]*\*?$/, A_PATTERN)
    .min(1, A_PATTERN),
);

const may = z
  .strictObject({
    'pipeline.run': patterns.meta({ description: 'Pipelines that may be run.', examples: [['train_*']] }),
    'serving.shift': patterns.meta({
      description: 'Models whose traffic may be moved.',
      examples: [['churn']],
    }),
    'registry.point': patterns.meta({
      description: 'Models whose champion may be pointed.',
      examples: [['churn']],
    }),
  })
  .partial()
  .transform(present)
  .meta({
    description: 'All that may be done on it, by capability: pipelines to run, names to serve and to point.',
    examples: [{ 'pipeline.run': ['train_*', 'score_*'] }],
  });

const environment = z
  .strictObject({
    url: url.optional(),
    auth: auth.optional(),
    access: access.optional(),
    limits: someLimits.optional().meta({ description: 'Only what differs; the rest stays as it is.' }),
  })
  .transform(present);

const spec = z
  .strictObject({
    connector: z.enum(['local', 'duckdb', 'prometheus'], 'expected local, duckdb or prometheus').meta({
      description:
        'local: pipelines, registry and serving in a folder. duckdb: SQL over files. prometheus: PromQL.',
    }),
    access: access.default('read'),
    path: text.optional().meta({
      description:
        'duckdb: the folder below which dataset paths lie. local: the folder of registry/ and serving/.',
      examples: ['data'],
    }),
    commands: z
      .record(text, command)
      .default({})
      .meta({
        description: 'local: what its pipelines run, by id, without a shell.',
        examples: [{ train_churn: { argv: ['node', 'train.ts'], cwd: 'examples/churn' } }],
      }),
    url: url.optional(),
    auth: auth.optional(),
    may: may.optional(),
    queries: z
      .record(name, text, 'expected a mapping of queries by name')
      .optional()
      .meta({
        description:
          'Queries by name, PromQL or SQL: observations ask one by entry. On a server a draft may ask these, and what is in force already.',
        examples: [{ 'error-rate': 'sum(rate(http_requests_total{code=~"5.."}[5m]))' }],
      }),
    adhoc: z
      .literal(true, 'expected true, or nothing')
      .optional()
      .meta({ description: 'Drafts may ask it anything, before anybody has read them.', examples: [true] }),
    limits: limits.prefault({}).meta({ description: 'How much it is asked, and for how long.' }),
    environments: z
      .record(name, environment, 'expected a mapping by environment')
      .optional()
      .meta({
        description: 'What differs by environment: url, auth, access and limits.',
        examples: [{ prod: { url: 'https://prometheus.prod.example', access: 'read' } }],
      }),
  })
  .superRefine((connection, ctx) => {
    for (const { path, message } of misfits(connection)) ctx.addIssue({ code: 'custom', path, message });
  })
  .transform((value): ConnectionText => present(value) as ConnectionText)
  .meta({ description: 'One configured instance of an external system, and what may be done on it.' });

interface Written {
  readonly connector: 'local' | 'duckdb' | 'prometheus';
  readonly access: 'read' | 'act';
  readonly path?: string | undefined;
  readonly url?: string | undefined;
  readonly auth?: unknown;
  readonly may?: unknown;
  readonly queries?: unknown;
  readonly adhoc?: unknown;
  readonly commands: Readonly<Record<string, unknown>>;
  readonly environments?: Readonly<Record<string, z.output<typeof environment>>> | undefined;
}

/** Keys that a connector needs or has no use for. */
function misfits(written: Written): { path: string[]; message: string }[] {
  const { connector, path, url, commands, environments = {} } = written;
  const found: { path: string[]; message: string }[] = [];
  const issue = (path: string[], message: string) => found.push({ path, message });
  const unused = (key: string) => issue([key], `expected no ${key} on a ${connector} connection`);
  if (connector === 'duckdb' && path === undefined)
    issue(['path'], 'expected the folder below which dataset paths lie');
  if (connector !== 'local') {
    if (Object.keys(commands).length > 0) unused('commands');
    if (written.may !== undefined) unused('may');
  }
  if (connector === 'prometheus') {
    if (path !== undefined) unused('path');
    if (url === undefined) issue(['url'], 'expected a URL such as https://prometheus.example');
    if (written.access === 'act') issue(['access'], 'expected read: a prometheus connection is only asked');
  } else for (const key of ['url', 'auth'] as const) if (written[key] !== undefined) unused(key);
  if (connector === 'local')
    for (const key of ['queries', 'adhoc'] as const) if (written[key] !== undefined) unused(key);
  for (const [name, here] of Object.entries(environments)) {
    if (connector !== 'prometheus')
      for (const key of ['url', 'auth'] as const)
        if (here[key] !== undefined)
          issue(['environments', name, key], `expected no ${key} on a ${connector} connection`);
    if (connector === 'prometheus' && here.access === 'act')
      issue(['environments', name, 'access'], 'expected read: a prometheus connection is only asked');
  }
  return found;
}

/** A Connection as it is written: what differs by environment is still beside the rest. */
export type ConnectionText = Omit<ConnectionSpec, 'name' | 'auth'> & {
  readonly auth?: z.output<typeof auth>;
  readonly environments?: Readonly<Record<string, z.output<typeof environment>>>;
};

/** The Connection as it is in one environment: its own url, auth and access in place of the general ones, its limits over them. */
export function connectionIn(
  written: ConnectionText & { readonly name: string },
  env: string,
): ConnectionSpec {
  const { environments = {}, auth: general, limits, ...rest } = written;
  const here = Object.hasOwn(environments, env) ? environments[env] : undefined;
  const { auth = general, limits: own = {}, ...differs } = here ?? {};
  return {
    ...rest,
    ...differs,
    limits: { ...limits, ...own },
    ...(auth !== undefined && auth !== 'none' && { auth }),
  } as ConnectionSpec;
}

/** `Connection`. */
export const connectionDocument = envelope('Connection', spec);
