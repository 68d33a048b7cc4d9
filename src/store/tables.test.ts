/** The list of tables against the schema itself: a column that is forgotten there would be missing in every backup. */
import { expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { openStoreOn } from './on-database.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { folding } from './store.fixture.ts';
import { tables } from './tables.ts';

/** Of this moment, or of the schema itself. */
const LEFT_OUT = ['migrations', 'claims', 'replicas', 'once'];

it('has every table and every column, ordered by its primary key', async () => {
  const connection = new Connection(':memory:', 1000);
  const store = await openStoreOn(new SqliteDatabase(connection, 1000), folding);
  const names = connection
    .all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .map(row => row.name);
  expect(tables.map(table => table.name).sort()).toEqual(names.filter(name => !LEFT_OUT.includes(name)));
  for (const { name, columns, key } of tables) {
    const found = connection.all<{ name: string; pk: number }>(
      `SELECT name, pk FROM pragma_table_info('${name}')`,
    );
    expect([...columns].sort(), name).toEqual(found.map(row => row.name).sort());
    const primary = found.filter(row => row.pk > 0).sort((a, b) => a.pk - b.pk);
    if (primary.length > 0) expect(key, name).toEqual(primary.map(row => row.name));
  }
  await store.close();
});
