/** Small changes to a history, by value: one action, one episode, one sequence. Pure. */
import type { ActionHistory, CommitAuthor, Episode, Own, Requested, Sequence } from '../model.ts';

/** `settled`: what was once said of it (lost, cannot tell) no longer holds. */
export function updateAction(own: Own, id: string, change: Partial<ActionHistory>, settled?: 'settled'): Own {
  const record = own.actions[id];
  if (!record) return own;
  const { message, ...rest } = record;
  const said = settled || message === undefined ? {} : { message };
  return { ...own, actions: { ...own.actions, [id]: { ...rest, ...said, ...change } } };
}

/** It is to end; from the first time on it has a while to confirm that. */
export function askedToEnd(own: Own, id: string, at: number): Own {
  const cancelledAt = own.actions[id]?.cancelledAt ?? at;
  return updateAction(own, id, { cancelRequested: true, cancelledAt });
}

export function updateEpisode(own: Own, id: number, change: Partial<Episode>): Own {
  const episode = own.episodes[id];
  return episode ? { ...own, episodes: { ...own.episodes, [id]: { ...episode, ...change } } } : own;
}

export function updateSequence(own: Own, id: number, change: (sequence: Sequence) => Sequence): Own {
  const episode = own.episodes[id];
  return episode ? updateEpisode(own, id, { sequence: change(episode.sequence) }) : own;
}

/** Records that one run of folds has made itself and shown to nobody: it may go on changing them in place. */
export type Owned = WeakSet<object>;

/** The record with one more value: a copy, or the record itself when it is owned. Thousands of label sets change in a step. */
export function put<T>(
  of: Readonly<Record<string, T>>,
  key: string | number,
  value: T,
  owned?: Owned,
): Readonly<Record<string, T>> {
  const to: Record<string, T> = owned?.has(of) ? of : { ...of };
  owned?.add(to);
  to[key] = value;
  return to;
}

/** The record without a key: a copy, or the record itself when it is owned. */
export function drop<T>(
  of: Readonly<Record<string, T>>,
  key: string,
  owned?: Owned,
): Readonly<Record<string, T>> {
  const to: Record<string, T> = owned?.has(of) ? of : { ...of };
  owned?.add(to);
  delete to[key];
  return to;
}

export function without<T>(of: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = of;
  return rest;
}

export function keep<T>(of: Readonly<Record<string, T>>, wanted: (value: T) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => wanted(value)));
}

export function mapValues<T, U>(of: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, change(value)]));
}

/** The values in the order of their keys: what is derived must not depend on how a record was made. */
export function inOrder<T>(of: Readonly<Record<string, T>>): readonly T[] {
  return Object.keys(of)
    .sort()
    .map(key => of[key] as T);
}

/** What the closed policy of a requested action is named by, before the request's id: no written policy has a colon. */
export const REQUEST_PREFIX = 'request:';

export function requestPolicyName(request: string): string {
  return `${REQUEST_PREFIX}${request}`;
}

/** The request that a closed policy stands for; undefined of one that is written. */
export function requestIn(own: Own, policy: string): Requested | undefined {
  return policy.startsWith(REQUEST_PREFIX) ? own.requests?.[policy.slice(REQUEST_PREFIX.length)] : undefined;
}

/** Still holds its subject's lock. */
export function isLive(action: Pick<ActionHistory, 'state'>): boolean {
  return ['intended', 'starting', 'started', 'unresolved'].includes(action.state);
}

/** An action beside the sequence, such as the escalation of a stall: it never moves the sequence. */
export function isAside(step: string): boolean {
  return step.startsWith('!');
}

/** The authors of a policy, when its chain says any. Checkpoints of older versions hold one as plain text. */
export function authorsIn(own: Own, policy: string): readonly CommitAuthor[] | undefined {
  const said: readonly CommitAuthor[] | string | undefined = own.authors[policy];
  return said === undefined ? undefined : [said].flat();
}
