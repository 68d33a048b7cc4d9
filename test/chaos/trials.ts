/**
 * Trials of one scenario on one kind of state: an engine is disturbed at a call, another goes on where it left off, and
 * whatever happened must be right and end as it does undisturbed.
 */
import { isDeepStrictEqual } from 'node:util';
import { BIRTH, live, openState, slowWorld } from './engine.ts';
import { type End, endOf, wrongs } from './examine.ts';
import { type Fault, fail, faultyTap } from './fault.ts';
import type { Engines } from './killed-engine.ts';
import type { PlantSpec } from './plant.ts';
import { type PlantClient, type Plants, plantAt } from './plant-client.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import type { States } from './states.ts';
import { type Tap, tapped } from './tap.ts';

export interface Trials {
  /** Which kind of state. */
  readonly state: string;
  readonly scenario: string;
  readonly mode: PlantSpec['mode'];
  /** Calls of an undisturbed life, by name: what k counts, with the statements of transactions or without. */
  calls(when: Fault['when'], within: boolean): Promise<readonly string[]>;
  /** The k-th call fails and the engine lives on. Everything that is wrong, in words. */
  failing(fault: Fault): Promise<readonly string[]>;
  /** A process for each fault, killed at it; what it left is taken over by the next. Gives how many were killed, too. */
  killing(
    faults: readonly Fault[],
    within: boolean,
  ): Promise<{ readonly killed: number; readonly wrongs: readonly string[] }>;
}

export interface Place {
  readonly states: States;
  readonly plants: Plants;
  readonly engines: Engines;
}

let plantsBuilt = 0;

export async function trialsOf(place: Place, scenarioName: string, mode: PlantSpec['mode']): Promise<Trials> {
  const scenario = SCENARIOS[scenarioName];
  if (scenario === undefined)
    throw new Error(`no scenario ${scenarioName}; expected one of ${Object.keys(SCENARIOS)}`);
  const begun = await place.states.begun(scenario);
  const trial = <T>(work: (site: Site) => Promise<T>) =>
    onSite(place, begun, { ...scenario.plant, mode }, work);
  const expected = await trial(async site => {
    await liveOn(site, scenario, whole(scenario));
    const found = await judged(site, scenario);
    if (found.wrongs.length > 0)
      throw new Error(`undisturbed, ${scenarioName} is wrong: ${found.wrongs.join('; ')}`);
    return found.end;
  });
  const judge = async (site: Site) => {
    await liveOn(site, scenario, whole(scenario));
    const { end, wrongs: found } = await judged(site, scenario);
    return isDeepStrictEqual(end, expected) ? found : [...found, difference(end, expected)];
  };
  return {
    state: place.states.name,
    scenario: scenarioName,
    mode,
    calls: (when, within) =>
      trial(async site => {
        const names: string[] = [];
        const note = (name: string) => void names.push(name);
        const tap = {
          before: when === 'before' ? note : () => {},
          after: when === 'after' ? note : () => {},
        };
        await liveOn(site, scenario, scenario.steps, tap, within);
        return names;
      }),
    failing: fault =>
      trial(async site => {
        await liveOn(site, scenario, scenario.steps, faultyTap(fault, fail), false);
        return judge(site);
      }),
    killing: (faults, within) =>
      trial(async site => {
        let killed = 0;
        for (const fault of faults) {
          const life = { scenario: scenarioName, state: site.state, plant: site.address, fault, within };
          if (!(await place.engines.killed(life))) break;
          killed += 1;
        }
        return { killed, wrongs: await judge(site) };
      }),
  };
}

/** A fault may cost a step of the clock, and no more. */
function whole({ steps }: Scenario): number {
  return 2 * steps + 1;
}

interface Site {
  readonly state: string;
  readonly plant: PlantClient;
  readonly address: { readonly port: number; readonly plant: string };
}

/** A state and a plant of its own, both new. */
async function onSite<T>(
  { states, plants }: Place,
  begun: string,
  spec: PlantSpec,
  work: (site: Site) => Promise<T>,
): Promise<T> {
  plantsBuilt += 1;
  const address = { port: plants.port, plant: `${process.pid}-${plantsBuilt}` };
  const plant = plantAt(address);
  const state = await states.copy(begun);
  try {
    await plant.build(spec);
    await plant.time(BIRTH);
    return await work({ state, plant, address });
  } finally {
    plant.close();
    await states.remove(state);
  }
}

async function liveOn(
  { state, plant }: Site,
  scenario: Scenario,
  steps: number,
  tap?: Tap,
  within = false,
): Promise<void> {
  const store = await openState(state);
  try {
    const slow = await slowWorld(store, plant);
    const world = tap ? tapped(slow.world, tap, within) : slow.world;
    await live({ ...slow, world }, plant, scenario, steps);
  } finally {
    await store.close();
  }
}

async function judged(
  { state, plant }: Site,
  scenario: Scenario,
): Promise<{ readonly end: End; readonly wrongs: readonly string[] }> {
  const store = await openState(state);
  try {
    return { end: await endOf(store, plant, scenario), wrongs: await wrongs(store, plant) };
  } finally {
    await store.close();
  }
}

function difference(end: End, expected: End): string {
  const parts = Object.keys(expected) as (keyof End)[];
  const differing = parts.filter(part => !isDeepStrictEqual(end[part], expected[part]));
  return differing
    .map(
      part =>
        `${part}: ended with ${JSON.stringify(end[part])}, undisturbed with ${JSON.stringify(expected[part])}`,
    )
    .join('; ');
}
