/** A process that appends to one chain, three entries a transaction, for the tests that kill it. Prints each last seq. */

import { isPostgres } from './address.ts';
import { openStore } from './open.ts';
import { openSqliteStore } from './sqlite.ts';
import { appendTo, folding, gap } from './store.fixture.ts';

/** A file, or the address of a database. */
const [place = '', transactions = '0'] = process.argv.slice(2);
const store = isPostgres(place)
  ? await openStore(place, folding)
  : await openSqliteStore({ ...folding, path: place, busyMs: 60_000 });
for (let n = 0; n < Number(transactions); n += 1) {
  const entries = await appendTo(store, [gap(process.pid, n), gap(n), gap(n)], n);
  process.stdout.write(`${entries.at(-1)?.seq}\n`);
}
await store.close();
