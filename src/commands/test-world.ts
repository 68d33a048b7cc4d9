/** The world of a PolicyTest: observations from its series, effects and events as it says. What it holds is one run's. */

import { type ClosedSeries, type ClosedTest, type Sample, sampleAt, type TestEvent } from '../dsl/index.ts';
import { appendInput } from '../engine/drive.ts';
import { groupKey } from '../engine/ids.ts';
import type { Ending } from '../engine/outside.ts';
import type { SimulatedEvent } from '../engine/simulate.ts';
import type { World } from '../engine/world.ts';
import {
  type Action,
  assert,
  type Catalogue,
  type Evaluator,
  type Input,
  type JsonObject,
  type Observation,
  type ObservationRequest,
  type Own,
  type Principal,
  type Reading,
  type Scalar,
  type Unknown,
  type UnknownReason,
  type Want,
} from '../model.ts';
import { elapsed } from './time.ts';

const WHY: Readonly<Record<string, string>> = {
  absent: 'no sample in the series',
  unreachable: 'unreachable in the series',
  stale: 'stale in the series',
  'too-few': 'too few rows in the series',
  undefined: 'not a finite number in the series',
};

function unknownOf(reason: UnknownReason): Unknown {
  return { reason, message: WHY[reason] ?? reason };
}

/** What a want gives at a time of a test that began at `from`. */
export function observer(test: ClosedTest, from: number, { evaluators }: Catalogue) {
  return async (want: Extract<Want, { request: unknown }>, at: number): Promise<Observation> => {
    const { policy, observe } = namedBy(want);
    const series = test.series.filter(one => one.policy === policy && one.observe === observe);
    const evaluator = evaluators[want.request.evaluator];
    assert(evaluator, `evaluator ${want.request.evaluator} is not known`);
    const sample = ({ series: of, everyMs }: ClosedSeries) => sampleAt(of, Math.floor((at - from) / everyMs));
    return observationOf(
      want.name,
      want.request,
      evaluator,
      series.map(one => ({ ...one, sample: sample(one) })),
    );
  };
}

/** What a hold of a rollout wants for its gate is named `gate/observation`. */
function namedBy({ policy, name }: Want): { readonly policy: string; readonly observe: string } {
  const cut = name.lastIndexOf('/');
  const [owner = ''] = (cut < 0 ? policy : name).split(cut < 0 ? '#' : '/');
  return { policy: owner, observe: name.slice(cut + 1) };
}

type Sampled = ClosedSeries & { readonly sample: Sample };

function observationOf(
  name: string,
  request: ObservationRequest,
  evaluator: Evaluator,
  series: readonly Sampled[],
): Observation {
  const vector = evaluator.isVector(request.args);
  const plain = {
    name,
    evaluator: request.evaluator,
    unit: request.unit ?? evaluator.mainDimension(request.args),
    definition: 'test/series',
    vector,
    ...(request.interval ? { interval: request.interval } : {}),
  };
  const failed = series.some(({ sample }) => 'unknown' in sample && sample.unknown === 'unreachable');
  if (failed) return { ...plain, readings: [], unknown: unknownOf('unreachable') };
  const bySet = Map.groupBy(series, one => groupKey(one.labels));
  if (!vector) {
    const reading = readingOf(bySet.get('') ?? []);
    const { unknown } = reading;
    return { ...plain, readings: [reading], ...(unknown?.reason === 'absent' ? { unknown } : {}) };
  }
  const readings = [...bySet.values()].map(readingOf);
  return { ...plain, readings: readings.filter(one => one.unknown?.reason !== 'stale') };
}

function readingOf(series: readonly Sampled[]): Reading {
  const fields: Record<string, Scalar> = {};
  for (const { field, sample } of series) if ('value' in sample) fields[field] = sample.value;
  const main = series.find(one => one.field === 'value')?.sample ?? { unknown: 'absent' as const };
  const unknown = 'unknown' in main ? { unknown: unknownOf(main.unknown) } : {};
  return { labels: series[0]?.labels ?? {}, fields, ...unknown };
}

/** How the effects of a test end: several for one step in turn, the last one from then on. */
export function ender(test: ClosedTest, { verbs }: Catalogue) {
  const begun: string[] = [];
  let versions = 1;
  const nextVersion = () => {
    versions++;
    const version = `v${versions}`;
    return version === test.spec.serving.champion ? `v${++versions}` : version;
  };
  return (action: Action): Ending => {
    const chosen = test.spec.effects.filter(one => one.step === action.step || one.verb === action.verb);
    const run = `${action.step}#${runOf(action)}`;
    if (!begun.includes(run)) begun.push(run);
    const turn = begun.filter(one => one.startsWith(`${action.step}#`)).indexOf(run);
    const effect = chosen[Math.min(turn, chosen.length - 1)];
    // The phases after the first are the same step: what it takes and how it goes is told of its first.
    const told = action.phase === 0 ? effect : undefined;
    const outcome = told?.outcome ?? 'succeeded';
    const makes =
      action.call.capability === 'pipeline.run' && verbs[action.verb]?.outputs.version !== undefined;
    const version = makes && outcome === 'succeeded' && effect?.outputs?.version === undefined;
    const outputs: JsonObject = { ...(version ? { version: nextVersion() } : {}), ...effect?.outputs };
    return {
      afterMs: told?.after ?? 0,
      outcome,
      outputs,
      ...(told?.repeatable === undefined ? {} : { repeatable: told.repeatable }),
      ...(told?.message === undefined ? {} : { message: told.message }),
    };
  };
}

