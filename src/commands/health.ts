/** `health`: whether Flyball itself lives, is ready and keeps up. `/healthz`, `/readyz` and `/metrics` say the same. */
import { z } from 'zod';
import type { ActionRow, Census, Revision, Store } from '../model.ts';
import { command, type Paint } from './command.ts';
import { type Late, lateTargets } from './lateness.ts';
import type { Ports } from './ports.ts';
import { lifeless, type Progress } from './progress.ts';
import { remoteProblems, remoteState } from './remote-state.ts';
import { replicasAlive } from './replicas-alive.ts';
import { rejectionOf } from './take-revision.ts';
import { type Tally, tallyOf } from './tally.ts';
import { span, table, when } from './time.ts';

/** Targets that a reason names; the others are a number. */
const MOST_NAMED = 3;

const count = z.int().min(0);
const answer = z.object({
  ok: z.boolean(),
  reasons: z.array(z.string()).describe('Why not. Empty when ok.'),
});

const figures = z.object({
  targets: count.describe('That a policy in force is about.'),
  policies: count,
  lagMs: z.number().min(0).describe('How long the longest overdue target has waited.'),
  due: count.describe('Targets that are due now.'),
  late: count.describe('Targets overdue by more than twice their `every`.'),
  failing: count.describe('Targets whose last tick in this process could not be finished.'),
  episodes: z.record(z.string(), count).describe('Open ones, by how far their sequence is.'),
  blindSets: count.describe('Label sets of rules that are unknown.'),
  blindTargets: count,
  live: z
    .array(z.object({ verb: z.string(), state: z.string(), count }))
    .describe('Actions that are not at their end.'),
  unresolved: count.describe('Actions of which nobody knows whether they had their effect.'),
  contested: count.describe('Subjects that somebody else moves, too.'),
  gatesClosed: count.describe('Gates on data that are not open.'),
  approvals: z.object({
    waiting: count,
    oldestMs: z.number().min(0).describe('Since the oldest was asked; 0 when none waits.'),
    firstExpiryMs: z.number().optional().describe('Until the first expires; absent when none waits.'),
  }),
  pauses: z.array(z.object({ scope: z.enum(['all', 'target', 'verb']), count, oldestMs: z.number().min(0) })),
  entries: count.describe('Ever appended to the ledger.'),
  bytes: count.describe('Of the whole state on its disk.'),
  unanchoredMs: z
    .number()
    .min(0)
    .describe(
      'Since the last anchor (before the first: the first entry), when entries came after it; else 0.',
    ),
  messages: count.describe('In the outbox.'),
  replicas: count.describe('Engines that work on this state now.'),
});

const output = z.object({
  now: z.number(),
  live: answer.describe('Whether the engine goes on.'),
  ready: answer.describe('Whether it has caught up.'),
  commit: z.string().optional().describe('In force.'),
  rejectedCommit: z.string().optional().describe('A head that is not (wholly) in force.'),
  rejectedAt: z.number().optional(),
  remote: z
    .array(z.string())
    .describe('What is wrong with the remote repository. It keeps nobody from being ready.'),
  figures,
});
export type Health = z.output<typeof output>;

export const health = command({
  name: 'health',
  title: "Flyball's own health",
  description:
    'Whether the engine lives (its loops go round), is ready (a revision is in force, no target is late, whatever was under way at its start has been asked about), and figures of the state: lag, episodes, blind rules, approvals, pauses, the ledger. /healthz, /readyz and /metrics of the daemon say the same. Exit code 1 when it is not ready.',
  input: z.strictObject({}),
  output,
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  examples: ['flyball health', 'flyball health --json'],
  run: examine,
  text,
  exit: found => (found.ready.ok ? 0 : 1),
});

async function examine(ports: Ports): Promise<Health> {
  const { store, clock } = ports.world;
  const now = clock();
  const revision = await store.revision();
  const rejected = await rejectionOf(ports.world);
  const census = await store.census(now);
  const tally = await tallyOf(store, census.heads);
  const progress = ports.progress?.look();
  const caughtUp = progress?.caughtUp ?? false;
  const late = lateTargets(census.due, revision?.policies ?? [], now, { never: !caughtUp });
  const live = await lifeOf(ports, progress);
  const reasons = [...live, ...unready(revision, late), ...(await uncaught(store, progress))];
  if (reasons.length === 0) ports.progress?.catchUp();
  return {
    now,
    live: { ok: live.length === 0, reasons: live },
    ready: { ok: reasons.length === 0, reasons },
    ...(revision ? { commit: revision.commit.sha } : {}),
    ...(rejected ? { rejectedCommit: rejected.commit.sha, rejectedAt: rejected.at } : {}),
    remote: [...remoteProblems(await remoteState(ports))],
    figures: {
      ...sizes(revision, census, now),
      late: late.length,
      failing: progress?.failing.length ?? 0,
      ...tallyFigures(tally, now),
      unanchoredMs: unanchored(census, tally, now),
      pauses: await pausesOf(ports, now),
      replicas: await replicasOf(ports),
    },
  };
}

/** Beside its own engine a process sees only whether one runs. */
async function lifeOf(ports: Ports, progress: Progress | undefined): Promise<string[]> {
  if (progress) return lifeless(progress);
  return (await ports.engine()) === undefined ? ['no engine runs: nothing is being enforced'] : [];
}

function unready(revision: Revision | undefined, late: readonly Late[]): string[] {
  const reasons: string[] = [];
  if (!revision) reasons.push('no commit is in force yet');
  if (late.length > 0) {
    const named = late.map(
      ({ chain, lateMs }) => `${chain}${lateMs === undefined ? '' : ` ${span(lateMs)}`}`,
    );
    reasons.push(`not looked at in time: ${listed(named)}`);
  }
  return reasons;
}

