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

export interface Takeover {
  readonly ms: number;
  /** When it was left, by whom, and what. */
  readonly left: string;
}

/** One for each that another went on with before its replica was back; the longest first. */
export function takeovers(left: readonly Left[], heard: readonly Heard[]): readonly Takeover[] {
  const found = left.flatMap(({ at, replica, keys, backAt = Number.POSITIVE_INFINITY }) =>
    keys.flatMap(key => {
      const taken = heard.find(one => one.key === key && one.at > at && one.by !== replica);
      if (taken === undefined || taken.at >= backAt) return [];
      return [
        { ms: taken.at - at, left: `${new Date(at).toISOString()} ${replica} ${key}, taken by ${taken.by}` },
      ];
    }),
  );
  return found.sort((a, b) => b.ms - a.ms);
}

/** Of a sorted list; undefined of an empty one. */
export function median(sorted: readonly Takeover[]): number | undefined {
  return sorted[Math.floor(sorted.length / 2)]?.ms;
}
