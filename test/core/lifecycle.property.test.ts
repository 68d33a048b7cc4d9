/**
 * The life cycle under everything at once, over the real driver and a real store: ticks, time, breaches that come and go,
 * unknowns, votes, cancels, retries, resolves, pauses, commits, outcomes, lost calls, and crashes that leave only the store.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { appendInput } from '../../src/engine/drive.ts';
import { resumeEffects } from '../../src/engine/effects.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { openRequests } from '../../src/engine/fold-requests.ts';
import { standingFact } from '../../src/engine/folding.ts';
import type { World } from '../../src/engine/world.ts';
import type { ActionRow, Ask, ClosedPolicy, Entry, Input, Own, Principal } from '../../src/model.ts';
import {
  CHAIN,
  COMMIT,
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  NOTIFY,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
  TARGET,
} from './closed-policy.ts';
import { enforce, type OpenStore, openStore } from './outside.ts';
import { type Ends, engineOn, type Fault, type Plant, plant, work } from './plant.ts';
import { closedRequest, requestOf } from './requested.ts';

// ------------------------------------------------------------------------------------------------ what is governed

const APPROVAL = { from: ['owner'], quorum: 2, expiresMs: 8 * HOUR, reaskMs: 6 * HOUR };
const ONE = {
  ...APPROVAL,
  quorum: 1,
  expiresMs: 4 * HOUR,
  escalateAfterMs: HOUR,
  onExpiry: 'escalate' as const,
};
const observe = { psi: observes('psi', { windowMs: HOUR }), perf: observes('perf', { windowMs: HOUR }) };
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: 5 * HOUR,
  attempts: 2,
  otherwise: 'escalate' as const,
};
const retry = { attempts: 3, backoffMs: HOUR, backoffMaxMs: 2 * HOUR, withinMs: 12 * HOUR };
const SLOW = { ...RETRAIN, retry, timeoutMs: 6 * HOUR };
const UNDONE = { ...PROMOTE, undo: true as const };
const back = (more = {}) =>
  policyOf({
    policy: 'back',
    observe,
    rule: { ...doing([stepOf('rollback')]), when: condition(compares('perf', '>', 0.8)) },
    ...more,
  });
const rollouts = {
  trial: {
    name: 'trial',
    steps: [
      { weight: 0.1, holdMs: 2 * HOUR },
      { weight: 1, holdMs: HOUR },
    ],
    onFailure: 'rollback' as const,
    // biome-ignore lint/suspicious/noThenProperty: the word of the language
    onUnknown: { holdMs: 3 * HOUR, then: 'rollback' as const },
    maxMs: DAY,
  },
};

/** What the branch may say. Each has its own acting hash; `Model` limits are those of its documents. */
const REVISIONS: readonly (readonly ClosedPolicy[])[] = [
  [
    policyOf({
      observe,
      actions: { retrain: { approval: APPROVAL }, promote: { approval: ONE } },
      rule: doing([SLOW, UNDONE], { verify, keepForMs: HOUR }),
    }),
    back(),
  ],
  [
    policyOf({
      observe,
      actions: { promote: { approval: ONE } },
      rule: doing([SLOW, UNDONE, NOTIFY], { verify }),
    }),
  ],
  [
    policyOf({
      observe,
      actions: { promote: { rollout: 'trial', approval: ONE } },
      rule: doing([{ ...stepOf('promote', { version: 'v2' }), undo: true as const }], { verify }),
      documents: { rollouts },
    }),
    back(),
  ],
  [
    policyOf({
      observe,
      actions: { retrain: { approval: APPROVAL } },
      rules: [
        ruleOf(doing([SLOW], { name: 'a', verify })),
        ruleOf(doing([SLOW, NOTIFY], { name: 'b', forMs: HOUR })),
      ],
    }),
  ],
  [policyOf({ observe, mode: 'observe', rule: doing([SLOW], { verify }) }), back()],
];

const PEOPLE = ['ana', 'ben', 'cleo', 'zoe'];
const by = (name: string): Principal => ({ name, door: 'cli', authenticated: true });

// ------------------------------------------------------------------------------------------------------ what happens

