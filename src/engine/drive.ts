/**
 * The driver over the pure core, for the live loop, `plan` and the check at start. A tick looks (unlocked), then commits in
 * one transaction that runs `step` again on the same snapshot when anything that it read has moved.
 */
import {
  type ActionRow,
  assert,
  type ClosedPolicy,
  type Derived,
  type Facts,
  type Input,
  type LastTick,
  type RecordedTick,
  type Report,
  type RequestAction,
  type Revision,
  type Snapshot,
  type Step,
  type TargetRow,
  type Transaction,
} from '../model.ts';
import { byValue } from './fact-values.ts';
import { concernedBy, isRow } from './fleet-facts.ts';
import { chainOf } from './ids.ts';
import { compact, lastTick } from './last-tick.ts';
import {
  factsOf,
  firstInputs,
  foldAll,
  type Look,
  type LookOptions,
  look,
  readFacts,
  revisionInput,
  stepWith,
} from './look.ts';
import { project } from './project.ts';
import { policiesOf } from './revision-index.ts';
import type { World } from './world.ts';

const MOST_TRIES = 5;
/** A quiet tick looks again no sooner than this, whatever `wakeAt` says: no tick may spin. */
const LEAST_PAUSE_MS = 1000;

/** Looks and commits. False when the target is not known. Throws when it cannot settle after several tries. */
export async function tick(world: World, chain: string, options: LookOptions = {}): Promise<boolean> {
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const seen = await look(world, chain, options);
    if (!seen) return false;
    if (await commit(world, seen)) return true;
  }
  throw new Error(`${chain} kept changing while it was looked at`);
}

/** One transaction. False: something moved and the answer needs more than the snapshot holds; begin again. */
export async function commit(world: World, seen: Look): Promise<boolean> {
  const chain = chainOf(seen.row.target);
  return world.store.transaction(async tx => {
    const row = await tx.target(chain);
    if (!row || (await tx.revisionSha()) !== seen.revision?.commit.sha) return false;
    const at = seen.snapshot.takenAt;
    const moved = row.version !== seen.row.version || !isUnmoved(seen.facts, await factsNow(tx, [seen]));
    const inputs = moved ? firstInputs(seen, row.own) : seen.inputs;
    // Another tick came between, or an input that needs observations which were not taken.
    const overtaken =
      row.own.takenAt > at ||
      row.lastTakenAt !== seen.row.lastTakenAt ||
      row.own.requested?.id !== seen.row.own.requested?.id;
    if (overtaken) return false;
    const { answer, facts } = moved
      ? await again(world, tx, seen, row)
      : { answer: seen.step, facts: seen.facts };
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
    complain(world, chain, answer);
    return true;
  });
}

/** The step once more, on the same snapshot and with everything else as it is now. */
async function again(world: World, tx: Transaction, seen: Look, row: TargetRow) {
  const at = seen.snapshot.takenAt;
  const facts = await readFacts(tx, seen.revision, row.own, at);
  const own = foldAll(row.own, firstInputs(seen, row.own), at);
  return stepWith(tx, world, seen.policies, seen.snapshot, { own, facts });
}

/** The facts that these looks depend on, as they are now. */
async function factsNow(tx: Transaction, looks: readonly Look[]): Promise<Facts> {
  const keys = new Set(looks.flatMap(({ facts }) => Object.keys(facts).filter(isRow)));
  return factsOf(tx, [...keys].sort());
}

function isUnmoved(seen: Facts, now: Facts): boolean {
  return Object.entries(seen).every(([key, { version }]) => !isRow(key) || now[key]?.version === version);
}

/** Policies that could not be evaluated stop nobody else, and are not silent. */
function complain({ log }: World, chain: string, { problems }: Step): void {
  for (const problem of problems) log.error({ chain, ...problem }, 'policy could not be evaluated');
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
    await writeQuiet(tx, w, last);
    return;
  }
  await appendTick(tx, w, bodies, last);
  await tx.observations(w.chain, compact(snapshot));
  await project(tx, { chain: w.chain, at, bodies, before: row.own });
}

