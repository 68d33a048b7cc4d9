/** The live half of `lint`: asks every query once and says what gave no data, which targets are not there, what matches nothing. */
import type { Compiled } from '../dsl/index.ts';
import { selectorsOf } from '../dsl/promql-selectors.ts';
import { type Asked, askedNothing, observe } from '../engine/observe.ts';
import { wantFor } from '../engine/wants.ts';
import type { World } from '../engine/world.ts';
import type {
  ClosedPolicy,
  ConnectionSpec,
  Diagnostic,
  Observation,
  ObservationRequest,
  ObservationSpec,
  Position,
} from '../model.ts';
import type { Ports } from './ports.ts';
import { safe } from './time.ts';

/** Label sets of one observation beyond which its rule no longer acts. */
const MOST_SETS = 500;
/** How long ago a series may have been seen last to count as one that comes and goes. */
const LOOKBACK = '7d';
/** Selectors of one query that are asked for. */
const MOST_SELECTORS = 20;

/** What one observation of one target gave. */
export interface Seen {
  readonly policy: string;
  readonly target: string;
  readonly observation: string;
  readonly position: Position;
  /** Label sets with a value; 1 for one known value without labels. */
  readonly known: number;
  readonly labelSets: number;
  readonly unknown?: string;
}

export interface Live {
  readonly diagnostics: readonly Diagnostic[];
  readonly seen: readonly Seen[];
}

/**
 * Findings about the world as it is now. Errors: a target or a connection that is not there, a query that cannot be carried
 * out. Warnings: no data, too few rows, too many label sets, PromQL selectors that match no series. Nothing is written.
 */
export async function liveFindings(
  ports: Pick<Ports, 'world'>,
  compiled: Pick<Compiled, 'closed'>,
): Promise<Diagnostic[]> {
  return [...(await lookLive(ports, compiled)).diagnostics];
}

/** The same, with how many label sets each observation of each target matched. */
export async function lookLive(
  { world }: Pick<Ports, 'world'>,
  { closed }: Pick<Compiled, 'closed'>,
): Promise<Live> {
  const asking: Asking = { world, asked: askedNothing(), selectors: new Map() };
  const all = await Promise.all(closed.map(policy => lookAt(asking, policy)));
  const diagnostics = new Map<string, Diagnostic>();
  for (const one of all.flatMap(found => found.diagnostics)) {
    const { file, line, column } = one.position;
    diagnostics.set(`${file}:${line}:${column}: ${one.message}`, one);
  }
  return { diagnostics: [...diagnostics.values()], seen: all.flatMap(found => found.seen) };
}

interface Asking {
  readonly world: World;
  readonly asked: Asked;
  /** By connection and selector: what is wrong with it. */
  readonly selectors: Map<string, Promise<string | undefined>>;
}

async function lookAt(asking: Asking, policy: ClosedPolicy): Promise<Live> {
  const { world } = asking;
  const { model, connections } = policy.documents;
  const serving = model?.serving ? await world.readServing(model, connections) : undefined;
  const moment = {
    at: world.clock(),
    last: undefined,
    ...(serving?.trained ? { trained: serving.trained } : {}),
  };
  const diagnostics: Diagnostic[] = [];
  const seen: Seen[] = [];
  const target = `${policy.target.kind}/${policy.target.name}`;
  if (serving?.unknown)
    diagnostics.push(
      finding(
        'error',
        policy.positions['spec.target'] ?? policy.position,
        `what serves ${target} cannot be read (${safe(serving.unknown.message)}); expected its registry and serving to be there`,
      ),
    );
  for (const spec of Object.values(policy.observe)) {
    if (spec.lateAfter !== undefined || isOfRollout(policy, spec)) continue;
    const want = wantFor(policy.policy, { spec, policy, moment, evaluators: world.catalogue.evaluators });
    const taken = await observe(world, [want], asking.asked);
    const observation = taken[policy.policy]?.[spec.name];
    if (observation === undefined) continue;
    seen.push(seenOf(policy, target, spec, observation));
    const found = judged(policy, target, spec, observation);
    if (found) diagnostics.push(found);
    if ('request' in want) diagnostics.push(...(await selectorFindings(asking, policy, spec, want.request)));
  }
  return { diagnostics, seen };
}

