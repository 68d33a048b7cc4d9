/** The health of a running daemon, begun with it and ended with it: meters, the door, the dead man's switch, notes of work. */
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  entryLog,
  followProgress,
  grantAll,
  lifeless,
  NOTE_MS,
  noteEnded,
  noteWorking,
  type Ports,
  type ProgressPort,
  tellOutage,
} from '../commands/index.ts';
import type { ActionRow, Meter } from '../model.ts';
import { keepDeadManQuiet } from './dead-man.ts';
import { type Mount, openDoors } from './doors.ts';
import { type Metrics, metricsOf } from './metrics.ts';
import { healthRoutes } from './routes.ts';

/** How often the delay of the event loop is sampled. */
const SAMPLED_MS = 20;
const SELF = { host: hostname(), pid: process.pid };
const DOOR = { name: 'http', door: 'http', authenticated: false } as const;

/**
 * Runs the engine (`work`) with its health around it: begun before it, ended after it. When it throws it did not end in
 * order, and the next start tells since when nothing was enforced. Throws PortError when the door cannot be opened.
 */
export async function withHealth(
  ports: Ports,
  meters: Meter[],
  of: {
    readonly version: string;
    /** With its secrets; never logged. */
    readonly deadManUrl: string | undefined;
    readonly socket?: string;
    readonly behindProxy?: boolean;
    /** Of this Flyball at the identity provider; never logged. */
    readonly clientSecret?: string | undefined;
    readonly mounts?: readonly Mount[];
  },
  work: () => Promise<void>,
): Promise<void> {
  const { world } = ports;
  const ending = new AbortController();
  const steady = () => performance.now();
  const progress = followProgress(steady, await underWay(world));
  const metrics = metricsOf({ version: of.version, now: Date.now, ...processFigures(ending.signal) });
  meters.push(progress.meter, metrics.meter, entryLog(world.log));
  const served = { ...ports, progress };
  const looking = { ...served, principal: DOOR, grants: grantAll('viewer') };
  const { socket, mounts = [], behindProxy = false, clientSecret } = of;
  const open = healthRoutes(looking, metrics, steady);
  const close = await openDoors(served, {
    ...{ open, mounts, socket, behindProxy, clientSecret },
    version: of.version,
  });
  const loops = [
    keepNoting(ports, progress, ending.signal),
    watchDeadMan(ports, progress, metrics, of.deadManUrl, ending.signal),
  ];
  try {
    await work();
  } finally {
    ending.abort();
    await Promise.all([...loops, close()]);
  }
  await noteEnded(world.store, SELF);
}

/** What has to be asked about before this process has caught up. What is due later, somebody else may be at. */
async function underWay({ store, realClock }: Ports['world']): Promise<readonly ActionRow[]> {
  const due = await store.dueActions(realClock());
  return due.filter(({ state }) => state === 'starting' || state === 'started');
}

/** Real time; less when the engine ends. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Notes that the engine works while it does, once it is clear what was before: where that stops, an outage began. */
async function keepNoting({ world }: Ports, progress: ProgressPort, signal: AbortSignal): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    try {
      const outage = told ? undefined : await tellOutage(world, SELF, ms => pause(ms, signal));
      told = true;
      if (outage) world.log.warn(outage, 'nothing was enforced');
      if (lifeless(progress.look()).length === 0) await noteWorking(world);
    } catch (error) {
      world.log.warn({ error: error instanceof Error ? error.message : String(error) }, 'work not noted');
    }
    await pause(NOTE_MS, signal);
  }
}

async function watchDeadMan(
  { world, settings }: Ports,
  progress: ProgressPort,
  metrics: Metrics,
  url: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!settings.deadMan || url === undefined) return;
  await keepDeadManQuiet({
    url,
    everyMs: settings.deadMan.everyMs,
    alive: () => lifeless(progress.look()).length === 0,
    pause: ms => pause(ms, signal),
    stopped: () => signal.aborted,
    ...{ log: world.log, told: metrics.deadMan },
  });
}

/** What this process takes, and how late its event loop is since it was last asked. */
function processFigures(
  signal: AbortSignal,
): Pick<Parameters<typeof metricsOf>[0], 'startedAt' | 'usage' | 'delay'> {
  const delays = monitorEventLoopDelay({ resolution: SAMPLED_MS });
  delays.enable();
  signal.addEventListener('abort', () => delays.disable());
  // What is recorded is the time between two samples.
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - SAMPLED_MS / 1000);
  return {
    startedAt: performance.timeOrigin,
    usage() {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
    },
    delay() {
      const found = {
        p50: seconds(delays.percentile(50)),
        p99: seconds(delays.percentile(99)),
        max: delays.count === 0 ? 0 : seconds(delays.max),
      };
      delays.reset();
      return found;
    },
  };
}