/** What a process that was never ready has still to do. */
async function uncaught(store: Store, progress: Progress | undefined): Promise<string[]> {
  if (!progress || progress.caughtUp) return [];
  const reasons: string[] = [];
  if (progress.failing.length > 0) reasons.push(`cannot be looked at: ${listed(progress.failing)}`);
  for (const row of progress.before) {
    if (await isAsked(store, row)) continue;
    reasons.push('what was under way before has not been asked about yet');
    break;
  }
  return reasons;
}

/** Whoever asked about an action has moved its row. */
async function isAsked(store: Store, { action, state, dueAt, polls }: ActionRow): Promise<boolean> {
  const now = (await store.findAction(action.key)).find(row => row.action.key === action.key);
  return now?.state !== state || now.dueAt !== dueAt || now.polls !== polls;
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return `${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function sizes(revision: Revision | undefined, census: Census, now: number) {
  const policies = revision?.policies ?? [];
  const waiting = census.due.flatMap(({ dueAt }) => (dueAt > 0 ? [now - dueAt] : []));
  const { entries, bytes, messages, live } = census;
  return {
    targets: new Set(policies.map(({ target }) => `${target.kind}/${target.name}`)).size,
    policies: new Set(policies.map(({ policy }) => policy)).size,
    // They come longest overdue first.
    lagMs: Math.max(0, waiting[0] ?? 0),
    due: census.due.length,
    live: live.map(one => ({ ...one })),
    ...{ entries, bytes, messages },
  };
}

function tallyFigures(tally: Tally, now: number) {
  const { asks, newestAt: _, ...counts } = tally;
  const expiries = asks.map(({ expires }) => expires);
  const asked = asks.map(({ at }) => at);
  return {
    ...counts,
    episodes: { ...counts.episodes },
    approvals: {
      waiting: asks.length,
      oldestMs: asks.length === 0 ? 0 : Math.max(0, now - Math.min(...asked)),
      ...(asks.length === 0 ? {} : { firstExpiryMs: Math.min(...expiries) - now }),
    },
  };
}

/** Quiet days append nothing, and then there is nothing to anchor. */
function unanchored({ anchoredAt = 0 }: Census, { newestAt }: Tally, now: number): number {
  return newestAt > anchoredAt ? Math.max(0, now - anchoredAt) : 0;
}

/** An engine that is alone on its state need not beat. */
async function replicasOf({ world: { store }, engine, progress }: Ports): Promise<number> {
  const alive = (await replicasAlive(store)).length;
  return alive > 0 ? alive : Number(progress !== undefined || (await engine()) !== undefined);
}

/** Pauses in force by what they stop. */
async function pausesOf(ports: Ports, now: number): Promise<Health['figures']['pauses']> {
  const all = Object.entries(await ports.world.store.factsWithPrefix('pause:'));
  const facts = all.filter(([, { value }]) => !(Number((value as { until?: number } | null)?.until) <= now));
  return (['all', 'target', 'verb'] as const).map(scope => {
    const mine = facts.filter(([key]) => key.split(':')[1] === scope);
    const ages = mine.map(([, { value }]) => now - Number((value as { at?: number } | null)?.at ?? now));
    return { scope, count: mine.length, oldestMs: Math.max(0, ...ages) };
  });
}

function text(found: Health, paint: Paint): string {
  const { figures: of } = found;
  const said = ({ ok, reasons }: Health['live']) =>
    ok ? paint.good('yes') : paint.bad(`no: ${reasons.join('; ')}`);
  const states = of.live.map(one => `${one.count} ${one.verb} ${one.state}`).join(', ');
  const episodes = Object.entries(of.episodes).filter(([, size]) => size > 0);
  const paused = of.pauses.filter(one => one.count > 0).map(one => `${one.count} ${one.scope}`);
  const expiry = of.approvals.firstExpiryMs;
  const rows = [
    ['live', said(found.live)],
    ['ready', said(found.ready)],
    [
      'commit',
      (found.commit?.slice(0, 7) ?? 'none in force') +
        (found.rejectedCommit ? paint.bad(` (head ${found.rejectedCommit.slice(0, 7)} REJECTED)`) : ''),
    ],
    ...found.remote.map(problem => ['remote', paint.bad(problem)]),
    [
      'targets',
      `${of.targets}, ${of.due} due, ${of.late} late, ${of.failing} failing; lag ${span(of.lagMs)}`,
    ],
    ['episodes', episodes.map(([status, size]) => `${size} ${status}`).join(', ') || 'none open'],
    ['blind', `${of.blindSets} label sets on ${of.blindTargets} targets`],
    ['actions', `${states || 'none under way'}; ${of.unresolved} unresolved, ${of.contested} contested`],
    [
      'approvals',
      of.approvals.waiting === 0
        ? 'none waits'
        : `${of.approvals.waiting} wait, the oldest for ${span(of.approvals.oldestMs)}; the first expires in ${span(expiry ?? 0)}`,
    ],
    [
      'held',
      `${paused.length === 0 ? 'no pause' : `paused: ${paused.join(', ')}`}; ${of.gatesClosed} gates closed`,
    ],
    [
      'ledger',
      `${of.entries} entries, state of ${of.bytes} bytes, ${of.unanchoredMs === 0 ? 'anchored' : `not anchored for ${span(of.unanchoredMs)}`}`,
    ],
    ['outbox', `${of.messages} messages`],
    ['engines', String(of.replicas)],
  ];
  return `${paint.bold(when(found.now))}\n${table(rows)}`;
}
