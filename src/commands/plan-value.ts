/** A plan as a value: what would be done now, from which inputs, under one hash; and how two plans differ. Pure. */
import { hashOf } from '../canonical.ts';
import { chainOf, groupKey } from '../engine/ids.ts';
import type { Look } from '../engine/look.ts';
import type { Action, Derived, JsonObject, Observation, Scalar } from '../model.ts';
import { safe, value } from './time.ts';

/** One action that would follow: at once (`act`) or once it was approved (`ask`). */
export interface PlannedAction {
  readonly target: string;
  readonly policy: string;
  readonly rule: string;
  readonly group: string;
  readonly outcome: 'act' | 'ask';
  readonly step: string;
  readonly verb: string;
  readonly subject: string;
  readonly args: JsonObject;
  /** Steps that would follow it, with their own admission. */
  readonly later: readonly string[];
  readonly planHash: string;
  /** Of an ask that waits already. */
  readonly approval?: string;
}

/** What a target's part of the plan was made from. */
export interface PlanInputs {
  readonly takenAt: number;
  /** Acting hash by policy. */
  readonly policies: Readonly<Record<string, string>>;
  /** By `policy/observation [labels]`: the main value, or why there is none. */
  readonly values: Readonly<Record<string, Scalar>>;
  readonly serving: string;
}

export interface PlanFile {
  readonly format: 1;
  readonly hash: string;
  readonly commit: string;
  readonly target?: string;
  readonly actions: readonly PlannedAction[];
  readonly inputs: Readonly<Record<string, PlanInputs>>;
}

/** The plan of these looks. The hash is over everything in it. */
export function planOf(
  commit: string,
  looks: readonly (readonly [chain: string, seen: Look])[],
  target: string | undefined,
): PlanFile {
  const body = {
    format: 1 as const,
    commit,
    ...(target === undefined ? {} : { target }),
    actions: looks.flatMap(([chain, seen]) => actionsOf(chain, seen)),
    inputs: Object.fromEntries(looks.map(([chain, seen]) => [chain, inputsOf(seen)])),
  };
  return { ...body, hash: planFileHash(body) };
}

/** What a plan's hash must be. */
export function planFileHash(plan: Omit<PlanFile, 'hash'>): string {
  const { format, commit, target, actions, inputs } = plan;
  return hashOf({ format, commit, target: target ?? null, actions, inputs });
}

/** Actions that a tick would begin or ask for, and asks that wait. Messages change nothing, and are not approved. */
function actionsOf(chain: string, seen: Look): PlannedAction[] {
  const fresh = seen.step.entries.flatMap(entry =>
    entry.kind === 'ask' || entry.kind === 'intent' ? [planned(chain, entry)] : [],
  );
  const waiting = seen.step.decisions.flatMap(decision => {
    const episode = seen.row.own.episodes[decision.episode ?? -1];
    const ask = seen.row.own.asks[episode?.sequence.approval ?? ''];
    if (decision.outcome !== 'ask' || !episode || !ask) return [];
    const { cause, plan } = episode;
    if (!plan || fresh.some(one => one.planHash === ask.planHash)) return [];
    return [
      {
        ...plannedAction(chain, cause, ask.action, plan.steps),
        outcome: 'ask' as const,
        approval: ask.approval,
      },
    ];
  });
  return [...fresh, ...waiting].filter(one => one.verb !== 'notify' && one.verb !== 'escalate');
}

function planned(chain: string, entry: Extract<Derived, { kind: 'ask' | 'intent' }>): PlannedAction {
  const found = plannedAction(chain, entry.cause, entry.action, entry.plan.steps);
  // A fresh ask has its name only once it is written.
  const waited = entry.kind === 'intent' ? entry.approval : undefined;
  const approval = waited === undefined ? {} : { approval: waited };
  return { ...found, outcome: entry.kind === 'ask' ? 'ask' : 'act', ...approval };
}

function plannedAction(
  target: string,
  cause: { readonly policy: string; readonly rule: string; readonly group: string },
  action: Action,
  steps: readonly { readonly verb: string }[],
): Omit<PlannedAction, 'outcome' | 'approval'> {
  const { policy, rule, group } = cause;
  const { step, verb, call, planHash, stepIndex } = action;
  const later = steps.slice(stepIndex + 1).map(one => one.verb);
  return { target, policy, rule, group, step, verb, subject: call.subject, args: call.args, later, planHash };
}

