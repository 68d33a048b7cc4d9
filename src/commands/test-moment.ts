/** How a rule of a PolicyTest stands at a moment of its run: what is compared, and what is shown. Pure. */
import type { Expectation } from '../dsl/index.ts';
import { shown } from '../engine/explain.ts';
import { groupKey } from '../engine/ids.ts';
import type { SeenTick } from '../engine/simulate.ts';
import type { ActionState, Cause, Decision, Derived, Entry, JsonObject, Labels, Verdict } from '../model.ts';

/** What a test's run left behind: ticks of its chain with the last of each instant, and the entries. */
export interface Ran {
  readonly from: number;
  readonly ticks: readonly SeenTick[];
  readonly entries: readonly Entry[];
}

/** Which rule, and which label set or group of it. */
export interface Subject {
  readonly policy: string;
  readonly rule: string;
  readonly labels: Labels;
}

export interface SeenAction {
  readonly verb: string;
  readonly state: ActionState;
  readonly labels: Labels;
  /** Arguments of all its calls. */
  readonly args: JsonObject;
}

export interface Moment {
  readonly at: number;
  readonly state: string;
  readonly decision: Decision | undefined;
  readonly verdict: Verdict | undefined;
  readonly episode: NonNullable<Expectation['episode']>;
  readonly gate: string | undefined;
  readonly actions: readonly SeenAction[];
  /** Clause, operands and reasons, in words. */
  readonly explanation: string;
}

/** How it stood when it was looked at. */
export function momentOf(ran: Ran, { at, own, last }: SeenTick, subject: Subject): Moment {
  const { policy, rule, labels } = subject;
  const key = groupKey(labels);
  const state = own.rules[policy]?.[rule]?.[key]?.state ?? 'ok';
  const decision = own.decisions[`${policy}/${rule}/${key}`];
  const verdict = last.verdicts.find(
    one => one.policy === policy && one.rule === rule && groupKey(one.labels) === key,
  );
  const past = ran.entries.filter(entry => entry.at <= at).map(({ seq, body }) => ({ seq, body }));
  const stalled = Object.values(own.episodes).find(
    one => !one.ended && isOf(one.cause, subject) && one.sequence.status === 'stalled',
  );
  return {
    at,
    state,
    decision,
    verdict,
    episode: stalled ? 'stalled' : episodeOf(past, subject),
    gate: gateOf(past, subject),
    actions: actionsOf(past, subject),
    explanation: explanationOf(verdict, decision),
  };
}

type Past = readonly Pick<Entry, 'seq' | 'body'>[];

function isOf(cause: Cause, { policy, rule, labels }: Subject): boolean {
  return cause.policy === policy && cause.rule === rule && cause.group === groupKey(labels);
}

function episodeOf(past: Past, subject: Subject): Moment['episode'] {
  const found = past.findLast(
    ({ body }) =>
      (body.kind === 'episode-opened' || body.kind === 'episode-ended') && isOf(body.cause, subject),
  )?.body;
  if (found?.kind === 'episode-ended') return endOf(found.how);
  return found ? 'open' : 'none';
}

function endOf(how: Extract<Derived, { kind: 'episode-ended' }>['how']): Moment['episode'] {
  switch (how) {
    case 'verified':
    case 'cleared':
    case 'self-cleared':
    case 'vanished':
      return how;
    // A requested action's are of no rule.
    default:
      return 'resolved';
  }
}

function gateOf(past: Past, { policy, rule }: Subject): string | undefined {
  const found = past.findLast(
    ({ body }) => body.kind === 'gate' && body.cause.policy === policy && body.cause.rule === rule,
  )?.body;
  return found?.kind === 'gate' ? found.state : undefined;
}

type Intent = Extract<Derived, { kind: 'intent' }>;

/** All actions so far in the order of their intents; the phases of one step are one. Without labels: of every group. */
function actionsOf(past: Past, subject: Subject): readonly SeenAction[] {
  const runs = new Map<string, Intent[]>();
  const states = new Map<string, ActionState>();
  const ended = new Map<number, ActionState>();
  for (const { body } of past) {
    if (body.kind === 'intent') {
      const { policy, rule, group } = body.cause;
      const whole = Object.keys(subject.labels).length === 0;
      if (policy !== subject.policy || rule !== subject.rule) continue;
      if (!whole && group !== groupKey(subject.labels)) continue;
      const { step, round, attempt, id } = body.action;
      const run = `${group}/${body.episode}/${step}/${round}/${attempt}`;
      runs.set(run, [...(runs.get(run) ?? []), body]);
      states.set(`${id}/${attempt}`, 'intended');
      continue;
    }
    // A step of several phases is over when its sequence is, though the phase that it was in had succeeded.
    if (body.kind === 'stalled' || body.kind === 'episode-ended')
      ended.set(body.episode, body.kind === 'stalled' ? 'failed' : 'cancelled');
    const next = stateAfter(body);
    if (next) states.set(next.key, next.state);
  }
  return [...runs.values()].map(intents => {
    const last = intents.at(-1)?.action;
    const state = states.get(`${last?.id}/${last?.attempt}`) ?? 'intended';
    const more = last !== undefined && state === 'succeeded' && last.phase + 1 < last.phases;
    const args = intents.map(({ action }) => ({
      ...(action.call.args.params as JsonObject | undefined),
      ...action.call.args,
    }));
    return {
      verb: last?.verb ?? '',
      state: more ? (ended.get(intents[0]?.episode ?? -1) ?? 'started') : state,
      labels: labelsOf(intents[0]?.cause.group ?? ''),
      args: Object.assign({}, ...args) as JsonObject,
    };
  });
}

function stateAfter(body: Entry['body']): { readonly key: string; readonly state: ActionState } | undefined {
  switch (body.kind) {
    case 'started':
    case 'unresolved':
      return { key: `${body.action}/${body.attempt}`, state: body.kind };
    case 'outcome':
      if (body.outcome === 'lost') return undefined;
      return { key: `${body.action}/${body.attempt}`, state: body.outcome };
    case 'withdrawn':
      return body.action === undefined
        ? undefined
        : { key: `${body.action}/${body.attempt ?? 1}`, state: 'withdrawn' };
    default:
      return undefined;
  }
}

/** `origin=ORD,node=a` as labels. */
function labelsOf(group: string): Labels {
  const parts = group === '' ? [] : group.split(',').map(part => part.split('='));
  return Object.fromEntries(parts.map(([name = '', ...value]) => [name, value.join('=')]));
}

function explanationOf(verdict: Verdict | undefined, decision: Decision | undefined): string {
  const operands = verdict?.operands ?? [];
  return [
    ...(verdict ? [verdict.clause] : []),
    ...operands.map(one => `${one.name} ${shown(one)}`),
    ...(decision?.holds.map(hold => `${hold.reason}: ${hold.message}`) ?? []),
  ].join('\n');
}

/** The values that the condition saw, on one line. */
export function valuesOf({ verdict }: Moment): string {
  return (verdict?.operands ?? []).map(one => `${one.name} ${shown(one)}`).join(', ');
}

/** `hold retrain: cooldown, window`, or a dash. */
export function decisionText({ decision }: Moment): string {
  if (!decision || decision.outcome === 'none') return '-';
  const verb = decision.verb === undefined ? '' : ` ${decision.verb}`;
  const reasons = [...new Set(decision.holds.map(hold => hold.reason))].join(', ');
  return `${decision.outcome}${verb}${reasons === '' ? '' : `: ${reasons}`}`;
}
