/**
 * The live core on a virtual clock: the ticks of `drive.ts` and the effects of `reconcile.ts` over an empty store, a world
 * that is given as functions, and a clock that jumps from one due row or event to the next. For tests and backtests: the
 * same input gives the same ledger, byte for byte. Nothing here decides.
 */
import {
  type Action,
  type ActionRow,
  type Ask,
  assert,
  type Catalogue,
  type ConnectionSpec,
  type Dialect,
  type Input,
  type LastTick,
  type Log,
  type Observation,
  type Own,
  PortError,
  type QueryData,
  type ReadServing,
  type Revision,
  type Store,
  type TargetRow,
  type Want,
} from '../model.ts';
import { appendInput, tick } from './drive.ts';
import { resumeEffects } from './effects.ts';
import { emptyOwn } from './fold.ts';
import { chainOf } from './ids.ts';
import { foldAll, revisionInput } from './look.ts';
import { type Ending, Outside, type Run } from './outside.ts';
import { effectDue } from './reconcile.ts';
import { policiesOf } from './revision-index.ts';
import { isDue } from './schedule.ts';
import type { World } from './world.ts';

/** More rounds than this at one instant are a loop of ours, not work. */
const MOST_ROUNDS = 1000;

/** A vote on an ask; `afterMs` after it was asked. */
export interface Vote extends Pick<Extract<Input, { kind: 'approval' }>, 'decision' | 'by' | 'comment'> {
  readonly afterMs: number;
}

/** What happens besides ticks and effects. Events of one time happen in their order, before the tick of that time. */
export type SimulatedEvent =
  /** Whatever a door would do: append an input, set a fact, take a commit. */
  | { readonly at: number; readonly kind: 'apply'; apply(world: World, at: number): Promise<void> }
  /** The daemon is not there: no tick and no poll; what runs outside goes on, and doors still write. */
  | { readonly at: number; readonly kind: 'gap'; readonly forMs: number }
  /** Someone else puts a version into service. */
  | { readonly at: number; readonly kind: 'serve'; readonly version: string }
  /** The daemon dies at this time and is started again at once: the answers of effects that begin at it are lost. */
  | { readonly at: number; readonly kind: 'crash' };

export interface Simulated {
  readonly revision: Revision;
  /** Half open: the tick at `from` happens, one at `to` does not. */
  readonly from: number;
  readonly to: number;
  /** Empty. It keeps the ledger, so that the caller reads entries, actions and observations from it afterwards. */
  readonly store: Store;
  readonly catalogue: Catalogue;
  /**
   * The observation that a want gives at a time, instead of the evaluators. Not called for what cannot be asked for yet
   * (`${steps.…}` without a value): that is unknown, as live.
   */
  readonly observe?: (want: Extract<Want, { request: unknown }>, at: number) => Promise<Observation>;
  /** With these the evaluators run; needed where `observe` is absent. `query` gets the present time from its own texts. */
  readonly queryData?: QueryData;
  readonly dialectFor?: (connection: ConnectionSpec) => Dialect;
  /** What serves a model, when it does not follow from the effects. */
  readonly readServing?: ReadServing;
  /** The version in service at `from`, when it does; `v1` unless said. */
  readonly champion?: string;
  /** How an effect that begins ends; `cancel` and deadlines end it earlier, as live. */
  readonly effects: (action: Action, at: number) => Ending;
  /** Asked once for each ask, when it is made. */
  readonly approvals?: (ask: Ask, chain: string, at: number) => Vote | undefined;
  /** When each chain was looked at, where that is known: its rules are due at these times and no others. */
  readonly looks?: Readonly<Record<string, readonly number[]>>;
  /** In any order. */
  readonly events?: readonly SimulatedEvent[];
  /** After every committed tick: what the chain's memory and its last tick are now. */
  readonly onTick?: (seen: SeenTick) => void;
}

export interface SeenTick {
  readonly chain: string;
  readonly at: number;
  readonly own: Own;
  readonly last: LastTick;
}

/** What a simulation did, beside the ledger in its store. */
export interface SimulationResult {
  readonly ticks: number;
  /** Effects in the order in which they began, each once. */
  readonly runs: readonly Run[];
  /** Trouble that live would log, such as a policy whose evaluation threw: our own bugs. */
  readonly problems: readonly string[];
}

