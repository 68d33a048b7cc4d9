/** `approvals`: what waits for a person. Agents only read; `decide.ts` has the answer. */
import { z } from 'zod';
import { refusedFor } from '../engine/approvals.ts';
import { floorText } from '../engine/floors.ts';
import { chainOf } from '../engine/ids.ts';
import type { Ask, Own } from '../model.ts';
import { command, type Paint } from './command.ts';
import { pageOf } from './cursor.ts';
import type { Ports } from './ports.ts';
import { safe, table, when } from './time.ts';

const waiting = z.object({
  approval: z.string(),
  target: z.string(),
  verb: z.string(),
  subject: z.string(),
  args: z.string(),
  why: z.string(),
  from: z.array(z.string()),
  quorum: z.number(),
  yes: z.array(z.string()),
  said: z.array(z.string()),
  refused: z.array(z.string()),
  askedAt: z.number(),
  expires: z.number(),
  paged: z.number().optional(),
  floors: z.array(z.string()).optional(),
  planHash: z.string(),
  episode: z.number(),
  page: z.string().optional(),
});

export const approvals = command({
  name: 'approvals',
  tool: 'flyball_list_approvals',
  title: 'Approvals waiting',
  description:
    'Actions that wait for a yes, the oldest first: what would run where, why, who decides (refused: who may not), when it is denied.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('As kind/name.'),
    approval: z.string().min(4).max(64).optional().describe('Only this one, by the start of its id.'),
    limit: z.int().min(1).max(100).default(20),
    cursor: z.string().max(2000).optional(),
  }),
  output: z.object({
    approvals: z.array(waiting),
    next: z.string().optional(),
  }),
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball approvals'],
  run: async (ports, input) => {
    const rows = await ports.world.store.targets();
    const found = rows
      .filter(row => input.target === undefined || chainOf(row.target) === input.target)
      .flatMap(row => Object.values(row.own.asks).map(ask => view(ports, chainOf(row.target), row.own, ask)))
      .filter(one => input.approval === undefined || one.approval.startsWith(input.approval));
    const of = {
      list: 'approvals',
      filters: { target: input.target ?? null, approval: input.approval ?? null },
    };
    const keyOf = (one: Waiting) => `${String(one.askedAt).padStart(16, '0')} ${one.approval}`;
    const { items, next } = await pageOf(ports, of, input, found, keyOf);
    return { approvals: [...items], ...(next === undefined ? {} : { next }) };
  },
  text: (found, paint) =>
    found.approvals.length === 0
      ? 'Nothing waits for approval.'
      : [
          ...found.approvals.map(one => block(one, paint)),
          ...(found.next === undefined ? [] : [`More: --cursor ${found.next}`]),
        ].join('\n\n'),
});

type Waiting = z.input<typeof waiting>;

function view({ pageUrl }: Ports, target: string, own: Own, ask: Ask): Waiting {
  const { action } = ask;
  const page = pageUrl?.(`/approvals/${ask.approval}`);
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
    ...(ask.escalateAt === undefined ? {} : { paged: ask.escalateAt }),
    askedAt: ask.at,
    expires: ask.expires,
    planHash: ask.planHash,
    episode: ask.episode,
    ...(page === undefined ? {} : { page }),
  };
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
        ...(one.paged === undefined ? [] : [['pages', `${when(one.paged)} UTC, if it still waits`]]),
        ['expires', `${when(one.expires)} UTC: denied if nobody answers`],
        ['plan', one.planHash],
        ...(one.page === undefined ? [] : [['page', one.page]]),
        ['all of it', `flyball approval ${one.approval}`],
        ['decide', `flyball approve ${one.approval} | flyball deny ${one.approval}`],
      ],
      '  ',
    ),
  ].join('\n');
}
