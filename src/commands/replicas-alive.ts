/** The engines that work on a state, by their heartbeats. */
import type { Replica, Store } from '../model.ts';

/** One whose last heartbeat is older is taken for dead. */
export const ALIVE_MS = 15_000;

export async function replicasAlive(store: Store): Promise<readonly Replica[]> {
  const since = (await store.now()) - ALIVE_MS;
  return (await store.replicas()).filter(({ beatAt }) => beatAt >= since);
}
