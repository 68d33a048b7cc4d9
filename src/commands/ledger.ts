/** `log` and `ledger`: reading the record, proving it whole, and making its projections anew. */
import { z } from 'zod';
import type { Entry, EntryKind } from '../model.ts';
import { command } from './command.ts';
import { openCursor, sealCursor } from './cursor.ts';
import { entryText } from './entry-text.ts';
import { nextCursor, paging } from './paging.ts';
import type { Ports } from './ports.ts';
import { requireTarget } from './targets.ts';
import { table, when } from './time.ts';
import { instantOf } from './time-input.ts';

const KINDS = [
  ...[
    'request',
    'approval',
    'cancel',
    'retry',
    'resolve',
    'adopt',
    'pause',
    'resume',
    'silence',
    'gap',
    'revision',
  ],
  ...['start-due', 'started', 'outcome', 'absent', 'cannot-tell'],
  ...['transition', 'episode-opened', 'episode-ended', 'decision', 'ask', 'intent', 'withdrawn', 'adopted'],
  ...['unresolved', 'verified', 'not-verified', 'stalled', 'checkpoint', 'anchor', 'audit', 'proposal'],
] as readonly EntryKind[];

export const log = command({
  name: 'log',
  tool: 'flyball_search_ledger',
  title: 'Read the ledger',
  description: 'Entries of the ledger, newest first: of one target, of the fleet chain (fleet), or of all.',
  input: z.strictObject({
    chain: z.string().max(200).optional().describe('kind/name of a target, or fleet.'),
    kind: z.enum(KINDS).optional().describe('Only entries of this kind.'),
    since: z.string().max(40).optional().describe('A time, or how long ago.'),
    full: z.boolean().default(false).describe('With the bodies.'),
    ...paging,
    limit: z.int().min(1).max(1000).default(50).describe('How many at most.'),
  }),
  output: z.object({
    entries: z.array(
      z.object({
        chain: z.string(),
        seq: z.int(),
        at: z.number(),
        kind: z.string(),
        text: z.string(),
        hash: z.string(),
        body: z.string().optional(),
      }),
    ),
    next: nextCursor,
  }),
  positional: ['chain'],
  role: 'viewer',
  effect: 'read',
  scope: 'audit:read',
  reach: ({ chain }) => (chain === 'fleet' ? 'fleet' : 'targets'),
  examples: ['flyball log model/late-flights', 'flyball log --kind intent'],
  run: async (ports, input) => {
    const { chain, kind, since } = input;
    const known = await ports.world.store.chains();
    requireTarget(chain, known);
    const of = { list: 'log', filters: { chain: chain ?? null, kind: kind ?? null, since: since ?? null } };
    const after = (await openCursor(ports, of, input.cursor)) as Place | undefined;
    const found = await newestOf(ports, chain === undefined ? known : [chain], {
      ...(after === undefined ? {} : { after }),
      ...(kind === undefined ? {} : { kinds: [kind] }),
      ...(since === undefined ? {} : { since: instantOf('since', since, ports.world.clock()) }),
      limit: input.limit + 1,
    });
    const entries = found.slice(0, input.limit);
    const last = entries.at(-1);
    const place = last && { at: last.at, chain: last.chain, seq: last.seq };
    return {
      entries: entries.map(({ chain, seq, at, body, hash }) => ({
        chain,
        seq,
        at,
        kind: body.kind,
        text: entryText(body),
        hash,
        ...(input.full ? { body: JSON.stringify(body) } : {}),
      })),
      ...(place && found.length > input.limit ? { next: await sealCursor(ports, of, place) } : {}),
    };
  },
  text: (found, paint) =>
    table(
      found.entries
        .map(one => [paint.dim(when(one.at)), one.chain, String(one.seq), one.kind, one.body ?? one.text])
        .concat(found.next === undefined ? [] : [[`More: --cursor ${found.next}`]]),
    ),
});

/** Where a page of the log ended. Entries are ordered by time, newest first, then by chain, then by seq, newest first. */
type Place = { readonly at: number; readonly chain: string; readonly seq: number };

