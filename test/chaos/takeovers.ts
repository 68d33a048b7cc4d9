/** How long work lay still after the replica that had it was killed or stopped: from then until another asks the plant about it. */
import type { Heard } from './plant-server.ts';

/** An action by its key, or a target that is looked at by what the plant is asked for then; and whose it is. */
export interface InHand {
  readonly key: string;
  /** A replica's name in the state. */
  readonly owner?: string | undefined;
}

/** What a replica had in hand when it went. */
export interface Left {
  readonly at: number;
  /** Its name at the plant. */
  readonly replica: string;
  readonly keys: readonly string[];
  /** When it was there again under the same name. */
  readonly backAt?: number;
}

/** A replica's name in the state holds the id of its process. */
export function leftBy(
  { replica, pid, at }: Pick<Left, 'replica' | 'at'> & { readonly pid: number },
  inHand: readonly InHand[],
): Left {
  const mine = inHand.filter(one => one.owner?.split('-').includes(String(pid)));
  return { replica, at, keys: mine.map(one => one.key) };
}

/** In milliseconds, one for each that another went on with before its replica was back. */
export function takeovers(left: readonly Left[], heard: readonly Heard[]): readonly number[] {
  return left.flatMap(({ at, replica, keys, backAt = Number.POSITIVE_INFINITY }) =>
    keys.flatMap(key => {
      const taken = heard.find(one => one.key === key && one.at > at && one.by !== replica);
      return taken && taken.at < backAt ? [taken.at - at] : [];
    }),
  );
}

export function median(of: readonly number[]): number | undefined {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)];
}
