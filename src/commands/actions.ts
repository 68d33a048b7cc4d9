/** `actions`: what was done and is being done, and what was asked for. */
import { z } from 'zod';
import { chainOf } from '../engine/ids.ts';
import type { ActionRow, Own } from '../model.ts';
import { command } from './command.ts';
import { pageOf } from './cursor.ts';
import { nextCursor, paging } from './paging.ts';
import { viewOf } from './request-view.ts';
import { requireTarget } from './targets.ts';
import { safe, table, when } from './time.ts';
import { instantOf } from './time-input.ts';

/** Newest actions that are looked through for a list; what is older stands in the ledger. */
const MOST_LISTED = 2000;

const item = z.object({
  id: z.string().describe('flyball_get_action takes it.'),
  kind: z.enum(['action', 'request']).describe('request: asked for, and no action has come of it.'),
  target: z.string(),
  verb: z.string(),
  subject: z.string().optional().describe('The real thing that it touches.'),
  state: z.string(),
  from: z.string().describe('The policy and rule, or who asked.'),
  at: z.number().describe('When it was intended, or asked for, in milliseconds since the epoch.'),
});
type Item = z.input<typeof item>;

export const actions = command({
  name: 'actions',
  tool: 'flyball_list_actions',
  title: 'List actions',
  description:
    'What was and is being done, newest first, with requests that no action has come of yet; no messages. States: intended, starting, started, succeeded, failed, timed-out, cancelled, unresolved (a person must say), withdrawn (never began).',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('Only of this target, as kind/name.'),
    state: z
      .string()
      .max(40)
      .optional()
      .describe('Only in this state, such as started; live: all that are not over.'),
    since: z.string().max(40).optional().describe('Since a time, or so long ago, such as 7d.'),
    ...paging,
  }),
  output: z.object({ actions: z.array(item), next: nextCursor }),
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball actions', 'flyball actions model/late-flights --state live'],
  run: async (ports, { limit, cursor, ...filters }) => {
    const rows = await ports.world.store.targets();
    requireTarget(
      filters.target,
      rows.map(row => chainOf(row.target)),
    );
    const since = filters.since === undefined ? 0 : instantOf('since', filters.since, ports.world.clock());
    const chain = filters.target === undefined ? {} : { chain: filters.target };
    const done = await ports.world.store.actions({ ...chain, limit: MOST_LISTED });
    const all = [
      ...done.filter(row => row.action.call.capability !== 'notify.send').map(ofRow),
      ...rows
        .filter(row => filters.target === undefined || chainOf(row.target) === filters.target)
        .flatMap(row => withoutAction(chainOf(row.target), row.own)),
    ].filter(one => one.at >= since && isIn(one.state, filters.state));
    const of = { list: 'actions', filters: JSON.parse(JSON.stringify(filters)) };
    const page = await pageOf(ports, of, { limit, cursor }, all, newestFirst);
    return { actions: [...page.items], ...(page.next === undefined ? {} : { next: page.next }) };
  },
  text: (found, paint) =>
    found.actions.length === 0
      ? 'No actions.'
      : table(
          found.actions.map(one => [
            ...[
              paint.dim(when(one.at)),
              one.id.slice(0, 12),
              one.target,
              one.verb,
              paint.bold(one.state),
              one.from,
            ],
          ]),
        ),
});

const LIVE: readonly string[] = ['intended', 'starting', 'started', 'unresolved', 'queued', 'held'];

function isIn(state: string, wanted: string | undefined): boolean {
  if (wanted === undefined || state === wanted) return true;
  return wanted === 'live' && [...LIVE, 'awaiting-approval', 'running'].includes(state);
}

/** Keys ascend: of two the newer one comes first. */
function newestFirst({ at, id }: Item): string {
  return `${String(Number.MAX_SAFE_INTEGER - Math.round(at)).padStart(16, '0')} ${id}`;
}

function ofRow({ action, chain, state, intendedAt }: ActionRow): Item {
  const { origin, attempt } = action;
  const from = 'request' in origin ? `request ${origin.request}` : `${origin.policy}/${origin.rule}`;
  const id = attempt === 1 ? action.id : action.key;
  return {
    ...{ id, kind: 'action', target: chain, verb: action.verb, subject: safe(action.call.subject) },
    ...{ state, from, at: intendedAt },
  };
}

/** Requests that are waiting, or ended before anything began. */
function withoutAction(target: string, own: Own): Item[] {
  return Object.values(own.requests ?? {}).flatMap(request => {
    const { request: id, verb, state, by, at, action } = viewOf(target, own, request);
    return action === undefined ? [{ id, kind: 'request', target, verb, state, from: by, at }] : [];
  });
}
