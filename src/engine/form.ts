/**
 * What an action of a sequence will be: its plan, its scope, its frozen arguments, its evidence. Pure.
 */

import { hashOf } from '../canonical.ts';
import type {
  Action,
  CapabilityCall,
  ClosedPolicy,
  Episode,
  Hold,
  Json,
  JsonObject,
  SequencePlan,
  StepSpec,
  Verb,
  Verdict,
} from '../model.ts';
import type { Draft } from './draft.ts';
import { shown } from './explain.ts';
import { type Floored, floorsHash } from './floors.ts';
import { taintedOf } from './gates.ts';
import { ruleName, scopeOfGroup } from './groups.ts';
import { actionId, chainOf, effectKey, planHash } from './ids.ts';
import { inhibitedBy } from './inhibition.ts';
import type { Scope } from './label-sets.ts';
import { readNames } from './names.ts';
import { routed } from './notifications.ts';
import { isAside } from './records.ts';
import { fill } from './slots.ts';

/** The policy of an episode and the draft that it writes into. */
export interface Progress {
  readonly draft: Draft;
  readonly policy: ClosedPolicy;
  readonly episode: Episode;
  /** The label set's verdict at this tick; undefined when the rule was not due. */
  readonly verdict: Verdict | undefined;
}

/** The plan of a sequence that has begun; before, what the policy says now. */
export function planOf(p: Pick<Progress, 'policy' | 'episode'>): SequencePlan {
  if (p.episode.plan && p.episode.sequence.acted) return p.episode.plan;
  const rule = p.policy.rules.find(one => one.name === p.episode.cause.rule);
  return {
    steps: rule?.then ?? [],
    ...(rule?.verify ? { verify: rule.verify } : {}),
    observe: p.policy.observe,
    documents: p.policy.documents,
    guard: p.policy.guard,
    actingHash: p.policy.actingHash,
  };
}

/** What the sequence's conditions may look at: its own observations before the policy's. */
export function scopeOf(p: Progress, plan: SequencePlan): Scope {
  const { draft, episode, policy } = p;
  const own = draft.snapshot.observations[`${policy.policy}#${episode.id}`] ?? {};
  const shared =
    plan.actingHash === policy.actingHash ? draft.snapshot.observations[policy.policy] : undefined;
  const scope: Scope = {
    observations: { ...shared, ...own },
    before: episode.before,
    steps: episode.sequence.outputs,
    target: { name: policy.target.name, kind: policy.target.kind },
  };
  return scopeOfGroup(scope, episode.labels);
}

/** Observations that a condition reads and the snapshot does not hold. */
export function missingNames(logic: Json, plan: SequencePlan, scope: Scope): string[] {
  return [...new Set(readNames(logic))].filter(
    name => plan.observe[name] !== undefined && scope.observations[name] === undefined,
  );
}

type Refused = { readonly held: Hold } | { readonly unbound: string };
type Formed = { readonly action: Action } | Refused;
/** The calls of a step, and a hash of what they do, but for when and for whom. */
interface Made {
  readonly calls: readonly CapabilityCall[];
  readonly callHash?: string;
  /** What takes them back. */
  readonly undo?: readonly CapabilityCall[];
}

/** The action of the current step and phase, with its arguments frozen. `given`: its calls, when the verb has no say in them. */
export function form(
  p: Progress,
  plan: SequencePlan,
  step: StepSpec,
  given?: readonly CapabilityCall[],
): Formed {
  const { draft, episode, policy } = p;
  const { sequence } = episode;
  const verb = draft.verbs[step.verb];
  if (!verb) return { unbound: `verb ${step.verb} is not known to this version` };
  const origin: Action['origin'] =
    episode.request === undefined
      ? {
          target: chainOf(policy.target),
          policy: policy.policy,
          rule: episode.cause.rule,
          group: episode.cause.group,
          episode: episode.id,
        }
      : { request: episode.request };
  if (given === undefined && verb.needs.includes('serving') && draft.snapshot.serving?.unknown) {
    return { held: { reason: 'unknown', message: `serving: ${draft.snapshot.serving.unknown.message}` } };
  }
  const made: Made | Refused = given
    ? { calls: given }
    : (frozenCalls(p, step) ?? newCalls(p, plan, step, verb, origin));
  if ('held' in made || 'unbound' in made) return made;
  const call = made.calls[sequence.phase];
  const connection = call && connectionOf(call, plan);
  if (call && !connection) return { unbound: `Connection ${call.connection} is not there any more` };
  if (!call || !connection) return { unbound: `${step.verb} has no phase ${sequence.phase}` };
  const { callHash, undo, calls } = made;
  const action = actionOf({ p, plan, step, call, calls, connection, origin, undo });
  return { action: callHash === undefined ? action : { ...action, callHash } };
}

