/** How asks, intents, outcomes and ended episodes change a history. Pure. */
import type { ActionHistory, Cause, Derived, Input, JsonObject, Own, Sequence, Spent } from '../model.ts';
import { placed, promotedBy } from './fold-reverts.ts';
import { holdAfter, holdAgain, outlives } from './fold-rollout.ts';
import { isPerson } from './persons.ts';
import { isAside, isLive, keep, updateAction, updateEpisode, updateSequence, without } from './records.ts';

/** Consumptions of a verb that are kept for rate guards. */
const SPENT_KEPT = 1000;

export function foldVote(own: Own, body: Extract<Input, { kind: 'approval' }>, at: number): Own {
  const ask = own.asks[body.approval];
  // What no person says is on record and decides nothing; nor does it take the place of another's word.
  if (!isPerson(body.by)) return own;
  if (!ask) return body.decision === 'no' ? denyGranted(own, body) : own;
  // The same of what comes after the end.
  if (at >= ask.expires) return own;
  const vote = {
    by: body.by,
    decision: body.decision,
    at,
    ...(body.comment === undefined ? {} : { comment: body.comment }),
  };
  const votes = [...ask.votes.filter(one => one.by.name !== body.by.name), vote];
  return { ...own, asks: { ...own.asks, [ask.approval]: { ...ask, votes } } };
}

/** A no that comes when enough have said yes still counts for what has not begun. Who may say it was up to the question: anybody's is heeded. */
function denyGranted(own: Own, { approval, by }: Extract<Input, { kind: 'approval' }>): Own {
  const granted = Object.values(own.actions).find(
    one => one.approval === approval && (one.state === 'intended' || one.state === 'withdrawn'),
  );
  return granted ? updateAction(own, granted.action.id, { denied: by.name }) : own;
}

export function foldAsk(own: Own, body: Extract<Derived, { kind: 'ask' }>, at: number): Own {
  const { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused } = body;
  const { statedQuorum, onExpiry, escalateAt, why, votes = [], floors, among } = body;
  const more = {
    ...(statedQuorum === undefined ? {} : { statedQuorum }),
    ...(onExpiry === undefined ? {} : { onExpiry }),
    ...(escalateAt === undefined ? {} : { escalateAt }),
    ...(why === 'approval' ? {} : { why }),
    ...(floors === undefined ? {} : { floors }),
    ...(among === undefined ? {} : { among }),
  };
  const terms = { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused, ...more };
  const ask = { ...terms, at, votes };
  const granted = without(own.granted, planHash);
  const next = { ...own, granted, asks: { ...own.asks, [approval]: ask } };
  return updateEpisode(
    updateSequence(next, episode, sequence => ({ ...sequence, status: 'asking', approval })),
    episode,
    { plan: body.plan },
  );
}

export function foldIntent(own: Own, body: Extract<Derived, { kind: 'intent' }>, at: number): Own {
  const { action } = body;
  const record: ActionHistory = {
    action,
    episode: body.episode,
    state: 'intended',
    at,
    startDue: false,
    cancelRequested: false,
    ...carriedOver(own.actions[action.id], body, at, own.asks[body.approval ?? '']?.expires),
  };
  const asks = body.approval === undefined ? own.asks : without(own.asks, body.approval);
  const spent = own.spent[action.verb] ?? { at: [] };
  const next: Own = {
    ...own,
    asks,
    reverted: broughtBack(own.reverted, body),
    actions: { ...own.actions, [action.id]: record },
    spent: body.first
      ? { ...own.spent, [action.verb]: { ...spent, at: [...spent.at, at].slice(-SPENT_KEPT) } }
      : own.spent,
  };
  if (isAside(action.step)) return next;
  const sequenced = updateSequence(next, body.episode, ({ approval: _, retryAt: __, ...sequence }) => ({
    ...sequence,
    status: 'acting',
    action: action.id,
    acted: true,
  }));
  return updateEpisode(sequenced, body.episode, { plan: body.plan });
}

/** What a further attempt has from those before it: failures, what they consumed, and a yes for the same plan. */
function carriedOver(
  before: ActionHistory | undefined,
  { action, approval: asked, first }: Extract<Derived, { kind: 'intent' }>,
  at: number,
  expires: number | undefined,
): Partial<ActionHistory> {
  const same = before?.action.planHash === action.planHash;
  const approvedUntil = expires ?? (same ? before?.approvedUntil : undefined);
  const approval = asked ?? (same ? before?.approval : undefined);
  const spentAt = first ? at : before?.spentAt;
  return {
    ...(before?.failures === undefined ? {} : { failures: before.failures }),
    ...(spentAt === undefined ? {} : { spentAt }),
    ...(approval === undefined ? {} : { approval }),
    ...(approvedUntil === undefined ? {} : { approvedUntil }),
  };
}

