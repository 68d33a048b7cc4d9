/** Who must say yes before an action, and whose yes counts. Pure. */
import type {
  Action,
  ApprovalCause,
  ApprovalSpec,
  Ask,
  ClosedPolicy,
  Episode,
  Facts,
  Own,
  SequencePlan,
  StepSpec,
  Verb,
} from '../model.ts';
import { approvalOfFloors, type FloorsApproval, floorsOn, TRUST } from './floors.ts';
import { promotedBy } from './fold-reverts.ts';
import { chainOf } from './ids.ts';
import { isMessage } from './message-verbs.ts';
import { type Authors, isPerson, peopleBehind } from './persons.ts';
import { authorsIn, requestIn } from './records.ts';

const ADOPTION: Omit<ApprovalSpec, 'from'> = { quorum: 1, expiresMs: 86_400_000, reaskMs: 86_400_000 };

/** An approval as it is asked for. `floors`, `among`: where floors have a say, and the only persons whose yes they take. */
export type Approval = ApprovalSpec &
  Pick<Ask, 'statedQuorum' | 'floors' | 'among'> & { readonly why: ApprovalCause };

/**
 * The approval that an action needs, or undefined. Where several ask for one (a floor, the Model, the step, an adoption), all of
 * them are met: the greatest quorum, the shortest expiry, the longest `reask`, the soonest page, and only people whom each of
 * them names. A version that somebody took out of service is not promoted again without a yes of the owner.
 */
export function approvalFor(asked: {
  readonly verb: Verb;
  readonly step: StepSpec;
  readonly plan: SequencePlan;
  readonly episode: Episode;
  readonly policy: ClosedPolicy;
  readonly own: Own;
  readonly facts: Facts;
  readonly action: Action;
}): Approval | undefined {
  const { verb, step, plan, episode, policy, own, facts } = asked;
  if (isMessage(verb)) return undefined;
  const adopts = needsAdoption(episode, policy);
  const reverted = isReverted(own, asked.action);
  const limit = plan.documents.model?.actions[verb.name]?.approval;
  const asks = !verb.safe || plan.documents.model?.actions[verb.name]?.safe?.includes('ask');
  const stated = asks ? [limit, step.approval].filter(one => one !== undefined) : [];
  const owner = plan.documents.model?.owner;
  const adoption = { ...ADOPTION, from: owner === undefined ? [] : [owner] };
  const floor = approvalOfFloors(floorsOn({ facts, verb, chain: chainOf(policy.target), plan, policy }));
  const byAgent = floor === undefined && verb.disruptive && !verb.safe && isAgents(episode, own);
  // Who decides is the owner, unless the action says itself who does.
  const all: ApprovalSpec[] =
    stated.length === 0 ? (adopts || reverted || byAgent ? [adoption] : []) : stated;
  if (all.length === 0 && floor === undefined) return undefined;
  if (all.length === 0) all.push({ ...adoption, from: floor?.from ?? adoption.from });
  const bounds = [...all, ...(adopts ? [ADOPTION] : []), ...(floor ? [boundsOf(floor)] : [])];
  const escalates = all.some(one => one.onExpiry === 'escalate');
  const waits = all.flatMap(one => one.escalateAfterMs ?? []);
  return {
    from: fromAll(
      all.map(one => one.from.map(name => (name === 'owner' ? (owner ?? name) : name))),
      plan.documents,
    ),
    ...raised(Math.max(...bounds.map(one => one.quorum)), authorsOf(policy, own)),
    expiresMs: Math.min(...bounds.map(one => one.expiresMs)),
    reaskMs: Math.max(...bounds.map(one => one.reaskMs)),
    ...(escalates ? { onExpiry: 'escalate' as const } : {}),
    ...(waits.length === 0 ? {} : { escalateAfterMs: Math.min(...waits) }),
    ...(floor ? { floors: floor.floors } : {}),
    ...(floor?.from ? { among: floor.from } : {}),
    why: adopts
      ? 'adopt'
      : reverted
        ? 'reverted'
        : stated.length > 0
          ? 'approval'
          : floor
            ? 'floor'
            : 'agent',
  };
}

/** A program has asked for it, whoever's it is: nothing disruptive is done on that alone. */
function isAgents({ request }: Episode, own: Own): boolean {
  const by = own.requests?.[request ?? '']?.by;
  return by?.kind !== undefined || by?.door === 'mcp';
}

/** What a floor leaves open binds nothing. */
function boundsOf({ quorum, expiresMs = Number.POSITIVE_INFINITY }: FloorsApproval) {
  return { quorum, expiresMs, reaskMs: 0 };
}

/** An author whom nobody vouches for could be the approver: two people decide then. */
function raised(quorum: number, authors: Authors) {
  return authors.areKnown || quorum >= 2 ? { quorum } : { quorum: 2, statedQuorum: quorum };
}

/** How many must say yes. Separation of duties is waived with the proof of persons (`trust: local-user`). */
export function quorumOf(waiting: Ask, by: Voters): number {
  const { quorum, statedQuorum, votes } = waiting;
  const isWaived = votes.some(vote => !vote.by.authenticated && counts(waiting, vote, by));
  return isWaived ? (statedQuorum ?? quorum) : quorum;
}

