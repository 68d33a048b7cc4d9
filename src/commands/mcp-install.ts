/** `mcp install`: tells an agents' client of Flyball, and touches nothing else in its configuration. */
import { z } from 'zod';
import { command } from './command.ts';
import { Refusal } from './refusal.ts';

const clients = [
  ...[
    'claude-code',
    'claude-desktop',
    'cursor',
    'vscode',
    'codex',
    'gemini',
    'windsurf',
    'opencode',
    'continue',
  ],
] as const;

export const mcpInstall = command({
  name: 'mcp install',
  title: 'Tell a client of Flyball',
  description:
    "Writes `flyball mcp` into the configuration of an agents' client, with a copy of the file beside it. Everything else in the file stays as it is, comments too. Twice is once. No secret is written: a token stays in the environment (FLYBALL_TOKEN) of the client.",
  input: z.strictObject({
    client: z.enum(clients as unknown as [string, ...string[]]),
    scope: z
      .enum(['user', 'project'])
      .default('user')
      .describe(
        'user: all projects of this user. project: the file in this folder, for whoever works in it.',
      ),
    dryRun: z.boolean().default(false).describe('Shows the file as it would be, and writes nothing.'),
    remove: z.boolean().default(false).describe('Takes Flyball out again.'),
  }),
  output: z.object({
    client: z.string(),
    path: z.string(),
    changed: z.boolean(),
    backup: z.string().optional().describe('The copy of the file as it was.'),
    text: z.string().optional().describe('With --dry-run: the file as it would be.'),
  }),
  role: 'admin',
  effect: 'operate',
  reach: 'fleet',
  needs: 'nothing',
  terminal: true,
  examples: ['flyball mcp install --client claude-code', 'flyball mcp install --client codex --dry-run'],
  run: async (ports, { client, scope, dryRun, remove }) => {
    if (!ports.installClient) throw new Refusal('mcp install: only a terminal may write files.');
    const done = await ports.installClient({ client, scope, what: remove ? 'remove' : 'add', dryRun });
    const { path, changed, backup, text } = done;
    return {
      client,
      path,
      changed,
      ...(backup === undefined ? {} : { backup }),
      ...(dryRun ? { text } : {}),
    };
  },
  text: found => {
    if (found.text !== undefined) return `${found.path} would be:\n${found.text}`;
    if (!found.changed) return `${found.path} is as it should be already.`;
    const copy = found.backup === undefined ? '' : ` What was there before is in ${found.backup}.`;
    return `${found.path} is written.${copy} Start ${found.client} anew.`;
  },
});
