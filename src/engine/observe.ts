/**
 * Takes observations: evaluators say which queries they need and what the rows mean; identical queries are run once per
 * tick, reference profiles are kept. What cannot be had becomes an unknown observation, never an exception.
 */
import { hashOf } from '../canonical.ts';
import { newestQuery, staleness } from '../evaluators/newest.ts';
import {
  type Answer,
  type Dialect,
  type Evaluator,
  type Json,
  type Observation,
  type ObservationRequest,
  PortError,
  type Query,
  type Row,
  type Unknown,
  type UnknownReason,
  type Want,
} from '../model.ts';
import { messageOf } from './failure-text.ts';
import { chainOf } from './ids.ts';
import type { World } from './world.ts';

export type Observations = Readonly<Record<string, Readonly<Record<string, Observation>>>>;

/** One tick's memory of what was asked: equal queries and equal requests share one answer. */
export interface Asked {
  readonly rows: Map<string, Promise<Answer>>;
  readonly observations: Map<string, Promise<Observation>>;
}

/** A memory for a new tick. */
export function askedNothing(): Asked {
  return { rows: new Map(), observations: new Map() };
}

/** The wanted observations, by owner and name, merged over those already taken. */
export async function observe(
  world: World,
  wants: readonly Want[],
  asked: Asked,
  taken: Observations = {},
): Promise<Observations> {
  const found = await Promise.all(
    wants.map(async want => [want, await takeInTime(world, want, asked)] as const),
  );
  const merged: Record<string, Record<string, Observation>> = {};
  for (const [owner, byName] of Object.entries(taken)) merged[owner] = { ...byName };
  for (const [want, observation] of found) {
    merged[want.policy] = { ...merged[want.policy], [want.name]: { ...observation, name: want.name } };
  }
  return merged;
}

/**
 * A connection's own timeout bounds each query, and this all that one observation asks: the other policies of the target do
 * not wait for it any longer.
 */
const OBSERVE_MS = 60_000;

function takeInTime(world: World, want: Want, asked: Asked): Promise<Observation> {
  const taking = takeOnce(world, want, asked);
  if ('unavailable' in want || !world.within) return taking;
  const { request } = want;
  return world.within(taking, OBSERVE_MS, () =>
    unknownObservation(request, world.catalogue.evaluators[request.evaluator], {
      reason: 'budget',
      message: `it was not answered within ${OBSERVE_MS / 1000} s; narrow its window, or look at connection ${request.connection.name}`,
    }),
  );
}

async function takeOnce(world: World, want: Want, asked: Asked): Promise<Observation> {
  if ('unavailable' in want || want.reuse === undefined) return takeNow(world, want, asked);
  const kept = await keptOf(world, want, want.reuse);
  return kept ?? { ...(await takeNow(world, want, asked)), asked: want.reuse.asked };
}

/** How many of the newest observations of a name are looked through: every policy of the target may have one. */
const MOST_KEPT = 50;

/** The last answer to the same question, unless it is too old or unknown. It becomes part of this snapshot. */
async function keptOf(
  world: World,
  { policy, request }: Extract<Want, { request: unknown }>,
  { since, asked }: { readonly since: number; readonly asked: string },
): Promise<Observation | undefined> {
  const rows = await world.store.observationsOf(chainOf(request.target), {
    name: request.name,
    limit: MOST_KEPT,
  });
  const found = rows.find(
    row => row.policy === policy && row.takenAt >= since && row.observation.asked === asked,
  )?.observation;
  const isUnknown = found?.unknown || (found?.vector === false && found.readings.some(one => one.unknown));
  return isUnknown ? undefined : found;
}

function takeNow(world: World, want: Want, asked: Asked): Promise<Observation> {
  if ('unavailable' in want) {
    const evaluator = world.catalogue.evaluators[want.spec.evaluator];
    return Promise.resolve(unknownObservation(want.spec, evaluator, want.unavailable));
  }
  if (world.takeObservation) return world.takeObservation(want);
  const { name: _, ...request } = want.request;
  const key = hashOf(request);
  const known = asked.observations.get(key);
  if (known) return known;
  const taking = take(world, want.request, asked);
  asked.observations.set(key, taking);
  return taking;
}

async function take(world: World, request: ObservationRequest, asked: Asked): Promise<Observation> {
  const evaluator = world.catalogue.evaluators[request.evaluator];
  try {
    if (!evaluator) throw new Error(`evaluator ${request.evaluator} is not known`);
    return await evaluate(world, evaluator, request, asked);
  } catch (error) {
    const unknown = unknownOf(error, request.connection.name);
    if (!(error instanceof PortError)) {
      world.log.error(
        { evaluator: request.evaluator, observation: request.name, error: unknown.message },
        'evaluator failed',
      );
    }
    return unknownObservation(request, evaluator, unknown);
  }
}

