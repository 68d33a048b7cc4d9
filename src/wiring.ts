/** Wires the ports of one state by hand: store, clock, data, effects, repository. No container, no registration. */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type DaemonSettings, grantAll, type PolicyText, type Ports, pageUrlOf } from './commands/index.ts';
import { replicasAlive } from './commands/replicas-alive.ts';
import { effectsOf, readServingOf } from './connectors/index.ts';
import { commandFault, folderFault } from './connectors/local/inspect.ts';
import { meteredEffects, meteredQueries } from './connectors/metered.ts';
import { askPrometheus, metricNames } from './connectors/prometheus.ts';
import { queryPort } from './connectors/query-port.ts';
import { type Environment, secretNames } from './connectors/secrets.ts';
import { LEASE_MS } from './engine/effects.ts';
import { folding } from './engine/folding.ts';
import { SILENCE_PREFIX, silenceOf, silencing } from './engine/notifications.ts';
import type { World } from './engine/world.ts';
import { evaluators } from './evaluators/index.ts';
import { verbs } from './executors/index.ts';
import { readAnchors, writeAnchors } from './git/anchors.ts';
import type { PolicyRepository } from './git/repository.ts';
import { watchWorktree } from './git/worktree.ts';
import { remoteOf, type WiredRemote } from './git-remote.ts';
import type { Catalogue, Clock, Log, Meter, Principal, Store } from './model.ts';
import { repositoryPort } from './repository-port.ts';
import { keptFrom, sharedSettings } from './state-settings.ts';
import { stderrLog } from './stderr-log.ts';
import { isPostgres } from './store/address.ts';
import { databaseClock } from './store/database-clock.ts';
import { engineOf } from './store/engine-lock.ts';
import type { LedgerStore } from './store/ledger.ts';
import { metered } from './store/metered.ts';
import { openStore } from './store/open.ts';
import { openSqliteStore } from './store/sqlite.ts';

const DAY_MS = 86_400_000;
/** What queries of drafts take at most. */
const DRAFTS = { timeoutMs: 5000, memory: '1GB', threads: 1 } as const;

/** What this version knows: the evaluators and verbs that policies may name. */
export const catalogue: Catalogue = { evaluators, verbs };

/** What a process works through, and how to let go of it. */
export interface Opened {
  readonly ports: Ports;
  readonly store: Store & LedgerStore;
  readonly world: World;
  /** Who is told what this process does; the daemon adds its own. */
  readonly meters: Meter[];
  /** On PostgreSQL: follows the server's clock anew. */
  readonly measure?: () => Promise<void>;
  /** Where the policy repository is a clone: what follows the remote. */
  readonly remote?: WiredRemote;
  close(): Promise<void>;
}

/** Wires everything for one state. The clock is the system's, or the moment at which a replay stopped. */
export async function open(
  given: DaemonSettings,
  options: {
    readonly principal: Principal;
    /** Absent: what the trust of the state gives to whoever is at this machine. */
    readonly grants?: Ports['grants'];
    readonly clock?: Clock;
    readonly log?: Log;
    /** Where secrets are looked up by name; without it there are none. */
    readonly environment?: Environment;
  },
): Promise<Opened> {
  const meters: Meter[] = [];
  const meter: Meter = what => {
    for (const one of meters) one(what);
  };
  const opened = await openStore(given.state, folding);
  const settings = given.repository === '' ? await sharedSettings(given, opened) : given;
  const store = metered(opened, meter);
  // What runs on this machine is kept on it, whoever shares the state.
  const folder = isPostgres(settings.state) ? settings.home : settings.state;
  const secrets = { environment: options.environment ?? (() => undefined), hosts: settings.secrets ?? {} };
  const about = {
    ...{ home: settings.home, secrets },
    ...(isPostgres(settings.state) ? {} : { state: settings.state }),
  };
  const data = queryPort(about);
  // Engines of their own, small ones: what nobody has read yet never stands in the way of what is enforced.
  const drafts = queryPort({ ...about, bounds: DRAFTS });
  const stopped = await store.meta('replayed-until');
  const shared = isPostgres(settings.state) ? await databaseClock(store) : undefined;
  const realClock = shared?.clock ?? monotonicClock();
  const clock =
    options.clock ?? (stopped === undefined ? (shared?.clock ?? steadyClock()) : () => Number(stopped));
  const effects = effectsOf({
    home: settings.home,
    runs: join(folder, 'runs'),
    send: message => store.transaction(tx => tx.putMessage(message)),
    hasMessage: async key => (await store.message(key)) !== undefined,
    now: clock,
    silencing: async (labels, at) => {
      const facts = await store.factsWithPrefix(SILENCE_PREFIX);
      const silences = Object.entries(facts).flatMap(([key, { value }]) => silenceOf(key, value) ?? []);
      return silencing(silences, labels, at)?.id;
    },
  });
  const world: World = {
    store,
    clock,
    realClock,
    within,
    ...(shared ? { replica: { id: `door-${process.pid}`, leaseMs: LEASE_MS } } : {}),
    catalogue,
    queryData: meteredQueries(data.query, meter, Date.now),
    queryDraft: drafts.query,
    dialectFor: () => data.dialect,
    readServing: readServingOf(settings.home),
    effectFor: meteredEffects(effects, meter, Date.now),
    log: options.log ?? stderrLog('info'),
    meter,
  };
  const remote = remoteOf(settings, { environment: secrets.environment, store, now: clock });
  const repository = repositoryPort(settings, remote);
  const ports: Ports = {
    world,
    ledger: ledgerOf({ store, settings, log: world.log, repository: repository.opened }),
    repository: repository.port,
    proposalNotes: proposalNotesOf(store, clock),
    ...(remote ? { remote: remote.port } : {}),
    ...(remote?.hook ? { hook: remote.hook } : {}),
    settings,
    principal: options.principal,
    grants: options.grants ?? grantAll(settings.trust === 'local-user' ? 'admin' : 'operator'),
    sealingKey: () => sealingKeyOf(store),
    engine: () =>
      isPostgres(settings.state)
        ? replicasAlive(store).then(([one]) => one?.pid)
        : Promise.resolve(engineOf(settings.state)),
    emptyStore,
    machine: machineOf(settings.home, secrets.environment),
    newId: randomUUID,
    pageUrl: path => pageUrlOf(settings.listen, path),
  };
  const close = async () => {
    await Promise.all([data.close(), drafts.close()]);
    await store.close();
  };
  return {
    ports,
    store,
    world,
    meters,
    ...(shared ? { measure: shared.measure } : {}),
    ...(remote ? { remote } : {}),
    close,
  };
}

