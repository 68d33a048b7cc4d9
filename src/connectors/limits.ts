/** A connection's limits on queries: how many at once, how often, and how long they wait for their turn. For every connector. */
import { type ConnectionSpec, PortError } from '../model.ts';

/** Milliseconds of a clock that only rises: limits are about real time, also under a fast clock. */
export type Elapsed = () => number;

/** Runs work within the limits of its connection. */
export type Limited = <T>(connection: ConnectionSpec, work: () => Promise<T>) => Promise<T>;

/**
 * Shared by all that ask through it. `concurrency`: the rest wait in the order in which they came, at most `timeout`.
 * `rate`: a bucket of `count` that fills again evenly over its period; when it is empty the query is refused, not delayed,
 * so that a tick never hangs on it. Throws PortError `budget`.
 */
export function limits(elapsed: Elapsed = () => performance.now()): Limited {
  const kept = new Map<string, { readonly turns: Turns; readonly bucket: Bucket }>();
  return async (connection, work) => {
    const key = JSON.stringify([connection.name, connection.limits]);
    const own = kept.get(key) ?? { turns: turnsOf(connection), bucket: bucketOf(connection, elapsed) };
    kept.set(key, own);
    own.bucket();
    await own.turns.take();
    try {
      return await work();
    } finally {
      own.turns.leave();
    }
  };
}

type Bucket = () => void;

function bucketOf({ name, limits: { rate } }: ConnectionSpec, elapsed: Elapsed): Bucket {
  if (rate === undefined) return () => {};
  let tokens = rate.count;
  let last = elapsed();
  return () => {
    const now = elapsed();
    tokens = Math.min(rate.count, tokens + ((now - last) * rate.count) / rate.perMs);
    last = now;
    if (tokens < 1)
      throw spent(
        name,
        `limits.rate is ${rate.count} per ${rate.perMs} ms and all of them are used`,
        'raise it, or ask less often',
      );
    tokens -= 1;
  };
}

interface Turns {
  take(): Promise<void>;
  leave(): void;
}

function turnsOf({ name, limits: { concurrency, timeoutMs } }: ConnectionSpec): Turns {
  const waiting: (() => void)[] = [];
  let free = concurrency ?? Number.POSITIVE_INFINITY;
  const take = () =>
    new Promise<void>((resolve, reject) => {
      const go = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(go), 1);
        const found = `limits.concurrency is ${concurrency} and no query ended within ${timeoutMs} ms`;
        reject(spent(name, found, 'raise it, or limits.timeout'));
      }, timeoutMs);
      waiting.push(go);
    });
  return {
    async take() {
      if (free > 0) free--;
      else await take();
    },
    leave() {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    },
  };
}

function spent(name: string, found: string, todo: string): PortError {
  return new PortError(`connection ${name}: ${found}; ${todo}.`, {
    code: 'budget',
    retry: 'later',
    subject: name,
  });
}
