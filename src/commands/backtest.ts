/** `backtest`: one policy over past observations, by the live driver; a sweep compares thresholds; a page shows the time line. */
import { z } from 'zod';
import { chainOf } from '../engine/ids.ts';
import type { ClosedPolicy, Interval, Observation, Want } from '../model.ts';
import { backtestPage } from '../report/backtest-page.ts';
import { fromRecord, fromSources, type Recorded, recordedOf } from './backtest-history.ts';
import { type Figures, figuresOf } from './backtest-report.ts';
import { type Backtested, backtestPolicy, type Past } from './backtest-run.ts';
import { backtestText, pageOf } from './backtest-text.ts';
import { command, terminalOnly } from './command.ts';
import { draftOf, ofTheSame } from './draft-files.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { unknownName } from './refusal.ts';
import { kneeOf, parseSweep, type Sweep, thresholdOf, withThreshold } from './sweep.ts';
import { compileRevision } from './take-revision.ts';
import { safe, span } from './time.ts';
import { instantOf, periodOf } from './time-input.ts';
import { draftInput } from './validate.ts';

const episode = z.object({
  rule: z.string(),
  group: z.string(),
  openedAt: z.number(),
  endedAt: z.number().optional(),
  how: z.string().optional(),
  why: z.string(),
});
const figures = z.object({
  ticks: z.int(),
  unknownTicks: z.int(),
  episodes: z.array(episode),
  actions: z.array(
    z.object({
      at: z.number(),
      rule: z.string(),
      group: z.string(),
      verb: z.string(),
      subject: z.string(),
      cost: z.record(z.string(), z.number()),
    }),
  ),
  holds: z.array(z.object({ reason: z.string(), times: z.int(), heldMs: z.number() })),
  states: z.record(z.string(), z.number()).describe('Milliseconds in each state.'),
  cost: z.record(z.string(), z.number()).describe('Declared cost of the would-be actions.'),
  flaps: z.int(),
});
const output = z.object({
  policy: z.string(),
  target: z.string(),
  commit: z.string(),
  from: z.number(),
  to: z.number(),
  source: z.enum(['recorded', 'sources']),
  notes: z.array(z.string()).describe('Assumptions: read them before the figures.'),
  ...figures.shape,
  sweep: z
    .object({
      name: z.string(),
      points: z.array(
        z.object({ value: z.number(), current: z.boolean(), knee: z.boolean(), ...figures.shape }),
      ),
    })
    .optional(),
  page: z.string().optional(),
});
export type BacktestOutput = z.output<typeof output>;

const input = z.strictObject({
  policy: z.string().min(1).max(200).describe('Its name.'),
  target: z.string().max(200).optional().describe('Where it has several.'),
  files: draftInput,
  from: z.string().max(40).optional().describe('A time, or how long ago (30d).'),
  to: z.string().max(40).optional().describe('Now unless said.'),
  sweep: z.string().max(100).optional().describe('NAME=FROM..TO:STEP, such as psi=0.1..0.3:0.05.'),
  source: z
    .enum(['auto', 'recorded', 'sources'])
    .default('auto')
    .describe('sources: asked of the data again.'),
  approvalAfter: z.string().max(20).default('1h').describe('A yes is assumed after this.'),
  effectAfter: z.string().max(20).default('1h').describe('Effects succeed after this.'),
  html: terminalOnly(z.string().max(500).optional().describe('Writes a page with the time line.')),
});
type Input = z.output<typeof input>;

