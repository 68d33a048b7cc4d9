/** A chain folded again from its entries, or from its checkpoint on: what its projections should be, and are at any entry. */
import {
  type Action,
  type EntryBody,
  type Fresh,
  type Json,
  type Own,
  PortError,
  type TargetRef,
} from '../model.ts';
import { type DerivedActions, foldActions, noActions } from './actions-of.ts';
import { FLEET } from './chain.ts';
import { actionsOfCheckpoint, type Checkpoint, foldStanding, type Standing } from './checkpoint.ts';
import { type Begin, verifyChain } from './proof.ts';
import { parse, targetOf } from './rows.ts';
import type { Session } from './session.ts';

export interface KeyedFact {
  readonly key: string;
  readonly value: Json;
}

/** The facts that entries say, by the engine; undefined where there is none. */
export interface FactsOfEntries {
  readonly standing: (standing: Pick<Fresh, 'at' | 'body'>) => KeyedFact | undefined;
  readonly lock: (holder: {
    readonly action: Action;
    readonly chain: string;
    readonly since: number;
    readonly adopters: readonly string[];
  }) => KeyedFact | undefined;
  readonly actedKey: (chain: string) => string;
  /** What a target was acted on, null for nothing, with one more entry; and what of that was said until a time. */
  readonly acted: (chain: string, before: Json, entry: Fresh) => Json;
  readonly actedUntil: (chain: string, known: Json, at: number) => Json;
}

/** The engine's fold, handed in because the store imports no engine. */
export interface Folding {
  readonly fold: (own: Own, entry: Fresh) => Own;
  readonly emptyOwn: (target: TargetRef) => Own;
  /** Raised when the meaning of `Own` changes: rows of another version are folded again at opening. */
  readonly foldVersion: number;
  /** Absent: facts are not derived. */
  readonly facts?: FactsOfEntries;
}

/** As of one entry. The fleet's chain has no history of its own, but pauses and silences. */
export interface Folded {
  seq: number;
  hash: string;
  own: Own;
  readonly actions: DerivedActions;
  /** Null for nothing. */
  acted: Json;
  standing: readonly Standing[];
}

/**
 * Folds a chain while it is proved; `reached` is called before each entry, with everything up to it. Throws PortError
 * `ledger-altered`, because what was altered is never folded into a state that acts. `known`: what the target was acted on as
 * far as is known, for a chain whose beginning was deleted.
 */
export async function refold(
  db: Session,
  chain: string,
  { fold, emptyOwn, facts }: Folding,
  reached: (before: Folded, next: number) => void = () => undefined,
  known: Json = null,
): Promise<{ readonly folded: Folded; readonly begin: Begin | undefined }> {
  const target = targetOf(chain);
  let folded: Folded = {
    ...{ seq: 0, hash: '', own: emptyOwn(target), actions: noActions(), acted: null, standing: [] },
  };
  const verified = await verifyChain(db, chain, {
    begin: checkpoint => {
      folded = fromCheckpoint(checkpoint, emptyOwn(target));
      folded.acted = facts?.actedUntil(chain, known, folded.own.takenAt) ?? null;
    },
    entry: row => {
      const [seq, at] = [Number(row.seq), Number(row.at)];
      reached(folded, seq);
      const body = parse<EntryBody>(row.body, `entry ${seq} of ${chain}`);
      if (chain === FLEET) folded.standing = foldStanding(folded.standing, { seq, at, body });
      else {
        folded.own = fold(folded.own, { seq, at, body });
        foldActions(folded.actions, body, at);
        folded.acted = facts?.acted(chain, folded.acted, { seq, at, body }) ?? null;
      }
      folded.seq = seq;
      folded.hash = row.hash;
    },
  });
  if ('problem' in verified) {
    throw new PortError(
      `state: entry ${verified.seq} of ${chain} is not as it was appended: ${verified.problem}. Nothing of this chain was ` +
        'changed; restore the state from a backup, then run it again.',
      { code: 'ledger-altered', retry: 'never', subject: chain },
    );
  }
  return { folded, begin: verified.begin };
}

/** What an older version had folded lacks what came later, which was empty then. */
function fromCheckpoint(checkpoint: Checkpoint, empty: Own): Folded {
  return {
    seq: checkpoint.upTo,
    hash: checkpoint.hash,
    own: { ...empty, ...checkpoint.own },
    actions: actionsOfCheckpoint(checkpoint),
    acted: null,
    standing: checkpoint.standing ?? [],
  };
}
