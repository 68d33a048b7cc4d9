/**
 * A small outside: it really keeps pipelines' runs, the traffic and the registry, and counts effects by key. It is not
 * idempotent on purpose: starting one key twice has two effects. Ports to it and to a real store make a world.
 */

import { emptyOwn } from '../../src/engine/fold.ts';
import { folding } from '../../src/engine/folding.ts';
import { chainOf, policyHashes } from '../../src/engine/ids.ts';
import { foldAll } from '../../src/engine/look.ts';
import { settleAll } from '../../src/engine/reconcile.ts';
import type { World } from '../../src/engine/world.ts';
import type { ClosedPolicy, Dialect, Effect, JsonObject, Log, Scalar, Store } from '../../src/model.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { CATALOGUE, COMMIT, HOUR } from './closed-policy.ts';

export type OpenStore = Awaited<ReturnType<typeof openSqliteStore>>;

/** What outlives a crash of the daemon: time, the system that is governed, and nothing of the engine. */
export interface Outside {
  /** The clock port, and real time. */
  now: number;
  real: number;
  champion: string;
  /** Effects by key: how often each really began. */
  readonly begun: Map<string, number>;
  readonly capabilities: string[];
  /** What the next observation of a name is; a function is asked at every query. */
  readonly values: Record<string, Scalar | (() => Scalar)>;
}

/** Version 1 serves, the data has drifted, and the score of the model in service depends on its version. */
export function outside(): Outside {
  const world: Outside = {
    now: 1000 * HOUR,
    real: 0,
    champion: 'v1',
    begun: new Map(),
    capabilities: [],
    values: { psi: 0.5, perf: () => (world.champion === 'v1' ? 0.9 : 0.4) },
  };
  return world;
}

/** The observations here are queries with their own SQL: nothing is rendered. */
const DIALECT: Dialect = {
  name: 'duckdb',
  relation: dataset => dataset.name,
  identifier: name => name,
  literal: String,
  timestamp: String,
};

/** Works until nothing is due; waiting costs real time of the outside, and none of ours. */
export function settle(world: World, to: Outside): Promise<void> {
  const pause = async (ms: number) => {
    to.real += ms;
  };
  return settleAll(world, pause, () => false);
}

const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** The real store over a file, with the engine's own fold. */
export function openStore(path: string): Promise<OpenStore> {
  return openSqliteStore({ path, ...folding });
}

/** A world over the outside: what `main.ts` wires, with other ports. */
export function worldOf(to: Outside, store: Store): World {
  const polls = new Map<string, number>();
  const effect: Effect = {
    settleAfterMs: 2000,
    pollMs: { first: 100, max: 1000 },
    start: async action => {
      to.begun.set(action.key, (to.begun.get(action.key) ?? 0) + 1);
      to.capabilities.push(action.call.capability);
      if (action.call.capability === 'serving.shift') {
        to.champion = Object.keys(action.call.args.weights as JsonObject)[0] ?? '';
      }
      return { run: action.key };
    },
    find: async action =>
      to.begun.has(action.key) ? { state: 'found', handle: { run: action.key } } : { state: 'absent' },
    poll: async action => {
      const seen = (polls.get(action.key) ?? 0) + 1;
      polls.set(action.key, seen);
      const slow = action.call.capability === 'pipeline.run';
      return slow && seen < 3
        ? { state: 'running' }
        : { state: 'succeeded', outputs: { version: 'v2', log_loss: 0.4 } };
    },
    cancel: async () => {},
  };
  return {
    store,
    clock: () => to.now,
    realClock: () => to.real,
    catalogue: CATALOGUE,
    queryData: async (_, query) => {
      const sql = 'sql' in query ? query.sql : query.promql;
      const value = to.values[sql.replace('select ', '')];
      return value === undefined ? [] : [{ value: typeof value === 'function' ? value() : value }];
    },
    dialectFor: () => DIALECT,
    readServing: async () => ({ champion: to.champion, weights: { [to.champion]: 1 } }),
    effectFor: () => effect,
    log: QUIET,
  };
}

/** Puts policies into force: the revision row, and a `revision` input in the chain of every target. */
export async function enforce(
  world: World,
  policies: readonly ClosedPolicy[],
  commit = COMMIT,
): Promise<void> {
  const before = await world.store.revision();
  await world.store.transaction(async tx => {
    if (!(await tx.setRevision({ commit, policies }, before?.commit.sha))) throw new Error('moved');
    for (const target of new Map(policies.map(one => [chainOf(one.target), one.target])).values()) {
      const row = await tx.target(chainOf(target));
      const at = Math.max(world.clock(), row?.own.takenAt ?? 0);
      const hashes = Object.fromEntries(policies.map(policy => [policy.policy, policyHashes(policy)]));
      const bodies = [{ kind: 'revision' as const, commit, policies: hashes }];
      const own = foldAll(row?.own ?? emptyOwn(target), bodies, at);
      await tx.append({ target, bodies, at, own, dueAt: 0 });
    }
  });
}
