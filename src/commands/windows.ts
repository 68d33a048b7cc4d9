/** `windows`: which windows there are, whether they are open, when that changes, and who is held by them. */
import { z } from 'zod';
import { isOpen, nextChange, zoneProblem } from '../calendar.ts';
import { parseTime, type WindowUse, windowUses } from '../dsl/index.ts';
import { command, type Paint } from './command.ts';
import { Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { safe, table, when as utc } from './time.ts';

/** How many changes are shown of a window that was asked for by name. */
const CHANGES = 6;

const change = z.object({
  at: z.number().describe('Milliseconds since the epoch.'),
  open: z.boolean(),
  utc: z.string(),
  local: z.string(),
});

const output = z.object({
  at: z.number(),
  windows: z.array(
    z.object({
      name: z.string(),
      when: z.string(),
      zone: z.string(),
      open: z.boolean(),
      changes: z.array(change).describe('The next ones; none when it never changes.'),
      allow: z.array(z.string()).describe('Who needs it, or another one beside it, open to act.'),
      deny: z.array(z.string()).describe('Who must not act while it is open.'),
      file: z.string(),
      line: z.int(),
    }),
  ),
});

export const windows = command({
  name: 'windows',
  title: 'Show windows',
  description:
    "The windows of the head commit (without a state: of the files on disk): open or closed now or at a time, when that changes in the window's zone and in UTC, and who names them in allow or deny.",
  input: z.strictObject({
    window: z.string().max(200).optional().describe('Only this one, with its next changes.'),
    at: z
      .string()
      .max(40)
      .optional()
      .describe('A date or an ISO 8601 time, UTC when it names no offset; now unless said.'),
    zone: z
      .string()
      .max(100)
      .optional()
      .describe("IANA zone to show times in; each window's own unless said."),
  }),
  output,
  positional: ['window'],
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  needs: 'files',
  examples: ['flyball windows', 'flyball windows business-hours --at 2026-03-29T00:30Z'],
  run: async (ports, input) => {
    const { zone } = input;
    const problem = zone === undefined ? undefined : zoneProblem(zone);
    if (problem !== undefined) throw new Refusal(`--zone is ${safe(zone ?? '', 80)}; ${problem}.`);
    const at = timeOf(ports, input.at);
    const all = windowUses(await filesOf(ports));
    if (all === undefined)
      throw new Refusal('The Settings have mistakes, so nobody knows the windows; see flyball validate.');
    const chosen = all.filter(one => input.window === undefined || one.window.name === input.window);
    if (chosen.length === 0 && input.window !== undefined) {
      const known = all.map(one => one.window.name).join(', ');
      throw new Refusal(
        `there is no window ${safe(input.window, 80)}; expected one of: ${known || 'none is in Settings'}.`,
      );
    }
    const most = input.window === undefined ? 1 : CHANGES;
    return { at, windows: chosen.map(one => shown(one, at, most, zone ?? one.window.zone)) };
  },
  text,
});

async function filesOf(ports: Ports): Promise<readonly PolicyText[]> {
  // Without a state there is no repository either, only the folder that the command was given in.
  const repository: Ports['repository'] | undefined = ports.repository;
  if (repository !== undefined) return repository.files((await repository.head()).sha);
  return (await ports.worktree?.()) ?? [];
}

function timeOf(ports: Ports, written: string | undefined): number {
  if (written === undefined) return ports.world.clock();
  const at = parseTime(written);
  if (at !== undefined) return at;
  throw new Refusal(
    `--at is ${safe(written, 80)}; expected a date or an ISO 8601 time, such as 2026-03-29 or 2026-03-29T00:30Z.`,
  );
}

function shown({ window, ...use }: WindowUse, at: number, most: number, zone: string) {
  const changes: z.input<typeof change>[] = [];
  let open = isOpen(window, at);
  for (let next = nextChange(window, at); next !== undefined; next = nextChange(window, next)) {
    open = !open;
    changes.push({ at: next, open, utc: `${utc(next)} UTC`, local: inZone(next, zone) });
    if (changes.length === most) break;
  }
  const { name, when, zone: own } = window;
  return { name, when, zone: own, open: isOpen(window, at), changes, ...uses(use) };
}

function uses({ file, line, allow, deny }: Omit<WindowUse, 'window'>) {
  return { file, line, allow: [...allow], deny: [...deny] };
}

/** `Sun 2026-03-29 03:00 +02:00`: the day too, because windows are about days. */
function inZone(at: number, zone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'longOffset' },
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const offset = (part.timeZoneName ?? '').replace('GMT', '') || '+00:00';
  return `${part.weekday} ${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute} ${offset}`;
}

function text(found: z.output<typeof output>, paint: Paint): string {
  if (found.windows.length === 0) return 'No windows: Settings name none.';
  const rows = found.windows.flatMap(one => {
    const [first, ...more] = one.changes;
    const changes = (next: typeof first) =>
      next ? [`${next.open ? 'opens' : 'closes'} ${next.local}`, next.utc] : ['never changes', ''];
    const now = one.open ? paint.good('open') : paint.dim('closed');
    return [
      [one.name, now, ...changes(first), `${one.when} ${one.zone}`, namedBy(one)],
      ...more.map(next => ['', '', ...changes(next), '', '']),
    ];
  });
  const head = ['WINDOW', 'NOW', 'CHANGES', 'IN UTC', 'WHEN', 'NAMED BY'].map(paint.bold);
  return `${paint.dim(`at ${utc(found.at)} UTC`)}\n${table([head, ...rows])}`;
}

function namedBy({
  allow,
  deny,
}: {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}): string {
  const parts = [
    allow.length > 0 && `allow: ${allow.join(', ')}`,
    deny.length > 0 && `deny: ${deny.join(', ')}`,
  ];
  return parts.filter(part => part !== false).join('; ') || 'nobody';
}