/** Entries of the fleet chain. */
function proposalNotesOf(store: Store, clock: Clock): Ports['proposalNotes'] {
  return {
    read: async () =>
      (await store.entries({ chain: 'fleet', kinds: ['proposal'] })).flatMap(({ at, body }) =>
        body.kind === 'proposal' ? [{ at, note: body }] : [],
      ),
    write: async note => {
      await store.transaction(tx => tx.fleet([{ kind: 'proposal', ...note }], clock()));
    },
  };
}

/** One for all machines that share the state: made at first need. */
async function sealingKeyOf(store: Store): Promise<Uint8Array> {
  const kept = await store.meta('sealing-key');
  if (kept !== undefined) return Buffer.from(kept, 'hex');
  await store.setMeta('sealing-key', randomBytes(32).toString('hex'));
  // Of two that make one at once, the last one written is everybody's.
  return Buffer.from((await store.meta('sealing-key')) ?? '', 'hex');
}

/** The ledger, with its heads on a ref of the policy repository where daemon.yaml names one. */
function ledgerOf(of: {
  readonly store: LedgerStore;
  readonly settings: DaemonSettings;
  readonly log: Log;
  readonly repository: () => Promise<PolicyRepository>;
}): Ports['ledger'] {
  const { store, settings, log, repository } = of;
  const ref = settings.anchors?.ref;
  const keepOutside = async (at: number) => {
    if (ref !== undefined) await writeAnchors(await repository(), ref, await store.heads(), at);
  };
  return {
    rebuild: () => store.rebuild(),
    backup: path => store.backup(path),
    restore: path => store.restore(path),
    verify: async chain =>
      store.verify(chain, ref === undefined ? [] : await readAnchors(await repository(), ref)),
    anchor: async at => {
      const entries = await store.anchor(at);
      // The state has its own anchor; the next one is written there too.
      await keepOutside(at).catch(error =>
        log.error({ ref: ref ?? '', error: messageOf(error) }, 'anchor was not written'),
      );
      return entries;
    },
    prune: async (at, which) => {
      return store.prune({
        at,
        ...keptFrom(settings, at),
        slackMs: which === 'all' ? 0 : Math.max(DAY_MS, (settings.retention?.ledgerMs ?? 0) / 10),
        anchored: () => keepOutside(at),
      });
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The work, or what stands for it when it is late. */
async function within<T>(work: Promise<T>, ms: number, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<T>(resolve => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  return Promise.race([work, deadline]).finally(() => clearTimeout(timer));
}

/** Real time as it was when the process began, carried on by a clock that nobody sets. */
function monotonicClock(): Clock {
  const zero = Date.now() - performance.now();
  return () => Math.floor(zero + performance.now());
}

/** A state that nothing is in, and that is gone with the process. */
export function emptyStore(): Promise<Store & LedgerStore> {
  return openSqliteStore({ path: ':memory:', ...folding });
}

function machineOf(home: string, environment: Environment): NonNullable<Ports['machine']> {
  return {
    secretNames: connection => secretNames(connection.auth),
    hasVariable: name => (environment(name) ?? '') !== '',
    folderFault: connection => folderFault(connection, home),
    commandFault: (connection, id) => commandFault(connection, id, home),
  };
}

/** A Prometheus by its address alone: what `init` asks before there is a Connection. */
export function prometheusAt(url: string): ReturnType<NonNullable<Ports['prometheusAt']>> {
  const limits = { timeoutMs: 15_000 };
  const connection = {
    name: 'prometheus',
    connector: 'prometheus',
    access: 'read',
    commands: {},
    url,
    limits,
  } as const;
  const secrets = { environment: () => undefined, hosts: {} };
  return {
    metricNames: () => metricNames(connection, secrets),
    query: promql => askPrometheus(connection, { promql, at: Date.now() }, secrets),
  };
}

/** The system's clock, which never goes backwards within this process. */
function steadyClock(): Clock {
  let [last, at] = [Date.now(), performance.now()];
  return () => {
    const now = performance.now();
    // A clock that was set back is not followed back, and does not stand still either.
    [last, at] = [Math.max(Date.now(), last + now - at), now];
    return Math.floor(last);
  };
}

/**
 * Calls `each` with the policy files of a folder, now and after every change, and shows what it gives; what goes wrong
 * meanwhile is shown too, and the next change tries again. It ends with the process.
 */
export function watchPolicies(
  dir: string,
  each: (files: readonly PolicyText[]) => Promise<string>,
  show: (text: string) => void,
): Promise<never> {
  const onError = (error: unknown) => show(error instanceof Error ? error.message : String(error));
  watchWorktree(dir, async ({ files }) => show(await each(files)), { onError });
  return new Promise(() => {});
}