/** Runs from `from` to `to`. Throws on our own bugs only: a tick that throws, an instant without an end. */
export async function simulate(options: Simulated): Promise<SimulationResult> {
  const { store, from, to } = options;
  const run: Running = {
    options,
    outside: new Outside(options.effects, from, options.champion),
    now: from,
    downUntil: from,
    loses: false,
    ticks: 0,
    problems: [],
    asked: new Set(),
    events: [...(options.events ?? [])].sort((a, b) => a.at - b.at),
  };
  const world = worldOf(run);
  await enforce(world, options.revision);
  for (;;) {
    await happen(run, world);
    if (run.now >= run.downUntil) await settle(run, world);
    // What a tick led to at once, such as a vote without delay.
    if (run.events.some(event => event.at <= run.now)) continue;
    const next = await nextTime(run, store);
    assert(next > run.now, `the simulation stands still at ${run.now}`);
    if (next >= to) break;
    run.now = next;
  }
  return { ticks: run.ticks, runs: run.outside.runs, problems: run.problems };
}

interface Running {
  readonly options: Simulated;
  readonly outside: Outside;
  now: number;
  downUntil: number;
  /** The daemon dies at this instant: what it is told by effects is lost. */
  loses: boolean;
  ticks: number;
  readonly problems: string[];
  readonly asked: Set<string>;
  readonly events: SimulatedEvent[];
}

function worldOf(run: Running): World {
  const { options, outside } = run;
  const clock = () => run.now;
  const { observe } = options;
  return {
    store: options.store,
    clock,
    realClock: clock,
    catalogue: options.catalogue,
    queryData: options.queryData ?? (async () => refuse('query')),
    dialectFor: options.dialectFor ?? (() => refuse('query')),
    readServing: options.readServing ?? (async model => outside.serving(model, run.now)),
    effectFor: () => ({
      settleAfterMs: 0,
      pollMs: { first: 1000, max: 60_000 },
      start: async action => {
        outside.begin(action, run.now);
        if (run.loses) throw new Error('the daemon died before it heard that the effect had begun');
        return { key: action.key };
      },
      find: async action =>
        outside.has(action.key) ? { state: 'found', handle: { key: action.key } } : { state: 'absent' },
      poll: async action => outside.poll(action.key, run.now),
      cancel: async action => outside.cancel(action.key, run.now),
    }),
    log: logOf(run),
    ...(observe ? { takeObservation: want => observe(want, run.now) } : {}),
  };
}

function refuse(what: string): never {
  throw new PortError(`a simulation has no ${what}; expected the observation to be given`, {
    code: 'simulated',
    retry: 'never',
    subject: what,
  });
}

function logOf(run: Running): Log {
  return {
    info: () => {},
    warn: () => {},
    error: (fields, message) => {
      run.problems.push(`${message}: ${JSON.stringify(fields)}`);
    },
  };
}

/** The revision row, and what a commit tells every chain that it governs. */
async function enforce(world: World, revision: Revision): Promise<void> {
  const at = world.clock();
  const targets = new Map(revision.policies.map(one => [chainOf(one.target), one.target]));
  await world.store.transaction(async tx => {
    const fresh = await tx.setRevision(revision, undefined);
    assert(fresh, 'a simulation was given a store that was not empty');
    for (const [chain, target] of targets) {
      const input = revisionInput(emptyOwn(target), revision, chain);
      if (!input) continue;
      const own = foldAll(emptyOwn(target), [input], at);
      await tx.append({ target, bodies: [input], at, own, dueAt: 0 });
    }
  });
}

/** The events that are due, in order. */
async function happen(run: Running, world: World): Promise<void> {
  for (;;) {
    const [event] = run.events;
    if (event === undefined || event.at > run.now) return;
    run.events.shift();
    switch (event.kind) {
      case 'apply':
        await event.apply(world, run.now);
        break;
      case 'gap':
        run.downUntil = Math.max(run.downUntil, event.at + event.forMs);
        break;
      case 'serve':
        run.outside.serve(event.version, run.now);
        break;
      case 'crash':
        run.loses = true;
        break;
    }
  }
}

