/** Where a rollout stands, in one line for people. Of what the ledger says; nothing is asked of the world. */
import { isRolling } from '../engine/fold-rollout.ts';
import { nextGateTick, type Standing, standingOf } from '../engine/rollout-gate.ts';
import type { Episode } from '../model.ts';
import { safe, span, when } from './time.ts';

export interface RolloutLine {
  readonly text: string;
  /** It does not go on by itself, or will go back: a person should look. */
  readonly needsYou: boolean;
}

/** Of an episode whose rollout holds between two shifts; undefined of any other. */
export function rolloutLine(episode: Episode, now: number): RolloutLine | undefined {
  const standing =
    isRolling(episode) && episode.sequence.status === 'holding' ? standingOf(episode) : undefined;
  if (standing === undefined) return undefined;
  const { rollout, spec } = standing;
  const read = rollout.mismatches > 0 ? 'NOT as shifted' : readBack(standing);
  const place = `canary ${percent(rollout.weight)} (${read}) step ${rollout.index + 1}/${spec.steps.length}`;
  const orphan =
    episode.ended === undefined ? '' : `, ${episode.ended.how.replace('-', ' ')}: gates stay armed`;
  const { text, needsYou } = hold(standing, now);
  return { text: `${place}${orphan}, ${text}`, needsYou: needsYou || orphan !== '' };
}

/** Every check of the hold that was written, in a row of letters with how many there were. */
export function checksText(episode: Episode): string | undefined {
  const checks = episode.sequence.rollout?.checks ?? [];
  if (checks.length === 0) return undefined;
  return `${checks.slice(-20).join(', ')}${checks.length > 20 ? ` (the last 20 of ${checks.length})` : ''}`;
}

function readBack({ rollout }: Standing): string {
  return rollout.checks.length === 0 ? 'not read back yet' : `read back ${percent(rollout.weight)}`;
}

function hold(standing: Standing, now: number): RolloutLine {
  const { rollout, spec, step, gate } = standing;
  const why = safe((rollout.message ?? '').replace(/^\S+ (unknown|failed|passed): /, ''));
  const what = gate === undefined ? 'traffic' : 'gate';
  const over = rollout.since + step.holdMs;
  if (rollout.state === 'aborted')
    return { text: `goes back to ${rollout.baseline}: ${why}`, needsYou: true };
  if (rollout.state === 'failed') return { text: `failed: ${why} → waits for you`, needsYou: true };
  if (rollout.unknownSince !== undefined) {
    const until = rollout.unknownSince + spec.onUnknown.holdMs;
    const lasting = `${span(now - rollout.unknownSince)} of ${span(spec.onUnknown.holdMs)}`;
    const then = spec.onUnknown.then === 'rollback' ? `rolls back ${clock(until)}` : 'waits for you';
    return { text: `${what} unknown ${lasting}: ${why} → ${then}`, needsYou: true };
  }
  const judged = rollout.checks.filter(one => one !== 'unknown').slice(-(gate?.fails.of ?? 1));
  const failed = judged.filter(one => one === 'fail').length;
  if (failed > 0) {
    const { count, of } = gate?.fails ?? { count: 1, of: 1 };
    const then = spec.onFailure === 'rollback' ? 'rolls back' : 'waits for you';
    const text = `gate failed ${failed} of the last ${judged.length} checks: ${why} → ${then} at ${count} of ${of}`;
    return { text, needsYou: true };
  }
  const next = spec.steps[rollout.index + 1];
  const then = next === undefined ? 'is the champion' : percent(next.weight);
  if (rollout.checks.length === 0)
    return {
      text: `first check ${clock(nextGateTick(standing, now))} → ${then} ${clock(over)}`,
      needsYou: false,
    };
  return { text: `${what} passes → ${then} ${clock(Math.max(over, now))}`, needsYou: false };
}

/** The time of the day, in UTC. */
function clock(at: number): string {
  return when(at).slice(11);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}
