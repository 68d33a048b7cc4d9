/** What the policies of a draft would have done in the last days: by recorded series, or by the embedded engine. Never by a server. */
import { z } from 'zod';
import { hashOf } from '../canonical.ts';
import type { Compiled } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { World } from '../engine/world.ts';
import type { ClosedPolicy, Commit, Interval, Store } from '../model.ts';
import { fromRecord, fromSources, recordedOf } from './backtest-history.ts';
import { figuresOf } from './backtest-report.ts';
import { backtestPolicy, type Past } from './backtest-run.ts';
import { draftWorld, isEmbedded } from './draft-world.ts';
import { span } from './time.ts';

export const pastOutput = z.object({
  policy: z.string(),
  target: z.string(),
  from: z.number().describe('Milliseconds since the epoch.'),
  to: z.number(),
  source: z.enum(['recorded', 'sources', 'none']).describe('none: there is no record, so nothing is known.'),
  looks: z.int(),
  unknown: z.int().describe('Verdicts that were unknown.'),
  firings: z.int(),
  actions: z.record(z.string(), z.int()).describe('How many, by verb.'),
  before: z
    .object({ firings: z.int(), actions: z.record(z.string(), z.int()) })
    .optional()
    .describe('The same of what is in force.'),
  note: z.string().optional(),
});
export type DraftPast = z.output<typeof pastOutput>;

/** Looks of one policy, and policies of one draft: more would keep its author waiting for minutes. */
const LOOKS_MAX = 400;
const POLICIES_MAX = 20;

interface Draft {
  readonly world: World;
  readonly emptyStore: () => Promise<Store>;
  readonly before: Compiled;
  readonly after: Compiled;
  readonly commit: Commit;
  readonly days: number;
}

/** Would-be firings and actions of every policy that acts differently, per target. `left`: those beyond the bound. */
export async function draftPasts(
  draft: Draft,
): Promise<{ readonly pasts: DraftPast[]; readonly left: number }> {
  const old = new Map(draft.before.closed.map(one => [keyOf(one), one]));
  const changed = draft.after.closed.filter(one => old.get(keyOf(one))?.actingHash !== one.actingHash);
  const pasts: DraftPast[] = [];
  for (const policy of changed.slice(0, POLICIES_MAX))
    pasts.push(await pastOf(draft, policy, old.get(keyOf(policy))));
  return { pasts, left: Math.max(0, changed.length - POLICIES_MAX) };
}

function keyOf({ policy, target }: ClosedPolicy): string {
  return `${policy} ${chainOf(target)}`;
}

async function pastOf(
  draft: Draft,
  policy: ClosedPolicy,
  inForce: ClosedPolicy | undefined,
): Promise<DraftPast> {
  const { world, days } = draft;
  const to = world.clock();
  const within = { from: to - days * 86_400_000, to };
  const about = { policy: policy.policy, target: chainOf(policy.target) };
  const nothing = { looks: 0, unknown: 0, firings: 0, actions: {} };
  const record = await recordedPast(draft, policy, inForce, within);
  if (record) return { ...about, ...record };
  if (!isEmbedded(policy))
    return {
      ...about,
      ...within,
      source: 'none',
      ...nothing,
      note: 'nothing was recorded of what it observes',
    };
  const from = Math.max(within.from, to - LOOKS_MAX * policy.everyMs);
  const note =
    from > within.from ? `only the last ${span(to - from)}, as it is looked at so often` : undefined;
  const found = await embeddedPast(draft, policy, { from, to });
  const before = inForce && (await embeddedPast(draft, inForce, { from, to }));
  return {
    ...{ ...about, from, to, source: 'sources', ...found },
    ...(before ? { before: { firings: before.firings, actions: before.actions } } : {}),
    ...(note === undefined ? {} : { note }),
  };
}

type Run = Pick<DraftPast, 'looks' | 'unknown' | 'firings' | 'actions'>;

/** By what the store kept, where the draft observes what was observed. */
async function recordedPast(
  draft: Draft,
  policy: ClosedPolicy,
  inForce: ClosedPolicy | undefined,
  within: Interval,
): Promise<Omit<DraftPast, 'policy' | 'target'> | undefined> {
  const { world } = draft;
  if (!inForce || !observesTheSame(policy, inForce)) return undefined;
  const recorded = await recordedOf(world.store, chainOf(policy.target), policy.policy, within);
  const [first] = recorded.ticks;
  if (first === undefined) return undefined;
  const span = { from: first, to: within.to };
  const ledger = await world.store.entries({ chain: chainOf(policy.target) });
  const past = { observe: fromRecord(recorded, world.catalogue), ticks: recorded.ticks, ledger };
  const found = await run(draft, policy, span, past);
  const { firings, actions } = await run(draft, inForce, span, past);
  return { ...span, source: 'recorded', ...found, before: { firings, actions } };
}

function observesTheSame({ observe }: ClosedPolicy, inForce: ClosedPolicy): boolean {
  return Object.entries(observe).every(([name, one]) => {
    const old = inForce.observe[name];
    return old !== undefined && requestOf(old) === requestOf(one);
  });
}

/** What is asked for; not where it is written, nor which thresholds it is compared with. */
function requestOf(observed: ClosedPolicy['observe'][string]): string {
  const { position: _, thresholds: __, ...request } = observed as unknown as Record<string, unknown>;
  return hashOf(request as never);
}

async function embeddedPast(draft: Draft, policy: ClosedPolicy, within: Interval): Promise<Run> {
  const profiles = await draft.emptyStore();
  const world = { ...draftWorld(draft.world, draft.before), store: profiles, clock: () => within.to };
  try {
    const observe = fromSources(world, { ...within, everyMs: policy.everyMs });
    return await run(draft, policy, within, { observe, ledger: [] });
  } finally {
    await profiles.close();
  }
}

async function run(
  { world, commit, emptyStore }: Draft,
  policy: ClosedPolicy,
  within: Interval,
  past: Pick<Past, 'observe' | 'ledger'> & Pick<Partial<Past>, 'ticks'>,
): Promise<Run> {
  const { model, connections } = policy.documents;
  const serving = model?.serving ? await world.readServing(model, connections) : undefined;
  const done = await backtestPolicy(
    {
      ...{ policy, commit, within, catalogue: world.catalogue, ...past },
      assumed: { approvalMs: 3_600_000, effectMs: 3_600_000 },
      ...(serving?.champion === undefined ? {} : { champion: serving.champion }),
    },
    await emptyStore(),
  );
  const { episodes, actions, ticks, unknownTicks } = figuresOf(done, policy, within);
  const counts: Record<string, number> = {};
  for (const { verb } of actions) counts[verb] = (counts[verb] ?? 0) + 1;
  return { looks: ticks, unknown: unknownTicks, firings: episodes.length, actions: counts };
}
