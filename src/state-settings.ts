/** What replicas of one state agree on: said in it by those that have a daemon.yaml, taken from it by those that have only its address. */
import { join } from 'node:path';
import type { DaemonSettings } from './commands/index.ts';
import { PortError, type Store } from './model.ts';
import { isPostgres, placeOf } from './store/address.ts';

const KEY = 'daemon';

const DAY_MS = 86_400_000;
/** Where daemon.yaml does not say: a year and a month, so that a backtest sees every season. */
const OBSERVATIONS_KEPT_MS = 400 * DAY_MS;

/** The part of daemon.yaml that is true for every machine. Paths, addresses and values of secrets are each machine's own. */
type Shared = Pick<
  DaemonSettings,
  'env' | 'trust' | 'branch' | 'secrets' | 'retention' | 'principals' | 'stdio' | 'oidc'
>;

/** Written when it changed: the newest daemon.yaml counts. */
export async function shareSettings(store: Store, settings: DaemonSettings): Promise<void> {
  const { env, trust, branch, secrets = {}, retention, principals = {}, stdio, oidc } = settings;
  const more = {
    ...(retention ? { retention } : {}),
    ...(stdio ? { stdio } : {}),
    ...(oidc ? { oidc } : {}),
  };
  const text = JSON.stringify({ env, trust, branch, secrets, principals, ...more } satisfies Shared);
  if ((await store.meta(KEY)) !== text) await store.setMeta(KEY, text);
}

/** The settings with what the state says in place of a daemon.yaml. Throws PortError when it says nothing yet. */
export async function sharedSettings(given: DaemonSettings, store: Store): Promise<DaemonSettings> {
  const text = await store.meta(KEY);
  if (text !== undefined) return { ...given, ...(JSON.parse(text) as Shared) };
  await store.close();
  throw new PortError(
    `state ${placeOf(given.state)}: nobody has worked on it yet, so it does not say which environment it is; expected a state ` +
      "that another replica uses. Start the first one with a daemon.yaml ('flyball run --config FILE'), then this one again.",
    { code: 'no-config', retry: 'never', subject: 'state' },
  );
}

/**
 * From when on entries and observations are kept, in ms since 1970; undefined and 0: all. A replica without a daemon.yaml
 * deletes only what the others' says: it must not know better than they.
 */
export function keptFrom(
  { retention, repository }: Pick<DaemonSettings, 'retention' | 'repository'>,
  at: number,
): { readonly entriesFrom: number | undefined; readonly observationsFrom: number } {
  if (!retention && repository === '') return { entriesFrom: undefined, observationsFrom: 0 };
  const { ledgerMs, observationsMs = OBSERVATIONS_KEPT_MS } = retention ?? {};
  return {
    entriesFrom: ledgerMs === undefined ? undefined : at - ledgerMs,
    observationsFrom: at - observationsMs,
  };
}

/** Where the daemon of this machine listens for its own user: in the folder of its state, or of its daemon.yaml. */
export function socketOf({ state, home }: Pick<DaemonSettings, 'state' | 'home'>): string {
  return join(isPostgres(state) ? home : state, 'daemon.sock');
}