async function evaluate(
  world: World,
  evaluator: Evaluator,
  request: ObservationRequest,
  asked: Asked,
): Promise<Observation> {
  const dialect = world.dialectFor(request.connection);
  const run = (queries: readonly Query[]) =>
    Promise.all(queries.map(query => shared(world, request, query, asked)));
  const newest = newestQuery(request, dialect);
  const [rows] = newest ? await run([newest]) : [];
  const stale = rows ? staleness(request, rows) : undefined;
  if (stale) return unknownObservation(request, evaluator, stale);
  const profile = await profileOf(world, evaluator, request, dialect, run);
  if (profile !== undefined && 'unknown' in profile)
    return unknownObservation(request, evaluator, profile.unknown);
  const answers = await run(evaluator.queries(request, dialect, profile?.profile));
  const first = evaluator.observe(request, profile?.profile, answers, dialect);
  if ('observation' in first) return finite(first.observation);
  const second = evaluator.observe(
    request,
    profile?.profile,
    [...answers, ...(await run(first.refine))],
    dialect,
  );
  if ('observation' in second) return finite(second.observation);
  throw new Error(`evaluator ${evaluator.name} asked to refine twice`);
}

/** Canonical JSON knows no NaN and no infinity: such a field has no value, and a reading without its main value is unknown. */
function finite(observation: Observation): Observation {
  const readings = observation.readings.map(reading => {
    const fields = Object.entries(reading.fields).filter(
      ([, value]) => typeof value !== 'number' || Number.isFinite(value),
    );
    if (fields.length === Object.keys(reading.fields).length) return reading;
    const unknown =
      'value' in reading.fields &&
      !Number.isFinite(reading.fields.value) &&
      typeof reading.fields.value === 'number';
    const why = { reason: 'undefined' as const, message: 'the value is not a finite number' };
    return {
      ...reading,
      fields: Object.fromEntries(fields),
      ...(unknown && !reading.unknown ? { unknown: why } : {}),
    };
  });
  // JSON writes non-finite numbers of the detail as null.
  const detail =
    observation.detail === undefined
      ? {}
      : { detail: JSON.parse(JSON.stringify(observation.detail)) as Json };
  return { ...observation, readings, ...detail };
}

function shared(world: World, request: ObservationRequest, query: Query, asked: Asked): Promise<Answer> {
  const key = `${request.connection.name}\n${hashOf(query)}`;
  const known = asked.rows.get(key);
  if (known) return known;
  const rows = world.queryData(request.connection, query);
  asked.rows.set(key, rows);
  return rows;
}

/** The reference's profile: from the store, or made now and kept when its interval is over for good. */
async function profileOf(
  world: World,
  evaluator: Evaluator,
  request: ObservationRequest,
  dialect: Dialect,
  run: (queries: readonly Query[]) => Promise<readonly (readonly Row[])[]>,
): Promise<{ readonly profile: Json } | { readonly unknown: Unknown } | undefined> {
  if (!evaluator.profile || !request.reference) return undefined;
  const { reference, args, where = null, evaluator: name, model, dataset } = request;
  const features = model?.features ?? null;
  const hash = hashOf({ name, reference, args, where, features, dataset: dataset ?? null });
  const kept = await world.store.profile(hash);
  if (kept !== undefined) return { profile: kept };
  const answers: (readonly Row[])[] = [];
  for (let round = 0; round < 4; round++) {
    const next = evaluator.profile(request, dialect, answers);
    if ('unknown' in next) return next;
    if ('queries' in next) {
      answers.push(...(await run(next.queries)));
      continue;
    }
    if (isFixed(request)) await world.store.putProfile(hash, next.profile);
    return next;
  }
  throw new Error(`evaluator ${evaluator.name} did not finish its profile`);
}

/** A reference whose rows no longer change: a past interval. A moving one is not worth keeping. */
function isFixed(request: ObservationRequest): boolean {
  const end = request.reference?.interval?.to;
  if (end === undefined || request.reference?.intervals) return false;
  return end <= (request.interval?.from ?? Number.NEGATIVE_INFINITY);
}

/**
 * What is not there cannot be asked: `absent` is only for a query that succeeded and found nothing, and a query that is
 * wrong says nothing about its connection.
 */
const REASONS: Readonly<Record<string, UnknownReason>> = {
  timeout: 'budget',
  memory: 'budget',
  budget: 'budget',
  'bad-query': 'undefined',
  'bad-answer': 'undefined',
  'no-column': 'undefined',
  refused: 'undefined',
};

function unknownOf(error: unknown, connection: string): Unknown {
  if (error instanceof PortError) {
    const gone = error.code === 'unreachable' && error.subject === connection;
    return {
      reason: REASONS[error.code] ?? 'unreachable',
      message: error.message,
      ...(gone ? { connection } : {}),
    };
  }
  return { reason: 'unreachable', message: messageOf(error) };
}

/** An observation without a value, and why; its unit and shape are those that the evaluator would give. */
export function unknownObservation(
  of: Pick<ObservationRequest, 'name' | 'evaluator' | 'args'> & {
    readonly interval?: ObservationRequest['interval'];
  },
  evaluator: Evaluator | undefined,
  unknown: Unknown,
): Observation {
  return {
    name: of.name,
    evaluator: of.evaluator,
    unit: evaluator?.mainDimension(of.args) ?? 'number',
    definition: '',
    vector: evaluator?.isVector(of.args) ?? false,
    readings: [],
    unknown,
    ...(of.interval ? { interval: of.interval } : {}),
  };
}
