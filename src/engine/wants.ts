/** Which observations are wanted now: `wants(policies, history, at)`, and those that a step still needs. Pure. */
import { hashOf } from '../canonical.ts';
import type {
  ClosedPolicy,
  DatasetSpec,
  Episode,
  Evaluator,
  History,
  Interval,
  Json,
  JsonObject,
  ObservationRequest,
  ObservationSpec,
  Want,
} from '../model.ts';
import { namesOfRule } from './names.ts';
import { type GateTick, gateTicks, type StepHold } from './rollout-gate.ts';
import { isDue, isTicked, slotOf, tickedRules } from './schedule.ts';
import { type Filling, fill } from './slots.ts';

/** What is due at a moment, and the observations that it wants. */
export interface Wanted {
  readonly due: readonly string[];
  readonly wants: readonly Want[];
}

export interface Moment {
  readonly at: number;
  /** When the target was last looked at. */
  readonly last: number | undefined;
  /** Every rule, due or not. */
  readonly all?: boolean;
  /** The champion's training window, for `reference: training`. */
  readonly trained?: Interval;
}

/**
 * Observations of every policy whose slot is due, or of all when a reconcile was asked for since the last tick, and those of
 * the gates of holds at their ticks.
 */
export function wants(
  policies: readonly ClosedPolicy[],
  history: History,
  moment: Moment,
  evaluators: Readonly<Record<string, Evaluator>>,
): Wanted {
  const { requested } = history.own;
  const all = moment.all === true || (requested !== undefined && requested.at >= (moment.last ?? 0));
  const ticks = gateTicks(history.own, all ? { at: moment.at, last: undefined } : moment);
  const due = policies.filter(policy =>
    all ? isTicked(policy, moment.at) : isDue(policy, moment.at, moment.last),
  );
  const ruleWants = (policy: ClosedPolicy): Want[] => {
    const open = openFor(policy, history);
    return Object.values(policy.observe)
      .filter(spec => spec.lateAfter === undefined && !spec.sides && !spec.windowIsStep)
      .map(spec => {
        const episode = open(spec.name);
        const of = { spec, policy, moment, evaluators, ...(episode ? { episode } : {}) };
        const want = wantFor(policy.policy, of);
        const anew = all || moment.last === undefined;
        return reusing(want, policy, spec, { at: moment.at, anew });
      });
  };
  const gateWants = ({ owner, episode, documents, observed }: GateTick): Want[] => {
    const policy = { target: history.own.target, documents };
    return observed.map(one => wantFor(owner, { ...one, policy, moment, evaluators, episode }));
  };
  return {
    due: [...due.map(policy => policy.policy), ...ticks.map(tick => tick.owner)],
    wants: [...due.flatMap(ruleWants), ...ticks.flatMap(gateWants)],
  };
}

/** An observation with an `every` of its own is not taken anew before its next slot. What needs others is always judged anew. */
function reusing(
  want: Want,
  policy: ClosedPolicy,
  spec: ObservationSpec,
  { at, anew }: { readonly at: number; readonly anew: boolean },
): Want {
  if ('unavailable' in want || spec.everyMs === undefined || spec.needs) return want;
  const { interval: _, end: __, reference, ...question } = want.request;
  // A reference at an offset moves with the time.
  const against = spec.reference?.kind === 'offset' ? null : (reference ?? null);
  const asked = hashOf({ question, against, windowMs: spec.windowMs ?? null });
  return { ...want, reuse: { since: anew ? at : slotOf(policy, spec.everyMs, at), asked } };
}

/**
 * The oldest open episode of a rule that reads an observation: its frozen reference is the one that counts. An observation of
 * the policy is shared by all groups, so it knows no labels of one.
 */
function openFor(policy: ClosedPolicy, { own }: History): (name: string) => Episode | undefined {
  const open = Object.values(own.episodes).filter(one => one.cause.policy === policy.policy && !one.ended);
  if (open.length === 0) return () => undefined;
  const oldest = tickedRules(policy).flatMap(rule => {
    const episode = open.find(one => one.cause.rule === rule.name);
    return episode ? [{ episode, names: namesOfRule(rule) }] : [];
  });
  oldest.sort((a, b) => a.episode.id - b.episode.id);
  return name => {
    const found = oldest.find(one => one.names.includes(name))?.episode;
    return found && { ...found, labels: {} };
  };
}

/** The view of the documents that an observation is resolved against: the policy in force, or a running plan. */
export interface View {
  readonly target: ClosedPolicy['target'];
  readonly documents: ClosedPolicy['documents'];
}

interface Asked {
  readonly spec: ObservationSpec;
  readonly policy: View;
  readonly moment: Moment;
  readonly evaluators: Readonly<Record<string, Evaluator>>;
  readonly episode?: Episode;
  /** Of a gate on a rollout. */
  readonly hold?: StepHold;
}

/** The want for one line of `observe`, kept under `owner` in the snapshot. */
export function wantFor(owner: string, of: Asked): Want {
  const request = requestOf(of);
  const { spec } = of;
  if (typeof request === 'object') return { policy: owner, name: spec.name, request };
  return { policy: owner, name: spec.name, unavailable: { reason: 'late', message: request }, spec };
}