/** One run of a step: its phases share it. */
function runOf({ origin, round, attempt }: Action): string {
  const cause = 'request' in origin ? origin.request : `${origin.group}/${origin.episode}`;
  return `${cause}/${round}/${attempt}`;
}

const TESTER: Principal = { name: 'test', door: 'cli', authenticated: true };

/** The events of a test; what cannot happen, because nothing waits for it, is put into `problems`. */
export function eventsOf(
  test: ClosedTest,
  from: number,
  tools: { readonly chain: string; readonly problems: string[]; recheck(): Promise<void> },
): readonly SimulatedEvent[] {
  return test.spec.events.flatMap((event, i): readonly SimulatedEvent[] => {
    const at = from + event.at;
    if (event.gap !== undefined) return [{ at, kind: 'gap', forMs: event.gap }];
    if (event.serve !== undefined) return [{ at, kind: 'serve', version: event.serve }];
    if (event.crash)
      return [
        { at, kind: 'crash' },
        { at, kind: 'apply', apply: tools.recheck },
      ];
    const apply = async (world: World) => {
      const problem = await happen(world, tools.chain, test, event, i);
      if (problem !== undefined) tools.problems.push(`at ${elapsed(event.at)} ${problem}`);
    };
    return [{ at, kind: 'apply', apply }];
  });
}

/** Does what a person does at a door. The problem, when there was nothing to do it to. */
async function happen(
  world: World,
  chain: string,
  test: ClosedTest,
  event: TestEvent,
  i: number,
): Promise<string | undefined> {
  const { pause, resume } = event;
  if (pause)
    return setPause(world, chain, pause.scope, { by: TESTER.name, reason: pause.reason ?? 'in the test' });
  if (resume) return setPause(world, chain, resume.scope, null);
  if (event.reconcile) {
    await appendInput(world, chain, { kind: 'request', request: `test-${i}`, what: 'reconcile', by: TESTER });
    return undefined;
  }
  const own = (await world.store.target(chain))?.own;
  const { nothing, inputs } = inputsOf(own, test.policy.policy, event);
  for (const input of inputs) await appendInput(world, chain, input);
  return inputs.length === 0 ? nothing : undefined;
}

/** The inputs of an event, or what there was none of. */
function inputsOf(
  own: Own | undefined,
  policy: string,
  event: TestEvent,
): { readonly nothing: string; readonly inputs: readonly Input[] } {
  const episodes = Object.values(own?.episodes ?? {}).filter(
    one => one.cause.policy === policy && !one.ended,
  );
  const vote = event.approve ?? event.deny;
  if (vote) {
    const by: Principal = { name: vote.by, door: 'cli', authenticated: true };
    const decision = event.approve ? 'yes' : 'no';
    const comment = vote.comment === undefined ? {} : { comment: vote.comment };
    const asks = Object.values(own?.asks ?? {}).filter(
      one => own?.episodes[one.episode]?.cause.policy === policy,
    );
    return {
      nothing: `nothing waits for an answer of ${vote.by}`,
      inputs: asks.map(one => ({ kind: 'approval', approval: one.approval, decision, by, ...comment })),
    };
  }
  if (event.cancel) {
    const { verb } = event.cancel;
    const live = Object.values(own?.actions ?? {}).filter(
      one => one.action.verb === verb && ['intended', 'started', 'unresolved'].includes(one.state),
    );
    return {
      nothing: `no ${verb} is under way`,
      inputs: live.map(one => ({ kind: 'cancel', action: one.action.id, by: TESTER })),
    };
  }
  if (event.retry)
    return {
      nothing: 'nothing is stalled',
      inputs: episodes
        .filter(one => one.sequence.status === 'stalled')
        .map(one => ({ kind: 'retry', episode: one.id, by: TESTER })),
    };
  if (event.resolve)
    return {
      nothing: 'no rule fires',
      inputs: episodes.map(one => ({ kind: 'resolve', episode: one.id, as: 'resolved', by: TESTER })),
    };
  const what = event.advance ? 'advance' : 'abort';
  return {
    nothing: 'no rollout is under way',
    inputs: episodes
      .filter(one => one.sequence.rollout !== undefined)
      .map(one => ({ kind: 'rollout-order', episode: one.id, what, by: TESTER })),
  };
}

/** As `flyball pause` and `flyball resume` do it. */
async function setPause(
  world: World,
  chain: string,
  scope: string,
  value: JsonObject | null,
): Promise<undefined> {
  const key = scope === 'all' ? 'all' : scope.includes('/') ? `target:${scope}` : `verb:${scope}`;
  await world.store.transaction(async tx => {
    await tx.setFact(`pause:${key}`, value);
    await tx.setDue(chain, 0);
  });
}
