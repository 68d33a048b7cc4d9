/** What is kept of a tick beside its entries: what it saw, for display, and its values, for backtests. Pure. */
import type { ClosedPolicy, LastTick, Snapshot, Step } from '../model.ts';

/** Verdicts of rules that were not due stand as they were, while their policy is the same. */
export function lastTick({
  answer,
  snapshot,
  policies,
  before,
}: {
  readonly answer: Step;
  readonly snapshot: Snapshot;
  readonly policies: readonly ClosedPolicy[];
  readonly before: LastTick | undefined;
}): LastTick {
  const closures = Object.fromEntries(policies.map(policy => [policy.policy, policy.closureHash]));
  const standing = (before?.verdicts ?? []).filter(
    ({ policy }) =>
      !snapshot.due.includes(policy) &&
      closures[policy] !== undefined &&
      closures[policy] === before?.closures?.[policy],
  );
  return {
    takenAt: snapshot.takenAt,
    verdicts: [...standing, ...answer.verdicts],
    closures,
    decisions: answer.decisions,
    wakeAt: answer.wakeAt,
    problems: answer.problems,
  };
}

/** The values without what only explains them: what a backtest needs, kept for every tick. */
export function compact(snapshot: Snapshot): Snapshot {
  const observations = Object.fromEntries(
    Object.entries(snapshot.observations).map(([owner, byName]) => [
      owner,
      Object.fromEntries(Object.entries(byName).map(([name, { detail: _, ...one }]) => [name, one])),
    ]),
  );
  return { ...snapshot, observations };
}
