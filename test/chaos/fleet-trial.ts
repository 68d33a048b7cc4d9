/**
 * Several replicas on one state in a storm. Models drift one after the other; whatever the storm does, each breach ends in its
 * remedy once, and everything is in the ledger.
 */
import { approve, calm, drift, patiently } from './drift.ts';
import { enforce, openState } from './engine.ts';
import { wrongs } from './examine.ts';
import { databaseOf, type Fleet, type FleetTrial } from './fleet.ts';
import { fleetPlant, fleetPolicies, modelsOf, REMEDY } from './fleet-policies.ts';
import { plantAt } from './plant-client.ts';
import { replicaPlace } from './replica-process.ts';
import { storm } from './storm.ts';
import { median, type Takeover, takeovers } from './takeovers.ts';

export interface FleetReport {
  /** Each is an episode that ends verified; or cleared, when it is seen to be over before its last action is known to be. */
  readonly breaches: number;
  readonly verified: number;
  readonly disturbances: Readonly<Record<string, number>>;
  /** The longest first. */
  readonly takeovers: readonly Takeover[];
  /** How often replicas ended by themselves, such as for a state that was away when they began. */
  readonly ends: number;
  readonly effects: number;
  readonly entries: number;
  readonly wrongs: readonly string[];
}

const EVERY_MS = 2000;

export async function fleetTrial(trial: FleetTrial): Promise<FleetReport> {
  const models = modelsOf(trial.models);
  const policies = fleetPolicies(models, EVERY_MS);
  const url = await trial.postgres.url(databaseOf(trial));
  const plant = plantAt(trial.plant);
  await plant.build(fleetPlant(models));
  const store = await openState(url);
  await enforce(store, policies, await store.now());
  const places = await Promise.all(
    Array.from({ length: trial.replicas }, (_, place) =>
      replicaPlace(place, {
        ...trial,
        state: port => url.replace(`:${trial.postgres.port}/`, `:${port}/`),
        statePort: trial.postgres.port,
      }),
    ),
  );
  for (const place of places) place.start();
  const fleet: Fleet = {
    trial,
    models,
    plant,
    store,
    policies,
    places,
    left: [],
    happened: [],
    faults: [],
    breaches: new Map(),
  };
  try {
    const over = Date.now() + trial.ms;
    await Promise.all([
      storm(fleet),
      patiently(async () => drift(fleet, over)),
      patiently(async () => approve(fleet, over)),
    ]);
    const late = await calm(fleet);
    const codes = await Promise.all(places.map(place => place.leave()));
    return await account(fleet, [
      ...late,
      ...codes.flatMap((code, i) => (code === 0 ? [] : [`replica ${i} did not end when asked: ${code}`])),
    ]);
  } finally {
    for (const place of places) await place.kill();
    await store.close();
    plant.close();
  }
}

async function account(fleet: Fleet, late: readonly string[]): Promise<FleetReport> {
  const { store, plant, models, breaches } = fleet;
  const { runs, heard } = await plant.report();
  const entries = (await Promise.all((await store.chains()).map(chain => store.entries({ chain })))).flat();
  const disturbances: Record<string, number> = {};
  for (const { what } of fleet.happened) disturbances[what] = (disturbances[what] ?? 0) + 1;
  const uneven = models.flatMap(model => {
    const expected = breaches.get(model)?.count ?? 0;
    return REMEDY.flatMap(capability => {
      const done = runs.filter(run => run.capability === capability && concerns(run.subject, model));
      const effects = done.reduce((all, run) => all + run.effects, 0);
      return effects === expected ? [] : [`${model}: ${expected} breaches, ${effects} times ${capability}`];
    });
  });
  const ended = entries.flatMap(({ body }) => (body.kind === 'episode-ended' ? [body.how] : []));
  const total = [...breaches.values()].reduce((all, one) => all + one.count, 0);
  return {
    breaches: total,
    verified: ended.filter(how => how === 'verified').length,
    disturbances,
    takeovers: takeovers(fleet.left, heard),
    ends: fleet.places.reduce((all, place) => all + place.ends(), 0),
    effects: runs.reduce((all, run) => all + run.effects, 0),
    entries: entries.length,
    wrongs: [
      ...fleet.faults,
      ...late,
      ...uneven,
      ...(ended.length === total ? [] : [`${total} breaches, ${ended.length} episodes`]),
      ...(await wrongs(store, plant)),
    ],
  };
}

/** Subjects end in the model's name: `local/train_m1`, `local/serving/m1`. */
function concerns(subject: string, model: string): boolean {
  return new RegExp(`[/_]${model}$`).test(subject);
}

/** For people. */
export function linesOf(report: FleetReport): readonly string[] {
  const { takeovers: taken, disturbances } = report;
  const happened = Object.entries(disturbances).map(([what, times]) => `${times} ${what}`);
  return [
    `disturbances: ${happened.join(', ')}`,
    `${report.breaches} breaches, ${report.verified} of them ended verified, the others cleared; ${report.effects} effects, ${report.entries} entries`,
    `takeover: median ${median(taken) ?? '-'} ms, longest ${taken[0]?.ms ?? '-'} ms, of ${taken.length}; ${report.ends} replicas ended by themselves`,
    ...taken.slice(0, 3).map(({ ms, left }) => `  ${ms} ms: ${left}`),
  ];
}
