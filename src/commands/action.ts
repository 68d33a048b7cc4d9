/** `action`: one action or request, with its attempts and its entries. */
import { z } from 'zod';
import type { ActionRow } from '../model.ts';
import { entriesAbout, entryLine } from './about-action.ts';
import { command } from './command.ts';
import { oneAction } from './control.ts';
import { requestNamed } from './named-request.ts';
import { nextCursor, paging } from './paging.ts';
import type { Ports } from './ports.ts';
import { type RequestView, viewOf } from './request-view.ts';
import { safe, table, when } from './time.ts';

const attempt = z.object({
  key: z.string(),
  attempt: z.int(),
  state: z.string(),
  at: z.number(),
  phase: z.int(),
});

const actionOutput = z.object({
  id: z.string(),
  target: z.string(),
  verb: z.string(),
  subject: z.string().optional(),
  state: z.string(),
  message: z.string().optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  attempts: z.array(attempt),
  plan_hash: z.string().optional(),
  approval: z.string().optional(),
  approval_page: z.string().optional().describe('Where people decide.'),
  request: z.object({ request: z.string(), by: z.string(), state: z.string() }).optional(),
  entries: z.array(entryLine),
  next: nextCursor,
  poll_after_ms: z.int().optional(),
});

export const action = command({
  name: 'action',
  tool: 'flyball_get_action',
  title: 'One action',
  description:
    'One action or one request, by the beginning of its id: its state and outputs, its attempts, what became of the request, and its entries of the ledger, oldest first, paged. Ask again after poll_after_ms.',
  input: z.strictObject({
    id: z.string().min(4).max(80).describe('Start of the id of an action or of a request.'),
    ...paging,
  }),
  output: actionOutput,
  positional: ['id'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball action f3a91c'],
  run: async (ports, { id, ...page }) => {
    const asked = await requestNamed(ports, id);
    if (asked)
      return ofRequest(
        ports,
        asked.chain,
        viewOf(asked.chain, asked.own, asked.request, ports.pageUrl),
        page,
      );
    return ofAction(ports, await oneAction(ports, id), page);
  },
  text: (found, paint) =>
    [
      `${paint.bold(found.state)}  ${found.verb} on ${found.subject ?? found.target}${found.message ? `: ${found.message}` : ''}`,
      ...(found.outputs ? [`  outputs ${JSON.stringify(found.outputs)}`] : []),
      ...(found.request
        ? [`  request ${found.request.request} by ${found.request.by}: ${found.request.state}`]
        : []),
      table(
        found.entries.map(one => [paint.dim(when(one.at)), one.kind, one.text]),
        '  ',
      ),
    ].join('\n'),
});

interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}
type View = z.input<typeof actionOutput>;

async function ofRequest(ports: Ports, chain: string, view: RequestView, page: Page): Promise<View> {
  const { request, verb, state, message, outputs, action: id, poll_after_ms: poll } = view;
  const { plan_hash, approval, approval_page } = view;
  const rows = id === undefined ? [] : await ports.world.store.findAction(id);
  const [row] = rows;
  return {
    ...{ id: request, target: chain, verb, state, message, attempts: rows.map(attemptOf), request: view },
    ...(row ? { subject: safe(row.action.call.subject) } : {}),
    ...(outputs === undefined ? {} : { outputs }),
    ...(await entriesAbout(ports, chain, { request, ...(id === undefined ? {} : { action: id }) }, page)),
    ...(plan_hash === undefined ? {} : { plan_hash }),
    ...(approval === undefined ? {} : { approval }),
    ...(approval_page === undefined ? {} : { approval_page }),
    ...(poll === undefined ? {} : { poll_after_ms: poll }),
  };
}

async function ofAction(ports: Ports, row: ActionRow, page: Page): Promise<View> {
  const { id, origin, verb, call } = row.action;
  const own = (await ports.world.store.target(row.chain))?.own;
  const record = own?.actions[id];
  const asked = 'request' in origin ? own?.requests?.[origin.request] : undefined;
  const rows = await ports.world.store.findAction(id);
  const isOver = ['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn'].includes(row.state);
  const outputs = record?.outputs ?? (asked?.fate?.action === id ? asked.fate.outputs : undefined);
  return {
    ...{ id, target: row.chain, verb, subject: safe(call.subject), state: row.state },
    ...(record?.message === undefined ? {} : { message: safe(record.message, 500) }),
    ...(outputs === undefined ? {} : { outputs: { ...outputs } }),
    attempts: rows.map(attemptOf),
    ...(own && asked ? { request: viewOf(row.chain, own, asked, ports.pageUrl) } : {}),
    ...(await entriesAbout(ports, row.chain, { action: id }, page)),
    ...(isOver ? {} : { poll_after_ms: 5000 }),
  };
}

function attemptOf({ action: { key, attempt: nr, phase }, state, intendedAt }: ActionRow) {
  return { key, attempt: nr, state, at: intendedAt, phase };
}
