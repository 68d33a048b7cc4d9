/** A ledger whose heads are on a ref of the policy repository: what is cut out of the state is missed there. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DaemonSettings } from '../../src/commands/index.ts';
import { open } from '../../src/wiring.ts';
import { git, newRepository, removeFolder } from '../real-git.ts';

const ref = 'refs/flyball/anchors';
let dir = '';
let settings: DaemonSettings;
beforeEach(() => {
  ({ dir } = newRepository());
  const home = join(dir, '.flyball');
  mkdirSync(home);
  settings = {
    ...{ home, state: join(home, 'state'), repository: dir, branch: 'main', env: 'dev', trust: 'local-user' },
    anchors: { ref },
  };
});
afterEach(() => removeFolder(dir));

const quiet = { info() {}, warn() {}, error() {} };
const opened = () =>
  open(settings, {
    principal: { name: 'ana', door: 'cli', authenticated: false },
    grants: [{ role: 'admin' }],
    log: quiet,
    clock: () => 1_000_000,
  });

it('is found short of its tail, even when the fleet chain was cut to agree', async () => {
  const { ports, store, close } = await opened();
  const by = ports.principal;
  for (const scope of ['a', 'b', 'c'])
    await store.transaction(tx => tx.fleet([{ kind: 'pause', scope, by, reason: 'x' }], 1));
  expect(await ports.ledger.anchor(2)).toEqual([]);
  const tip = git(dir, 'rev-parse', ref);
  await ports.ledger.anchor(3);
  expect(git(dir, 'rev-parse', ref), 'a quiet hour writes nothing').toBe(tip);
  expect(await ports.ledger.verify()).toEqual({ ok: true, chains: 1, entries: 3 });

  const db = new DatabaseSync(join(settings.state, 'flyball.db'));
  db.exec(`DELETE FROM entries WHERE seq = 3;
    UPDATE heads SET seq = 2, hash = (SELECT hash FROM entries WHERE seq = 2)`);
  db.close();
  expect((await store.verify()).ok, 'the state alone cannot tell').toBe(true);
  expect(await ports.ledger.verify()).toMatchObject({ ok: false, chain: 'fleet', seq: 3 });
  await close();
});
