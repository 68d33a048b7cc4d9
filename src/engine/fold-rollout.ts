/** How shifts, gate ticks and orders change the rollout of a sequence. Pure. */
import type {
  Action,
  ActionHistory,
  Derived,
  Episode,
  Hold,
  Input,
  Own,
  RolloutProgress,
  RolloutState,
  Sequence,
} from '../model.ts';
import { updateSequence } from './records.ts';

/** Gate ticks that are kept of a hold: more than any `fails: N of M` looks at. */
const CHECKS_KEPT = 1000;

/** The rollout that a sequence is in: traffic is split, or the champion was pointed and that is yet to be said. */
export function rollingOf({ rollout, status }: Sequence): RolloutProgress | undefined {
  return status === 'stalled' ? undefined : rollout;
}

/** Traffic stands where only its gates keep watch: such an episode is not over, whatever became of its rule. */
export function isRolling(episode: Pick<Episode, 'sequence'>): boolean {
  return rollingOf(episode.sequence) !== undefined;
}

/**
 * Some calls of its step are done and some are not: traffic has moved and the champion is not pointed. That the rule has cleared
 * may be their doing, and the rest is done all the same; not when a person or a removed policy has ended the episode.
 */
export function isHalfway({ sequence, ended }: Pick<Episode, 'sequence' | 'ended'>): boolean {
  const { status, phase, rollout } = sequence;
  if (ended?.how === 'resolved' || ended?.how === 'policy-removed') return false;
  return phase > 0 && rollout === undefined && (status === 'ready' || status === 'acting');
}

/** It is taking steps back, in a rollout, or in the middle of a step: it goes on although its episode has ended. */
export function outlives(episode: Pick<Episode, 'sequence' | 'ended'>): boolean {
  return isRolling(episode) || isHalfway(episode) || episode.sequence.status === 'undoing';
}

/** Another episode's rollout holds what an action would touch: its traffic is not free between two shifts. */
export function heldByRollout(own: Own, { call, origin }: Action): Hold | undefined {
  const mine = 'episode' in origin ? origin.episode : own.requests?.[origin.request]?.episode;
  const rollout = Object.values(own.episodes)
    .filter(one => one.id !== mine)
    .map(one => rollingOf(one.sequence))
    .find(one => one?.subject === call.subject);
  if (rollout === undefined) return undefined;
  return { reason: 'subject-locked', message: `${call.subject} is in the rollout of ${rollout.canary}` };
}

/** A hold begins with the outcome of its shift. An abort that was ordered on the way stays ordered. */
export function holdAfter(sequence: Sequence, action: ActionHistory['action'], at: number): Sequence {
  const { rollout: shift, subject } = action.call;
  if (shift === undefined) return sequence;
  const { rollout: before } = sequence;
  const order = before?.order?.what === 'abort' ? { order: before.order } : {};
  const rollout: RolloutProgress = {
    ...shift,
    step: action.step,
    subject,
    begunAt: before?.begunAt ?? at,
    since: at,
    checks: [],
    mismatches: 0,
    ...order,
  };
  return { ...sequence, status: 'holding', rollout };
}

/** What did not begin leaves the rollout where it was: in the hold before it, with its gates armed. */
export function holdAgain(sequence: Sequence, cancelled: boolean): Sequence {
  const { rollout } = sequence;
  if (rollout === undefined) return sequence;
  const order = cancelled ? { order: { what: 'abort' as const, by: 'the cancel of its next shift' } } : {};
  return { ...sequence, status: 'holding', phase: rollout.index, rollout: { ...rollout, ...order } };
}

/** An order is for the hold in which it was given, and is used up by it. */
export function foldOrder(own: Own, body: Extract<Input, { kind: 'rollout-order' }>): Own {
  return updateSequence(own, body.episode, sequence => {
    const rollout = rollingOf(sequence);
    if (rollout === undefined) return sequence;
    return { ...sequence, rollout: { ...rollout, order: { what: body.what, by: body.by.name } } };
  });
}

export function foldRollout(own: Own, body: Extract<Derived, { kind: 'rollout' }>, at: number): Own {
  return updateSequence(own, body.episode, sequence => {
    const { rollout } = sequence;
    if (rollout === undefined) return sequence;
    if (body.state === 'done') {
      const { rollout: _, ...rest } = sequence;
      return rest;
    }
    const next = { ...moved(rollout, body.state, at), state: body.state, message: body.message };
    if (body.state !== 'advanced') return { ...sequence, rollout: next };
    const { order: _, ...unordered } = next;
    return { ...sequence, status: 'ready', phase: rollout.index + 1, rollout: unordered };
  });
}

function moved(rollout: RolloutProgress, state: RolloutState, at: number): RolloutProgress {
  const { unknownSince, ...rest } = rollout;
  const since = unknownSince === undefined ? {} : { unknownSince };
  switch (state) {
    case 'holding':
      return { ...rest, mismatches: 0 };
    case 'passed':
      return { ...rest, mismatches: 0, checks: checked(rest, 'pass') };
    case 'failed-check':
      return { ...rest, mismatches: 0, checks: checked(rest, 'fail') };
    case 'unknown':
      return { ...rest, mismatches: 0, checks: checked(rest, 'unknown'), unknownSince: unknownSince ?? at };
    case 'differs':
      return { ...rest, mismatches: rest.mismatches + 1, unknownSince: unknownSince ?? at };
    default:
      return { ...rest, ...since };
  }
}

function checked({ checks }: Pick<RolloutProgress, 'checks'>, check: RolloutProgress['checks'][number]) {
  return [...checks, check].slice(-CHECKS_KEPT);
}
