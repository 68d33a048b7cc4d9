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
import pg from 'pg';
import type { Log } from '../model.ts';

/** How often jobs of a later time are looked for; those of now are announced. */
const POLL_MS = 500;
/** After the library ended by itself, such as for a server that restarts. */
const AGAIN_MS = 1000;
/** A connection that is cut without a word is noticed within these; the library alone would wait for it for ever. */
const CONNECT_MS = 8000;
const ANSWER_MS = 10_000;
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
  const pgPool = poolOf(url, options.concurrency + 4);
  const shared = { pgPool, schema: SCHEMA, logger: loggerTo(log) };
  const utils = await makeWorkerUtils(shared);
  await utils.migrate();
  const unheard = unheardFailures(log);
  let stopped = false;
  let runner = await begin(options, shared);
  const again = async (): Promise<void> => {
    await runner.promise.catch(() => undefined);
    if (!stopped) log.warn({}, 'hints stopped');
    while (!stopped) {
      await sleep(AGAIN_MS);
      try {
        runner = await begin(options, shared);
        if (stopped) await runner.stop();
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
      await pgPool.end();
      unheard.end();
    },
  };
}

/** For the worker, its listener and the hints that are given. */
function poolOf(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: 'flyball hints',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  });
  // The library logs what breaks, and the pool lets go of it.
  pool.on('error', () => undefined);
  pool.on('connect', client => void client.on('error', () => undefined));
  return pool;
}

/**
 * The library does not wait for the answer when it takes a finished job away. A connection that breaks at that moment leaves
 * the job behind, which costs nothing; it must not end the process. Its batches, which do wait, never end after two failures.
 */
function unheardFailures(log: Log): { end(): void } {
  const heard = (error: unknown) => {
    if (!(error instanceof Error && error.stack?.includes('graphile-worker'))) throw error;
    log.warn({ error: error.message }, 'a finished hint could not be taken away');
  };
  process.on('unhandledRejection', heard);
  return { end: () => void process.off('unhandledRejection', heard) };
}

function begin(
  { id, concurrency, reconcile, effect }: HandOutOptions,
  shared: Pick<RunnerOptions, 'pgPool' | 'schema' | 'logger'>,
): Promise<Runner> {
  const events = new EventEmitter() as WorkerEvents;
  events.on('pool:create', ({ workerPool }) => {
    workerPool.id = id;
  });
  return run({
    ...shared,
    events,
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
    // In one order everywhere, so that two replicas do not wait for each other.
    ...[...actions]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ key, at }) => ({
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
