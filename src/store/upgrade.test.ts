/** A state that an earlier version left: what stood in it is there after the schema was brought up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { canonical } from '../canonical.ts';
import { sqliteSchema } from './migrations-sqlite.ts';
import { openSqliteStore } from './sqlite.ts';
import { actionOf, chain, commitOf, folding, policyOf, snapshotAt } from './store.fixture.ts';

it('from the second schema on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-upgrade-'));
  const path = join(folder, 'state.db');
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE migrations (number INTEGER PRIMARY KEY) STRICT');
  for (const [index, step] of sqliteSchema.steps.slice(0, 2).entries())
    db.exec(`${step}; INSERT INTO migrations VALUES (${index + 1})`);
  const insert = (table: string, ...values: (string | number | null)[]) =>
    db.prepare(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')})`).run(...values);
  for (const id of ['b', 'a']) {
    const action = actionOf(id);
    const columns = [
      action.key,
      id,
      1,
      chain,
      action.call.subject,
      action.verb,
      'started',
      '{"run":1}',
      7,
      2,
      1,
      5,
    ];
    insert('actions', ...columns, canonical(action));
  }
  const { observations } = snapshotAt(1, 1);
  const rows = observations.drift?.rows;
  for (const [at, value] of [
    [1, 1],
    [2, 4],
    [2, 5],
  ] as const) {
    const body = canonical({ ...rows, readings: [{ labels: {}, fields: { value } }] });
    insert('observations', chain, at, 'drift', 'rows', body);
  }
  const { commit: _, ...closure } = policyOf('p', commitOf('c1'), 'h1');
  insert('closures', 'id', 'h1', canonical(commitOf('c1')), canonical(closure));
  insert(
    'revision',
    1,
    'c1',
    canonical({ commit: commitOf('c1'), policies: [{ id: 'id', commit: commitOf('c1') }] }),
  );
  for (const key of ['z', 'y']) insert('outbox', key, 9, 'page', chain, 't', key, '{"group":"g"}');
  insert('ticks', chain, 3, 4, canonical(snapshotAt(3, 1)), '{}', '[]');
  insert('ticks', chain, 1, 2, canonical(snapshotAt(1, 1)), '{}', '[]');
  insert('facts', 'pause:*', 2, '{"by":"ana"}');
  db.close();

  const store = await openSqliteStore({ ...folding, path });
  const actions = await store.actions({});
  expect(actions.map(row => row.action.id)).toEqual(['a', 'b']);
  expect(actions[0]).toEqual({
    ...{ action: actionOf('a'), chain, state: 'started', handle: { run: 1 }, dueAt: 7, polls: 2 },
    ...{ cancelRequested: true, intendedAt: 5, epoch: 0, leaseUntil: 0 },
  });
  const seen = await store.observationsOf(chain, {});
  expect(seen.map(one => [one.takenAt, one.policy, one.observation.readings[0]?.fields.value])).toEqual([
    [2, 'drift', 5],
    [2, 'drift', 4],
    [1, 'drift', 1],
  ]);
  await store.transaction(tx => tx.observations(chain, snapshotAt(2, 6)));
  expect((await store.observationsOf(chain, { limit: 1 }))[0]?.observation.readings[0]?.fields.value).toBe(6);
  expect((await store.revision())?.policies[0]?.closureHash).toBe('h1');
  expect((await store.messages({})).map(one => [one.key, one.group])).toEqual([
    ['y', 'g'],
    ['z', 'g'],
  ]);
  expect((await store.ticks(chain)).map(tick => tick.from)).toEqual([1, 3]);
  expect(await store.factsWithPrefix('pause:')).toEqual({ 'pause:*': { version: 2, value: { by: 'ana' } } });
  await store.close();
  rmSync(folder, { recursive: true });
});