interface Real {
  readonly path: string;
  readonly plant: Plant;
  store: OpenStore;
  world: World;
  revision: number;
  commits: number;
  /** Folded so far, entry by entry, as an independent reader of the ledger does. */
  own: Own;
  readonly asks: Map<string, Ask>;
  /** By action id and plan: a yes that was good when it was used. */
  readonly granted: Set<string>;
  /** Questions that were withdrawn. */
  readonly takenBack: Set<string>;
  seen: number;
}
/** Everything is read from the real one. */
type Model = object;

abstract class Happens implements fc.AsyncCommand<Model, Real> {
  check(): boolean {
    return true;
  }
  async run(_: Model, real: Real): Promise<void> {
    await this.happen(real);
    await examine(real);
  }
  abstract happen(real: Real): Promise<void>;
  abstract toString(): string;
}

async function tell(real: Real, input: Input): Promise<void> {
  await appendInput(real.world, CHAIN, input);
}

class Time extends Happens {
  readonly minutes: number;
  readonly psi: number | undefined;
  readonly perf: number | undefined;
  constructor(minutes: number, psi: number | undefined, perf: number | undefined) {
    super();
    this.minutes = minutes;
    this.psi = psi;
    this.perf = perf;
  }
  async happen({ plant: at, world }: Real): Promise<void> {
    at.now += this.minutes * 60_000;
    at.real += this.minutes * 60_000;
    at.psi = this.psi;
    at.perf = this.perf;
    await work(world, at);
  }
  toString(): string {
    return `+${this.minutes}m psi ${this.psi} perf ${this.perf}`;
  }
}

class Says extends Happens {
  readonly who: string;
  readonly decision: 'yes' | 'no';
  readonly newest: boolean;
  constructor(who: string, decision: 'yes' | 'no', newest: boolean) {
    super();
    this.who = who;
    this.decision = decision;
    this.newest = newest;
  }
  async happen(real: Real): Promise<void> {
    // Of an old question too: a late word must decide nothing.
    const ask = [...real.asks.keys()].at(this.newest ? -1 : 0);
    if (ask === undefined) return;
    await tell(real, { kind: 'approval', approval: ask, decision: this.decision, by: by(this.who) });
  }
  toString(): string {
    return `${this.who} says ${this.decision} to the ${this.newest ? 'newest' : 'oldest'}`;
  }
}

/** Everybody says yes, what is due begins, and what runs ends: an hour as most are. */
class Hour extends Happens {
  readonly how: Ends;
  readonly perf: number;
  constructor(how: Ends, perf: number) {
    super();
    this.how = how;
    this.perf = perf;
  }
  async happen(real: Real): Promise<void> {
    const ask = [...real.asks.keys()].at(-1);
    for (const name of ['ben', 'cleo'])
      if (ask !== undefined)
        await tell(real, { kind: 'approval', approval: ask, decision: 'yes', by: by(name) });
    await work(real.world, real.plant);
    await new Ended(this.how).happen(real);
    await new Time(60, 0.5, this.perf).happen(real);
  }
  toString(): string {
    return `an hour, ${this.how}, perf ${this.perf}`;
  }
}

class Orders extends Happens {
  readonly what: 'cancel' | 'retry' | 'resolve' | 'adopt' | 'advance' | 'abort';
  readonly which: number;
  constructor(what: Orders['what'], which: number) {
    super();
    this.what = what;
    this.which = which;
  }
  async happen(real: Real): Promise<void> {
    const open = Object.values((await real.store.target(CHAIN))?.own.episodes ?? {});
    const episode = open[this.which % Math.max(1, open.length)]?.id;
    const { what } = this;
    if (episode === undefined) return;
    if (what === 'resolve') await tell(real, { kind: what, episode, as: 'resolved', by: by('ben') });
    else if (what === 'advance' || what === 'abort')
      await tell(real, { kind: 'rollout-order', episode, what, by: by('ben') });
    else await tell(real, { kind: what, episode, by: by('ben') });
  }
  toString(): string {
    return `${this.what} of episode ${this.which}`;
  }
}

