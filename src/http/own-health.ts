/** The health of a running daemon, begun with it and ended with it: meters, the door, the dead man's switch, notes of work. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  entryLog,
  followProgress,
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
import { type Door, openDoor } from './door.ts';
import { type Metrics, metricsOf } from './metrics.ts';
import { healthRoutes } from './routes.ts';

export interface OwnHealth {
  /** The engine ends in order: no dead man, no outage to be told. */
  end(): Promise<void>;
}

/** Begins before the engine does. Throws PortError when the door cannot be opened. */
export async function beginHealth(
  ports: Ports,
  meters: Meter[],
  of: {
    readonly version: string;
    /** With its secrets; never logged. */
    readonly deadManUrl: string | undefined;
    readonly pause: (ms: number) => Promise<unknown>;
    readonly stopped: () => boolean;
  },
): Promise<OwnHealth> {
  const { world } = ports;
  const steady = () => performance.now();
  const progress = followProgress(steady, await underWay(world));
  const metrics = metricsOf({ version: of.version, now: Date.now, ...processFigures() });
  meters.push(progress.meter, metrics.meter, entryLog(world.log));
  const own = { ...ports, progress, principal: DOOR, role: 'viewer' as const };
  const door = await open(own, metrics, steady);
  const outage = await tellOutage(world);
  if (outage) world.log.warn(outage, 'nothing was enforced');
  const noting = keepNoting(ports, progress, of);
  const watched = watchDeadMan(ports, progress, metrics, of);
  return {
    async end() {
      await Promise.all([noting, watched, door?.close()]);
      await noteEnded(world);
    },
  };
}

const SAMPLED_MS = 20;
const DOOR = { name: 'http', door: 'http', authenticated: false } as const;

async function open(ports: Ports, metrics: Metrics, steady: () => number): Promise<Door | undefined> {
  const { listen } = ports.settings;
  if (!listen) return undefined;
  const door = await openDoor(listen, healthRoutes(ports, metrics, steady), ports.world.log);
  ports.world.log.info({ url: door.url }, 'http door open');
  return door;
}

/** What has to be asked about before this process has caught up. What is due later, somebody else may be at. */
async function underWay({ store, realClock }: Ports['world']): Promise<readonly ActionRow[]> {
  const due = await store.dueActions(realClock());
  return due.filter(({ state }) => state === 'starting' || state === 'started');
}

type Until = Pick<Parameters<typeof beginHealth>[2], 'pause' | 'stopped' | 'deadManUrl'>;

/** Notes that the engine works while it does: where that stops, an outage began. */
async function keepNoting(
  { world }: Ports,
  progress: ProgressPort,
  { pause, stopped }: Until,
): Promise<void> {
  while (!stopped()) {
    try {
      if (lifeless(progress.look()).length === 0) await noteWorking(world);
    } catch (error) {
      world.log.warn({ error: error instanceof Error ? error.message : String(error) }, 'work not noted');
    }
    await pause(NOTE_MS);
  }
}

async function watchDeadMan(
  { world, settings }: Ports,
  progress: ProgressPort,
  metrics: Metrics,
  { pause, stopped, deadManUrl: url }: Until,
): Promise<void> {
  if (!settings.deadMan || url === undefined) return;
  await keepDeadManQuiet({
    url,
    everyMs: settings.deadMan.everyMs,
    alive: () => lifeless(progress.look()).length === 0,
    ...{ pause, stopped, log: world.log, told: metrics.deadMan },
  });
}

/** What this process takes, and how late its event loop is since it was last asked. */
function processFigures(): Pick<Parameters<typeof metricsOf>[0], 'startedAt' | 'usage' | 'delay'> {
  const delays = monitorEventLoopDelay({ resolution: SAMPLED_MS });
  delays.enable();
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
