/** Nature and people beside a fleet: models drift one breach after the other, what asks for a yes gets it, and it ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { chainOf } from '../../src/engine/ids.ts';
import type { World } from '../../src/engine/world.ts';
import { PortError } from '../../src/model.ts';
import { sayYes, worldOver } from './engine.ts';
import type { Fleet } from './fleet.ts';
import { ILL, valueName } from './fleet-policies.ts';
import { randomOf } from './random.ts';

/** So many breaches of one model within an hour are none of the engine's loops. */
const MOST_BREACHES = 9;
/** After the storm, everything that was begun comes to its end within this. */
const CALM_MS = 120_000;

/** The state is away now and then: what is asked is asked again. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PortError) || error.retry !== 'later') throw error;
      await delay(200);
    }
  }
}

/** A model that is well drifts again, at any time. */
export async function drift({ trial, models, store, plant, breaches }: Fleet, over: number): Promise<void> {
  const random = randomOf(trial.seed + 1);
  while (Date.now() < over) {
    const ill = new Set(await unwell({ models, store, plant, breaches }));
    for (const model of models) {
      const count = breaches.get(model)?.count ?? 0;
      if (ill.has(model) || count >= MOST_BREACHES || random.next() < 0.7) continue;
      const { champion } = await plant.serving(model);
      breaches.set(model, { count: count + 1, served: champion });
      await plant.set(valueName(model), ILL);
    }
    await delay(300);
  }
}

/** Models whose last breach is not over: another version serves, no episode is open, and nothing is under way. */
async function unwell({
  models,
  store,
  plant,
  breaches,
}: Pick<Fleet, 'models' | 'store' | 'plant' | 'breaches'>): Promise<readonly string[]> {
  const rows = await store.targets();
  const live = new Set((await store.actions({ live: true })).map(row => row.chain));
  const ill: string[] = [];
  for (const model of models) {
    const row = rows.find(one => one.target.name === model);
    const open =
      row === undefined || Object.keys(row.own.episodes).length > 0 || live.has(chainOf(row.target));
    const served = breaches.get(model)?.served;
    if (open || (await plant.serving(model)).champion === served) ill.push(model);
  }
  return ill;
}

/** A person, whose door is another process on the same state. */
export async function approve({ store, plant, policies }: Fleet, over: number): Promise<void> {
  const clocks = { clock: () => Date.now(), realClock: () => Date.now() };
  const world: World = worldOver(store, plant, clocks);
  while (Date.now() < over) {
    await sayYes(world, { policies });
    await delay(500);
  }
}

/** Waits until every breach is over. Gives those that never are. */
export async function calm(fleet: Fleet): Promise<readonly string[]> {
  const deadline = Date.now() + CALM_MS;
  for (;;) {
    await patiently(() => approve(fleet, Date.now() + 1));
    const ill = await patiently(() => unwell(fleet));
    if (ill.length === 0) return [];
    if (Date.now() > deadline)
      return ill.map(model => `${model}: its last breach is not over, and nothing happens`);
    await delay(200);
  }
}
