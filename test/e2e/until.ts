/** Waiting in tests: for what must happen, never for a time. */
import { setTimeout as delay } from 'node:timers/promises';

/** Generous: machines for tests are slow and shared. What is waited for comes in seconds or not at all. */
const PATIENCE_MS = 60_000;

/** Waits until there is something, and gives it. What was seen last stands in the error when it never comes. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  seen: () => unknown = () => undefined,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline)
      throw new Error(`waited in vain until ${what}; ${JSON.stringify(await seen(), null, 1)}`);
    await delay(15);
  }
}
