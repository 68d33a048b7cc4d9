/** What `/metrics` shows: counters of this process, fed by its meter, and the figures of `health`. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Health } from '../commands/index.ts';
import type { Meter } from '../model.ts';
import { capping, count, makeCounters } from './counters.ts';
import { stateGauges } from './state-gauges.ts';

export interface Metrics {
  readonly meter: Meter;
  /** The media type of `exposition`. */
  readonly type: string;
  /** Everything as it is now; without `found` the state could not be read, and only this process is shown. */
  exposition(alive: boolean, found: Health | undefined): Promise<string>;
  /** What became of one call of the dead man's address. */
  deadMan(result: 'ok' | 'failed' | 'withheld'): void;
}

/** A registry of its own: nothing of the process is shared with other users of the library. */
export function metricsOf(about: {
  readonly version: string;
  /** Milliseconds since the epoch, of the process. */
  readonly startedAt: number;
  readonly now: () => number;
  /** Seconds of CPU and bytes of memory that this process took so far. */
  readonly usage: () => { readonly cpuSeconds: number; readonly residentBytes: number };
  /** Delay of the event loop since the last call, in seconds. */
  readonly delay: () => { readonly p50: number; readonly p99: number; readonly max: number };
}): Metrics {
  const registry = new Registry();
  const counters = makeCounters(registry);
  const showState = stateGauges(registry);
  const capped = capping();
  processGauges(registry, about);
  return {
    meter: what => count(counters, capped, what, about.now),
    type: registry.contentType,
    exposition: (alive, found) => {
      showState(alive, found);
      return registry.metrics();
    },
    deadMan: result => counters.deadMan.inc({ result }),
  };
}

function processGauges(registry: Registry, about: Parameters<typeof metricsOf>[0]): void {
  const registers = [registry];
  const gauge = (name: string, help: string, collect: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(collect());
      },
    });
  new Gauge({
    name: 'flyball_build_info',
    help: 'Always 1; which version this is.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: about.version, node: process.version }, 1);
  new Gauge({
    name: 'flyball_event_loop_delay_seconds',
    help: 'How late the event loop of this process was since the last scrape.',
    labelNames: ['stat'],
    registers,
    collect() {
      const { p50, p99, max } = about.delay();
      this.set({ stat: 'p50' }, p50);
      this.set({ stat: 'p99' }, p99);
      this.set({ stat: 'max' }, max);
    },
  });
  gauge('process_start_time_seconds', 'When this process began.', () => about.startedAt / 1000);
  gauge('process_resident_memory_bytes', 'Memory of this process.', () => about.usage().residentBytes);
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of this process.',
    registers,
    collect() {
      this.reset();
      this.inc(about.usage().cpuSeconds);
    },
  });
}
