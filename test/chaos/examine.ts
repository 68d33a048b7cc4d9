/** What must be true whatever happened: the plant's own account, the ledger, and the end that an undisturbed life has. */
import type { ActionState, Entry, Json } from '../../src/model.ts';
import type { OpenedStore } from './engine.ts';
import type { Run } from './plant.ts';
import type { PlantClient } from './plant-client.ts';
import type { Report } from './plant-server.ts';
import type { Scenario } from './scenarios.ts';

/** Where a life ended: what was done to the plant, and what the engine makes of it. Free of times and hashes. */
export interface End {
  readonly effects: readonly string[];
  readonly serving: Json;
  readonly verified: readonly string[];
  readonly episodes: readonly string[];
  readonly ended: readonly string[];
  readonly actions: readonly string[];
}

export async function endOf(store: OpenedStore, plant: PlantClient, scenario: Scenario): Promise<End> {
  const { runs } = await plant.report();
  const models = [...new Set(scenario.policies.map(one => one.target.name))];
  const serving = await Promise.all(models.map(model => plant.serving(model)));
  const rows = await store.targets();
  const ended = (await entriesOf(store)).flatMap(({ body }) =>
    body.kind === 'episode-ended' ? [`${body.cause.rule} ${body.how}`] : [],
  );
  return {
    effects: runs
      .filter(one => one.effects > 0)
      .map(effectText)
      .sort(),
    serving: serving as unknown as Json,
    verified: rows.flatMap(row => row.own.verifiedVersions),
    episodes: rows
      .flatMap(row => Object.values(row.own.episodes))
      .map(({ cause, sequence }) => `${cause.rule} ${sequence.status} round ${sequence.round}`)
      .sort(),
    ended: ended.sort(),
    actions: (await store.actions({}))
      .map(row => `${row.action.verb} ${row.action.phase} ${row.action.attempt} ${row.state}`)
      .sort(),
  };
}

function effectText({ capability, subject, args }: Run): string {
  const said = JSON.stringify(args.weights ?? args.version ?? '');
  // A message's subject ends in its episode, which is the seq of an entry: a gap moves it.
  return `${capability} ${subject.replace(/\/\d+$/, '')} ${said}`;
}

async function entriesOf(store: OpenedStore): Promise<readonly Entry[]> {
  const chains = await store.chains();
  return (await Promise.all(chains.map(chain => store.entries({ chain })))).flat();
}

const TERMINAL: readonly ActionState[] = ['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn'];

/** Everything that is wrong, in words; empty when all is well. */
export async function wrongs(store: OpenedStore, plant: PlantClient): Promise<readonly string[]> {
  const report = await plant.report();
  const verified = await store.verify();
  const rebuilt = await store.rebuild();
  const actions = await store.actions({});
  const live = actions.filter(row => !TERMINAL.includes(row.state));
  const locks = Object.entries(await store.factsWithPrefix('lock:')).filter(
    ([, fact]) => fact.value !== null,
  );
  return [
    ...wrongEffects(report, await entriesOf(store)),
    ...(verified.ok ? [] : [`the ledger is altered: ${JSON.stringify(verified)}`]),
    ...rebuilt.differences.map(one => `rebuilt, it differs: ${one}`),
    ...live.map(row => `${row.action.verb} ${row.action.key} never ended: ${row.state}`),
    ...locks.map(([key]) => `${key} is locked for ever`),
  ];
}

/** One effect a key, each of them intended, and no start repeated but one that is known to have come to nothing. */
function wrongEffects({ runs, heard }: Report, entries: readonly Entry[]): readonly string[] {
  const intended = new Set(entries.flatMap(({ body }) => (body.kind === 'intent' ? [body.action.key] : [])));
  return runs.flatMap(run => {
    const refused = heard.filter(one => one.key === run.key && one.call === 'start' && one.effect === false);
    return [
      ...(run.effects > 1 ? [`${run.capability} ${run.key} took effect ${run.effects} times`] : []),
      ...(run.starts - refused.length > 1
        ? [`${run.capability} ${run.key} was started ${run.starts} times`]
        : []),
      ...(intended.has(run.key) ? [] : [`${run.capability} ${run.key} has no intent`]),
    ];
  });
}
