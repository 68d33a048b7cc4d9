/** `ci`: a CI job of people's own pull requests. Checks a folder of policies, says what changes, and tells the forge. */
import { z } from 'zod';
import { compile } from '../dsl/index.ts';
import { lint as lintFiles } from '../dsl/lint.ts';
import { ciMarkdown, sarifOf } from './ci-report.ts';
import { command } from './command.ts';
import { policyChanges } from './policy-diff.ts';
import type { PolicyText, Ports } from './ports.ts';
import { changeOutput } from './proposal-checks.ts';
import { Refusal } from './refusal.ts';
import { testFiles } from './test.ts';
import { safe } from './time.ts';
import { DRAFT, diagnosticOutput, structured } from './validate.ts';
import { weakeningsOf } from './weakenings.ts';

/** The first line of our own comment, by which it is found and written over. */
const MARKER = '<!-- flyball-ci -->';
const CONTEXT = 'flyball';

const output = z.object({
  ok: z.boolean(),
  errors: z.int(),
  warnings: z.int(),
  findings: z.array(diagnosticOutput.omit({ text: true })),
  tests: z.object({ passed: z.int(), failed: z.int(), failures: z.array(z.string()) }),
  base: z.string().optional(),
  changes: z.array(changeOutput).describe('With base: what the policies say since.'),
  weakenings: z.array(z.string()),
  posted: z.array(z.string()).describe('What the forge was told.'),
  report: z.string().describe('In the format that was asked for.'),
});
export type CiOutput = z.output<typeof output>;

const input = z.strictObject({
  folder: z.string().max(500).default('.').describe('Folder with the policies.'),
  base: z
    .string()
    .max(200)
    .optional()
    .describe('A commit or branch, such as origin/main: says what changed since.'),
  env: z
    .string()
    .max(60)
    .default('dev')
    .describe('The environment whose modes and parameters are looked at.'),
  format: z.enum(['markdown', 'json', 'sarif']).default('markdown'),
  out: z.string().max(500).optional().describe('Writes the report there too.'),
  forge: z.enum(['github', 'gitlab', 'gitea']).optional().describe('Where the pull request is.'),
  api: z.string().max(300).optional().describe("The forge's API, where it is not the public one."),
  project: z.string().max(200).optional().describe('OWNER/NAME.'),
  request: z
    .int()
    .min(1)
    .optional()
    .describe('Number of the pull request that gets the report as a comment.'),
  sha: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional()
    .describe('The commit that gets a status.'),
  tokenEnv: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/)
    .optional()
    .describe('The environment variable with the token for the forge.'),
});
type Input = z.output<typeof input>;

export const ci = command({
  name: 'ci',
  title: 'Check a pull request',
  description:
    "For a CI job of people's own pull requests: validates, lints and tests a folder of policies, and with --base says what changes policy by policy, weakening changes first. Asks no connection. Prints a report; with --forge also sets a commit status and writes the report as a comment, over its own one of before. Exit code 1 when something is wrong.",
  input,
  output,
  positional: ['folder'],
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  needs: 'files',
  terminal: true,
  examples: [
    'flyball ci policies --base origin/main',
    'flyball ci --format sarif --out flyball.sarif',
    'flyball ci --base origin/main --forge github --project acme/policies --request 7 --token-env GITHUB_TOKEN',
  ],
  run: examine,
  text: found => found.report,
  exit: found => (found.ok ? 0 : 1),
});

async function examine(ports: Ports, given: Input): Promise<CiOutput> {
  const { world } = ports;
  if (!ports.worktree || !ports.ci) throw new Refusal('ci: only the command line reads a folder.');
  const files = await ports.worktree(given.folder);
  const of = { commit: DRAFT, env: given.env, catalogue: world.catalogue };
  const { compiled, diagnostics } = lintFiles({ ...of, files, at: world.clock() });
  const findings = diagnostics.map(one => {
    const { text: _, ...parts } = structured(one);
    return parts;
  });
  const errors = findings.filter(one => one.severity === 'error').length;
  const tests =
    compiled.tests.length > 0 ? await testsOf(ports, files) : { passed: 0, failed: 0, failures: [] };
  const before = given.base === undefined ? undefined : await ports.ci.filesAt(given.folder, given.base);
  const old = before && compile({ ...of, files: before.files });
  const changes = old ? policyChanges(old, compiled) : [];
  const found: CiOutput = {
    ok: errors === 0 && tests.failed === 0,
    ...{ errors, warnings: findings.length - errors, findings, tests },
    ...(before ? { base: before.sha } : {}),
    changes: changes.map(({ file: _, from: __, ...one }) => ({ ...one, fields: [...one.fields] })),
    weakenings: old ? [...weakeningsOf(old, compiled, ports.settings.floors)] : [],
    posted: [],
    report: '',
  };
  const posted = given.forge === undefined ? [] : await post(ports, given, found);
  const report = reportOf(given.format, { ...found, posted });
  if (given.out !== undefined) await ports.disk?.write(given.out, `${report}\n`);
  return { ...found, posted, report };
}

async function testsOf(ports: Ports, files: readonly PolicyText[]): Promise<CiOutput['tests']> {
  const { passed, failed, tests } = await testFiles(ports, files);
  const failures = tests
    .filter(one => !one.ok)
    .map(one => {
      const [failure] = one.failures;
      const misses = failure?.misses.map(
        miss => `${miss.what}: expected ${miss.expected}, found ${miss.found}`,
      );
      const why = failure
        ? `${failure.where}, at ${failure.at}: ${misses?.join('; ')}`
        : one.problems.join('; ');
      return `${one.name}: ${safe(why, 500)}`;
    });
  return { passed, failed, failures };
}

function reportOf(format: Input['format'], found: CiOutput): string {
  if (format === 'markdown') return ciMarkdown(found);
  const { report: _, ...rest } = found;
  return JSON.stringify(format === 'sarif' ? sarifOf(found) : rest, null, 2);
}

/** A status on the commit, and the report on the pull request. */
async function post(ports: Ports, given: Input, found: CiOutput): Promise<string[]> {
  const { forge: kind, project, tokenEnv, request, sha, api } = given;
  if (
    !kind ||
    project === undefined ||
    tokenEnv === undefined ||
    (request === undefined && sha === undefined)
  )
    throw new Refusal('ci: with --forge also --project, --token-env, and --request or --sha are needed.');
  const forge = ports.ci?.forge({ kind, project, tokenEnv, ...(api === undefined ? {} : { api }) });
  const posted: string[] = [];
  if (sha !== undefined) {
    const description = `${found.errors} errors, ${found.warnings} warnings, ${found.tests.passed} tests passed, ${found.tests.failed} failed`;
    await forge?.status(sha, { state: found.ok ? 'success' : 'failure', context: CONTEXT, description });
    posted.push(`status of ${sha.slice(0, 7)}`);
  }
  if (request !== undefined) {
    await forge?.comment(request, MARKER, ciMarkdown(found));
    posted.push(`comment on ${request}`);
  }
  return posted;
}
