/** Projections of entries, written in the transaction that appends them: the actions table, locks and pauses. */

import { effectKey } from '../canonical.ts';
import type { Action, Derived, Input, JsonObject, Own, StoreOwn, Transaction } from '../model.ts';
import { actedKey, actedOf, RADIUS, withActed, withoutActed } from './blast-radius.ts';
import { isLocked, lockKey, lockValue } from './draft.ts';
import { asObject } from './fact-values.ts';
import { concerns } from './fold.ts';
import {
  adoptersOf,
  OUTCOME_KEPT_MS,
  OUTCOME_PREFIX,
  outcomeKey,
  outcomeValue,
  withAdopter,
} from './locks.ts';
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
  const intended = new Map<string, string>();
  const newest = (id: string) => intended.get(id) ?? written.before.actions[id]?.action.key;
  const runs = (episode: number) => {
    const { status, action = '' } = written.before.episodes[episode]?.sequence ?? {};
    return status === 'acting' && isLiveIn(written.before, action) ? action : '';
  };
  for (const body of written.bodies) {
    // What decides nothing in the fold changes no row either.
    if (isReport(body) && !concerns(written.before, body)) continue;
    switch (body.kind) {
      case 'intent': {
        const { action } = body;
        intended.set(action.id, action.key);
        const row = {
          action,
          chain: written.chain,
          dueAt: 0,
          polls: 0,
          cancelRequested: false,
          intendedAt: written.at,
          epoch: 0,
          leaseUntil: 0,
        };
        await tx.putAction({ ...row, state: 'intended' });
        if (isLocked(action.call)) await take(tx, action, written);
        if (body.impact) await count(tx, body, written);
        break;
      }
      case 'adopted':
        if (body.outcome === undefined) await join(tx, body, written.chain);
        break;
      case 'preempted':
        await askAtOnce(tx, newest(body.running), { cancelRequested: true });
        break;
      case 'cancelling':
        await askAtOnce(tx, newest(body.action), body.overdue ? {} : { cancelRequested: true });
        break;
      case 'withdrawn':
        if (body.action !== undefined)
          await end(tx, effectKey(body.action, body.attempt ?? 1), 'withdrawn', written);
        break;
      case 'unresolved':
        // One that is only late to end is asked about on.
        await change(tx, effectKey(body.action, body.attempt), {
          state: 'unresolved',
          ...(body.overdue ? {} : { dueAt: NEVER }),
        });
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
        await askAtOnce(tx, newest(body.action ?? ''), { cancelRequested: true });
        break;
      case 'retry':
        await askAtOnce(tx, newest(runs(body.episode)));
        break;
      case 'outcome':
        if (body.outcome !== 'lost')
          await end(tx, effectKey(body.action, body.attempt), body.outcome, written, body);
        else await change(tx, effectKey(body.action, body.attempt), { dueAt: NEVER });
        break;
      case 'resolve':
        if (body.action === undefined || !isLiveIn(written.before, body.action)) break;
        await end(tx, newest(body.action), body.as === 'succeeded' ? 'succeeded' : 'failed', written, {
          outputs: body.outputs,
          message: body.reason,
        });
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

/**
 * Its connector is asked at once. What is over already is left as it ended. While a request may be on its way, or what it began may
 * not show yet, nothing is asked before its time: it would be said to be absent, and then it would begin.
 */
async function askAtOnce(tx: Transaction, key: string | undefined, more: Change = {}): Promise<void> {
  const row = key === undefined ? undefined : await tx.action(key);
  if (!row || !isLive(row)) return;
  const waits = row.state === 'starting' && (row.leaseUntil > 0 || row.polls > 0);
  await tx.updateAction(row.action.key, { ...(waits ? {} : { dueAt: 0 }), ...more });
}

interface Written {
  readonly chain: string;
  readonly at: number;
}

/** The subject is the action's own from here on. Who had waited for the one before it learns that it is over for them. */
async function take(tx: Transaction, action: Action, { chain, at }: Written): Promise<void> {
  const key = lockKey(action.call.subject);
  const before = asObject((await tx.facts([key]))[key]?.value);
  if (before && before.action !== action.id && adoptersOf(before).length > 0) {
    await tellAdopters(tx, before, String(before.action), outcomeValue('cancelled', at, {}), at);
  }
  await tx.setFact(key, lockValue(action, chain, at));
}

/** Disruptive sequences count by target, for blast radii. */
async function count(
  tx: Transaction,
  { cause, action, plan }: Extract<Derived, { kind: 'intent' }>,
  { chain, at }: Written,
): Promise<void> {
  const key = actedKey(chain);
  const before = actedOf(await tx.facts([key]), key);
  await tx.setFact(key, withActed(before, { at, chain, policy: cause.policy, action: action.id }));
  if (plan.guard.blastRadius) await tx.setFact(RADIUS, { at, chain });
}

/** It waits for the end of what runs now: how an attempt before that ended, or one that was taken over, is not the answer. */
async function join(
  tx: Transaction,
  { action, running }: Extract<Derived, { kind: 'adopted' }>,
  chain: string,
): Promise<void> {
  const key = lockKey(action.call.subject);
  const said = outcomeKey(running, chain);
  const facts = await tx.facts([key, said]);
  const lock = asObject(facts[key]?.value);
  if (lock) await tx.setFact(key, withAdopter(lock, chain));
  if (asObject(facts[said]?.value)) await tx.setFact(said, null);
}

/**
 * A terminal state gives the subject up, unless someone else holds it by now, and tells whoever had adopted the action. What a
 * safe verb took it from, and nobody knows the end of, has it again.
 */
async function end(
  tx: Transaction,
  key: string | undefined,
  state: Terminal,
  { at }: Written,
  more: Parameters<typeof outcomeValue>[2] = {},
): Promise<void> {
  const row = key === undefined ? undefined : await tx.action(key);
  if (!row) return;
  await tx.updateAction(row.action.key, { state, dueAt: NEVER });
  const { id, call } = row.action;
  if (state === 'withdrawn') {
    const acted = actedKey(row.chain);
    const rest = withoutActed(actedOf(await tx.facts([acted]), acted), id);
    if (rest) await tx.setFact(acted, rest);
  }
  const lock = lockKey(call.subject);
  const held = asObject((await tx.facts([lock]))[lock]?.value);
  if (held?.action !== id) return;
  const other = await tx.actionOn(call.subject);
  await tx.setFact(lock, other ? lockValue(other.action, other.chain, other.intendedAt) : null);
  await tellAdopters(tx, held, id, outcomeValue(state, at, more), at);
}

async function tellAdopters(
  tx: Transaction,
  lock: JsonObject,
  action: string,
  outcome: JsonObject,
  at: number,
): Promise<void> {
  const chains = adoptersOf(lock);
  if (chains.length === 0) return;
  for (const [key, { value }] of Object.entries(await tx.factsWithPrefix(OUTCOME_PREFIX))) {
    const said = asObject(value)?.at;
    if (typeof said !== 'number' || said < at - OUTCOME_KEPT_MS) await tx.setFact(key, null);
  }
  for (const chain of chains) await tx.setFact(outcomeKey(action, chain), outcome);
  for (const chain of chains) if (await tx.target(chain)) await tx.setDue(chain, 0);
}

type Terminal = 'withdrawn' | 'succeeded' | 'failed' | 'timed-out' | 'cancelled';
