/** The engines that work on a state, by their heartbeats. */
import { DEAD_MS } from '../engine/replica.ts';
import type { Replica, Store } from '../model.ts';

export async function replicasAlive(store: Store): Promise<readonly Replica[]> {
  const since = (await store.now()) - DEAD_MS;
  return (await store.replicas()).filter(({ beatAt }) => beatAt >= since);
}
