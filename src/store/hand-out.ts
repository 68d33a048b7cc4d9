/**
 * Hints over all replicas of a state on PostgreSQL, by graphile-worker. A job is never more than a reason to look: it has a key,
 * is tried once, and may be lost. What is known of the library (0.17): it frees the lock of a dead worker after four hours
 * only, and a key that is added again while its job runs makes a second one that may run beside it. Nothing here minds either.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Logger,
  makeWorkerUtils,
  type Runner,
  type RunnerOptions,
  run,
  type WorkerEvents,
  type WorkerUtils,
} from 'graphile-worker';
import type { Log } from '../model.ts';

/** How often jobs of a later time are looked for; those of now are announced. */
const POLL_MS = 500;
/** After the library ended by itself, such as for a server that restarts. */
const AGAIN_MS = 1000;
/** Its tables, apart from ours. */
const SCHEMA = 'flyball_worker';

export interface HandOutOptions {
  /** Of this replica: the library locks its jobs under this name, so that others can free them when it is dead. */
  readonly id: string;
  readonly url: string;
  /** Hints that this replica works on at once. */
  readonly concurrency: number;
  readonly reconcile: () => Promise<void>;
  readonly effect: (key: string) => Promise<void>;
  readonly log: Log;
}

export interface PostgresHandOut {
  hint(hints: {
    readonly targets?: number;
    readonly actions?: readonly { readonly key: string; readonly at?: number }[];
  }): Promise<void>;
  unlock(replicas: readonly string[]): Promise<void>;
  /** Lets what runs end, and takes no more. */
  stop(): Promise<void>;
}

/** Begins to take hints, and begins again when the library gave up on its connection. Throws when it cannot begin at all. */
export async function handOut(options: HandOutOptions): Promise<PostgresHandOut> {
  const { url, log } = options;
  const shared = { connectionString: url, schema: SCHEMA, logger: loggerTo(log) };
  const utils = await makeWorkerUtils({ ...shared, maxPoolSize: 2 });
  await utils.migrate();
  let stopped = false;
  let runner = await begin(options, shared);
  const again = async (): Promise<void> => {
    await runner.promise.catch(error => log.warn({ error: String(error) }, 'hints stopped'));
    while (!stopped) {
      await sleep(AGAIN_MS);
      try {
        runner = await begin(options, shared);
        return again();
      } catch (error) {
        log.warn({ error: String(error) }, 'hints cannot be taken');
      }
    }
  };
  const over = again();
  return {
    hint: ({ targets = 0, actions = [] }) => hint(utils, targets, actions),
    unlock: async replicas => {
      await utils.forceUnlockWorkers([...replicas]);
      await utils.cleanup({ tasks: ['DELETE_PERMAFAILED_JOBS'] });
    },
    stop: async () => {
      stopped = true;
      await runner.stop().catch(() => undefined);
      await over;
      await utils.release();
    },
  };
}

function begin(
  { id, concurrency, reconcile, effect }: HandOutOptions,
  shared: Pick<RunnerOptions, 'connectionString' | 'schema' | 'logger'>,
): Promise<Runner> {
  const events = new EventEmitter() as WorkerEvents;
  events.on('pool:create', ({ workerPool }) => {
    workerPool.id = id;
  });
  return run({
    ...shared,
    events,
    maxPoolSize: concurrency + 2,
    concurrency,
    pollInterval: POLL_MS,
    noHandleSignals: true,
    taskList: {
      reconcile: () => reconcile(),
      effect: payload => effect(String((payload as { key?: unknown }).key)),
    },
    parsedCronItems: [],
  });
}

/** Added again while it waits, a job is still one. */
async function hint(
  utils: WorkerUtils,
  targets: number,
  actions: readonly { readonly key: string; readonly at?: number }[],
): Promise<void> {
  const specs = [
    ...Array.from({ length: targets }, (_, index) => ({
      identifier: 'reconcile',
      payload: {},
      jobKey: `reconcile:${index}`,
      maxAttempts: 1,
    })),
    ...actions.map(({ key, at }) => ({
      identifier: 'effect',
      payload: { key },
      jobKey: `effect:${key}`,
      maxAttempts: 1,
      ...(at === undefined ? {} : { runAt: new Date(at) }),
    })),
  ];
  if (specs.length > 0) await utils.addJobs(specs);
}

/** What the library says is for whoever looks for a fault in it; its errors are ours. */
function loggerTo(log: Log): Logger {
  return new Logger(scope => (level, message) => {
    const fields = {
      library: 'graphile-worker',
      ...(scope.label === undefined ? {} : { label: scope.label }),
    };
    if (level === 'error') log.error({ ...fields, error: message }, 'hints: error');
    else if (level === 'warning') log.warn({ ...fields, warning: message }, 'hints: warning');
  });
}
