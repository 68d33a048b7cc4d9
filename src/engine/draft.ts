/** A step in the making: entries so far, and the history as those entries have already changed it. Pure, local. */
import { hashOf } from '../canonical.ts';
import type {
  Action,
  CapabilityCall,
  Cause,
  ClosedPolicy,
  Derived,
  Fact,
  Facts,
  History,
  Interval,
  Json,
  JsonObject,
  Own,
  Snapshot,
  Verb,
} from '../model.ts';
import { fold } from './fold.ts';
import { chainOf } from './ids.ts';
import type { Owned } from './records.ts';

export interface Draft {
  readonly at: number;
  readonly snapshot: Snapshot;
  readonly verbs: Readonly<Record<string, Verb>>;
  own: Own;
  /** The facts as this step has already changed them. What is looked up in it, is noted as read. */
  readonly facts: Facts;
  /** Keys of the facts that were looked up, there or not: what the answer depends on. */
  readonly read: Set<string>;
  /** What this step has changed of them. */
  changed: Record<string, Fact>;
  /** What this step says to others: facts that are written with its entries. */
  readonly noted: Record<string, Json>;
  readonly entries: Derived[];
  /** What this step has folded itself. `begun` is the history before it. */
  owned: Owned;
  readonly begun: History;
  /** No tick was taken during it: this step is the first since, and uses it. */
  readonly gap: Interval | undefined;
  /** The snapshot's hash: computed once, when an entry first needs it. */
  readonly snapshotHash: () => string;
}

/** A draft without entries. */
export function beginDraft(snapshot: Snapshot, history: History, verbs: Draft['verbs']): Draft {
  const { own, facts } = history;
  let hash: string | undefined;
  const snapshotHash = () => {
    hash ??= hashOf(snapshot);
    return hash;
  };
  const at = snapshot.takenAt;
  const gap = own.gap?.to === at ? own.gap : undefined;
  const owned: Owned = new WeakSet();
  const read = new Set<string>();
  const draft: Draft = {
    at,
    snapshot,
    verbs,
    own,
    facts: readThrough(read, key => draft.changed[key] ?? facts[key]),
    read,
    changed: {},
    noted: {},
    entries: [],
    owned,
    begun: history,
    gap,
    snapshotHash,
  };
  return draft;
}

/** Facts that say which of them were looked up. They cannot be listed: nothing may depend on what else there is. */
function readThrough(read: Set<string>, look: (key: string) => Fact | undefined): Facts {
  return new Proxy<Facts>(
    {},
    {
      get: (_, key) => {
        if (typeof key !== 'string') return undefined;
        read.add(key);
        return look(key);
      },
    },
  );
}

/** Adds an entry and folds it, so that what comes later in the same step sees it. Returns its seq. */
export function emit(draft: Draft, body: Derived): number {
  const seq = draft.own.seq + 1;
  draft.entries.push(body);
  draft.own = fold(draft.own, { seq, at: draft.at, body }, draft.owned);
  if (body.kind === 'intent' && isLocked(body.action.call)) {
    lock(draft, body.action);
  }
  return seq;
}

/** Says a fact to others, and to what comes later in the same step. */
export function note(draft: Draft, key: string, value: Json): void {
  draft.noted[key] = value;
  draft.read.add(key);
  draft.changed[key] = { version: (draft.begun.facts[key]?.version ?? 0) + 1, value };
}

/** Takes back every entry after the first `kept`. */
export function takeBack(draft: Draft, kept: number): void {
  const bodies = draft.entries.splice(0).slice(0, kept);
  draft.own = draft.begun.own;
  draft.changed = {};
  for (const [key, value] of Object.entries(draft.noted)) note(draft, key, value);
  draft.owned = new WeakSet();
  for (const body of bodies) emit(draft, body);
}

/** Messages touch nothing that another action could: their subject is not locked. */
export function isLocked(call: CapabilityCall): boolean {
  return call.capability !== 'notify.send';
}

/** The key of a subject's lock among the facts. */
export function lockKey(subject: string): string {
  return `lock:${subject}`;
}

function lock(draft: Draft, action: Action): void {
  const key = lockKey(action.call.subject);
  const version = (draft.facts[key]?.version ?? 0) + 1;
  const value = lockValue(action, chainOf(action.target), draft.at);
  draft.changed[key] = { version, value };
}

/** Who holds a subject: what others need to wait for it, to share it, or to ask it to end. */
export function lockValue(action: Action, chain: string, since: number): JsonObject {
  const { id, key, verb, callHash } = action;
  return { action: id, key, chain, verb, since, ...(callHash === undefined ? {} : { call: callHash }) };
}

/** The way back from an entry to the line of YAML. */
export function causeOf(policy: ClosedPolicy, rule: string, group: string): Cause {
  return {
    policy: policy.policy,
    rule,
    group,
    commit: policy.commit.sha,
    closureHash: policy.closureHash,
    position: policy.rules.find(one => one.name === rule)?.when.position ?? policy.position,
  };
}
