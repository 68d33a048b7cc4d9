/** Subjects: who holds one, who waits for the end of that, and what became of it. Pure; `project.ts` writes it. */
import type { Action, ActionState, Facts, Hold, JsonObject } from '../model.ts';
import { lockKey } from './draft.ts';
import { moment, objectOf } from './fact-values.ts';

/** How an attempt of an action ended, for a chain that had adopted it. */
export const OUTCOME_PREFIX = 'outcome:';
/** Adopters are made due at once: what is older than this was read, or nobody is there any more. */
export const OUTCOME_KEPT_MS = 7 * 86_400_000;

/** Of each chain its own: when it adopts another attempt of the action, the end of the one before is no news to it. */
export function outcomeKey(action: string, chain: string): string {
  return `${OUTCOME_PREFIX}${action}:${chain}`;
}

/** Who holds a subject. What is not known of it is left out. */
export interface Lock {
  readonly action: string;
  readonly chain?: string;
  readonly verb?: string;
  readonly since?: number;
  /** Hash of what it does. */
  readonly call?: string;
}

/** The holder of a subject; undefined when it is free. */
export function lockOf(facts: Facts, subject: string): Lock | undefined {
  const value = objectOf(facts, lockKey(subject));
  if (value === undefined || typeof value.action !== 'string') return undefined;
  const text = (name: string) => (typeof value[name] === 'string' ? { [name]: value[name] } : {});
  return {
    action: value.action,
    ...text('chain'),
    ...text('verb'),
    ...text('call'),
    ...(typeof value.since === 'number' ? { since: value.since } : {}),
  };
}

/** The hold of an action whose subject another one has; undefined when it is free, or its own. */
export function subjectLocked(facts: Facts, action: Action): Hold | undefined {
  const { subject } = action.call;
  const lock = lockOf(facts, subject);
  if (lock === undefined || lock.action === action.id) return undefined;
  const who = lock.verb === undefined ? 'action' : `${lock.verb},`;
  const where = lock.chain === undefined ? '' : ` of ${lock.chain}`;
  const since = lock.since === undefined ? '' : ` since ${moment(lock.since)}`;
  const message = `${subject} is held by ${who} ${lock.action.slice(0, 12)}${where}${since}`;
  return { reason: 'subject-locked', message };
}

/** The lock with one more chain that waits for its end. */
export function withAdopter(lock: JsonObject, chain: string): JsonObject {
  return { ...lock, adopters: [...new Set([...adoptersOf(lock), chain])].sort() };
}

export function adoptersOf(lock: JsonObject): readonly string[] {
  return Array.isArray(lock.adopters) ? lock.adopters.map(String) : [];
}

/** What those who adopted an action read of its end. */
export function outcomeValue(
  state: ActionState,
  at: number,
  more: { readonly outputs?: JsonObject | undefined; readonly message?: string | undefined },
): JsonObject {
  return {
    outcome: state,
    at,
    ...(more.outputs === undefined ? {} : { outputs: more.outputs }),
    ...(more.message === undefined ? {} : { message: more.message }),
  };
}