/** The request by value, or why it cannot be made (yet): a slot without a value, a part that is not there. */
function requestOf(of: Asked): ObservationRequest | string {
  const { spec, policy, moment, episode } = of;
  const evaluator = of.evaluators[spec.evaluator];
  const filled = fill(spec.args, {
    steps: episode?.sequence.outputs ?? {},
    members: episode?.members ?? {},
    before: episode?.before ?? {},
    labels: episode?.labels ?? {},
    ...(of.hold ? { hold: of.hold.values } : {}),
  });
  if (evaluator === undefined) return `evaluator ${spec.evaluator} is not known to this version`;
  if ('missing' in filled) return `\${${filled.missing}} has no value yet`;
  const { model, datasets, connections } = policy.documents;
  const dataset = spec.dataset === undefined ? undefined : datasets[spec.dataset];
  const connection = connections[dataset?.connection ?? spec.connection ?? ''];
  if (connection === undefined)
    return `connection of ${spec.dataset ?? spec.connection ?? spec.name} is not there`;
  const withLabels = evaluator.reads === 'predictions+labels';
  const labels = withLabels ? datasets[model?.data.labels?.dataset ?? ''] : undefined;
  const lagMs = withLabels ? (model?.data.labels?.delayMs ?? 0) : (dataset?.time?.latenessMs ?? 0);
  const end = moment.at - lagMs;
  const step = spec.windowIsStep && of.hold ? { from: of.hold.since, to: end } : undefined;
  if (step && step.to <= step.from) return 'the data does not reach into the step of the rollout yet';
  const reference = referenceOf(spec, dataset, { ...of, end });
  if (spec.reference && !reference)
    return 'its reference is not known: no training window of the version in service';
  return {
    name: spec.name,
    evaluator: spec.evaluator,
    target: policy.target,
    args: filled.args,
    connection,
    thresholds: spec.thresholds,
    ...(dataset ? { dataset } : {}),
    ...(model ? { model } : {}),
    ...(labels ? { labels } : {}),
    ...(spec.windowMs === undefined ? {} : { interval: { from: end - spec.windowMs, to: end } }),
    ...(step ? { interval: step } : {}),
    ...(spec.maxAgeMs === undefined ? {} : { maxAgeMs: spec.maxAgeMs }),
    // PromQL is asked at a moment: that of the tick, whatever the server's clock says.
    ...((spec.maxAgeMs === undefined && spec.args.promql === undefined) || spec.windowMs !== undefined
      ? {}
      : { end }),
    ...(spec.minSamples === undefined ? {} : { minSamples: spec.minSamples }),
    ...(spec.where ? { where: spec.where } : {}),
    ...(spec.unit ? { unit: spec.unit } : {}),
    ...(reference ? { reference } : {}),
  };
}

/** The reference by value. One frozen with the episode stays until the episode ends. */
function referenceOf(
  spec: ObservationSpec,
  dataset: DatasetSpec | undefined,
  of: Pick<Asked, 'policy' | 'moment' | 'episode' | 'hold'> & { readonly end: number },
): ObservationRequest['reference'] {
  const reference = spec.reference;
  if (reference === undefined || dataset === undefined) return undefined;
  const { datasets, model } = of.policy.documents;
  switch (reference.kind) {
    case 'interval':
      return {
        label: label('interval', reference.interval),
        dataset: datasets[reference.dataset ?? ''] ?? dataset,
        interval: reference.interval,
      };
    case 'dataset': {
      const other = datasets[reference.dataset];
      return other ? { label: `dataset ${reference.dataset}`, dataset: other } : undefined;
    }
    case 'offset': {
      const intervals = reference.offsetsMs.map(offset => ({
        from: of.end - offset - reference.windowMs,
        to: of.end - offset,
      }));
      const [interval] = intervals;
      return { label: 'offset', dataset, ...(interval ? { interval } : {}), intervals };
    }
    case 'version': {
      const from = reference.windowMs === undefined ? of.hold?.since : of.end - reference.windowMs;
      const hold = of.hold ? { hold: of.hold.values } : {};
      const named = fill({ version: reference.version as Json }, { ...NOTHING_FILLED, ...hold });
      if (from === undefined || 'missing' in named) return undefined;
      const version = String(named.args.version);
      return { label: `version ${version}`, dataset, interval: { from, to: of.end }, version };
    }
    case 'training': {
      const frozen = of.episode?.references[spec.name] as { from?: number; to?: number } | undefined;
      const interval =
        frozen?.from !== undefined && frozen.to !== undefined
          ? { from: frozen.from, to: frozen.to }
          : of.moment.trained;
      const training = datasets[model?.data.training?.dataset ?? ''] ?? dataset;
      return interval ? { label: label('training', interval), dataset: training, interval } : undefined;
    }
  }
}

function label(kind: string, interval: Interval): string {
  return `${kind} ${day(interval.from)}..${day(interval.to)}`;
}

/** The date of an instant, by arithmetic: the core owns no calendar but UTC's. */
function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

const NOTHING_FILLED: Filling = { steps: {}, members: {}, before: {}, labels: {} };

/** The part of a reference that is frozen when an episode opens. */
export function frozenReferences(
  policy: ClosedPolicy,
  trained: Interval | undefined,
): Record<string, JsonObject> {
  if (trained === undefined) return {};
  return Object.fromEntries(
    Object.values(policy.observe)
      .filter(spec => spec.reference?.kind === 'training')
      .map(spec => [spec.name, { from: trained.from, to: trained.to }]),
  );
}
