/** How much is taken: of an address before it is known who asks, of a principal, of all together, and how much at once. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { hashOf } from '../canonical.ts';
import type { Limits } from '../commands/index.ts';
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';

export interface Traffic {
  /** One request of whoever has not shown who they are. Throws Problem. */
  unknown(asked: Asked): Promise<void>;
  /** One request with this token, before it is looked at. Throws Problem. */
  token(text: string): Promise<void>;
  /** One request of a principal, which counts as going on until its answer is sent. Throws Problem. */
  principal(name: string, asked: Asked): Promise<void>;
  /** A stream of a principal, which is nothing that goes on. Throws Problem. */
  stream(name: string, asked: Asked): void;
}

export function trafficOf(limits: Limits): Traffic {
  const limiter = (points: number) => new RateLimiterMemory({ points, duration: 1 });
  const addresses = limiter(limits.address);
  const tokens = limiter(limits.principal);
  const principals = limiter(limits.principal);
  const all = limiter(limits.total);
  const going = atOnce(limits.concurrent);
  /** How a request that became a stream stops counting as going on. */
  const entered = new WeakMap<Asked, () => void>();
  const streams = atOnce(limits.streams);
  return {
    unknown: async asked => {
      if (asked.over === 'tcp') await take(addresses, networkOf(asked.from), 'Your address');
    },
    token: text => take(tokens, hashOf(text), 'This token'),
    principal: async (name, asked) => {
      await take(principals, name, name);
      // What one is refused for is not taken from the others.
      await take(all, 'all', 'All together');
      entered.set(asked, going(name, asked));
    },
    stream: (name, asked) => {
      streams(name, asked);
      entered.get(asked)?.();
    },
  };
}

/** Whoever has one address of IPv6 has a network of them. */
function networkOf(address: string): string {
  return address.includes(':') && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
}

async function take(limiter: RateLimiterMemory, key: string, who: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
    throw new Problem('limit', `${who} asked more than ${limiter.points} times in a second.`, {
      'retry-after': String(seconds),
    });
  }
}

/** At most so many at once, and of one principal at most a quarter of them; each until its answer is sent. */
function atOnce(most: number): (name: string, asked: Asked) => () => void {
  const each = Math.max(1, Math.ceil(most / 4));
  const by = new Map<string, number>();
  let total = 0;
  return (name, { signal }) => {
    const own = by.get(name) ?? 0;
    if (own >= each || total >= most)
      throw new Problem(
        'limit',
        `${name} has ${own} requests at once, and all together ${total}; expected at most ${each} and ${most}.`,
        {
          'retry-after': '1',
        },
      );
    if (signal.aborted) return () => {};
    total += 1;
    by.set(name, own + 1);
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      total -= 1;
      const left = (by.get(name) ?? 1) - 1;
      if (left === 0) by.delete(name);
      else by.set(name, left);
    };
    signal.addEventListener('abort', end);
    return end;
  };
}
