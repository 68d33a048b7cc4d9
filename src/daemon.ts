/** The daemon: follows the branch, ticks, carries out effects, anchors; until it is told to stop. Alone, or as one of several. */
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentsRoute } from './agents-route.ts';
import {
  type DaemonSettings,
  follow,
  keepLedger,
  layFloors,
  localSpeaker,
  type Ports,
  type RunOptions,
} from './commands/index.ts';
import { type Environment, filled } from './connectors/secrets.ts';
import { resumeEffects } from './engine/effects.ts';
import { type Running, run } from './engine/reconcile.ts';
import type { World } from './engine/world.ts';
import { openRepository } from './git/repository.ts';
import { watchBranch } from './git/watch.ts';
import { watchWorktree } from './git/worktree.ts';
import { withHealth } from './http/index.ts';
import { shareSettings, socketOf } from './state-settings.ts';
import { isPostgres, placeOf } from './store/address.ts';
import { acquireEngineLock } from './store/engine-lock.ts';
import type { Opened } from './wiring.ts';

/** How often the daemon looks for due rows that no wake-up announced. */
const REST_MS = 200;

/** On PostgreSQL any number of engines share a state: there the rows are what is locked. */
export async function underLock(settings: DaemonSettings, work: () => Promise<void>): Promise<void> {
  if (isPostgres(settings.state)) return work();
  const lock = await acquireEngineLock(settings.state);
  try {
    await work();
  } finally {
    lock.release();
  }
}

interface DaemonOptions extends RunOptions {
  readonly stopped: () => boolean;
  readonly version: string;
  readonly environment: Environment;
}

/** The daemon: follows the branch, ticks, carries out effects, anchors; until it is told to stop. */
export async function runDaemon(ports: Ports, opened: Opened, options: DaemonOptions): Promise<void> {
  const { world, settings } = ports;
  const { version, environment, behindProxy } = options;
  await underLock(settings, async () => {
    // The lock of the folder says that nobody else is at it.
    if (!isPostgres(settings.state)) await resumeEffects(opened.store);
    else if (settings.repository !== '') await shareSettings(opened.store, settings);
    const { deadMan } = settings;
    const deadManUrl = deadMan && filled(deadMan.url, 'daemon.yaml: deadMan.url', environment);
    const secret = settings.oidc?.client?.secret;
    const clientSecret = secret && filled(secret, 'daemon.yaml: oidc.client.secret', environment);
    // Without what only a terminal may do, and without the token of whoever started it: that speaks for nobody else.
    const served = { ...opened.ports, ...localSpeaker(userInfo().username, 'cli', settings) };
    const mounts = [agentsRoute(version)];
    const about = { version, deadManUrl, socket: socketOf(settings), behindProxy, clientSecret, mounts };
    await withHealth(served, opened.meters, about, () => enforce(ports, opened, options));
    world.log.info({}, 'engine stopped');
  });
}

async function enforce(
  ports: Ports,
  opened: Opened,
  { worktree, stopped, version }: DaemonOptions,
): Promise<void> {
  const { world, settings, daemon } = ports;
  const pause = daemon ? daemon.pause : (ms: number) => sleep(ms);
  await layFloors(ports);
  const watch = await followPolicies(ports, opened, worktree);
  world.log.info(
    { env: settings.env, state: placeOf(settings.state), branch: settings.branch, trust: settings.trust },
    'engine started',
  );
  const anchored = keepLedger(ports, pause, stopped);
  await work(world, opened, settings, version, { pause, stopped, restMs: REST_MS });
  await watch.close();
  await anchored;
  await ports.ledger.anchor(world.clock());
}

/** Alone under the lock of its folder, or as one of several replicas. */
async function work(
  world: World,
  { measure }: Opened,
  settings: DaemonSettings,
  version: string,
  running: Running,
): Promise<void> {
  if (!measure) return run(world, running);
  const { runAsReplica } = await import('./replica.ts');
  return runAsReplica(world, { ...running, url: settings.state, version, measure });
}

async function followPolicies(ports: Ports, { remote }: Opened, worktree: boolean) {
  const { world, settings, repository } = ports;
  const onError = (error: unknown) =>
    world.log.error(
      { error: error instanceof Error ? error.message : String(error) },
      'policies could not be read',
    );
  // A replica without a repository enforces what the others take into force.
  if (settings.repository === '') return { close: async () => {} };
  if (worktree)
    return watchWorktree(settings.repository, tree => follow(ports, tree.commit, async () => tree.files), {
      onError,
    });
  const at = { dir: settings.repository, branch: settings.branch };
  // The clone of a remote that is down is begun all the same, so that it is taken once the remote is back.
  const watched = remote ? await remote.clone() : await openRepository(at);
  remote?.mirror.follow(settings.remote?.pollMs ?? 0);
  const watch = watchBranch(watched, head => follow(ports, head, () => repository.files(head.sha)), {
    onError,
  });
  return {
    close: async () => {
      await remote?.mirror.close();
      await watch.close();
    },
  };
}
