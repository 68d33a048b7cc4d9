/**
 * `step(policies, snapshot, history) → { entries, needs, wakeAt }`: the whole answer of one tick for one target.
 * Pure: now is `snapshot.takenAt`; the same arguments give the same bytes. Live loop, plan, tests and replay call it.
 */
import type {
  ActionHistory,
  Catalogue,
  ClosedPolicy,
  Decision,
  Episode,
  History,
  Snapshot,
  Step,
  Verdict,
  Want,
} from '../model.ts';
import { tellBlind } from './blindness.ts';
import { closeDecisions, writeDecision } from './decisions.ts';
import { beginDraft, type Draft, emit, isLocked, takeBack } from './draft.ts';
import { messageOf } from './failure-text.ts';
import { outlives } from './fold-rollout.ts';
import { planOf } from './form.ts';
import { cancelGated, judgeGates } from './gates.ts';
import { noteInhibitors } from './inhibition.ts';
import { escalate, NEVER } from './moves.ts';
import { overdueAt, overdueText } from './overdue.ts';
import { noteReachability } from './reachability.ts';
import { inOrder, isLive } from './records.ts';
import { endRequests, lapsesAt, ofRequest, requestPolicies, takeUp } from './requests.ts';
import { noteReverts } from './reverts.ts';
import { orphanOf } from './rollout-back.ts';
import { evaluateRule, freeze } from './rules.ts';
import { isExcluded, nextSlot, tickedRules } from './schedule.ts';
import { progress } from './sequence.ts';
import { seriesLimit } from './series.ts';
import { checkStarts } from './starts.ts';
import { wantFor } from './wants.ts';

/** What one tick derives. `policies` are those in force for the snapshot's target. */
export function step(
  policies: readonly ClosedPolicy[],
  snapshot: Snapshot,
  history: History,
  catalogue: Catalogue,
): Step {
  const draft = beginDraft(snapshot, history, catalogue.verbs);
  firstSight(draft);
  noteReverts(draft);
  const verdicts = new Map<string, ReadonlyMap<string, Verdict>>();
  const problems: Step['problems'][number][] = [];
  for (const policy of policies) {
    if (isExcluded(policy, draft.at) && snapshot.starting === undefined) freeze(draft, policy);
    if (isExcluded(policy, draft.at) || !snapshot.due.includes(policy.policy)) continue;
    for (const rule of tickedRules(policy)) {
      isolate(draft, policy.policy, problems, () => {
        verdicts.set(`${policy.policy}/${rule.name}`, evaluateRule(draft, policy, rule));
      });
    }
  }
  takeUp(draft);
  settle(draft, policies);
  const alertAt = snapshot.starting === undefined ? say(draft, policies, verdicts) : NEVER;
  const all = [...policies, ...requestPolicies(draft.own)];
  const outlook = progressAll(draft, all, verdicts, catalogue, problems);
  checkStarts(draft, all);
  if (endRequests(draft)) closeDecisions(draft, all);
  const slots = policies.map(policy => nextSlot(policy, draft.at));
  return {
    entries: draft.entries,
    needs: outlook.needs,
    wakeAt: Math.min(outlook.wakeAt, alertAt, overdueAt(draft.own), ...slots),
    facts: draft.noted,
    read: [...draft.read].sort(),
    verdicts: [...verdicts.values()].flatMap(byGroup => [...byGroup.values()]),
    decisions: outlook.decisions,
    problems,
  };
}

/**
 * What this target's rules mean to others: reachability, gates, inhibitors; what a closed gate ends here; and what people must
 * know. Gives the next time at which they must know more.
 */
function say(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  verdicts: ReadonlyMap<string, ReadonlyMap<string, Verdict>>,
): number {
  const looked = policies.filter(
    one => draft.snapshot.due.includes(one.policy) && !isExcluded(one, draft.at),
  );
  noteReachability(draft, looked);
  judgeGates(draft, looked, verdicts);
  noteInhibitors(draft, looked, verdicts);
  cancelGated(draft);
  return tellBlind(draft, policies, verdicts);
}

/** One failing policy or rule never stops another: what it had derived in this step is taken back. */
function isolate(draft: Draft, policy: string, problems: Step['problems'][number][], work: () => void): void {
  const { length } = draft.entries;
  try {
    work();
  } catch (error) {
    takeBack(draft, length);
    problems.push({ policy, message: messageOf(error) });
  }
}

/** The version found in service at first sight is verified: there must be something to go back to. */
function firstSight(draft: Draft): void {
  const version = draft.snapshot.serving?.champion;
  if (version === undefined || draft.own.verifiedVersions.length > 0) return;
  emit(draft, { kind: 'verified', what: 'version', version, basis: 'first-sight' });
}

