/**
 * `fold(history, entry) → history`: what a target's chain says so far. Timers, episodes, sequences, approvals and
 * budgets are derived here and nowhere else, so that a restart forgets nothing. Pure; total over every entry kind.
 */
import type { Derived, Episode, Fresh, Input, Own, PolicyHashes, TargetRef } from '../model.ts';
import { never } from '../model.ts';
import {
  finish,
  foldAsk,
  foldEnded,
  foldIntent,
  foldOutcome,
  foldResolve,
  foldVote,
  foldWithdrawn,
  settled,
} from './fold-actions.ts';
import { cancelRequest, foldRenewed, foldRequest, foldTaken, withFate } from './fold-requests.ts';
import { foldReverted } from './fold-reverts.ts';
import { foldOrder, foldRollout } from './fold-rollout.ts';
import { foldOpened, foldTransition } from './fold-rules.ts';
import {
  budgetsAnew,
  edited,
  foldCancel,
  foldNotVerified,
  foldRetry,
  foldRetrying,
  foldSkipped,
  gaveUp,
  requested,
  undoes,
  unrequested,
} from './fold-sequence.ts';
import {
  foldAdopted,
  foldCancelling,
  foldDelivered,
  foldGate,
  foldPreempted,
  foldTold,
  foldUntold,
} from './fold-standing.ts';
import { foldBegun } from './loops.ts';
import {
  authorsIn,
  drop,
  isLive,
  keep,
  mapValues,
  type Owned,
  put,
  updateAction,
  updateEpisode,
  updateSequence,
} from './records.ts';

/** Raise it when `Own` or its meaning changes: projections are rebuilt from the entries then. */
export const FOLD_VERSION = 7;

/** The history of a target about which nothing is known yet. */
export function emptyOwn(target: TargetRef): Own {
  return {
    target,
    seq: 0,
    takenAt: 0,
    policies: {},
    authors: {},
    rules: {},
    episodes: {},
    asks: {},
    actions: {},
    denials: {},
    decisions: {},
    spent: {},
    verifiedVersions: [],
    reverted: {},
    granted: {},
    gates: {},
    begun: {},
    told: {},
  };
}

/**
 * The next history. Irrelevant entries only move `seq` and `takenAt`. `owned`: what earlier folds of the same run made,
 * which may be changed in place; without it nothing that was given is ever changed.
 */
export function fold(own: Own, entry: Fresh, owned?: Owned): Own {
  const next = { ...own, seq: entry.seq, takenAt: Math.max(own.takenAt, entry.at) };
  const { body } = entry;
  if ('stale' in body && body.stale) return next;
  switch (body.kind) {
    case 'request':
      return body.what === 'action'
        ? foldRequest(next, body, entry.at)
        : { ...next, requested: { id: body.request, at: entry.at } };
    case 'gap':
      return { ...next, gap: { from: body.from, to: body.to } };
    case 'revision':
      return foldRevision(next, body);
    case 'approval':
      return foldVote(next, body, entry.at);
    case 'cancel':
      return cancelRequest(next, body, entry.at) ?? foldCancel(next, body, entry.at);
    case 'retry':
      return foldRetry(next, body);
    case 'resolve':
      return foldResolve(next, body, entry.at);
    case 'adopt':
      return requested(updateEpisode(next, body.episode, { adopted: true }), body.episode, body.by);
    case 'start-due':
      return concerns(next, body) ? updateAction(next, body.action, { startDue: true }) : next;
    case 'started':
      return concerns(next, body) ? updateAction(next, body.action, { state: 'started' }, 'settled') : next;
    case 'outcome':
      return foldDelivered(foldOutcome(next, body, entry.at), body);
    case 'absent':
      return concerns(next, body)
        ? updateAction(next, body.action, { state: 'intended', startDue: false }, 'settled')
        : next;
    case 'cannot-tell':
      return concerns(next, body) ? updateAction(next, body.action, { message: body.message }) : next;
    case 'rollout-order':
      return foldOrder(next, body);
    case 'pause':
    case 'resume':
    case 'silence':
    case 'checkpoint':
    case 'anchor':
    case 'audit':
    case 'proposal':
      return next;
    default: {
      // Whatever a step derives, it has used the gap.
      const { gap: _, ...rest } = next;
      return foldDerived(rest, body, entry, owned);
    }
  }
}

