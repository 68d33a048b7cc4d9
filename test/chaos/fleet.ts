/** A fleet in a storm, as all who act on it see it. Types, and where its state is. */
import type { Postgres } from '../servers/postgres-server.ts';
import type { Disturbance, Storm } from './disturbances.ts';
import type { OpenedStore } from './engine.ts';
import type { fleetPolicies } from './fleet-policies.ts';
import type { PlantAddress, PlantClient } from './plant-client.ts';
import type { ReplicaPlace } from './replica-process.ts';
import type { Left } from './takeovers.ts';

export interface FleetTrial extends Storm {
  readonly models: number;
  readonly postgres: Postgres;
  readonly plant: PlantAddress;
  /** Where the replicas' logs go. */
  readonly log: string;
  readonly say: (text: string) => void;
}

/** Each storm has a database of its own. */
export function databaseOf({ seed, replicas }: Pick<Storm, 'seed' | 'replicas'>): string {
  return `storm_${seed}_${replicas}`;
}

export interface Fleet {
  readonly trial: FleetTrial;
  readonly models: readonly string[];
  readonly policies: ReturnType<typeof fleetPolicies>;
  readonly plant: PlantClient;
  /** Ours, by a wire that is never disturbed; the state itself may be away. */
  readonly store: OpenedStore;
  readonly places: readonly ReplicaPlace[];
  /** What replicas had in hand when they were killed or stopped. */
  readonly left: Left[];
  /** What went wrong while it lasted. */
  readonly faults: string[];
  /** What there was time for of the storm. */
  readonly happened: Disturbance[];
  /** By model: how many, and what served when the last one began. */
  readonly breaches: Map<string, { readonly count: number; readonly served: string }>;
}
