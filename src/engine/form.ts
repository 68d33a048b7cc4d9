/**
 * What an action of a sequence will be: its plan, its scope, its frozen arguments, its evidence. Pure.
 */
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
  Verdict,
} from '../model.ts';
import type { Draft } from './draft.ts';
import { shown } from './explain.ts';
import { actionId, chainOf, effectKey, planHash } from './ids.ts';
import type { Scope } from './label-sets.ts';
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
  const rule = p.policy.rules.find(one => one.name === p.episode.cause.rule) ?? p.policy.rules[0];
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
  return {
    observations: { ...shared, ...own },
    before: episode.before,
    steps: episode.sequence.outputs,
    target: { name: policy.target.name, kind: policy.target.kind },
  };
}

/** Observations that a condition reads and the snapshot does not hold. */
export function missingNames(logic: Json, plan: SequencePlan, scope: Scope): string[] {
  return [...new Set(readNames(logic))].filter(
    name => plan.observe[name] !== undefined && scope.observations[name] === undefined,
  );
}

function readNames(logic: Json): string[] {
  if (logic === null || typeof logic !== 'object') return [];
  if (Array.isArray(logic)) return logic.flatMap(one => readNames(one as Json));
  return Object.entries(logic).flatMap(([op, args]) =>
    op === 'var' ? [String(Array.isArray(args) ? args[0] : args).split('.')[0] ?? ''] : readNames(args),
  );
}

type Formed = { readonly action: Action } | { readonly held: Hold } | { readonly unbound: string };

/** The action of the current step and phase, with its arguments frozen. */
export function form(p: Progress, plan: SequencePlan, step: StepSpec): Formed {
  const { draft, episode, policy, verdict } = p;
  const { sequence } = episode;
  const verb = draft.verbs[step.verb];
  if (!verb) return { unbound: `verb ${step.verb} is not known to this version` };
  const origin = {
    target: chainOf(policy.target),
    policy: policy.policy,
    rule: episode.cause.rule,
    group: episode.cause.group,
    episode: episode.id,
  };
  // Once an ask or an earlier phase froze the arguments, the same ones are used.
  const members = verdict?.answer === 'breach' ? verdict.members : episode.members;
  const filled = fill(step.args, {
    steps: sequence.outputs,
    members,
    before: episode.before,
    labels: episode.labels,
  });
  if ('missing' in filled)
    return { held: { reason: 'late', message: `\${${filled.missing}} has no value yet` } };
  if (verb.needs.includes('serving') && draft.snapshot.serving?.unknown) {
    return { held: { reason: 'unknown', message: `serving: ${draft.snapshot.serving.unknown.message}` } };
  }
  const called = verb.calls(messageArgs(step, filled.args, p), {
    target: policy.target,
    documents: plan.documents,
    at: draft.at,
    verifiedVersions: draft.own.verifiedVersions,
    origin,
    ...(draft.snapshot.serving ? { serving: draft.snapshot.serving } : {}),
  });
  if ('unbound' in called) return { unbound: called.unbound };
  const calls = frozenCalls(p, step) ?? called.calls;
  const call = calls[sequence.phase];
  const connection = call && connectionOf(call, plan);
  if (call && !connection) return { unbound: `Connection ${call.connection} is not there any more` };
  if (!call || !connection) return { unbound: `${step.verb} has no phase ${sequence.phase}` };
  return { action: actionOf({ p, plan, step, call, calls, connection, origin }) };
}

/** Texts of messages carry the evidence, not only the author's words; those beside the sequence have it already. */
function messageArgs(step: StepSpec, args: JsonObject, p: Progress): JsonObject {
  if (step.verb !== 'notify' && step.verb !== 'escalate') return args;
  const words = typeof args.text === 'string' ? `${args.text}\n` : '';
  return { ...args, text: isAside(step.id) ? words.trimEnd() : `${words}${evidenceOf(p)}` };
}

/** Calls of an earlier phase of the same step and round: what was frozen then stays. */
function frozenCalls(p: Progress, step: StepSpec): readonly CapabilityCall[] | undefined {
  const { sequence, id } = p.episode;
  if (sequence.phase === 0) return undefined;
  const first = Object.values(p.draft.own.actions).find(
    one => one.episode === id && one.action.step === step.id && one.action.round === sequence.round,
  );
  return first?.action.calls;
}

function actionOf(of: {
  readonly p: Progress;
  readonly plan: SequencePlan;
  readonly step: StepSpec;
  readonly call: CapabilityCall;
  readonly calls: readonly CapabilityCall[];
  readonly connection: Action['connection'];
  readonly origin: Action['origin'];
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
  const timeoutMs = step.timeoutMs ?? plan.documents.model?.actions[step.verb]?.timeoutMs;
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
    ...(timeoutMs === undefined ? {} : { timeoutMs, deadline: p.draft.at + timeoutMs }),
  };
  const terms = {
    args: step.args,
    versions: Object.entries(sequence.outputs).map(([id, outputs]) => [id, outputs.version ?? null]),
    later: plan.steps
      .slice(sequence.stepIndex + 1)
      .map(one => ({ verb: one.verb, args: one.args, require: one.require?.logic ?? null })),
    guard: plan.guard,
    actingHash: plan.actingHash,
  };
  return { ...action, attempt, key: effectKey(id, attempt), planHash: planHash(action, terms) };
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
  const hours = Math.round((draft.at - episode.openedAt) / 3_600_000);
  return [
    `${policy.policy} on ${policy.target.name}: ${rule?.when.text ?? ''} fires${hours > 0 ? `, for ${hours} h now` : ''}.`,
    values,
    ...members,
  ]
    .filter(line => line !== '')
    .join('\n');
}