/**
 * The action as people said yes to it, when that yes is still good for what is about to be done: a further attempt of what
 * failed, or one that a hold kept from beginning until the approval's end, if nobody has said no since. Undefined when it has to
 * be asked.
 */
export function yesTo(
  own: Own,
  action: Action,
  at: number,
): { readonly action: Action; readonly approval: string | undefined } | undefined {
  const before = own.actions[action.id];
  if (before?.approval === undefined || before.action.planHash !== action.planHash) return undefined;
  if (before.state !== 'withdrawn') return { action, approval: undefined };
  if (before.denied !== undefined || before.approvedUntil === undefined || at >= before.approvedUntil)
    return undefined;
  const { attempt, key } = action;
  return { action: { ...withTimes(before.action, action), attempt, key }, approval: before.approval };
}

/** The action with the times of another: it is what people saw, and its deadlines count from when it begins. */
export function withTimes(action: Action, { timeoutMs, deadline, until }: Times): Action {
  const { timeoutMs: _, deadline: __, until: ___, ...rest } = action;
  return {
    ...rest,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(until === undefined ? {} : { until }),
  };
}

type Times = Pick<Action, 'timeoutMs' | 'deadline' | 'until'>;

/** Somebody else took the version that it would promote out of service. */
function isReverted(own: Own, action: Action): boolean {
  const version = promotedBy(action);
  return version !== undefined && Object.hasOwn(own.reverted, version);
}

/** People who may not decide: who wrote the change, and who asked for what would be done. */
export function refusedOf(policy: ClosedPolicy, episode: Episode, own: Own): readonly string[] {
  return [...new Set([...authorsOf(policy, own).people, ...(episode.requestedBy ?? [])])];
}

/** An episode opened while only observed, or under other clauses, never acts without a person's yes. */
function needsAdoption(episode: Episode, policy: ClosedPolicy): boolean {
  if (episode.adopted || episode.sequence.acted) return false;
  return episode.mode === 'observe' || episode.actingHash !== policy.actingHash;
}

/** The names as they were written when all lists are one; else the people who are in every one of them. */
function fromAll(lists: readonly (readonly string[])[], documents: Documents): readonly string[] {
  const [first = [], ...others] = lists;
  if (others.every(list => list.join() === first.join())) return first;
  const people = others.map(list => membersOf(list, documents));
  return membersOf(first, documents).filter(name => people.every(list => list.includes(name)));
}

type Documents = Pick<ClosedPolicy['documents'], 'groups' | 'people'>;

/** The people behind names of groups and of people, each once. A name that is neither is nobody. */
function membersOf(names: readonly string[], { groups, people }: Documents): readonly string[] {
  const found = names.flatMap(name => {
    if (Object.hasOwn(groups, name)) return groups[name] ?? [];
    return Object.hasOwn(people, name) ? [name] : [];
  });
  return [...new Set(found)];
}

/** What decides whose vote counts. */
export interface Voters {
  readonly policy: ClosedPolicy;
  readonly episode: Episode;
  readonly draft: { readonly facts: Facts };
}

/**
 * True for the vote of someone who may decide; whoever asked for it while it waited may not, and no agent ever. One whom nobody
 * has proven counts only under `trust: local-user`, which waives separation of duties, whatever a door let through.
 */
export function counts(
  waiting: Ask,
  { by }: Ask['votes'][number],
  { policy, episode, draft }: Voters,
): boolean {
  if (!isPerson(by)) return false;
  if (!by.authenticated) return draft.facts[TRUST]?.value !== 'tokens';
  const { name } = by;
  return (
    peopleAsked(waiting, policy.documents).includes(name) && !refusedFor(waiting, episode).includes(name)
  );
}

/** The people who are asked, those included who may not decide. */
export function peopleAsked(
  { from, among }: Pick<Ask, 'from' | 'among'>,
  documents: Documents,
): readonly string[] {
  const named = membersOf(from, documents);
  if (among === undefined) return named;
  // Whom a floor names is a person by that name, whether the repository knows them or not.
  return [...new Set([...named, ...from])].filter(name => among.includes(name));
}

/** People who may not decide what is asked: those of the time of the question, and who asked for it since. */
export function refusedFor(waiting: Ask, episode: Episode | undefined): readonly string[] {
  return [...new Set([...waiting.refused, ...(episode?.requestedBy ?? [])])];
}

/**
 * The people behind the authors of the change that last altered what this policy does: they may not decide on it. Nobody wrote a
 * requested action; who changed what it does while it waited counts as its author.
 */
export function authorsOf(policy: ClosedPolicy, own: Own): Authors {
  const { people } = policy.documents;
  const asked = requestIn(own, policy.policy);
  if (asked) return asked.authors ? peopleBehind(people, asked.authors) : { people: [], areKnown: true };
  return peopleBehind(people, authorsIn(own, policy.policy) ?? [policy.commit.author.email]);
}
