/** What a backtest found, as figures: fires, holds, would-be actions with their cost, flapping, time in each state. Pure. */
import type { ClosedPolicy, Entry, Interval, JsonObject, LabelSetState, Verdict } from '../model.ts';
import type { Backtested } from './backtest-run.ts';

export interface EpisodeFigures {
  readonly rule: string;
  readonly group: string;
  readonly openedAt: number;
  /** Absent: it was open at the end. */
  readonly endedAt?: number;
  readonly how?: string;
  readonly why: string;
}

export interface WouldBe {
  readonly at: number;
  readonly rule: string;
  readonly group: string;
  readonly verb: string;
  readonly subject: string;
  readonly cost: Readonly<Record<string, number>>;
}

export interface Figures {
  readonly episodes: readonly EpisodeFigures[];
  readonly actions: readonly WouldBe[];
  /** Time held by reason, in milliseconds, and how often it began. */
  readonly holds: readonly { readonly reason: string; readonly times: number; readonly heldMs: number }[];
  /** Of the whole-target groups together, or summed over groups, in milliseconds. */
  readonly states: Readonly<Record<string, number>>;
  readonly cost: Readonly<Record<string, number>>;
  /** Episodes that opened within a day (or three times `every`) of the end of the one before. */
  readonly flaps: number;
  readonly unknownTicks: number;
  readonly ticks: number;
}

/** An episode that opens so soon after the one before it (a day, or three times the policy's `every`) is flapping. */
const FLAP_MS = 86_400_000;

/** The figures of one run, over `within`. */
export function figuresOf(run: Backtested, policy: ClosedPolicy, within: Interval): Figures {
  const episodes = episodesOf(run.entries);
  const actions = actionsOf(run.entries, policy);
  return {
    episodes,
    actions,
    holds: holdsOf(run.entries, within),
    states: statesOf(run.entries, within),
    cost: sumOf(actions.map(action => action.cost)),
    flaps: flapsOf(episodes, Math.max(FLAP_MS, 3 * policy.everyMs)),
    unknownTicks: run.verdicts.filter(one => one.answer === 'unknown').length,
    ticks: run.ticks.length,
  };
}

function episodesOf(entries: readonly Entry[]): EpisodeFigures[] {
  const open = new Map<number, EpisodeFigures>();
  for (const { seq, at, body } of entries) {
    if (body.kind === 'episode-opened') {
      const { rule, group } = body.cause;
      open.set(seq, { rule, group, openedAt: at, why: valuesOf(body.verdict) });
    }
    if (body.kind === 'episode-ended') {
      const episode = open.get(body.episode);
      if (episode) open.set(body.episode, { ...episode, endedAt: at, how: body.how });
    }
  }
  return [...open.values()];
}

function valuesOf({ operands }: Verdict): string {
  return operands.map(one => `${one.name} = ${one.value ?? 'unknown'}`).join(', ');
}

function actionsOf(entries: readonly Entry[], policy: ClosedPolicy): WouldBe[] {
  return entries.flatMap(({ at, body }) => {
    if (body.kind !== 'intent' || body.action.phase > 0) return [];
    const { verb, call } = body.action;
    const { rule, group } = body.cause;
    return [{ at, rule, group, verb, subject: call.subject, cost: costOf(policy, verb, call.subject) }];
  });
}

/** What the Model says that a run of the pipeline costs, by currency or unit. */
export function costOf(
  { documents }: Pick<ClosedPolicy, 'documents'>,
  verb: string,
  subject: string,
): Readonly<Record<string, number>> {
  const pipelines = documents.model?.pipelines ?? {};
  const named = verb === 'retrain' ? 'train' : verb;
  const pipeline = pipelines[named] ?? Object.values(pipelines).find(one => subject.endsWith(`/${one.id}`));
  const declared: JsonObject = pipeline?.cost ?? {};
  return Object.fromEntries(
    Object.entries(declared).flatMap(([unit, amount]) =>
      typeof amount === 'number' ? [[unit, amount] as const] : [],
    ),
  );
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all)
    for (const [unit, amount] of Object.entries(one)) total[unit] = (total[unit] ?? 0) + amount;
  return total;
}

/** A decision stands until the next one of the same group. */
function holdsOf(entries: readonly Entry[], within: Interval): Figures['holds'] {
  const standing = new Map<string, { readonly reasons: readonly string[]; readonly since: number }>();
  const found = new Map<string, { times: number; heldMs: number }>();
  const close = (key: string, at: number) => {
    const { reasons = [], since = at } = standing.get(key) ?? {};
    for (const reason of reasons) {
      const there = found.get(reason) ?? { times: 0, heldMs: 0 };
      found.set(reason, { ...there, heldMs: there.heldMs + at - since });
    }
    standing.delete(key);
  };
  for (const { at, body } of entries) {
    if (body.kind !== 'decision') continue;
    const key = `${body.cause.rule}/${body.cause.group}`;
    const before = standing.get(key)?.reasons ?? [];
    close(key, at);
    const reasons = [...new Set(body.decision.holds.map(hold => hold.reason))];
    for (const reason of reasons.filter(one => !before.includes(one))) {
      const there = found.get(reason) ?? { times: 0, heldMs: 0 };
      found.set(reason, { ...there, times: there.times + 1 });
    }
    standing.set(key, { reasons, since: at });
  }
  for (const key of [...standing.keys()]) close(key, within.to);
  return [...found].map(([reason, figures]) => ({ reason, ...figures })).sort((a, b) => b.heldMs - a.heldMs);
}

function statesOf(entries: readonly Entry[], within: Interval): Record<string, number> {
  const now = new Map<string, { readonly state: LabelSetState; readonly since: number }>();
  const total: Record<string, number> = {};
  const add = (state: string, ms: number) => {
    if (ms > 0) total[state] = (total[state] ?? 0) + ms;
  };
  for (const { at, body } of entries) {
    if (body.kind !== 'transition') continue;
    const key = `${body.cause.rule}/${body.cause.group}`;
    const before = now.get(key) ?? { state: body.from, since: within.from };
    add(before.state, at - before.since);
    now.set(key, { state: body.to, since: at });
  }
  for (const { state, since } of now.values()) add(state, within.to - since);
  if (now.size === 0) add('ok', within.to - within.from);
  return total;
}

function flapsOf(episodes: readonly EpisodeFigures[], withinMs: number): number {
  const last = new Map<string, number>();
  let flaps = 0;
  for (const { rule, group, openedAt, endedAt } of episodes) {
    const before = last.get(`${rule}/${group}`);
    if (before !== undefined && openedAt - before < withinMs) flaps++;
    if (endedAt !== undefined) last.set(`${rule}/${group}`, endedAt);
  }
  return flaps;
}
