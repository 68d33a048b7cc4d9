/** The gate of a rollout at one of its ticks: what it wants to see, and what it says. Pure. */
import type {
  Episode,
  Json,
  Observation,
  ObservationSpec,
  Operand,
  Own,
  RolloutGate,
  RolloutProgress,
  RolloutSpec,
  SequencePlan,
  Verdict,
} from '../model.ts';
import { compile } from './condition.ts';
import { explain, shown } from './explain.ts';
import { rollingOf } from './fold-rollout.ts';
import type { Scope } from './label-sets.ts';
import { inOrder } from './records.ts';
import type { Filling } from './slots.ts';

/** How often a hold without a gate reads its traffic back. */
const UNGATED_EVERY_MS = 60_000;
const SIDES = ['canary', 'baseline'] as const;

/** A rollout under way, with what its plan says of the step that it holds at. */
export interface Standing {
  readonly rollout: RolloutProgress;
  readonly spec: RolloutSpec;
  readonly step: RolloutSpec['steps'][number];
  /** Undefined: the step names none, and is over when its time is. */
  readonly gate: RolloutGate | undefined;
  readonly everyMs: number;
}

/** The rollout of a sequence by the plan that it began with; undefined when it is in none. */
export function standingOf(of: Pick<Own['episodes'][string], 'sequence' | 'plan'>): Standing | undefined {
  const rollout = rollingOf(of.sequence);
  const documents = of.plan?.documents;
  const spec = documents?.rollouts?.[rollout?.name ?? ''];
  const step = spec?.steps[rollout?.index ?? -1];
  if (rollout === undefined || spec === undefined || step === undefined) return undefined;
  const gate = step.gate === undefined ? undefined : documents?.gates?.[step.gate];
  const everyMs = gate?.everyMs ?? Math.max(1000, Math.min(UNGATED_EVERY_MS, step.holdMs));
  return { rollout, spec, step, gate, everyMs };
}

/** Under whom a snapshot keeps what an episode alone wanted, and marks its gate ticks as due. */
export function ownerOf(episode: {
  readonly id: number;
  readonly cause: { readonly policy: string };
}): string {
  return `${episode.cause.policy}#${episode.id}`;
}

/** The first gate tick after a moment: every `everyMs` from the shift on. */
export function nextGateTick({ rollout, everyMs }: Standing, at: number): number {
  return rollout.since + (Math.floor((at - rollout.since) / everyMs) + 1) * everyMs;
}

/** A time at which holds may be due, and when the target was last looked at. */
interface Moment {
  readonly at: number;
  readonly last: number | undefined;
}

/** The hold that an observation is about: since when its traffic flows, and what `${rollout…}`, `${step…}`, `${side…}` are. */
export interface StepHold {
  readonly since: number;
  readonly values: NonNullable<Filling['hold']>;
}

/** A hold whose gate tick is due, and what its gate is to see, each under a name of its own. */
export interface GateTick {
  readonly owner: string;
  readonly episode: Episode;
  readonly documents: SequencePlan['documents'];
  readonly observed: readonly { readonly spec: ObservationSpec; readonly hold: StepHold }[];
}

/** The holds whose gate tick lies in (last, at]. */
export function gateTicks(own: Own, moment: Moment): readonly GateTick[] {
  return inOrder(own.episodes).flatMap(episode => {
    const standing = episode.sequence.status === 'holding' ? standingOf(episode) : undefined;
    const { plan } = episode;
    if (standing === undefined || plan === undefined || !isTick(standing, moment)) return [];
    const observed = observedBy(standing, moment.at);
    return [{ owner: ownerOf(episode), episode, documents: plan.documents, observed }];
  });
}

function isTick(standing: Standing, { at, last }: Moment): boolean {
  const { since } = standing.rollout;
  if (last === undefined) return at > since;
  return nextGateTick(standing, Math.max(last, since)) <= at;
}

/** Once, or once a side: then `requests@canary` and `requests@baseline`. */
function observedBy({ gate, rollout }: Standing, at: number): GateTick['observed'] {
  const { canary, baseline, since } = rollout;
  const values = { rollout: { canary, baseline }, step: { elapsed: Math.max(1, at - since) } };
  return inOrder(gate?.observe ?? {}).flatMap(spec => {
    const name = `${gate?.name ?? ''}/${spec.name}`;
    if (!spec.sides) return [{ spec: { ...spec, name }, hold: { since, values } }];
    return SIDES.map(side => {
      const hold = { since, values: { ...values, side: { name: side, revision: rollout[side] } } };
      return { spec: { ...spec, name: `${name}@${side}` }, hold };
    });
  });
}

/** What a gate says at a tick. Only a known answer passes or fails; all else is unknown. */
export interface Check {
  readonly check: RolloutProgress['checks'][number];
  readonly message: string;
  readonly verdict: Verdict;
}

