/** Idempotency keys: a write under a key is done once, and whoever asks again gets the first answer. */
import { hashOf } from '../canonical.ts';
import type { JsonObject } from '../model.ts';
import type { Command } from './command.ts';
import type { Ports } from './ports.ts';
import { Refusal } from './refusal.ts';

/** Answers are kept so long. */
const KEPT_MS = 24 * 3_600_000;
/** Whoever began longer ago and gave no answer is dead: the call is done again, under the same ids. */
const PATIENCE_MS = 120_000;
const KEY = /^[\x21-\x7e]{1,200}$/;

/** Runs `work` with ports whose new ids follow from the key. Reads, and calls without a key, are just run. */
export async function once(
  command: Command,
  ports: Ports,
  input: JsonObject,
  key: string | undefined,
  work: (ports: Ports) => Promise<JsonObject>,
): Promise<JsonObject> {
  if (key === undefined || command.effect === 'read' || command.needs !== 'state') return work(ports);
  if (command.secret)
    throw new Refusal(
      `${command.name}: its answer is shown once and kept nowhere; expected no idempotency key.`,
      'conflict',
    );
  if (!KEY.test(key))
    throw new Refusal(
      'the idempotency key has other characters; expected 1 to 200 of printable ASCII, without blanks.',
    );
  const { store, realClock } = ports.world;
  const at = realClock();
  const id = hashOf({ by: ports.principal.name, key });
  const digest = hashOf({ command: command.name, input });
  const before = await store.beginOnce(
    id,
    { digest, at },
    { keptFrom: at - KEPT_MS, deadBefore: at - PATIENCE_MS },
  );
  if (before) {
    if (before.digest !== digest)
      throw new Refusal(
        'this idempotency key was used for another call; expected a new key for a new wish.',
        'conflict',
      );
    if (before.answer === undefined)
      throw new Refusal(
        'the call with this idempotency key is still being carried out; ask again in a moment.',
        'busy',
      );
    return before.answer as JsonObject;
  }
  try {
    const answer = await work({ ...ports, newId: idsFrom(id) });
    await store.endOnce(id, answer);
    return answer;
  } catch (error) {
    // The same wish may be made again: what it did so far has the same ids then.
    await store.endOnce(id, undefined);
    throw error;
  }
}

function idsFrom(id: string): () => string {
  let nr = 0;
  return () => hashOf({ once: id, nr: nr++ }).slice(0, 32);
}
