/** What the store's tests share: a small fold, entries of every plain shape, and appends as the engine makes them. */
import type {
  Action,
  ActionRow,
  ClosedPolicy,
  Commit,
  Derived,
  EntryBody,
  Input,
  Own,
  Snapshot,
  Store,
  TargetRef,
} from '../model.ts';
import type { Folding } from './refold.ts';
import { chainOf } from './rows.ts';

/** Counts the entries of each kind and keeps the times: deterministic, and any lost entry changes it. */
export const folding: Folding = {
  foldVersion: 1,
  emptyOwn: target => ({
    target,
    seq: 0,
    takenAt: 0,
    policies: {},
    authors: {},
    denials: {},
    rules: {},
    episodes: {},
    asks: {},
    actions: {},
    decisions: {},
    spent: {},
    verifiedVersions: [],
    reverted: {},
    granted: {},
    gates: {},
    begun: {},
    told: {},
  }),
  fold: (own, { seq, at, body }) => ({
    ...own,
    seq,
    takenAt: Math.max(own.takenAt, at),
    spent: { ...own.spent, [body.kind]: { at: [...(own.spent[body.kind]?.at ?? []), at] } },
  }),
};

export const flights: TargetRef = { kind: 'model', name: 'late-flights' };
export const chain = chainOf(flights);
export const by = { name: 'ada', door: 'cli', authenticated: true } as const;

export function gap(from: number, to = from + 1): Input {
  return { kind: 'gap', from, to };
}

/** Reads the row, folds and appends, all in one transaction: what a tick does. */
export async function appendTo(
  store: Store,
  bodies: readonly (Input | Derived)[],
  at: number,
  more: { readonly target?: TargetRef; readonly dueAt?: number; readonly lastTakenAt?: number } = {},
) {
  const target = more.target ?? flights;
  return store.transaction(async tx => {
    const row = await tx.target(chainOf(target));
    const own = foldAll(row?.own ?? folding.emptyOwn(target), bodies, at);
    const { dueAt = at, lastTakenAt } = more;
    return tx.append({
      target,
      bodies,
      at,
      own,
      dueAt,
      ...(lastTakenAt === undefined ? {} : { lastTakenAt }),
    });
  });
}

export function foldAll(own: Own, bodies: readonly EntryBody[], at: number): Own {
  return bodies.reduce((now, body) => folding.fold(now, { seq: now.seq + 1, at, body }), own);
}

export function commitOf(sha: string): Commit {
  return { sha, author: { name: 'Ada', email: 'ada@example.org' }, time: 1, subject: `change ${sha}` };
}

export function policyOf(policy: string, commit: Commit, closureHash: string): ClosedPolicy {
  return {
    policy,
    target: flights,
    labels: {},
    commit,
    position: { file: 'a.yaml', line: 1, column: 1 },
    closureHash,
    actingHash: 'acting',
    mode: 'enforce',
    modeFrom: 'policy',
    everyMs: 1000,
    observe: {},
    rules: [],
    guard: {},
    documents: { datasets: {}, connections: {}, people: {}, groups: {} },
    positions: {},
    text: `kind: Policy # ${closureHash}`,
  };
}

export function actionOf(id: string, attempt = 1): Action {
  const call = {
    capability: 'pipeline.run',
    connection: 'local',
    subject: 'local/train',
    args: {},
    output: {},
  } as const;
  return {
    id,
    attempt,
    key: `f${id}${attempt}`,
    origin: { request: 'r1' },
    target: flights,
    step: 'retrain',
    stepIndex: 0,
    phase: 0,
    phases: 1,
    round: 0,
    verb: 'retrain',
    call,
    calls: [call],
    connection: {
      name: 'local',
      connector: 'local',
      access: 'act',
      commands: {},
      limits: { timeoutMs: 1000 },
    },
    planHash: 'plan',
  };
}

export function actionRowFor(id: string, attempt = 1, more: Partial<ActionRow> = {}): ActionRow {
  return {
    action: actionOf(id, attempt),
    chain,
    state: 'intended',
    dueAt: 10,
    polls: 0,
    cancelRequested: false,
    intendedAt: 5,
    epoch: 0,
    leaseUntil: 0,
    ...more,
  };
}

export function intent(id: string, attempt = 1): Derived {
  const commit = commitOf('c1');
  const policy = policyOf('drift', commit, 'h1');
  return {
    kind: 'intent',
    cause: {
      policy: 'drift',
      rule: 'rule',
      group: '',
      commit: commit.sha,
      closureHash: 'h1',
      position: policy.position,
    },
    episode: 1,
    action: actionOf(id, attempt),
    plan: { steps: [], observe: {}, documents: policy.documents, guard: {}, actingHash: 'acting' },
    first: true,
    facts: {},
    snapshot: 's',
  };
}

export function snapshotAt(takenAt: number, rows: number): Snapshot {
  const observation = {
    name: 'rows',
    evaluator: 'rows',
    unit: 'count',
    definition: 'rows/v1',
    vector: false,
    readings: [{ labels: {}, fields: { value: rows } }],
  } as const;
  return { target: flights, takenAt, due: ['drift'], observations: { drift: { rows: observation } } };
}
