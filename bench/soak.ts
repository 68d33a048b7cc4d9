/**
 * Ten thousand targets under the real loop for half an hour of real time, with a clock that goes on as soon as nothing is due:
 * is memory flat, is nothing appended on quiet days, and what does a quiet day cost on disk? `node bench/soak.ts [MINUTES] [TARGETS]`.
 *
 * One day in ten some models drift, and are retrained: what acts must not stay in memory either. Its entries are counted apart.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folding } from '../src/engine/folding.ts';
import { run } from '../src/engine/reconcile.ts';
import type { Store } from '../src/model.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { chainOfIndex, enforceFleet, worldOver } from './fleet.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EVERY_MS = 6 * HOUR_MS;
/** Targets of one slot are spread over an hour: the clock goes on in steps that take several of them together. */
const STEP_MS = 10 * 60_000;
const START = 1_900_000_000_000 - (1_900_000_000_000 % DAY_MS);
const BUSY_DAYS = 10;
const DRIFTING = 20;

interface Day {
  readonly busy: boolean;
  readonly ticks: number;
  readonly entries: number;
  readonly bytes: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

async function soak(minutes: number, targets: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flyball-soak-'));
  const path = join(folder, 'flyball.db');
  const store = await openSqliteStore({ path, ...folding });
  try {
    await enforceFleet(store, targets, START, EVERY_MS);
    report(await daysOf(store, path, minutes, targets), targets);
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function daysOf(store: Store, path: string, minutes: number, targets: number): Promise<Day[]> {
  const clock = { now: START };
  const drifted = new Set<string>();
  let looked = 0;
  const world = worldOver(store, {
    clock: () => clock.now,
    realClock: () => Math.floor(performance.now()),
    drifted,
    meter: what => {
      if (what.kind === 'tick') looked++;
    },
  });
  let stop = false;
  const running = run(world, { pause: ms => sleep(ms), stopped: () => stop, restMs: 20 });
  const days: Day[] = [];
  const end = performance.now() + minutes * 60_000;
  // The first day every target is looked at for the first time, and says in which state its rule is.
  for (let day = 0; performance.now() < end; day++) {
    const busy = day > 0 && day % BUSY_DAYS === 0;
    const before = { looked, entries: await entriesOf(store), bytes: await bytesOf(path) };
    drifted.clear();
    if (busy)
      for (let index = 0; index < DRIFTING; index++) drifted.add(chainOfIndex((day * 37 + index) % targets));
    for (let at = clock.now; clock.now < at + DAY_MS; clock.now += STEP_MS) await idle(store, clock.now);
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    days.push({
      busy,
      ticks: looked - before.looked,
      entries: (await entriesOf(store)) - before.entries,
      bytes: (await bytesOf(path)) - before.bytes,
      rssMb: rss / 2 ** 20,
      heapMb: heapUsed / 2 ** 20,
    });
    if (day % 10 === 0) line(day, days.at(-1));
  }
  stop = true;
  await running;
  return days;
}

/** Waits until nothing is due and no action is under way. */
async function idle(store: Store, now: number): Promise<void> {
  for (;;) {
    const due = await store.dueTargets(now, 1);
    const live = await store.actions({ live: true, limit: 1 });
    if (due.length + live.length === 0) return;
    await sleep(2);
  }
}

async function entriesOf(store: Store): Promise<number> {
  return (await store.census(START)).entries;
}

async function bytesOf(path: string): Promise<number> {
  const sizes = await Promise.all(
    [path, `${path}-wal`].map(one =>
      stat(one).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function line(day: number, found: Day | undefined): void {
  if (!found) return;
  const { ticks, entries, bytes, rssMb, heapMb } = found;
  process.stdout.write(
    `day ${String(day).padStart(4)}: ${ticks} looks, ${entries} entries, ${(bytes / 1e6).toFixed(2)} MB, rss ${rssMb.toFixed(0)} MB, heap ${heapMb.toFixed(0)} MB\n`,
  );
}

function report(days: readonly Day[], targets: number): void {
  // The first days fill caches, and the day after a busy one ends what was begun.
  const settled = days.slice(2);
  const quiet = settled.filter((_, index) => !days[index + 2]?.busy && !days[index + 1]?.busy);
  const busy = settled.filter(day => day.busy);
  const quarter = Math.max(1, Math.floor(settled.length / 4));
  const median = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const memory = (of: (day: Day) => number) =>
    `${median(settled.slice(0, quarter).map(of)).toFixed(0)} → ${median(settled.slice(-quarter).map(of)).toFixed(0)} MB`;
  const looks = quiet.reduce((sum, day) => sum + day.ticks, 0);
  const bytes = quiet.reduce((sum, day) => sum + day.bytes, 0);
  const entries = quiet.reduce((sum, day) => sum + day.entries, 0);
  process.stdout.write(
    [
      `${targets} targets, ${days.length} days, ${days.reduce((sum, day) => sum + day.ticks, 0)} looks`,
      `entries on ${quiet.length} quiet days: ${entries}; on ${busy.length} busy ones: ${busy.reduce((sum, day) => sum + day.entries, 0)}`,
      `resident memory, median of the first and of the last quarter: ${memory(day => day.rssMb)}; heap ${memory(day => day.heapMb)}`,
      `disk of a quiet day: ${(bytes / quiet.length / 1e6).toFixed(2)} MB, ${(bytes / looks).toFixed(1)} bytes a look of one observation`,
      '',
    ].join('\n'),
  );
}

await soak(Number(process.argv[2] ?? 30), Number(process.argv[3] ?? 10_000));
