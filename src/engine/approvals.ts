/** Who must say yes before an action, and whose yes counts. Pure. */
import type {
  Action,
  ApprovalCause,
  ApprovalSpec,
  Ask,
  ClosedPolicy,
  Episode,
  Own,
  SequencePlan,
  StepSpec,
  Verb,
} from '../model.ts';
import { isMessage } from './admit.ts';
import { promotedBy } from './fold-reverts.ts';
import { authorsIn } from './records.ts';

const ADOPTION: Omit<ApprovalSpec, 'from'> = { quorum: 1, expiresMs: 86_400_000, reaskMs: 86_400_000 };

/**
 * The approval that an action needs, or undefined. Where several ask for one (the Model, the step, an adoption), all of
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
  readonly action: Action;
}): (ApprovalSpec & { readonly why: ApprovalCause; readonly statedQuorum?: number }) | undefined {
  const { verb, step, plan, episode, policy, own } = asked;
  if (isMessage(verb)) return undefined;
  const adopts = needsAdoption(episode, policy);
  const reverted = isReverted(own, asked.action);
  const limit = plan.documents.model?.actions[verb.name]?.approval;
  const asks = !verb.safe || plan.documents.model?.actions[verb.name]?.safe?.includes('ask');
  const stated = asks ? [limit, step.approval].filter(one => one !== undefined) : [];
  const owner = plan.documents.model?.owner;
  const adoption = { ...ADOPTION, from: owner === undefined ? [] : [owner] };
  // Who may adopt is the owner, unless the action says itself who decides.
  const all = stated.length === 0 ? (adopts || reverted ? [adoption] : []) : stated;
  if (all.length === 0) return undefined;
  const bounds = adopts ? [...all, ADOPTION] : all;
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
    why: adopts ? 'adopt' : reverted ? 'reverted' : 'approval',
  };
}

/** An author whom nobody vouches for could be the approver: two people decide then. */
function raised(quorum: number, authors: Authors) {
  return authors.areKnown || quorum >= 2 ? { quorum } : { quorum: 2, statedQuorum: quorum };
}

/** How many must say yes. Separation of duties is waived with the proof of persons (`trust: local-user`). */
export function quorumOf({ quorum, statedQuorum, votes }: Ask): number {
  return votes.some(({ by }) => !by.authenticated) ? (statedQuorum ?? quorum) : quorum;
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

/**
 * True for the vote of someone who may decide; whoever asked for it while it waited may not. Unauthenticated ones exist only
 * under `trust: local-user`, which waives both checks.
 */
export function counts(
  waiting: Ask,
  vote: Ask['votes'][number],
  { policy, episode }: { readonly policy: ClosedPolicy; readonly episode: Episode },
): boolean {
  if (!vote.by.authenticated) return true;
  const members = membersOf(waiting.from, policy.documents);
  return members.includes(vote.by.name) && !refusedFor(waiting, episode).includes(vote.by.name);
}

/** People who may not decide what is asked: those of the time of the question, and who asked for it since. */
export function refusedFor(waiting: Ask, episode: Episode | undefined): readonly string[] {
  return [...new Set([...waiting.refused, ...(episode?.requestedBy ?? [])])];
}

interface Authors {
  readonly people: readonly string[];
  /** Each address is somebody's. */
  readonly areKnown: boolean;
}

/** The people behind the authors of the change that last altered what this policy does: they may not decide on it. */
export function authorsOf(policy: ClosedPolicy, own: Own): Authors {
  const addresses = authorsIn(own, policy.policy) ?? [policy.commit.author.email];
  const known = Object.entries(policy.documents.people);
  const found = addresses.map(address =>
    known.flatMap(([name, { emails }]) => (emails.includes(address) ? [name] : [])),
  );
  return {
    people: [...new Set(found.flat())],
    areKnown: found.length > 0 && found.every(people => people.length > 0),
  };
}