class OfAction extends Happens {
  readonly what: 'cancel' | 'succeeded' | 'failed';
  readonly which: number;
  constructor(what: OfAction['what'], which: number) {
    super();
    this.what = what;
    this.which = which;
  }
  async happen(real: Real): Promise<void> {
    const rows = await real.store.actions({ live: true });
    const action = rows[this.which % Math.max(1, rows.length)]?.action.id;
    if (action === undefined) return;
    if (this.what === 'cancel') await tell(real, { kind: 'cancel', action, by: by('ben') });
    else
      await tell(real, { kind: 'resolve', action, as: this.what, by: by('ben'), outputs: { version: 'v9' } });
  }
  toString(): string {
    return `${this.what} of action ${this.which}`;
  }
}

class Ended extends Happens {
  readonly how: Ends;
  constructor(how: Ends) {
    super();
    this.how = how;
  }
  async happen({ plant: at }: Real): Promise<void> {
    for (const run of at.runs.values()) run.end ??= this.how;
  }
  toString(): string {
    return `what runs is ${this.how}`;
  }
}

class Changes extends Happens {
  readonly change: {
    readonly fault?: Fault;
    readonly blind?: boolean;
    readonly deaf?: boolean;
    readonly champion?: string;
  };
  constructor(change: Changes['change']) {
    super();
    this.change = change;
  }
  async happen({ plant: at }: Real): Promise<void> {
    const { champion, ...rest } = this.change;
    Object.assign(at, rest, champion === undefined ? {} : { champion, weights: { [champion]: 1 } });
  }
  toString(): string {
    return `world ${JSON.stringify(this.change)}`;
  }
}

/** Somebody asks for one action, under the limits of the revision in force; the same request again changes nothing. */
class Requests extends Happens {
  readonly verb: 'retrain' | 'promote' | 'rollback';
  readonly who: string;
  readonly id: string;
  constructor(verb: Requests['verb'], who: string, id: string) {
    super();
    this.verb = verb;
    this.who = who;
    this.id = id;
  }
  async happen(real: Real): Promise<void> {
    const step = STEPS[this.verb];
    const request = requestOf(this.id, real.plant.now, {
      step,
      by: by(this.who),
      closed: underOf(real.revision),
    });
    await tell(real, request);
  }
  toString(): string {
    return `${this.who} requests ${this.verb} as ${this.id}`;
  }
}

const STEPS = {
  retrain: RETRAIN,
  promote: stepOf('promote', { version: 'v3' }),
  rollback: stepOf('rollback'),
};

/** What a revision says of the Model, for whatever is asked for under it. */
function underOf(revision: number): Parameters<typeof policyOf>[0] {
  const [policy] = REVISIONS[revision] ?? [];
  const { model, rollouts } = policy?.documents ?? {};
  return {
    mode: policy?.mode ?? 'observe',
    ...(model ? { actions: model.actions } : {}),
    ...(rollouts ? { documents: { rollouts } } : {}),
  };
}

class Pauses extends Happens {
  readonly scope: string;
  readonly on: boolean;
  constructor(scope: string, on: boolean) {
    super();
    this.scope = scope;
    this.on = on;
  }
  async happen({ store, plant: at }: Real): Promise<void> {
    const by = { name: 'ana', door: 'cli', authenticated: true } as const;
    const scope = this.scope.replace(/^(verb|target):/, '');
    const more = { reason: 'holidays', until: at.now + 3 * HOUR };
    const body = this.on
      ? ({ kind: 'pause', scope, by, ...more } as const)
      : ({ kind: 'resume', scope, by } as const);
    await store.transaction(async tx => {
      await tx.fleet([body], at.now);
      await tx.setFact(`pause:${this.scope}`, standingFact({ at: at.now, body })?.value ?? null);
      await tx.setDue(CHAIN, 0);
    });
  }
  toString(): string {
    return `${this.on ? 'pause' : 'resume'} ${this.scope}`;
  }
}