/** Only that it was looked at, what was seen, and when to look again. False when the row has moved meanwhile. */
async function writeQuiet(
  tx: Transaction,
  { chain, row, answer, snapshot }: Pick<Write, 'chain' | 'row' | 'answer' | 'snapshot'>,
  last: LastTick,
): Promise<boolean> {
  const at = snapshot.takenAt;
  const dueAt = Math.max(answer.wakeAt, at + LEAST_PAUSE_MS);
  const stands = await tx.touch({ chain, version: row.version, dueAt, lastTakenAt: at, last });
  if (stands && snapshot.due.length > 0) await tx.observations(chain, compact(snapshot));
  return stands;
}

/** A look that says nothing: no entry, no fact for others. */
export function isQuiet({ inputs, step: answer }: Look): boolean {
  return inputs.length === 0 && answer.entries.length === 0 && Object.keys(answer.facts ?? {}).length === 0;
}

/**
 * Quiet looks of several targets in one transaction. Gives those that must be looked at again: the revision, a fact that they
 * read or their row has moved meanwhile.
 */
export async function commitQuiet(world: World, looks: readonly Look[]): Promise<readonly Look[]> {
  return world.store.transaction(async tx => {
    const sha = await tx.revisionSha();
    const now = await factsNow(tx, looks);
    const moved: Look[] = [];
    for (const seen of looks) {
      const chain = chainOf(seen.row.target);
      const stands = sha === seen.revision?.commit.sha && isUnmoved(seen.facts, now);
      const quiet = { chain, row: seen.row, answer: seen.step, snapshot: seen.snapshot };
      if (!stands || !(await writeQuiet(tx, quiet, lastTick({ ...seen, answer: seen.step }))))
        moved.push(seen);
      else complain(world, chain, seen.step);
    }
    return moved;
  });
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
    facts: byValue(w.facts, Object.keys(w.facts)),
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
  // As at a look; but not of a revision that is not the one of this transaction.
  const inForce = revision !== undefined && (await tx.revisionSha()) === revision.commit.sha;
  const taken = inForce ? revisionInput(row.own, revision, chain) : undefined;
  const inputs = [...(taken ? [taken] : []), input];
  const own = foldAll(row.own, inputs, at);
  const likely = await readFacts(tx, revision, row.own, at);
  const snapshot: Snapshot = {
    target: row.target,
    takenAt: at,
    due: [],
    observations: {},
    starting: start.action,
  };
  const { answer, facts } = await stepWith(tx, world, policies, snapshot, { own, facts: likely });
  const bodies = [...inputs, ...answer.entries];
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
    await tx.recordTick({
      chain,
      from: row.own.seq + inputs.length + 1,
      to: folded.seq,
      snapshot,
      facts: byValue(facts, Object.keys(facts)),
      closures,
    });
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

/**
 * Appends a request for an action, if what it is closed under is in force still. False: it is to be closed anew. The same request
 * again appends nothing.
 */
export async function appendRequest(world: World, request: RequestAction): Promise<boolean> {
  return world.store.transaction(async tx => {
    if ((await tx.revisionSha()) !== request.closed.commit.sha) return false;
    const row = await tx.target(request.target);
    if (row?.own.requests !== undefined && Object.hasOwn(row.own.requests, request.request)) return true;
    const known = await append(tx, request.target, request, world.clock());
    if (!known) throw new Error(`target ${request.target} is not known`);
    return true;
  });
}

/**
 * Appends what whoever works on an action saw of its effect. When somebody else has taken the row meanwhile, it is recorded
 * as stale, and decides nothing.
 */
export async function report(world: World, row: ActionRow, input: Report): Promise<void> {
  await world.store.transaction(async tx => {
    const target = await tx.target(row.chain);
    const now = await tx.action(row.action.key);
    assert(target && now, `action ${row.action.key} of ${row.chain} is gone`);
    const body: Report = now.epoch === row.epoch ? input : { ...input, stale: true };
    await append(tx, row.chain, body, world.clock());
    // The call is over: nobody has to wait for the lease to go on.
    if (body === input) await tx.updateAction(row.action.key, { leaseUntil: 0 });
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
