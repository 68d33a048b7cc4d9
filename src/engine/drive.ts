/**
 * The driver over the pure core, for the live loop, `plan` and the check at start. A tick looks (unlocked), then commits in
 * one transaction that runs `step` again on the same snapshot when anything that it read has moved.
 */
import { canonical } from '../canonical.ts';
import type {
  ClosedPolicy,
  Derived,
  Facts,
  Fresh,
  Input,
  LastTick,
  Own,
  RecordedTick,
  Revision,
  Snapshot,
  Step,
  TargetRow,
  Transaction,
} from '../model.ts';
import { emptyOwn, fold } from './fold.ts';
import { chainOf, policyHashes, targetOf } from './ids.ts';
import { askedNothing, type Observations, observe } from './observe.ts';
import { project } from './project.ts';
import { step } from './step.ts';
import { wants } from './wants.ts';
import type { World } from './world.ts';

const MOST_ROUNDS = 3;
const MOST_TRIES = 5;
/** A quiet tick looks again no sooner than this, whatever `wakeAt` says: no tick may spin. */
const LEAST_PAUSE_MS = 1000;

/** What a look at a target gives: a plan is this value, and a tick is this value committed. */
export interface Look {
  readonly row: TargetRow;
  readonly revision: Revision | undefined;
  readonly policies: readonly ClosedPolicy[];
  readonly gap: Extract<Input, { kind: 'gap' }> | undefined;
  readonly facts: Facts;
  readonly snapshot: Snapshot;
  readonly step: Step;
  /** What the tick before saw, for display. */
  readonly before: LastTick | undefined;
}

/** Policies of the revision in force that are about this target. */
export function policiesOf(revision: Revision | undefined, chain: string): readonly ClosedPolicy[] {
  return (revision?.policies ?? []).filter(policy => chainOf(policy.target) === chain);
}

export interface LookOptions {
  /** Every rule, due or not. */
  readonly all?: boolean;
  /** Instead of the revision in force: what a plan of another commit looks with. */
  readonly revision?: Revision;
}

/** Observes a target and steps, with up to three rounds of `needs`. Writes nothing. */
export async function look(
  world: World,
  chain: string,
  options: LookOptions = {},
): Promise<Look | undefined> {
  const { all = false } = options;
  const revision = options.revision ?? (await world.store.revision());
  const known = await world.store.target(chain);
  const row = known ?? (options.revision ? unseen(chain) : undefined);
  if (!row) return undefined;
  const policies = policiesOf(revision, chain);
  const at = Math.max(world.clock(), row.own.takenAt, row.lastTakenAt ?? 0);
  const gap = gapOf(policies, row, at);
  // A plan of another commit begins where taking that commit would: with its `revision` input.
  const taken = options.revision && revisionInput(row.own, options.revision, chain);
  const own = foldAll(row.own, [...(taken ? [taken] : []), ...(gap ? [gap] : [])], at);
  const facts = await readFacts(world.store);
  const model = policies.find(policy => policy.documents.model)?.documents;
  const serving = model?.model?.serving ? await world.readServing(model.model, model.connections) : undefined;
  const moment = {
    at,
    last: all ? undefined : row.lastTakenAt,
    ...(serving?.trained ? { trained: serving.trained } : {}),
  };
  const wanted = wants(policies, { own, facts }, moment, world.catalogue.evaluators);
  const asked = askedNothing();
  let observations: Observations = await observe(world, wanted.wants, asked);
  const target = row.target;
  for (let round = 0; ; round++) {
    const snapshot: Snapshot = {
      target,
      takenAt: at,
      due: wanted.due,
      observations,
      ...(serving ? { serving } : {}),
    };
    const answer = step(policies, snapshot, { own, facts }, world.catalogue);
    if (answer.needs.length === 0 || round >= MOST_ROUNDS) {
      const before = await world.store.last(chain);
      return { row, revision, policies, gap, facts, snapshot, step: answer, before };
    }
    observations = await observe(world, answer.needs, asked, observations);
  }
}

