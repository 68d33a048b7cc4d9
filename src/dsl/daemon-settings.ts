/** Reads daemon.yaml: the daemon's own settings, outside of the policy repository. Pure: text in, settings or problems out. */
import { parseDocument } from 'yaml';
import { z } from 'zod';

const schema = z.strictObject({
  state: z
    .string()
    .min(1)
    .refine(
      state => !/^[a-z][a-z0-9+.-]*:\/\//i.test(state) || /^postgres(ql)?:\/\//.test(state),
      'expected a folder, or postgres://user@host:port/database',
    )
    .refine(
      state => !/^[a-z]+:\/\/[^/@:]*:(?!\$\{env:[A-Z0-9_]+\}@)[^/@]*@/.test(state),
      `it holds a password; write it as \${env:FLYBALL_…}, or leave it to PGPASSWORD or ~/.pgpass`,
    )
    .default('state')
    .describe('Folder of the ledger, facts and runs; or postgres://user@host/database for several machines.'),
  repository: z.string().min(1).describe('The policy repository.'),
  branch: z.string().min(1).default('main').describe('The branch whose head is enforced.'),
  env: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'a word of lower case letters, digits and dashes')
    .default('dev'),
  trust: z.enum(['local-user', 'tokens']).default('tokens'),
  secrets: z
    .record(
      z.string().regex(/^FLYBALL_[A-Z0-9_]+$/, 'expected names that begin with FLYBALL_, in capitals'),
      z
        .array(
          z
            .string()
            .regex(/^[A-Za-z0-9.:-]+$/, 'expected a host such as prometheus.example or localhost:9090'),
          'expected a list of hosts',
        )
        .min(1, 'expected at least one host: a secret that goes nowhere need not be named'),
    )
    .default({})
    .describe('By environment variable: the hosts that its value may be sent to.'),
});

const LATER = new Set(['listen', 'principals', 'floors']);

export type DaemonYaml = z.output<typeof schema>;

/** The settings, or one line per mistake with its place. */
export function parseDaemonYaml(
  text: string,
  file: string,
): { readonly settings: DaemonYaml } | { readonly problems: readonly string[] } {
  const document = parseDocument(text, { uniqueKeys: true });
  const problems = document.errors.map(error => `${file}: ${error.message.split('\n')[0]}`);
  if (problems.length > 0) return { problems };
  const checked = schema.safeParse(document.toJS() ?? {});
  if (checked.success) return { settings: checked.data };
  return {
    problems: checked.error.issues.flatMap(issue => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map(key =>
          LATER.has(key)
            ? `${file}: ${key} is not in this version`
            : `${file}: unknown key ${key}; expected one of: ${Object.keys(schema.shape).join(', ')}`,
        );
      }
      const why = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      return [`${file}: ${issue.path.join('.')}: ${why}`];
    }),
  };
}
