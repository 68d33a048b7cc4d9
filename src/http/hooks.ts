/** `/hooks/git`: what the forge of the policy repository sends when somebody pushed. Its signature is its proof; the port decides. */

import type { Mounted } from './doors.ts';
import { plain, type Route } from './route.ts';

/** Nothing where no webhook is configured. Counted as a caller who is not known, before the body is read. */
export function hookRoutes({ ports, traffic }: Pick<Mounted, 'ports' | 'traffic'>): readonly Route[] {
  const { hook } = ports;
  if (!hook) return [];
  return [
    {
      path: '/hooks/git',
      answers: {
        POST: async asked => {
          await traffic.unknown(asked);
          const { status, message } = hook(asked.headers, await asked.body());
          return plain(status, message);
        },
      },
    },
  ];
}
