/** Folds chains again and puts the rows that are derived from them right, saying which differed. */
import { type EntryBody, type Fresh, type Own, PortError, type TargetRef } from '../model.ts';
import { agree, type DerivedAction, foldActions, isTerminal, noActions } from './actions-of.ts';
import { FLEET } from './chain.ts';
import type { Database } from './database.ts';
import { verifyChain } from './proof.ts';
import { readAction } from './reads.ts';
import { json, parse, targetOf } from './rows.ts';
import type { Session } from './session.ts';
import { putAction, updateAction } from './transaction.ts';

/** The engine's fold, handed in because the store imports no engine. */
export interface Folding {
  readonly fold: (own: Own, entry: Fresh) => Own;
  readonly emptyOwn: (target: TargetRef) => Own;
  /** Raised when the meaning of `Own` changes: rows of another version are folded again at opening. */
  readonly foldVersion: number;
}

/** Every target chain, or those folded by another version, each in a transaction of its own. */
export async function rebuild(
  db: Database,
  folding: Folding,
  which: 'all' | 'other-version',
): Promise<{ readonly targets: number; readonly differences: string[] }> {
  const other = which === 'all' ? '' : ' AND t.fold_version IS DISTINCT FROM ?2';
  const chains = await db.all<{ chain: string }>(
    `SELECT h.chain FROM heads h LEFT JOIN targets t USING (chain) WHERE h.chain <> ?1${other} ORDER BY h.chain`,
    ...[FLEET, ...(which === 'all' ? [] : [folding.foldVersion])],
  );
  const differences: string[] = [];
  for (const { chain } of chains) {
    differences.push(...(await db.write(session => rebuildChain(session, db.place, folding, chain))));
  }
  return { targets: chains.length, differences };
}

async function rebuildChain(
  db: Session,
  place: string,
  { fold, emptyOwn, foldVersion }: Folding,
  chain: string,
): Promise<string[]> {
  const target = targetOf(chain);
  let own = emptyOwn(target);
  const actions = noActions();
  // What was altered is never folded into a state that acts.
  const verified = await verifyChain(db, chain, entry => {
    const body = parse<EntryBody>(entry.body, `entry ${entry.seq} of ${chain}`);
    own = fold(own, { seq: Number(entry.seq), at: Number(entry.at), body });
    foldActions(actions, body, Number(entry.at));
  });
  if ('problem' in verified) {
    throw new PortError(
      `state ${place}: entry ${verified.seq} of ${chain} is not as it was appended: ${verified.problem}. Nothing of ` +
        'this chain was rebuilt; restore the state from a backup, then run it again.',
      { code: 'ledger-altered', retry: 'never', subject: chain },
    );
  }
  const differences = await rebuildOwn(db, { target, chain, own, foldVersion });
  for (const one of actions.byKey.values()) differences.push(...(await rebuildAction(db, chain, one)));
  return differences;
}

async function rebuildOwn(
  db: Session,
  right: {
    readonly target: TargetRef;
    readonly chain: string;
    readonly own: Own;
    readonly foldVersion: number;
  },
): Promise<string[]> {
  const { target, chain, own, foldVersion } = right;
  const text = json(own);
  const stored = await db.get<{ own: string; fold_version: number }>(
    'SELECT own, fold_version FROM targets WHERE chain = ?1',
    chain,
  );
  if (stored?.own === text && stored.fold_version === foldVersion) return [];
  await db.run(
    `INSERT INTO targets (chain, kind, name, version, own, fold_version, due_at) VALUES (?1, ?2, ?3, 1, ?4, ?5, 0)
     ON CONFLICT (chain) DO UPDATE SET own = excluded.own, fold_version = excluded.fold_version, due_at = 0,
       version = targets.version + 1`,
    chain,
    target.kind,
    target.name,
    text,
    foldVersion,
  );
  if (!stored) return [`${chain}: its row was missing`];
  return stored.own === text ? [] : [`${chain}: ${difference(stored.own, own)} differed from the entries`];
}

/** The top-level keys that differ. */
function difference(stored: string, own: Own): string {
  let found: Readonly<Record<string, unknown>>;
  try {
    found = Object(JSON.parse(stored));
  } catch {
    return 'the text, which was not JSON,';
  }
  const right = own as unknown as Readonly<Record<string, unknown>>;
  const keys = [...new Set([...Object.keys(found), ...Object.keys(right)])];
  return keys.filter(key => json([found[key]]) !== json([right[key]])).join(', ') || 'the form of the text';
}

/** A live action is made due now, so that the world is asked how it stands. */
async function rebuildAction(db: Session, chain: string, right: DerivedAction): Promise<string[]> {
  const { action, state, handle, cancelRequested, intendedAt } = right;
  const stored = await readAction(db, action.key);
  if (!stored) {
    await putAction(db, {
      action,
      chain,
      state,
      ...(handle === undefined ? {} : { handle }),
      dueAt: 0,
      polls: 0,
      cancelRequested,
      intendedAt,
      epoch: 0,
      leaseUntil: 0,
    });
    return [`${chain}: action ${action.key} (${action.verb}) was missing; its entries say ${state}`];
  }
  if (agree(state, stored.state)) return [];
  await updateAction(db, action.key, {
    state,
    ...(handle === undefined ? {} : { handle }),
    cancelRequested,
    ...(isTerminal(state) ? {} : { dueAt: 0 }),
  });
  return [`${chain}: action ${action.key} (${action.verb}) said ${stored.state}; its entries say ${state}`];
}
