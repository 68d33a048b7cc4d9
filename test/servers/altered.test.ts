/** What SQL does to a lived ledger, on PostgreSQL. */
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { folding } from '../../src/engine/folding.ts';
import { openStore } from '../../src/store/open.ts';
import { alteredContract } from '../core/altered.contract.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

alteredContract('PostgreSQL', async () => {
  const url = await server.url('altered');
  const store = await openStore(url, folding);
  const client = new pg.Client({ connectionString: url, options: '-c search_path=flyball' });
  await client.connect();
  return {
    store,
    sql: async <Row>(text: string) => {
      const answer = [await client.query(text)].flat().at(-1);
      return (answer?.rows ?? []) as Row[];
    },
    close: async () => {
      await client.end();
      await store.close();
    },
  };
});
