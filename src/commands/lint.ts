/** `lint`: what is not wrong in the policy files and will not do what was meant; with `live`, also whether the data is there. */
import { z } from 'zod';
import { compile } from '../dsl/index.ts';
import { lint as lintFiles } from '../dsl/lint.ts';
import type { Diagnostic } from '../model.ts';
import { command, type Paint } from './command.ts';
import { type Live, lookLive } from './lint-live.ts';
import { Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { safe } from './time.ts';
import { DRAFT, diagnosticOutput, structured } from './validate.ts';

/** What an error is called that `validate` says, and a warning that has no name of its own. */
const UNNAMED = { error: 'invalid', warning: 'validate' };

const output = z.object({
  errors: z.int(),
  warnings: z.int(),
  files: z.int().describe('How many were looked at.'),
  findings: z.array(diagnosticOutput.omit({ text: true }).extend({ rule: z.string() })),
  live: z
    .array(
      z.object({
        policy: z.string(),
        target: z.string(),
        observation: z.string(),
        labelSets: z.int().describe('1 for one value without labels.'),
        known: z.int(),
        unknown: z.string().optional(),
      }),
    )
    .optional()
    .describe('With live: what each observation gave.'),
  strict: z.boolean(),
});
type Output = z.output<typeof output>;

export const lint = command({
  name: 'lint',
  title: 'Find what will not do what was meant',
  description:
    "Says all that validate says, and warns of what is valid and still will not do what was meant: rules that never fire, clear the wrong way round, thresholds beyond their statistic, rules that undo each other, names that nothing uses. With --live it asks every query once: whether it gives data, whether every target is there, how many label sets match. A comment '# flyball-lint: ignore RULE reason' on or above a line silences a finding. Exit code 1 with errors, and with --strict with warnings too; else 0.",
  input: z.strictObject({
    folder: z
      .string()
      .max(500)
      .optional()
      .describe('Folder with the policy files; by default the working tree of the policy repository.'),
    live: z.boolean().default(false).describe('Ask the connections too; needs a daemon.yaml.'),
    strict: z.boolean().default(false).describe('Exit code 1 with warnings too.'),
  }),
  output,
  positional: ['folder'],
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  needs: 'files',
  terminal: true,
  examples: ['flyball lint', 'flyball lint policies --strict', 'flyball lint --live'],
  run: examine,
  text,
  exit: found => (found.errors > 0 || (found.strict && found.warnings > 0) ? 1 : 0),
});

async function examine(
  ports: Ports,
  input: { readonly folder?: string | undefined; readonly live: boolean; readonly strict: boolean },
): Promise<Output> {
  if (!ports.worktree) throw new Refusal('lint: only the command line reads a folder.');
  const files = await ports.worktree(input.folder);
  const { world, settings } = ports;
  const of = { files, commit: DRAFT, env: settings.env, catalogue: world.catalogue };
  const live = input.live ? await asked(ports, of) : undefined;
  const more = live?.diagnostics.map((one): Diagnostic => ({ ...one, rule: 'live-data' })) ?? [];
  const { diagnostics } = lintFiles({ ...of, at: world.clock(), more });
  const findings = diagnostics.map(one => {
    const { text: _, ...parts } = structured(one);
    return { ...parts, rule: one.rule ?? UNNAMED[one.severity] };
  });
  const errors = findings.filter(one => one.severity === 'error').length;
  return {
    errors,
    warnings: findings.length - errors,
    files: files.length,
    findings,
    ...(live ? { live: live.seen.map(({ position: _, ...seen }) => seen) } : {}),
    strict: input.strict,
  };
}

type Files = Parameters<typeof compile>[0] & { readonly files: readonly PolicyText[] };

/** Without a configuration there are ports for files alone. */
async function asked({ world }: Ports, files: Files): Promise<Live> {
  if (!('queryData' in world))
    throw new Refusal(
      'lint --live asks the connections as the daemon does, and there is no daemon.yaml; expected one by --config FILE or in FLYBALL_HOME. Without --live the files alone are looked at.',
    );
  return lookLive({ world }, compile(files));
}

function text(found: Output, paint: Paint): string {
  const files = [...Map.groupBy(found.findings, one => one.file)];
  return [
    ...files.flatMap(([file, findings]) => [paint.bold(safe(file, 200)), ...findings.map(lineOf(paint)), '']),
    ...(found.live ?? []).map(one => seenLine(one, paint)),
    ...(found.live?.length ? [''] : []),
    summary(found, paint),
  ].join('\n');
}

function lineOf(paint: Paint) {
  const colour = { error: paint.bad, warning: paint.warn };
  return ({ severity, line, column, message, hint, rule }: Output['findings'][number]): string => {
    const advice = hint === undefined ? '' : ` ${hint}`;
    return `  ${line}:${column} ${colour[severity](severity)}: ${message}.${advice} ${paint.dim(`[${rule}]`)}`;
  };
}

function seenLine(one: NonNullable<Output['live']>[number], paint: Paint): string {
  const sets = one.labelSets === 1 ? '1 label set' : `${one.labelSets} label sets`;
  const known = one.known === one.labelSets ? sets : `${one.known} of ${sets} known`;
  const why = one.unknown === undefined ? '' : ` (${one.unknown})`;
  const what = `${safe(one.policy)} on ${safe(one.target)}: ${one.observation} ${known}${why}`;
  return one.known === 0 ? paint.warn(what) : what;
}

function summary({ findings, errors, warnings, files }: Output, paint: Paint): string {
  const counted = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;
  if (findings.length === 0) return `${paint.good('no findings')} in ${counted(files, 'file')}`;
  const parts = [
    ...(errors > 0 ? [paint.bad(counted(errors, 'error'))] : []),
    ...(warnings > 0 ? [paint.warn(counted(warnings, 'warning'))] : []),
  ];
  const found = new Set(findings.map(one => one.file)).size;
  return `${parts.join(' and ')} in ${found} of ${counted(files, 'file')}`;
}
