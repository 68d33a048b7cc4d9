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
import { concernedBy, factKeys, PREFIXES, standingFacts } from './fleet-facts.ts';
import { emptyOwn, fold } from './fold.ts';
import { outlives } from './fold-rollout.ts';
import { chainOf, policyHashes, targetOf } from './ids.ts';
import { compact, lastTick } from './last-tick.ts';
import { askedNothing, observe } from './observe.ts';
import { project } from './project.ts';
import { qualified } from './qualified.ts';
import { shortestEveryMs } from './schedule.ts';
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
  const facts = await readFacts(world.store, revision, row.own, at);
  // A rollout whose policy is gone still has its traffic read back.
  const rolling = Object.values(own.episodes).find(one => outlives(one))?.plan?.documents;
  const model = policies.find(policy => policy.documents.model)?.documents ?? rolling;
  const serving = model?.model?.serving ? await world.readServing(model.model, model.connections) : undefined;
  const moment = {
    at,
    last: all ? undefined : row.lastTakenAt,
    all,
    ...(serving?.trained ? { trained: serving.trained } : {}),
  };
  const wanted = wants(policies, { own, facts }, moment, world.catalogue.evaluators);
  const asked = askedNothing();
  let observations = qualified(policies, await observe(world, wanted.wants, asked));
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
    observations = qualified(policies, await observe(world, answer.needs, asked, observations));
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
  const every = shortestEveryMs(policies, at);
  if (row.lastTakenAt === undefined || every === undefined) return undefined;
  return at - row.lastTakenAt > 2 * every ? { kind: 'gap', from: row.lastTakenAt, to: at } : undefined;
}

/** Folds bodies that are about to be appended, in order. */
export function foldAll(own: Own, bodies: readonly Fresh['body'][], at: number): Own {
  const owned = new WeakSet();
  return bodies.reduce((history, body) => fold(history, { seq: history.seq + 1, at, body }, owned), own);
}

/** Every fact that a step for this chain may read, with what the revision says about its gates and inhibitors. */
async function readFacts(
  from: Pick<Transaction, 'factsWithPrefix' | 'facts'>,
  revision: Revision | undefined,
  own: Own,
  at: number,
): Promise<Facts> {
  const chain = chainOf(own.target);
  const standing = standingFacts(revision?.policies ?? [], chain, at);
  const found: Record<string, Facts[string]> = {};
  for (const prefix of PREFIXES) Object.assign(found, await from.factsWithPrefix(prefix));
  const keys = factKeys(policiesOf(revision, chain), standing, own);
  const named = keys.length > 0 ? await from.facts(keys) : {};
  for (const [key, fact] of Object.entries(named)) if (fact.version > 0) found[key] = fact;
  return { ...found, ...standing };
}

/** Looks and commits. False when the target is not known. Throws when it cannot settle after several tries. */
export async function tick(world: World, chain: string, options: LookOptions = {}): Promise<boolean> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const seen = await look(world, chain, options);
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
    const at = seen.snapshot.takenAt;
    const facts = await readFacts(tx, seen.revision, row.own, at);
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
    await tellOthers(tx, seen.revision, chain, facts, answer, at);
    for (const problem of answer.problems)
      world.log.error({ chain, ...problem }, 'policy could not be evaluated');
    return true;
  });
}

/** Facts for others, who look again where they are concerned; and a request to end what a safe verb needs gone elsewhere. */
async function tellOthers(
  tx: Transaction,
  revision: Revision | undefined,
  chain: string,
  before: Facts,
  answer: Step,
  at: number,
): Promise<void> {
  const facts = Object.entries(answer.facts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of facts) await tx.setFact(key, value);
  for (const other of concernedBy(revision, chain, before, answer)) {
    if (await tx.target(other)) await tx.setDue(other, 0);
  }
  for (const body of answer.entries) {
    if (body.kind !== 'preempted' || body.chain === chain) continue;
    const by = { name: 'flyball', door: 'daemon', authenticated: true } as const;
    await append(tx, body.chain, { kind: 'cancel', action: body.running, by, reason: body.message }, at);
  }
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
  const facts = await readFacts(tx, revision, row.own, at);
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
    const known = await append(tx, chain, input, world.clock());
    if (!known) throw new Error(`target ${chain} is not known`);
  });
}

/** False when the target is not known. */
async function append(tx: Transaction, chain: string, input: Input, now: number): Promise<boolean> {
  const row = await tx.target(chain);
  if (!row) return false;
  const at = Math.max(now, row.own.takenAt);
  const own = foldAll(row.own, [input], at);
  await tx.append({ target: row.target, bodies: [input], at, own, dueAt: 0 });
  await project(tx, { chain, at, bodies: [input], before: row.own });
  return true;
}