/** What a look was made from, so that a later look can be compared with it. */
export function inputsOf(seen: Look): PlanInputs {
  const { snapshot, policies } = seen;
  return {
    takenAt: snapshot.takenAt,
    policies: Object.fromEntries(policies.map(one => [one.policy, one.actingHash])),
    values: valuesOf(snapshot.observations),
    serving: servingText(snapshot.serving),
  };
}

/** The main values of observations, by name and label set. */
export function valuesOf(observations: Look['snapshot']['observations']): Record<string, Scalar> {
  const values: Record<string, Scalar> = {};
  for (const [owner, byName] of Object.entries(observations))
    for (const observation of Object.values(byName)) note(values, owner, observation);
  return values;
}

function note(values: Record<string, Scalar>, owner: string, observation: Observation): void {
  const name = `${owner}/${observation.name}`;
  if (observation.unknown) values[name] = `unknown: ${observation.unknown.reason}`;
  else
    for (const { labels, fields, unknown } of observation.readings) {
      const key = groupKey(labels);
      const at = key === '' ? name : `${name} [${key}]`;
      values[at] = unknown ? `unknown: ${unknown.reason}` : (fields.value ?? 'nothing');
    }
}

function servingText(serving: Look['snapshot']['serving']): string {
  if (serving === undefined) return '';
  return serving.unknown
    ? `unknown: ${serving.unknown.message}`
    : JSON.stringify([serving.champion, serving.weights]);
}

/** How the inputs of a target differ from those that the plan was made from; empty when they are the same. */
export function inputDifferences(chain: string, before: PlanInputs, now: PlanInputs): string[] {
  const found: string[] = [];
  for (const policy of union(before.policies, now.policies))
    if (before.policies[policy] !== now.policies[policy])
      found.push(`${chain}: policy ${policy} ${presence(before.policies[policy], now.policies[policy])}`);
  for (const name of union(before.values, now.values)) {
    const [old, fresh] = [before.values[name], now.values[name]];
    if (old !== fresh) found.push(`${chain}: ${safe(name)} was ${shownValue(old)}, is ${shownValue(fresh)}`);
  }
  if (before.serving !== now.serving)
    found.push(`${chain}: what serves was ${before.serving || 'nothing'}, is ${now.serving || 'nothing'}`);
  return found;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function presence(before: string | undefined, now: string | undefined): string {
  if (before === undefined) return 'is new';
  return now === undefined ? 'is gone' : 'changed';
}

function shownValue(of: Scalar | undefined): string {
  return of === undefined ? 'not there' : value(of);
}

/**
 * How the actions that would follow now differ from the planned ones. An action that was approved meanwhile is the planned
 * one: an approval is bound to the same hash.
 */
export function actionDifferences(plan: PlanFile, chain: string, seen: Look): string[] {
  const now = actionsOf(chain, seen);
  const before = plan.actions.filter(one => one.target === chain);
  const gone = before
    .filter(one => !now.some(other => other.planHash === one.planHash))
    .map(one => `${chain}: ${one.policy} would no longer ${one.verb} ${one.subject}${whyNot(one, seen)}`);
  const fresh = now
    .filter(one => !before.some(other => other.planHash === one.planHash))
    .map(one => `${chain}: ${one.policy} would ${one.verb} ${one.subject}, which the plan does not hold`);
  return [...gone, ...fresh];
}

function whyNot(action: PlannedAction, seen: Look): string {
  const done = Object.values(seen.row.own.actions).find(one => one.action.planHash === action.planHash);
  if (done) return `: it was begun already and is ${done.state}`;
  const decision = seen.step.decisions.find(
    one => one.policy === action.policy && one.rule === action.rule && groupKey(one.labels) === action.group,
  );
  const holds = decision?.holds.map(hold => safe(hold.message)).join('; ') ?? '';
  if (holds !== '') return `: ${holds}`;
  const verdict = seen.step.verdicts.find(one => one.policy === action.policy && one.rule === action.rule);
  return verdict === undefined ? '' : `: its rule is ${verdict.answer} (${verdict.clause})`;
}

/** The chain of every policy in a revision. */
export function chainsOf(policies: Look['policies']): string[] {
  return [...new Set(policies.map(policy => chainOf(policy.target)))];
}
