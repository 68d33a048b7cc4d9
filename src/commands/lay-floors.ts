/** Floors and the trust of daemon.yaml, written as facts when they changed: what the core reads, and all replicas alike. */
import { canonical, hashOf } from '../canonical.ts';
import { FLOORS, TRUST } from '../engine/floors.ts';
import { chainOf } from '../engine/ids.ts';
import type { Facts, Json, Principal, StoreOwn, Transaction } from '../model.ts';
import { inBatches } from './in-batches.ts';
import type { DaemonSettings, Ports } from './ports.ts';

const DAEMON: Principal = { name: 'flyball', door: 'daemon', authenticated: true };

/**
 * Puts the floors and the trust of daemon.yaml in force, with an entry in the fleet's chain, and lets every target be looked at
 * again: a question that waits may need more by now. An engine without a daemon.yaml takes what the others said.
 */
export async function layFloors({ world, settings }: Pick<Ports, 'world' | 'settings'>): Promise<void> {
  if (settings.repository === '') return;
  const wanted = factsOf(settings);
  const isChanged = await world.store.transaction(async tx => {
    const changed = await changedIn(tx, wanted);
    if (Object.keys(changed).length === 0) return false;
    for (const [key, value] of Object.entries(changed)) await tx.setFact(key, value);
    await tx.fleet([entryOf(changed)], world.clock());
    return true;
  });
  if (!isChanged) return;
  world.log.info({ floors: (settings.floors ?? []).length, trust: settings.trust }, 'floors are in force');
  const chains = (await world.store.targets()).map(row => chainOf(row.target));
  await inBatches(world, chains, (tx, chain) => tx.setDue(chain, 0));
}

/** What daemon.yaml says, for a plan: that of an engine which was not started since it was edited may be older. */
export function floorFacts(settings: DaemonSettings): Facts {
  return Object.fromEntries(
    Object.entries(factsOf(settings)).map(([key, value]) => [key, { version: 0, value }]),
  );
}

/** As facts: null where there is nothing to say. */
function factsOf({ floors = [], trust }: DaemonSettings): Readonly<Record<string, Json>> {
  return {
    [FLOORS]: floors.length === 0 ? null : (floors as unknown as Json),
    [TRUST]: trust === 'tokens' ? trust : null,
  };
}

async function changedIn(
  tx: Transaction,
  wanted: Readonly<Record<string, Json>>,
): Promise<Readonly<Record<string, Json>>> {
  const known = await tx.facts(Object.keys(wanted).sort());
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([key, value]) => canonical(known[key]?.value ?? null) !== canonical(value),
    ),
  );
}

function entryOf(changed: Readonly<Record<string, Json>>): StoreOwn {
  const input = { ...changed };
  return { kind: 'audit', by: DAEMON, command: 'floors', input, digest: hashOf(input), result: 'allowed' };
}
