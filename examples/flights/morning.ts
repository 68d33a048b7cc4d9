/** What happens to the files on one morning of the replay, injected faults included, before anyone looks at them. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { refreshWith } from './features.ts';
import { landDay } from './land.ts';
import { addDays, daysBetween, layout } from './layout.ts';
import { type Injection, injections } from './story.ts';
import { type Warehouse, writeJson } from './warehouse.ts';

/** The warehouse keeps labels and predictions this long; then they move to `archive/`. */
const retentionDays = 30;

/**
 * Lets the morning of `day` come: the flights and labels of the day before land, the feature view is refreshed, and the
 * injections of the story apply. Gives the injections that are in force, so that they can be shown as such.
 */
export async function beginDay(
  warehouse: Warehouse,
  root: string,
  day: string,
  faults: readonly Injection[] = injections,
): Promise<readonly Injection[]> {
  const active = faults.filter(fault => fault.from <= day && day <= fault.to);
  const has = (kind: Injection['kind']) => active.some(fault => fault.kind === kind);
  if (!has('nothing-lands')) {
    for (const missing of heldBack(day, faults)) await landDay(root, missing);
    await landDay(root, addDays(day, -1));
  }
  if (!has('refresh-fails')) await refreshWith(warehouse, root, day);
  await archive(root, addDays(day, -1 - retentionDays));
  await mark(root, has('training-leaks'));
  return active;
}

/** The days whose landing was held back until this morning. */
function heldBack(day: string, faults: readonly Injection[]): readonly string[] {
  const over = faults.filter(fault => fault.kind === 'nothing-lands' && addDays(fault.to, 1) === day);
  return over.flatMap(fault => daysBetween(addDays(fault.from, -1), addDays(day, -1)));
}

async function archive(root: string, day: string): Promise<void> {
  for (const kind of ['labels', 'predictions'] as const) {
    const to = layout(root).archived(kind, day);
    await mkdir(dirname(to), { recursive: true });
    await rename(layout(root)[kind](day), to).catch(ignoreMissing);
  }
}

function ignoreMissing(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'ENOENT') throw cause;
}

/** Training runs read this file: there is no other way to ask them for a fault. */
async function mark(root: string, leak: boolean): Promise<void> {
  const path = layout(root).injection;
  await mkdir(dirname(path), { recursive: true });
  if (leak) await writeJson(path, { train: 'leak' });
  else await rm(path, { force: true });
}
