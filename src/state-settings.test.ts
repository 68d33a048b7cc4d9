/** What a replica without a daemon.yaml takes from the state, and what it must not make up. */
import { expect, test } from 'vitest';
import type { DaemonSettings } from './commands/index.ts';
import { keptFrom, sharedSettings, shareSettings } from './state-settings.ts';
import { emptyStore } from './wiring.ts';

const DAY = 86_400_000;
const given: DaemonSettings = {
  ...{ home: '/h', state: 'postgres://x@y/z', repository: '', branch: '', env: '', trust: 'tokens' },
  listen: { host: '127.0.0.1', port: 8467 },
};
const first: DaemonSettings = { ...given, repository: '/srv/policies', branch: 'main', env: 'prod' };

test.each([
  [undefined, undefined, 0],
  [{ observationsMs: 800 * DAY }, undefined, 200 * DAY],
  [{ ledgerMs: 900 * DAY, observationsMs: 800 * DAY }, 100 * DAY, 200 * DAY],
])(
  'with %j shared, it keeps entries from %s and observations from %s',
  async (retention, entriesFrom, observationsFrom) => {
    const store = await emptyStore();
    await shareSettings(store, { ...first, ...(retention ? { retention } : {}) });
    const settings = await sharedSettings(given, store);
    expect(settings).toMatchObject({ env: 'prod', repository: '', listen: { port: 8467 } });
    expect(keptFrom(settings, 1000 * DAY)).toEqual({ entriesFrom, observationsFrom });
    await store.close();
  },
);

test('with a daemon.yaml that says nothing, observations are kept for 400 days', () => {
  expect(keptFrom(first, 1000 * DAY)).toEqual({ entriesFrom: undefined, observationsFrom: 600 * DAY });
});
