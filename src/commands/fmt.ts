/** `fmt`: policy files in one form, or with `check` which are not. */
import { z } from 'zod';
import { formatDiagnostic, formatFile } from '../dsl/index.ts';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';

const output = z.object({
  changed: z.array(z.string()).describe('Files that were, or would be, written anew.'),
  unchanged: z.int(),
  problems: z.array(z.string()).describe('Files that cannot be read as YAML are left alone.'),
  check: z.boolean(),
});

export const fmt = command({
  name: 'fmt',
  title: 'Format policy files',
  description:
    'Writes policy files in one form: keys in the order in which they are read, two blanks of indentation, comments where they were. What they say does not change. With --check it writes nothing, and the exit code is 1 when a file is not in that form.',
  input: z.strictObject({
    folder: z.string().max(500).default('.').describe('The folder of the policy files.'),
    check: z.boolean().default(false).describe('Write nothing; exit code 1 when a file would change.'),
  }),
  output,
  positional: ['folder'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  needs: 'files',
  terminal: true,
  examples: ['flyball fmt', 'flyball fmt policies --check'],
  run: format,
  text: (found, paint) =>
    [
      ...found.problems.map(paint.bad),
      ...found.changed.map(path => `${found.check ? paint.bad('not formatted') : 'formatted'} ${path}`),
      `${found.changed.length} of ${found.changed.length + found.unchanged} files ${found.check ? 'would change' : 'changed'}`,
    ].join('\n'),
  exit: found => (found.problems.length > 0 || (found.check && found.changed.length > 0) ? 1 : 0),
});

async function format(
  ports: Ports,
  { folder, check }: { readonly folder: string; readonly check: boolean },
): Promise<z.input<typeof output>> {
  const { worktree, disk } = ports;
  if (!worktree || !disk) throw new Refusal('fmt: only a terminal may write files.');
  const found = { changed: [] as string[], unchanged: 0, problems: [] as string[], check };
  for (const file of await worktree(folder)) {
    const path = folder === '.' ? file.path : `${folder.replace(/\/+$/, '')}/${file.path}`;
    const result = formatFile({ path, text: file.text });
    if ('diagnostics' in result) found.problems.push(...result.diagnostics.map(formatDiagnostic));
    else if (!result.changed) found.unchanged++;
    else {
      found.changed.push(path);
      if (!check) await disk.write(path, result.text);
    }
  }
  return found;
}
