/**
 * People are told of what cannot be seen when that lasts, once per cause: a connection that does not answer is one cause,
 * whatever hangs on it; else a rule whose observations say `onMissing`. Pure but for the draft.
 */
import type { ClosedPolicy, Episode, Rule, StepSpec, Verdict } from '../model.ts';
import { causeOf, type Draft, note } from './draft.ts';
import { moment, objectOf } from './fact-values.ts';
import { NO_EPISODE, onceStep, toldKey } from './fold-standing.ts';
import { form, planOf } from './form.ts';
import { ruleName } from './groups.ts';
import { intend, NEVER } from './moves.ts';
import { namesOfRule } from './names.ts';
import { connectionKey, connectionOf, connectionsOf, unreachableCause } from './reachability.ts';
import { isExcluded, tickedRules } from './schedule.ts';

/** How long a connection may be silent before people are told, unless an observation through it says `onMissing`. */
const CONNECTION_ALERT_MS = 15 * 60_000;

type Verdicts = ReadonlyMap<string, ReadonlyMap<string, Verdict>>;

/** Tells what has lasted long enough. Gives the next time at which something will have. */
export function tellBlind(draft: Draft, policies: readonly ClosedPolicy[], verdicts: Verdicts): number {
  const times = policies
    .filter(policy => !isExcluded(policy, draft.at))
    .flatMap(policy => [
      ...connectionsOf(policy).map(name => tellConnection(draft, policy, name)),
      ...tickedRules(policy).map(rule => tellRule(draft, policy, rule, verdicts)),
    ]);
  return Math.min(NEVER, ...times);
}

function tellConnection(draft: Draft, policy: ClosedPolicy, name: string): number {
  const said = objectOf(draft.facts, connectionKey(name));
  const cause = unreachableCause(draft.facts, name);
  if (said === undefined || cause === undefined || said.told === true || typeof said.since !== 'number')
    return NEVER;
  const asked = Object.values(policy.observe).flatMap(spec =>
    spec.onMissing && connectionOf(policy, spec.name) === name ? [spec.onMissing.alertAfterMs] : [],
  );
  const due = said.since + (asked.length === 0 ? CONNECTION_ALERT_MS : Math.min(...asked));
  if (draft.at < due) return due;
  const [rule] = tickedRules(policy);
  if (rule === undefined) return NEVER;
  const text = `blind: ${cause} (${String(said.message)}). What hangs on it is unknown, and nothing disruptive begins; flyball status counts the targets.`;
  if (send(draft, policy, rule, onceStep(`connection/${name}`, said.since), text))
    note(draft, connectionKey(name), { ...said, told: true });
  return NEVER;
}

function tellRule(draft: Draft, policy: ClosedPolicy, rule: Rule, verdicts: Verdicts): number {
  const names = namesOfRule(rule);
  const asked = names.flatMap(name => policy.observe[name]?.onMissing?.alertAfterMs ?? []);
  if (asked.length === 0 || draft.own.told[toldKey('blind', policy.policy, rule.name)] !== undefined)
    return NEVER;
  // A connection that is gone is said once for all that hang on it.
  const gone = names.some(
    name => unreachableCause(draft.facts, connectionOf(policy, name) ?? '') !== undefined,
  );
  const states = Object.values(draft.own.rules[policy.policy]?.[rule.name] ?? {});
  const since = Math.min(
    ...states.flatMap(({ state, unknownSince }) => (state === 'unknown' ? (unknownSince ?? draft.at) : [])),
  );
  if (gone || !Number.isFinite(since)) return NEVER;
  const due = since + Math.min(...asked);
  if (draft.at < due) return due;
  const seen = [...(verdicts.get(`${policy.policy}/${rule.name}`)?.values() ?? [])];
  const why = seen.flatMap(({ operands }) => operands.flatMap(one => one.unknown?.message ?? []))[0];
  const text = `blind: ${ruleName(policy, rule.name)} on ${policy.target.name} is unknown since ${moment(since)}${why === undefined ? '' : `: ${why}`}`;
  send(draft, policy, rule, onceStep('blind', since), text);
  return NEVER;
}

/** A message that belongs to no episode. False when it could not be formed. */
function send(draft: Draft, policy: ClosedPolicy, rule: Rule, id: string, text: string): boolean {
  const step: StepSpec = { id, verb: 'notify', args: { text }, onNotMet: 'stop', position: policy.position };
  const episode: Episode = {
    id: NO_EPISODE,
    cause: causeOf(policy, rule.name, ''),
    labels: {},
    openedAt: draft.at,
    mode: policy.mode,
    actingHash: policy.actingHash,
    adopted: false,
    before: {},
    references: {},
    members: {},
    sequence: { round: 0, stepIndex: 0, phase: 0, status: 'done', outputs: {}, acted: false },
  };
  const p = { draft, policy, episode, verdict: undefined };
  const plan = planOf(p);
  const formed = form(p, plan, step);
  if (!('action' in formed)) return false;
  intend(p, plan, formed.action, undefined);
  return true;
}