/** What a chain is told when a commit is taken, or undefined when nothing of its policies changed. */
export function revisionInput(own: Own, revision: Revision, chain: string): Input | undefined {
  const mine = policiesOf(revision, chain);
  const policies = Object.fromEntries(mine.map(policy => [policy.policy, policyHashes(policy)]));
  if (own.seq > 0 && canonical(own.policies) === canonical(policies)) return undefined;
  const rewritten = revision.rewritten ? { rewritten: revision.rewritten.from } : {};
  return { kind: 'revision', commit: revision.commit, policies, ...rewritten };
}

/** A target that a plan looks at before any tick did. */
function unseen(chain: string): TargetRow | undefined {
  const target = targetOf(chain);
  return target && { target, version: 0, head: '', own: emptyOwn(target), dueAt: 0, lastTakenAt: undefined };
}

/** A gap is the first input of a tick that comes more than 2 × every after the last one. */
function gapOf(policies: readonly ClosedPolicy[], row: TargetRow, at: number): Look['gap'] {
  if (row.lastTakenAt === undefined || policies.length === 0) return undefined;
  const every = Math.min(...policies.map(policy => policy.everyMs));
  return at - row.lastTakenAt > 2 * every ? { kind: 'gap', from: row.lastTakenAt, to: at } : undefined;
}

/** Folds bodies that are about to be appended, in order. */
export function foldAll(own: Own, bodies: readonly Fresh['body'][], at: number): Own {
  const owned = new WeakSet();
  return bodies.reduce((history, body) => fold(history, { seq: history.seq + 1, at, body }, owned), own);
}

/** Pauses and locks: every fact that admission may read. */
async function readFacts(from: Pick<Transaction, 'factsWithPrefix'>): Promise<Facts> {
  return { ...(await from.factsWithPrefix('pause:')), ...(await from.factsWithPrefix('lock:')) };
}

/** Looks and commits. False when the target is not known. Throws when it cannot settle after several tries. */
export async function tick(world: World, chain: string): Promise<boolean> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const seen = await look(world, chain);
    if (!seen) return false;
    if (await commit(world, chain, seen)) return true;
  }
  throw new Error(`${chain} kept changing while it was looked at`);
}

/** One transaction. False: something moved and the answer needs more than the snapshot holds; begin again. */
async function commit(world: World, chain: string, seen: Look): Promise<boolean> {
  return world.store.transaction(async tx => {
    const row = await tx.target(chain);
    if (!row || (await tx.revisionSha()) !== seen.revision?.commit.sha) return false;
    const facts = await readFacts(tx);
    const at = seen.snapshot.takenAt;
    const moved = row.version !== seen.row.version || canonical(facts) !== canonical(seen.facts);
    const inputs = seen.gap ? [seen.gap] : [];
    // Another tick came between, or an input that needs observations which were not taken.
    const overtaken =
      row.own.takenAt > at ||
      row.lastTakenAt !== seen.row.lastTakenAt ||
      row.own.requested?.id !== seen.row.own.requested?.id;
    if (overtaken) return false;
    const answer = moved
      ? step(seen.policies, seen.snapshot, { own: foldAll(row.own, inputs, at), facts }, world.catalogue)
      : seen.step;
    if (moved && answer.needs.length > 0) return false;
    await write(tx, {
      chain,
      row,
      inputs,
      answer,
      snapshot: seen.snapshot,
      facts,
      policies: seen.policies,
      before: seen.before,
    });
    for (const problem of answer.problems)
      world.log.error({ chain, ...problem }, 'policy could not be evaluated');
    return true;
  });
}

interface Write {
  readonly chain: string;
  readonly row: TargetRow;
  readonly inputs: readonly Input[];
  readonly answer: Step;
  readonly snapshot: Snapshot;
  readonly facts: Facts;
  readonly policies: readonly ClosedPolicy[];
  readonly before: LastTick | undefined;
}

async function write(tx: Transaction, w: Write): Promise<void> {
  const { answer, snapshot, row } = w;
  const at = snapshot.takenAt;
  const last = lastTick(w);
  const bodies: readonly (Input | Derived)[] = [...w.inputs, ...answer.entries];
  if (bodies.length === 0) {
    const dueAt = Math.max(answer.wakeAt, at + LEAST_PAUSE_MS);
    await tx.touch({ chain: w.chain, dueAt, lastTakenAt: at, last });
    if (snapshot.due.length > 0) await tx.observations(w.chain, compact(snapshot));
    return;
  }
  await appendTick(tx, w, bodies, last);
  await tx.observations(w.chain, compact(snapshot));
  await project(tx, { chain: w.chain, at, bodies, before: row.own });
}

