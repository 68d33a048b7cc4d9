/** How requested actions change a history: asked for, taken up, renewed by a commit, ended. Pure. */
import { canonical } from '../canonical.ts';
import type {
  ClosedPolicy,
  CommitAuthor,
  Derived,
  Input,
  Own,
  RequestAction,
  Requested,
  RequestFate,
} from '../model.ts';
import { foldCancel } from './fold-sequence.ts';
import { askersOf } from './persons.ts';
import { inOrder, isAside, updateEpisode } from './records.ts';

/** More than this wait for one target at no time: the next one is refused. */
const MOST_WAITING = 20;
/** Ended ones that are kept, the newest. */
const ENDED_KEPT = 100;

/** Requests that have no end yet, in the order of their ids. */
export function openRequests(own: Own): readonly Requested[] {
  return inOrder(own.requests ?? {}).filter(({ fate }) => fate === undefined);
}

/** The same request again changes nothing. */
export function foldRequest(own: Own, body: RequestAction, at: number): Own {
  const { request: id, verb, args, by, until, closed, reason } = body;
  if (own.requests !== undefined && Object.hasOwn(own.requests, id)) return own;
  const waiting = openRequests(own).length;
  const refused =
    waiting < MOST_WAITING
      ? {}
      : {
          refused: `${waiting} requests wait for this target, and no more may; cancel one, or ask again later`,
        };
  const why = reason === undefined ? {} : { reason };
  return put(own, { id, verb, args, by, at, until, closed, ...why, ...refused });
}

/** The core has taken it up: who asked for it, and for whom, does not approve it. */
export function foldTaken(
  own: Own,
  { request }: Extract<Derived, { kind: 'episode-opened' }>,
  episode: number,
): Own {
  const found = request === undefined ? undefined : own.requests?.[request];
  if (found === undefined) return own;
  return put(updateEpisode(own, episode, { requestedBy: [...askersOf(found.by)].sort() }), {
    ...found,
    episode,
  });
}

/** What waits is done under the limits of the commit in force; who changed what it does is refused as its approver. */
export function foldRenewed(
  own: Own,
  renewed: Readonly<Record<string, ClosedPolicy | string>> | undefined,
  authors: readonly CommitAuthor[],
): Own {
  let next = own;
  for (const request of openRequests(own)) {
    const now = renewed?.[request.id];
    if (now === undefined) continue;
    next = put(next, typeof now === 'string' ? { ...request, refused: now } : under(request, now, authors));
  }
  return next;
}

function under(request: Requested, closed: ClosedPolicy, authors: readonly CommitAuthor[]): Requested {
  const { refused: _, ...rest } = request;
  if (request.closed?.actingHash === closed.actingHash) return { ...rest, closed };
  const all = new Map([...(request.authors ?? []), ...authors].map(one => [canonical(one), one]));
  return { ...rest, closed, authors: [...all.values()] };
}

/** A cancel may name the request: of what the core has taken up, whatever its sequence does now. Undefined: it names none. */
export function cancelRequest(
  own: Own,
  body: Extract<Input, { kind: 'cancel' }>,
  at: number,
): Own | undefined {
  const found = body.action === undefined ? undefined : own.requests?.[body.action];
  if (found === undefined) return undefined;
  if (found.fate !== undefined) return own;
  const { kind, by, reason } = body;
  const why = reason === undefined ? {} : { reason };
  if (found.episode !== undefined) return foldCancel(own, { kind, episode: found.episode, by, ...why }, at);
  return put(own, {
    ...found,
    withdrawn: `cancelled by ${by.name}${reason === undefined ? '' : `: ${reason}`}`,
  });
}

/** What became of it, with its last action. What it ran on is in the entries. */
export function withFate(own: Own, body: Extract<Derived, { kind: 'episode-ended' }>, at: number): Own {
  const episode = own.episodes[body.episode];
  const found = own.requests?.[episode?.request ?? ''];
  if (episode === undefined || found === undefined) return own;
  const { closed: _, ...rest } = found;
  const last = inOrder(own.actions)
    .filter(one => one.episode === episode.id && !isAside(one.action.step))
    .sort((a, b) => a.action.phase - b.action.phase)
    .at(-1);
  const outputs = episode.sequence.outputs[last?.action.step ?? ''];
  const fate = {
    how: body.how as RequestFate,
    at,
    message: body.message ?? body.how,
    ...(last === undefined ? {} : { action: last.action.id }),
    ...(outputs === undefined ? {} : { outputs }),
  };
  return forgetOldest(put(own, { ...rest, fate }));
}

function forgetOldest(own: Own): Own {
  const ended = inOrder(own.requests ?? {}).filter(({ fate }) => fate !== undefined);
  if (ended.length <= ENDED_KEPT) return own;
  ended.sort((a, b) => (a.fate?.at ?? 0) - (b.fate?.at ?? 0));
  const old = new Set(ended.slice(0, ended.length - ENDED_KEPT).map(({ id }) => id));
  const requests = Object.fromEntries(Object.entries(own.requests ?? {}).filter(([id]) => !old.has(id)));
  return { ...own, requests };
}

function put(own: Own, request: Requested): Own {
  return { ...own, requests: { ...own.requests, [request.id]: request } };
}
