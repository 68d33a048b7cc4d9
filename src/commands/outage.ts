/** Time in which nothing was enforced: noted while the engine works, and told once when it had ended without a word. */

import { hashOf } from '../canonical.ts';
import { DEAD_MS } from '../engine/replica.ts';
import type { World } from '../engine/world.ts';
import type { Message, Store } from '../model.ts';
import { replicasAlive } from './replicas-alive.ts';
import { span } from './time.ts';

/** How often the engine notes that it works: an outage begins at most this long before it is said to. */
export const NOTE_MS = 10_000;
/** A shorter outage is worth a line and no alarm. */
const ALARM_MS = 60_000;
/** Between two looks at the heartbeats of others. */
const ASKED_MS = 1000;
/** Until when something was enforced; empty after an end in order. */
const META = 'enforced-until';
/** The outage that was told last, so that it is told once by however many replicas. */
const FACT = 'outage';

type Working = Pick<World, 'store' | 'clock'>;

/** The process that asks: its own heartbeat says nothing of others. */
export interface Self {
  readonly host: string;
  readonly pid: number;
}

/** The engine works at this moment. */
export async function noteWorking({ store, clock }: Working): Promise<void> {
  await store.setMeta(META, String(clock()));
}

/** The engine ends in order. While others go on, what they note stands. */
export async function noteEnded(store: Store, self: Self): Promise<void> {
  if ((await beating(store, self)).size === 0) await store.setMeta(META, '');
}

/**
 * At a start, before it is noted that this engine works: when those before ended without a word, an entry in the fleet chain
 * and a message that say from when to when nothing was enforced. Gives that time. Where others seem to live it waits, until
 * one of them beats or all are dead.
 */
export async function tellOutage(
  { store, clock }: Working,
  self: Self,
  pause: (ms: number) => Promise<void>,
) {
  const noted = await store.meta(META);
  if (noted === undefined || noted === '') return undefined;
  const [from, to] = [Number(noted), clock()];
  if (to <= from || (await othersLive(store, self, pause))) return undefined;
  return store.transaction(async tx => {
    const told = (await tx.facts([FACT]))[FACT]?.value as { from?: number } | null | undefined;
    if (told?.from === from) return undefined;
    await tx.setFact(FACT, { from, to });
    await tx.fleet([{ kind: 'gap', from, to }], to);
    await tx.putMessage(outageMessage(from, to));
    return { from, to };
  });
}

/** Whether one of those that seem to live beats once more. Who starts meanwhile was no help before. */
async function othersLive(store: Store, self: Self, pause: (ms: number) => Promise<void>): Promise<boolean> {
  const before = await beating(store, self);
  for (let waited = 0; before.size > 0 && waited < DEAD_MS; waited += ASKED_MS) {
    await pause(ASKED_MS);
    for (const { id, beatAt } of await store.replicas()) if (beatAt > (before.get(id) ?? beatAt)) return true;
  }
  return false;
}

/** Last heartbeats by replica, of those that seem to live and are not this process. */
async function beating(store: Store, { host, pid }: Self): Promise<ReadonlyMap<string, number>> {
  const others = (await replicasAlive(store)).filter(one => one.host !== host || one.pid !== pid);
  return new Map(others.map(({ id, beatAt }) => [id, beatAt]));
}

function outageMessage(from: number, to: number): Message {
  const [since, until] = [from, to].map(at => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}`);
  return {
    key: hashOf({ outage: from }),
    at: to,
    severity: to - from > ALARM_MS ? 'page' : 'info',
    target: 'fleet',
    title: `Nothing was enforced for ${span(to - from)}`,
    text: `From ${since} to ${until} UTC no engine worked: the one before ended without a word (a crash, a kill, a power cut). Every target is looked at again now, and what was under way is asked about before anything is repeated. flyball health says when that is done.`,
  };
}
