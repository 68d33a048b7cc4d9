/** The ids by which a line of the log leads to the ledger: what an action or a tick is about. Pure. */
import type { ActionRow, JsonObject } from '../model.ts';
import type { World } from './world.ts';

/** Of an action: its chain, keys and causes, and which replica works on it. */
export function actionIds({ replica }: Pick<World, 'replica'>, { chain, action }: ActionRow): JsonObject {
  const { id, attempt, key, verb, call, origin } = action;
  const cause =
    'request' in origin
      ? { request: origin.request }
      : { policy: origin.policy, rule: origin.rule, episode: origin.episode };
  return { chain, action: id, attempt, key, verb, subject: call.subject, ...cause, ...replicaId(replica) };
}

/** Of a tick: its chain, the commit that it looks with where that is known, and which replica looks. */
export function tickIds({ replica }: Pick<World, 'replica'>, chain: string, commit?: string): JsonObject {
  return { chain, ...(commit === undefined ? {} : { commit }), ...replicaId(replica) };
}

function replicaId(replica: World['replica']): JsonObject {
  return replica === undefined ? {} : { replica: replica.id };
}
