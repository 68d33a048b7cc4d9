/** What the ledger can do beyond the model's `Store`, and the proof of all chains together. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type Entry, PortError } from '../model.ts';
import { type Head, verifyAnchors } from './anchors.ts';
import type { Copied } from './backup.ts';
import type { Database, Reader } from './database.ts';
import { type Altered, type Begin, verifyChain } from './proof.ts';
import type { Pruned, Retention } from './prune.ts';
import { readChains } from './reads.ts';

export type Verification =
  | {
      readonly ok: true;
      readonly chains: number;
      readonly entries: number;
      /** Chains that begin at a checkpoint, because their older entries were deleted; left out when none does. */
      readonly checkpoints?: number;
    }
  | ({ readonly ok: false } & Altered);

/** What the ledger can do beyond the model's `Store`. */
export interface LedgerStore {
  /**
   * Whether every chain, or the one named, is whole; if not, the first altered entry, chains in order of name. `outside`:
   * heads that were kept outside of the state.
   */
  verify(chain?: string, outside?: readonly Head[]): Promise<Verification>;
  /** Folds every chain again, puts projections and actions right, and says what differed. Throws on an altered chain. */
  rebuild(): Promise<{ readonly targets: number; readonly differences: string[] }>;
  /** Appends the heads that moved since the last time to the fleet chain, so that a tail cut off later is found. */
  anchor(at: number): Promise<readonly Entry[]>;
  /** Deletes what is older than it is kept, after checkpoints that hold what it was folded into. */
  prune(retention: Retention): Promise<Pruned>;
  /** Everything at one moment as a new SQLite file, while others write. */
  backup(path: string): Promise<Copied>;
  /** Loads such a file into this state, which must be empty. */
  restore(path: string): Promise<Copied>;
  /** Every chain's end now, to be kept outside of the state. */
  heads(): Promise<readonly Head[]>;
}

/** Bounded memory; the process breathes between chains. Throws PortError when no chain has the name. */
export async function verify(
  db: Database,
  only?: string,
  outside: readonly Head[] = [],
): Promise<Verification> {
  const chains = only === undefined ? await db.read(chainsFound) : [only];
  let entries = 0;
  const begins = new Map<string, Begin>();
  for (const chain of chains) {
    const found = await db.read(session => verifyChain(session, chain));
    if ('problem' in found) return { ok: false, ...found };
    entries += found.entries;
    if (found.begin) begins.set(chain, found.begin);
    await breathe();
  }
  const unanchored = await db.read(session => verifyAnchors(session, { only, outside, begins }));
  if (unanchored) return { ok: false, ...unanchored };
  if (only !== undefined && entries === 0) await refuseUnknown(db, only);
  const checkpoints = begins.size > 0 ? { checkpoints: begins.size } : {};
  return { ok: true, chains: chains.length, entries, ...checkpoints };
}

/** Nothing to verify is not a proof. */
async function refuseUnknown(db: Database, chain: string): Promise<void> {
  const chains = await readChains(db);
  if (chains.includes(chain)) return;
  throw new PortError(
    `ledger: there is no chain ${chain}; expected one of ${chains.slice(0, 10).join(', ') || '(none yet)'}. Give the ` +
      'name as kind/name.',
    { code: 'unknown-chain', retry: 'never', subject: chain },
  );
}

/** Chains with a head or with entries, so that a chain whose head was deleted is looked at too. */
async function chainsFound(db: Reader): Promise<readonly string[]> {
  const withEntries = await db.all<{ chain: string }>('SELECT DISTINCT chain FROM entries');
  return [...new Set([...(await readChains(db)), ...withEntries.map(row => row.chain)])].sort();
}
