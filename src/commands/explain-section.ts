/** The sections of an explanation: one for each rule of a policy and label set that has something to say. */
import type { z } from 'zod';
import { ruleName } from '../engine/groups.ts';
import { chainOf, groupKey } from '../engine/ids.ts';
import { isExcluded, nextSlot } from '../engine/schedule.ts';
import type { ClosedPolicy, Decision, Episode, Operand, Rule, TargetRow, Verdict } from '../model.ts';
import type { Explanation, operand } from './explanation.ts';
import type { Ports } from './ports.ts';
import { checksText, rolloutLine } from './rollout-line.ts';
import { gateText, ruleText, sequenceText } from './rule-text.ts';
import { safe, span, value, when } from './time.ts';

type Section = Explanation['sections'][number];

/** Every rule of a policy (or the one that is named), by label set as the last tick saw it. */
export async function sectionsOf(
  ports: Ports,
  row: TargetRow,
  policy: ClosedPolicy,
  named?: string,
): Promise<readonly Section[]> {
  const last = await ports.world.store.last(chainOf(row.target));
  const sections: Section[] = [];
  for (const rule of policy.rules.filter(one => named === undefined || one.name === named)) {
    const verdicts = (last?.verdicts ?? []).filter(
      one => one.policy === policy.policy && one.rule === rule.name,
    );
    const shown = verdicts.length > 0 ? verdicts : [await lastWritten(ports, row, policy, rule)];
    sections.push(...shown.map(verdict => sectionOf(ports, row, policy, rule, verdict)));
  }
  return sections;
}

/** Between two slots of the rule, its last verdict stands in the ledger or nowhere: then it was plainly ok. */
async function lastWritten(
  ports: Ports,
  row: TargetRow,
  { policy }: ClosedPolicy,
  { name: rule, gate }: Rule,
): Promise<Verdict> {
  const entries = await ports.world.store.entries({
    chain: chainOf(row.target),
    kinds: ['transition'],
    newestFirst: true,
    limit: 500,
  });
  for (const { body } of entries) {
    if (body.kind !== 'transition' || body.cause.policy !== policy || body.cause.rule !== rule) continue;
    if (body.verdict) return body.verdict;
  }
  const plain = { policy, rule, labels: {}, operands: [], members: {} };
  return gate?.on === 'rollout'
    ? { ...plain, answer: 'unknown', clause: 'it is asked in the holds of rollouts only' }
    : { ...plain, answer: 'ok', clause: 'no change was ever recorded' };
}

function sectionOf(
  ports: Ports,
  row: TargetRow,
  policy: ClosedPolicy,
  rule: Rule,
  verdict: Verdict,
): Section {
  const group = groupKey(verdict.labels);
  const state = row.own.rules[policy.policy]?.[verdict.rule]?.[group];
  const decision = row.own.decisions[`${policy.policy}/${verdict.rule}/${group}`];
  const now = ports.world.clock();
  const where = rule.when.position;
  const episode = row.own.episodes[state?.episode ?? -1];
  const gate = gateText(policy, rule, row.own.gates[ruleName(policy, rule.name)]);
  const sequence = episode && sequenceText(episode, rule);
  const timer =
    state?.phase === 'pending'
      ? `, for ${span(now - state.since - state.frozenMs)} of ${span(rule.forMs)}`
      : '';
  const since = state ? ` since ${when(state.since)}` : '';
  return {
    target: chainOf(row.target),
    policy: policy.policy,
    rule: verdict.rule,
    name: ruleText(verdict),
    group: safe(group, 200),
    verdict: verdict.answer,
    clause: verdict.clause,
    operands: verdict.operands.map(operandOf),
    state: `${state?.state ?? 'ok'}${since}${timer}${rolloutText(episode, now)}`,
    ...(sequence ? { sequence } : {}),
    ...(gate ? { gate } : {}),
    decision: decisionText(decision),
    holds: (decision?.holds ?? []).map(
      hold =>
        `${hold.reason}: ${safe(hold.message)}${hold.until === undefined ? '' : ` (until ${when(hold.until)})`}`,
    ),
    members: Object.entries(verdict.members).map(
      ([name, sets]) =>
        `${name}: ${sets
          .slice(0, 20)
          .map(set => safe(Object.values(set).join('/'), 60))
          .join(', ')}${sets.length > 20 ? ' …' : ''}`,
    ),
    nextCheck: nextCheck(policy, row.lastTakenAt ?? now),
    where: `${where.file}:${where.line}:${where.column}`,
    commit: policy.commit.sha,
    author: safe(policy.commit.author.name),
    mode: `${policy.mode} (${policy.modeFrom})`,
  };
}

function nextCheck(policy: ClosedPolicy, at: number): string {
  const next = nextSlot(policy, at);
  const excluded = isExcluded(policy, at) ? `, excluded: ${safe(policy.excluded?.reason ?? '')}` : '';
  return `${next === Number.MAX_SAFE_INTEGER ? 'never' : when(next)}${excluded}`;
}

/** Where its rollout stands, and what its gate said. */
function rolloutText(episode: Episode | undefined, now: number): string {
  const line = episode && rolloutLine(episode, now)?.text;
  const checks = episode && checksText(episode);
  return `${line ? `; ${line}` : ''}${checks ? `; checks: ${checks}` : ''}`;
}

/** A decision in a few words. */
export function decisionText(decision: Decision | undefined): string {
  if (!decision) return 'none';
  return `${decision.outcome}${decision.verb ? ` ${decision.verb}` : ''}${decision.episode === undefined ? '' : `, episode ${decision.episode}`}`;
}

/** An operand as it is shown: its value or why it is unknown, its interval, what it was compared with. */
export function operandOf(one: Operand): z.input<typeof operand> {
  const bounds =
    one.lower === undefined && one.upper === undefined
      ? undefined
      : `${value(one.lower ?? '−∞')} … ${value(one.upper ?? '∞')}`;
  return {
    name: one.name,
    value: one.unknown ? `unknown (${one.unknown.reason}: ${safe(one.unknown.message)})` : value(one.value),
    ...(bounds === undefined ? {} : { interval: bounds }),
    ...(one.rows === undefined ? {} : { rows: one.rows }),
    ...(one.comparison === undefined ? {} : { comparison: one.comparison }),
    ...(one.truth === undefined ? {} : { truth: one.truth }),
  };
}
