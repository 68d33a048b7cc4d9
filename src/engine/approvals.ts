/** Who must say yes before an action, and whose yes counts. Pure. */
import type {
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
}): (ApprovalSpec & { readonly why: 'approval' | 'adopt' }) | undefined {
  const { verb, step, plan, episode, policy } = asked;
  if (isMessage(verb)) return undefined;
  const adopts = needsAdoption(episode, policy);
  const limit = plan.documents.model?.actions[verb.name]?.approval;
  const stated = verb.safe ? [] : [limit, step.approval].filter(one => one !== undefined);
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
    quorum: Math.max(...bounds.map(one => one.quorum)),
    expiresMs: Math.min(...bounds.map(one => one.expiresMs)),
    reaskMs: Math.max(...bounds.map(one => one.reaskMs)),
    why: adopts ? 'adopt' : 'approval',
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