/** A late word about an attempt that is over, about an earlier one, or of a lost lease is recorded and decides nothing. */
export function concerns(
  own: Own,
  body: { readonly action: string; readonly attempt: number; readonly stale?: true },
): boolean {
  if (body.stale) return false;
  const record = own.actions[body.action];
  return record !== undefined && record.action.attempt === body.attempt && isLive(record);
}

function foldDerived(own: Own, body: Derived, entry: Fresh, owned: Owned | undefined): Own {
  switch (body.kind) {
    case 'transition':
      return foldUntold(foldTransition(own, body, entry.at, owned), body);
    case 'episode-opened':
      return foldTaken(foldOpened(own, body, entry, owned), body, entry.seq);
    case 'episode-ended':
      return foldEnded(withFate(own, body, entry.at), body.episode, body.how, entry.at);
    case 'decision': {
      const key = decisionKey(body.cause.policy, body.cause.rule, body.cause.group);
      const over = body.decision.outcome === 'none';
      const { decisions } = own;
      return {
        ...own,
        decisions: over ? drop(decisions, key, owned) : put(decisions, key, body.decision, owned),
      };
    }
    case 'ask':
      return foldAsk(own, body, entry.at);
    case 'intent':
      return foldTold(foldBegun(foldIntent(own, body, entry.at), body, entry.at), body, entry.at);
    case 'withdrawn':
      return foldWithdrawn(own, body, entry.at);
    case 'adopted':
      return foldAdopted(own, body, entry.at, (next, record) =>
        finish(next, record, record.outputs, entry.at),
      );
    case 'unresolved':
      return concerns(own, body)
        ? updateAction(own, body.action, { state: 'unresolved', message: body.message })
        : own;
    case 'verified':
      return body.what === 'version' && body.version !== undefined
        ? {
            ...own,
            verifiedVersions: [...own.verifiedVersions.filter(one => one !== body.version), body.version],
          }
        : own;
    case 'rollout':
      return settled(foldRollout(own, body, entry.at), body.episode);
    case 'skipped':
      return foldSkipped(own, body, entry.at);
    case 'retrying':
      return foldRetrying(own, body);
    case 'not-verified':
      return foldNotVerified(own, body);
    case 'preempted':
      return foldPreempted(own, body, entry.at);
    case 'cancelling':
      return foldCancelling(own, body, entry.at);
    case 'gate':
      return foldGate(own, body);
    case 'stalled':
      return settled(
        updateSequence(own, body.episode, sequence => gaveUp(sequence, body)),
        body.episode,
      );
    case 'undoing':
      return updateSequence(own, body.episode, sequence => undoes(sequence, body));
    case 'reverted':
      return foldReverted(own, body, entry.at);
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
    const [was, is] = [own.policies[policy], body.policies[policy]];
    rules[policy] = Object.fromEntries(
      Object.entries(byRule).map(([rule, states]) => [
        rule,
        keepsTime(was, is, rule) ? states : keep(states, state => state.phase === 'firing'),
      ]),
    );
  }
  const isEdited = (episode: Episode) => {
    const policy = episode.cause.policy;
    return (
      body.policies[policy] !== undefined && body.policies[policy].acting !== own.policies[policy]?.acting
    );
  };
  // An edit ends a stall; and what was adopted was the policy before it.
  const episodes = mapValues(own.episodes, episode =>
    isEdited(episode) && !episode.ended
      ? { ...unrequested(episode), adopted: false, sequence: edited(episode.sequence) }
      : episode,
  );
  const since = body.authors ?? [body.commit.author.email];
  const authors = Object.fromEntries(
    Object.entries(body.policies).map(([policy, { acting }]) => [
      policy,
      acting === own.policies[policy]?.acting ? (authorsIn(own, policy) ?? []) : since,
    ]),
  );
  const actions = budgetsAnew(own, episodes);
  const next = {
    ...own,
    commit: body.commit.sha,
    policies: body.policies,
    authors,
    rules,
    episodes,
    actions,
  };
  return foldRenewed(next, body.requests, since);
}

/** An edit of one rule resets the timers of that rule alone. */
function keepsTime(was: PolicyHashes | undefined, is: PolicyHashes | undefined, rule: string): boolean {
  if (!was || !is) return false;
  return was.rules && is.rules
    ? was.rules[rule] !== undefined && was.rules[rule] === is.rules[rule]
    : was.timing === is.timing;
}