class Commits extends Happens {
  readonly revision: number;
  constructor(revision: number) {
    super();
    this.revision = revision;
  }
  async happen(real: Real): Promise<void> {
    real.commits += 1;
    real.revision = this.revision;
    const commit = { ...COMMIT, sha: `c${real.commits}` };
    const policies = REVISIONS[this.revision] ?? [];
    await enforce(
      real.world,
      policies.map(one => ({ ...one, commit })),
      commit,
    );
    await this.renew(real, commit);
  }
  /** Waiting requests are closed anew under it. */
  async renew(real: Real, commit: typeof COMMIT): Promise<void> {
    const own = (await real.store.target(CHAIN))?.own;
    const open = own ? openRequests(own) : [];
    if (own === undefined || open.length === 0) return;
    const requests = Object.fromEntries(
      open.map(({ id, verb }) => {
        const step = STEPS[verb as Requests['verb']];
        return [id, closedRequest(id, step, { ...underOf(this.revision), commit })];
      }),
    );
    await tell(real, { kind: 'revision', commit, policies: own.policies, requests });
  }
  toString(): string {
    return `revision ${this.revision}`;
  }
}

/** The process dies between two of its writes; nothing but the store and the plant is left. */
class Crash extends Happens {
  readonly at: number;
  constructor(at: number) {
    super();
    this.at = at;
  }
  async happen(real: Real): Promise<void> {
    let left = this.at;
    const dying: World = {
      ...real.world,
      store: new Proxy(real.store, {
        get(store, name) {
          const value = Reflect.get(store, name);
          if (name !== 'transaction') return typeof value === 'function' ? value.bind(store) : value;
          return async (body: Parameters<OpenStore['transaction']>[0]) => {
            if (left-- <= 0) throw new Error('killed');
            return store.transaction(body);
          };
        },
      }),
    };
    await work(dying, real.plant, () => left < 0);
    await real.store.close();
    real.store = await openStore(real.path);
    real.world = engineOn(real.plant, real.store);
    await resumeEffects(real.store);
  }
  toString(): string {
    return `killed after ${this.at} writes`;
  }
}

// --------------------------------------------------------------------------------------------------- what always holds

/** How often each kind of entry was seen, so that a property which holds of nothing is noticed. */
const kinds = new Map<string, number>();
function count(kind: string): void {
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}

const touches = (row: Pick<ActionRow, 'action'>) => row.action.call.capability !== 'notify.send';
const DISRUPTIVE = ['retrain', 'promote'];

async function examine(real: Real): Promise<void> {
  const { store, plant: at } = real;
  const live = (await store.actions({ live: true })).filter(touches);
  const subjects = live.map(row => row.action.call.subject);
  expect(new Set(subjects).size, `two live actions on one subject: ${subjects}`).toBe(subjects.length);
  for (const [key, run] of at.runs) expect(run.begun, `effects of key ${key}`).toBe(1);
  const entries = await store.entries({ chain: CHAIN, from: real.seen + 1 });
  for (const entry of entries) {
    examineEntry(real, entry);
    count(entry.body.kind);
    real.own = fold(real.own, entry);
    real.seen = entry.seq;
  }
  // What the store keeps is what any reader of the ledger folds.
  expect(canonical((await store.target(CHAIN))?.own)).toBe(canonical(real.own));
}

