/** `validate`: every mistake of the policy files, with file, line, column and a suggestion, before they are in force. */
import { z } from 'zod';
import { compile, formatDiagnostic } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { Commit, Diagnostic } from '../model.ts';
import { command, type Paint, terminalOnly } from './command.ts';
import { draftOver } from './draft-files.ts';
import type { PolicyText, Ports } from './ports.ts';

export const fileInput = z.strictObject({
  path: z.string().min(1).max(200).describe('Such as policies/drift.yaml.'),
  text: z.string().max(65_536).describe('All of it.'),
});

/** Drafts, which commands look at together with the files of the head commit. */
export const draftInput = z.array(fileInput).max(20).optional().describe('Drafts, put over the head commit.');

/** A diagnostic by its parts; `text` is all of it on one line. */
export const diagnosticOutput = z.object({
  severity: z.enum(['error', 'warning']),
  rule: z.string().optional(),
  file: z.string(),
  line: z.int(),
  column: z.int(),
  message: z.string(),
  hint: z.string().optional(),
  text: z.string(),
});

const output = z.object({
  ok: z.boolean(),
  diagnostics: z.array(diagnosticOutput),
  policies: z.array(z.string()).describe('Closed ones, with targets.'),
});

export const validate = command({
  name: 'validate',
  tool: 'flyball_validate_policy',
  title: 'Validate policy files',
  description:
    'Every mistake of policy files with file, line, column and a suggestion. Given files replace those of the head commit with the same path. On the command line: a folder, or the working tree.',
  input: z.strictObject({
    files: draftInput,
    folder: terminalOnly(z.string().max(500).optional().describe('Check this folder by itself.')),
  }),
  output,
  positional: ['folder'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  needs: 'files',
  examples: ['flyball validate', 'flyball validate policies'],
  run: async (ports, input) => check(ports, await gather(ports, input), input.files),
  text,
  exit: found => (found.ok ? 0 : 1),
});

async function gather(
  ports: Ports,
  input: { files?: readonly PolicyText[] | undefined; folder?: string | undefined },
) {
  if (input.files) return draftOver(await headFiles(ports), input.files, ports.principal, 'looks');
  if (ports.worktree) return ports.worktree(input.folder);
  return headFiles(ports);
}

export async function headFiles(ports: Ports): Promise<readonly PolicyText[]> {
  const head = await ports.repository.head();
  return ports.repository.files(head.sha);
}

export const DRAFT: Commit = {
  sha: '0'.repeat(40),
  author: { name: 'draft', email: '' },
  time: 0,
  subject: 'draft',
};

/** A diagnostic as commands give it. */
export function structured(one: Diagnostic): z.output<typeof diagnosticOutput> {
  const { severity, rule, position, message, hint } = one;
  return {
    severity,
    ...(rule === undefined ? {} : { rule }),
    ...position,
    message,
    ...(hint === undefined ? {} : { hint }),
    // The line begins with its severity, so that it is not said again behind the place.
    text: `${severity} ${formatDiagnostic({ ...one, severity: 'error' })}`,
  };
}

/** Whoever sees some targets only is told of the mistakes of their own drafts: others' files name what they do not see. */
export function ownDiagnostics(
  { sees }: Pick<Ports, 'sees'>,
  drafts: readonly PolicyText[] | undefined,
  all: readonly Diagnostic[],
): readonly Diagnostic[] {
  if (sees === undefined) return all;
  return all.filter(({ position }) => drafts?.some(({ path }) => path === position.file));
}

/** All diagnostics of a set of files, of which `drafts` are somebody's own. */
export function check(
  ports: Ports,
  files: readonly PolicyText[],
  drafts?: readonly PolicyText[],
): z.input<typeof output> {
  const sees = ports.sees ?? (() => true);
  const compiled = compile({
    files,
    commit: DRAFT,
    env: ports.settings.env,
    catalogue: ports.world.catalogue,
  });
  return {
    ok: !compiled.diagnostics.some(one => one.severity === 'error'),
    diagnostics: ownDiagnostics(ports, drafts, compiled.diagnostics).map(structured),
    policies: compiled.closed
      .filter(one => sees(chainOf(one.target)))
      .map(one => `${one.policy} on ${one.target.kind}/${one.target.name}, ${one.mode}`),
  };
}

function text(found: z.output<typeof output>, paint: Paint): string {
  const lines = found.diagnostics.map(one =>
    one.severity === 'error' ? paint.bad(one.text) : paint.warn(one.text),
  );
  const policies = found.policies.map(one => `  ${one}`);
  return [...lines, found.ok ? paint.good('valid') : paint.bad('not valid'), ...policies].join('\n');
}
