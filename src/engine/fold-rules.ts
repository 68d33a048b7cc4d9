/** How transitions and opened episodes change a history. Pure. */
import type { Derived, Episode, Fresh, Own, RuleState } from '../model.ts';
import { never } from '../model.ts';
import { groupKey } from './ids.ts';

export function foldTransition(own: Own, body: Extract<Derived, { kind: 'transition' }>, at: number): Own {
  const { policy, rule } = body.cause;
  const group = groupKey(body.labels);
  const before = own.rules[policy]?.[rule]?.[group];
  const states = { ...own.rules[policy]?.[rule] };
  if (body.to === 'ok') delete states[group];
  else states[group] = ruleState(before, body, at);
  return { ...own, rules: { ...own.rules, [policy]: { ...own.rules[policy], [rule]: states } } };
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

export function foldOpened(own: Own, body: Extract<Derived, { kind: 'episode-opened' }>, entry: Fresh): Own {
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
  };
  const { policy, rule, group } = body.cause;
  const state = own.rules[policy]?.[rule]?.[group];
  const rules = state
    ? {
        ...own.rules,
        [policy]: {
          ...own.rules[policy],
          [rule]: { ...own.rules[policy]?.[rule], [group]: { ...state, episode: entry.seq } },
        },
      }
    : own.rules;
  return { ...own, rules, episodes: { ...own.episodes, [entry.seq]: episode } };
}