/** The verb's calls with the arguments as they are now: frozen with the ask, or with the intent. */
function newCalls(
  p: Progress,
  plan: SequencePlan,
  step: StepSpec,
  verb: Verb,
  origin: Action['origin'],
): Made | Refused {
  const { draft, episode, policy, verdict } = p;
  const members = verdict?.answer === 'breach' ? verdict.members : episode.members;
  const filled = fill(step.args, {
    steps: episode.sequence.outputs,
    members,
    before: episode.before,
    labels: episode.labels,
    observations: scopeOf(p, plan).observations,
  });
  if ('missing' in filled)
    return { held: { reason: 'late', message: `\${${filled.missing}} has no value yet` } };
  const tainted = taintedOf(draft.facts, draft.at);
  const args = messageArgs(step, filled.args, p);
  const context = {
    target: policy.target,
    documents: plan.documents,
    at: draft.at,
    verifiedVersions: draft.own.verifiedVersions,
    origin,
    ...(draft.snapshot.serving ? { serving: draft.snapshot.serving } : {}),
    ...(tainted.length > 0 ? { tainted } : {}),
  };
  const called = verb.calls(args, context);
  if ('held' in called) {
    const until = called.until === undefined ? {} : { until: called.until };
    return { held: { reason: 'gated', message: called.held, ...until } };
  }
  if ('unbound' in called) return { unbound: called.unbound };
  if (called.calls.every(({ capability }) => capability === 'notify.send')) {
    const send = (call: CapabilityCall) => ({
      ...call,
      args: { ...call.args, ...routed(policy, episode, step, call.args) },
    });
    return { calls: called.calls.map(send) };
  }
  const anytime = verb.calls(args, { ...context, at: 0, origin: { request: '' }, tainted: [] });
  const undo = step.undo ? verb.undo?.(args, context) : undefined;
  if (undo && 'unbound' in undo) return { unbound: undo.unbound };
  return {
    calls: called.calls,
    ...(undo ? { undo: undo.calls } : {}),
    callHash: hashOf({ verb: verb.name, anytime, without: tainted.map(({ from }) => from) }),
  };
}

/** Texts of messages carry the evidence, not only the author's words; those beside the sequence have it already. */
function messageArgs(step: StepSpec, args: JsonObject, p: Progress): JsonObject {
  if (step.verb !== 'notify' && step.verb !== 'escalate') return args;
  const words = typeof args.text === 'string' ? `${args.text}\n` : '';
  if (isAside(step.id)) return { ...args, text: words.trimEnd() };
  const inhibited = inhibitedBy(p.policy.guard, p.draft.facts, p.draft.at).map(
    hold => `\nInhibited meanwhile: ${hold.message}`,
  );
  return { ...args, text: `${words}${evidenceOf(p)}${inhibited.join('')}` };
}

/**
 * Calls of an earlier phase of the same step and round, or of an attempt that people said yes to: what was frozen then stays.
 * Any other attempt is planned anew, with what is known by now.
 */
function frozenCalls(p: Progress, step: StepSpec): Made | undefined {
  const { sequence, id } = p.episode;
  if (isAside(step.id)) return undefined;
  const first = Object.values(p.draft.own.actions).find(
    one =>
      one.episode === id &&
      one.action.step === step.id &&
      one.action.round === sequence.round &&
      (sequence.phase > 0 ||
        (one.action.phase === 0 && one.failures !== undefined && one.approval !== undefined)),
  );
  if (first === undefined) return undefined;
  const { calls, callHash, undo } = first.action;
  return {
    calls,
    ...(callHash === undefined ? {} : { callHash }),
    ...(undo === undefined ? {} : { undo }),
  };
}

/** A run without a limit of its own does not hang for ever. */
const TIMEOUT_MS = 86_400_000;

/**
 * When an action that begins now is asked to end: after its timeout, and no later than all attempts of it together may take,
 * counted from the first of them.
 */
