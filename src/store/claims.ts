/** Who shares this state and who is at what: claims on due targets, and heartbeats. Nothing here is in the ledger. */
import type { Replica, Store } from '../model.ts';
import type { Database, Reader } from './database.ts';
import { inPieces, placeholders } from './database.ts';

/** The longest overdue first. A row that another replica is claiming at this very moment is passed over. */
export function claimTargets(
  db: Database,
  { now, realNow, until, owner, limit }: Parameters<Store['claimTargets']>[0],
): Promise<readonly string[]> {
  return db.write(async session => {
    const passing = session.forUpdate === '' ? '' : `${session.forUpdate} OF t SKIP LOCKED`;
    const rows = await session.all<{ chain: string }>(
      `INSERT INTO claims (chain, owner, until)
       SELECT t.chain, ?1, ?2 FROM targets t LEFT JOIN claims c ON c.chain = t.chain
       WHERE t.due_at <= ?3 AND (c.chain IS NULL OR c.until <= ?4)
       ORDER BY t.due_at, t.chain LIMIT ?5${passing}
       ON CONFLICT (chain) DO UPDATE SET owner = excluded.owner, until = excluded.until
       WHERE claims.until <= ?4
       RETURNING chain`,
      ...[owner, until, now, realNow, limit],
    );
    return rows.map(row => row.chain);
  });
}

export function releaseTargets(db: Database, chains: readonly string[], owner: string): Promise<void> {
  return db.write(async session => {
    for (const piece of inPieces(chains)) {
      const list = placeholders(1, piece.length);
      const sql = `DELETE FROM claims WHERE chain IN ${list} AND owner = ?${piece.length + 1}`;
      await session.run(sql, ...piece, owner);
    }
  });
}

export function beat(db: Database, replica: Replica, ended: boolean): Promise<void> {
  return db.write(async session => {
    const { id, host, pid, version, startedAt, beatAt } = replica;
    if (ended) {
      await session.run('DELETE FROM replicas WHERE id = ?1', id);
      return;
    }
    await session.run(
      `INSERT INTO replicas (id, host, pid, version, started_at, beat_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at`,
      ...[id, host, pid, version, startedAt, beatAt],
    );
  });
}

/** The longest running first, those that have stopped beating too. */
export async function readReplicas(db: Reader): Promise<readonly Replica[]> {
  interface Row extends Omit<Replica, 'startedAt' | 'beatAt'> {
    readonly started_at: number;
    readonly beat_at: number;
  }
  const rows = await db.all<Row>(
    'SELECT id, host, pid, version, started_at, beat_at FROM replicas ORDER BY started_at, id',
  );
  return rows.map(({ started_at, beat_at, ...row }) => ({ ...row, startedAt: started_at, beatAt: beat_at }));
}
