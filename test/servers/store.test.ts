/** The store's contract on a real PostgreSQL. */
import { afterAll, beforeAll } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { storeContract } from '../../src/store/store.contract.ts';
import { folding } from '../../src/store/store.fixture.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

let server: Postgres;
let opened = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

const EMPTY = `DO $$ DECLARE one text; BEGIN
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'flyball' AND tablename <> 'migrations' LOOP
    EXECUTE format('DELETE FROM flyball.%I', one);
  END LOOP;
END $$`;

/** Emptied, in turn: a test has at most two at once, and making one takes longer than most tests. */
storeContract('PostgreSQL', async () => {
  opened += 1;
  const name = `contract_${opened % 2}`;
  const url = await server.url(name);
  // What refers to another is deleted before it.
  await server.sql(`DELETE FROM flyball.targets; ${EMPTY}`, name).catch(() => undefined);
  return openStore(url, folding);
});
