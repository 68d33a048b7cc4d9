/** A fleet for benchmarks and soaks: many models with one policy each, whose observations are given and not queried. */

import { emptyOwn } from '../src/engine/fold.ts';
import { chainOf, policyHashes } from '../src/engine/ids.ts';
import { foldAll } from '../src/engine/look.ts';
import type { World } from '../src/engine/world.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';
import type {
  ClosedPolicy,
  ConnectionSpec,
  Effect,
  Meter,
  ModelSpec,
  Observation,
  Store,
  TargetRef,
} from '../src/model.ts';

const POSITION = { file: 'policies/fleet.yaml', line: 1, column: 1 };
const COMMIT = { sha: 'f1', author: { name: 'b', email: 'b@example.org' }, time: 0, subject: 'fleet' };
const HOUR_MS = 3_600_000;
export const EVERY_MS = 60_000;

const CONNECTION: ConnectionSpec = {
  name: 'local',
  connector: 'local',
  access: 'act',
  commands: {},
  limits: { timeoutMs: 1000 },
};

/** `model/m00000` and so on. */
export function targetOf(index: number): TargetRef {
  return { kind: 'model', name: `m${String(index).padStart(5, '0')}` };
}

export function chainOfIndex(index: number): string {
  return chainOf(targetOf(index));
}

/** Fires on `psi > 0.2` and retrains. */
export function policyOf(target: TargetRef, everyMs = EVERY_MS): ClosedPolicy {
  const model: ModelSpec = {
    name: target.name,
    owner: 'ml',
    task: 'binary',
    data: {},
    features: { exclude: [] },
    pipelines: {
      train: {
        connection: 'local',
        id: `train_${target.name}`,
        params: {},
        output: { version: 'version' },
        accepts: [],
      },
    },
    actions: {},
  };
  return {
    policy: 'drift',
    target,
    labels: {},
    commit: COMMIT,
    position: POSITION,
    closureHash: `c-${target.name}`,
    actingHash: 'a',
    mode: 'enforce',
    modeFrom: 'bench',
    everyMs,
    observe: {
      psi: {
        name: 'psi',
        evaluator: 'query',
        args: { main: 'local', sql: 'select psi' },
        connection: 'local',
        thresholds: [0.2],
        position: POSITION,
      },
    },
    rules: [
      {
        name: 'main',
        when: { text: 'psi > 0.2', logic: { '>': [{ var: 'psi' }, 0.2] }, position: POSITION },
        forMs: 0,
        keepForMs: 0,
        staleAfterMs: 3 * HOUR_MS,
        // biome-ignore lint/suspicious/noThenProperty: the word of the policy language
        then: [
          {
            id: 'retrain',
            verb: 'retrain',
            args: { lookback: 7 * 24 * HOUR_MS },
            onNotMet: 'stop',
            position: POSITION,
          },
        ],
      },
    ],
    guard: {},
    documents: { model, datasets: {}, connections: { local: CONNECTION }, people: {}, groups: {} },
    positions: {},
    text: '',
  };
}

/** Puts the policies of so many targets into force, as taking a commit does. */
export async function enforceFleet(
  store: Store,
  targets: number,
  at: number,
  everyMs = EVERY_MS,
): Promise<void> {
  const policies = Array.from({ length: targets }, (_, index) => policyOf(targetOf(index), everyMs));
  await store.transaction(async tx => {
    await tx.setRevision({ commit: COMMIT, policies }, undefined);
  });
  for (let from = 0; from < targets; from += 500) {
    await store.transaction(async tx => {
      for (const policy of policies.slice(from, from + 500)) {
        const hashes = { [policy.policy]: policyHashes(policy) };
        const bodies = [{ kind: 'revision' as const, commit: COMMIT, policies: hashes }];
        const own = foldAll(emptyOwn(policy.target), bodies, at);
        await tx.append({ target: policy.target, bodies, at, own, dueAt: 0 });
      }
    });
  }
}

/** What the next observation of a target is: 0.05 plus a little that changes, or 0.5 for those that have drifted. */
export function psiOf(chain: string, at: number, drifted: ReadonlySet<string>): Observation {
  const wobble = ((at / 1000 + chain.length * 7) % 97) / 10_000;
  const value = drifted.has(chain) ? 0.5 : 0.05 + wobble;
  return {
    name: 'psi',
    evaluator: 'query',
    unit: 'number',
    definition: 'bench/v1',
    vector: false,
    interval: { from: at - HOUR_MS, to: at },
    readings: [{ labels: {}, fields: { value, lower: value - 0.01, upper: value + 0.01, rows: 5000 } }],
  };
}

/** A world whose observations are given, and whose effects succeed at their first poll. `begun` is told of each start. */
export function worldOver(
  store: Store,
  of: {
    readonly clock: () => number;
    readonly realClock?: () => number;
    readonly drifted?: ReadonlySet<string>;
    readonly begun?: (key: string) => void;
    readonly meter?: Meter;
  },
): World {
  const drifted = of.drifted ?? new Set<string>();
  const effect: Effect = {
    settleAfterMs: 0,
    pollMs: { first: 10, max: 1000 },
    start: async action => {
      of.begun?.(action.key);
      return { run: action.key };
    },
    find: async () => ({ state: 'absent' }),
    poll: async () => ({ state: 'succeeded', outputs: { version: 'v2' } }),
    cancel: async () => {},
  };
  return {
    store,
    clock: of.clock,
    realClock: of.realClock ?? of.clock,
    catalogue: { evaluators, verbs },
    queryData: async () => {
      throw new Error('observations are given');
    },
    dialectFor: () => {
      throw new Error('observations are given');
    },
    readServing: async () => ({ champion: 'v1', weights: { v1: 1 } }),
    effectFor: () => effect,
    ...(of.meter ? { meter: of.meter } : {}),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    takeObservation: async want => psiOf(chainOf(want.request.target), of.clock(), drifted),
  };
}