/** After these a yes that was given is good no more; any other hold keeps it. */
const SPENDS_YES = ['expired', 'ended', 'changed', 'cancelled', 'policy-removed', 'denied', 'not-met'];

/** The plan is as good as it was: what people said of it is kept for when it is asked again. */
const KEEPS_VOTES: readonly string[] = ['changed', 'excluded'];

export function foldWithdrawn(own: Own, body: Extract<Derived, { kind: 'withdrawn' }>, at: number): Own {
  // The yes went with the ask: the next start is asked anew. Before the first action has begun, the policy's edits still count.
  const back = (sequence: Sequence): Sequence => {
    const { approval: _, action: __, ordered: ___, ...rest } = sequence;
    if (rest.rollout) return holdAgain(rest, body.reason === 'cancelled');
    const status = body.reason === 'ended' || body.reason === 'policy-removed' ? 'done' : 'ready';
    const acted = rest.acted && (body.action === undefined || hasRun(own, body, rest));
    return { ...rest, status, acted };
  };
  if (body.approval !== undefined && body.action === undefined) {
    return updateSequence(
      { ...withGranted(withDenial(own, body), body, at), asks: without(own.asks, body.approval) },
      body.episode,
      back,
    );
  }
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record) return own;
  const { approval, spentAt: _, ...rest } = record;
  const yes = approval === undefined || SPENDS_YES.includes(body.reason) ? {} : { approval };
  // What an earlier attempt has consumed stays consumed.
  const kept =
    record.spentAt === undefined || record.spentAt === record.at ? {} : { spentAt: record.spentAt };
  const withdrawn: ActionHistory = { ...rest, ...yes, ...kept, state: 'withdrawn', message: body.message };
  const returned = givenBack(own, record);
  const next = { ...returned, actions: { ...returned.actions, [record.action.id]: withdrawn } };
  return settled(isAside(record.action.step) ? next : updateSequence(next, body.episode, back), body.episode);
}

/** True when an attempt of the round has begun, beside the one that is withdrawn. */
function hasRun(
  own: Own,
  { action: id, episode }: Extract<Derived, { kind: 'withdrawn' }>,
  of: Sequence,
): boolean {
  return Object.values(own.actions).some(
    one =>
      one.episode === episode &&
      one.action.round === of.round &&
      !isAside(one.action.step) &&
      (one.failures !== undefined || (one.action.id !== id && one.state !== 'withdrawn')),
  );
}

/** One consumption less, if the action was one. */
function givenBack(own: Own, { action, at, spentAt }: ActionHistory): Own {
  const spent = own.spent[action.verb];
  const index = spentAt === at && spent ? spent.at.indexOf(at) : -1;
  if (spent === undefined || index < 0) return own;
  return { ...own, spent: { ...own.spent, [action.verb]: { ...spent, at: spent.at.toSpliced(index, 1) } } };
}

/** An ended episode whose last action is over is forgotten; one in a rollout, or that takes steps back, is not over. */
export function settled(own: Own, episode: number): Own {
  const ended = own.episodes[episode];
  if (ended?.ended === undefined || outlives(ended)) return own;
  const running = Object.values(own.actions).some(one => one.episode === episode && isLive(one));
  return running ? own : forget(own, episode);
}

export function foldOutcome(own: Own, body: Extract<Input, { kind: 'outcome' }>, at: number): Own {
  const record = own.actions[body.action];
  if (!record || record.action.attempt !== body.attempt || !isLive(record)) return own;
  if (body.outcome === 'lost') return updateAction(own, body.action, { message: body.message ?? 'lost' });
  const next = updateAction(own, body.action, {
    state: body.outcome,
    endedAt: at,
    ...(body.message === undefined ? {} : { message: body.message }),
    ...(body.outputs === undefined ? {} : { outputs: body.outputs }),
    ...(body.outcome === 'failed'
      ? { failures: (record.failures ?? 0) + 1, repeatable: body.repeatable === true }
      : {}),
  });
  const done = finish(next, record, body.outcome === 'succeeded' ? (body.outputs ?? {}) : undefined, at);
  return body.outcome === 'cancelled' && record.gated ? backTo(done, record) : done;
}

/** What a gate has ended is begun again when the gate lets it. */
function backTo(own: Own, { action, episode }: ActionHistory): Own {
  return updateSequence(own, episode, sequence => {
    if (sequence.action !== action.id || sequence.rollout) return sequence;
    const { action: _, ...rest } = sequence;
    return { ...rest, status: 'ready' };
  });
}

