/** A person's revert is respected and remembered: what was promoted and taken out again is not promoted by itself. Pure. */
import type { Episode } from '../model.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { moment } from './fact-values.ts';
import { promotedBy } from './fold-reverts.ts';
import { outlives, rollingOf } from './fold-rollout.ts';
import { type Progress, planOf } from './form.ts';
import { notifyOnce, type Outlook, stall } from './moves.ts';
import { isLive } from './records.ts';

/** Says that somebody else took our version out, or brought one back that was out. Nothing while we move the champion ourselves. */
export function noteReverts(draft: Draft): void {
  const to = draft.snapshot.serving?.champion;
  if (to === undefined || draft.snapshot.starting !== undefined || isMoving(draft)) return;
  const { placed, reverted, episodes } = draft.own;
  if (Object.hasOwn(reverted, to) && placed?.version !== to) {
    emit(draft, { kind: 'reverted', version: to, state: 'back', to });
    return;
  }
  // What serves was read before the tick: of a champion that was pointed since, it says nothing.
  if (placed === undefined || placed.version === to || placed.at >= draft.at) return;
  const { version, episode } = placed;
  const open = episodes[episode] !== undefined ? { episode } : {};
  emit(draft, { kind: 'reverted', version, state: 'out', to, ...open });
}

function isMoving({ own }: Draft): boolean {
  const pointing = Object.values(own.actions).some(
    one => one.action.call.capability === 'registry.point' && isLive(one),
  );
  return pointing || Object.values(own.episodes).some(outlives);
}

/** The version that an episode promoted in its present round. */
export function promotedVersion({ draft, episode }: Progress): string | undefined {
  const point = Object.values(draft.own.actions).find(
    one =>
      one.episode === episode.id &&
      one.action.round === episode.sequence.round &&
      one.state === 'succeeded' &&
      one.action.call.capability === 'registry.point' &&
      promotedBy(one.action) !== undefined,
  );
  return point && promotedBy(point.action);
}

/** Somebody else has taken back what this sequence did: it ends, without a round and without a fight. */
export function endReverted(p: Progress): Outlook | undefined {
  const { draft, policy, episode } = p;
  const { status, approval } = episode.sequence;
  if (!WAITING.includes(status) || rollingOf(episode.sequence)) return undefined;
  const version = promotedVersion(p);
  const out = version === undefined ? undefined : draft.own.reverted[version];
  if (out === undefined) return undefined;
  const cause = causeOf(policy, episode.cause.rule, episode.cause.group);
  const message = `somebody else took ${version} out of service (${moment(out.at)}): ${out.to} serves. ${version} is not promoted again without a person's yes`;
  if (status === 'asking' && approval !== undefined) {
    emit(draft, { kind: 'withdrawn', cause, episode: episode.id, approval, reason: 'ended', message });
  }
  if (status === 'verifying' && planOf(p).verify)
    emit(draft, { kind: 'not-verified', cause, episode: episode.id, judged: true });
  const outlook = stall(p, 'reverted', message, false);
  notifyOnce(p, message, `!reverted-${version}`);
  return outlook;
}

const WAITING: readonly Episode['sequence']['status'][] = ['ready', 'asking', 'verifying'];
