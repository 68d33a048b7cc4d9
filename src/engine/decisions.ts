/** Decisions as entries: written when they change, and once more when there is nothing left to decide. Pure. */
import type { Cause, ClosedPolicy, Decision, Hold } from '../model.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { byValue } from './fact-values.ts';
import { decisionKey } from './fold.ts';
import { groupKey } from './ids.ts';
import { inOrder } from './records.ts';

/** Writes a decision that says something new, with the facts that admission read for it. */
export function writeDecision(
  draft: Draft,
  policy: ClosedPolicy,
  decision: Decision,
  read: readonly string[],
): void {
  const group = groupKey(decision.labels);
  const before = draft.own.decisions[decisionKey(decision.policy, decision.rule, group)];
  if (before === undefined && decision.outcome === 'none') return;
  if (before !== undefined && saysTheSame(before, decision)) return;
  emit(draft, {
    kind: 'decision',
    cause: causeOf(policy, decision.rule, group),
    decision,
    facts: byValue(draft.facts, read),
    snapshot: draft.snapshotHash(),
  });
}

/** Two decisions about one group say the same although numbers in a hold's words are others: counts move at every tick. */
function saysTheSame(a: Decision, b: Decision): boolean {
  return (
    a.outcome === b.outcome &&
    a.episode === b.episode &&
    a.step === b.step &&
    a.verb === b.verb &&
    a.holds.length === b.holds.length &&
    a.holds.every((hold, i) => {
      const other = b.holds[i];
      return hold.reason === other?.reason && hold.until === other.until && gist(hold) === gist(other);
    })
  );
}

function gist({ message }: Hold): string {
  return message.replace(/\d[\d.,:-]*/g, '#');
}

/** A group whose episode is gone has nothing to do any more, and that is said once. */
export function closeDecisions(draft: Draft, policies: readonly ClosedPolicy[]): void {
  for (const before of inOrder(draft.own.decisions)) {
    const episode = before.episode === undefined ? undefined : draft.own.episodes[before.episode];
    if (episode && !episode.ended) continue;
    const { policy: name, rule, labels } = before;
    const policy = policies.find(one => one.policy === name);
    const group = groupKey(labels);
    emit(draft, {
      kind: 'decision',
      cause: policy ? causeOf(policy, rule, group) : withoutPolicy(draft, name, rule, group),
      decision: { policy: name, rule, labels, outcome: 'none', holds: [] },
      facts: {},
      snapshot: draft.snapshotHash(),
    });
  }
}

/** A removed policy has no line of YAML to point to. */
function withoutPolicy(draft: Draft, policy: string, rule: string, group: string): Cause {
  const position = { file: '', line: 0, column: 0 };
  return { policy, rule, group, commit: draft.own.commit ?? '', closureHash: '', position };
}
