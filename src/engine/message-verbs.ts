/** Verbs that only tell people something. Pure. */
import type { Verb } from '../model.ts';

/** Messages change nothing that serves or trains: they are never held, only deduplicated. */
export function isMessage(verb: Pick<Verb, 'name'>): boolean {
  return verb.name === 'notify' || verb.name === 'escalate';
}
