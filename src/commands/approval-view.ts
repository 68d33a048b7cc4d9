/** One approval as data: what a person needs to decide. Its shape; `approval.ts` fills it, doors and pages show it. */
import { z } from 'zod';
import { operand } from './explanation.ts';

const call = z.object({
  capability: z.string(),
  subject: z.string(),
  connection: z.string(),
  runs: z.string().describe('What it runs there; empty where the capability says it all.'),
  args: z.string().describe('JSON, frozen when it was asked.'),
});

const looked = z.object({
  at: z.number(),
  answer: z.string(),
  clause: z.string(),
  operands: z.array(operand),
});

export const approvalView = z.object({
  now: z.number(),
  approval: z.string(),
  target: z.string(),
  standing: z
    .enum(['waiting', 'changed', 'granted', 'denied', 'expired', 'withdrawn'])
    .describe('Only one that is waiting can be decided.'),
  because: z.string().describe('Why it stands so; empty while it waits.'),
  endedAt: z.number().optional(),
  revocable: z.boolean().describe('It was granted and has not begun: a no still counts.'),
  became: z.string().optional().describe('Of a granted one: what became of the action.'),
  page: z.string().optional().describe('Address of its page, where a person decides.'),
  what: z.object({
    verb: z.string(),
    step: z.string(),
    action: z.string(),
    calls: z.array(call),
    later: z.array(z.string()).describe('Steps that follow it, each with its own admission.'),
    traffic: z.string().describe('What of the traffic it touches.'),
    rollout: z.array(z.object({ share: z.string(), hold: z.string(), gate: z.string() })),
    ends: z.string().describe('When it is asked to end.'),
    cost: z.string(),
    undone: z.string(),
    undo: z.array(call).describe('What takes it back by itself.'),
  }),
  why: z.object({
    rule: z.string(),
    group: z.string(),
    condition: z.string(),
    cause: z.string(),
    episode: z.int(),
    since: z.number().optional(),
    opened: looked.optional(),
    now: looked.optional(),
    members: z.array(z.string()),
    where: z.string().describe('file:line:column of the condition'),
    commit: z.string(),
    author: z.string(),
    subject: z.string(),
    committedAt: z.number().optional(),
    mode: z.string(),
  }),
  series: z
    .array(
      z.object({
        name: z.string(),
        unit: z.string(),
        thresholds: z.array(z.number()),
        at: z.array(z.number()),
        values: z.array(z.number().nullable()),
      }),
    )
    .describe('What the condition reads, as it was looked at; milliseconds since the epoch.'),
  tried: z.array(z.string()),
  changed: z.array(z.string()).describe('Since it was asked; empty when nothing did.'),
  askedAt: z.number(),
  expires: z.number(),
  unanswered: z.string().describe('What happens if nobody answers.'),
  planHash: z.string(),
  from: z.array(z.string()),
  needed: z.int(),
  yes: z.array(z.string()),
  may: z.array(z.string()),
  mayNot: z.array(z.object({ name: z.string(), why: z.string() })),
  votes: z.array(
    z.object({
      ...{ by: z.string(), decision: z.enum(['yes', 'no']), at: z.number(), comment: z.string() },
      authenticated: z.boolean(),
    }),
  ),
  you: z.object({ name: z.string(), may: z.boolean(), why: z.string(), said: z.string() }),
});

export type ApprovalView = z.output<typeof approvalView>;
