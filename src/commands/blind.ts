/** Which rules of a target are blind, and why: by the fold, whenever they were last looked at. */
import { chainOf, groupKey } from '../engine/ids.ts';
import type { RuleState, TargetRow, Verdict } from '../model.ts';
import type { Ports } from './ports.ts';
import { safe } from './time.ts';

export interface Blind {
  readonly target: string;
  readonly policy: string;
  readonly group: string;
  readonly text: string;
}

/** How many entries are read back for a reason. */
const MOST_ENTRIES = 500;

/**
 * One line for each rule and label set that is unknown now, with the reason of the last look at it. Where a vector as a
 * whole cannot be had, that one line stands for all of its label sets.
 */
export async function blindRules(ports: Ports, row: TargetRow): Promise<readonly Blind[]> {
  const target = chainOf(row.target);
  const found = Object.entries(row.own.rules).flatMap(([policy, rules]) =>
    Object.entries(rules).flatMap(([rule, states]) =>
      unknownSets(states).map(([key, { labels }]) => ({ policy, rule, key, labels })),
    ),
  );
  if (found.length === 0) return [];
  const reasons = await reasonsOf(ports, target);
  return found.map(({ policy, rule, key, labels }) => ({
    target,
    policy,
    group: Object.values(labels).join('/'),
    text: reasons.get(`${policy}/${rule}/${key}`) ?? 'unknown',
  }));
}

function unknownSets(states: Readonly<Record<string, RuleState>>): readonly (readonly [string, RuleState])[] {
  const unknown = Object.entries(states).filter(([, { state }]) => state === 'unknown');
  const whole = unknown.filter(([key]) => key === '');
  return whole.length > 0 ? whole : unknown;
}

/** The newest reason of every label set: as the last tick saw it, else as the ledger has it. */
async function reasonsOf(ports: Ports, chain: string): Promise<ReadonlyMap<string, string>> {
  const { store } = ports.world;
  const reasons = new Map<string, string>();
  const entries = await store.entries({
    chain,
    kinds: ['transition'],
    newestFirst: true,
    limit: MOST_ENTRIES,
  });
  for (const { body } of entries.toReversed()) {
    if (body.kind !== 'transition' || body.to !== 'unknown' || !body.verdict) continue;
    reasons.set(`${body.cause.policy}/${body.cause.rule}/${body.cause.group}`, reasonOf(body.verdict));
  }
  for (const verdict of (await store.last(chain))?.verdicts ?? []) {
    if (verdict.answer === 'unknown')
      reasons.set(`${verdict.policy}/${verdict.rule}/${groupKey(verdict.labels)}`, reasonOf(verdict));
  }
  return reasons;
}

function reasonOf(verdict: Verdict): string {
  const why = verdict.operands.find(one => one.unknown)?.unknown;
  return why ? `${why.reason}: ${safe(why.message)}` : verdict.clause;
}
