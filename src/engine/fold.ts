/**
 * `fold(history, entry) → history`: what a target's chain says so far. Timers, episodes, sequences, approvals and
 * budgets are derived here and nowhere else, so that a restart forgets nothing. Pure; total over every entry kind.
 */
import type {
  ActionHistory,
  Derived,
  Episode,
  Fresh,
  Input,
  JsonObject,
  Own,
  RuleState,
  Sequence,
  TargetRef,
} from '../model.ts';
import { never } from '../model.ts';
import { groupKey } from './ids.ts';

/** Raise it when `Own` or its meaning changes: projections are rebuilt from the entries then. */
export const FOLD_VERSION = 1;

/** Consumptions of a verb that are kept for rate guards. */
const SPENT_KEPT = 200;

/** The history of a target about which nothing is known yet. */
export function emptyOwn(target: TargetRef): Own {
  return {
    target,
    seq: 0,
    takenAt: 0,
    policies: {},
    rules: {},
    episodes: {},
    asks: {},
    actions: {},
    decisions: {},
    spent: {},
    verifiedVersions: [],
  };
}

/** The next history. Unknown or irrelevant entries only move `seq` and `takenAt`. */
export function fold(own: Own, entry: Fresh): Own {
  const next = { ...own, seq: entry.seq, takenAt: Math.max(own.takenAt, entry.at) };
  const { body } = entry;
  switch (body.kind) {
    case 'request':
      return { ...next, requested: { id: body.request, at: entry.at } };
    case 'gap':
      return { ...next, gap: { from: body.from, to: body.to } };
    case 'revision':
      return foldRevision(next, body);
    case 'approval':
      return foldVote(next, body, entry.at);
    case 'cancel':
      return updateAction(next, body.action, { cancelRequested: true });
    case 'retry':
      return updateSequence(next, body.episode, retried);
    case 'resolve':
      return foldResolve(next, body, entry.at);
    case 'adopt':
      return updateEpisode(next, body.episode, { adopted: true });
    case 'start-due':
      return updateAction(next, body.action, { startDue: true });
    case 'started':
      return updateAction(next, body.action, { state: 'started' }, 'settled');
    case 'outcome':
      return foldOutcome(next, body, entry.at);
    case 'absent':
      return updateAction(next, body.action, { state: 'intended', startDue: false }, 'settled');
    case 'cannot-tell':
      return updateAction(next, body.action, { message: body.message });
    case 'pause':
    case 'resume':
    case 'silence':
    case 'checkpoint':
    case 'anchor':
    case 'audit':
      return next;
    default:
      return foldDerived(next, body, entry);
  }
}

function foldDerived(own: Own, body: Derived, entry: Fresh): Own {
  switch (body.kind) {
    case 'transition':
      return foldTransition(own, body, entry.at);
    case 'episode-opened':
      return foldOpened(own, body, entry);
    case 'episode-ended':
      return foldEnded(own, body.episode, body.how, entry.at);
    case 'decision': {
      const key = decisionKey(body.cause.policy, body.cause.rule, body.cause.group);
      const { [key]: _, ...others } = own.decisions;
      return {
        ...own,
        decisions: body.decision.outcome === 'none' ? others : { ...own.decisions, [key]: body.decision },
      };
    }
    case 'ask':
      return foldAsk(own, body, entry.at);
    case 'intent':
      return foldIntent(own, body, entry.at);
    case 'withdrawn':
      return foldWithdrawn(own, body);
    case 'adopted':
      return own;
    case 'unresolved':
      return updateAction(own, body.action, { state: 'unresolved', message: body.message });
    case 'verified':
      return body.what === 'version' && body.version !== undefined
        ? {
            ...own,
            verifiedVersions: [...own.verifiedVersions.filter(one => one !== body.version), body.version],
          }
        : own;
    case 'not-verified':
      return own;
    case 'stalled':
      return updateSequence(own, body.episode, ({ action: _, approval: __, ...sequence }) => ({
        ...sequence,
        status: 'stalled',
        stalled: body.message,
        ...(body.version === undefined ? {} : { stalledAt: body.version }),
      }));
    default:
      return never(body);
  }
}

/** The key of a decision in `Own.decisions`. */
export function decisionKey(policy: string, rule: string, group: string): string {
  return `${policy}/${rule}/${group}`;
}

