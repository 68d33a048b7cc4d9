/** All that entries are folded into, for whoever keeps them: the history of a chain, and the facts that can be derived again. Pure. */
import type { Action, EntryBody, Fresh, Json } from '../model.ts';
import { actedKey, actedOf, withActed, withoutActed } from './blast-radius.ts';
import { isLocked, lockKey, lockValue } from './draft.ts';
import { emptyOwn, FOLD_VERSION, fold } from './fold.ts';
import { withAdopter } from './locks.ts';
import { SILENCE_PREFIX } from './notifications.ts';

/** A fact under its key. */
export interface KeyedFact {
  readonly key: string;
  readonly value: Json;
}

/** The key of the pause of `all`, of a target as kind/name, or of a verb. */
export function pauseKey(scope: string): string {
  if (scope === 'all') return 'pause:all';
  return scope.includes('/') ? `pause:target:${scope}` : `pause:verb:${scope}`;
}

/** The fact of a pause or a silence that stands; undefined for any other entry. */
export function standingFact({ at, body }: Pick<Fresh, 'at' | 'body'>): KeyedFact | undefined {
  if (body.kind === 'pause') {
    const { scope, by, reason, until } = body;
    const value = { by: by.name, reason, at, ...(until === undefined ? {} : { until }) };
    return { key: pauseKey(scope), value };
  }
  if (body.kind === 'silence' && body.id !== undefined) {
    const { id, match, by, reason, until } = body;
    return { key: `${SILENCE_PREFIX}${id}`, value: { match, by: by.name, reason, since: at, until } };
  }
  return undefined;
}

/** The lock of an action that lives; undefined when its subject is not locked. */
function lockFact(holder: {
  readonly action: Action;
  readonly chain: string;
  readonly since: number;
  readonly adopters: readonly string[];
}): KeyedFact | undefined {
  const { action, chain, since, adopters } = holder;
  if (!isLocked(action.call)) return undefined;
  return {
    key: lockKey(action.call.subject),
    value: adopters.reduce(withAdopter, lockValue(action, chain, since)),
  };
}

/** What a target was acted on, with one more of its chain's entries. */
function foldActed(chain: string, before: Json, { at, body }: { at: number; body: EntryBody }): Json {
  const acted = () => listed(chain, before);
  if (body.kind === 'intent' && body.impact)
    return withActed(acted(), { at, chain, policy: body.cause.policy, action: body.action.id });
  if (body.kind === 'withdrawn' && body.action !== undefined)
    return withoutActed(acted(), body.action) ?? before;
  return before;
}

/** Of what is known of a target, that which entries up to `at` said, since these may have been deleted. */
function actedUntil(chain: string, known: Json, at: number): Json {
  const older = listed(chain, known).filter(one => one.at <= at);
  return older.length === 0 ? null : older.map(one => ({ ...one }));
}

function listed(chain: string, value: Json) {
  const key = actedKey(chain);
  return actedOf({ [key]: { version: 0, value } }, key);
}

export const folding = {
  fold,
  emptyOwn,
  foldVersion: FOLD_VERSION,
  facts: { standing: standingFact, lock: lockFact, actedKey, acted: foldActed, actedUntil },
};
