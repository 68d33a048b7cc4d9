/** `approve`, `deny`: a person's answer to a question that waits, bound to the plan that they saw. Never an agent's. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import type { Input } from '../model.ts';
import { command } from './command.ts';
import { decidersOf, entitlementOf, hasSaid } from './deciders.ts';
import type { Ports } from './ports.ts';
import { findQuestion, type Question } from './question.ts';
import { Refusal } from './refusal.ts';
import { safe } from './time.ts';

const input = z.strictObject({
  approval: z.string().min(4).max(64).describe('Its id, or the first characters of it.'),
  comment: z.string().max(2000).optional().describe('Kept in the ledger.'),
  planHash: z
    .string()
    .max(64)
    .optional()
    .describe('Of the plan that was looked at: another one that waits is not decided.'),
  as: z
    .string()
    .max(100)
    .optional()
    .describe('Who decides, when not the user of this machine; only where nobody proves who they are.'),
});

const decided = z.object({
  approval: z.string(),
  decision: z.enum(['yes', 'no']),
  by: z.string(),
  authenticated: z.boolean(),
  target: z.string(),
});

function decision(name: 'approve' | 'deny') {
  const answer = name === 'approve' ? 'yes' : 'no';
  return command({
    name,
    title: name === 'approve' ? 'Approve an action' : 'Deny an action',
    description: `Says ${answer} to an action that waits.${name === 'deny' ? " The same is not asked again for the approval's reask (24h); flyball retry takes a no back." : ''} For people only, and not for who wrote the change or asked for the action. Under trust: local-user nobody's identity is checked, and the ledger says so.`,
    input,
    output: decided,
    positional: ['approval'],
    role: 'approver',
    effect: 'decide',
    reach: 'targets',
    examples: [`flyball ${name} 3fa9c1`],
    run: async (ports, given) => decide(ports, answer, given),
    text: found =>
      `${found.decision} to ${found.approval} by ${found.by}${found.authenticated ? '' : ' (unauthenticated, self)'}, recorded for ${found.target}.`,
  });
}

export const approve = decision('approve');
export const deny = decision('deny');

async function decide(
  ports: Ports,
  answer: 'yes' | 'no',
  given: z.output<typeof input>,
): Promise<z.input<typeof decided>> {
  const { world, principal } = ports;
  const name = await nameOf(ports, given.as);
  const question = await findQuestion(world.store, given.approval, world.clock());
  const id = question?.ask.approval ?? safe(given.approval, 64);
  if (!question || !isOpen(question, answer)) throw new Refusal(notWaiting(id, question), 'conflict');
  requirePlan(question, given.planHash);
  const { may, why } = await entitlementOf(ports, question);
  if (!may) throw new Refusal(`approval ${id}: ${why} ${whoMay(ports, question)}`, 'role');
  if (hasSaid(question, name, answer))
    throw new Refusal(`approval ${id}: ${name} has said ${answer} already; it counts once.`, 'conflict');
  const body: Input = {
    ...{ kind: 'approval', approval: id, decision: answer, by: { ...principal, name } },
    ...(given.comment === undefined ? {} : { comment: safe(given.comment, 2000) }),
  };
  await appendInput(world, question.chain, body);
  return {
    ...{ approval: id, decision: answer, by: name, authenticated: principal.authenticated },
    target: question.chain,
  };
}

/** A yes is for what waits; a no also for what has not begun. */
function isOpen({ standing, revocable }: Question, answer: 'yes' | 'no'): boolean {
  return standing === 'waiting' || (answer === 'no' && revocable === true);
}

/** Nobody's identity is checked under trust: local-user, but a name that Settings do not know is a slip at best. */
async function nameOf({ world, principal }: Ports, as: string | undefined): Promise<string> {
  if (as === undefined || as === principal.name) return principal.name;
  if (principal.authenticated)
    throw new Refusal(
      `--as ${safe(as, 80)}: you are ${principal.name}, who proved it; expected nobody else's name.`,
      'role',
    );
  const policies = (await world.store.revision())?.policies ?? [];
  const people = [...new Set(policies.flatMap(policy => Object.keys(policy.documents.people)))];
  if (people.includes(as)) return as;
  throw new Refusal(
    `--as ${safe(as, 80)}: Settings know no such person; expected one of: ${people.join(', ') || 'nobody is named yet'}.`,
  );
}

function notWaiting(id: string, question: Question | undefined): string {
  const list = "'flyball approvals' lists those that do";
  if (!question) return `approval ${id} does not wait; ${list}.`;
  return `approval ${id} does not wait any more: ${question.standing}, ${question.because}; ${list}.`;
}

function requirePlan({ ask }: Question, seen: string | undefined): void {
  if (seen === undefined || seen === ask.planHash) return;
  throw new Refusal(
    `approval ${ask.approval}: changed plan: you saw ${safe(seen, 12)}, and ${ask.planHash.slice(0, 12)} waits. Look again before you decide.`,
    'conflict',
  );
}

function whoMay({ settings }: Ports, question: Question): string {
  const { may } = decidersOf(question, settings.trust);
  return may.length === 0
    ? 'Nobody is left who may: name more people under its approval.'
    : `Expected one of: ${may.join(', ')}.`;
}