/** Works through what is due at this instant, as the daemon does, until nothing is. */
async function settle(run: Running, world: World): Promise<void> {
  for (let round = 0; ; round++) {
    assert(round < MOST_ROUNDS, `the simulation does not settle at ${run.now}`);
    const due = await world.store.dueTargets(run.now);
    const chains = await mayLook(run, world.store, due);
    for (const chain of chains) await tickOne(run, world, chain);
    const moved = await effectDue(world);
    if (moved > 0) await expect(run, world.store);
    if (chains.length + moved > 0) continue;
    if (!run.loses) return;
    run.loses = false;
    await resumeEffects(world.store);
  }
}

/** Of chains whose looks are known: those that are looked at now, and those of which no rule is due now. */
async function mayLook(run: Running, store: Store, due: readonly string[]): Promise<readonly string[]> {
  const { looks } = run.options;
  if (!looks) return due;
  const rows = await Promise.all(due.map(async chain => [chain, await store.target(chain)] as const));
  return rows.flatMap(([chain, row]) => (row && nextLook(run, row) <= run.now ? [chain] : []));
}

/** When a chain is looked at next; of one whose looks are known, what its slots would say is put off until then. */
function nextLook({ options, now }: Running, { target, dueAt, lastTakenAt }: TargetRow): number {
  const looks = options.looks?.[chainOf(target)];
  if (!looks) return dueAt;
  const policies = policiesOf(options.revision, chainOf(target));
  const at = Math.max(dueAt, now);
  if (looks.includes(at) || !policies.some(policy => isDue(policy, at, lastTakenAt))) return dueAt;
  return looks.find(look => look >= at) ?? Number.POSITIVE_INFINITY;
}

async function tickOne(run: Running, world: World, chain: string): Promise<void> {
  await tick(world, chain);
  run.ticks++;
  const { onTick, approvals } = run.options;
  if (!onTick && !approvals) return;
  const row = await world.store.target(chain);
  const last = await world.store.last(chain);
  if (!row || !last) return;
  onTick?.({ chain, at: run.now, own: row.own, last });
  for (const ask of Object.values(row.own.asks)) vote(run, chain, ask);
}

/** What a person would say to a new ask, as an event of its time. */
function vote(run: Running, chain: string, ask: Ask): void {
  const { approvals } = run.options;
  if (!approvals || run.asked.has(ask.approval)) return;
  run.asked.add(ask.approval);
  const said = approvals(ask, chain, run.now);
  if (!said) return;
  const { afterMs, ...how } = said;
  const input: Input = { kind: 'approval', approval: ask.approval, ...how };
  const apply = (world: World) => appendInput(world, chain, input);
  run.events.push({ at: run.now + afterMs, kind: 'apply', apply });
  run.events.sort((a, b) => a.at - b.at);
}

/** Polls come when something has happened outside, and not on the way to it: live asks more often and hears the same. */
async function expect(run: Running, store: Store): Promise<void> {
  const rows = (await store.actions({ live: true })).filter(
    row => row.state === 'started' && row.dueAt > run.now && row.dueAt !== endOf(run, row),
  );
  if (rows.length === 0) return;
  await store.transaction(async tx => {
    for (const row of rows) await tx.updateAction(row.action.key, { dueAt: endOf(run, row) });
  });
}

/** When the run ends, or just after its deadline. */
function endOf(run: Running, { action, cancelRequested }: ActionRow): number {
  const ends = run.outside.endsAt(action.key) ?? run.now;
  const passed = cancelRequested
    ? Number.POSITIVE_INFINITY
    : (action.deadline ?? Number.POSITIVE_INFINITY) + 1;
  const next = Math.min(ends, passed);
  return next > run.now ? next : run.now + 1000;
}

/** The earliest time at which anything can change. */
async function nextTime(run: Running, store: Store): Promise<number> {
  const event = run.events[0]?.at ?? Number.POSITIVE_INFINITY;
  if (run.now < run.downUntil) return Math.min(event, run.downUntil);
  const targets = (await store.targets()).map(row => nextLook(run, row));
  const actions = (await store.actions({ live: true }))
    .filter(row => row.state !== 'unresolved')
    .map(row => row.dueAt);
  return Math.min(event, ...targets, ...actions);
}
