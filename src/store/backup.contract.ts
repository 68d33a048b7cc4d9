/** Backup and restore, as part of the store's contract: what is in a state is in its copy, wherever that is loaded. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../model.ts';
import type { LedgerStore } from './ledger.ts';
import { openSqliteStore } from './sqlite.ts';
import {
  actionRowFor,
  appendTo,
  by,
  chain,
  commitOf,
  folding,
  gap,
  policyOf,
  snapshotAt,
} from './store.fixture.ts';

/** `opened` gives the store of the running test; `another` a further empty one of the same kind. */
export function backupContract(
  opened: () => Store & LedgerStore,
  another: () => Promise<Store & LedgerStore>,
): void {
  describe('a backup', () => {
    let folder = '';
    let files = 0;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'flyball-backup-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const newFile = () => join(folder, `${++files}.db`);

    it('holds everything, and is loaded into either kind of database', async () => {
      await fill(opened());
      const before = await contents(opened());
      const path = newFile();
      const copied = await opened().backup(path);
      expect(copied.ledger).toEqual(await opened().verify());
      expect(copied.bytes).toBe(statSync(path).size);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(folder).filter(name => name.startsWith(`${files}.db`))).toEqual([`${files}.db`]);
      for (const open of [another, () => openSqliteStore({ ...folding, path: newFile() })]) {
        const fresh = await open();
        expect((await fresh.restore(path)).rows).toBe(copied.rows);
        expect(await contents(fresh)).toEqual(before);
        expect((await fresh.rebuild()).differences).toEqual([]);
        // Numbers that came with rows are taken.
        await fresh.transaction(tx => tx.putAction(actionRowFor('z')));
        expect((await fresh.actions({})).map(row => row.action.id).join('')).toBe('zba');
        await appendTo(fresh, [gap(9)], 9);
        expect((await fresh.verify()).ok).toBe(true);
        await fresh.close();
      }
    });

    it('is of one moment, while others write', async () => {
      let stopped = false;
      const writing = (async () => {
        for (let n = 0; !stopped; n += 1) {
          await appendTo(opened(), [gap(n), gap(n)], n);
          await new Promise(resolve => setImmediate(resolve));
        }
      })();
      for (let round = 0; round < 3; round += 1) {
        const { ledger } = await opened().backup(newFile());
        expect(ledger).toMatchObject({ ok: true });
        expect(ledger.ok && ledger.entries % 2).toBe(0);
      }
      stopped = true;
      await writing;
    });

    it('is never written over a file, and never loaded over a state', async () => {
      await fill(opened());
      const path = newFile();
      await opened().backup(path);
      await expect(opened().backup(path)).rejects.toMatchObject({ code: 'backup-exists' });
      const before = await contents(opened());
      await expect(opened().restore(path)).rejects.toMatchObject({ code: 'state-not-empty' });
      expect(await contents(opened())).toEqual(before);
    });

    it('that was altered, is none or is not there restores nothing', async () => {
      await fill(opened());
      const path = newFile();
      await opened().backup(path);
      const db = new DatabaseSync(path);
      db.exec("UPDATE entries SET at = at + 1 WHERE seq = 1 AND chain <> 'fleet'");
      db.close();
      const fresh = await another();
      await expect(fresh.restore(path)).rejects.toMatchObject({ code: 'ledger-altered', subject: path });
      const missing = newFile();
      await expect(fresh.restore(missing)).rejects.toMatchObject({ name: 'PortError', subject: missing });
      expect(await fresh.chains()).toEqual([]);
      await fresh.close();
    });

    it('that cannot be written leaves nothing behind', async () => {
      const path = join(folder, 'none', '\0');
      await expect(opened().backup(path)).rejects.toThrow();
      expect(existsSync(`${path}.partial`)).toBe(false);
    });
  });
}

async function fill(store: Store & LedgerStore): Promise<void> {
  await appendTo(store, [gap(1), gap(2)], 1, { dueAt: Number.POSITIVE_INFINITY });
  const commit = commitOf('c1');
  await store.transaction(async tx => {
    await tx.fleet([{ kind: 'pause', scope: '*', by, reason: 'storm' }], 2);
    await tx.setFact('pause:*', { since: 1 });
    await tx.setFact('gone', null);
    await tx.putAction(actionRowFor('a', 1, { handle: { run: 1 }, owner: 'one', epoch: 3 }));
    await tx.putAction(actionRowFor('b'));
    await tx.setRevision({ commit, policies: [policyOf('p', commit, 'h1')] }, undefined);
    await tx.recordTick({ chain, from: 1, to: 2, snapshot: snapshotAt(1, 0.1), facts: {}, closures: [] });
    for (let at = 0; at < 120; at += 1) await tx.observations(chain, snapshotAt(at, at));
    await tx.putMessage({ key: 'k', at: 1, severity: 'page', target: chain, title: 't', text: 'x' });
  });
  await store.putProfile('h', { bins: [1] });
  await store.setMeta('m', '1');
  await store.anchor(3);
}

async function contents(store: Store & LedgerStore) {
  return {
    targets: await store.targets(),
    entries: await Promise.all((await store.chains()).map(one => store.entries({ chain: one }))),
    facts: await store.facts(['pause:*', 'gone']),
    actions: await store.actions({}),
    revision: await store.revision(),
    ticks: await store.ticks(chain),
    observations: await store.observationsOf(chain, {}),
    messages: await store.messages({}),
    kept: [await store.profile('h'), await store.meta('m')],
    heads: await store.heads(),
    anchors: await store.anchor(4),
  };
}
