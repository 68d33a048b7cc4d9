/** How a requested action stands, for whoever asked. Pure. */
import { z } from 'zod';
import { decisionKey } from '../engine/fold.ts';
import type { Episode, Own, Requested } from '../model.ts';
import { safe } from './time.ts';

/** While it has no end: `queued` until the engine has looked, then what it waits for. Else how it ended. */
export const STATES = [
  ...(['queued', 'awaiting-approval', 'held', 'running'] as const),
  ...(['verified', 'succeeded', 'failed', 'refused', 'withdrawn', 'expired'] as const),
] as const;
export type RequestState = (typeof STATES)[number];

/** Asking sooner learns nothing new. */
const POLL_MS: Partial<Record<RequestState, number>> = {
  ...{ queued: 1000, running: 5000, held: 30_000, 'awaiting-approval': 15_000 },
};

export const requestView = z.object({
  request: z.string().describe('For flyball_get_action.'),
  target: z.string(),
  verb: z.string(),
  by: z.string(),
  reason: z.string().optional(),
  state: z.enum(STATES),
  message: z.string(),
  holds: z.array(z.object({ reason: z.string(), message: z.string(), until: z.number().optional() })),
  at: z.number(),
  expires: z.number().describe('What has not begun by then never does.'),
  action: z.string().optional(),
  plan_hash: z.string().optional().describe('What an approval is bound to.'),
  approval: z.string().optional(),
  approval_page: z.string().optional().describe('Where people decide.'),
  outputs: z.record(z.string(), z.unknown()).optional(),
  poll_after_ms: z.int().optional().describe('Absent when it is over.'),
});
export type RequestView = z.input<typeof requestView>;

export function viewOf(
  target: string,
  own: Own,
  request: Requested,
  pageUrl: (path: string) => string | undefined = () => undefined,
): RequestView {
  const { id, verb, by, reason, at, until, fate } = request;
  const episode = own.episodes[request.episode ?? -1];
  const state = stateOf(own, request, episode);
  const ask = own.asks[episode?.sequence.approval ?? ''];
  const holds = state === 'held' || state === 'awaiting-approval' ? holdsOf(own, episode) : [];
  const action = fate?.action ?? episode?.sequence.action;
  const page = ask && pageUrl(`/approvals/${ask.approval}`);
  const hash = ask?.planHash ?? own.actions[action ?? '']?.action.planHash;
  const poll = POLL_MS[state];
  return {
    request: id,
    target,
    verb,
    by: by.onBehalfOf === undefined ? by.name : `${by.name} for ${by.onBehalfOf}`,
    ...(reason === undefined ? {} : { reason: safe(reason, 500) }),
    state,
    message: safe(messageOf(state, request, holds), 1000),
    holds,
    at,
    expires: until,
    ...(action === undefined ? {} : { action }),
    ...(hash === undefined ? {} : { plan_hash: hash }),
    ...(ask === undefined ? {} : { approval: ask.approval }),
    ...(page === undefined ? {} : { approval_page: page }),
    ...(fate?.outputs === undefined ? {} : { outputs: { ...fate.outputs } }),
    ...(poll === undefined ? {} : { poll_after_ms: poll }),
  };
}

function stateOf(
  own: Own,
  { fate, refused, withdrawn }: Requested,
  episode: Episode | undefined,
): RequestState {
  if (fate !== undefined) return fate.how;
  if (episode === undefined) {
    if (withdrawn !== undefined) return 'withdrawn';
    return refused === undefined ? 'queued' : 'refused';
  }
  const { status } = episode.sequence;
  if (status === 'asking') return 'awaiting-approval';
  if (status !== 'ready' || episode.sequence.acted) return 'running';
  return holdsOf(own, episode).length > 0 ? 'held' : 'queued';
}

function holdsOf(own: Own, episode: Episode | undefined): RequestView['holds'] {
  const { policy = '', rule = '', group = '' } = episode?.cause ?? {};
  const holds = own.decisions[decisionKey(policy, rule, group)]?.holds ?? [];
  return holds.map(hold => ({ ...hold, message: safe(hold.message) }));
}

const WAITS: Partial<Record<RequestState, string>> = {
  queued: 'the engine has not looked at it yet',
  running: 'its action is under way',
};

function messageOf(
  state: RequestState,
  { fate, refused, withdrawn }: Requested,
  holds: RequestView['holds'],
): string {
  if (fate !== undefined) return fate.message;
  const held = holds.map(hold => hold.message).join('; ');
  return withdrawn ?? refused ?? (held === '' ? (WAITS[state] ?? '') : held);
}
