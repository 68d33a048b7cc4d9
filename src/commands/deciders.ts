/** Who decides on a question and who does not, with the reason; and whether whoever asks may. The engine counts; this says it beforehand. */
import { peopleAsked, refusedFor } from '../engine/approvals.ts';
import { isPerson } from '../engine/persons.ts';
import type { Vote } from '../model.ts';
import { isAgent, targetsWith } from './access.ts';
import type { Ports } from './ports.ts';
import type { Question } from './question.ts';

export interface Deciders {
  readonly needed: number;
  /** Whose newest word is yes. */
  readonly yes: readonly string[];
  readonly may: readonly string[];
  readonly mayNot: readonly { readonly name: string; readonly why: string }[];
}

/** The people who may decide by name, and those among them who may not. */
export function decidersOf(question: Question, trust: Ports['settings']['trust']): Deciders {
  const { ask, episode, policy, plan } = question;
  // Groups and people as they are now; of what is in force no more, as they were.
  const asked = peopleAsked(ask, (policy ?? plan).documents);
  const refused = refusedFor(ask, episode);
  const requested = episode?.requestedBy ?? [];
  const isWaived = trust === 'local-user' && ask.votes.some(({ by }) => !by.authenticated && isPerson(by));
  return {
    needed: isWaived ? (ask.statedQuorum ?? ask.quorum) : ask.quorum,
    yes: newestOf(ask.votes).flatMap(one => (one.decision === 'yes' ? [one.by.name] : [])),
    may: asked.filter(name => !refused.includes(name)),
    mayNot: refused.map(name => ({
      name,
      why: requested.includes(name) ? 'asked for it' : 'wrote the change that it rests on',
    })),
  };
}

/** The newest word of each person, in the order of their first. */
export function newestOf(votes: readonly Vote[]): readonly Vote[] {
  return [...new Map(votes.map(vote => [vote.by.name, vote])).values()];
}

export interface Entitlement {
  readonly may: boolean;
  /** A sentence about whoever asks. */
  readonly why: string;
}

/** Whether whoever asks may decide on a question that waits. */
export async function entitlementOf(ports: Ports, question: Question): Promise<Entitlement> {
  const { principal, grants, settings, world } = ports;
  const { name } = principal;
  const no = (why: string) => ({ may: false, why });
  if (!isPerson(principal))
    return no(`${name} is ${isAgent(principal) ? 'an agent' : 'a service'}: it asks, and never decides.`);
  const reach = await targetsWith(grants, 'approver', world.store);
  if (reach !== undefined && !reach(question.chain))
    return no(`${name} has not the role approver on ${question.chain}.`);
  if (!principal.authenticated) {
    return settings.trust === 'local-user'
      ? { may: true, why: `Nobody's identity is checked (trust: local-user): unauthenticated, self.` }
      : no('Who you are is not proved: log in, or show a token.');
  }
  const { may, mayNot } = decidersOf(question, settings.trust);
  const refusal = mayNot.find(one => one.name === name);
  if (refusal) return no(`${name} ${refusal.why}, so somebody else decides.`);
  if (!may.includes(name)) return no(`${name} is not among ${question.ask.from.join(', ') || 'nobody'}.`);
  return { may: true, why: `${name} may decide.` };
}

/** Whether the newest word of somebody is this one already. */
export function hasSaid({ ask }: Question, name: string, decision: Vote['decision']): boolean {
  return newestOf(ask.votes).some(one => one.by.name === name && one.decision === decision);
}
