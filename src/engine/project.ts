/** Projections of entries, written in the transaction that appends them: the actions table, locks and pauses. */

import { effectKey } from '../canonical.ts';
import type { Derived, Input, Own, StoreOwn, Transaction } from '../model.ts';
import { isLocked, lockKey } from './draft.ts';
import { concerns } from './fold.ts';
import { isLive } from './records.ts';

/** Rows that nothing is due for any more. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Brings the actions table and the lock facts up to date with these entries. `before` is the history before them. */
export async function project(
  tx: Transaction,
  written: {
    readonly chain: string;
    readonly at: number;
    readonly bodies: readonly (Input | Derived | StoreOwn)[];
    readonly before: Own;
  },
): Promise<void> {
  // A cancel or a resolution names the action alone: it is about the newest attempt.
  const newest = (id: string) => written.before.actions[id]?.action.key;
  for (const body of written.bodies) {
    // What decides nothing in the fold changes no row either.
    if (isReport(body) && !concerns(written.before, body)) continue;
    switch (body.kind) {
      case 'intent': {
        const { action } = body;
        const row = {
          action,
          chain: written.chain,
          dueAt: 0,
          polls: 0,
          cancelRequested: false,
          intendedAt: written.at,
        };
        await tx.putAction({ ...row, state: 'intended' });
        const lock = { action: action.id, chain: written.chain, since: written.at };
        if (isLocked(action.call)) await tx.setFact(lockKey(action.call.subject), lock);
        break;
      }
      case 'withdrawn':
        if (body.action !== undefined) await end(tx, effectKey(body.action, body.attempt ?? 1), 'withdrawn');
        break;
      case 'unresolved':
        await change(tx, effectKey(body.action, body.attempt), { state: 'unresolved', dueAt: NEVER });
        break;
      case 'started':
        await change(tx, effectKey(body.action, body.attempt), {
          state: 'started',
          handle: body.handle,
          dueAt: 0,
          polls: 0,
        });
        break;
      case 'cannot-tell':
        await change(tx, effectKey(body.action, body.attempt), { dueAt: NEVER });
        break;
      case 'absent':
        await change(tx, effectKey(body.action, body.attempt), { state: 'intended', dueAt: 0 });
        break;
      case 'cancel':
        await change(tx, newest(body.action), { cancelRequested: true, dueAt: 0 });
        break;
      case 'outcome':
        if (body.outcome !== 'lost') await end(tx, effectKey(body.action, body.attempt), body.outcome);
        else await change(tx, effectKey(body.action, body.attempt), { dueAt: NEVER });
        break;
      case 'resolve':
        if (body.action === undefined || !isLiveIn(written.before, body.action)) break;
        await end(tx, newest(body.action), body.as === 'succeeded' ? 'succeeded' : 'failed');
        break;
      default:
        break;
    }
  }
}

/** What the shell reports of one attempt. */
function isReport(body: Input | Derived | StoreOwn): body is Extract<Input, { readonly attempt: number }> {
  return ['start-due', 'started', 'outcome', 'absent', 'cannot-tell'].includes(body.kind);
}

function isLiveIn(own: Own, id: string): boolean {
  const record = own.actions[id];
  return record !== undefined && isLive(record);
}

type Change = Parameters<Transaction['updateAction']>[1];

async function change(tx: Transaction, key: string | undefined, to: Change): Promise<void> {
  if (key !== undefined) await tx.updateAction(key, to);
}

/** A terminal state frees the subject, unless someone else holds it by now. */
async function end(tx: Transaction, key: string | undefined, state: Terminal): Promise<void> {
  const row = key === undefined ? undefined : await tx.action(key);
  if (!row) return;
  await tx.updateAction(row.action.key, { state, dueAt: NEVER });
  const lock = lockKey(row.action.call.subject);
  const held = (await tx.facts([lock]))[lock]?.value;
  const holder =
    held && typeof held === 'object' && !Array.isArray(held)
      ? (held as { action?: unknown }).action
      : undefined;
  if (holder === row.action.id) await tx.setFact(lock, null);
}

type Terminal = 'withdrawn' | 'succeeded' | 'failed' | 'timed-out' | 'cancelled';
