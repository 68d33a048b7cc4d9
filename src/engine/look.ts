/**
 * Looking at a target: observe and step, outside of any transaction and without writing. What a look gives is a plan; a tick is
 * a look that `drive.ts` commits.
 */
import { canonical } from '../canonical.ts';
import type {
  ClosedPolicy,
  Facts,
  Fresh,
  Input,
  Json,
  LastTick,
  Own,
  Revision,
  Snapshot,
  Step,
  TargetRow,
  Transaction,
} from '../model.ts';
import { ACTED, ACTED_PREFIX } from './blast-radius.ts';
import { factKeys, isRow, standingFacts } from './fleet-facts.ts';
import { emptyOwn, fold } from './fold.ts';
import { outlives } from './fold-rollout.ts';
import { chainOf, targetOf } from './ids.ts';
import { askedNothing, observe } from './observe.ts';
import { qualified } from './qualified.ts';
import { requestPolicies } from './requests.ts';
import { hashesOf, policiesConcerning, policiesOf } from './revision-index.ts';
import { shortestEveryMs } from './schedule.ts';
import { step } from './step.ts';
import { wants } from './wants.ts';
import type { World } from './world.ts';

const MOST_ROUNDS = 3;

/** What a look at a target gives: a plan is this value, and a tick is this value committed. */
export interface Look {
  readonly row: TargetRow;
  readonly revision: Revision | undefined;
  readonly policies: readonly ClosedPolicy[];
  readonly gap: Extract<Input, { kind: 'gap' }> | undefined;
  /** What its chain is told before anything is derived. */
  readonly inputs: readonly Input[];
  readonly facts: Facts;
  readonly snapshot: Snapshot;
  readonly step: Step;
  /** What the tick before saw, for display. */
  readonly before: LastTick | undefined;
}

export interface LookOptions {
  /** Every rule, due or not. */
  readonly all?: boolean;
  /** Instead of the revision in force: what a plan of another commit looks with. */
  readonly revision?: Revision;
  /** In place of those of the store. */
  readonly facts?: Facts;
  /** What nobody has told the chain: what a plan of that looks with. */
  readonly told?: readonly Input[];
}

/** Observes a target and steps, with up to three rounds of `needs`. Writes nothing. Undefined when the target is not known. */
export async function look(
  world: World,
  chain: string,
  options: LookOptions = {},
): Promise<Look | undefined> {
  const revision = options.revision ?? (await world.store.revision());
  const known = await world.store.target(chain);
  const found = known ?? (options.revision ? unseen(chain) : undefined);
  if (!found) return undefined;
  const at = momentOf(world, found);
  const row = { ...found, own: foldAll(found.own, options.told ?? [], at) };
  return lookAt(
    world,
    {
      row,
      revision,
      at,
      facts: { ...(await readFacts(world.store, revision, row.own, at)), ...options.facts },
    },
    options,
  );
}

/** A target as it was read before it is looked at. */
export interface Before {
  readonly row: TargetRow;
  readonly revision: Revision | undefined;
  readonly at: number;
  readonly facts: Facts;
}

/** Now, for a target: never before what its chain has seen. */
export function momentOf(world: World, row: TargetRow): number {
  return Math.max(world.clock(), row.own.takenAt, row.lastTakenAt ?? 0);
}

/** The same, of a target that has been read. */
export async function lookAt(
  world: World,
  { row, revision, at, facts }: Before,
  options: LookOptions = {},
): Promise<Look> {
  const { all = false } = options;
  const chain = chainOf(row.target);
  const policies = policiesOf(revision, chain);
  const gap = gapOf(policies, row, at);
  const inputs = firstInputs({ revision, gap }, row.own);
  const own = foldAll(row.own, inputs, at);
  // A rollout whose policy is gone still has its traffic read back.
  const rolling = Object.values(own.episodes).find(one => outlives(one))?.plan?.documents;
  const governed = [...policies, ...requestPolicies(own)];
  const model = governed.find(policy => policy.documents.model)?.documents ?? rolling;
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
    const { answer, facts: read } = await stepWith(world.store, world, policies, snapshot, { own, facts });
    if (answer.needs.length === 0 || round >= MOST_ROUNDS) {
      const before = await beforeOf(world, chain, policies, wanted.due, all);
      return { row, revision, policies, gap, inputs, facts: read, snapshot, step: answer, before };
    }
    observations = qualified(policies, await observe(world, answer.needs, asked, observations));
  }
}