function examineEntry(real: Real, { at, body }: Entry): void {
  if (body.kind === 'ask') {
    const { kind: _, cause: __, plan: ___, why: ____, ...ask } = body;
    real.asks.set(body.approval, { ...ask, at, votes: body.votes ?? [] });
  }
  if (body.kind === 'approval') {
    const ask = real.asks.get(body.approval);
    const { by: who, decision } = body;
    if (ask && at < ask.expires)
      real.asks.set(body.approval, {
        ...ask,
        votes: [...ask.votes.filter(one => one.by.name !== who.name), { by: who, decision, at }],
      });
  }
  if (body.kind === 'withdrawn' && body.approval !== undefined) real.takenBack.add(body.approval);
  if (body.kind !== 'intent' || body.action.step.startsWith('!')) return;
  const { action, cause } = body;
  if (!DISRUPTIVE.includes(action.verb)) return;
  const state = real.own.rules[cause.policy]?.[cause.rule]?.[cause.group];
  const rolling = real.own.episodes[body.episode]?.sequence.rollout !== undefined;
  const isRequested = cause.policy.startsWith('request:');
  if (!rolling && !isRequested) {
    expect(['firing', 'clearing'], `${action.verb} began while its rule was ${state?.state}`).toContain(
      state?.state,
    );
  }
  if (action.phase > 0) return;
  const limits = body.plan.documents.model?.actions[action.verb]?.approval;
  const id = `${action.id} ${action.planHash}`;
  if (body.approval !== undefined) {
    const ask = real.asks.get(body.approval);
    expect(ask, 'a yes to a question that was never asked').toBeDefined();
    if (!real.granted.has(id))
      expect(real.takenBack.has(body.approval), 'a yes to a question that was taken back').toBe(false);
    expect(at, 'an approval that was over').toBeLessThan(ask?.expires ?? 0);
    const may = ['ana', 'ben', 'cleo'].filter(name => !ask?.refused.includes(name));
    const counted = (ask?.votes ?? []).filter(vote => may.includes(vote.by.name));
    expect(counted.filter(vote => vote.decision === 'no')).toEqual([]);
    const request = real.own.requests?.[cause.policy.slice('request:'.length)];
    expect(ask?.refused).toContain(isRequested ? request?.by.name : 'ana');
    expect(new Set(counted.map(vote => vote.by.name)).size).toBeGreaterThanOrEqual(limits?.quorum ?? 1);
    real.granted.add(id);
  } else if (limits) expect(real.granted.has(id), `${action.verb} began without a yes`).toBe(true);
}

/** From wherever it is, legal inputs of people bring everything to an end. */
async function bringToEnd(real: Real): Promise<void> {
  const { plant: at } = real;
  Object.assign(at, { fault: 'none', blind: false, deaf: false });
  for (const scope of ['all', 'verb:retrain', 'verb:rollback']) await new Pauses(scope, false).run({}, real);
  for (let round = 0; round < 12; round++) {
    const own = (await real.store.target(CHAIN))?.own;
    const live = (await real.store.actions({ live: true })).filter(touches);
    const open = Object.values(own?.episodes ?? {});
    const asked = own ? openRequests(own) : [];
    if (open.length + live.length + asked.length === 0) break;
    for (const { id } of asked) await tell(real, { kind: 'cancel', action: id, by: by('ben') });
    for (const { id, sequence, ended } of open) {
      if (!['stalled', 'done'].includes(sequence.status))
        await tell(real, { kind: 'cancel', episode: id, by: by('ben') });
      else if (!ended) await tell(real, { kind: 'resolve', episode: id, as: 'resolved', by: by('ben') });
    }
    // Nothing is known any more: nothing ends by itself, and nothing begins.
    await new Time(70, undefined, undefined).run({}, real);
    for (const row of live)
      if (row.state === 'unresolved' && round > 2)
        await tell(real, { kind: 'resolve', action: row.action.id, as: 'failed', by: by('ben') });
    for (const run of at.runs.values()) run.end ??= 'cancelled';
  }
  const own = (await real.store.target(CHAIN))?.own;
  expect(Object.values(own?.episodes ?? {}).map(one => [one.id, one.sequence.status, one.ended])).toEqual([]);
  expect((await real.store.actions({ live: true })).filter(touches).map(row => row.state)).toEqual([]);
  for (const { id, fate } of Object.values(own?.requests ?? {})) {
    expect(fate, `request ${id} has no end`).toBeDefined();
    count(`request ${fate?.how}`);
  }
}

// ------------------------------------------------------------------------------------------------------------ the test

