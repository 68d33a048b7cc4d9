/** The store's contract on SQLite: a file, and memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteStore } from './sqlite.ts';
import { storeContract } from './store.contract.ts';
import { folding } from './store.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'flyball-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

storeContract('an SQLite file', () =>
  openSqliteStore({ ...folding, path: join(folder, `${++files}`, 'state.db') }),
);
storeContract('SQLite in memory', () => openSqliteStore({ ...folding, path: ':memory:' }));
