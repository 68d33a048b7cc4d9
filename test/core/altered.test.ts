/** What SQL does to a lived ledger, on SQLite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { alteredContract } from './altered.contract.ts';
import { openStore } from './outside.ts';

alteredContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-altered-'));
  const path = join(folder, 'state.db');
  const store = await openStore(path);
  const db = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: false });
  db.exec('PRAGMA synchronous = OFF');
  return {
    store,
    sql: async <Row>(text: string) => {
      if (text.startsWith('SELECT')) return db.prepare(text).all() as Row[];
      db.exec(`BEGIN; ${text}; COMMIT`);
      return [];
    },
    close: async () => {
      db.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