/** The newest entries of all these chains together that come after a place. */
async function newestOf(
  { world: { store } }: Ports,
  chains: readonly string[],
  {
    after,
    limit,
    ...filter
  }: {
    readonly after?: Place;
    readonly kinds?: readonly EntryKind[];
    readonly since?: number;
    readonly limit: number;
  },
): Promise<readonly Entry[]> {
  const below = (chain: string) => {
    if (after === undefined) return {};
    if (chain === after.chain) return { to: after.seq - 1 };
    return { until: chain < after.chain ? after.at - 1 : after.at };
  };
  const found = await Promise.all(
    chains.map(chain => store.entries({ chain, limit, newestFirst: true, ...filter, ...below(chain) })),
  );
  return found
    .flat()
    .sort((a, b) => b.at - a.at || (a.chain < b.chain ? -1 : a.chain > b.chain ? 1 : b.seq - a.seq))
    .slice(0, limit);
}

export const ledgerVerify = command({
  name: 'ledger verify',
  title: 'Verify the ledger',
  description: 'Walks every hash chain and names the first altered entry. Exit code 1 when one is.',
  input: z.strictObject({ chain: z.string().max(200).optional().describe('Only this chain.') }),
  output: z.object({
    ok: z.boolean(),
    chains: z.int().optional(),
    entries: z.int().optional(),
    checkpoints: z.int().optional(),
    problem: z.string().optional(),
  }),
  positional: ['chain'],
  role: 'viewer',
  effect: 'read',
  scope: 'audit:read',
  reach: 'fleet',
  examples: ['flyball ledger verify'],
  run: async (ports, input) => {
    const found = await ports.ledger.verify(input.chain);
    if (found.ok) return { ...found };
    return { ok: false, problem: `${found.chain} entry ${found.seq}: ${found.problem}` };
  },
  text: (found, paint) =>
    found.ok
      ? paint.good(
          `whole: ${found.entries ?? 0} entries in ${found.chains ?? 0} chains${begun(found.checkpoints)}`,
        )
      : paint.bad(found.problem ?? 'altered'),
  exit: found => (found.ok ? 0 : 1),
});

function begun(checkpoints = 0): string {
  if (checkpoints === 0) return '';
  return `; ${checkpoints} of them ${checkpoints === 1 ? 'begins' : 'begin'} at a checkpoint, as older entries were deleted`;
}

export const ledgerPrune = command({
  name: 'ledger prune',
  title: 'Delete what is kept no longer',
  description:
    'Deletes entries, ticks and what only they need, and observations, older than retention in daemon.yaml; a checkpoint ' +
    'holds what the entries were folded into. The daemon does it daily where it is worth it.',
  input: z.strictObject({}),
  output: z.object({
    chains: z.int(),
    entries: z.int(),
    ticks: z.int(),
    actions: z.int(),
    messages: z.int(),
    closures: z.int(),
    observations: z.int(),
    left: z.array(z.string()).describe('Chains that others wrote to each time: left for the next time.'),
  }),
  role: 'operator',
  effect: 'operate',
  reach: 'fleet',
  examples: ['flyball ledger prune'],
  run: async ports => {
    const found = await ports.ledger.prune(ports.world.clock(), 'all');
    return { ...found, left: [...found.left] };
  },
  text: found =>
    `deleted of ${found.chains} chains: ${found.entries} entries, ${found.ticks} ticks, ${found.actions} actions, ` +
    `${found.closures} closed policies; and ${found.messages} messages, ${found.observations} observations` +
    (found.left.length > 0
      ? `; left for the next time, as others wrote to them: ${found.left.join(', ')}`
      : ''),
});

export const ledgerRebuild = command({
  name: 'ledger rebuild',
  title: 'Rebuild projections',
  description: 'Folds every chain again and puts the projections right; says which differed.',
  input: z.strictObject({}),
  output: z.object({ targets: z.int(), differences: z.array(z.string()) }),
  role: 'admin',
  effect: 'operate',
  reach: 'fleet',
  examples: ['flyball ledger rebuild'],
  run: async ports => ports.ledger.rebuild(),
  text: found =>
    [
      `${found.targets} targets folded again, ${found.differences.length} differed`,
      ...found.differences,
    ].join('\n'),
});