export function timesOf(
  { draft }: Pick<Progress, 'draft'>,
  plan: SequencePlan,
  step: StepSpec,
  id: string,
): Pick<Action, 'timeoutMs' | 'deadline' | 'until'> {
  const { at } = draft;
  const before = draft.own.actions[id];
  const stated = step.timeoutMs ?? plan.documents.model?.actions[step.verb]?.timeoutMs ?? TIMEOUT_MS;
  const withinMs = step.retry?.withinMs;
  if (withinMs === undefined) return { timeoutMs: stated, deadline: at + stated };
  const begun = before?.failures === undefined ? undefined : before.action.until;
  const until = begun ?? at + withinMs;
  const timeoutMs = Math.max(1, Math.min(stated, until - at));
  return { timeoutMs, deadline: at + timeoutMs, until };
}

function actionOf(of: {
  readonly p: Progress;
  readonly plan: SequencePlan;
  readonly step: StepSpec;
  readonly call: CapabilityCall;
  readonly calls: readonly CapabilityCall[];
  readonly connection: Action['connection'];
  readonly origin: Action['origin'];
  readonly undo: Action['undo'];
}): Action {
  const { p, plan, step, call, calls, connection, origin } = of;
  const { sequence } = p.episode;
  const id = actionId({
    subject: call.subject,
    origin,
    step: step.id,
    phase: sequence.phase,
    round: sequence.round,
  });
  const attempt = (p.draft.own.actions[id]?.action.attempt ?? 0) + 1;
  const times = call.capability === 'notify.send' ? {} : timesOf(p, plan, step, id);
  const action = {
    id,
    origin,
    target: p.policy.target,
    step: step.id,
    stepIndex: sequence.stepIndex,
    phase: sequence.phase,
    phases: calls.length,
    round: sequence.round,
    verb: step.verb,
    call,
    calls,
    connection,
    ...times,
    ...(of.undo === undefined ? {} : { undo: of.undo }),
  };
  const asked = sequence.phase === 0 ? flooredOf(p, plan, step.verb) : undefined;
  const floors = asked && floorsHash(asked);
  const terms = {
    args: step.args,
    versions: Object.entries(sequence.outputs).map(([id, outputs]) => [id, outputs.version ?? null]),
    later: plan.steps
      .slice(sequence.stepIndex + 1)
      .map(one => ({ verb: one.verb, args: one.args, require: one.require?.logic ?? null })),
    guard: plan.guard,
    actingHash: plan.actingHash,
    ...(floors === undefined ? {} : { floors }),
  };
  const bound = { ...action, attempt, key: effectKey(id, attempt), planHash: planHash(action, terms) };
  return floors === undefined ? bound : { ...bound, floors };
}

/** What floors are asked about for a verb of a sequence; undefined when the verb is not known. */
export function flooredOf(
  { draft, policy }: Pick<Progress, 'draft' | 'policy'>,
  plan: SequencePlan,
  name: string,
): Floored | undefined {
  const verb = draft.verbs[name];
  return verb && { facts: draft.facts, verb, chain: chainOf(policy.target), plan, policy };
}

/** The outbox is the one connection that needs no document. */
function connectionOf(call: CapabilityCall, plan: SequencePlan): Action['connection'] | undefined {
  const found = plan.documents.connections[call.connection];
  if (found !== undefined || call.connection !== 'outbox') return found;
  return { name: 'outbox', connector: 'local', access: 'act', commands: {}, limits: { timeoutMs: 30_000 } };
}

/** Why this episode is open, in one paragraph: condition, values, members, since when. */
export function evidenceOf({ policy, episode, verdict, draft }: Progress): string {
  const rule = policy.rules.find(one => one.name === episode.cause.rule);
  const operands = verdict?.operands ?? [];
  const values = operands.map(one => `${one.name} = ${shown(one)}`).join(', ');
  const members = Object.entries(verdict?.members ?? episode.members).map(
    ([name, sets]) =>
      `${name}: ${sets
        .slice(0, 10)
        .map(set => Object.values(set).join('/'))
        .join(', ')}${sets.length > 10 ? ` and ${sets.length - 10} more` : ''}`,
  );
  const group = episode.cause.group === '' ? '' : ` [${Object.values(episode.labels).join('/')}]`;
  const hours = Math.round((draft.at - episode.openedAt) / 3_600_000);
  return [
    `${ruleName(policy, episode.cause.rule)}${group} on ${policy.target.name}: ${rule?.when.text ?? ''} fires${hours > 0 ? `, for ${hours} h now` : ''}.`,
    values,
    ...members,
  ]
    .filter(line => line !== '')
    .join('\n');
}
