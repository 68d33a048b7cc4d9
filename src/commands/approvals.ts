/** `approvals`, `approve`, `deny`: what waits for a person, and the person's answer. Agents only read. */
import { z } from 'zod';
import { refusedFor } from '../engine/approvals.ts';
import { appendInput } from '../engine/drive.ts';
import { floorText } from '../engine/floors.ts';
import { chainOf } from '../engine/ids.ts';
import type { Ask, Input, Own } from '../model.ts';
import { command, type Paint } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe, table, when } from './time.ts';

const waiting = z.object({
  approval: z.string(),
  target: z.string(),
  verb: z.string(),
  subject: z.string(),
  args: z.string().describe('The arguments, frozen when it was asked.'),
  why: z.string(),
  from: z.array(z.string()),
  quorum: z.int(),
  yes: z.array(z.string()),
  said: z.array(z.string()),
  refused: z.array(z.string()),
  undone: z.string(),
  askedAt: z.number(),
  expires: z.number().describe('Then it is denied.'),
  paged: z.number().optional(),
  floors: z.array(z.string()).optional().describe('Floors of daemon.yaml that have a say in it.'),
  planHash: z.string(),
  episode: z.int(),
});

export const approvals = command({
  name: 'approvals',
  tool: 'flyball_list_approvals',
  title: 'Approvals waiting',
  description:
    'Actions that wait for a yes: what would run where with which arguments, why, who may decide (refused: who may not), and when it is denied. Deciding is for people, at a terminal.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('Only of this target, as kind/name.'),
  }),
  output: z.object({ approvals: z.array(waiting) }),
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball approvals'],
  run: async (ports, input) => {
    const rows = await ports.world.store.targets();
    const found = rows
      .filter(row => input.target === undefined || chainOf(row.target) === input.target)
      .flatMap(row => Object.values(row.own.asks).map(ask => view(chainOf(row.target), row.own, ask)));
    return { approvals: found };
  },
  text: (found, paint) =>
    found.approvals.length === 0
      ? 'Nothing waits for approval.'
      : found.approvals.map(one => block(one, paint)).join('\n\n'),
});

function view(target: string, own: Own, ask: Ask): z.input<typeof waiting> {
  const { action } = ask;
  return {
    approval: ask.approval,
    target,
    verb: action.verb,
    subject: action.call.subject,
    args: safe(JSON.stringify(action.call.args), 2000),
    why: own.episodes[ask.episode]?.cause.policy ?? '',
    from: [...ask.from],
    quorum: ask.quorum,
    yes: ask.votes.filter(vote => vote.decision === 'yes').map(vote => vote.by.name),
    said: ask.votes.map(({ by, decision, comment }) =>
      safe(`${by.name}: ${decision}${comment === undefined ? '' : `, ${comment}`}`, 400),
    ),
    ...(ask.floors === undefined ? {} : { floors: [...ask.floors] }),
    refused: [...refusedFor(ask, own.episodes[ask.episode])],
    undone: undoText(own, ask),
    ...(ask.escalateAt === undefined ? {} : { paged: ask.escalateAt }),
    askedAt: ask.at,
    expires: ask.expires,
    planHash: ask.planHash,
    episode: ask.episode,
  };
}

/** How a person who says yes gets out of it again. */
function undoText(own: Own, { action, episode }: Ask): string {
  const step = own.episodes[episode]?.plan?.steps.find(one => one.id === action.step);
  if (step?.undo) return 'taken back by itself when the sequence gives up (undo)';
  if (action.verb === 'promote') return 'by flyball rollout abort while it is under way, by a rollback later';
  return `not by itself; flyball cancel ${episode} ends it while it runs`;
}

function block(one: z.output<typeof waiting>, paint: Paint): string {
  return [
    `${paint.bold(one.approval)}  ${one.verb} ${one.subject} for ${one.target}`,
    table(
      [
        ['why', `${one.why}, episode ${one.episode}`],
        ['arguments', one.args],
        ['asked', when(one.askedAt)],
        [
          'needs',
          `${one.quorum} yes from ${one.from.join(', ')}${one.floors ? `, as ${floorText(one.floors)} asks` : ''}; so far ${one.yes.length}`,
        ],
        ...(one.refused.length > 0 ? [['not from', one.refused.join(', ')]] : []),
        ...one.said.map(words => ['said', words]),
        ['undone', one.undone],
        ...(one.paged === undefined ? [] : [['pages', `${when(one.paged)} UTC, if it still waits`]]),
        ['expires', `${when(one.expires)} UTC: denied if nobody answers`],
        ['plan', one.planHash],
        ['decide', `flyball approve ${one.approval} | flyball deny ${one.approval}`],
      ],
      '  ',
    ),
  ].join('\n');
}

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
    description: `Says ${answer} to an action that waits.${name === 'deny' ? " The same is not asked again for the approval's reask (24h); flyball retry takes a no back." : ''} For people only. Under trust: local-user nobody's identity is checked, and the ledger says so.`,
    input: z.strictObject({
      approval: z.string().min(4).max(64).describe('Its id, or the first characters of it.'),
      comment: z.string().max(2000).optional().describe('Kept in the ledger.'),
      as: z.string().max(100).optional().describe('Who decides, when not the user of this machine.'),
    }),
    output: decided,
    positional: ['approval'],
    role: 'approver',
    effect: 'decide',
    reach: 'targets',
    examples: [`flyball ${name} 3fa9c1`],
    run: async (ports, input) => decide(ports, answer, input),
    text: found =>
      `${found.decision} to ${found.approval} by ${found.by}${found.authenticated ? '' : ' (unauthenticated, self)'}, recorded for ${found.target}.`,
  });
}

export const approve = decision('approve');
export const deny = decision('deny');

/** Nobody's identity is checked under trust: local-user, but a name that Settings do not know is a slip at best. */
async function requirePerson(ports: Ports, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const policies = (await ports.world.store.revision())?.policies ?? [];
  const people = [...new Set(policies.flatMap(policy => Object.keys(policy.documents.people)))];
  if (people.includes(name)) return;
  throw new Refusal(
    `--as ${safe(name, 80)}: Settings know no such person; expected one of: ${people.join(', ') || 'nobody is named yet'}.`,
  );
}

async function decide(
  ports: Ports,
  answer: 'yes' | 'no',
  input: { approval: string; comment?: string | undefined; as?: string | undefined },
): Promise<z.input<typeof decided>> {
  const rows = await ports.world.store.targets();
  const matches = rows.flatMap(row =>
    Object.values(row.own.asks)
      .filter(ask => ask.approval.startsWith(input.approval))
      .map(ask => ({ chain: chainOf(row.target), ask })),
  );
  const [match] = matches;
  if (!match)
    throw new Refusal(
      `approval ${safe(input.approval, 64)} does not wait; 'flyball approvals' lists those that do.`,
    );
  if (matches.length > 1)
    throw new Refusal(
      `${safe(input.approval, 64)} begins ${matches.length} approvals; give more characters.`,
    );
  await requirePerson(ports, input.as);
  const by = { ...ports.principal, name: safe(input.as ?? ports.principal.name, 100) };
  const body: Input = {
    kind: 'approval',
    approval: match.ask.approval,
    decision: answer,
    by,
    ...(input.comment === undefined ? {} : { comment: safe(input.comment, 2000) }),
  };
  await appendInput(ports.world, match.chain, body);
  return {
    approval: match.ask.approval,
    decision: answer,
    by: by.name,
    authenticated: by.authenticated,
    target: match.chain,
  };
}