export const backtest = command({
  name: 'backtest',
  tool: 'flyball_simulate_policy',
  title: 'Backtest a policy',
  description:
    'Replays a policy over history with the live driver: what would have fired, been held and done, at which declared cost. `files`: drafts in place of those of the head commit. A sweep compares thresholds.',
  input,
  output,
  details: ['sweep', 'states', 'flaps', 'page'],
  positional: ['policy'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: [
    'flyball backtest delay-drift --from 2001-02-01 --to 2001-07-01',
    'flyball backtest delay-drift --from 90d --sweep psi=0.1..0.3 --html drift.html',
  ],
  run,
  text: backtestText,
});

async function run(ports: Ports, given: Input): Promise<z.input<typeof output>> {
  const { repository, settings } = ports;
  const head = await repository.head();
  const { files, world, base } = await draftOf(ports, head, given.files);
  const taken = await compileRevision(world, settings.env, head, files);
  const sees = ports.sees ?? (() => true);
  const seen = (taken.revision?.policies ?? []).filter(one => sees(chainOf(one.target)));
  const policy = chosen(seen, given);
  const chain = chainOf(policy.target);
  const asked = intervalOf(given, world.clock());
  const recorded = ofTheSame(await recordedOf(world.store, chain, policy.policy, asked), policy, base);
  const source = sourceOf(given.source, recorded, policy, asked);
  const within = source === 'recorded' ? { ...asked, from: recorded.ticks[0] ?? asked.from } : asked;
  refuseEndless(policy, within, source);
  const serving = policy.documents.model?.serving
    ? await world.readServing(policy.documents.model, policy.documents.connections)
    : undefined;
  const sweep = given.sweep === undefined ? undefined : parseSweep(given.sweep);
  const compared = sweep ? { [sweep.name.split('.')[0] ?? '']: sweep.values } : {};
  const profiles = await ports.emptyStore();
  const observe =
    source === 'recorded'
      ? fromRecord(recorded, world.catalogue)
      : fromSources(
          { ...world, store: profiles, clock: () => within.to },
          { ...within, everyMs: policy.everyMs },
          compared,
        );
  const noted = watched(observe);
  const past: Past = {
    policy,
    ...{ commit: head, within, catalogue: world.catalogue, observe: noted.observe },
    ledger: source === 'recorded' ? await world.store.entries({ chain }) : [],
    assumed: { approvalMs: periodOf(given.approvalAfter), effectMs: periodOf(given.effectAfter) },
    ...(serving?.champion === undefined ? {} : { champion: serving.champion }),
    ...(source === 'recorded' ? { ticks: recorded.ticks } : {}),
  };
  try {
    const main = await backtestPolicy(past, await ports.emptyStore());
    const found = figuresOf(main, policy, within);
    const notes = notesOf(given, source, policy, main, noted.unknown);
    const swept = sweep && (await sweeping(ports, { ...past, observe }, sweep));
    const result: BacktestOutput = {
      ...{ policy: policy.policy, target: chain, commit: head.sha, ...within, source },
      notes,
      ...mutable(found),
      ...(swept ? { sweep: swept } : {}),
    };
    return given.html === undefined
      ? result
      : { ...result, page: await save(ports, given.html, result, policy, main) };
  } finally {
    await profiles.close();
  }
}

function chosen(policies: readonly ClosedPolicy[], given: Input): ClosedPolicy {
  const named = policies.filter(one => one.policy === given.policy);
  const targets = named.map(one => chainOf(one.target));
  const found = named.filter(one => given.target === undefined || chainOf(one.target) === given.target);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (named.length === 0) {
    const known = [...new Set(policies.map(one => one.policy))];
    throw unknownName(
      `policy ${safe(given.policy, 80)} is not among those of the head commit`,
      known,
      'none',
    );
  }
  throw new Refusal(
    `policy ${given.policy} ${found.length === 0 ? `has no target ${safe(given.target ?? '', 80)}` : 'has several targets'}; expected --target with one of: ${targets.join(', ')}.`,
  );
}

const DEFAULT_MS = 90 * 86_400_000;

function intervalOf(given: Input, now: number): Interval {
  const to = given.to === undefined ? now : instantOf('to', given.to, now);
  const from = given.from === undefined ? to - DEFAULT_MS : instantOf('from', given.from, now);
  if (from >= to) throw new Refusal('backtest: from is not before to; expected an earlier time.');
  return { from, to };
}

function sourceOf(
  wanted: Input['source'],
  { ticks }: Recorded,
  policy: ClosedPolicy,
  within: Interval,
): 'recorded' | 'sources' {
  if (wanted !== 'auto') {
    if (wanted === 'recorded' && ticks.length === 0)
      throw new Refusal(
        `nothing was recorded of ${policy.policy} from ${day(within.from)} to ${day(within.to)}; expected another time, or --source sources.`,
      );
    return wanted;
  }
  // The record is the better witness, where it reaches back far enough.
  const [first] = ticks;
  return first !== undefined && first - within.from <= 2 * policy.everyMs ? 'recorded' : 'sources';
}

/** Each look asks its sources: more than these would run for hours, without a word. */
const MOST_LOOKS = 20_000;

function refuseEndless({ policy, everyMs }: ClosedPolicy, { from, to }: Interval, source: string): void {
  const looks = Math.ceil((to - from) / everyMs);
  if (source === 'recorded' || looks <= MOST_LOOKS) return;
  throw new Refusal(
    `${policy} would be looked at ${looks} times from ${day(from)} to ${day(to)}; expected at most ${MOST_LOOKS}. Give a later --from: ${span(MOST_LOOKS * everyMs)} before --to at most.`,
  );
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

type Observe = (want: Extract<Want, { request: unknown }>, at: number) => Promise<Observation>;

interface NotHad {
  readonly ticks: number;
  readonly first: string;
}

/** Counts, by observation and cause, what was not known. */
function watched(observe: Observe): { readonly observe: Observe; readonly unknown: Map<string, NotHad> } {
  const unknown = new Map<string, NotHad>();
  return {
    unknown,
    observe: async (want, at) => {
      const found = await observe(want, at);
      const why = found.unknown ?? (found.vector ? undefined : found.readings[0]?.unknown);
      if (why) {
        const key = `${want.name} (${why.reason})`;
        const before = unknown.get(key);
        unknown.set(key, { ticks: (before?.ticks ?? 0) + 1, first: before?.first ?? why.message });
      }
      return found;
    },
  };
}

async function sweeping(
  ports: Ports,
  past: Past,
  { name, values }: Sweep,
): Promise<NonNullable<BacktestOutput['sweep']>> {
  const { policy } = past;
  const now = thresholdOf(policy, name);
  const variants = values.map(value => withThreshold(policy, name, value));
  const points: NonNullable<BacktestOutput['sweep']>['points'] = [];
  for (const [i, variant] of variants.entries()) {
    const done = await backtestPolicy({ ...past, policy: variant, ledger: [] }, await ports.emptyStore());
    const current = values[i] === now;
    points.push({
      value: values[i] ?? 0,
      current,
      knee: false,
      ...mutable(figuresOf(done, variant, past.within)),
    });
  }
  const knee = kneeOf(points.map(point => point.states.firing ?? 0));
  return { name, points: points.map((point, i) => ({ ...point, knee: i === knee })) };
}

function mutable(found: Figures) {
  return {
    ...found,
    episodes: [...found.episodes],
    actions: found.actions.map(one => ({ ...one, cost: { ...one.cost } })),
    holds: [...found.holds],
    states: { ...found.states },
    cost: { ...found.cost },
  };
}

function notesOf(
  given: Input,
  source: BacktestOutput['source'],
  policy: ClosedPolicy,
  { problems }: Backtested,
  unknown: ReadonlyMap<string, NotHad>,
): string[] {
  const verifies = policy.rules.some(rule => rule.verify);
  const origin =
    source === 'recorded'
      ? 'Observations are those that were recorded, at the times at which they were taken; approvals and outcomes are those of the ledger where it has them.'
      : 'Observations are taken from what is there now: rows that came late, or were corrected since, count as if they had always been there.';
  return [
    'Open loop: what would have been done does not change what was observed.',
    origin,
    `Assumed elsewhere: a yes ${given.approvalAfter} after it was asked for; every effect succeeds after ${given.effectAfter} (or halfway to its timeout), and gives no outputs but a version.`,
    ...(verifies
      ? [
          'verify is judged on history as it was, in which nothing was done: an episode that it closes may have ended by itself.',
        ]
      : []),
    ...[...unknown].map(([what, { ticks, first }]) => `Unknown at ${ticks} ticks: ${what}, first: ${first}`),
    ...problems,
  ];
}

async function save(
  ports: Ports,
  path: string,
  result: BacktestOutput,
  policy: ClosedPolicy,
  run: Backtested,
): Promise<string> {
  if (!ports.disk || !ports.chartLibrary) throw new Refusal('backtest: only a terminal may write a page.');
  await ports.disk.write(path, backtestPage(pageOf(result, policy, run), await ports.chartLibrary()));
  return path;
}
