/** Brings a database's schema to the one that this version reads, or refuses to touch it. */
import { PortError } from '../model.ts';
import type { Database } from './database.ts';

/**
 * Runs the steps that the state lacks, each in its own transaction. The step's number is inserted first, so that of two
 * starters the second waits for the first and then finds it done. Throws PortError on a newer schema or a foreign state.
 */
export async function migrate(db: Database, steps: readonly string[] = db.schema.steps): Promise<void> {
  const present = await refuseForeign(db, steps.length);
  await db.configure();
  for (const [index, sql] of steps.entries()) {
    const number = index + 1;
    // A state that lacks nothing is opened without a lock: whoever only looks waits for nobody.
    if (number <= present) continue;
    await db.transaction(async session => {
      await session.exec(db.schema.begin);
      const first = await session.run(
        'INSERT INTO migrations VALUES (?1) ON CONFLICT (number) DO NOTHING',
        number,
      );
      if (first === 1) await session.exec(sql);
    });
  }
}

/**
 * The number of the last step that the state has; 0 for a new one. Looks before anything is written, so that a state of
 * another program or a later version stays as it is.
 */
async function refuseForeign(db: Database, known: number): Promise<number> {
  const tables = await db.all<{ name: string }>(db.schema.tables);
  if (tables.length === 0) return 0;
  if (!tables.some(table => table.name === 'migrations')) {
    const names = tables
      .slice(0, 3)
      .map(table => table.name)
      .join(', ');
    throw new PortError(
      `state ${db.place}: it is the database of another program (tables ${names}). Nothing was written; name ` +
        "another place for 'state'.",
      { code: 'not-a-state-file', retry: 'never', subject: db.place },
    );
  }
  const row = await db.get<{ number: number | null; steps: number }>(
    'SELECT max(number) AS number, count(*) AS steps FROM migrations',
  );
  const found = row?.number ?? 0;
  if (found > known) {
    throw new PortError(
      `state ${db.place}: its schema is number ${found}, and this Flyball knows up to ${known}: a newer ` +
        'Flyball wrote it. Nothing was written; start that version or a later one, or name another place for ' +
        "'state'.",
      { code: 'state-newer', retry: 'never', subject: db.place },
    );
  }
  if (row && row.steps !== found) {
    throw new PortError(
      `state ${db.place}: of its ${found} schema steps only ${row.steps} are recorded; expected all of them, since each is made ` +
        'whole or not at all. Somebody else changed it. Nothing was written; restore a backup.',
      { code: 'state-damaged', retry: 'never', subject: db.place },
    );
  }
  return found;
}
