/**
 * The clock of a state on a server, to be read at any time: the server's, carried on by this machine's monotonic one. Setting
 * the machine's wall clock changes nothing of it, and it goes on while the process is stopped.
 */
import { type Clock, PortError, type Store } from '../model.ts';

/** A measurement that took longer than this says too little about when it was answered. */
const SHARP_MS = 500;
const TRIES = 5;

export interface DatabaseClock {
  readonly clock: Clock;
  /** Follows the server's clock anew; one that answers too slowly is left for the next time. */
  measure(): Promise<void>;
}

/** Measures first. Throws PortError when the server never answers soon enough. */
export async function databaseClock(
  store: Pick<Store, 'now'>,
  elapsed: () => number = () => performance.now(),
): Promise<DatabaseClock> {
  let offset: number | undefined;
  let last = 0;
  const measure = async () => {
    const from = elapsed();
    const now = await store.now();
    const tookMs = elapsed() - from;
    if (tookMs > SHARP_MS) return;
    const measured = now + tookMs / 2 - elapsed();
    // A clock that was set back is not followed back: from where we are we go on, because whoever waits for the end of a lease
    // must see it. What a measurement may err by is made up for by standing still a moment.
    if (offset === undefined || measured > offset - SHARP_MS) offset = measured;
  };
  for (let tries = 0; offset === undefined && tries < TRIES; tries++) await measure();
  if (offset === undefined) {
    throw new PortError(
      `state: its server took more than ${SHARP_MS} ms to say the time, ${TRIES} times; expected a server near by. Look at ` +
        'the load of the database and at the network to it.',
      { code: 'state-slow', retry: 'later', subject: 'state' },
    );
  }
  const clock = () => {
    // Whole milliseconds, never backwards.
    last = Math.max(last, Math.floor(elapsed() + (offset ?? 0)));
    return last;
  };
  return { clock, measure };
}
