/** Requested actions that wait, closed anew under the commit that comes into force. */
import { type AskedAction, closeRequests } from '../dsl/index.ts';
import { openRequests } from '../engine/fold-requests.ts';
import { requestPolicyName } from '../engine/records.ts';
import type { World } from '../engine/world.ts';
import type { ClosedPolicy, Commit, Own, RequestAction } from '../model.ts';
import type { PolicyText } from './ports.ts';

/** What each waiting request of a chain is under a commit, where that is another than it was; or why it can be done no more. */
export type Renew = (own: Own) => Promise<NonNullable<Renewed>>;
export type Renewed = Readonly<Record<string, ClosedPolicy | string>>;

/** Reads the files of the commit only when a request waits, and once. */
export function renewer(
  { catalogue }: Pick<World, 'catalogue'>,
  env: string,
  commit: Commit,
  files: () => Promise<readonly PolicyText[]>,
): Renew {
  let read: Promise<readonly PolicyText[]> | undefined;
  return async own => {
    const open = openRequests(own);
    if (open.length === 0) return {};
    read ??= files();
    const asked = open.map(({ id, verb, args }) => askedAction({ request: id, verb, args }, own));
    const closed = closeRequests(asked, { files: await read, commit, env, catalogue });
    return Object.fromEntries(
      open.flatMap(({ id, closed: before, refused }, i): readonly [string, ClosedPolicy | string][] => {
        const now = closed[i];
        if (now === undefined) return [];
        if ('refused' in now) return now.refused === refused ? [] : [[id, now.refused]];
        return now.closureHash === before?.closureHash && refused === undefined ? [] : [[id, now]];
      }),
    );
  };
}

/** A request in the words of the language. */
export function askedAction(
  { request, verb, args }: Pick<RequestAction, 'request' | 'verb' | 'args'>,
  { target }: Pick<Own, 'target'>,
): AskedAction {
  return { name: requestPolicyName(request), verb, target, args };
}
