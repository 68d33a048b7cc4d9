/** Retention: entries that are older are folded into a checkpoint and deleted, with the rows that only they need. */
import { assert } from '../model.ts';
import { anchor } from './anchors.ts';
import { appendEntries } from './append.ts';
import { FLEET } from './chain.ts';
import { type CheckpointState, checkpointBody, splitActions } from './checkpoint.ts';
import { pruneClosures } from './closures.ts';
import { type Database, inPieces, placeholders } from './database.ts';
import { pruneObservations } from './observations.ts';
import { isConflict } from './postgres-failure.ts';
import { type Folded, type Folding, refold } from './refold.ts';
import { json } from './rows.ts';
import type { Session } from './session.ts';

export interface Retention {
  /** Now, and since when entries are kept; undefined keeps them all. */
  readonly at: number;
  readonly entriesFrom?: number | undefined;
  /** A chain is left alone until it has entries this much older, so that checkpoints stay few. */
  readonly slackMs: number;
  readonly observationsFrom: number;
  /** Called when the checkpoints are anchored, before anything is deleted: to keep the heads outside too. */
  readonly anchored?: () => Promise<void>;
}

/** What was deleted, and in how many chains. */
export interface Pruned {
  readonly chains: number;
  readonly entries: number;
  readonly ticks: number;
  readonly actions: number;
  readonly messages: number;
  readonly closures: number;
  /** Looks, with all that was observed at each. */
  readonly observations: number;
  /** Chains that are left for the next time, because others wrote to them each time. */
  readonly left: readonly string[];
}

/** Rows of one transaction: others wait for no longer than that. */
const TOGETHER = 500;

/**
 * Writes the checkpoints, anchors them, then deletes what they stand for, from the beginning on: wherever it is interrupted,
 * the chain is whole. Throws PortError `ledger-altered`, and deletes nothing of that chain and of those after it.
 */
export async function prune(db: Database, folding: Folding, retention: Retention): Promise<Pruned> {
  const { at, entriesFrom, slackMs, observationsFrom } = retention;
  const observations = await pruneObservations(db, observationsFrom, TOGETHER);
  const none = { chains: 0, entries: 0, ticks: 0, actions: 0, messages: 0, closures: 0, left: [] };
  if (entriesFrom === undefined) return { ...none, observations };
  const plans: Plan[] = [];
  const left: string[] = [];
  for (const chain of await chainsToPrune(db, entriesFrom - slackMs)) {
    const plan = await unlessContended(() =>
      db.write(session => checkpoint(session, folding, { chain, at, before: entriesFrom })),
    );
    if (plan === 'contended') left.push(chain);
    else if (plan) plans.push(plan);
  }
  if (plans.length > 0) {
    await anchor(db, at);
    await retention.anchored?.();
  }
  const messages = await pruneMessages(db, entriesFrom);
  const found = { ...none, chains: plans.length, messages, observations, left };
  if (plans.length === 0) return found;
  for (const plan of plans) {
    const gone = await unlessContended(() => remove(db, plan));
    if (gone === 'contended') {
      left.push(plan.chain);
      continue;
    }
    found.entries += gone.entries;
    found.ticks += gone.ticks;
    found.actions += gone.actions;
  }
  return { ...found, closures: await pruneClosures(db) };
}

/** One chain that is written to all the time does not keep those after it from being pruned. */
async function unlessContended<T>(work: () => Promise<T>): Promise<T | 'contended'> {
  try {
    return await work();
  } catch (error) {
    if (isConflict(error)) return 'contended';
    throw error;
  }
}

interface Plan {
  readonly chain: string;
  readonly upTo: number;
  /** Keys of actions that were over by then. */
  readonly over: readonly string[];
}