function foldRevision(own: Own, body: Extract<Input, { kind: 'revision' }>): Own {
  const rules: Record<string, Own['rules'][string]> = {};
  for (const [policy, byRule] of Object.entries(own.rules)) {
    const hashes = body.policies[policy];
    if (hashes?.timing === own.policies[policy]?.timing && hashes !== undefined) rules[policy] = byRule;
    else rules[policy] = mapValues(byRule, states => keep(states, state => state.phase === 'firing'));
  }
  const edited = (episode: Episode) => {
    const policy = episode.cause.policy;
    return (
      body.policies[policy] !== undefined && body.policies[policy].acting !== own.policies[policy]?.acting
    );
  };
  const episodes = mapValues(own.episodes, episode =>
    edited(episode) && episode.sequence.status === 'stalled'
      ? { ...episode, sequence: retried(episode.sequence) }
      : episode,
  );
  return { ...own, commit: body.commit.sha, policies: body.policies, rules, episodes };
}

/** A stalled sequence starts anew, one round later; any other stays. */
function retried(sequence: Sequence): Sequence {
  if (sequence.status !== 'stalled') return sequence;
  return { round: sequence.round + 1, stepIndex: 0, phase: 0, status: 'ready', outputs: {}, acted: false };
}

function foldTransition(own: Own, body: Extract<Derived, { kind: 'transition' }>, at: number): Own {
  const { policy, rule } = body.cause;
  const group = groupKey(body.labels);
  const before = own.rules[policy]?.[rule]?.[group];
  const states = { ...own.rules[policy]?.[rule] };
  if (body.to === 'ok') delete states[group];
  else states[group] = ruleState(before, body, at);
  return { ...own, rules: { ...own.rules, [policy]: { ...own.rules[policy], [rule]: states } } };
}

function ruleState(
  before: RuleState | undefined,
  body: Extract<Derived, { kind: 'transition' }>,
  at: number,
): RuleState {
  const base = {
    labels: body.labels,
    state: body.to,
    phase: before?.phase ?? ('inactive' as const),
    since: before?.since ?? at,
    frozenMs: body.frozenMs,
    ...(before?.episode === undefined ? {} : { episode: before.episode }),
  };
  switch (body.to) {
    case 'pending':
      return { ...base, phase: 'pending', since: body.since };
    case 'firing':
      return { ...base, phase: 'firing', since: before?.phase === 'firing' ? before.since : body.since };
    case 'clearing':
      return { ...base, clearingSince: body.since };
    case 'unknown':
      return { ...base, unknownSince: body.since };
    case 'vanished':
      return { ...base, vanishedSince: body.since };
    case 'ok':
      return base;
    default:
      return never(body.to);
  }
}

function foldOpened(own: Own, body: Extract<Derived, { kind: 'episode-opened' }>, entry: Fresh): Own {
  const episode: Episode = {
    id: entry.seq,
    cause: body.cause,
    labels: body.labels,
    openedAt: entry.at,
    mode: body.mode,
    actingHash: body.actingHash,
    adopted: false,
    before: body.before,
    references: body.references,
    members: body.members,
    sequence: { round: 0, stepIndex: 0, phase: 0, status: 'ready', outputs: {}, acted: false },
  };
  const { policy, rule, group } = body.cause;
  const state = own.rules[policy]?.[rule]?.[group];
  const rules = state
    ? {
        ...own.rules,
        [policy]: {
          ...own.rules[policy],
          [rule]: { ...own.rules[policy]?.[rule], [group]: { ...state, episode: entry.seq } },
        },
      }
    : own.rules;
  return { ...own, rules, episodes: { ...own.episodes, [entry.seq]: episode } };
}

/** An ended episode stays while its action runs, so that the outcome finds it. */
function foldEnded(own: Own, id: number, how: string, at: number): Own {
  const episode = own.episodes[id];
  if (!episode) return own;
  const running = Object.values(own.actions).some(action => action.episode === id && isLive(action));
  const next = updateEpisode(own, id, { ended: { at, how } });
  return running ? next : forget(next, id);
}

function forget(own: Own, id: number): Own {
  const { [id]: _, ...episodes } = own.episodes;
  return { ...own, episodes, actions: keep(own.actions, action => action.episode !== id || isLive(action)) };
}

/** Still holds its subject's lock. */
export function isLive(action: ActionHistory): boolean {
  return ['intended', 'starting', 'started', 'unresolved'].includes(action.state);
}

