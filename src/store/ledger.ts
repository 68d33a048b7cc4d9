/** Proves the chains: names the first entry that is not what was appended, and anchors all heads in the fleet chain. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type Entry, PortError } from '../model.ts';
import { appendEntries } from './append.ts';
import { entryHash, FLEET, GENESIS } from './chain.ts';
import type { Database, Reader } from './database.ts';
import { readChains } from './reads.ts';
import { parse } from './rows.ts';
import type { Session } from './session.ts';

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

/** Entries that are looked at together, so that memory stays bounded. */
const PAGE = 500;

/** Bounded memory; the process breathes between chains. Throws PortError when no chain has the name. */
export async function verify(db: Database, only?: string): Promise<Verification> {
  const chains = only === undefined ? await db.read(chainsFound) : [only];
  let entries = 0;
  for (const chain of chains) {
    const found = await db.read(session => verifyChain(session, chain));
    if ('problem' in found) return { ok: false, ...found };
    entries += found.entries;
    await breathe();
  }
  const unanchored = await db.read(session => verifyAnchors(session, only));
  if (unanchored) return { ok: false, ...unanchored };
  if (only !== undefined && entries === 0) await refuseUnknown(db, only);
  return { ok: true, chains: chains.length, entries };
}

/** One chain against its own hashes and its head, in the caller's transaction. `visit` gets each proved entry. */
export async function verifyChain(
  db: Session,
  chain: string,
  visit: (entry: StoredEntry) => void = () => undefined,
): Promise<{ readonly entries: number } | Altered> {
  let last = { seq: 0, hash: GENESIS };
  for await (const row of storedEntries(db, chain)) {
    const altered = compare(row, last);
    if (altered) return { chain, ...altered };
    visit(row);
    last = { seq: last.seq + 1, hash: row.hash };
  }
  const head = await db.get<{ seq: string; hash: string }>(
    'SELECT CAST(seq AS TEXT) AS seq, hash FROM heads WHERE chain = ?1',
    chain,
  );
  const altered = compareHead(head, last);
  return altered ? { chain, ...altered } : { entries: last.seq };
}

/** Entries of a chain, or those of one kind, in order of their seqs whatever these are; a page at a time. */
async function* storedEntries(db: Reader, chain: string, kind?: string): AsyncGenerator<StoredEntry> {
  const where = kind === undefined ? '' : ' AND kind = ?4';
  for (let after = '-9223372036854775808'; ; ) {
    const page = await db.all<StoredEntry>(
      `SELECT chain, CAST(seq AS TEXT) AS seq, CAST(v AS TEXT) AS v, kind, CAST(at AS TEXT) AS at, body, prev, hash
       FROM entries WHERE chain = ?1 AND seq > CAST(?2 AS BIGINT)${where} ORDER BY entries.seq LIMIT ?3`,
      ...[chain, after, PAGE, ...(kind === undefined ? [] : [kind])],
    );
    yield* page;
    after = page.at(-1)?.seq ?? after;
    if (page.length < PAGE) return;
  }
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
async function verifyAnchors(db: Session, only: string | undefined): Promise<Altered | undefined> {
  for await (const { seq: anchor, body } of storedEntries(db, FLEET, 'anchor')) {
    const { heads } = parse<{ heads: Readonly<Record<string, string>> }>(body, `anchor ${anchor}`);
    for (const [chain, head] of Object.entries(heads)) {
      if (only !== undefined && chain !== only) continue;
      const problem = await verifyAnchored(db, chain, { ...readHead(head), anchor });
      if (problem) return problem;
    }
  }
  return undefined;
}

async function verifyAnchored(
  db: Session,
  chain: string,
  { seq, hash, anchor }: { readonly seq: number; readonly hash: string; readonly anchor: string },
): Promise<Altered | undefined> {
  const found = await db.get<{ hash: string }>(
    'SELECT hash FROM entries WHERE chain = ?1 AND seq = ?2',
    chain,
    seq,
  );
  if (found === undefined) {
    const seqs = await db.get<{ last: number | null }>(
      'SELECT max(seq) AS last FROM entries WHERE chain = ?1',
      chain,
    );
    const problem = `it is missing: the tail was cut, anchor ${anchor} of the fleet chain names entry ${seq}`;
    return { chain, seq: (seqs?.last ?? 0) + 1, problem };
  }
  if (found.hash === hash) return undefined;
  const problem = `it or one before it was replaced: anchor ${anchor} of the fleet chain names hash ${hash}`;
  return { chain, seq, problem };
}

/** The anchor's entry: every head but the fleet's own, as `seq:hash`, so that it is looked up and not searched. */
export function anchor(db: Database, at: number): Promise<Entry> {
  return db.write(async session => {
    const rows = await session.all<{ chain: string; seq: number; hash: string }>(
      'SELECT chain, seq, hash FROM heads WHERE chain <> ?1 AND seq > 0 ORDER BY chain',
      FLEET,
    );
    const heads = Object.fromEntries(rows.map(row => [row.chain, `${row.seq}:${row.hash}`]));
    const { entries } = await appendEntries(session, FLEET, [{ kind: 'anchor', heads }], at);
    return entries[0] as Entry;
  });
}

function readHead(text: string): { readonly seq: number; readonly hash: string } {
  const colon = text.indexOf(':');
  return { seq: Number(text.slice(0, colon)), hash: text.slice(colon + 1) };
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
