/** A real engine over a real store that governs a plant, in a time that goes on only as it works: what lives are made of. */
import { appendInput } from '../../src/engine/drive.ts';
import { emptyOwn } from '../../src/engine/fold.ts';
import { folding } from '../../src/engine/folding.ts';
import { chainOf } from '../../src/engine/ids.ts';
import { foldAll, revisionInput } from '../../src/engine/look.ts';
import { settleAll } from '../../src/engine/reconcile.ts';
import type { World } from '../../src/engine/world.ts';
import { type ClosedPolicy, type Dialect, type Log, PortError, type Store } from '../../src/model.ts';
import { isPostgres } from '../../src/store/address.ts';
import { openStore } from '../../src/store/open.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { CATALOGUE, COMMIT, HOUR } from '../core/closed-policy.ts';
import type { PlantClient } from './plant-client.ts';
import type { PlantTime } from './plant-server.ts';
import type { Scenario } from './scenarios.ts';
import { over } from './tap.ts';

export type OpenedStore = Awaited<ReturnType<typeof openSqliteStore>>;

/** `state` is a file, or an address of PostgreSQL. */
export function openState(state: string): Promise<OpenedStore> {
  if (isPostgres(state)) return openStore(state, folding);
  return openSqliteStore({ ...folding, path: state });
}

/** The observations are queries with their own SQL: nothing is rendered. */
const DIALECT: Dialect = {
  name: 'duckdb',
  relation: dataset => dataset.name,
  identifier: name => name,
  literal: String,
  timestamp: String,
};

const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** What `main.ts` wires, with the plant in place of connectors. */
export function worldOver(
  store: Store,
  plant: PlantClient,
  clocks: Pick<World, 'clock' | 'realClock'>,
  log = QUIET,
): World {
  return {
    ...clocks,
    store,
    catalogue: CATALOGUE,
    queryData: async (_, query) => {
      const value = await plant.value(('sql' in query ? query.sql : query.promql).replace('select ', ''));
      return value === null ? [] : [{ value }];
    },
    dialectFor: () => DIALECT,
    readServing: model => plant.serving(model.serving?.name ?? model.name),
    effectFor: () => plant.effect,
    log,
  };
}

/** Puts the policies into force as the first commit does. */
export async function enforce(store: Store, policies: readonly ClosedPolicy[], at: number): Promise<void> {
  const revision = { commit: COMMIT, policies };
  await store.transaction(async tx => {
    await tx.setRevision(revision, undefined);
    for (const target of new Map(policies.map(one => [chainOf(one.target), one.target])).values()) {
      const own = emptyOwn(target);
      const input = revisionInput(own, revision, chainOf(target));
      if (input === undefined) continue;
      await tx.append({ target, bodies: [input], at, own: foldAll(own, [input], at), dueAt: 0 });
    }
  });
}

/** When every life begins. */
export const BIRTH: PlantTime = { now: 1000 * HOUR, real: 0 };
/** Real time that passes between a death and the next life: no lease and no pause lasts so long. */
const DEAD_MS = 600_000;

/** A world whose time is the plant's: it outlives engines, and stands still while one works. */
export interface Slow {
  readonly world: World;
  readonly time: { now: number; real: number };
}

export async function slowWorld(store: Store, plant: PlantClient): Promise<Slow> {
  const time = { ...(await plant.time()) };
  time.real += DEAD_MS;
  await plant.time(time);
  const clocks = { clock: () => time.now, realClock: () => time.real };
  // A state's own clock goes with them, as far as the store has one.
  const now = { now: async () => time.real } as Partial<Store>;
  return { world: worldOver(over(store, now), plant, clocks), time };
}

/**
 * Step by step until `steps` have passed since the birth: works until nothing is due, and says yes to what asks. An error of
 * a port is survived, as the daemon's loop survives it; any other is thrown.
 */
export async function live(slow: Slow, plant: PlantClient, scenario: Scenario, steps: number): Promise<void> {
  const { time, world } = slow;
  for (; time.now < BIRTH.now + steps * scenario.stepMs; time.now += scenario.stepMs) {
    await plant.time(time);
    for (let round = 0; round < 2; round++) {
      try {
        await settle(slow);
        await sayYes(world, scenario);
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        time.real += 1000;
      }
    }
  }
  await plant.time(time);
}

function settle({ world, time }: Slow): Promise<void> {
  const pause = async (ms: number) => {
    time.real += ms;
  };
  return settleAll(world, pause, () => false);
}

/** A person, who approves whatever waits for it. */
export async function sayYes(world: World, { policies }: Pick<Scenario, 'policies'>): Promise<void> {
  for (const chain of new Set(policies.map(one => chainOf(one.target)))) {
    const row = await world.store.target(chain);
    for (const { approval, votes } of Object.values(row?.own.asks ?? {})) {
      if (votes.length > 0) continue;
      const by = { name: 'ben', door: 'cli', authenticated: true } as const;
      await appendInput(world, chain, { kind: 'approval', approval, decision: 'yes', by });
    }
  }
}