/** Chains whose first entry is older. The fleet's comes last: its anchors name the checkpoints of the others. */
async function chainsToPrune(db: Database, before: number): Promise<readonly string[]> {
  const rows = await db.all<{ chain: string }>(
    `SELECT chain FROM heads h
     WHERE (SELECT e.at FROM entries e WHERE e.chain = h.chain ORDER BY e.seq LIMIT 1) < ?1 ORDER BY chain`,
    before,
  );
  const chains = rows.map(row => row.chain);
  return [...chains.filter(chain => chain !== FLEET), ...chains.filter(chain => chain === FLEET)];
}

/** Appends the checkpoint that stands for what is older. */
async function checkpoint(
  db: Session,
  folding: Folding,
  { chain, at, before }: { readonly chain: string; readonly at: number; readonly before: number },
): Promise<Plan | undefined> {
  const young = await db.get<{ seq: number | null }>(
    'SELECT min(seq) AS seq FROM entries WHERE chain = ?1 AND at >= ?2',
    chain,
    before,
  );
  const firstKept = young?.seq ?? Number.POSITIVE_INFINITY;
  let seen: { readonly state: CheckpointState; readonly over: readonly string[] } | undefined;
  const { folded, begin } = await refold(db, chain, folding, (reached, next) => {
    if (next === firstKept) seen = stateOf(chain, reached, folding.foldVersion);
  });
  if (firstKept === Number.POSITIVE_INFINITY) seen = stateOf(chain, folded, folding.foldVersion);
  if (!seen || seen.state.upTo < (begin?.first ?? 1)) return undefined;
  const time = Math.max(at, folded.own.takenAt);
  const { entries, seq } = await appendEntries(db, chain, [checkpointBody(seen.state)], time);
  if (chain === FLEET) await db.run('DELETE FROM anchored');
  else {
    const [entry] = entries;
    assert(entry, 'a checkpoint is an entry');
    const own = folding.fold(folded.own, entry);
    assert(own.seq === seq, `the folded state of ${chain} is at entry ${own.seq}, and its chain at ${seq}`);
    await db.run(
      'UPDATE targets SET own = ?1, fold_version = ?2, version = version + 1 WHERE chain = ?3',
      json(own),
      folding.foldVersion,
      chain,
    );
  }
  return { chain, upTo: seen.state.upTo, over: seen.over };
}

/** By value: what is folded on after it stays out of it. */
function stateOf(chain: string, { seq, hash, own, actions, standing }: Folded, foldVersion: number) {
  if (chain === FLEET) return { state: { upTo: seq, hash, standing }, over: [] };
  const { live, over } = splitActions(actions);
  return { state: { upTo: seq, hash, foldVersion, own, actions: live }, over };
}

async function remove(db: Database, { chain, upTo, over }: Plan) {
  const { ticks, actions } = await db.write(async session => {
    let actions = 0;
    for (const piece of inPieces(over))
      actions += await session.run(
        `DELETE FROM actions WHERE key IN ${placeholders(1, piece.length)}`,
        ...piece,
      );
    return {
      ticks: await session.run('DELETE FROM ticks WHERE chain = ?1 AND to_seq <= ?2', chain, upTo),
      actions,
    };
  });
  let entries = 0;
  for (let gone = TOGETHER; gone > 0; entries += gone) {
    gone = await db.write(session =>
      session.run(
        `DELETE FROM entries WHERE chain = ?1 AND seq <= ?2 AND seq <
         (SELECT min(seq) FROM entries WHERE chain = ?1) + ?3`,
        ...[chain, upTo, TOGETHER],
      ),
    );
  }
  return { ticks, actions, entries };
}

async function pruneMessages(db: Database, before: number): Promise<number> {
  let all = 0;
  for (let gone = TOGETHER; gone === TOGETHER; all += gone) {
    gone = await db.write(session =>
      session.run(
        'DELETE FROM outbox WHERE nr IN (SELECT nr FROM outbox WHERE at < ?1 ORDER BY nr LIMIT ?2)',
        before,
        TOGETHER,
      ),
    );
  }
  return all;
}