/** Verdicts of rules that were not due stand as they were, while their policy is the same. */
function lastTick({ answer, snapshot, policies, before }: Write): LastTick {
  const closures = Object.fromEntries(policies.map(policy => [policy.policy, policy.closureHash]));
  const standing = (before?.verdicts ?? []).filter(
    ({ policy }) =>
      !snapshot.due.includes(policy) &&
      closures[policy] !== undefined &&
      closures[policy] === before?.closures?.[policy],
  );
  return {
    takenAt: snapshot.takenAt,
    verdicts: [...standing, ...answer.verdicts],
    closures,
    decisions: answer.decisions,
    wakeAt: answer.wakeAt,
    problems: answer.problems,
  };
}

/** The values without what only explains them: what a backtest needs, kept for every tick. */
function compact(snapshot: Snapshot): Snapshot {
  const observations = Object.fromEntries(
    Object.entries(snapshot.observations).map(([owner, byName]) => [
      owner,
      Object.fromEntries(Object.entries(byName).map(([name, { detail: _, ...one }]) => [name, one])),
    ]),
  );
  return { ...snapshot, observations };
}

async function appendTick(
  tx: Transaction,
  w: Write,
  bodies: readonly (Input | Derived)[],
  last: Parameters<Transaction['touch']>[0]['last'],
): Promise<void> {
  const { snapshot, row } = w;
  const at = snapshot.takenAt;
  const own = foldAll(row.own, bodies, at);
  // What was derived may allow more at once: the next tick finds out, and is quiet when it does not.
  await tx.append({ target: row.target, bodies, at, own, dueAt: at, lastTakenAt: at, last });
  if (w.answer.entries.length === 0) return;
  await tx.recordTick({
    chain: w.chain,
    from: row.own.seq + w.inputs.length + 1,
    to: own.seq,
    snapshot,
    facts: w.facts,
    closures: closuresOf(w.policies),
  });
}

function closuresOf(policies: readonly ClosedPolicy[]): RecordedTick['closures'] {
  return policies.map(policy => ({ hash: policy.closureHash, commit: policy.commit }));
}

/** What the check at start did: the entry `start-due`, and a withdrawal when the action may not start. */
export async function stepStart(
  world: World,
  tx: Transaction,
  row: TargetRow,
  start: { readonly action: string; readonly attempt: number },
): Promise<readonly Derived[]> {
  const revision = await world.store.revision();
  const chain = chainOf(row.target);
  const policies = policiesOf(revision, chain);
  const at = Math.max(world.clock(), row.own.takenAt);
  const input: Input = { kind: 'start-due', ...start };
  const own = foldAll(row.own, [input], at);
  const facts = await readFacts(tx);
  const snapshot: Snapshot = {
    target: row.target,
    takenAt: at,
    due: [],
    observations: {},
    starting: start.action,
  };
  const answer = step(policies, snapshot, { own, facts }, world.catalogue);
  const bodies = [input, ...answer.entries];
  const folded = foldAll(row.own, bodies, at);
  await tx.append({
    target: row.target,
    bodies,
    at,
    own: folded,
    dueAt: answer.entries.length > 0 ? at : row.dueAt,
  });
  if (answer.entries.length > 0) {
    const closures = closuresOf(policies);
    await tx.recordTick({ chain, from: row.own.seq + 2, to: folded.seq, snapshot, facts, closures });
  }
  await project(tx, { chain, at, bodies, before: row.own });
  return answer.entries;
}

/** Appends an input of a door or a poller in one short transaction, and makes the target due now. */
export async function appendInput(world: World, chain: string, input: Input): Promise<void> {
  await world.store.transaction(async tx => {
    const row = await tx.target(chain);
    if (!row) throw new Error(`target ${chain} is not known`);
    const at = Math.max(world.clock(), row.own.takenAt);
    const own = foldAll(row.own, [input], at);
    await tx.append({ target: row.target, bodies: [input], at, own, dueAt: 0 });
    await project(tx, { chain, at, bodies: [input], before: row.own });
  });
}
