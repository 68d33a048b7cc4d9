/** How gates, adopted actions, requests to end and told causes change a history. Pure. */
import type { ActionHistory, Derived, GateHistory, Input, Own } from '../model.ts';
import { askedToEnd, isLive, updateAction, updateEpisode, updateSequence, without } from './records.ts';

type Body<Kind extends Derived['kind']> = Extract<Derived, { kind: Kind }>;

/** More label sets of a rule than this hold its actions. */
export const MAX_SERIES = 500;
/** Closed times that are kept of a gate. */
const MOST_TAINTED = 200;

/** What the chain remembers of its gate. Only a known breach taints; unknown in between does not end it. */
export function foldGate(own: Own, body: Body<'gate'>): Own {
  const before = own.gates[body.gate];
  const tainted = [...(before?.tainted ?? []), ...(body.tainted ? [body.tainted] : [])].slice(-MOST_TAINTED);
  const taintedSince = body.state === 'open' ? undefined : (before?.taintedSince ?? body.dataSince);
  const gate: GateHistory = {
    state: body.state,
    since: body.since,
    message: body.message,
    timing: body.timing,
    blocks: body.blocks,
    reaches: body.reaches,
    tainted,
    ...(taintedSince === undefined ? {} : { taintedSince }),
  };
  return { ...own, gates: { ...own.gates, [body.gate]: gate } };
}

/** A closed gate asks one of our own actions to end; it is tried again when the gate lets it. */
export function foldCancelling(
  own: Own,
  { action, episode, ordered, overdue }: Body<'cancelling'>,
  at: number,
): Own {
  if (overdue) return updateAction(own, action, { overdueSince: at });
  if (ordered === undefined) return askedToEnd(updateAction(own, action, { gated: true }), action, at);
  const done = updateSequence(own, episode, ({ ordered: _, ...sequence }) => sequence);
  return askedToEnd(done, action, at);
}

/** A safe verb waits for what it asked to end; where that is our own, its sequence goes no further. */
export function foldPreempted(own: Own, body: Body<'preempted'>, at: number): Own {
  const { running, until, message } = body;
  const waiting = updateSequence(own, body.episode, sequence => ({
    ...sequence,
    preempting: { running, until },
  }));
  const record = waiting.actions[running];
  if (!record || !isLive(record)) return waiting;
  const asked = askedToEnd(waiting, running, at);
  return updateSequence(asked, record.episode, sequence => ({ ...sequence, preempted: message }));
}

/** The sequence waits for an action of another cause, then goes on as if that had been its own. */
export function foldAdopted(
  own: Own,
  body: Body<'adopted'>,
  at: number,
  ended: (own: Own, record: ActionHistory) => Own,
): Own {
  const { episode, action, running, outcome } = body;
  if (outcome === undefined) {
    const waiting = updateSequence(own, episode, sequence => ({
      ...sequence,
      status: 'acting',
      action: action.id,
      acted: true,
      adopts: { running, action },
    }));
    return updateEpisode(waiting, episode, { plan: body.plan });
  }
  const alone = updateSequence(own, episode, ({ adopts: _, ...sequence }) => sequence);
  if (outcome === 'withdrawn') {
    return updateSequence(alone, episode, ({ action: _, ...sequence }) => ({ ...sequence, status: 'ready' }));
  }
  const record: ActionHistory = {
    action,
    episode,
    state: outcome,
    at,
    startDue: false,
    cancelRequested: false,
    ...(body.outputs === undefined ? {} : { outputs: body.outputs }),
    ...(body.message === undefined ? {} : { message: body.message }),
  };
  return ended({ ...alone, actions: { ...alone.actions, [action.id]: record } }, record);
}

/** Asides that are said once a cause have such a step: `!once:blind:…`. */
const ONCE = '!once:';

/** The step of a message that is sent once while a cause lasts. `what` names the cause, `since` this time of it. */
export function onceStep(what: string, since: number): string {
  return `${ONCE}${what}:${since}`;
}

/** Under which key it is remembered that people know. */
export function toldKey(what: string, policy: string, rule: string): string {
  return `${what}:${policy}/${rule}`;
}

/** People know from here on. */
export function foldTold(own: Own, { action, cause }: Body<'intent'>, at: number): Own {
  if (!action.step.startsWith(ONCE)) return own;
  const [, what = ''] = action.step.split(':');
  // Of a connection the fact about it remembers.
  if (what !== 'blind' && what !== 'max-series') return own;
  return { ...own, told: { ...own.told, [toldKey(what, cause.policy, cause.rule)]: at } };
}

/** What people were told of is over when nothing of the rule is as it was: the next time is told again. */
export function foldUntold(own: Own, { cause: { policy, rule } }: Body<'transition'>): Own {
  const blind = toldKey('blind', policy, rule);
  const many = toldKey('max-series', policy, rule);
  let { told } = own;
  if (told[blind] === undefined && told[many] === undefined) return own;
  const states = Object.values(own.rules[policy]?.[rule] ?? {});
  if (told[blind] !== undefined && !states.some(({ state }) => state === 'unknown'))
    told = without(told, blind);
  // A policy may say fewer than the most that there are: it is over when none is left.
  if (told[many] !== undefined && states.length === 0) told = without(told, many);
  return told === own.told ? own : { ...own, told };
}

/** A message about a target that has no episode to belong to is forgotten when it is over. */
export function foldDelivered(own: Own, { action }: Extract<Input, { kind: 'outcome' }>): Own {
  const record = own.actions[action];
  if (record === undefined || record.episode !== NO_EPISODE || isLive(record)) return own;
  return { ...own, actions: without(own.actions, action) };
}

/** Entries are counted from 1: no episode has this number. */
export const NO_EPISODE = 0;