/** Taken in a hold of a rollout only. */
function isOfRollout(policy: ClosedPolicy, spec: ObservationSpec): boolean {
  if (spec.sides || spec.windowIsStep) return true;
  return policy.rules.length > 0 && policy.rules.every(rule => rule.gate?.on === 'rollout');
}

function seenOf(policy: ClosedPolicy, target: string, spec: ObservationSpec, found: Observation): Seen {
  const known = found.readings.filter(one => one.unknown === undefined).length;
  const cause = found.unknown ?? found.readings.find(one => one.unknown)?.unknown;
  return {
    policy: policy.policy,
    target,
    observation: spec.name,
    position: spec.position,
    known: found.unknown ? 0 : known,
    labelSets: found.readings.length,
    ...(cause === undefined ? {} : { unknown: cause.reason }),
  };
}

function judged(
  policy: ClosedPolicy,
  target: string,
  spec: ObservationSpec,
  found: Observation,
): Diagnostic | undefined {
  const position = placeOf(policy, spec);
  const what = `${spec.name} of ${target}`;
  const unknowns = found.readings.flatMap(one => one.unknown ?? []);
  const cause = found.unknown ?? (unknowns.length === found.readings.length ? unknowns[0] : undefined);
  if (cause === undefined) {
    if (found.readings.length > MOST_SETS)
      return finding(
        'warning',
        position,
        `${what} has ${found.readings.length} label sets; expected at most ${MOST_SETS}, beyond which its rule no longer acts`,
      );
    return undefined;
  }
  // An observation that no evaluator made has no definition: its query could not be carried out.
  const failed = found.definition === '' && cause.reason !== 'stale' && cause.reason !== 'late';
  return finding(
    failed ? 'error' : 'warning',
    position,
    `${what} gave no data (${cause.reason}: ${safe(cause.message).replace(/[.;]+$/, '')}); expected a value now`,
    failed ? undefined : 'As long as it is unknown, its rule neither acts nor clears.',
  );
}

/** PromQL answers a metric that was renamed with silence: each selector is asked for by itself. */
async function selectorFindings(
  asking: Asking,
  policy: ClosedPolicy,
  spec: ObservationSpec,
  request: ObservationRequest,
): Promise<readonly Diagnostic[]> {
  const { world } = asking;
  if (request.args.promql === undefined) return [];
  const evaluator = world.catalogue.evaluators[request.evaluator];
  const queries = evaluator?.queries(request, world.dialectFor(request.connection), undefined) ?? [];
  const found: Diagnostic[] = [];
  for (const query of queries) {
    if (!('at' in query)) continue;
    for (const selector of selectorsOf(query.promql).slice(0, MOST_SELECTORS)) {
      const problem = await selectorProblem(asking, request.connection, selector, query.at);
      if (problem) found.push(finding('warning', placeOf(policy, spec), problem, 'Was the metric renamed?'));
    }
  }
  return found;
}

function selectorProblem(
  { world, selectors }: Asking,
  connection: ConnectionSpec,
  selector: string,
  at: number,
): Promise<string | undefined> {
  const key = `${connection.name} ${selector}`;
  const known = selectors.get(key);
  if (known) return known;
  const matches = async (promql: string) => (await world.queryData(connection, { promql, at })).length > 0;
  const looking = (async () => {
    try {
      if (await matches(`count(${selector})`)) return undefined;
      const seenLately = await matches(`count(last_over_time(${selector}[${LOOKBACK}]))`);
      const since = seenLately ? `now, but did within ${LOOKBACK}` : `and did not within ${LOOKBACK}`;
      return `${safe(selector)} matches no series of ${connection.name} ${since}; expected at least one`;
    } catch {
      // The query itself fails as well, and that is told.
      return undefined;
    }
  })();
  selectors.set(key, looking);
  return looking;
}

function placeOf(policy: ClosedPolicy, spec: ObservationSpec): Position {
  const path = `spec.observe.${spec.name}`;
  return policy.positions[`${path}.promql`] ?? policy.positions[`${path}.sql`] ?? spec.position;
}

function finding(
  severity: Diagnostic['severity'],
  position: Position,
  message: string,
  hint?: string,
): Diagnostic {
  return { severity, position, message, ...(hint === undefined ? {} : { hint }) };
}
