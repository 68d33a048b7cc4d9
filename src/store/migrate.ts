/** Brings the file's schema to the one that this version reads, or refuses to touch it. */
import { PortError } from '../model.ts';
import type { Connection } from './connection.ts';
import { migrations } from './migrations.ts';

/**
 * Runs the steps that the file lacks, each in its own transaction. The step's number is inserted first, so that of two
 * starters the second waits for the lock and then finds it done. Throws PortError on a newer schema or a foreign file.
 */
export async function migrate(db: Connection, steps: readonly string[] = migrations): Promise<void> {
  const present = await refuseForeign(db);
  db.configure();
  for (const [index, sql] of steps.entries()) {
    const number = index + 1;
    // A file that lacks nothing is opened without a write lock: whoever only looks waits for nobody.
    if (number <= present) continue;
    await db.transaction(async () => {
      db.exec('CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY) STRICT');
      const first = db.run('INSERT INTO migrations VALUES (?) ON CONFLICT DO NOTHING', number);
      if (first === 1) db.exec(sql);
    });
  }
}

/**
 * The number of the last step that the file has; 0 for a new one. Looks before anything is written, so that a file of
 * another program or a later version stays as it is.
 */
async function refuseForeign(db: Connection): Promise<number> {
  return db.read(() => {
    const tables = db.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'");
    if (tables.length === 0) return 0;
    if (!tables.some(table => table.name === 'migrations')) {
      const names = tables
        .slice(0, 3)
        .map(table => table.name)
        .join(', ');
      throw new PortError(
        `state ${db.path}: it is an SQLite database of another program (tables ${names}). Nothing was written; name ` +
          "another place for 'state'.",
        { code: 'not-a-state-file', retry: 'never', subject: db.path },
      );
    }
    const found = db.get<{ number: number }>('SELECT max(number) AS number FROM migrations')?.number ?? 0;
    if (found > migrations.length) {
      throw new PortError(
        `state ${db.path}: its schema is number ${found}, and this Flyball knows up to ${migrations.length}: a newer ` +
          'Flyball wrote it. Nothing was written; start that version or a later one, or name another place for ' +
          "'state'.",
        { code: 'state-newer', retry: 'never', subject: db.path },
      );
    }
    return found;
  });
}
