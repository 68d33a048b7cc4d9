/** How a sequence goes on without an action: skipped steps, further attempts, rounds, edits. Pure. */
import type { Derived, Own, Sequence } from '../model.ts';
import { updateSequence } from './records.ts';

type Body<Kind extends Derived['kind']> = Extract<Derived, { kind: Kind }>;

/** A step whose `if` was false. What was done by then is judged from here on. */
export function foldSkipped(own: Own, { episode, next }: Body<'skipped'>, at: number): Own {
  return updateSequence(own, episode, sequence => {
    if (next === 'step') return { ...sequence, status: 'ready', stepIndex: sequence.stepIndex + 1, phase: 0 };
    return { ...sequence, status: next === 'verify' ? 'verifying' : 'done', endedAt: at };
  });
}

/** The action stays the sequence's own during the pause, so that a cancel finds it. */
export function foldRetrying(own: Own, { episode, until }: Body<'retrying'>): Own {
  return updateSequence(own, episode, sequence => ({ ...sequence, status: 'ready', retryAt: until }));
}

/** A remedy that did not help is followed by another round while it has some. */
export function foldNotVerified(own: Own, { episode, next }: Body<'not-verified'>): Own {
  return next === undefined ? own : updateSequence(own, episode, () => roundOf(next));
}

/** A stalled sequence starts anew, one round later; any other stays. */
export function retried(sequence: Sequence): Sequence {
  return sequence.status === 'stalled' ? roundOf(sequence.round + 1) : sequence;
}

/**
 * The sequence under an edited policy: a stall is over, and one that has skipped steps and done nothing begins with the first
 * step of the new plan. One that has acted ends on its stored plan.
 */
export function edited(sequence: Sequence): Sequence {
  const skipped = sequence.status === 'ready' && !sequence.acted && sequence.stepIndex > 0;
  return skipped ? roundOf(sequence.round) : retried(sequence);
}

function roundOf(round: number): Sequence {
  return { round, stepIndex: 0, phase: 0, status: 'ready', outputs: {}, acted: false };
}
