/** Windows of a guard: of each `allow` list one must be open, and none of `deny`. Pure; `calendar.ts` reads them. */
import { isOpen, nextChange } from '../calendar.ts';
import type { GuardSpec, Hold, WindowSpec } from '../model.ts';

/** A hold for each list of which no window is open and for each denied one that is; `until` is the next opening or closing. */
export function closedWindows({ allow = [], deny = [] }: GuardSpec, at: number): readonly Hold[] {
  const shut = allow.filter(list => !list.some(window => isOpen(window, at)));
  const barred = deny.filter(window => isOpen(window, at));
  return [
    ...shut.map(list => {
      const openings = list.flatMap(window => nextChange(window, at) ?? []);
      const message = `outside of ${list.map(named).join(' and ')}`;
      return hold(message, openings.length === 0 ? undefined : Math.min(...openings));
    }),
    ...barred.map(window =>
      hold(`inside of ${named(window)}, in which nothing is done`, nextChange(window, at)),
    ),
  ];
}

function named({ name, when, zone }: WindowSpec): string {
  return `window ${name} (${when}, ${zone})`;
}

function hold(message: string, until: number | undefined): Hold {
  return { reason: 'window', message, ...(until === undefined ? {} : { until }) };
}
