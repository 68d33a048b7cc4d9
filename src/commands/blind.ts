/** Which rules of a target are blind, and why: by the fold, whenever they were last looked at. */
import { chainOf, groupKey } from '../engine/ids.ts';
import { CONNECTION_PREFIX, unreachableCause } from '../engine/reachability.ts';
import type { Facts, RuleState, TargetRow, Verdict } from '../model.ts';
import type { Ports } from './ports.ts';
import { groupText, ruleText } from './rule-text.ts';
import { safe } from './time.ts';

export interface Blind {
  readonly target: string;
  readonly policy: string;
  readonly rule?: string | undefined;
  readonly group: string;
  readonly text: string;
  /** The connection that does not answer, with since when: one cause for all that hang on it. */
  readonly cause?: string;
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
  const facts = await ports.world.store.factsWithPrefix(CONNECTION_PREFIX);
  return found.map(({ policy, rule, key, labels }) => ({
    target,
    policy,
    ...(ruleText({ policy, rule }) === policy ? {} : { rule }),
    group: groupText(labels),
    ...why(reasons.get(`${policy}/${rule}/${key}`), facts),
  }));
}

function why(reason: Reason | undefined, facts: Facts): Pick<Blind, 'text' | 'cause'> {
  const { text = 'unknown', connection } = reason ?? {};
  const cause = connection === undefined ? undefined : unreachableCause(facts, connection);
  return { text, ...(cause === undefined ? {} : { cause }) };
}

/** One line for each cause, with the number of targets that are blind for it; what has a reason of its own stays as it is. */
export function byCause(blind: readonly Blind[]): Omit<Blind, 'cause'>[] {
  const targets = new Map<string, Set<string>>();
  for (const { cause, target } of blind) {
    if (cause !== undefined) targets.set(cause, (targets.get(cause) ?? new Set()).add(target));
  }
  const causes = [...targets].map(([cause, all]) => {
    const [first = ''] = all;
    const target = all.size === 1 ? first : `${all.size} targets`;
    return { target, policy: '', group: '', text: `one cause: ${cause}` };
  });
  return [...causes, ...blind.flatMap(({ cause, ...one }) => (cause === undefined ? [one] : []))];
}

interface Reason {
  readonly text: string;
  readonly connection?: string;
}

function unknownSets(states: Readonly<Record<string, RuleState>>): readonly (readonly [string, RuleState])[] {
  const unknown = Object.entries(states).filter(([, { state }]) => state === 'unknown');
  const whole = unknown.filter(([key]) => key === '');
  return whole.length > 0 ? whole : unknown;
}

/** The newest reason of every label set: as the last tick saw it, else as the ledger has it. */
async function reasonsOf(ports: Ports, chain: string): Promise<ReadonlyMap<string, Reason>> {
  const { store } = ports.world;
  const reasons = new Map<string, Reason>();
  const entries = await store.entries({
    chain,
    kinds: ['transition'],
    newestFirst: true,
    limit: MOST_ENTRIES,
  });
  for (const { body } of entries.toReversed()) {
    if (body.kind !== 'transition' || body.to !== 'unknown') continue;
    const why = body.verdict ? reasonOf(body.verdict) : { text: safe(body.reason ?? 'unknown') };
    reasons.set(`${body.cause.policy}/${body.cause.rule}/${body.cause.group}`, why);
  }
  for (const verdict of (await store.last(chain))?.verdicts ?? []) {
    if (verdict.answer === 'unknown')
      reasons.set(`${verdict.policy}/${verdict.rule}/${groupKey(verdict.labels)}`, reasonOf(verdict));
  }
  return reasons;
}

function reasonOf(verdict: Verdict): Reason {
  const found = verdict.operands.find(one => one.unknown)?.unknown;
  if (found === undefined) return { text: verdict.clause };
  const { reason, message, connection } = found;
  return { text: `${reason}: ${safe(message)}`, ...(connection === undefined ? {} : { connection }) };
}
