/** Reads daemon.yaml: the daemon's own settings, outside of the policy repository. Pure: text in, settings or problems out. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { floorProblems, floors } from './daemon-floors.ts';
import { listen } from './daemon-listen.ts';
import { oidc } from './daemon-oidc.ts';
import { principals, stdio } from './daemon-principals.ts';
import { remote } from './daemon-remote.ts';
import { parseDuration } from './quantity.ts';

const DAY_MS = 86_400_000;
/** A year and a month, so that a backtest sees every season. */
const OBSERVATIONS_KEPT = '400d';
/** Less would be a flood, more is no sign of life. */
const DEAD_MAN_MS = { least: 1000, most: 86_400_000 };

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  const { least, most } = DEAD_MAN_MS;
  if (ms !== undefined && ms >= least && ms <= most) return ms;
  context.addIssue({ code: 'custom', message: `found ${text}; expected a duration from 1s to 1d` });
  return z.NEVER;
});

/** Less than a day would cut off what is still being looked at. */
const kept = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= DAY_MS) return ms;
  context.addIssue({ code: 'custom', message: `found ${text}; expected a duration of at least 1d` });
  return z.NEVER;
});

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
  principals: principals.describe('Who may do what, by name.'),
  floors: floors.describe('The least that admission adds for verbs on targets, by name.'),
  stdio: stdio.optional().describe('The principal that flyball mcp runs as.'),
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
  keys: z
    .string()
    .min(1)
    .optional()
    .describe('File with public keys, SSH or OpenPGP: whose signatures prove the author of a commit.'),
  remote: remote.optional().describe('What the policy repository is a clone of.'),
  anchors: z
    .strictObject({
      ref: z
        .string()
        .regex(
          /^refs\/(?!heads\/|tags\/|remotes\/)[a-z0-9-]+(\/[a-z0-9-]+)+$/,
          'expected a ref of its own, such as refs/flyball/anchors',
        ),
    })
    .optional()
    .describe('Where in the policy repository the heads of the ledger are written to.'),
  retention: z
    .strictObject({
      ledger: kept.optional().describe('How long entries are kept; for ever unless said.'),
      observations: kept.prefault(OBSERVATIONS_KEPT).describe('How long backtests can look back.'),
    })
    .prefault({})
    .transform(({ ledger, observations }) => ({ ledgerMs: ledger, observationsMs: observations })),
  listen: listen
    .optional()
    .describe(
      'Where the HTTP door is: metrics, probes, the API, MCP and the pages. Absent: only at its own socket.',
    ),
  oidc: oidc.optional().describe('The identity provider whose tokens count here.'),
  deadMan: z
    .strictObject({
      url: z.string().regex(
        /^(?:https?:\/\/|\$\{env:)/,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it is written in the file.
        'expected a URL of http or https; secrets in it as ${env:FLYBALL_…}',
      ),
      every: duration,
    })
    .transform(({ url, every }) => ({ url, everyMs: every }))
    .optional()
    .describe('An address that is asked again and again while the engine lives: it alarms when that ends.'),
});

export type DaemonYaml = z.output<typeof schema>;

/** The settings, or one line per mistake with its place. `verbs`: those that floors may name; all unless given. */
export function parseDaemonYaml(
  text: string,
  file: string,
  verbs?: Readonly<Record<string, { readonly safe: boolean }>>,
): { readonly settings: DaemonYaml } | { readonly problems: readonly string[] } {
  const document = parseDocument(text, { uniqueKeys: true });
  const problems = document.errors.map(error => `${file}: ${error.message.split('\n')[0]}`);
  if (problems.length > 0) return { problems };
  const checked = schema.safeParse(document.toJS() ?? {});
  if (checked.success) {
    const { floors: laid, principals: known } = checked.data;
    const wrong = floorProblems(laid, { verbs, principals: known });
    return wrong.length === 0
      ? { settings: checked.data }
      : { problems: wrong.map(problem => `${file}: ${problem}`) };
  }
  return {
    problems: checked.error.issues.flatMap(issue => {
      if (issue.code === 'unrecognized_keys') {
        const known = issue.path[0] === undefined ? Object.keys(schema.shape) : undefined;
        const at = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
        const expected = known === undefined ? '' : `; expected one of: ${known.join(', ')}`;
        return issue.keys.map(key => `${file}: ${at}unknown key ${key}${expected}`);
      }
      const why = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      return [`${file}: ${issue.path.join('.')}: ${why}`];
    }),
  };
}
