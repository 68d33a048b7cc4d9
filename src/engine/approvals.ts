/** Who must say yes before an action, and whose yes counts. Pure. */
import type {
  Action,
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

const ADOPTION: Omit<ApprovalSpec, 'from'> = { quorum: 1, expiresMs: 86_400_000, reaskMs: 86_400_000 };

/**
 * The approval that an action needs, or undefined. Where several ask for one (the Model, the step, an adoption), all of
 * them are met: the greatest quorum, the shortest expiry, the longest `reask`, and only people whom each of them names.
 */
export function approvalFor(asked: {
  readonly verb: Verb;
  readonly step: StepSpec;
  readonly plan: SequencePlan;
  readonly episode: Episode;
  readonly policy: ClosedPolicy;
  readonly own: Own;
}): (ApprovalSpec & { readonly why: 'approval' | 'adopt'; readonly statedQuorum?: number }) | undefined {
  const { verb, step, plan, episode, policy, own } = asked;
  if (isMessage(verb)) return undefined;
  const adopts = needsAdoption(episode, policy);
  const limit = plan.documents.model?.actions[verb.name]?.approval;
  const asks = !verb.safe || plan.documents.model?.actions[verb.name]?.safe?.includes('ask');
  const stated = asks ? [limit, step.approval].filter(one => one !== undefined) : [];
  const owner = plan.documents.model?.owner;
  const adoption = { ...ADOPTION, from: owner === undefined ? [] : [owner] };
  // Who may adopt is the owner, unless the action says itself who decides.
  const all = stated.length === 0 ? (adopts ? [adoption] : []) : stated;
  if (all.length === 0) return undefined;
  const bounds = adopts ? [...all, ADOPTION] : all;
  return {
    from: fromAll(
      all.map(one => one.from.map(name => (name === 'owner' ? (owner ?? name) : name))),
      plan.documents,
    ),
    ...raised(Math.max(...bounds.map(one => one.quorum)), authorsOf(policy, own)),
    expiresMs: Math.min(...bounds.map(one => one.expiresMs)),
    reaskMs: Math.max(...bounds.map(one => one.reaskMs)),
    why: adopts ? 'adopt' : 'approval',
  };
}

/** An author whom nobody vouches for could be the approver: two people decide then. */
function raised(quorum: number, authors: readonly string[]) {
  return authors.length > 0 || quorum >= 2 ? { quorum } : { quorum: 2, statedQuorum: quorum };
}

/** How many must say yes. Separation of duties is waived with the proof of persons (`trust: local-user`). */
export function quorumOf({ quorum, statedQuorum, votes }: Ask): number {
  return votes.some(({ by }) => !by.authenticated) ? (statedQuorum ?? quorum) : quorum;
}

/**
 * The action as people said yes to it, when that yes is still good for what is about to be done: a further attempt of what
 * failed, or one that a hold kept from beginning until the approval's end. Undefined when it has to be asked.
 */
export function yesTo(
  own: Own,
  action: Action,
  at: number,
): { readonly action: Action; readonly approval: string | undefined } | undefined {
  const before = own.actions[action.id];
  if (before?.approval === undefined || before.action.planHash !== action.planHash) return undefined;
  if (before.state !== 'withdrawn') return { action, approval: undefined };
  if (before.approvedUntil === undefined || at >= before.approvedUntil) return undefined;
  const { attempt, key, deadline } = action;
  const { deadline: _, ...approved } = before.action;
  return {
    action: { ...approved, attempt, key, ...(deadline === undefined ? {} : { deadline }) },
    approval: before.approval,
  };
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

/** True for the vote of someone who may decide. Unauthenticated ones exist only under `trust: local-user`, which waives both checks. */
export function counts(waiting: Ask, vote: Ask['votes'][number], policy: ClosedPolicy): boolean {
  if (!vote.by.authenticated) return true;
  const members = membersOf(waiting.from, policy.documents);
  return members.includes(vote.by.name) && !waiting.refused.includes(vote.by.name);
}

/** The people behind the author of the change that last altered what this policy does: they may not decide on it. */
export function authorsOf(policy: ClosedPolicy, own: Own): readonly string[] {
  const email = own.authors[policy.policy] ?? policy.commit.author.email;
  return Object.entries(policy.documents.people).flatMap(([name, { emails }]) =>
    emails.includes(email) ? [name] : [],
  );
}
