/** A commit and a pause go through while a whole fleet is being ticked on PostgreSQL, and whoever dies between leaves nothing untold. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chainOfIndex, enforceFleet, policyOf, targetOf, worldOver } from '../../bench/fleet.ts';
import { pause, resume } from '../../src/commands/pause.ts';
import type { Ports } from '../../src/commands/ports.ts';
import { type Taken, takeRevision } from '../../src/commands/take-revision.ts';
import { emptyOwn, FOLD_VERSION, fold } from '../../src/engine/fold.ts';
import { tickMany } from '../../src/engine/ticks.ts';
import type { World } from '../../src/engine/world.ts';
import { openStore } from '../../src/store/open.ts';
import { until } from '../e2e/until.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

const TARGETS = 500;
const chains = Array.from({ length: TARGETS }, (_, index) => chainOfIndex(index));
const CHANGED = chainOfIndex(7);
const folding = { fold, emptyOwn, foldVersion: FOLD_VERSION };

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

test('P38: 500 targets that are ticked without a pause, a commit that changes one of them, a pause and its end', async () => {
  const url = await server.url('busy');
  const [ticking, acting] = [await openStore(url, folding), await openStore(url, folding)];
  let now = await ticking.now();
  const failed: unknown[] = [];
  const worldAt = (store: typeof ticking): World => ({
    ...worldOver(store, { clock: () => now }),
    log: { info: () => {}, warn: () => {}, error: what => failed.push(what) },
  });
  await enforceFleet(ticking, TARGETS, now);
  let passes = 0;
  let over = false;
  const busy = (async () => {
    const world = worldAt(ticking);
    while (!over) {
      now += 60_000;
      await tickMany(world, chains);
      passes += 1;
    }
  })();
  await until('they are ticked', () => passes > 1 || undefined);

  const world = worldAt(acting);
  const commit = {
    sha: 'f2',
    author: { name: 'b', email: 'b@example.org' },
    time: 1,
    subject: 'one of them',
  };
  const policies = chains.map((chain, index) => {
    const policy = policyOf(targetOf(index));
    return chain === CHANGED ? { ...policy, commit, actingHash: 'b', closureHash: 'other' } : policy;
  });
  const taken = { revision: { commit, policies }, changed: true } as unknown as Taken;
  expect(await takeRevision(world, taken, {})).toBe(true);
  await until('the one that changed is told', async () =>
    (await acting.target(CHANGED))?.own.policies.drift?.acting === 'b' ? true : undefined,
  );
  const before = passes;
  const ports = { world, principal: { name: 'ana', door: 'cli', authenticated: true } } as unknown as Ports;
  expect(await pause.run(ports, { scope: 'all', reason: 'storm', cancel: true } as never)).toMatchObject({
    scope: 'all',
  });
  expect(Object.keys(await acting.factsWithPrefix('pause:'))).toEqual(['pause:all']);
  expect(await resume.run(ports, { scope: 'all' } as never)).toEqual({ scope: 'all', was: true });
  await until('they are ticked on', () => passes > before + 1 || undefined);
  over = true;
  await busy;
  expect(failed).toEqual([]);
  const told = await Promise.all(
    chains.map(
      async chain => (await acting.entries({ chain })).filter(one => one.body.kind === 'revision').length,
    ),
  );
  expect(told).toEqual(chains.map(chain => (chain === CHANGED ? 2 : 1)));
  await Promise.all([ticking.close(), acting.close()]);
}, 300_000);
