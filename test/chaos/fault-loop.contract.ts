/**
 * The short form of the fault loop, on whichever state: some of the k's of each scenario, where `npm run chaos` takes every
 * one. Half of the scenarios run against a plant that dedupes by key, half against one in which a second start is a second effect.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chosen, failAt, killAt } from './fault-loop.ts';
import { engines } from './killed-engine.ts';
import type { PlantSpec } from './plant.ts';
import { startPlants } from './plant-client.ts';
import { SCENARIOS } from './scenarios.ts';
import { type States, temporaryFolder } from './states.ts';
import { type Place, type Trials, trialsOf } from './trials.ts';

/** About so many k's of each kind. */
export interface Share {
  readonly errors: number;
  readonly kills: number;
}

export function faultLoopContract(
  share: Share,
  open: (folder: string) => Promise<{ readonly states: States; close(): Promise<void> }>,
): void {
  const folder = temporaryFolder();
  let place: Place;
  let close = async () => {};

  beforeAll(async () => {
    const plants = await startPlants(join(folder.path, 'plants.log'));
    const opened = await open(folder.path);
    place = { states: opened.states, plants, engines: engines() };
    close = opened.close;
  });
  afterAll(async () => {
    place.engines.stop();
    await place.plants.stop();
    await close();
    folder.remove();
  });

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
      const ks = chosen(calls.length, share.errors, name.length);
      const tally = await failAt(trials, when, ks);
      console.info(
        `${trials.state}, ${name}: ${tally.trials} of ${calls.length} calls failed ${when} their effect`,
      );
      expect(tally.wrongs).toEqual([]);
      expect(tally.trials).toBeGreaterThan(0);
    });

    test.each(['before', 'after'] as const)('is killed %s its effect', async when => {
      const calls = await trials.calls(when, true);
      const ks = chosen(calls.length, share.kills, name.length);
      const tally = await killAt(trials, when, ks, { within: true });
      console.info(
        `${trials.state}, ${name}: killed at ${tally.kills} of ${calls.length} calls, ${when} their effect`,
      );
      expect(tally.wrongs).toEqual([]);
      expect(tally.kills).toBe(ks.length);
      expect(tally.kills).toBeGreaterThan(0);
    });
  });
}
