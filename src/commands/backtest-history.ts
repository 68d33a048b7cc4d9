/**
 * Where a backtest takes its observations from: what the store recorded, range queries of Prometheus, and window-by-window
 * queries on data. Each observation of a time is taken once, however many thresholds are compared.
 */
import { hashOf } from '../canonical.ts';
import { askedNothing, observe, unknownObservation } from '../engine/observe.ts';
import type { World } from '../engine/world.ts';
import type { Catalogue, Interval, Observation, Query, QueryData, Row, Want } from '../model.ts';

type Asked = Extract<Want, { request: unknown }>;

/** What was recorded of one chain: ticks of the policy, and its observations by `name at`. */
export interface Recorded {
  readonly ticks: readonly number[];
  readonly at: ReadonlyMap<string, Observation>;
}

/** The observations of a policy that the store kept, within a time. */
export async function recordedOf(
  store: World['store'],
  chain: string,
  policy: string,
  within: Interval,
): Promise<Recorded> {
  const rows = (await store.observationsOf(chain, {})).filter(
    row => row.takenAt >= within.from && row.takenAt < within.to && row.policy.split('#')[0] === policy,
  );
  const due = rows.filter(row => row.policy === policy).map(row => row.takenAt);
  return {
    ticks: [...new Set(due)].sort((a, b) => a - b),
    at: new Map(rows.map(row => [`${row.observation.name} ${row.takenAt}`, row.observation])),
  };
}

/** Gives the observation of a time as it was recorded. */
export function fromRecord(
  recorded: Recorded,
  { evaluators }: Catalogue,
): (want: Asked, at: number) => Promise<Observation> {
  return async (want, at) =>
    recorded.at.get(`${want.name} ${at}`) ??
    unknownObservation(want.request, evaluators[want.request.evaluator], {
      reason: 'absent',
      message: 'nothing was recorded of this time',
    });
}

/**
 * Takes the observation of a past time by running its evaluator on what is there now. SQL of a `query` says nothing of time,
 * so it cannot be asked of the past and is unknown. `compared`: further thresholds by observation, so that one reading serves a
 * whole sweep.
 */
export function fromSources(
  world: World,
  within: Interval & { readonly everyMs: number },
  compared: Readonly<Record<string, readonly number[]>> = {},
): (want: Asked, at: number) => Promise<Observation> {
  const known = new Map<string, Promise<Observation>>();
  const evaluatorOf = (want: Asked) => world.catalogue.evaluators[want.request.evaluator];
  const ranged: World = { ...world, queryData: rangeQueries(world.queryData, within) };
  const take = async (want: Asked): Promise<Observation> => {
    const taken = await observe(ranged, [want], askedNothing());
    return (
      taken[want.policy]?.[want.name] ??
      unknownObservation(want.request, evaluatorOf(want), {
        reason: 'unreachable',
        message: 'it was not taken',
      })
    );
  };
  return (want, at) => {
    if (typeof want.request.args.sql !== 'undefined')
      return Promise.resolve(
        unknownObservation(want.request, evaluatorOf(want), {
          reason: 'undefined',
          message:
            'its SQL says nothing of time, so it cannot be asked of the past; backtest over what was recorded',
        }),
      );
    const { name, thresholds: _, ...request } = want.request;
    const key = hashOf({ request, at });
    const thresholds = [...new Set([...want.request.thresholds, ...(compared[name] ?? [])])];
    const taking = known.get(key) ?? take({ ...want, request: { ...want.request, thresholds } });
    known.set(key, taking);
    return taking;
  };
}

/** One range query for each PromQL text, from which the instants of all ticks are answered. */
function rangeQueries(ask: QueryData, within: Interval & { readonly everyMs: number }): QueryData {
  const ranges = new Map<string, Promise<ReadonlyMap<number, readonly Row[]>>>();
  return async (connection, query) => {
    if ('sql' in query || !('at' in query)) return ask(connection, query);
    const stepMs = within.everyMs;
    const key = hashOf({ connection: connection.name, promql: query.promql, phase: query.at % stepMs });
    let asking = ranges.get(key);
    if (!asking) {
      const from = query.at - Math.floor((query.at - within.from) / stepMs) * stepMs;
      const range: Query = { promql: query.promql, range: { from, to: within.to }, stepMs };
      asking = ask(connection, range).then(byInstant);
      ranges.set(key, asking);
    }
    return (await asking).get(query.at) ?? [];
  };
}

function byInstant(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const found = new Map<number, Row[]>();
  for (const row of rows) {
    const at = Number(row.at);
    const there = found.get(at);
    if (there) there.push(row);
    else found.set(at, [row]);
  }
  return found;
}
