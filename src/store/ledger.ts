/** Proves the chains: names the first entry that is not what was appended, and anchors all heads in the fleet chain. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type Entry, PortError } from '../model.ts';
import { appendEntries } from './append.ts';
import { entryHash, FLEET, GENESIS } from './chain.ts';
import type { Connection } from './connection.ts';
import { readChains } from './reads.ts';
import { parse } from './rows.ts';

/** The first entry that is not as it was appended, and how that shows. */
export interface Altered {
  readonly chain: string;
  readonly seq: number;
  readonly problem: string;
}

export type Verification =
  | { readonly ok: true; readonly chains: number; readonly entries: number }
  | ({ readonly ok: false } & Altered);

/** What the ledger can do beyond the model's `Store`. */
export interface LedgerStore {
  /** Whether every chain, or the one named, is whole; if not, the first altered entry, chains in order of name. */
  verify(chain?: string): Promise<Verification>;
  /** Folds every chain again, puts projections and actions right, and says what differed. Throws on an altered chain. */
  rebuild(): Promise<{ readonly targets: number; readonly differences: string[] }>;
  /** Appends the heads of all chains to the fleet chain, so that a tail cut off later is found; gives that entry. */
  anchor(at: number): Promise<Entry>;
}

/** An entry as it stands in the file: integers as text, so that whatever was written there can be looked at. */
export interface StoredEntry {
  readonly chain: string;
  readonly seq: string;
  readonly v: string;
  readonly kind: string;
  readonly at: string;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

/** Bounded memory; the process breathes between chains. Throws PortError when no chain has the name. */
export async function verify(db: Connection, only?: string): Promise<Verification> {
  const chains = only === undefined ? await db.read(() => chainsFound(db)) : [only];
  let entries = 0;
  for (const chain of chains) {
    const found = await db.read(() => verifyChain(db, chain));
    if ('problem' in found) return { ok: false, ...found };
    entries += found.entries;
    await breathe();
  }
  const unanchored = await db.read(() => verifyAnchors(db, only));
  if (unanchored) return { ok: false, ...unanchored };
  if (only !== undefined && entries === 0) await db.read(() => refuseUnknown(db, only));
  return { ok: true, chains: chains.length, entries };
}

/** One chain against its own hashes and its head, in the caller's transaction. `visit` gets each proved entry. */
export function verifyChain(
  db: Connection,
  chain: string,
  visit: (entry: StoredEntry) => void = () => undefined,
): { readonly entries: number } | Altered {
  let last = { seq: 0, hash: GENESIS };
  const rows = db.each<StoredEntry>(
    `SELECT chain, CAST(seq AS TEXT) AS seq, CAST(v AS TEXT) AS v, kind, CAST(at AS TEXT) AS at, body, prev, hash
     FROM entries WHERE chain = ? ORDER BY entries.seq`,
    chain,
  );
  for (const row of rows) {
    const altered = compare(row, last);
    if (altered) return { chain, ...altered };
    visit(row);
    last = { seq: last.seq + 1, hash: row.hash };
  }
  const head = db.get<{ seq: string; hash: string }>(
    'SELECT CAST(seq AS TEXT) AS seq, hash FROM heads WHERE chain = ?',
    chain,
  );
  const altered = compareHead(head, last);
  return altered ? { chain, ...altered } : { entries: last.seq };
}

/** What is wrong with a row that should follow `last`. */
function compare(row: StoredEntry, last: { seq: number; hash: string }): Omit<Altered, 'chain'> | undefined {
  const seq = last.seq + 1;
  if (row.seq !== String(seq)) {
    return Number(row.seq) > seq
      ? { seq, problem: `it is missing; the next one is ${row.seq}` }
      : { seq: Number(row.seq), problem: 'it was not appended: seqs count from 1' };
  }
  const whole = entryHash(row) === row.hash;
  if (row.prev !== last.hash) {
    // An entry that is whole in itself and follows another one shows that the one before it was replaced.
    return whole && seq > 1
      ? { seq: last.seq, problem: `it was replaced: entry ${seq} follows one with hash ${row.prev}` }
      : { seq, problem: `its prev is ${row.prev}; the entry before it has hash ${last.hash}` };
  }
  if (!whole) return { seq, problem: 'its body, time or version is not what its hash is over' };
  const kind = parse<{ kind?: unknown }>(row.body, `entry ${seq}`).kind;
  if (kind !== row.kind) return { seq, problem: `its kind column says ${row.kind}, its body ${kind}` };
  return undefined;
}

function compareHead(
  head: { seq: string; hash: string } | undefined,
  last: { seq: number; hash: string },
): Omit<Altered, 'chain'> | undefined {
  if (!head) return last.seq === 0 ? undefined : { seq: last.seq, problem: 'its chain has no head' };
  const seq = Number(head.seq);
  if (seq > last.seq) {
    return { seq: last.seq + 1, problem: `it is missing: the tail was cut, the head is entry ${head.seq}` };
  }
  if (seq < last.seq) return { seq: seq + 1, problem: `it stands after the head, entry ${head.seq}` };
  if (head.hash !== last.hash)
    return { seq, problem: `its hash is ${last.hash}, and the head says ${head.hash}` };
  return undefined;
}

/** Every head that an anchor names must still stand in its chain: finds a tail that was cut together with the head. */
function verifyAnchors(db: Connection, only: string | undefined): Altered | undefined {
  interface Row {
    readonly seq: number;
    readonly body: string;
  }
  const anchors = db.each<Row>(
    "SELECT seq, body FROM entries WHERE chain = ? AND kind = 'anchor' ORDER BY seq",
    FLEET,
  );
  for (const { seq: anchor, body } of anchors) {
    const { heads } = parse<{ heads: Readonly<Record<string, string>> }>(body, `anchor ${anchor}`);
    for (const [chain, head] of Object.entries(heads)) {
      if (only !== undefined && chain !== only) continue;
      const { seq, hash } = readHead(head);
      const found = db.get<{ hash: string }>(
        'SELECT hash FROM entries WHERE chain = ? AND seq = ?',
        chain,
        seq,
      )?.hash;
      if (found === undefined) {
        const seqs = db.get<{ last: number | null }>(
          'SELECT max(seq) AS last FROM entries WHERE chain = ?',
          chain,
        );
        const problem = `it is missing: the tail was cut, anchor ${anchor} of the fleet chain names entry ${seq}`;
        return { chain, seq: (seqs?.last ?? 0) + 1, problem };
      }
      if (found !== hash) {
        const problem = `it or one before it was replaced: anchor ${anchor} of the fleet chain names hash ${hash}`;
        return { chain, seq, problem };
      }
    }
  }
  return undefined;
}

/** The anchor's entry: every head but the fleet's own, as `seq:hash`, so that it is looked up and not searched. */
export function anchor(db: Connection, at: number): Promise<Entry> {
  return db.write(() => {
    const rows = db.all<{ chain: string; seq: number; hash: string }>(
      'SELECT chain, seq, hash FROM heads WHERE chain <> ? AND seq > 0 ORDER BY chain',
      FLEET,
    );
    const heads = Object.fromEntries(rows.map(row => [row.chain, `${row.seq}:${row.hash}`]));
    const [entry] = appendEntries(db, FLEET, [{ kind: 'anchor', heads }], at).entries;
    return entry as Entry;
  });
}

function readHead(text: string): { readonly seq: number; readonly hash: string } {
  const colon = text.indexOf(':');
  return { seq: Number(text.slice(0, colon)), hash: text.slice(colon + 1) };
}

/** Nothing to verify is not a proof. */
function refuseUnknown(db: Connection, chain: string): void {
  const chains = readChains(db);
  if (chains.includes(chain)) return;
  throw new PortError(
    `ledger: there is no chain ${chain}; expected one of ${chains.slice(0, 10).join(', ') || '(none yet)'}. Give the ` +
      'name as kind/name.',
    { code: 'unknown-chain', retry: 'never', subject: chain },
  );
}

/** Chains with a head or with entries, so that a chain whose head was deleted is looked at too. */
function chainsFound(db: Connection): readonly string[] {
  const withEntries = db.all<{ chain: string }>('SELECT DISTINCT chain FROM entries').map(row => row.chain);
  return [...new Set([...readChains(db), ...withEntries])].sort();
}