/** What inputs have decided: lost effects, resolved episodes, removed policies, stalls that a new version ends. */
function settle(draft: Draft, policies: readonly ClosedPolicy[]): void {
  const all = [...policies, ...requestPolicies(draft.own)];
  for (const record of inOrder(draft.own.actions)) {
    if (!isLive(record) || record.state === 'unresolved') continue;
    const overdue = record.message === undefined ? overdueText(draft, record) : undefined;
    if (record.message !== undefined) unresolved(draft, all, record, record.message);
    else if (overdue !== undefined) unresolved(draft, all, record, overdue, { overdue: true });
  }
  for (const episode of Object.values(draft.own.episodes)) {
    if (episode.ended || episode.request !== undefined) continue;
    const policy = policies.find(one => one.policy === episode.cause.policy);
    const version = draft.snapshot.serving?.champion;
    const { sequence } = episode;
    const moved = sequence.stalledAt !== undefined && version !== undefined && sequence.stalledAt !== version;
    if (!policy || !tickedRules(policy).some(rule => rule.name === episode.cause.rule)) {
      endEpisode(draft, episode, 'policy-removed');
    } else if (episode.resolved || (sequence.status === 'stalled' && moved))
      endEpisode(draft, episode, 'resolved');
  }
}

/** It keeps its lock, and people are paged: only they or the connector can say what became of it. */
function unresolved(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  record: ActionHistory,
  message: string,
  how: { readonly overdue?: true } = {},
): void {
  const { id, attempt, verb, call } = record.action;
  emit(draft, { kind: 'unresolved', action: id, attempt, message, ...how });
  const episode = draft.own.episodes[record.episode];
  const policy = policies.find(one => one.policy === episode?.cause.policy);
  // A message that got lost is not chased by another one.
  if (!episode || !policy || !isLocked(call)) return;
  const text = `${verb} on ${call.subject} is unresolved: ${message}. Settle it with 'flyball resolve ${id.slice(0, 12)} --as succeeded|failed'.`;
  escalate({ draft, policy, episode, verdict: undefined }, text, `!unresolved-${id.slice(0, 12)}`);
}

function endEpisode(draft: Draft, episode: Episode, how: 'policy-removed' | 'resolved'): void {
  const { cause, id, labels, sequence } = episode;
  if (sequence.status === 'asking' && sequence.approval !== undefined) {
    const reason = how === 'resolved' ? 'ended' : how;
    emit(draft, {
      kind: 'withdrawn',
      cause,
      episode: id,
      approval: sequence.approval,
      reason,
      message: `the episode ended: ${how}`,
    });
  }
  emit(draft, {
    kind: 'transition',
    cause,
    labels,
    from: 'firing',
    to: 'ok',
    since: draft.at,
    frozenMs: 0,
    reason: how,
  });
  emit(draft, { kind: 'episode-ended', cause, episode: id, how });
}

interface All {
  readonly needs: readonly Want[];
  readonly wakeAt: number;
  readonly decisions: readonly Decision[];
}

function progressAll(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  verdicts: ReadonlyMap<string, ReadonlyMap<string, Verdict>>,
  catalogue: Catalogue,
  problems: Step['problems'][number][],
): All {
  const needs: Want[] = [];
  const decisions: Decision[] = [];
  let wakeAt = Number.MAX_SAFE_INTEGER;
  const tooMany = seriesLimit(draft);
  for (const id of Object.keys(draft.own.episodes)) {
    const episode = draft.own.episodes[id];
    const goesOn = episode !== undefined && outlives(episode);
    const policy =
      policies.find(one => one.policy === episode?.cause.policy) ??
      (goesOn ? orphanOf(draft.own, episode) : undefined);
    if (!episode || !policy || (episode.ended && !goesOn)) continue;
    const { rule, group } = episode.cause;
    const verdict = verdicts.get(`${policy.policy}/${rule}`)?.get(group);
    isolate(draft, policy.policy, problems, () => {
      const p = { draft, policy, episode, verdict };
      const outlook = tooMany(p) ?? ofRequest(p) ?? progress(p);
      for (const name of outlook.needs) needs.push(...wantOf(draft, policy, episode, name, catalogue));
      wakeAt = Math.min(wakeAt, outlook.wakeAt, lapsesAt(p));
      decisions.push(outlook.decision);
      // An ended episode's rollout goes on, and says so in entries of its own.
      if (outlook.needs.length === 0 && !episode.ended)
        writeDecision(draft, policy, outlook.decision, outlook.read ?? []);
    });
  }
  closeDecisions(draft, policies);
  return { needs, wakeAt, decisions };
}

function wantOf(
  draft: Draft,
  policy: ClosedPolicy,
  episode: Episode,
  name: string,
  catalogue: Catalogue,
): Want[] {
  const plan = planOf({ policy, episode });
  const spec = plan.observe[name];
  if (!spec) return [];
  const trained = draft.snapshot.serving?.trained;
  const moment = { at: draft.at, last: undefined, ...(trained ? { trained } : {}) };
  const view = { target: policy.target, documents: plan.documents };
  const { evaluators } = catalogue;
  return [wantFor(`${policy.policy}#${episode.id}`, { spec, policy: view, moment, evaluators, episode })];
}
