/** Reads daemon.yaml: the daemon's own settings, outside of the policy repository. Pure: text in, settings or problems out. */
import { parseDocument } from 'yaml';
import { z } from 'zod';

const schema = z.strictObject({
  state: z.string().min(1).default('state').describe('Folder of the ledger, facts and runs.'),
  repository: z.string().min(1).describe('The policy repository.'),
  branch: z.string().min(1).default('main').describe('The branch whose head is enforced.'),
  env: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'a word of lower case letters, digits and dashes')
    .default('dev'),
  trust: z.enum(['local-user', 'tokens']).default('tokens'),
});

const LATER = new Set(['listen', 'principals', 'floors', 'secrets']);

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
      return [`${file}: ${issue.path.join('.')}: ${issue.message}`];
    }),
  };
}
