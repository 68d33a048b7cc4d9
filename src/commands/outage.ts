/** Time in which nothing was enforced: noted while the engine works, and told once when it had ended without a word. */
import { hashOf } from '../canonical.ts';
import type { World } from '../engine/world.ts';
import type { Message } from '../model.ts';
import { replicasAlive } from './replicas-alive.ts';
import { span } from './time.ts';

/** How often the engine notes that it works: an outage begins at most this long before it is said to. */
export const NOTE_MS = 10_000;
/** A shorter outage is worth a line and no alarm. */
const ALARM_MS = 60_000;
/** Until when something was enforced; empty after an end in order. */
const META = 'enforced-until';
/** The outage that was told last, so that it is told once by however many replicas. */
const FACT = 'outage';

type Working = Pick<World, 'store' | 'clock'>;

/** The engine works at this moment. */
export async function noteWorking({ store, clock }: Working): Promise<void> {
  await store.setMeta(META, String(clock()));
}

/** The engine ends in order. */
export async function noteEnded({ store }: Pick<World, 'store'>): Promise<void> {
  await store.setMeta(META, '');
}

/**
 * At a start, before the first heartbeat: when the engines before ended without a word, an entry in the fleet chain and a
 * message that say from when to when nothing was enforced. Gives that time.
 */
export async function tellOutage({ store, clock }: Working) {
  const noted = await store.meta(META);
  if (noted === undefined || noted === '') return undefined;
  const [from, to] = [Number(noted), clock()];
  // Others that live have noted that they work of late.
  const least = (await replicasAlive(store)) > 0 ? 2 * NOTE_MS : 0;
  if (to - from <= least) return undefined;
  return store.transaction(async tx => {
    const told = (await tx.facts([FACT]))[FACT]?.value as { from?: number } | null | undefined;
    if (told?.from === from) return undefined;
    await tx.setFact(FACT, { from, to });
    await tx.fleet([{ kind: 'gap', from, to }], to);
    await tx.putMessage(outageMessage(from, to));
    return { from, to };
  });
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
