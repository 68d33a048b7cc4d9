/** A replica as `flyball run` is one, with a plant in place of connectors and a wall clock that its parent may set. */
import { enableCompileCache } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { stepClock } from './stepped-clock.ts';

const job = JSON.parse(process.argv[2] ?? '') as import('./replica-process.ts').ReplicaJob;
stepClock(job.clockMs);
process.on('message', message => stepClock((message as { clockMs: number }).clockMs));
process.once('disconnect', () => process.exit(0));
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.send?.('listening');
enableCompileCache();
// Whatever reads a clock is loaded after it can be set.
const { runAsReplica } = await import('../../src/replica.ts');
const { databaseClock } = await import('../../src/store/database-clock.ts');
const { openState, worldOver } = await import('./engine.ts');
const { plantAt } = await import('./plant-client.ts');

const write = (level: string) => (fields: object, message: string) =>
  void process.stderr.write(
    `${JSON.stringify({ at: performance.timeOrigin + performance.now(), replica: job.id, level, message, ...fields })}\n`,
  );
const log = { info: write('info'), warn: write('warn'), error: write('error') };

const store = await openState(job.state);
const { clock, measure } = await databaseClock(store);
const plant = plantAt(job.plant, job.id);
await runAsReplica(worldOver(store, plant, { clock, realClock: clock }, log), {
  url: job.state,
  version: 'test',
  leaseMs: job.leaseMs,
  measure,
  pause: ms => delay(ms, undefined, { signal: stop.signal }).catch(() => undefined),
  stopped: () => stop.signal.aborted,
});
await store.close();
plant.close();
process.exit(0);
