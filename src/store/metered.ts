/** A store that tells a meter what became durable: after its transaction, and once however often that had to run. */
import type { Entry, Happening, LastTick, Meter, Own, Snapshot, Store, Transaction } from '../model.ts';

/** The same store. `meter` is told after each transaction what it appended and which look it kept. */
export function metered<S extends Store>(store: S, meter: Meter): S {
  return {
    ...store,
    async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
      let noted = nothingYet();
      const result = await store.transaction(tx => {
        // A transaction that met another one is run again from its beginning.
        noted = nothingYet();
        return work(noting(tx, noted));
      });
      for (const what of happenings(noted)) meter(what);
      return result;
    },
  };
}

/** What one transaction did so far, by chain where it is a look. */
interface Noted {
  readonly appended: { readonly entries: readonly Entry[]; readonly own?: Own }[];
  readonly looked: Map<string, LastTick>;
  readonly snapshots: Map<string, Snapshot>;
}

function nothingYet(): Noted {
  return { appended: [], looked: new Map(), snapshots: new Map() };
}

function noting(tx: Transaction, noted: Noted): Transaction {
  return {
    ...tx,
    async append(write) {
      const entries = await tx.append(write);
      noted.appended.push({ entries, own: write.own });
      const { target, last } = write;
      if (last) noted.looked.set(`${target.kind}/${target.name}`, last);
      return entries;
    },
    async touch(write) {
      const stands = await tx.touch(write);
      if (stands) noted.looked.set(write.chain, write.last);
      return stands;
    },
    async observations(chain, snapshot) {
      await tx.observations(chain, snapshot);
      noted.snapshots.set(chain, snapshot);
    },
    async fleet(bodies, at) {
      const entries = await tx.fleet(bodies, at);
      noted.appended.push({ entries });
      return entries;
    },
  };
}

function happenings({ appended, looked, snapshots }: Noted): Happening[] {
  const looks = [...looked].map(([chain, last]) => {
    const snapshot = snapshots.get(chain);
    return { kind: 'looked' as const, chain, last, ...(snapshot === undefined ? {} : { snapshot }) };
  });
  return [...appended.map(one => ({ kind: 'appended' as const, ...one })), ...looks];
}
