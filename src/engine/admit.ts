/**
 * Admission: one function for whoever asks, run when an action is asked for and again in full at its start. It
 * evaluates every guard; the first in order is the reason, all are shown. Pure.
 */
import type {
  Action,
  ClosedPolicy,
  Facts,
  Floor,
  GuardSpec,
  Hold,
  Mode,
  Own,
  RateSpec,
  SequencePlan,
  Verb,
} from '../model.ts';
import { beyondRadius } from './blast-radius.ts';
import { asObject, moment } from './fact-values.ts';
import { floorsOn, floorText, heldByFloors } from './floors.ts';
import { heldByRollout } from './fold-rollout.ts';
import type { Progress } from './form.ts';
import { gatedBy } from './gates.ts';
import { chainOf } from './ids.ts';
import { inhibitedBy } from './inhibition.ts';
import { subjectLocked } from './locks.ts';
import { isMessage } from './message-verbs.ts';
import { unreachable } from './reachability.ts';
import { isExcluded } from './schedule.ts';
import { closedWindows } from './windows.ts';

/** Admission of an action of an episode, in the name of its policy. */
export function admission(
  { draft, policy }: Progress,
  plan: SequencePlan,
  verb: Verb,
  action: Action,
): readonly Hold[] {
  const { mode, modeFrom } = policy;
  const { own, facts, at, verbs } = draft;
  const chain = chainOf(policy.target);
  return admit({ verb, action, mode, modeFrom, plan, own, facts, chain, at, policy, verbs });
}

export interface Asked {
  readonly verb: Verb;
  readonly action: Action;
  readonly mode: Mode;
  readonly modeFrom: string;
  readonly plan: SequencePlan;
  readonly own: Own;
  readonly facts: Facts;
  readonly chain: string;
  readonly at: number;
  /** In whose name; left out by the later shifts of a rollout, of which only mode, pause, windows, gates and lock are asked. */
  readonly policy?: ClosedPolicy;
  readonly verbs?: Readonly<Record<string, Verb>>;
}

/** Every guard that holds the action now, in the order of admission; empty when it may go on to approval. */
export function admit(asked: Asked): readonly Hold[] {
  if (isMessage(asked.verb)) return [];
  const { action, facts, at, chain, policy, plan, verb, own } = asked;
  const locked = subjectLocked(facts, action) ?? (verb.safe ? undefined : heldByRollout(own, action));
  const floors = floorsOn(asked);
  const always = [
    ...modeHold(asked),
    ...heldByFloors(floors, verb, action),
    ...pauses(asked),
    ...exclusion(asked),
  ];
  const lock = locked ? [locked] : [];
  if (verb.safe) return [...always, ...lock, ...(action.phase === 0 ? budgets(asked, floors) : [])];
  const first = isFirst(asked);
  const guard: GuardSpec = plan.guard;
  return [
    ...always,
    ...closedWindows(guard, at),
    ...(first ? inhibitedBy(guard, facts, at) : []),
    ...(first && policy ? unreachable(policy, facts) : []),
    ...gatedBy(facts, verb.name, at),
    ...lock,
    ...(first && policy
      ? beyondRadius(guard.blastRadius ?? [], { facts, chain, policy: policy.policy, at })
      : []),
    ...(action.phase === 0 ? budgets(asked, floors) : []),
  ];
}

/** The sequence's first disruptive action: the one that blast radius and inhibition are about. */
export function isFirst({
  action,
  plan,
  own,
  verb,
  verbs,
}: Pick<Asked, 'action' | 'plan' | 'own' | 'verb' | 'verbs'>): boolean {
  if (!verb.disruptive || verb.safe || action.phase > 0) return false;
  if (verbs === undefined) return action.stepIndex === 0;
  const episode = 'episode' in action.origin ? own.episodes[action.origin.episode] : undefined;
  const done = episode?.sequence.outputs ?? {};
  return !plan.steps
    .slice(0, action.stepIndex)
    .some(step => Object.hasOwn(done, step.id) && verbs[step.verb]?.disruptive);
}

/** Keys of the pauses that bind an action. */
export function pauseKeys(chain: string, verb: string): readonly string[] {
  return ['pause:all', `pause:target:${chain}`, `pause:verb:${verb}`];
}