const level = fc.constantFrom(0.05, 0.5, 0.5, 0.9, undefined);
const which = fc.nat(3);
const weighted: readonly (readonly [number, fc.Arbitrary<Happens>])[] = [
  [6, fc.tuple(fc.constantFrom(0, 20, 60, 60, 130, 300), level, level).map(([m, a, b]) => new Time(m, a, b))],
  [4, fc.constant(0).map(() => new Time(60, 0.5, 0.9))],
  [
    9,
    fc
      .tuple(
        fc.constantFrom<Ends>('succeeded', 'succeeded', 'failed', 'failed for good'),
        fc.constantFrom(0.7, 0.7, 0.3),
      )
      .map(([how, perf]) => new Hour(how, perf)),
  ],
  [
    5,
    fc
      .tuple(fc.constantFrom(...PEOPLE), fc.constantFrom('yes', 'yes', 'yes', 'no'), fc.boolean())
      .map(([who, said, newest]) => new Says(who, said as 'yes', newest)),
  ],
  [3, fc.tuple(fc.constantFrom('ben', 'cleo')).map(([who]) => new Says(who, 'yes', true))],
  [
    2,
    fc
      .tuple(fc.constantFrom('cancel', 'retry', 'retry', 'resolve', 'adopt', 'advance', 'abort'), which)
      .map(([what, n]) => new Orders(what as Orders['what'], n)),
  ],
  [
    1,
    fc
      .tuple(fc.constantFrom('cancel', 'succeeded', 'failed'), which)
      .map(([what, n]) => new OfAction(what as OfAction['what'], n)),
  ],
  [
    3,
    fc
      .constantFrom('succeeded', 'succeeded', 'failed', 'failed for good', 'timed-out', 'lost')
      .map(how => new Ended(how as Ends)),
  ],
  [
    1,
    fc
      .constantFrom<Changes['change']>(
        { fault: 'before' },
        { fault: 'after' },
        { fault: 'refused' },
        { blind: true },
        { blind: false, deaf: false },
        { deaf: true },
        { champion: 'v1' },
        { champion: 'v7' },
      )
      .map(change => new Changes(change)),
  ],
  [
    1,
    fc
      .tuple(fc.constantFrom('all', 'verb:retrain', 'verb:rollback'), fc.boolean())
      .map(([scope, on]) => new Pauses(scope, on)),
  ],
  [
    3,
    fc
      .tuple(
        fc.constantFrom<Requests['verb']>('retrain', 'retrain', 'promote', 'rollback'),
        fc.constantFrom('ben', 'dave'),
        fc.constantFrom('r1', 'r2', 'r3', 'r4'),
      )
      .map(([verb, who, id]) => new Requests(verb, who, id)),
  ],
  [1, fc.nat(REVISIONS.length - 1).map(revision => new Commits(revision))],
  [1, fc.nat(6).map(at => new Crash(at))],
];
const commands = fc.commands(
  weighted.flatMap(([weight, one]) => Array.from({ length: weight }, () => one)),
  { maxCommands: 60, size: 'max' },
);

let folder: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-life-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function begin(revision: number): Promise<Real> {
  const path = join(folder, `${runs++}.sqlite`);
  const at = plant();
  const store = await openStore(path);
  const real: Real = {
    ...{ path, plant: at, store, world: engineOn(at, store), revision, commits: 0 },
    ...{
      own: emptyOwn(TARGET),
      asks: new Map(),
      granted: new Set<string>(),
      takenBack: new Set<string>(),
      seen: 0,
    },
  };
  await new Commits(revision).happen(real);
  return real;
}

test('one live action a subject, no act without its yes, unknown begins nothing, one effect a key, every state ends (P17)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(REVISIONS.length - 1), commands, async (revision, list) => {
      const real = await begin(revision);
      try {
        await fc.asyncModelRun(() => ({ model: {}, real }), list);
        for (const { sequence } of Object.values(real.own.episodes)) count(`left in ${sequence.status}`);
        expect((await real.store.rebuild()).differences).toEqual([]);
        await bringToEnd(real);
        expect(await real.store.verify()).toMatchObject({ ok: true });
        expect((await real.store.rebuild()).differences).toEqual([]);
      } finally {
        await real.store.close();
      }
    }),
    { endOnFailure: true, numRuns: Number(process.env.LIFECYCLE_RUNS ?? 40) },
  );
  const seen = Object.fromEntries([...kinds].sort());
  console.info(`life cycle: ${JSON.stringify(seen)}`);
  for (const kind of [
    'ask',
    'intent',
    'withdrawn',
    'outcome',
    'retrying',
    'stalled',
    'not-verified',
    'rollout',
    'request succeeded',
    'request failed',
    'request withdrawn',
  ])
    expect(Object.keys(seen)).toContain(kind);
});
