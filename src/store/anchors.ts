/** Heads of chains written down where whoever cuts a chain's tail does not reach: in the fleet chain, and outside of the state. */
import type { Entry } from '../model.ts';
import { appendEntries } from './append.ts';
import { FLEET } from './chain.ts';
import { type Database, inPieces, placeholders, type Reader } from './database.ts';
import { type Altered, type Begin, storedEntries, verifyChain } from './proof.ts';
import { parse } from './rows.ts';
import type { Session } from './session.ts';

/** Where a chain ends. */
export interface Head {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
}

/** Heads of one entry, so that it stays readable when there are many targets. */
const TOGETHER = 1000;

/** Every chain's end, the fleet's too, in order of name. */
export function readHeads(db: Reader): Promise<readonly Head[]> {
  return db.all<Head>('SELECT chain, seq, hash FROM heads WHERE seq > 0 ORDER BY chain');
}

/**
 * Appends the heads that moved since they were last anchored, as `seq:hash`, so that each is looked up and not searched.
 * Nothing when none did.
 */
export function anchor(db: Database, at: number): Promise<readonly Entry[]> {
  return db.write(async session => {
    const moved = await session.all<Head>(
      `SELECT h.chain, h.seq, h.hash FROM heads h LEFT JOIN anchored a ON a.chain = h.chain
       WHERE h.chain <> ?1 AND h.seq > coalesce(a.seq, 0) ORDER BY h.chain`,
      FLEET,
    );
    const bodies = inPieces(moved, TOGETHER).map(piece => ({
      kind: 'anchor' as const,
      heads: Object.fromEntries(piece.map(({ chain, seq, hash }) => [chain, `${seq}:${hash}`])),
    }));
    for (const piece of inPieces(moved)) {
      await session.run(
        `INSERT INTO anchored (chain, seq) VALUES ${placeholders(piece.length, 2)}
         ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq`,
        ...piece.flatMap(({ chain, seq }) => [chain, seq]),
      );
    }
    return bodies.length === 0 ? [] : (await appendEntries(session, FLEET, bodies, at)).entries;
  });
}

/**
 * The first head that does not stand in its chain any more, of those in the fleet chain and those kept `outside`: finds a
 * tail that was cut together with the head; by the latter, the fleet's own too. A chain whose beginning was deleted must have
 * a checkpoint that was anchored before that: else whoever deletes all of it could write one. `begins` is how the chains were
 * found to begin; one that seems cut is proved again, since its beginning may have been deleted meanwhile.
 */
export async function verifyAnchors(
  db: Session,
  {
    only,
    outside,
    begins,
  }: {
    readonly only: string | undefined;
    readonly outside: readonly Head[];
    readonly begins: ReadonlyMap<string, Begin>;
  },
): Promise<Altered | undefined> {
  const beginnings = new Map(begins);
  const unproved = new Map(begins);
  const again = new Set<string>();
  // Nothing within the state can prove the beginning of the chain that proves all others.
  if (!outside.some(head => head.chain === FLEET)) unproved.delete(FLEET);
  const look = async (head: Head, who: string): Promise<Altered | undefined> => {
    if (only !== undefined && head.chain !== only) return undefined;
    const begin = beginnings.get(head.chain);
    if (begin && head.seq < begin.first) return undefined;
    if (begin && head.seq >= begin.seq) unproved.delete(head.chain);
    const altered = await missing(db, head, who);
    if (!altered || again.has(head.chain)) return altered;
    again.add(head.chain);
    const now = await verifyChain(db, head.chain);
    if ('problem' in now) return now;
    if (!now.begin || now.begin.first === begin?.first) return altered;
    beginnings.set(head.chain, now.begin);
    // Heads outside that were read before do not name the fleet's new checkpoint; those in the fleet chain name all others.
    if (head.chain === FLEET) unproved.delete(FLEET);
    else unproved.set(head.chain, now.begin);
    return look(head, who);
  };
  for await (const { seq: anchor, body } of storedEntries(db, FLEET, { kind: 'anchor', page: 20 })) {
    const { heads } = parse<{ heads: Readonly<Record<string, string>> }>(body, `anchor ${anchor}`);
    for (const [chain, head] of Object.entries(heads)) {
      const altered = await look(readHead(chain, head), `anchor ${anchor} of the fleet chain`);
      if (altered) return altered;
    }
  }
  for (const head of outside) {
    const altered = await look(head, 'the anchor outside of the state');
    if (altered) return altered;
  }
  for (const [chain, { first, seq }] of unproved) {
    const problem = `it is missing, and no anchor names checkpoint ${seq}, which stands for what is before entry ${first}`;
    return { chain, seq: 1, problem };
  }
  return undefined;
}

async function missing(db: Session, { chain, seq, hash }: Head, who: string): Promise<Altered | undefined> {
  const found = await db.get<{ hash: string }>(
    'SELECT hash FROM entries WHERE chain = ?1 AND seq = ?2',
    chain,
    seq,
  );
  if (found === undefined) {
    const last = await db.get<{ seq: number | null }>(
      'SELECT max(seq) AS seq FROM entries WHERE chain = ?1',
      chain,
    );
    return {
      chain,
      seq: (last?.seq ?? 0) + 1,
      problem: `it is missing: the tail was cut, ${who} names entry ${seq}`,
    };
  }
  if (found.hash === hash) return undefined;
  return { chain, seq, problem: `it or one before it was replaced: ${who} names hash ${hash}` };
}

function readHead(chain: string, text: string): Head {
  const colon = text.indexOf(':');
  return { chain, seq: Number(text.slice(0, colon)), hash: text.slice(colon + 1) };
}
