/** A chain folded again from its entries, or from its checkpoint on: what its projections should be, and are at any entry. */
import { type EntryBody, type Fresh, type Own, PortError, type TargetRef } from '../model.ts';
import { type DerivedActions, foldActions, noActions } from './actions-of.ts';
import { FLEET } from './chain.ts';
import { actionsOfCheckpoint, type Checkpoint, foldStanding, type Standing } from './checkpoint.ts';
import { type Begin, verifyChain } from './proof.ts';
import { parse, targetOf } from './rows.ts';
import type { Session } from './session.ts';

/** The engine's fold, handed in because the store imports no engine. */
export interface Folding {
  readonly fold: (own: Own, entry: Fresh) => Own;
  readonly emptyOwn: (target: TargetRef) => Own;
  /** Raised when the meaning of `Own` changes: rows of another version are folded again at opening. */
  readonly foldVersion: number;
}

/** As of one entry. The fleet's chain has no history of its own, but pauses and silences. */
export interface Folded {
  seq: number;
  hash: string;
  own: Own;
  readonly actions: DerivedActions;
  standing: readonly Standing[];
}

/**
 * Folds a chain while it is proved; `reached` is called before each entry, with everything up to it. Throws PortError
 * `ledger-altered`, because what was altered is never folded into a state that acts.
 */
export async function refold(
  db: Session,
  chain: string,
  { fold, emptyOwn }: Folding,
  reached: (before: Folded, next: number) => void = () => undefined,
): Promise<{ readonly folded: Folded; readonly begin: Begin | undefined }> {
  const target = targetOf(chain);
  let folded: Folded = { seq: 0, hash: '', own: emptyOwn(target), actions: noActions(), standing: [] };
  const verified = await verifyChain(db, chain, {
    begin: checkpoint => {
      folded = fromCheckpoint(checkpoint, emptyOwn(target));
    },
    entry: row => {
      const [seq, at] = [Number(row.seq), Number(row.at)];
      reached(folded, seq);
      const body = parse<EntryBody>(row.body, `entry ${seq} of ${chain}`);
      if (chain === FLEET) folded.standing = foldStanding(folded.standing, { seq, at, body });
      else {
        folded.own = fold(folded.own, { seq, at, body });
        foldActions(folded.actions, body, at);
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
    standing: checkpoint.standing ?? [],
  };
}