export function foldResolve(own: Own, body: Extract<Input, { kind: 'resolve' }>, at: number): Own {
  if (body.episode !== undefined) return updateEpisode(own, body.episode, { resolved: true });
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record || !isLive(record)) return own;
  const succeeded = body.as === 'succeeded';
  const outputs = body.outputs ?? {};
  const said = body.reason === undefined ? {} : { message: body.reason };
  const state = succeeded ? 'succeeded' : 'failed';
  const next = updateAction(own, record.action.id, { state, outputs, endedAt: at, ...said }, 'settled');
  return finish(next, record, succeeded ? outputs : undefined, at);
}

/** A terminal outcome: the cooldown begins, the sequence moves when it succeeded, an ended episode is forgotten. */
export function finish(own: Own, record: ActionHistory, outputs: JsonObject | undefined, at: number): Own {
  const { action, episode } = record;
  const spent = own.spent[action.verb] ?? { at: [] };
  const before = spent.endedBy === action.id ? spent.endedBefore : spent.endedAt;
  const ended: Spent = {
    at: spent.at,
    endedAt: at,
    endedBy: action.id,
    ...(before === undefined ? {} : { endedBefore: before }),
  };
  let next: Own = { ...own, spent: { ...own.spent, [action.verb]: ended } };
  if (outputs !== undefined) next = placed(next, record, at);
  if (outputs !== undefined && !isAside(action.step)) {
    const steps = next.episodes[episode]?.plan?.steps.length ?? 0;
    const verified = next.episodes[episode]?.plan?.verify !== undefined;
    next = updateSequence(next, episode, sequence =>
      sequence.action === action.id ? advance(sequence, { action, outputs, at, steps, verified }) : sequence,
    );
  }
  return settled(next, episode);
}

function advance(
  { action: _, ...sequence }: Sequence,
  done: {
    readonly action: ActionHistory['action'];
    readonly outputs: JsonObject;
    readonly at: number;
    readonly steps: number;
    readonly verified: boolean;
  },
): Sequence {
  const { step, phase, phases, stepIndex } = done.action;
  const outputs = { ...sequence.outputs, [step]: { ...sequence.outputs[step], ...done.outputs } };
  if (done.action.call.rollout) return holdAfter({ ...sequence, outputs }, done.action, done.at);
  if (phase + 1 < phases) return { ...sequence, status: 'ready', phase: phase + 1, outputs };
  // The champion is pointed: what is left of the rollout is to say so.
  const through = sequence.rollout ? { rollout: { ...sequence.rollout, through: true } } : {};
  if (stepIndex + 1 < done.steps)
    return { ...sequence, ...through, status: 'ready', stepIndex: stepIndex + 1, phase: 0, outputs };
  return { ...sequence, ...through, status: done.verified ? 'verifying' : 'done', outputs, endedAt: done.at };
}

function forget(own: Own, id: number): Own {
  const { [id]: _, ...episodes } = own.episodes;
  return { ...own, episodes, actions: keep(own.actions, action => action.episode !== id || isLive(action)) };
}

/** An ended episode stays while its action runs, so that the outcome finds it. */
export function foldEnded(own: Own, id: number, how: string, at: number): Own {
  return settled(updateEpisode(own, id, { ended: { at, how } }), id);
}

/** Where a denial is kept: beyond its episode, so that a flapping rule does not ask all day. */
export function denialKey(cause: Cause, step: string): string {
  return `${cause.policy}/${cause.rule}/${cause.group}/${step}`;
}

function withDenial(own: Own, body: Extract<Derived, { kind: 'withdrawn' }>): Own {
  const ask = own.asks[body.approval ?? ''];
  const actingHash = own.episodes[body.episode]?.plan?.actingHash;
  // A request that was denied is over: nothing of it is asked again.
  const isRequested = own.episodes[body.episode]?.request !== undefined;
  if (!ask || isRequested || body.reaskAt === undefined || actingHash === undefined) return own;
  const key = denialKey(body.cause, ask.action.step);
  return { ...own, denials: { ...own.denials, [key]: { until: body.reaskAt, actingHash } } };
}

/** Votes on a question that was taken back for no fault of the plan count when the same plan is asked again. */
function withGranted(own: Own, body: Extract<Derived, { kind: 'withdrawn' }>, at: number): Own {
  const ask = own.asks[body.approval ?? ''];
  const votes = (ask?.votes ?? []).filter(({ decision }) => decision === 'yes');
  const known = Object.entries(own.granted).filter(([, { until }]) => until > at);
  const fresh =
    ask === undefined || votes.length === 0 || !KEEPS_VOTES.includes(body.reason)
      ? []
      : [[ask.planHash, { votes, until: ask.expires }] as const];
  return { ...own, granted: Object.fromEntries([...known, ...fresh]) };
}

/** A version that people let in again is no longer one that was taken out. */
function broughtBack(
  reverted: Own['reverted'],
  { action, approval }: Extract<Derived, { kind: 'intent' }>,
): Own['reverted'] {
  const version = promotedBy(action);
  return version === undefined || approval === undefined ? reverted : without(reverted, version);
}
