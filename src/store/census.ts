/** Sizes and ages of a state, for its health: a few queries that stay cheap with many targets, over one consistent state. */
import type { ActionState, Census } from '../model.ts';
import { FLEET } from './chain.ts';
import type { Database, Reader } from './database.ts';
import { live } from './rows.ts';

/** Without the folded states, which are most of what a state holds. */
export function readCensus(db: Database, now: number): Promise<Census> {
  return db.read(async look => {
    const heads = await look.all<{ chain: string; seq: number; hash: string }>(
      'SELECT chain, seq, hash FROM heads',
    );
    const due = await look.all<{ chain: string; due_at: number; last_taken_at: number | null }>(
      'SELECT chain, due_at, last_taken_at FROM targets WHERE due_at <= ?1 ORDER BY due_at, chain',
      now,
    );
    const states = await look.all<{ verb: string; state: ActionState; count: number }>(
      `SELECT verb, state, count(*) AS count FROM actions WHERE ${live} GROUP BY verb, state ORDER BY verb, state`,
    );
    const messages = await look.get<{ count: number }>('SELECT count(*) AS count FROM outbox');
    const size = await look.get<{ bytes: number }>(db.size);
    return {
      heads: Object.fromEntries(heads.map(({ chain, hash }) => [chain, hash])),
      due: due.map(row => ({
        chain: row.chain,
        dueAt: row.due_at,
        lastTakenAt: row.last_taken_at ?? undefined,
      })),
      live: states,
      entries: heads.reduce((sum, { seq }) => sum + seq, 0),
      messages: messages?.count ?? 0,
      bytes: size?.bytes ?? 0,
      anchoredAt: await anchoredAt(look),
    };
  });
}

async function anchoredAt(db: Reader): Promise<number | undefined> {
  const anchor = await db.get<{ at: number }>(
    "SELECT at FROM entries WHERE chain = ?1 AND kind = 'anchor' ORDER BY seq DESC LIMIT 1",
    FLEET,
  );
  if (anchor) return anchor.at;
  // Before the first anchor there are few entries.
  const first = await db.get<{ at: number | null }>('SELECT min(at) AS at FROM entries');
  return first?.at ?? undefined;
}
