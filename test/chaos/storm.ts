/** Carries a storm out on a fleet: replicas, their wires and clocks, the state, the plant. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Postgres } from '../servers/postgres-server.ts';
import { type Disturbance, stormOf } from './disturbances.ts';
import { databaseOf, type Fleet } from './fleet.ts';
import { valueName } from './fleet-policies.ts';
import type { ReplicaPlace } from './replica-process.ts';
import { type InHand, leftBy } from './takeovers.ts';

/** One disturbance after the other at its time; they overlap, and all are over at the end. */
export async function storm(fleet: Fleet): Promise<void> {
  const began = Date.now();
  const running: Promise<void>[] = [];
  const busy = new Set<number | 'state'>();
  for (const one of stormOf(fleet.trial)) {
    await delay(Math.max(0, began + one.at - Date.now()));
    // One thing at a time for each of them.
    const about = 'replica' in one ? one.replica : one.what === 'state' ? one.what : undefined;
    if (about !== undefined && busy.has(about)) continue;
    if (about !== undefined) busy.add(about);
    fleet.happened.push(one);
    running.push(disturb(fleet, one).finally(() => about !== undefined && busy.delete(about)));
  }
  await Promise.all(running);
}

async function disturb(fleet: Fleet, one: Disturbance): Promise<void> {
  const { postgres, say } = fleet.trial;
  say(JSON.stringify(one));
  if (one.what === 'plant') return fleet.plant.trouble(one);
  if (one.what === 'state') return one.how === 'restart' ? postgres.restart() : restarted(postgres);
  const place = fleet.places[one.replica];
  if (place === undefined) return;
  switch (one.what) {
    case 'kill': {
      const gone = await leaving(fleet, place);
      await place.kill();
      gone();
      await delay(one.ms);
      place.start();
      return;
    }
    case 'end': {
      const code = await place.end();
      if (code !== 0) fleet.faults.push(`${place.id()} did not end when asked: ${code}`);
      await delay(one.ms);
      place.start();
      return;
    }
    case 'stop': {
      const gone = await leaving(fleet, place);
      place.stop();
      const back = gone();
      await delay(one.ms);
      back();
      place.go();
      return;
    }
    case 'clock':
      place.clock(one.byMs);
      await delay(one.ms);
      place.clock(0);
      return;
    case 'cut':
      place.wire.cut();
      return;
    case 'silence':
      place.wire.silence();
      break;
    case 'half-open':
      place.wire.halfOpen();
      break;
    case 'slow':
      place.wire.slow(one.byMs);
  }
  await delay(one.ms);
  place.wire.heal();
}

async function restarted(postgres: Postgres): Promise<void> {
  await postgres.kill();
  await postgres.start();
}

/** What it has in hand now; to be kept when it is gone, and to be told when it is back. */
async function leaving(fleet: Fleet, place: ReplicaPlace): Promise<() => () => void> {
  const had = await inHand(fleet).catch(() => []);
  return () => {
    const left = leftBy({ replica: place.id(), pid: place.pid(), at: Date.now() }, had);
    fleet.left.push(left);
    return () => {
      fleet.left[fleet.left.indexOf(left)] = { ...left, backAt: Date.now() };
    };
  };
}

/** What every replica has in hand: actions by key, and targets that it is looking at by what the plant is asked then. */
async function inHand({ store, trial }: Fleet): Promise<readonly InHand[]> {
  const actions = (await store.actions({ live: true })).map(({ action, owner }) => ({
    key: action.key,
    owner,
  }));
  const sql = 'SELECT chain, owner FROM flyball.claims';
  const claims = await trial.postgres.sql<{ chain: string; owner: string }>(sql, databaseOf(trial));
  return [
    ...actions,
    ...claims.map(({ chain, owner }) => ({ key: valueName(chain.split('/')[1] ?? ''), owner })),
  ];
}
