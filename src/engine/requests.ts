/**
 * Requested actions: a person or an agent asks for one, and it goes through the same admission, approval and effects as a
 * policy's. Each is an episode of its own, of a policy with one rule and one step that its request holds by value. It waits for
 * what holds it until its time is over, and ends with what became of it. Pure but for the draft.
 */
import type { ClosedPolicy, Derived, Own, Requested, RequestFate, StallReason } from '../model.ts';
import { withdraw } from './asking.ts';
import { causeOf, type Draft, emit } from './draft.ts';
import { moment } from './fact-values.ts';
import { openRequests } from './fold-requests.ts';
import type { Progress } from './form.ts';
import { decide, held, NEVER, type Outlook } from './moves.ts';
import { sayThrough } from './rollout.ts';

/** How long it is waited for what serves, when that cannot be read. */
const READ_BACK_MS = 600_000;

/** The closed policy of each request that is not over. */
export function requestPolicies(own: Own): readonly ClosedPolicy[] {
  return openRequests(own).flatMap(({ closed }) => closed ?? []);
}

/** Opens an episode for each request that has none yet. A check at start begins nothing. */
export function takeUp(draft: Draft): void {
  if (draft.snapshot.starting !== undefined) return;
  for (const { id, closed, episode, by, reason } of openRequests(draft.own)) {
    const rule = closed?.rules[0]?.name;
    if (episode !== undefined || closed === undefined || rule === undefined) continue;
    const clause = `asked for by ${by.name}${reason === undefined ? '' : `: ${reason}`}`;
    emit(draft, {
      kind: 'episode-opened',
      cause: causeOf(closed, rule, ''),
      labels: {},
      mode: closed.mode,
      actingHash: closed.actingHash,
      before: {},
      verdict: {
        policy: closed.policy,
        rule,
        labels: {},
        answer: 'breach',
        operands: [],
        clause,
        members: {},
      },
      references: {},
      members: {},
      request: id,
    });
  }
}

/** When a request that has not begun is over. */
export function lapsesAt({ draft, episode }: Progress): number {
  const request = draft.own.requests?.[episode.request ?? ''];
  return request === undefined || episode.sequence.acted ? NEVER : request.until;
}

/** What only a requested action does: it ends when its time is over, when it can be done no more, and when it is done. */
export function ofRequest(p: Progress): Outlook | undefined {
  const { draft, episode } = p;
  const request = draft.own.requests?.[episode.request ?? ''];
  if (request === undefined || draft.snapshot.starting !== undefined) return undefined;
  const { status, acted } = episode.sequence;
  if (status === 'done') return judgeDone(sayThrough(p));
  if (acted || (status !== 'ready' && status !== 'asking')) return undefined;
  if (request.withdrawn !== undefined) return over(p, 'withdrawn', request.withdrawn);
  if (episode.resolved) return over(p, 'withdrawn', 'a person resolved it');
  if (request.refused !== undefined) return over(p, 'refused', request.refused);
  if (draft.at >= request.until) return over(p, 'expired', lapsed(p, request));
  return undefined;
}

function lapsed({ draft, episode }: Progress, { at, until }: Requested): string {
  const { policy, rule, group } = episode.cause;
  const holds = draft.own.decisions[`${policy}/${rule}/${group}`]?.holds ?? [];
  const what = holds.length === 0 ? '' : `; held by: ${holds.map(hold => hold.message).join('; ')}`;
  return `it did not begin between ${moment(at)} and ${moment(until)}${what}`;
}

/** Ends an episode that has not begun, with the question that may wait. */
function over(p: Progress, how: RequestFate, message: string): Outlook {
  const { draft, episode } = p;
  const waiting = draft.own.asks[episode.sequence.approval ?? ''];
  if (waiting) withdraw(p, waiting, how === 'expired' ? 'expired' : 'cancelled', message);
  return ended(p, how, message);
}

function ended(p: Progress, how: RequestFate, message: string): Outlook {
  end(p.draft, p.episode.id, how, message);
  return { decision: decide(p, 'none', []), needs: [], wakeAt: NEVER };
}

function end(draft: Draft, id: number, how: RequestFate, message: string): void {
  const episode = draft.own.episodes[id];
  if (episode === undefined || episode.ended) return;
  emit(draft, { kind: 'episode-ended', cause: episode.cause, episode: id, how, message });
}

/** What moves traffic is verified by reading back what serves; of a pipeline its own end is all that is known. */
function judgeDone(p: Progress): Outlook {
  const { draft, episode, policy } = p;
  const { outputs, endedAt = draft.at } = episode.sequence;
  const verb = episode.cause.rule;
  const version = outputs[verb]?.version;
  if (!draft.verbs[verb]?.needs.includes('serving') || typeof version !== 'string')
    return ended(p, 'succeeded', `${verb} succeeded`);
  const { champion, unknown } = draft.snapshot.serving ?? {};
  if (champion === version) {
    const cause = causeOf(policy, verb, episode.cause.group);
    emit(draft, { kind: 'verified', what: 'sequence', cause, episode: episode.id, basis: 'verify' });
    if (wasGated(p)) emit(draft, { kind: 'verified', what: 'version', cause, version, basis: 'verify' });
    return ended(p, 'verified', `${version} serves`);
  }
  if (champion !== undefined)
    return ended(p, 'failed', `${verb} was done, and yet ${champion} serves, not ${version}`);
  const until = endedAt + READ_BACK_MS;
  const why = unknown?.message ?? 'nothing says which version';
  if (draft.at >= until)
    return ended(p, 'succeeded', `${verb} succeeded; what serves could not be read back: ${why}`);
  return held(p, [{ reason: 'verifying', message: `what serves is not known: ${why}`, until }]);
}

/** Every step of its rollout was judged by a gate: the version has proved itself, and may be gone back to. */
function wasGated({ episode }: Progress): boolean {
  const { model, rollouts } = episode.plan?.documents ?? {};
  const steps = rollouts?.[model?.actions.promote?.rollout ?? '']?.steps ?? [];
  return episode.cause.rule === 'promote' && steps.length > 0 && steps.every(step => step.gate !== undefined);
}

/** Ends requests for which this step has left nothing to try. True when it has ended one. */
export function endRequests(draft: Draft): boolean {
  const { length } = draft.entries;
  for (const { episode: id } of openRequests(draft.own)) {
    const episode = id === undefined ? undefined : draft.own.episodes[id];
    if (episode === undefined || episode.ended) continue;
    const last = draft.entries.findLast(body => isEnd(body, episode.id));
    if (last?.kind === 'stalled') end(draft, episode.id, STALLED[last.reason], last.message);
    if (last?.kind === 'withdrawn' && episode.sequence.status === 'ready')
      end(draft, episode.id, last.reason === 'denied' ? 'refused' : 'expired', last.message);
  }
  return draft.entries.length > length;
}

/** Gave up, or a question that was answered with no, or by nobody. */
function isEnd(body: Derived, episode: number): body is Extract<Derived, { kind: 'stalled' | 'withdrawn' }> {
  if (body.kind === 'stalled') return body.episode === episode;
  if (body.kind !== 'withdrawn' || body.episode !== episode) return false;
  return body.approval !== undefined && (body.reason === 'denied' || body.reason === 'expired');
}

const STALLED: Readonly<Record<StallReason, RequestFate>> = {
  'not-verified': 'failed',
  'not-judged': 'failed',
  'step-failed': 'failed',
  'not-met': 'refused',
  cancelled: 'withdrawn',
  unbound: 'refused',
  loop: 'refused',
  'rollout-failed': 'failed',
  reverted: 'failed',
};
