/** Effects that are one write of a small file: begun and ended within `start`. For `registry.point`, `serving.shift`. */
import { type Action, type Effect, type JsonObject, PortError } from '../../model.ts';
import { applied, apply, type StateFile } from './applied.ts';
import { checkedKey } from './names.ts';
import { pickOutputs } from './run-folder.ts';

/** What an action asks for, checked: which file it writes, and what. `refuse` may throw a PortError before it does. */
export interface StateChange {
  readonly file: StateFile;
  readonly value: JsonObject;
  refuse(): Promise<void>;
}

/** An effect that writes what `changeOf` makes of an action. It cannot be cancelled: it ends before it could be. */
export function stateEffect(changeOf: (action: Action) => StateChange): Effect {
  return {
    settleAfterMs: 0,
    pollMs: { first: 200, max: 5_000 },
    async start(action) {
      const change = changeOf(action);
      const key = checkedKey(action.key);
      // What was applied before is not refused now, whatever has become of its version meanwhile.
      if ((await applied(change.file, key)) === undefined) await change.refuse();
      await apply(change.file, key, change.value);
      return { applied: key };
    },
    async find(action) {
      const key = checkedKey(action.key);
      try {
        const found = await applied(changeOf(action).file, key);
        return found === undefined ? { state: 'absent' } : { state: 'found', handle: { applied: key } };
      } catch (error) {
        if (error instanceof PortError) return { state: 'cannot-tell', message: error.message };
        throw error;
      }
    },
    async poll(action) {
      const value = await applied(changeOf(action).file, checkedKey(action.key));
      if (value === undefined)
        return { state: 'lost', message: `${action.call.subject}: no record of key ${action.key}` };
      const picked = pickOutputs(action.call.output, value);
      if ('outputs' in picked) return { state: 'succeeded', outputs: picked.outputs };
      return { state: 'failed', repeatable: false, message: `${action.call.subject}: no ${picked.missing}` };
    },
    async cancel() {},
  };
}
