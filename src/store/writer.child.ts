/** A process that appends to one chain, three entries a transaction, for the tests that kill it. Prints each last seq. */
import { openSqliteStore } from './sqlite.ts';
import { appendTo, folding, gap } from './store.fixture.ts';

const [path = '', transactions = '0'] = process.argv.slice(2);
const store = await openSqliteStore({ ...folding, path, busyMs: 60_000 });
for (let n = 0; n < Number(transactions); n += 1) {
  const entries = await appendTo(store, [gap(process.pid, n), gap(n), gap(n)], n);
  process.stdout.write(`${entries.at(-1)?.seq}\n`);
}
await store.close();
