/**
 * A plant for the property test of the life cycle: pipelines that end when they are told to, traffic and a registry, calls that
 * fail before or after their effect, and a cancel that may go unheard. It counts how often each key really began.
 */
import { settleAll } from '../../src/engine/reconcile.ts';
import type { World } from '../../src/engine/world.ts';
import {
  type Action,
  type Dialect,
  type Effect,
  type JsonObject,
  type Log,
  PortError,
  type Store,
} from '../../src/model.ts';
import { CATALOGUE, HOUR } from './closed-policy.ts';

export type Ends = 'succeeded' | 'failed' | 'failed for good' | 'timed-out' | 'cancelled' | 'lost';
/** What happens to the next start. */
export type Fault = 'none' | 'before' | 'after' | 'refused';

interface Running {
  readonly action: Action;
  begun: number;
  end?: Ends;
}

/** What outlives a crash of the engine. */
export interface Plant {
  /** The clock port, and real time. */
  now: number;
  real: number;
  psi: number | undefined;
  perf: number | undefined;
  champion: string;
  weights: Readonly<Record<string, number>>;
  fault: Fault;
  /** The connector cannot say whether a key is there. */
  blind: boolean;
  /** Nobody hears a cancel. */
  deaf: boolean;
  readonly runs: Map<string, Running>;
  versions: number;
}

export function plant(): Plant {
  return {
    now: 1000 * HOUR,
    real: 0,
    psi: 0.1,
    perf: 0.1,
    champion: 'v1',
    weights: { v1: 1 },
    fault: 'none',
    blind: false,
    deaf: false,
    runs: new Map(),
    versions: 1,
  };
}

const DIALECT: Dialect = {
  name: 'duckdb',
  relation: dataset => dataset.name,
  identifier: name => name,
  literal: String,
  timestamp: String,
};
const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** The engine's world over the plant; a new one after every crash. */
export function engineOn(plant: Plant, store: Store): World {
  return {
    store,
    clock: () => plant.now,
    realClock: () => plant.real,
    catalogue: CATALOGUE,
    queryData: async (_, query) => {
      const name = ('sql' in query ? query.sql : query.promql).replace('select ', '');
      const value = name === 'psi' ? plant.psi : plant.perf;
      if (value !== undefined) return [{ value }];
      throw new PortError('no answer', { code: 'unreachable', retry: 'later', subject: name });
    },
    dialectFor: () => DIALECT,
    readServing: async () => ({ champion: plant.champion, weights: plant.weights }),
    effectFor: () => effectOf(plant),
    log: QUIET,
  };
}

function effectOf(plant: Plant): Effect {
  return {
    settleAfterMs: 2000,
    pollMs: { first: 1000, max: 60_000 },
    start: async action => {
      const { fault } = plant;
      if (action.call.capability !== 'notify.send') plant.fault = 'none';
      else return begin(plant, action);
      if (fault === 'before') throw new Error('connection refused');
      if (fault === 'refused')
        throw new PortError('not allowed', {
          code: 'forbidden',
          retry: 'never',
          subject: action.call.subject,
        });
      const handle = begin(plant, action);
      if (fault === 'after') throw new Error('connection reset');
      return handle;
    },
    find: async action => {
      if (plant.blind) return { state: 'cannot-tell', message: 'two of that name' };
      return plant.runs.has(action.key)
        ? { state: 'found', handle: { key: action.key } }
        : { state: 'absent' };
    },
    poll: async action => poll(plant, action),
    cancel: async action => {
      const run = plant.runs.get(action.key);
      if (run && !plant.deaf) run.end ??= 'cancelled';
    },
  };
}

function begin(plant: Plant, action: Action): JsonObject {
  const run = plant.runs.get(action.key) ?? { action, begun: 0 };
  plant.runs.set(action.key, run);
  run.begun += 1;
  // Traffic, the registry and messages are moved at once; a pipeline runs.
  if (action.call.capability !== 'pipeline.run') {
    run.end = 'succeeded';
    move(plant, action);
  }
  return { key: action.key };
}

function move(plant: Plant, { call }: Action): void {
  if (call.capability === 'serving.shift') plant.weights = call.args.weights as Plant['weights'];
  if (call.capability === 'registry.point') plant.champion = String(call.args.version);
}

async function poll(plant: Plant, action: Action): ReturnType<Effect['poll']> {
  const run = plant.runs.get(action.key);
  switch (run?.end) {
    case undefined:
      return run ? { state: 'running' } : { state: 'lost', message: 'nothing of this key ever began' };
    case 'succeeded':
      return { state: 'succeeded', outputs: { version: `v${++plant.versions}`, log_loss: 0.3 } };
    case 'failed':
    case 'failed for good':
      return { state: 'failed', repeatable: run?.end === 'failed', message: 'no slot free' };
    case 'cancelled':
      return { state: 'cancelled' };
    default:
      return { state: run?.end ?? 'lost', message: `it was ${run?.end}` };
  }
}

const MOST_ROUNDS = 1000;

/** Works until nothing is due but what still runs outside, or until the process is dead. */
export async function work(world: World, plant: Plant, isDead = () => false): Promise<void> {
  let rests = 0;
  let rounds = 0;
  await settleAll(
    world,
    async ms => {
      rests += 1;
      plant.real += ms;
    },
    () => {
      // More work than this at one moment is a loop of ours.
      if (++rounds > MOST_ROUNDS) throw new Error('it does not come to rest');
      return rests > 8 || isDead();
    },
  );
}
