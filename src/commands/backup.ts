/** `backup` and `restore`: the whole state as one file, and back, on either database. */
import { z } from 'zod';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Copied, Ports } from './ports.ts';

const output = z.object({
  file: z.string(),
  rows: z.int(),
  bytes: z.int(),
  entries: z.int().optional(),
  problem: z.string().optional().describe('The first altered entry of the ledger in the file.'),
});

export const backup = command({
  name: 'backup',
  title: 'Back up the state',
  description:
    'Writes the whole state as it is at one moment into a new SQLite file, also while the engine runs and also from ' +
    'PostgreSQL, and verifies the ledger in it. Exit code 1 when that is not whole.',
  input: z.strictObject({ file: z.string().min(1).describe('A new file.') }),
  output,
  positional: ['file'],
  role: 'operator',
  effect: 'operate',
  reach: 'fleet',
  terminal: true,
  examples: ['flyball backup /backups/flyball-2026-11-30.db'],
  run: async (ports, { file }) => {
    atTerminal(ports, 'backup');
    return shown(file, await ports.ledger.backup(file));
  },
  text: (found, paint) => {
    const size = `${found.rows} rows, ${megabytes(found.bytes)} MB`;
    return found.problem === undefined
      ? paint.good(`${found.file}: ${size}; its ledger is whole, ${found.entries ?? 0} entries`)
      : paint.bad(`${found.file}: ${size}; its ledger is not whole: ${found.problem}`);
  },
  exit: found => (found.problem === undefined ? 0 : 1),
});

export const restore = command({
  name: 'restore',
  title: 'Restore a backup',
  description:
    'Loads a backup into a new, empty state, on SQLite or PostgreSQL, after its ledger was verified: all of it or nothing. ' +
    'Also the way from one database to the other.',
  input: z.strictObject({ file: z.string().min(1).describe('A file that flyball backup wrote.') }),
  output,
  positional: ['file'],
  role: 'operator',
  effect: 'operate',
  reach: 'fleet',
  // Before it, the state is empty, and must be.
  audited: 'after',
  terminal: true,
  examples: ['flyball restore /backups/flyball-2026-11-30.db'],
  run: async (ports, { file }) => {
    const daemon = atTerminal(ports, 'restore');
    const running = await ports.engine();
    if (running !== undefined)
      throw new Refusal(
        `restore: the engine (process ${running}) works on this state; stop it, then try again.`,
      );
    let copied: Copied | undefined;
    await daemon.once(async () => {
      copied = await ports.ledger.restore(file);
    });
    if (!copied) throw new Refusal('restore: it was stopped before it began.');
    return shown(file, copied);
  },
  text: (found, paint) =>
    paint.good(
      `${found.file}: ${found.rows} rows restored; the ledger is whole, ${found.entries ?? 0} entries`,
    ),
});

/** Files are named by a person at this machine. */
function atTerminal({ disk, daemon }: Ports, name: string): NonNullable<Ports['daemon']> {
  if (disk && daemon) return daemon;
  throw new Refusal(`${name}: it reads and writes files of this machine; ask a person at its terminal.`);
}

function shown(file: string, { rows, bytes, ledger }: Copied): z.input<typeof output> {
  return ledger.ok
    ? { file, rows, bytes, entries: ledger.entries }
    : { file, rows, bytes, problem: `${ledger.chain} entry ${ledger.seq}: ${ledger.problem}` };
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
