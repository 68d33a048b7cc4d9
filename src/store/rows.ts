/** The rows of the tables, and how each becomes a value of the model. Columns are snake_case here and nowhere else. */
import { canonical } from '../canonical.ts';
import {
  type ActionRow,
  type ActionState,
  type Entry,
  type Facts,
  type Json,
  type Message,
  type Own,
  PortError,
  type TargetKind,
  type TargetRef,
  type TargetRow,
} from '../model.ts';
import { ENTRY_VERSION } from './chain.ts';

export interface EntryRecord {
  readonly chain: string;
  readonly seq: number;
  readonly v: number;
  readonly at: number;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

export interface TargetRecord {
  readonly chain: string;
  readonly kind: string;
  readonly name: string;
  readonly version: number;
  readonly head: string;
  readonly own: string;
  readonly due_at: number;
  readonly last_taken_at: number | null;
}

export interface ActionRecord {
  readonly chain: string;
  readonly state: string;
  readonly handle: string | null;
  readonly due_at: number;
  readonly polls: number;
  readonly cancel_requested: number;
  readonly intended_at: number;
  readonly epoch: number;
  readonly lease_until: number;
  readonly owner: string | null;
  readonly action: string;
}

export interface FactRecord {
  readonly key: string;
  readonly version: number;
  readonly value: string | null;
}

export const selectEntries = 'SELECT chain, seq, v, at, body, prev, hash FROM entries';
/** The head is not part of what `FOR UPDATE` locks: only its own chain's appends move it. */
export const selectTargets =
  'SELECT t.chain, t.kind, t.name, t.version, t.own, t.due_at, t.last_taken_at, ' +
  '(SELECT h.hash FROM heads h WHERE h.chain = t.chain) AS head FROM targets t';
export const actionColumns =
  'chain, state, handle, due_at, polls, cancel_requested, intended_at, epoch, lease_until, owner, action';
export const selectActions = `SELECT ${actionColumns} FROM actions`;
/** The same words as the partial index `actions_live`. */
export const live = "state NOT IN ('succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn')";

/** The chain of a target, `kind/name`. */
export function chainOf(target: TargetRef): string {
  return `${target.kind}/${target.name}`;
}

/** The target that a chain is about. */
export function targetOf(chain: string): TargetRef {
  const slash = chain.indexOf('/');
  return { kind: chain.slice(0, slash) as TargetKind, name: chain.slice(slash + 1) };
}

/** The value of a JSON column. Throws PortError when someone else has written there. */
export function parse<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new PortError(
      `state: ${where} is not JSON (${text.slice(0, 40)}…); expected what Flyball wrote. Run 'flyball ledger verify', ` +
        "then 'flyball ledger rebuild'.",
      { code: 'state-damaged', retry: 'never', subject: where, cause: error },
    );
  }
}

export function entryOf(row: EntryRecord): Entry {
  const { chain, seq, at, body, prev, hash } = row;
  if (row.v !== ENTRY_VERSION) {
    throw new PortError(
      `ledger: entry ${seq} of ${chain} has version ${row.v}; expected ${ENTRY_VERSION}. A newer Flyball wrote it: start that ` +
        "version; or somebody altered it: 'flyball ledger verify' says so.",
      { code: 'state-newer', retry: 'never', subject: chain },
    );
  }
  return { chain, seq, v: 1, at, body: parse(body, `entry ${seq} of ${chain}`), prev, hash };
}

export function targetRowOf(row: TargetRecord): TargetRow {
  const target = { kind: row.kind as TargetKind, name: row.name };
  return {
    target,
    version: row.version,
    head: row.head,
    own: parse<Own>(row.own, `the folded state of ${chainOf(target)}`),
    dueAt: row.due_at,
    lastTakenAt: row.last_taken_at ?? undefined,
  };
}

export function actionRowOf(row: ActionRecord): ActionRow {
  return {
    action: parse(row.action, `an action of ${row.chain}`),
    chain: row.chain,
    state: row.state as ActionState,
    ...(row.handle === null ? {} : { handle: parse<Json>(row.handle, `a handle of ${row.chain}`) }),
    dueAt: row.due_at,
    polls: row.polls,
    cancelRequested: row.cancel_requested === 1,
    intendedAt: row.intended_at,
    epoch: row.epoch,
    leaseUntil: row.lease_until,
    ...(row.owner === null ? {} : { owner: row.owner }),
  };
}

/** Facts by key; those of `keys` that have no row have version 0 and value null. */
export function factsOf(rows: readonly FactRecord[], keys: readonly string[]): Facts {
  const missing = keys.map(key => [key, { version: 0, value: null }] as const);
  const found = rows.map(row => {
    const value = row.value === null ? null : parse<Json>(row.value, `fact ${row.key}`);
    return [row.key, { version: row.version, value }] as const;
  });
  return Object.fromEntries([...missing, ...found]);
}

export interface MessageRecord {
  readonly key: string;
  readonly at: number;
  readonly severity: string;
  readonly target: string;
  readonly title: string;
  readonly text: string;
  readonly more: string;
}

export function messageOf({ more, ...row }: MessageRecord): Message {
  const rest = parse<Partial<Message>>(more, `message ${row.key}`);
  return { ...row, severity: row.severity as Message['severity'], ...rest };
}

/** `text` as JSON of one form. A key whose value is undefined is left out. */
export function json(value: unknown): string {
  return canonical(value);
}

/** The least text that is greater than every text which begins with `prefix`, in the order of bytes. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10FFFF}`;
}
