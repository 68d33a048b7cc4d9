/** The state as somebody sees it who may see some targets only: the others are not there, for reading and for writing. */
import { chainOf } from '../engine/ids.ts';
import type { Facts, Json, JsonObject, Store, Transaction } from '../model.ts';
import { Refusal } from './refusal.ts';

type Sees = (chain: string) => boolean;

/** The store with the chains that `sees` allows. The fleet's own chain is not among them. */
export function scopedStore(store: Store, sees: Sees): Store {
  const within = <T>(chain: string, found: T, nothing: T): T => (sees(chain) ? found : nothing);
  return {
    ...store,
    target: async chain => within(chain, await store.target(chain), undefined),
    targets: async () => (await store.targets()).filter(row => sees(chainOf(row.target))),
    targetsOf: chains => store.targetsOf(chains.filter(sees)),
    last: async chain => within(chain, await store.last(chain), undefined),
    dueTargets: async (now, limit) => (await store.dueTargets(now, limit)).filter(sees),
    dueActions: async (now, limit) => (await store.dueActions(now, limit)).filter(row => sees(row.chain)),
    actions: async filter => {
      if (filter.chain !== undefined) return sees(filter.chain) ? store.actions(filter) : [];
      // The limit counts what is seen.
      const { limit, ...all } = filter;
      return (await store.actions(all)).filter(row => sees(row.chain)).slice(0, limit);
    },
    findAction: async prefix => (await store.findAction(prefix)).filter(row => sees(row.chain)),
    entries: async filter => (sees(filter.chain) ? store.entries(filter) : []),
    chains: async () => (await store.chains()).filter(sees),
    revision: async () => {
      const found = await store.revision();
      if (!found) return undefined;
      const policies = found.policies.filter(one => sees(chainOf(one.target)));
      // Mistakes and policies without a target name what others govern.
      const { rejected, unmatched: _, ...rest } = found;
      return { ...rest, policies, ...(rejected ? { rejected: { ...rejected, diagnostics: [] } } : {}) };
    },
    closure: async hash => {
      const found = await store.closure(hash);
      return found && within(chainOf(found.target), found, undefined);
    },
    facts: async keys => visible(await store.facts(keys), sees),
    factsWithPrefix: async prefix => visible(await store.factsWithPrefix(prefix), sees),
    census: async now => {
      const found = await store.census(now);
      return {
        ...found,
        heads: Object.fromEntries(Object.entries(found.heads).filter(([chain]) => sees(chain))),
      };
    },
    ticks: async (chain, of) => (sees(chain) ? store.ticks(chain, of) : []),
    observationsOf: async (chain, filter) => (sees(chain) ? store.observationsOf(chain, filter) : []),
    message: async key => {
      const found = await store.message(key);
      return found && within(found.target, found, undefined);
    },
    messages: async ({ limit }) => (await store.messages({})).filter(one => sees(one.target)).slice(0, limit),
    transaction: work => store.transaction(tx => work(scopedTransaction(tx, sees))),
  };
}

/** Facts without those that are about a target which is not seen: a pause of it, what holds a subject for it, what it was acted on. */
function visible(facts: Facts, sees: Sees): Facts {
  const isSeen = (key: string, value: Json): boolean => {
    const [, target] = /^(?:pause:target|acted|acts):(.+)$/.exec(key) ?? [];
    if (target !== undefined) return sees(target);
    const { chain } = (value ?? {}) as JsonObject;
    return typeof chain !== 'string' || sees(chain);
  };
  return Object.fromEntries(Object.entries(facts).filter(([key, { value }]) => isSeen(key, value)));
}

function scopedTransaction(tx: Transaction, sees: Sees): Transaction {
  const guarded = (chain: string) => {
    if (!sees(chain))
      throw new Refusal(`${chain}: no such target is known to you, or your role does not reach it.`);
  };
  return {
    ...tx,
    target: async chain => (sees(chain) ? tx.target(chain) : undefined),
    append: async write => {
      guarded(chainOf(write.target));
      return tx.append(write);
    },
    touch: async write => {
      guarded(write.chain);
      return tx.touch(write);
    },
    setDue: async (chain, dueAt) => {
      guarded(chain);
      return tx.setDue(chain, dueAt);
    },
  };
}
