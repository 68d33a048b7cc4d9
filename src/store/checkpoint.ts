/**
 * What stands for the entries before it: a `checkpoint` holds, by value, what they were folded into, so that they may be
 * deleted. It stands later in its own chain, so it is proved as every entry is.
 */
import type { EntryBody, Json, Own } from '../model.ts';
import { type DerivedAction, type DerivedActions, isTerminal, noActions } from './actions-of.ts';
import type { Reader } from './database.ts';
import { parse } from './rows.ts';

/** A pause or a silence that was not ended, as its entry said. */
export interface Standing {
  readonly seq: number;
  readonly at: number;
  readonly body: EntryBody;
}

/** `own` and the actions that were live, of a target's chain; of the fleet's, what stood. */
export interface CheckpointState {
  /** The last entry that it stands for, and the hash of that. */
  readonly upTo: number;
  readonly hash: string;
  readonly foldVersion?: number;
  readonly own?: Own;
  readonly actions?: readonly DerivedAction[];
  readonly standing?: readonly Standing[];
}

export interface Checkpoint extends CheckpointState {
  /** Where it stands in its chain. */
  readonly seq: number;
}

/** The newest checkpoint of a chain that stands for everything before its entry `first`. */
export async function checkpointBefore(
  db: Reader,
  chain: string,
  first: number,
): Promise<Checkpoint | undefined> {
  const rows = await db.all<{ seq: number; body: string }>(
    "SELECT seq, body FROM entries WHERE chain = ?1 AND kind = 'checkpoint' ORDER BY seq DESC LIMIT 3",
    chain,
  );
  for (const { seq, body } of rows) {
    const { state } = parse<{ state: CheckpointState }>(body, `checkpoint ${seq} of ${chain}`);
    if (typeof state?.upTo === 'number' && state.upTo >= first - 1 && state.upTo < seq)
      return { ...state, seq };
  }
  return undefined;
}

/** The actions of a checkpoint, to be folded on. */
export function actionsOfCheckpoint({ actions = [] }: CheckpointState): DerivedActions {
  const derived = noActions();
  for (const one of actions) {
    derived.byKey.set(one.action.key, one);
    derived.newest.set(one.action.id, one.action.key);
  }
  return derived;
}

/** Splits actions into those that a checkpoint keeps and the keys of those that are over. */
export function splitActions({ byKey }: DerivedActions): {
  readonly live: readonly DerivedAction[];
  readonly over: readonly string[];
} {
  const all = [...byKey.values()];
  return {
    live: all.filter(one => !isTerminal(one.state)),
    over: all.filter(one => isTerminal(one.state)).map(one => one.action.key),
  };
}

/** What of the fleet's chain still stands at a time, with one more entry. */
export function foldStanding(standing: readonly Standing[], entry: Standing): readonly Standing[] {
  const key = keyOf(entry.body);
  if (key === undefined) return standing;
  const others = standing.filter(
    one => keyOf(one.body) !== key && !(isSilence(entry) && isEnded(one, entry.at)),
  );
  const over = entry.body.kind === 'resume' || isEnded(entry, entry.at);
  return over ? others : [...others, entry];
}

function isSilence({ body }: Standing): boolean {
  return body.kind === 'silence';
}

/** Whoever places or ends a silence takes away those that are over. */
function isEnded({ body }: Standing, at: number): boolean {
  return body.kind === 'silence' && body.until <= at;
}

function keyOf(body: EntryBody): string | undefined {
  if (body.kind === 'pause' || body.kind === 'resume') return `pause ${body.scope}`;
  if (body.kind === 'silence') return `silence ${body.id ?? JSON.stringify(body.match)}`;
  return undefined;
}

/** As the body of an entry. */
export function checkpointBody(state: CheckpointState): {
  readonly kind: 'checkpoint';
  readonly state: Json;
} {
  return { kind: 'checkpoint', state: state as unknown as Json };
}
