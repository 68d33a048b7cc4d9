/** What changed since people were asked: values, policy in force, version served, other actions on the subject, what was said. */
import { lockKey } from '../engine/draft.ts';
import { lockOf } from '../engine/locks.ts';
import { changedParts } from '../engine/plan-parts.ts';
import type { ActionRow, Serving } from '../model.ts';
import { type Seen, valuesSince } from './approval-series.ts';
import { entryText } from './entry-text.ts';
import type { Ports } from './ports.ts';
import type { Question } from './question.ts';
import { safe, when } from './time.ts';

const MOST_LINES = 20;
const MOST_ENTRIES = 500;

/** One line a change, in words; empty when nothing did. */
export async function changesSince(
  { world }: Ports,
  question: Question,
  seen: Seen,
): Promise<readonly string[]> {
  const all = [
    ...(question.standing === 'changed' ? [question.because] : policyChange(question)),
    ...valuesSince(question, seen),
    ...(await versionsSince(world.store, question, seen)),
    ...(await othersOn(world.store, question)),
  ];
  return all.slice(0, MOST_LINES).map(line => safe(line, 400));
}

/** Another commit with the same effect is worth a word too: what is approved is what it says. */
function policyChange({ policy, cause, plan }: Question): readonly string[] {
  if (!policy || policy.commit.sha === cause.commit) return [];
  const commit = `commit ${policy.commit.sha.slice(0, 7)} by ${policy.commit.author.name} is in force`;
  if (policy.actingHash === plan.actingHash) return [`${commit}; what would be done is the same`];
  const rule = policy.rules.find(one => one.name === cause.rule);
  const now = {
    ...{ steps: rule?.then ?? [], observe: policy.observe, documents: policy.documents },
    ...{ guard: policy.guard, actingHash: policy.actingHash },
    ...(rule?.verify ? { verify: rule.verify } : {}),
  };
  const parts = changedParts(plan, now);
  return [
    `${commit}, which changed ${parts.join(', ') || 'the policy'}; what has begun ends on its stored plan`,
  ];
}

/** The version that serves, where the look that asked saw another one; and what the ledger says of versions since. */
async function versionsSince(
  store: Ports['world']['store'],
  { chain, seq }: Question,
  { asked, serving }: Seen,
): Promise<readonly string[]> {
  if (seq === undefined) return [];
  const [was, is] = [servingText(asked?.serving), servingText(serving)];
  const differs = was !== undefined && is !== undefined && was !== is;
  const told = await store.entries({
    ...{ chain, from: seq + 1, limit: MOST_ENTRIES },
    kinds: ['reverted', 'rollout'],
  });
  return [
    ...(differs ? [`what serves was ${was}, is ${is}`] : []),
    ...told.slice(-3).map(({ at, body }) => `${when(at)} UTC: ${entryText(body)}`),
  ];
}

/** `v1` or `v1 90%, v2 10%`; undefined when nothing says it. */
export function servingText(serving: Serving | undefined): string | undefined {
  if (serving === undefined) return undefined;
  if (serving.unknown) return `unknown (${safe(serving.unknown.message, 200)})`;
  const weights = Object.entries(serving.weights).filter(([, weight]) => weight > 0);
  if (weights.length <= 1) return safe(serving.champion ?? weights[0]?.[0] ?? 'nothing', 80);
  return weights
    .map(([version, weight]) => `${safe(version, 80)} ${Number((weight * 100).toPrecision(4))}%`)
    .join(', ');
}

/** Other actions that touch what this one would. */
async function othersOn(
  store: Ports['world']['store'],
  { chain, ask }: Question,
): Promise<readonly string[]> {
  const subjects = new Set(ask.action.calls.map(call => call.subject));
  const rows = await store.actions({ chain, limit: MOST_ENTRIES });
  const others = rows.filter(
    row =>
      subjects.has(row.action.call.subject) &&
      row.action.id !== ask.action.id &&
      (row.intendedAt >= ask.at || isUnderWay(row)),
  );
  const facts = await store.facts([...subjects].map(lockKey));
  const held = [...subjects].flatMap(subject => {
    const lock = lockOf(facts, subject);
    if (lock === undefined || lock.action === ask.action.id) return [];
    if (rows.some(row => row.action.id === lock.action)) return [];
    return [`${subject} is held by an action of another target`];
  });
  return [
    ...others.slice(0, 5).map(({ action, state, intendedAt }) => {
      const { verb, call, id } = action;
      return `${verb} on ${call.subject} (action ${id.slice(0, 12)}, of ${when(intendedAt)} UTC) is ${state}`;
    }),
    ...held,
  ];
}

function isUnderWay({ state }: ActionRow): boolean {
  return ['intended', 'starting', 'started', 'unresolved'].includes(state);
}
