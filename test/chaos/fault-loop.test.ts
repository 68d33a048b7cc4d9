/**
 * The reference scenarios with their k-th port call failing before its effect and after it, and killed there by a real
 * `kill -9`, on SQLite: some of the k's, where `npm run chaos` takes every one. One effect a key on a plant that counts.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chosen, failAt, killAt } from './fault-loop.ts';
import { type Engines, engines } from './killed-engine.ts';
import type { PlantSpec } from './plant.ts';
import { type Plants, startPlants } from './plant-client.ts';
import { SCENARIOS } from './scenarios.ts';
import { type States, sqliteStates, temporaryFolder } from './states.ts';
import { type Trials, trialsOf } from './trials.ts';

const SOME_ERRORS = 12;
const SOME_KILLS = 4;

const folder = temporaryFolder();
let place: { states: States; plants: Plants; engines: Engines };

beforeAll(async () => {
  const plants = await startPlants(join(folder.path, 'plants.log'));
  place = { states: sqliteStates(folder.path), plants, engines: engines() };
});
afterAll(async () => {
  place.engines.stop();
  await place.plants.stop();
  folder.remove();
});

/** Half of the scenarios against a plant that dedupes by key, half against one in which a second start is a second effect. */
const names = Object.keys(SCENARIOS).map((name, i): readonly [string, PlantSpec['mode']] => [
  name,
  i % 2 === 0 ? 'searched' : 'keyed',
]);

describe.each(names)('%s on a plant that is %s', (name, mode) => {
  let trials: Trials;
  beforeAll(async () => {
    trials = await trialsOf(place, name, mode);
  });

  test.each(['before', 'after'] as const)('fails %s its effect', async when => {
    const calls = await trials.calls(when, false);
    const tally = await failAt(trials, when, chosen(calls.length, SOME_ERRORS, name.length));
    console.info(`${name}: ${tally.trials} of ${calls.length} calls failed ${when} their effect`);
    expect(tally.wrongs).toEqual([]);
    expect(tally.trials).toBeGreaterThan(SOME_ERRORS / 2);
  });

  test.each(['before', 'after'] as const)('is killed %s its effect', async when => {
    const calls = await trials.calls(when, true);
    const ks = chosen(calls.length, SOME_KILLS, name.length);
    const tally = await killAt(trials, when, ks, { within: true });
    console.info(`${name}: killed at ${tally.kills} of ${calls.length} calls, ${when} their effect`);
    expect(tally.wrongs).toEqual([]);
    expect(tally.kills).toBe(ks.length);
  });
});
