/** How a sequence goes on without an action: skipped steps, further attempts, rounds, edits, what people order. Pure. */
import type { Derived, Episode, Input, Own, Principal, Sequence } from '../model.ts';
import { denialKey } from './fold-actions.ts';
import { foldOrder, rollingOf } from './fold-rollout.ts';
import { askersOf } from './persons.ts';
import { askedToEnd, mapValues, updateEpisode, updateSequence } from './records.ts';

type Body<Kind extends Derived['kind']> = Extract<Derived, { kind: Kind }>;
type Told<Kind extends Input['kind']> = Extract<Input, { kind: Kind }>;

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

/** Nothing more is tried; where a rollout ended stays to be read. */
export function gaveUp(sequence: Sequence, { message, version }: Body<'stalled'>): Sequence {
  const { round, stepIndex, phase, outputs, acted, endedAt, rollout } = sequence;
  return {
    ...{ round, stepIndex, phase, outputs, acted },
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(rollout === undefined ? {} : { rollout }),
    status: 'stalled',
    stalled: message,
    ...(version === undefined ? {} : { stalledAt: version }),
  };
}

/** It takes steps back before it is stalled. */
export function undoes(sequence: Sequence, { steps, reason, message }: Body<'undoing'>): Sequence {
  const { round, stepIndex, phase, outputs, acted } = sequence;
  return { round, stepIndex, phase, outputs, acted, status: 'undoing', undo: { steps, reason, message } };
}

/**
 * The way out of every state that is not over: a rollout goes back; and the next step asks what runs to end, and makes a stall
 * of all else.
 */
export function foldCancel(own: Own, body: Told<'cancel'>, at: number): Own {
  if (body.action !== undefined) return askedToEnd(own, body.action, at);
  const { episode, by } = body;
  const sequence = own.episodes[episode]?.sequence;
  if (sequence === undefined || sequence.status === 'stalled' || sequence.status === 'done') return own;
  if (sequence.status === 'holding' && rollingOf(sequence))
    return foldOrder(own, { kind: 'rollout-order', episode, what: 'abort', by });
  const reason = body.reason === undefined ? {} : { reason: body.reason };
  return updateSequence(own, episode, one => ({
    ...one,
    ordered: { what: 'cancel', by: by.name, ...reason },
  }));
}

/** A person who wants it tried again takes back the no, and begins anew what stands still or waits. */
export function foldRetry(own: Own, { episode, by }: Told<'retry'>): Own {
  // What was asked for is done once: who wants it again asks again.
  if (own.episodes[episode]?.request !== undefined) return own;
  const free = withoutDenials(own, episode);
  const { round } = free.episodes[episode]?.sequence ?? {};
  const next = updateSequence(free, episode, sequence => again(sequence, by.name));
  // Who only lets people be asked again has asked for nothing.
  return next.episodes[episode]?.sequence.round === round ? next : requested(next, episode, by);
}

function again(sequence: Sequence, by: string): Sequence {
  switch (sequence.status) {
    case 'stalled':
    case 'verifying':
    case 'done':
      return roundOf(sequence.round + 1);
    case 'asking':
      return { ...sequence, ordered: { what: 'retry', by } };
    case 'ready': {
      const { retryAt: _, ...rest } = sequence;
      return rest;
    }
    // What runs has an end of its own, and a rollout its own orders.
    case 'acting':
    case 'holding':
    case 'undoing':
      return sequence;
  }
}

/** Who asked for what an episode does next. */
export function requested(own: Own, id: number, by: Principal): Own {
  const before = own.episodes[id]?.requestedBy ?? [];
  return updateEpisode(own, id, { requestedBy: [...new Set([...before, ...askersOf(by)])].sort() });
}

/** Under edited clauses nobody has asked for anything yet. */
export function unrequested({ requestedBy: _, ...episode }: Episode): Episode {
  return episode;
}

/**
 * The sequence under an edited policy: a stall is over, and so is a pause between two attempts. One that has done nothing
 * begins with the first step of the new plan; one that has acted ends on its stored plan, and its next attempt comes at once.
 */
export function edited(sequence: Sequence): Sequence {
  if (sequence.status === 'stalled') return roundOf(sequence.round + 1);
  if (sequence.status !== 'ready') return sequence;
  const { retryAt, ...rest } = sequence;
  const nothingDone = Object.keys(sequence.outputs).length === 0 && sequence.rollout === undefined;
  if (retryAt !== undefined) return nothingDone ? roundOf(sequence.round + 1) : rest;
  return !sequence.acted && sequence.stepIndex > 0 ? roundOf(sequence.round) : sequence;
}

/** A new revision gives the attempts of a waiting action back: what failed under the old one says little of the new. */
export function budgetsAnew(own: Own, episodes: Own['episodes']): Own['actions'] {
  return mapValues(own.actions, record => {
    const before = own.episodes[record.episode]?.sequence;
    const after = episodes[record.episode]?.sequence;
    const waited = before?.action === record.action.id && before.retryAt !== undefined;
    if (!waited || after === undefined || after.retryAt !== undefined) return record;
    const { failures: _, ...rest } = record;
    return rest;
  });
}

/** A person who wants it tried again takes back the no. */
function withoutDenials(own: Own, id: number): Own {
  const cause = own.episodes[id]?.cause;
  if (!cause) return own;
  const prefix = denialKey(cause, '');
  // Names of groups come from outside and may hold a slash; ids of steps may not.
  const denials = Object.entries(own.denials).filter(
    ([key]) => key.slice(0, key.lastIndexOf('/') + 1) !== prefix,
  );
  return { ...own, denials: Object.fromEntries(denials) };
}

function roundOf(round: number): Sequence {
  return { round, stepIndex: 0, phase: 0, status: 'ready', outputs: {}, acted: false };
}