function foldVote(own: Own, body: Extract<Input, { kind: 'approval' }>, at: number): Own {
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

function foldAsk(own: Own, body: Extract<Derived, { kind: 'ask' }>, at: number): Own {
  const { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused } = body;
  const ask = { approval, episode, action, planHash, from, quorum, expires, reaskMs, refused, at, votes: [] };
  const next = { ...own, asks: { ...own.asks, [approval]: ask } };
  return updateEpisode(
    updateSequence(next, episode, sequence => ({ ...sequence, status: 'asking', approval })),
    episode,
    { plan: body.plan },
  );
}

function foldIntent(own: Own, body: Extract<Derived, { kind: 'intent' }>, at: number): Own {
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
    ...(body.approval === undefined
      ? {}
      : { granted: { approval: body.approval, planHash: action.planHash } }),
  }));
  return updateEpisode(sequenced, body.episode, { plan: body.plan });
}

/** An action beside the sequence, such as the escalation of a stall: it never moves the sequence. */
export function isAside(step: string): boolean {
  return step.startsWith('!');
}

function foldWithdrawn(own: Own, body: Extract<Derived, { kind: 'withdrawn' }>): Own {
  const back = (sequence: Sequence): Sequence => {
    const { approval: _, action: __, ...rest } = sequence;
    const status = body.reason === 'ended' || body.reason === 'policy-removed' ? 'done' : 'ready';
    return { ...rest, status, ...(body.reaskAt === undefined ? {} : { deniedUntil: body.reaskAt }) };
  };
  if (body.approval !== undefined && body.action === undefined) {
    return updateSequence({ ...own, asks: without(own.asks, body.approval) }, body.episode, back);
  }
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record) return own;
  const verb = record.action.verb;
  const spent = own.spent[verb];
  const given = spent
    ? { ...own.spent, [verb]: { ...spent, at: spent.at.filter(at => at !== record.at) } }
    : own.spent;
  const next = updateAction({ ...own, spent: given }, record.action.id, {
    state: 'withdrawn',
    message: body.message,
  });
  return isAside(record.action.step) ? next : updateSequence(next, body.episode, back);
}

function foldOutcome(own: Own, body: Extract<Input, { kind: 'outcome' }>, at: number): Own {
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

function foldResolve(own: Own, body: Extract<Input, { kind: 'resolve' }>, at: number): Own {
  if (body.episode !== undefined) return updateEpisode(own, body.episode, { resolved: true });
  const record = body.action === undefined ? undefined : own.actions[body.action];
  if (!record || !isLive(record)) return own;
  const succeeded = body.as === 'succeeded';
  const outputs = body.outputs ?? {};
  const next = updateAction(own, record.action.id, {
    state: succeeded ? 'succeeded' : 'failed',
    at,
    outputs,
  });
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
      advance(sequence, { action, outputs, at, steps, verified }),
    );
  }
  const ended = next.episodes[episode]?.ended !== undefined;
  return ended ? forget(next, episode) : next;
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
  const { granted: __, ...rest } = sequence;
  if (stepIndex + 1 < done.steps)
    return { ...rest, status: 'ready', stepIndex: stepIndex + 1, phase: 0, outputs };
  return { ...rest, status: done.verified ? 'verifying' : 'done', outputs, endedAt: done.at };
}

/** `settled`: what was once said of it (lost, cannot tell) no longer holds. */
function updateAction(own: Own, id: string, change: Partial<ActionHistory>, settled?: 'settled'): Own {
  const record = own.actions[id];
  if (!record) return own;
  const { message, ...rest } = record;
  const said = settled || message === undefined ? {} : { message };
  return { ...own, actions: { ...own.actions, [id]: { ...rest, ...said, ...change } } };
}

function updateEpisode(own: Own, id: number, change: Partial<Episode>): Own {
  const episode = own.episodes[id];
  return episode ? { ...own, episodes: { ...own.episodes, [id]: { ...episode, ...change } } } : own;
}

function updateSequence(own: Own, id: number, change: (sequence: Sequence) => Sequence): Own {
  const episode = own.episodes[id];
  return episode ? updateEpisode(own, id, { sequence: change(episode.sequence) }) : own;
}

function without<T>(of: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = of;
  return rest;
}

function keep<T>(of: Readonly<Record<string, T>>, wanted: (value: T) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => wanted(value)));
}

function mapValues<T, U>(of: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, change(value)]));
}
