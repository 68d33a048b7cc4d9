/** `digest`: what was handled since a moment, and what is left for people. */
import { z } from 'zod';
import { chainOf } from '../engine/ids.ts';
import type { Entry, Store } from '../model.ts';
import { command, type Paint } from './command.ts';
import { type Counted, type Done, gather, nothingGathered } from './digest-entries.ts';
import type { Ports } from './ports.ts';
import { statusOf } from './status.ts';
import { requireTarget } from './targets.ts';
import { safe, table, when } from './time.ts';
import { instantOf } from './time-input.ts';

/** Lines of one part: what is more is counted. */
const MOST_LINES = 15;
/** Entries read together, and in all: a long time of a large fleet is told as far back as that reaches. */
const BATCH = 500;
const MOST_READ = 100_000;

const lines = z.array(z.string());
const parts = {
  needs_you: lines,
  blind: lines.describe('By cause.'),
  standing: lines.describe('Gates not open, pauses, silences.'),
  acted: z.array(
    z.object({
      target: z.string(),
      verb: z.string(),
      subject: z.string(),
      from: z.string(),
      at: z.number(),
      result: z.string(),
    }),
  ),
  requests: lines,
  would_have_acted: lines,
  top_holds: lines,
  noisiest_rules: lines,
  changes: lines,
};
const output = z.object({
  since: z.number(),
  now: z.number(),
  complete: z.boolean().describe('False: the oldest part is missing.'),
  ok: z.int(),
  targets: z.int(),
  ...parts,
  more: z.record(z.string(), z.int()).describe('Lines left out, by part.'),
});
type Digest = z.input<typeof output>;

export const digest = command({
  name: 'digest',
  tool: 'flyball_get_digest',
  title: 'Digest',
  description:
    'What happened since a moment: what needs a person, what was done and whether it helped, what would have been done in observe mode, blind spots, what stands in the way, top reasons for holding, who changed what.',
  input: z.strictObject({
    since: z.string().max(40).default('24h').describe('A time, or how long ago, such as 24h or 7d.'),
    target: z.string().max(200).optional().describe('Only of this target, as kind/name.'),
  }),
  output,
  positional: ['since'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball digest', 'flyball digest 7d --target model/late-flights'],
  run: async (ports, input) => make(ports, input),
  text,
});

async function make(
  ports: Ports,
  input: { readonly since: string; readonly target?: string | undefined },
): Promise<Digest> {
  const { store, clock } = ports.world;
  const now = clock();
  const since = instantOf('since', input.since, now);
  const rows = await store.targets();
  const known = rows.map(row => chainOf(row.target));
  requireTarget(input.target, known);
  const status = await statusOf(ports, { target: input.target, messages: 0 });
  // The fleet's own chain is of all targets, and read by whoever may read it.
  const chains = input.target === undefined ? await store.chains() : [input.target];
  const gathered = nothingGathered();
  let left = MOST_READ;
  let complete = true;
  for (const chain of chains) {
    const read = await entriesSince(store, chain, since, left);
    left -= read.entries.length;
    complete &&= read.complete;
    for (const entry of read.entries) gather(gathered, entry);
  }
  const more: Record<string, number> = {};
  const cut = <T>(part: keyof typeof parts, all: readonly T[]): T[] => {
    if (all.length > MOST_LINES) more[part] = all.length - MOST_LINES;
    return all.slice(0, MOST_LINES);
  };
  const counted = (part: keyof typeof parts, of: ReadonlyMap<string, Counted>, by: 'count' | 'at') =>
    cut(part, [...of.values()].sort((a, b) => b[by] - a[by] || (a.text < b.text ? -1 : 1)).map(countText));
  const acted = [...new Set(gathered.done.values())].sort((a, b) => b.at - a.at);
  const words = (all: readonly { target: string; policy: string; group: string; text: string }[]) =>
    all.map(one =>
      safe(`${one.target} ${one.policy}${one.group === '' ? '' : ` [${one.group}]`}: ${one.text}`, 400),
    );
  const { ok, targets } = status;
  return {
    ...{ since, now, complete, ok, targets },
    needs_you: cut('needs_you', words(status.needsYou)),
    blind: cut('blind', words(status.blind)),
    standing: cut('standing', [
      ...words(status.gates),
      ...status.paused.map(one => `pause: ${safe(one, 400)}`),
      ...status.silenced.map(one => `silence: ${safe(one, 400)}`),
    ]),
    acted: cut('acted', acted).map(withoutEpisode),
    requests: counted('requests', gathered.requests, 'at'),
    would_have_acted: counted('would_have_acted', gathered.would, 'count'),
    top_holds: counted('top_holds', gathered.holds, 'count'),
    noisiest_rules: counted('noisiest_rules', gathered.fired, 'count').slice(0, 5),
    changes: counted('changes', gathered.changes, 'at'),
    more,
  };
}

function countText({ text: words, count }: Counted): string {
  return count === 1 ? words : `${words} (${count} times)`;
}

function withoutEpisode({ episode: _, ...done }: Done) {
  return done;
}

/** Entries of a chain since a moment, oldest first, read backwards in batches until one is older, or `most` are read. */
export async function entriesSince(
  store: Pick<Store, 'entries'>,
  chain: string,
  since: number,
  most: number,
): Promise<{ readonly entries: readonly Entry[]; readonly complete: boolean }> {
  const [newest] = await store.entries({ chain, newestFirst: true, limit: 1 });
  const found: Entry[][] = [];
  let read = 0;
  for (let to = newest?.seq ?? 0; to > 0; to -= BATCH) {
    const from = Math.max(1, to - BATCH + 1);
    if (read >= most) return { entries: found.reverse().flat(), complete: false };
    const batch = (await store.entries({ chain, from, limit: BATCH })).filter(({ seq }) => seq <= to);
    const wanted = batch.filter(({ at }) => at >= since);
    found.push(wanted);
    read += batch.length;
    // Times never go back within a chain; what retention deleted is as good as older.
    if (wanted.length < to - from + 1) break;
  }
  return { entries: found.reverse().flat(), complete: true };
}

function text(found: z.output<typeof output>, paint: Paint): string {
  const section = (title: string, lines: readonly string[], colour: (text: string) => string) =>
    lines.map((one, i) => [i === 0 ? colour(title) : '', one]);
  const acted = found.acted.map(
    one => `${when(one.at)} ${one.verb} ${one.subject} for ${one.target}, by ${one.from}: ${one.result}`,
  );
  const hidden = Object.values(found.more).reduce((sum, one) => sum + one, 0);
  const rows = [
    ...section('NEEDS YOU', found.needs_you, paint.bad),
    ...section('ACTED', acted, paint.good),
    ...section('REQUESTS', found.requests, paint.good),
    ...section('WOULD HAVE', found.would_have_acted, paint.warn),
    ...section('BLIND', found.blind, paint.warn),
    ...section('STANDING', found.standing, paint.warn),
    ...section('HELD BY', found.top_holds, paint.warn),
    ...section('NOISIEST', found.noisiest_rules, paint.dim),
    ...section('CHANGED', found.changes, paint.bold),
    [paint.good('OK'), `${found.ok} of ${found.targets} targets`],
  ];
  const notes = [
    ...(hidden > 0 ? [paint.dim(`${hidden} more lines are not shown`)] : []),
    ...(found.complete ? [] : [paint.warn('there was more than is read: the oldest part is missing')]),
  ];
  return [`since ${when(found.since)} UTC`, table(rows), ...notes].join('\n');
}
