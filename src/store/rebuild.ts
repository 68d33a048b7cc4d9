/** Folds chains again and puts the rows that are derived from them right, saying which differed. */
import { type ActionState, type Own, PortError, type TargetRef } from '../model.ts';
import { agree, type DerivedAction, isTerminal } from './actions-of.ts';
import { FLEET } from './chain.ts';
import type { Database } from './database.ts';
import { knownActed, rebuildActed, rebuildLocks, rebuildStanding } from './rebuild-facts.ts';
import { type Folding, refold } from './refold.ts';
import { json, targetOf } from './rows.ts';
import type { Session } from './session.ts';
import { putAction } from './transaction.ts';

const EVERYONE_DUE = 'UPDATE targets SET due_at = 0, version = version + 1';

/** Every target chain, with the facts that entries say; or those folded by another version, each in a transaction of its own. */
export async function rebuild(
  db: Database,
  folding: Folding,
  which: 'all' | 'other-version',
): Promise<{ readonly targets: number; readonly differences: string[] }> {
  if (which === 'other-version') await refuseNewer(db, folding.foldVersion);
  const other = which === 'all' ? '' : ' AND t.fold_version IS DISTINCT FROM ?2';
  const chains = await db.all<{ chain: string }>(
    `SELECT h.chain FROM heads h LEFT JOIN targets t USING (chain) WHERE h.chain <> ?1${other} ORDER BY h.chain`,
    ...[FLEET, ...(which === 'all' ? [] : [folding.foldVersion])],
  );
  const differences: string[] = [];
  for (const { chain } of chains) {
    differences.push(...(await db.write(session => rebuildChain(session, folding, chain))));
  }
  const { facts } = folding;
  if (which === 'all' && facts) {
    differences.push(...(await db.write(session => rebuildStanding(session, folding, facts))));
    differences.push(...(await db.write(session => rebuildLocks(session, facts))));
    // Whoever waits for a lock or a pause looks again.
    if (differences.length > 0) await db.write(session => session.run(EVERYONE_DUE));
  }
  return { targets: chains.length, differences };
}

/** Whoever does not know the newer meaning of entries would fold them to something else, and act on that. */
async function refuseNewer(db: Database, foldVersion: number): Promise<void> {
  const sql = 'SELECT max(fold_version) AS version FROM targets';
  const found = (await db.get<{ version: number | null }>(sql))?.version ?? 0;
  if (found <= foldVersion) return;
  throw new PortError(
    `state ${db.place}: its history was folded by version ${found}, and this Flyball knows up to ${foldVersion}: a newer ` +
      'Flyball works on it. Nothing was written; start that version or a later one.',
    { code: 'state-newer', retry: 'never', subject: db.place },
  );
}

async function rebuildChain(db: Session, folding: Folding, chain: string): Promise<string[]> {
  const { foldVersion, facts } = folding;
  const key = facts?.actedKey(chain);
  const known = key === undefined ? null : await knownActed(db, key);
  const { own, actions, acted } = (await refold(db, chain, folding, undefined, known)).folded;
  const differences = await rebuildOwn(db, { target: targetOf(chain), chain, own, foldVersion });
  for (const one of actions.byKey.values()) differences.push(...(await rebuildAction(db, chain, one)));
  if (key !== undefined) differences.push(...(await rebuildActed(db, key, acted)));
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

/** What of an action's row its entries say. When it is due, its polls and who works on it are of the moment. */
interface Columns {
  readonly id: string;
  readonly attempt: number;
  readonly chain: string;
  readonly subject: string;
  readonly verb: string;
  readonly handle: string | null;
  readonly cancel_requested: number;
  readonly intended_at: number;
  readonly action: string;
}

function columnsOf(chain: string, { action, handle, cancelRequested, intendedAt }: DerivedAction): Columns {
  return {
    id: action.id,
    attempt: action.attempt,
    chain,
    subject: action.call.subject,
    verb: action.verb,
    handle: handle === undefined ? null : json(handle),
    cancel_requested: cancelRequested ? 1 : 0,
    intended_at: intendedAt,
    action: json(action),
  };
}

/** A live action is made due now, so that the world is asked how it stands. */
async function rebuildAction(db: Session, chain: string, right: DerivedAction): Promise<string[]> {
  const { action, state, handle, cancelRequested, intendedAt } = right;
  const who = `${chain}: action ${action.key} (${action.verb})`;
  const columns = columnsOf(chain, right);
  const names = Object.keys(columns) as (keyof Columns)[];
  const stored = await db.get<Columns & { readonly state: ActionState }>(
    `SELECT state, ${names.join(', ')} FROM actions WHERE key = ?1`,
    action.key,
  );
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
    return [`${who} was missing; its entries say ${state}`];
  }
  const same = agree(state, stored.state);
  const differing = names.filter(name => stored[name] !== columns[name]);
  if (same && differing.length === 0) return [];
  const set = names.map((name, n) => `${name} = ?${n + 4}`).join(', ');
  await db.run(
    `UPDATE actions SET state = ?2, due_at = CASE WHEN ?3 = 1 THEN 0 ELSE due_at END, ${set} WHERE key = ?1`,
    ...[action.key, same ? stored.state : state, isTerminal(state) ? 0 : 1],
    ...names.map(name => columns[name]),
  );
  return [
    ...(same ? [] : [`${who} said ${stored.state}; its entries say ${state}`]),
    ...(differing.length > 0 ? [`${who}: ${differing.join(', ')} differed from the entries`] : []),
  ];
}
