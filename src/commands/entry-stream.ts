/** New entries of the ledger as they come, for whoever follows it, as far as they may see it. */
import type { Entry } from '../model.ts';
import { targetsWith } from './access.ts';
import type { Ports } from './ports.ts';

/** Entries of one chain that are given at once; whoever missed more is told to look anew. */
const MOST_OF_A_CHAIN = 200;
/** Chains that are looked through for what was missed since a moment. */
const MOST_CHAINS = 2000;

export type Streamed =
  | {
      readonly what: 'entry';
      readonly chain: string;
      readonly seq: number;
      readonly at: number;
      readonly kind: string;
    }
  /** More happened than is told one by one. */
  | { readonly what: 'reset'; readonly at: number }
  /** One look is over. */
  | { readonly what: 'looked' };

/**
 * Until `signal` is aborted. `since`: entries from that moment on come first, so what was seen last comes again: chain and
 * seq say so. `pause` waits between looks.
 */
export async function* entryStream(
  ports: Ports,
  of: {
    readonly since?: number | undefined;
    readonly signal: AbortSignal;
    readonly pause: () => Promise<void>;
  },
): AsyncGenerator<Streamed> {
  const { store, clock } = ports.world;
  const sees = await targetsWith(ports.grants, 'viewer', store);
  const headsNow = async () => {
    const { heads } = await store.census(clock());
    return new Map(Object.entries(heads).filter(([chain]) => sees === undefined || sees(chain)));
  };
  let known = await headsNow();
  if (of.since !== undefined) yield* missed(ports, [...known.keys()], of.since);
  while (!of.signal.aborted) {
    await of.pause();
    if (of.signal.aborted) return;
    const now = await headsNow();
    const grown = [...now].filter(([chain, hash]) => known.get(chain) !== hash);
    for (const [chain] of grown) yield* newOf(ports, chain, known.get(chain));
    known = now;
    yield { what: 'looked' };
  }
}

/** Entries of the chain after the one with this hash; all of a new chain. */
async function* newOf(ports: Ports, chain: string, after: string | undefined): AsyncGenerator<Streamed> {
  const newest = await ports.world.store.entries({ chain, newestFirst: true, limit: MOST_OF_A_CHAIN });
  const end = newest.findIndex(({ hash }) => hash === after);
  const isWhole = end >= 0 || newest.length < MOST_OF_A_CHAIN;
  if (!isWhole) yield { what: 'reset', at: newest[0]?.at ?? 0 };
  for (const entry of (end < 0 ? newest : newest.slice(0, end)).toReversed()) yield streamed(entry);
}

async function* missed(ports: Ports, chains: readonly string[], since: number): AsyncGenerator<Streamed> {
  if (chains.length > MOST_CHAINS) {
    yield { what: 'reset', at: ports.world.clock() };
    return;
  }
  for (const chain of chains) {
    const newest = await ports.world.store.entries({ chain, newestFirst: true, limit: MOST_OF_A_CHAIN });
    const found = newest.filter(({ at }) => at >= since);
    if (found.length === MOST_OF_A_CHAIN) yield { what: 'reset', at: found[0]?.at ?? 0 };
    for (const entry of found.toReversed()) yield streamed(entry);
  }
}

function streamed({ chain, seq, at, body }: Entry): Streamed {
  return { what: 'entry', chain, seq, at, kind: body.kind };
}
