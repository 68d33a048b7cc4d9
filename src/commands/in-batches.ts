/** Writes to many targets while they are being ticked. */
import type { World } from '../engine/world.ts';
import type { Transaction } from '../model.ts';

/** Targets of one transaction: few enough that ticks which go on meanwhile seldom meet it, and it seldom has to begin again. */
const TOGETHER = 20;

/**
 * Runs `each` for every chain, a few in a transaction. A batch that fails is tried again chain by chain; what fails then is
 * logged and left out, so `each` must be something that is made up for. Never throws.
 */
export async function inBatches(
  world: World,
  chains: readonly string[],
  each: (tx: Transaction, chain: string) => Promise<unknown>,
): Promise<void> {
  const work = (batch: readonly string[]) =>
    world.store.transaction(async tx => {
      for (const chain of batch) await each(tx, chain);
    });
  for (let from = 0; from < chains.length; from += TOGETHER) {
    const batch = chains.slice(from, from + TOGETHER);
    await work(batch).catch(async () => {
      for (const chain of batch) {
        await work([chain]).catch(error =>
          world.log.warn(
            { chain, error: String(error) },
            'target could not be told; its next tick makes up for it',
          ),
        );
      }
    });
  }
}
