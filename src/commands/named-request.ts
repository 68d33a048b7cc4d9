/** Requests by the beginning of their id. */
import { chainOf } from '../engine/ids.ts';
import type { Own, Requested } from '../model.ts';
import type { Ports } from './ports.ts';
import { Refusal } from './refusal.ts';
import { safe } from './time.ts';

export interface NamedRequest {
  readonly chain: string;
  readonly own: Own;
  readonly request: Requested;
}

/** The one request whose id begins so; undefined when none does. Throws Refusal when several do. */
export async function requestNamed(ports: Ports, start: string): Promise<NamedRequest | undefined> {
  const found = (await ports.world.store.targets()).flatMap(({ target, own }) =>
    Object.values(own.requests ?? {})
      .filter(({ id }) => id.startsWith(start))
      .map(request => ({ chain: chainOf(target), own, request })),
  );
  if (found.length > 1)
    throw new Refusal(`${safe(start, 64)} begins several requests; give more characters.`);
  return found[0];
}
