/** How asks, intents, outcomes and ended episodes change a history. Pure. */
import type { ActionHistory, Cause, Derived, Input, JsonObject, Own, Sequence } from '../model.ts';
import { isAside, isLive, keep, updateAction, updateEpisode, updateSequence, without } from './records.ts';

/** Consumptions of a verb that are kept for rate guards. */
const SPENT_KEPT = 1000;

export function foldVote(own: Own, body: Extract<Input, { kind: 'approval' }>, at: number): Own {
  const ask = own.asks[body.approval];
  if (!ask) return own;
  const vote = {
    by: body.by,
    decision: body.decision,
    at,
    ...(body.comment === undefined ? {} : { comment: body.comment }),
  };
  const votes = [...ask.votes.filter(one => one.by.name !== body.by.name), vote];
  return { ...own, asks: { ...own.asks, [ask.approval]: { ...ask, votes } } };
}

export function foldAsk(own: Own, body: Extract<Derived, { kind: 'ask' }>, at: number): Own {
  const { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused } = body;
  const ask = { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused, at, votes: [] };
  const next = { ...own, asks: { ...own.asks, [approval]: ask } };
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
  };
  const asks = body.approval === undefined ? own.asks : without(own.asks, body.approval);
  const spent = own.spent[action.verb] ?? { at: [] };
  const next: Own = {
    ...own,
    asks,
    actions: { ...own.actions, [action.id]: record },
    spent: body.first
      ? { ...own.spent, [action.verb]: { ...spent, at: [...spent.at, at].slice(-SPENT_KEPT) } }
      : own.spent,
  };
  if (isAside(action.step)) return next;
  const sequenced = updateSequence(next, body.episode, ({ approval: _, ...sequence }) => ({
    ...sequence,
    status: 'acting',
    action: action.id,
    acted: true,
  }));
  return updateEpisode(sequenced, body.episode, { plan: body.plan });
}

export function foldWithdrawn(own: Own, body: Extract<Derived, { kind: 'withdrawn' }>): Own {
  // The yes went with the ask: the next start is asked anew. Before the first action has begun, the policy's edits still count.
  const back = (sequence: Sequence): Sequence => {
    const { approval: _, action: __, ...rest } = sequence;
    const status = body.reason === 'ended' || body.reason === 'policy-removed' ? 'done' : 'ready';
    const acted = rest.acted && (rest.stepIndex > 0 || rest.phase > 0);
    return { ...rest, status, acted };
  };
  if (body.approval !== undefined && body.action === undefined) {
    return updateSequence(
      { ...withDenial(own, body), asks: without(own.asks, body.approval) },
      body.episode,
      back,
    );
  }
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record) return own;
  const next = updateAction(givenBack(own, record), record.action.id, {
    state: 'withdrawn',
    message: body.message,
  });
  return settled(isAside(record.action.step) ? next : updateSequence(next, body.episode, back), body.episode);
}

/** One consumption less, if the action was one. */
function givenBack(own: Own, { action, at }: ActionHistory): Own {
  const spent = own.spent[action.verb];
  const index = action.phase === 0 && spent ? spent.at.indexOf(at) : -1;
  if (spent === undefined || index < 0) return own;
  return { ...own, spent: { ...own.spent, [action.verb]: { ...spent, at: spent.at.toSpliced(index, 1) } } };
}

/** An ended episode whose last action is over is forgotten. */
function settled(own: Own, episode: number): Own {
  if (own.episodes[episode]?.ended === undefined) return own;
  const running = Object.values(own.actions).some(one => one.episode === episode && isLive(one));
  return running ? own : forget(own, episode);
}

export function foldOutcome(own: Own, body: Extract<Input, { kind: 'outcome' }>, at: number): Own {
  const record = own.actions[body.action];
  if (!record || record.action.attempt !== body.attempt || !isLive(record)) return own;
  if (body.outcome === 'lost') return updateAction(own, body.action, { message: body.message ?? 'lost' });
  const next = updateAction(own, body.action, {
    state: body.outcome,
    ...(body.message === undefined ? {} : { message: body.message }),
    ...(body.outputs === undefined ? {} : { outputs: body.outputs }),
  });
  return finish(next, record, body.outcome === 'succeeded' ? (body.outputs ?? {}) : undefined, at);
}

export function foldResolve(own: Own, body: Extract<Input, { kind: 'resolve' }>, at: number): Own {
  if (body.episode !== undefined) return updateEpisode(own, body.episode, { resolved: true });
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record || !isLive(record)) return own;
  const succeeded = body.as === 'succeeded';
  const outputs = body.outputs ?? {};
  const said = body.reason === undefined ? {} : { message: body.reason };
  const state = succeeded ? 'succeeded' : 'failed';
  const next = updateAction(own, record.action.id, { state, outputs, ...said }, 'settled');
  return finish(next, record, succeeded ? outputs : undefined, at);
}

/** A terminal outcome: the cooldown begins, the sequence moves when it succeeded, an ended episode is forgotten. */
function finish(own: Own, record: ActionHistory, outputs: JsonObject | undefined, at: number): Own {
  const { action, episode } = record;
  const spent = own.spent[action.verb] ?? { at: [] };
  let next: Own = { ...own, spent: { ...own.spent, [action.verb]: { ...spent, endedAt: at } } };
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
  if (phase + 1 < phases) return { ...sequence, status: 'ready', phase: phase + 1, outputs };
  if (stepIndex + 1 < done.steps)
    return { ...sequence, status: 'ready', stepIndex: stepIndex + 1, phase: 0, outputs };
  return { ...sequence, status: done.verified ? 'verifying' : 'done', outputs, endedAt: done.at };
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
  if (!ask || body.reaskAt === undefined || actingHash === undefined) return own;
  const key = denialKey(body.cause, ask.action.step);
  return { ...own, denials: { ...own.denials, [key]: { until: body.reaskAt, actingHash } } };
}