/** Until `needs` is known true nothing is judged: no traffic is no news, neither good nor bad. */
export function judgeGate(
  gate: RolloutGate,
  observations: Readonly<Record<string, Observation>>,
  of: { readonly own: Own; readonly policy: string; readonly rule: string },
): Check {
  const scope = scopeOf(gate, observations, of.own);
  const needs = gate.needs && sided(gate.needs.logic, gate);
  const closed = sided(gate.closed.logic, gate);
  const needed = needs === undefined ? true : compile(needs).evaluate(scope);
  const answer = needed === true ? compile(closed).evaluate(scope) : undefined;
  const asked = needed === true ? closed : (needs ?? closed);
  const verdict = verdictOf(asked, scope, answer, of);
  const values = verdict.operands.map(one => `${one.name} ${shown(one)}`).join(', ');
  if (answer === true)
    return { check: 'fail', verdict, message: `${gate.name} failed: ${verdict.clause}; found ${values}` };
  if (answer === false) return { check: 'pass', verdict, message: `${gate.name} passed: ${values}` };
  const why = hasNoTraffic(verdict)
    ? 'no canary traffic'
    : `${verdict.clause} is not known to hold; found ${values}`;
  const unmet = needed === true ? `${verdict.clause} is unknown: ${values}` : why;
  return { check: 'unknown', verdict, message: `${gate.name} unknown: ${unmet}` };
}

/** The gate's own observations by the names that its conditions use; one whose `needs` is not known to hold is unknown. */
function scopeOf(gate: RolloutGate, observations: Readonly<Record<string, Observation>>, own: Own): Scope {
  const prefix = `${gate.name}/`;
  const taken = Object.fromEntries(
    Object.entries(observations).flatMap(([name, one]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), one] as const] : [],
    ),
  );
  const scope: Scope = {
    observations: taken,
    before: {},
    steps: {},
    target: { name: own.target.name, kind: own.target.kind },
  };
  const qualified = Object.entries(taken).map(([name, one]) => {
    const needs = gate.observe[name.split('@')[0] ?? '']?.needs;
    const logic = needs && sided(needs.logic, gate);
    if (logic === undefined || one.unknown || compile(logic).evaluate(scope) === true) return [name, one];
    const { clause, operands } = explain(logic, scope, undefined);
    const values = operands.map(operand => `${operand.name} ${shown(operand)}`).join(', ');
    const message = written(`it needs ${clause}, and that is not known to hold: ${values}`);
    return [name, { ...one, readings: [], unknown: { reason: 'too-few' as const, message } }];
  });
  return { ...scope, observations: Object.fromEntries(qualified) };
}

function verdictOf(
  logic: Json,
  scope: Scope,
  answer: unknown,
  { policy, rule }: { readonly policy: string; readonly rule: string },
): Verdict {
  const { operands, clause } = explain(logic, scope, undefined);
  return {
    policy,
    rule,
    labels: {},
    answer: answer === true ? 'breach' : answer === false ? 'ok' : 'unknown',
    operands: operands.map((one): Operand => ({ ...one, name: written(one.name) })),
    clause: written(clause),
    members: {},
  };
}

/** The canary answered nothing, or was found to have nothing. */
function hasNoTraffic({ operands }: Verdict): boolean {
  const canary = operands.filter(one => one.name.split('.')[1] === 'canary');
  return canary.some(one => one.value === 0 || one.unknown?.reason === 'absent');
}

const sidedLogic = new WeakMap<object, Json>();

/** The logic with `requests.canary` as an observation of its own, `requests@canary`: the two sides are two readings. */
function sided(logic: Json, gate: RolloutGate): Json {
  if (logic === null || typeof logic !== 'object') return logic;
  const known = sidedLogic.get(logic);
  if (known !== undefined) return known;
  const made = renamed(logic, name => gate.observe[name]?.sides === true);
  sidedLogic.set(logic, made);
  return made;
}

function renamed(logic: Json, isSided: (name: string) => boolean): Json {
  if (logic === null || typeof logic !== 'object') return logic;
  if (Array.isArray(logic)) return logic.map(one => renamed(one as Json, isSided));
  return Object.fromEntries(
    Object.entries(logic).map(([op, args]) => {
      if (op !== 'var') return [op, renamed(args as Json, isSided)];
      const [name = '', side, ...fields] = String(Array.isArray(args) ? args[0] : args).split('.');
      const path = isSided(name) && side !== undefined ? [`${name}@${side}`, ...fields].join('.') : args;
      return [op, path as Json];
    }),
  );
}

/** As the policy writes it. */
function written(text: string): string {
  return text.replaceAll(/@(?=canary|baseline)/g, '.');
}
