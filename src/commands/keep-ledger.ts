/** What the daemon does for its ledger beside the work: anchors, and what is kept no longer. */
import type { Ports } from './ports.ts';

/** A fleet anchor is written this often, and at shutdown. */
const ANCHOR_MS = 3_600_000;
/** In anchors. */
const PRUNE_EVERY = 24;

/** Anchors every hour, and deletes every day what is kept no longer. What fails is tried again the next time. */
export async function keepLedger(
  { ledger, world }: Pick<Ports, 'ledger' | 'world'>,
  pause: (ms: number) => Promise<unknown>,
  stopped: () => boolean,
): Promise<void> {
  for (let hour = 1; ; hour += 1) {
    await pause(ANCHOR_MS);
    if (stopped()) return;
    try {
      await ledger.anchor(world.clock());
      if (hour % PRUNE_EVERY !== 1) continue;
      world.log.info({ ...(await ledger.prune(world.clock(), 'worthwhile')) }, 'kept no longer');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      world.log.error({ error: message }, 'the ledger could not be anchored or pruned');
    }
  }
}
