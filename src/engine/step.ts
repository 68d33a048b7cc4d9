/**
 * `step(policies, snapshot, history) → { entries, needs, wakeAt }`: the whole answer of one tick for one target.
 * Pure: now is `snapshot.takenAt`; the same arguments give the same bytes. Live loop, plan, tests and replay call it.
 */
import { canonical, hashOf } from '../canonical.ts';
import type {
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
import { admit, pauseKeys } from './admit.ts';
import { beginDraft, causeOf, type Draft, emit } from './draft.ts';
import { decisionKey } from './fold.ts';
import { planOf } from './form.ts';
import { chainOf, groupKey, nextSlot } from './ids.ts';
import { isLive } from './records.ts';
import { evaluateRule } from './rules.ts';
import { progress } from './sequence.ts';
import { wantFor } from './wants.ts';

/** More label sets of a rule than this hold its actions. */
export const MAX_SERIES = 500;

/** What one tick derives. `policies` are those in force for the snapshot's target. */
export function step(
  policies: readonly ClosedPolicy[],
  snapshot: Snapshot,
  history: History,
  catalogue: Catalogue,
): Step {
  const draft = beginDraft(snapshot, history, catalogue.verbs);
  firstSight(draft);
  const verdicts = new Map<string, ReadonlyMap<string, Verdict>>();
  const problems: Step['problems'][number][] = [];
  for (const policy of policies) {
    if (!snapshot.due.includes(policy.policy)) continue;
    isolate(draft, policy.policy, problems, () => {
      for (const rule of policy.rules) {
        verdicts.set(`${policy.policy}/${rule.name}`, evaluateRule(draft, policy, rule));
      }
    });
  }
  settle(draft, policies);
  const outlook = progressAll(draft, policies, verdicts, catalogue, problems);
  checkStarts(draft, policies);
  const slots = policies.map(policy => nextSlot(policy, draft.at));
  return {
    entries: draft.entries,
    needs: outlook.needs,
    wakeAt: Math.min(outlook.wakeAt, ...slots),
    verdicts: [...verdicts.values()].flatMap(byGroup => [...byGroup.values()]),
    decisions: outlook.decisions,
    problems,
  };
}

/** One failing policy never stops another: what it had derived in this step is taken back. */
function isolate(draft: Draft, policy: string, problems: Step['problems'][number][], work: () => void): void {
  const { own, facts } = draft;
  const { length } = draft.entries;
  try {
    work();
  } catch (error) {
    draft.own = own;
    draft.facts = facts;
    draft.entries.length = length;
    problems.push({ policy, message: error instanceof Error ? error.message : String(error) });
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
  for (const record of Object.values(draft.own.actions)) {
    const lost = isLive(record) && record.state !== 'unresolved' && record.message !== undefined;
    if (!lost) continue;
    const { id, attempt } = record.action;
    emit(draft, { kind: 'unresolved', action: id, attempt, message: record.message ?? '' });
  }
  for (const episode of Object.values(draft.own.episodes)) {
    if (episode.ended) continue;
    const policy = policies.find(one => one.policy === episode.cause.policy);
    const version = draft.snapshot.serving?.champion;
    const { sequence } = episode;
    const moved = sequence.stalledAt !== undefined && version !== undefined && sequence.stalledAt !== version;
    if (!policy) endEpisode(draft, episode, 'policy-removed');
    else if (episode.resolved || (sequence.status === 'stalled' && moved))
      endEpisode(draft, episode, 'resolved');
  }
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
  for (const id of Object.keys(draft.own.episodes)) {
    const episode = draft.own.episodes[id];
    const policy = policies.find(one => one.policy === episode?.cause.policy);
    if (!episode || !policy || episode.ended) continue;
    const { rule, group } = episode.cause;
    const verdict = verdicts.get(`${policy.policy}/${rule}`)?.get(group);
    isolate(draft, policy.policy, problems, () => {
      const outlook = tooManySeries(draft, policy, episode) ?? progress({ draft, policy, episode, verdict });
      for (const name of outlook.needs) needs.push(...wantOf(draft, policy, episode, name, catalogue));
      wakeAt = Math.min(wakeAt, outlook.wakeAt);
      decisions.push(outlook.decision);
      if (outlook.needs.length === 0) write(draft, policy, outlook.decision);
    });
  }
  endedDecisions(draft, policies, decisions);
  return { needs, wakeAt, decisions };
}

function tooManySeries(draft: Draft, policy: ClosedPolicy, episode: Episode) {
  const { rule, group } = episode.cause;
  if (group === '' || episode.sequence.acted) return undefined;
  const sets = Object.keys(draft.own.rules[policy.policy]?.[rule] ?? {}).length;
  if (sets <= MAX_SERIES) return undefined;
  const message = `${sets} label sets of ${policy.policy} are not ok; more than ${MAX_SERIES} hold its actions`;
  const decision: Decision = {
    policy: policy.policy,
    rule,
    labels: episode.labels,
    episode: episode.id,
    outcome: 'hold',
    holds: [{ reason: 'max-series', message }],
  };
  return { decision, needs: [], wakeAt: Number.MAX_SAFE_INTEGER };
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

/** Decisions are written when they change, with the facts that were read. */
function write(draft: Draft, policy: ClosedPolicy, decision: Decision): void {
  const group = groupKey(decision.labels);
  const before = draft.own.decisions[decisionKey(decision.policy, decision.rule, group)];
  if (before === undefined && decision.outcome === 'none') return;
  if (before !== undefined && gist(before) === gist(decision)) return;
  const keys = [
    ...pauseKeys(chainOf(policy.target), decision.verb ?? ''),
    ...Object.keys(draft.facts).filter(key => key.startsWith('lock:')),
  ];
  emit(draft, {
    kind: 'decision',
    cause: causeOf(policy, decision.rule, group),
    decision,
    facts: Object.fromEntries(keys.flatMap(key => (draft.facts[key] ? [[key, draft.facts[key]]] : []))),
    snapshot: hashOf(draft.snapshot),
  });
}

/** What makes two decisions differ: not the wording of a hold, in which counts move at every tick. */
function gist({ holds, ...decision }: Decision): string {
  return canonical({ ...decision, holds: holds.map(({ reason, until }) => ({ reason, until })) });
}

/** A group whose episode is gone has nothing to do any more, and that is said once. */
function endedDecisions(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  decisions: readonly Decision[],
): void {
  const said = new Set(decisions.map(one => decisionKey(one.policy, one.rule, groupKey(one.labels))));
  for (const [key, before] of Object.entries(draft.own.decisions)) {
    const open =
      before.episode !== undefined &&
      draft.own.episodes[before.episode] &&
      !draft.own.episodes[before.episode]?.ended;
    if (open || (said.has(key) && open)) continue;
    const policy = policies.find(one => one.policy === before.policy);
    const group = groupKey(before.labels);
    const cause = policy ? causeOf(policy, before.rule, group) : undefined;
    const fallback = {
      policy: before.policy,
      rule: before.rule,
      group,
      commit: draft.own.commit ?? '',
      closureHash: '',
      position: { file: '', line: 0, column: 0 },
    };
    const decision: Decision = {
      policy: before.policy,
      rule: before.rule,
      labels: before.labels,
      outcome: 'none',
      holds: [],
    };
    emit(draft, {
      kind: 'decision',
      cause: cause ?? fallback,
      decision,
      facts: {},
      snapshot: hashOf(draft.snapshot),
    });
  }
}

/** The check at start: the rule must still fire, admission pass, nobody have cancelled; else the action is withdrawn. */
function checkStarts(draft: Draft, policies: readonly ClosedPolicy[]): void {
  for (const record of Object.values(draft.own.actions)) {
    if (record.state !== 'intended' || (!record.startDue && !record.cancelRequested)) continue;
    const refusal = record.cancelRequested
      ? { reason: 'cancelled' as const, message: 'cancelled before its start' }
      : refusalOf(draft, policies, record);
    if (!refusal) continue;
    const episode = draft.own.episodes[record.episode];
    if (!episode) continue;
    const { id, attempt } = record.action;
    emit(draft, {
      kind: 'withdrawn',
      cause: episode.cause,
      episode: record.episode,
      action: id,
      attempt,
      ...refusal,
    });
  }
}

function refusalOf(
  draft: Draft,
  policies: readonly ClosedPolicy[],
  record: History['own']['actions'][string],
) {
  const { action } = record;
  const episode = draft.own.episodes[record.episode];
  const verb = draft.verbs[action.verb];
  const policy = policies.find(one => one.policy === episode?.cause.policy);
  if (verb && (verb.name === 'notify' || verb.name === 'escalate')) return undefined;
  if (!episode || !verb || !policy)
    return { reason: 'policy-removed' as const, message: 'its policy is gone' };
  if (episode.ended) return { reason: 'ended' as const, message: `its episode ended: ${episode.ended.how}` };
  const plan = planOf({ policy, episode });
  const { mode, modeFrom } = policy;
  const chain = chainOf(policy.target);
  const [first, ...more] = admit({
    verb,
    action,
    mode,
    modeFrom,
    plan,
    own: draft.own,
    facts: draft.facts,
    chain,
    at: draft.at,
  });
  if (!first) return undefined;
  return { reason: first.reason, message: [first, ...more].map(hold => hold.message).join('; ') };
}
