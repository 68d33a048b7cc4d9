/** How many engines work on a state, by their heartbeats. */
import type { Store } from '../model.ts';

/** One whose last heartbeat is older is taken for dead. */
const ALIVE_MS = 15_000;

export async function replicasAlive(store: Store): Promise<number> {
  const since = (await store.now()) - ALIVE_MS;
  return (await store.replicas()).filter(({ beatAt }) => beatAt >= since).length;
}
