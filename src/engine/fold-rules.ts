/** How transitions and opened episodes change a history. Pure. */
import type { Derived, Episode, Fresh, Own, RuleState } from '../model.ts';
import { never } from '../model.ts';
import { groupKey } from './ids.ts';
import { drop, type Owned, put } from './records.ts';

type Body<Kind extends Derived['kind']> = Extract<Derived, { kind: Kind }>;

const NO_STATES: Readonly<Record<string, RuleState>> = {};

export function foldTransition(own: Own, body: Body<'transition'>, at: number, owned?: Owned): Own {
  const { policy, rule } = body.cause;
  const group = groupKey(body.labels);
  const states = own.rules[policy]?.[rule] ?? NO_STATES;
  const next =
    body.to === 'ok'
      ? drop(states, group, owned)
      : put(states, group, ruleState(states[group], body, at), owned);
  return { ...own, rules: { ...own.rules, [policy]: { ...own.rules[policy], [rule]: next } } };
}

export function ruleState(
  before: RuleState | undefined,
  body: Extract<Derived, { kind: 'transition' }>,
  at: number,
): RuleState {
  const base = {
    labels: body.labels,
    state: body.to,
    phase: before?.phase ?? ('inactive' as const),
    since: before?.since ?? at,
    frozenMs: body.frozenMs,
    ...(before?.episode === undefined ? {} : { episode: before.episode }),
  };
  switch (body.to) {
    case 'pending':
      return { ...base, phase: 'pending', since: body.since };
    case 'firing':
      return { ...base, phase: 'firing', since: before?.phase === 'firing' ? before.since : body.since };
    case 'clearing':
      return { ...base, clearingSince: body.since };
    case 'unknown':
      return { ...base, unknownSince: body.since };
    case 'vanished':
      return { ...base, vanishedSince: body.since };
    case 'ok':
      return base;
    default:
      return never(body.to);
  }
}

export function foldOpened(own: Own, body: Body<'episode-opened'>, entry: Fresh, owned?: Owned): Own {
  const episode: Episode = {
    id: entry.seq,
    cause: body.cause,
    labels: body.labels,
    openedAt: entry.at,
    mode: body.mode,
    actingHash: body.actingHash,
    adopted: false,
    before: body.before,
    references: body.references,
    members: body.members,
    sequence: { round: 0, stepIndex: 0, phase: 0, status: 'ready', outputs: {}, acted: false },
    ...(body.request === undefined ? {} : { request: body.request }),
  };
  // No rule stands behind a requested action.
  if (body.request !== undefined) return { ...own, episodes: put(own.episodes, entry.seq, episode, owned) };
  const { policy, rule, group } = body.cause;
  const states = own.rules[policy]?.[rule] ?? NO_STATES;
  const state = states[group];
  const opened = state ? put(states, group, { ...state, episode: entry.seq }, owned) : states;
  return {
    ...own,
    rules: { ...own.rules, [policy]: { ...own.rules[policy], [rule]: opened } },
    episodes: put(own.episodes, entry.seq, episode, owned),
  };
}
