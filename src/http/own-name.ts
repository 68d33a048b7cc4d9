/** By which names this daemon is asked. A page of another site can send a browser here by its own name: that is not ours. */
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Throws Problem for a request by a name that is not a loopback one. */
export function admitHost({ headers: { host = '' } }: Asked): void {
  if (LOOPBACK.test(host)) return;
  throw new Problem(
    'host',
    `Host ${host.slice(0, 200) || 'is missing'}: expected localhost or a loopback address.`,
  );
}
