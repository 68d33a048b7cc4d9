/** Many models under one policy in real time: each breach is a retraining and a promotion, which make it go away. */
import type { ClosedPolicy, ConnectionSpec } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  modelOf,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
} from '../core/closed-policy.ts';
import type { PlantSpec } from './plant.ts';
import { PATIENCE_MS } from './plant-client.ts';

/** A plant, its models well. A second start is a second effect: nothing saves an engine that sends twice. */
export function fleetPlant(models: readonly string[]): PlantSpec {
  return {
    mode: 'searched',
    version: 'v1',
    values: Object.fromEntries(models.map(model => [valueName(model), WELL])),
    outputs: { version: 'v-$key', log_loss: 0.4 },
    polls: 2,
    healing: { psi: WELL },
  };
}

export const WELL = 0.1;
export const ILL = 0.5;
/** What one breach ends in, by capability. */
export const REMEDY = ['pipeline.run', 'serving.shift', 'registry.point'] as const;

export function valueName(model: string): string {
  return `psi:${model}`;
}

export function modelsOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `m${index}`);
}

/** Who takes over waits for the lease and for the longest request. */
function connection(name: string): ConnectionSpec {
  return { name, connector: 'local', access: 'act', commands: {}, limits: { timeoutMs: PATIENCE_MS } };
}

/** Every other one asks a person before it promotes. */
export function fleetPolicies(models: readonly string[], everyMs: number): readonly ClosedPolicy[] {
  return models.map((name, index) => {
    const plain = modelOf(
      index % 2 === 0
        ? {}
        : { promote: { approval: { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY } } },
    );
    const train = { ...plain.pipelines.train, id: `train_${name}` } as (typeof plain.pipelines)[string];
    const place = { connection: 'local', name };
    const model = { ...plain, name, registry: place, serving: place, pipelines: { train } };
    const policy = policyOf({
      target: { kind: 'model', name },
      everyMs,
      observe: {
        psi: observes('psi', {
          args: { main: 'warehouse', sql: `select ${valueName(name)}` },
          // What verify judges must be younger than the remedy.
          windowMs: 1,
        }),
      },
      rule: doing([RETRAIN, PROMOTE], {
        verify: {
          that: condition(compares('psi', '<', 0.2)),
          withinMs: HOUR,
          attempts: 3,
          otherwise: 'escalate',
        },
      }),
      documents: { model, connections: { local: connection('local'), warehouse: connection('warehouse') } },
    });
    return policy;
  });
}
