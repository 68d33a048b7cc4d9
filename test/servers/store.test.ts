/** The store's contract on a real PostgreSQL. */
import { afterAll, beforeAll } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { storeContract } from '../../src/store/store.contract.ts';
import { folding } from '../../src/store/store.fixture.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

let server: Postgres;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

storeContract('PostgreSQL', async () => openStore(await server.url(`contract_${++databases}`), folding));
