/** Runs this process as one of several engines on one state in PostgreSQL: wires hints, heartbeat, sweep and clock. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LEASE_MS } from './engine/effects.ts';
import { type HandOut, replicaTasks, runReplica } from './engine/replica.ts';
import type { World } from './engine/world.ts';
import { handOut } from './store/hand-out.ts';

/** Between two sweeps: what a lost hint costs at most. */
const SWEEP_MS = 500;
/** Hints that one replica works on at once. */
const CONCURRENCY = 8;

export interface ReplicaOptions {
  readonly url: string;
  readonly version: string;
  readonly leaseMs?: number;
  /** Follows the database's clock anew. */
  readonly measure: () => Promise<void>;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly stopped: () => boolean;
}

/** Until it is told to stop; then what runs is let end. Throws when the database cannot be reached at the beginning. */
export async function runAsReplica(world: World, options: ReplicaOptions): Promise<void> {
  const { url, version, leaseMs = LEASE_MS, measure, stopped } = options;
  const id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  const own: World = { ...world, replica: { id, leaseMs } };
  let out: Awaited<ReturnType<typeof handOut>> | undefined;
  const hints: HandOut = {
    hint: async what => out?.hint(what),
    unlock: async replicas => out?.unlock(replicas),
  };
  const tasks = replicaTasks(own, hints, id, leaseMs, stopped);
  out = await handOut({ id, url, concurrency: CONCURRENCY, log: world.log, ...tasks });
  world.log.info({ replica: id }, 'replica started');
  const pause = async (ms: number) => {
    await options.pause(ms);
    await measure().catch(error => world.log.warn({ error: String(error) }, 'the clock could not be read'));
  };
  const replica = { id, host: hostname(), pid: process.pid, version, startedAt: world.realClock() };
  await runReplica(own, hints, replica, { pause, stopped, restMs: SWEEP_MS });
  await out.stop();
  world.log.info({ replica: id }, 'replica stopped');
}
