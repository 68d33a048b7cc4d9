/**
 * Quiet targets and actions per second, and how long a breach waits for its effect, with observations given, for the embedded engine.
 * `node bench/reconcile.ts [TARGETS]`; `bench/replicas.ts` has the figures of several replicas on PostgreSQL.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folding } from '../src/engine/folding.ts';
import { run } from '../src/engine/reconcile.ts';
import type { Store } from '../src/model.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { chainOfIndex, EVERY_MS, enforceFleet, worldOver } from './fleet.ts';

interface Figure {
  readonly name: string;
  readonly ratio: number;
  readonly limit?: number;
  readonly detail: string;
}

const TARGETS = 10_000;
const ROUNDS = 5;
const ACTIONS = 500;
/** Breaches one after the other, for the time that each waits. */
const SINGLE = 100;
const LEAST_PER_S = 5000;
const MOST_WAIT_MS = 50;
const START = 1_900_000_000_000;

/** Figures of the embedded engine; over one the limit is missed. */
export async function runReconcileBench(targets = TARGETS): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'flyball-bench-'));
  const path = join(folder, 'flyball.db');
  const store = await openSqliteStore({ path, ...folding });
  try {
    await enforceFleet(store, targets, START);
    const quiet = await quietPerSecond(store, targets);
    const burst = await actionsOf(store, ACTIONS, true);
    const single = await actionsOf(store, SINGLE, false);
    return [
      {
        name: `${LEAST_PER_S} quiet targets a second / quiet targets a second, embedded`,
        ratio: LEAST_PER_S / quiet.perSecond,
        limit: 1,
        detail: `${quiet.perSecond.toFixed(0)}/s over ${targets} targets, best of ${ROUNDS} rounds (${quiet.all.join(', ')}/s)`,
      },
      {
        name: `wait from the tick that decided to the start (p99) / ${MOST_WAIT_MS} ms, one breach at a time`,
        ratio: quantile(single.waits, 0.99) / MOST_WAIT_MS,
        limit: 1,
        detail: `p50 ${quantile(single.waits, 0.5).toFixed(1)} ms, p99 ${quantile(single.waits, 0.99).toFixed(1)} ms over ${SINGLE} breaches`,
      },
      {
        name: `wait to the start in a burst of ${ACTIONS} breaches (p99) / p50`,
        ratio: quantile(burst.waits, 0.99) / quantile(burst.waits, 0.5),
        detail:
          `${burst.perSecond.toFixed(0)} actions/s from breach to outcome; wait p50 ` +
          `${quantile(burst.waits, 0.5).toFixed(0)} ms, p99 ${quantile(burst.waits, 0.99).toFixed(0)} ms`,
      },
    ];
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

/** The clock stands while a round is worked through, then goes on by one `every`: all targets are due at once. */
async function quietPerSecond(store: Store, targets: number) {
  const clock = { now: START + EVERY_MS };
  const world = worldOver(store, { clock: () => clock.now, realClock: () => performance.now() });
  const all: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    await workUntil(world, async () => (await store.dueTargets(clock.now, 1)).length === 0);
    all.push(Math.round((targets / (performance.now() - begun)) * 1000));
    clock.now += EVERY_MS;
  }
  return { perSecond: Math.max(...all), all };
}

/** Real time: so many models drift, all at once or one after the other; each is retrained. Waits are from decision to start. */
async function actionsOf(store: Store, count: number, together: boolean) {
  const zero = START + 100 * EVERY_MS + (together ? 0 : 100 * EVERY_MS);
  const clock = () => Math.floor(zero + performance.now());
  const drifted = new Set<string>();
  const begun = new Map<string, number>();
  const world = worldOver(store, {
    clock,
    realClock: () => performance.now(),
    drifted,
    begun: key => begun.set(key, clock()),
  });
  const before = new Set((await store.actions({})).map(row => row.action.key));
  const mine = async () => (await store.actions({})).filter(row => !before.has(row.action.key));
  const chains = Array.from({ length: count }, (_, index) => chainOfIndex(index + (together ? 0 : ACTIONS)));
  await store.transaction(async tx => {
    for (const { target } of await store.targets())
      await tx.setDue(`${target.kind}/${target.name}`, zero * 2);
  });
  const start = performance.now();
  const drift = async (some: readonly string[]) => {
    for (const chain of some) drifted.add(chain);
    await store.transaction(async tx => {
      for (const chain of some) await tx.setDue(chain, 0);
    });
  };
  const work = workUntil(world, async () => begun.size >= count && !(await unfinished(store)));
  if (together) await drift(chains);
  else {
    for (const [index, chain] of chains.entries()) {
      await drift([chain]);
      while (begun.size <= index) await sleep(1);
    }
  }
  await work;
  const tookMs = performance.now() - start;
  const waits = (await mine()).map(row => (begun.get(row.action.key) ?? Number.NaN) - row.intendedAt);
  return { waits, perSecond: (count / tookMs) * 1000 };
}

async function unfinished(store: Store): Promise<boolean> {
  return (await store.actions({ live: true, limit: 1 })).length > 0;
}

async function workUntil(world: Parameters<typeof run>[0], done: () => Promise<boolean>): Promise<void> {
  let stop = false;
  const working = run(world, { pause: ms => sleep(ms), stopped: () => stop, restMs: 20 });
  while (!(await done())) await sleep(5);
  stop = true;
  await working;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

if (process.argv[1] === import.meta.filename) {
  for (const { name, ratio, limit, detail } of await runReconcileBench(Number(process.argv[2] ?? TARGETS))) {
    const against = limit === undefined ? '' : ` (limit ${limit}×${ratio > limit ? ', EXCEEDED' : ''})`;
    process.stdout.write(`${ratio.toFixed(2).padStart(8)}×${against}  ${name}\n             ${detail}\n`);
  }
}
