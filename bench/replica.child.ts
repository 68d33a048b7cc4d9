/** One replica of `bench/replicas.ts`, in a process of its own: `node bench/replica.child.ts URL DRIFTING`. Until SIGTERM. */
import { setTimeout as sleep } from 'node:timers/promises';
import { folding } from '../src/engine/folding.ts';
import { runAsReplica } from '../src/replica.ts';
import { databaseClock } from '../src/store/database-clock.ts';
import { openStore } from '../src/store/open.ts';
import { chainOfIndex, worldOver } from './fleet.ts';

const [url = '', drifting = '0'] = process.argv.slice(2);
const store = await openStore(url, folding);
const { clock, measure } = await databaseClock(store);
const drifted = new Set(Array.from({ length: Number(drifting) }, (_, index) => chainOfIndex(index)));
const controller = new AbortController();
process.once('SIGTERM', () => controller.abort());
const { signal } = controller;
const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
const running = runAsReplica(worldOver(store, { clock, drifted }), {
  url,
  version: 'bench',
  measure,
  pause,
  stopped: () => signal.aborted,
});
process.send?.('ready');
await running;
await store.close();
process.disconnect?.();
