/**
 * The k-th call of a port fails, before its effect or after it, as an error that the daemon survives or as its death; then
 * it is started again on the same file. However it falls: one effect a key, an intent for every effect, a whole chain, and
 * the same end.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { appendInput } from '../../src/engine/drive.ts';
import type { World } from '../../src/engine/world.ts';
import { type Effect, PortError, type Principal, type Store } from '../../src/model.ts';
import {
  CHAIN,
  compares,
  condition,
  DAY,
  doing,
  EVALUATE,
  HOUR,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
} from './closed-policy.ts';
import { enforce, type OpenStore, type Outside, openStore, outside, settle, worldOf } from './outside.ts';

const PERSON: Principal = { name: 'ben', door: 'cli', authenticated: true };
const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
const better = condition(compares('steps.evaluate.log_loss', '<', 0.5));

/** Retrains, evaluates, promotes on approval, verifies; then the rate holds whatever fires again. */
const policy = policyOf({
  observe: { psi: observes('psi'), perf: observes('perf', { windowMs: HOUR }) },
  actions: { retrain: { rate: { count: 1, perMs: 90 * DAY } }, promote: { approval } },
  rule: doing([RETRAIN, EVALUATE, { ...PROMOTE, require: better }], {
    verify: {
      // Not against `before`: a query that failed when the episode opened leaves that unknown for good.
      that: condition(compares('perf', '<', 0.8)),
      withinMs: 3 * HOUR,
      attempts: 1,
      otherwise: 'escalate',
    },
  }),
});

interface Fault {
  /** Which call fails; none when it is more than there are. */
  readonly at: number;
  readonly when: 'before' | 'after';
  /** An error is one call; after a death no port answers any more. */
  readonly as: 'error' | 'death';
}

const EFFECTS = ['transaction', 'putProfile', 'setMeta', 'start', 'cancel'];

/** Counts the calls of every port and lets one of them fail. */
function faulty(
  world: World,
  fault: Fault,
): { readonly world: World; readonly calls: () => number; readonly dead: () => boolean } {
  let calls = 0;
  let dead = false;
  const broken = () => new PortError('the port broke', { code: 'broken', retry: 'later', subject: 'test' });
  const wrap =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>, name = '') =>
    async (...args: Args): Promise<T> => {
      if (dead) throw broken();
      // A read has no effect: failing after it is failing before it.
      if (fault.when === 'after' && !EFFECTS.includes(name)) return call(...args);
      const mine = ++calls === fault.at;
      if (mine && fault.as === 'death') dead = true;
      if (mine && fault.when === 'before') throw broken();
      const answer = await call(...args);
      if (mine) throw broken();
      return answer;
    };
  const wrapAll = <T extends object>(port: T): T =>
    Object.fromEntries(
      Object.entries(port).map(([name, value]) => [
        name,
        typeof value === 'function' ? wrap(value as never, name) : value,
      ]),
    ) as T;
  const store = wrapAll<Store>(world.store);
  return {
    world: {
      ...world,
      store,
      queryData: wrap(world.queryData),
      readServing: wrap(world.readServing),
      effectFor: (capability, connection) => wrapAll<Effect>(world.effectFor(capability, connection)),
    },
    calls: () => calls,
    dead: () => dead,
  };
}

/** Hour by hour until `hours` have passed: settle, and say yes to what asks. A death ends it. */
async function live(world: World, to: Outside, hours: number, dead: () => boolean): Promise<void> {
  for (; to.now < (1000 + hours) * HOUR; to.now += HOUR) {
    for (let round = 0; round < 2; round++) {
      try {
        await settle(world, to);
        await sayYes(world);
      } catch (error) {
        if (dead()) return;
        // The daemon's loop goes on after an error, a little later.
        if (!(error instanceof PortError)) throw error;
        to.real += 1000;
      }
    }
  }
}

async function sayYes(world: World): Promise<void> {
  const row = await world.store.target(CHAIN);
  for (const ask of Object.values(row?.own.asks ?? {})) {
    if (ask.votes.length > 0) continue;
    await appendInput(world, CHAIN, {
      kind: 'approval',
      approval: ask.approval,
      decision: 'yes',
      by: PERSON,
    });
  }
}

/** Retraining, evaluation and promotion need one hour and a yes; what a fault delays needs another. */
const HOURS = 2;

/** One life with a fault, and one without after a restart. Gives how many calls the first life made. */
async function lives(path: string, fault: Fault): Promise<{ calls: number; to: Outside; store: OpenStore }> {
  const to = outside();
  let store = await openStore(path);
  const first = faulty(worldOf(to, store), fault);
  await live(first.world, to, HOURS, first.dead);
  await store.close();
  store = await openStore(path);
  // Whatever was under way when it died is asked about no sooner than its lease allows.
  to.real += 120_000;
  await live(worldOf(to, store), to, 2 * HOURS + 1, () => false);
  return { calls: first.calls(), to, store };
}

async function check({ to, store }: { to: Outside; store: OpenStore }, label: string): Promise<void> {
  const entries = await store.entries({ chain: CHAIN });
  const intents = entries.flatMap(({ body }) => (body.kind === 'intent' ? [body.action] : []));
  const row = await store.target(CHAIN);
  expect(
    {
      twice: [...to.begun].filter(([, count]) => count !== 1),
      unintended: [...to.begun.keys()].filter(key => !intents.some(action => action.key === key)),
      begun: to.capabilities,
      champion: to.champion,
      verified: row?.own.verifiedVersions,
      live: (await store.actions({ live: true })).length,
      locks: Object.keys(await store.factsWithPrefix('lock:')),
      chain: (await store.verify()).ok,
      rebuilt: (await store.rebuild()).differences,
    },
    label,
  ).toEqual({
    twice: [],
    unintended: [],
    begun: ['pipeline.run', 'pipeline.run', 'serving.shift', 'registry.point'],
    champion: 'v2',
    verified: ['v1', 'v2'],
    live: 0,
    locks: [],
    chain: true,
    rebuilt: [],
  });
}

describe.each([
  ['before', 'error'],
  ['after', 'error'],
  ['before', 'death'],
  ['after', 'death'],
] as const)('the k-th port call fails %s its effect: %s', (when, as) => {
  test('for every k until a run meets no fault', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flyball-faults-'));
    try {
      const begun = join(folder, 'begun.sqlite');
      const store = await openStore(begun);
      await enforce(worldOf(outside(), store), [policy]);
      await store.close();
      for (let at = 1; ; at++) {
        await copyFile(begun, join(folder, `${at}.sqlite`));
        const lived = await lives(join(folder, `${at}.sqlite`), { at, when, as });
        await check(lived, `k = ${at}, ${as} ${when} its effect`);
        await lived.store.close();
        await rm(join(folder, `${at}.sqlite`));
        if (lived.calls < at) {
          expect(at).toBeGreaterThan(30);
          return;
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