function modeHold({ mode, modeFrom, verb }: Asked): Hold[] {
  if (mode !== 'observe') return [];
  return [{ reason: 'mode', message: `mode is observe (${modeFrom}): would ${verb.name}` }];
}

/** A safe verb is stopped only by a pause that names it, or when the Model says `safe: [pause]`. */
function pauses({ facts, chain, verb, plan, at }: Asked): Hold[] {
  const stops = !verb.safe || plan.documents.model?.actions[verb.name]?.safe?.includes('pause');
  return pauseKeys(chain, verb.name).flatMap(key => {
    const value = asObject(facts[key]?.value);
    if (value === undefined || (!stops && key !== `pause:verb:${verb.name}`)) return [];
    const { by, reason, until } = value;
    if (typeof until === 'number' && until <= at) return [];
    const message = `${key.slice(6)} is paused by ${String(by)}: ${String(reason)}`;
    return [{ reason: 'paused' as const, message, ...(typeof until === 'number' ? { until } : {}) }];
  });
}

function exclusion({ policy, at }: Asked): Hold[] {
  if (!policy?.excluded || !isExcluded(policy, at)) return [];
  const { reason, until } = policy.excluded;
  const end = until === undefined ? '' : ` until ${moment(until)}`;
  const message = `${policy.policy} is excluded here${end}: ${reason}`;
  return [{ reason: 'excluded', message, ...(until === undefined ? {} : { until }) }];
}

interface Limit {
  readonly rate?: RateSpec;
  readonly cooldownMs?: number;
  /** Whose it is, where people must be told. */
  readonly by: string;
}

/**
 * Rate and cooldown of the Model, of the policy for its sequence's first action, and of floors; the tightest binds. A safe verb
 * has those of floors alone.
 */
function budgets(asked: Asked, floors: readonly Floor[]): Hold[] {
  const { own, action, verb, at } = asked;
  const spent = own.spent[verb.name] ?? { at: [] };
  // What the action's own first attempt consumed does not count against it, nor does the end of an attempt of its own.
  const consumed = own.actions[action.id]?.spentAt;
  const endedAt = spent.endedBy === action.id ? spent.endedBefore : spent.endedAt;
  const index = consumed === undefined ? -1 : spent.at.indexOf(consumed);
  const others = index < 0 ? spent.at : spent.at.toSpliced(index, 1);
  const limits = limitsOf(asked, floors);
  const rates = limits.flatMap(limit => overRate(limit, others, at, verb.name));
  const longest = limits.reduce<Limit>(longer, { by: '' });
  const { cooldownMs = 0, by } = longest;
  const until = (endedAt ?? Number.NEGATIVE_INFINITY) + cooldownMs;
  if (cooldownMs === 0 || until <= at) return rates;
  const message = `${verb.name} cools down after its last run${by}`;
  return [...rates, { reason: 'cooldown', message, until }];
}

function longer(a: Limit, b: Limit): Limit {
  return (b.cooldownMs ?? 0) > (a.cooldownMs ?? 0) ? b : a;
}

function limitsOf(asked: Asked, floors: readonly Floor[]): readonly Limit[] {
  const { plan, action, verb } = asked;
  const ofFloors = floors.map(floor => ({ ...floor, by: ` (${floorText([floor.name])})` }));
  if (verb.safe) return ofFloors;
  const ofModel = plan.documents.model?.actions[verb.name] ?? {};
  const ofPolicy = action.stepIndex === 0 || isFirst(asked) ? plan.guard : {};
  return [{ ...ofModel, by: '' }, { ...ofPolicy, by: '' }, ...ofFloors];
}

function overRate({ rate, by }: Limit, spent: readonly number[], at: number, verb: string): Hold[] {
  if (rate === undefined) return [];
  const recent = spent.filter(one => one > at - rate.perMs);
  const oldest = recent.at(-rate.count);
  if (recent.length < rate.count || oldest === undefined) return [];
  const message = `${verb} was begun ${recent.length} times in its period, ${rate.count} are allowed${by}`;
  return [{ reason: 'rate', message, until: oldest + rate.perMs }];
}