/** The last tick is read only where something of it stands on: verdicts of policies that were not due, or a plan that shows them. */
async function beforeOf(
  world: World,
  chain: string,
  policies: readonly ClosedPolicy[],
  due: readonly string[],
  all: boolean,
): Promise<LastTick | undefined> {
  const anew = !all && policies.every(({ policy }) => due.includes(policy));
  return anew ? undefined : world.store.last(chain);
}

/** What a chain is told when a commit is taken, or undefined when nothing of its policies and waiting requests changed. */
export function revisionInput(
  own: Own,
  revision: Revision,
  chain: string,
  renewed: NonNullable<Extract<Input, { kind: 'revision' }>['requests']> = {},
): Input | undefined {
  const { policies, text } = hashesOf(revision, chain);
  const hasNew = Object.keys(renewed).length > 0;
  if (own.seq > 0 && !hasNew && canonical(own.policies) === text) return undefined;
  const rewritten = revision.rewritten ? { rewritten: revision.rewritten.from } : {};
  const authors = revision.authors ? { authors: revision.authors } : {};
  const requests = hasNew ? { requests: renewed } : {};
  return { kind: 'revision', commit: revision.commit, policies, ...rewritten, ...authors, ...requests };
}

/**
 * What a chain is told before a look derives anything. The `revision` input of a commit that nobody told it yet: whoever took
 * the commit died before, or the commit is only planned.
 */
export function firstInputs({ revision, gap }: Pick<Look, 'revision' | 'gap'>, own: Own): readonly Input[] {
  const taken = revision && revisionInput(own, revision, chainOf(own.target));
  return [...(taken ? [taken] : []), ...(gap ? [gap] : [])];
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

type ReadsFacts = Pick<Transaction, 'facts' | 'factsWithPrefix'>;

/** Facts by key. What says who was acted on is gathered from what each target says; its version rises with each of theirs. */
export async function factsOf(from: ReadsFacts, keys: readonly string[]): Promise<Facts> {
  if (keys.length === 0) return {};
  if (!keys.includes(ACTED)) return from.facts(keys);
  const rows = Object.values(await from.factsWithPrefix(ACTED_PREFIX));
  const value = rows.flatMap(row => (Array.isArray(row.value) ? (row.value as readonly Json[]) : []));
  const version = rows.reduce((sum, row) => sum + row.version, 0);
  const others = await factsOf(
    from,
    keys.filter(key => key !== ACTED),
  );
  return { ...others, [ACTED]: { version, value } };
}

/** Facts that a step for this chain is likely to read, with what the revision says about its gates and inhibitors. */
export async function readFacts(
  from: ReadsFacts,
  revision: Revision | undefined,
  own: Own,
  at: number,
): Promise<Facts> {
  const [facts] = await readFactsOf(from, revision, [{ own, at }]);
  return facts ?? {};
}

/** The same of several chains, each row read once. In the order of `chains`. */
export async function readFactsOf(
  from: ReadsFacts,
  revision: Revision | undefined,
  chains: readonly { readonly own: Own; readonly at: number }[],
): Promise<readonly Facts[]> {
  const wanted = chains.map(({ own, at }) => {
    const chain = chainOf(own.target);
    const standing = standingFacts(policiesConcerning(revision, chain), chain, at);
    return { standing, keys: factKeys(policiesOf(revision, chain), standing, own) };
  });
  const keys = [...new Set(wanted.flatMap(one => one.keys))].sort();
  const named = await factsOf(from, keys);
  return wanted.map(one => ({ ...pick(named, one.keys), ...one.standing }));
}

/** A step, and the facts that it depends on: what it asks for and was not read yet is read, and it is asked again. */
export async function stepWith(
  from: ReadsFacts,
  world: Pick<World, 'catalogue'>,
  policies: readonly ClosedPolicy[],
  snapshot: Snapshot,
  history: { readonly own: Own; readonly facts: Facts },
): Promise<{ readonly answer: Step; readonly facts: Facts }> {
  let { facts } = history;
  for (;;) {
    const answer = step(policies, snapshot, { own: history.own, facts }, world.catalogue);
    const read = answer.read ?? [];
    const known = facts;
    const missing = read.filter(key => isRow(key) && known[key] === undefined);
    if (missing.length === 0) return { answer, facts: pick(facts, read) };
    facts = { ...facts, ...(await factsOf(from, missing)) };
  }
}

function pick(facts: Facts, keys: readonly string[]): Facts {
  return Object.fromEntries(
    keys.flatMap(key => {
      const fact = facts[key];
      return fact === undefined ? [] : [[key, fact]];
    }),
  );
}
