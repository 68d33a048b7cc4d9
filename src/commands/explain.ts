/** `explain`: from a policy, an episode or an action back to the values, the clause, the commit and the line of YAML. */
import { z } from 'zod';
import { chainOf, nextSlot } from '../engine/ids.ts';
import type {
  ActionRow,
  ClosedPolicy,
  Decision,
  Entry,
  Episode,
  Operand,
  TargetRow,
  Verdict,
} from '../model.ts';
import { command } from './command.ts';
import { entryText } from './entry-text.ts';
import { type Explanation, type operand, output, text } from './explanation.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe, span, value, when } from './time.ts';

export const explain = command({
  name: 'explain',
  tool: 'flyball_explain_decision',
  title: 'Explain a decision or a non-decision',
  description:
    'Why something was or was not done. Give a policy name (with a target when several have it), an episode number, or the first characters of an action id or key. Shows each operand with its value, the clause that decided, the timer, every guard that holds, when it is looked at next, and the commit, file and line that caused it.',
  input: z.strictObject({
    what: z
      .string()
      .min(1)
      .max(200)
      .describe('Policy name, episode number, or start of an action id or key.'),
    target: z.string().max(200).optional().describe('As kind/name.'),
  }),
  output,
  positional: ['what'],
  role: 'viewer',
  effect: 'read',
  examples: ['flyball explain origin-drift', 'flyball explain f3a91c'],
  run: find,
  text,
});

async function find(
  ports: Ports,
  input: { what: string; target?: string | undefined },
): Promise<Explanation> {
  const { store, clock } = ports.world;
  const rows = (await store.targets()).filter(
    row => input.target === undefined || chainOf(row.target) === input.target,
  );
  const found: Explanation = { now: clock(), sections: [], trail: [] };
  const policies = (await store.revision())?.policies.filter(one => one.policy === input.what) ?? [];
  for (const row of rows) {
    for (const policy of policies.filter(one => chainOf(one.target) === chainOf(row.target))) {
      found.sections.push(...(await sectionsOf(ports, row, policy)));
    }
  }
  if (found.sections.length > 0) return found;
  if (/^\d+$/.test(input.what)) return ofEpisode(ports, rows, Number(input.what), found);
  const [action, ...others] = await store.findAction(input.what);
  if (action && others.every(one => one.action.id === action.action.id))
    return ofAction(ports, others.at(-1) ?? action, found);
  if (action)
    throw new Refusal(`${safe(input.what, 80)} begins ${others.length + 1} actions; give more characters.`);
  const known = ((await store.revision())?.policies ?? []).map(one => one.policy).join(', ');
  throw new Refusal(
    `${safe(input.what, 80)} is no policy, episode or action that is known here; policies: ${known || 'none'}. Actions are listed by 'flyball log --kind intent'.`,
  );
}

async function sectionsOf(
  ports: Ports,
  row: TargetRow,
  policy: ClosedPolicy,
): Promise<Explanation['sections']> {
  const last = await ports.world.store.last(chainOf(row.target));
  const verdicts = (last?.verdicts ?? []).filter(one => one.policy === policy.policy);
  const shown = verdicts.length > 0 ? verdicts : [await lastWritten(ports, row, policy)];
  return shown.filter(one => one !== undefined).map(verdict => sectionOf(ports, row, policy, verdict));
}

/** Between two slots of the rule, its last verdict stands in the ledger or nowhere: then it was plainly ok. */
async function lastWritten(ports: Ports, row: TargetRow, policy: ClosedPolicy): Promise<Verdict> {
  const entries = await ports.world.store.entries({
    chain: chainOf(row.target),
    kinds: ['transition'],
    newestFirst: true,
    limit: 500,
  });
  for (const { body } of entries) {
    if (body.kind === 'transition' && body.cause.policy === policy.policy && body.verdict)
      return body.verdict;
  }
  const rule = policy.rules[0]?.name ?? '';
  return {
    policy: policy.policy,
    rule,
    labels: {},
    answer: 'ok',
    operands: [],
    clause: 'no change was ever recorded',
    members: {},
  };
}

function sectionOf(
  ports: Ports,
  row: TargetRow,
  policy: ClosedPolicy,
  verdict: Verdict,
): Explanation['sections'][number] {
  const group = Object.entries(verdict.labels)
    .map(([name, one]) => `${name}=${one}`)
    .join(',');
  const state = row.own.rules[policy.policy]?.[verdict.rule]?.[group];
  const decision = row.own.decisions[`${policy.policy}/${verdict.rule}/${group}`];
  const rule = policy.rules.find(one => one.name === verdict.rule);
  const now = ports.world.clock();
  const where = policy.positions['spec.when'] ?? policy.position;
  const timer =
    state?.phase === 'pending' && rule
      ? `, for ${span(now - state.since - state.frozenMs)} of ${span(rule.forMs)}`
      : '';
  const since = state ? ` since ${when(state.since)}` : '';
  return {
    target: chainOf(row.target),
    policy: policy.policy,
    rule: verdict.rule,
    group,
    verdict: verdict.answer,
    clause: verdict.clause,
    operands: verdict.operands.map(operandOf),
    state: `${state?.state ?? 'ok'}${since}${timer}`,
    decision: decisionText(decision),
    holds: (decision?.holds ?? []).map(
      hold =>
        `${hold.reason}: ${safe(hold.message)}${hold.until === undefined ? '' : ` (until ${when(hold.until)})`}`,
    ),
    members: Object.entries(verdict.members).map(
      ([name, sets]) =>
        `${name}: ${sets
          .slice(0, 20)
          .map(set => safe(Object.values(set).join('/'), 60))
          .join(', ')}${sets.length > 20 ? ' …' : ''}`,
    ),
    nextCheck: when(nextSlot(policy, row.lastTakenAt ?? now)),
    where: `${where.file}:${where.line}:${where.column}`,
    commit: policy.commit.sha,
    author: safe(policy.commit.author.name),
    mode: `${policy.mode} (${policy.modeFrom})`,
  };
}

function decisionText(decision: Decision | undefined): string {
  if (!decision) return 'none';
  return `${decision.outcome}${decision.verb ? ` ${decision.verb}` : ''}${decision.episode === undefined ? '' : `, episode ${decision.episode}`}`;
}

function operandOf(one: Operand): z.input<typeof operand> {
  const bounds =
    one.lower === undefined && one.upper === undefined
      ? undefined
      : `${value(one.lower ?? '−∞')} … ${value(one.upper ?? '∞')}`;
  return {
    name: one.name,
    value: one.unknown ? `unknown (${one.unknown.reason}: ${safe(one.unknown.message)})` : value(one.value),
    ...(bounds === undefined ? {} : { interval: bounds }),
    ...(one.rows === undefined ? {} : { rows: one.rows }),
    ...(one.comparison === undefined ? {} : { comparison: one.comparison }),
    ...(one.truth === undefined ? {} : { truth: one.truth }),
  };
}

async function ofAction(ports: Ports, row: ActionRow, found: Explanation): Promise<Explanation> {
  const { action } = row;
  const episode = 'episode' in action.origin ? action.origin.episode : 0;
  found.action = {
    id: action.id,
    key: action.key,
    verb: action.verb,
    subject: action.call.subject,
    state: row.state,
    args: safe(JSON.stringify(action.call.args), 2000),
    episode,
  };
  return withTrail(ports, row.chain, episode, found, action.id);
}

async function ofEpisode(
  ports: Ports,
  rows: readonly TargetRow[],
  id: number,
  found: Explanation,
): Promise<Explanation> {
  const chains: string[] = [];
  for (const row of rows) {
    const chain = chainOf(row.target);
    const [opened] = await ports.world.store.entries({ chain, from: id, limit: 1 });
    if (opened?.seq === id && opened.body.kind === 'episode-opened') chains.push(chain);
  }
  const [chain] = chains;
  if (chain === undefined)
    throw new Refusal(`episode ${id} is not known; 'flyball log --kind episode-opened' lists them.`);
  if (chains.length > 1)
    throw new Refusal(`episode ${id} is one of ${chains.join(' and ')}; name one with --target.`);
  return withTrail(ports, chain, id, found);
}

/** Every entry of an episode (or of one action in it), and the section of the verdict that opened it. */
async function withTrail(
  ports: Ports,
  chain: string,
  episode: number,
  found: Explanation,
  action?: string,
): Promise<Explanation> {
  const { store } = ports.world;
  const entries = await store.entries({ chain, from: episode });
  const [opened] = entries;
  const approvals = new Set<string>();
  const actions = new Set<string>();
  for (const entry of entries) if (belongs(entry, episode, actions, approvals)) found.trail.push(line(entry));
  if (action !== undefined && !actions.has(action))
    throw new Refusal(`action ${action} has no intent in ${chain}: run 'flyball ledger verify'.`);
  if (opened?.body.kind === 'episode-opened')
    found.sections.push(await openedSection(ports, chain, opened.body, episode));
  return found;
}

function belongs(
  { body, seq }: Entry,
  episode: number,
  actions: Set<string>,
  approvals: Set<string>,
): boolean {
  if (body.kind === 'ask' && body.episode === episode) approvals.add(body.approval);
  if (body.kind === 'intent' && body.episode === episode) actions.add(body.action.id);
  if (body.kind === 'approval') return approvals.has(body.approval);
  if (seq === episode || ('episode' in body && body.episode === episode)) return true;
  if (body.kind === 'decision') return body.decision.episode === episode;
  return 'action' in body && typeof body.action === 'string' && actions.has(body.action);
}

function line({ seq, at, body }: Entry): Explanation['trail'][number] {
  return { seq, at, kind: body.kind, text: entryText(body) };
}

async function openedSection(
  ports: Ports,
  chain: string,
  opened: Extract<Entry['body'], { kind: 'episode-opened' }>,
  id: number,
): Promise<Explanation['sections'][number]> {
  const row = await ports.world.store.target(chain);
  const { cause, verdict } = opened;
  const closure = await ports.world.store.closure(cause.closureHash);
  const episode: Episode | undefined = row?.own.episodes[id];
  const decision = row?.own.decisions[`${cause.policy}/${cause.rule}/${cause.group}`];
  return {
    target: chain,
    policy: cause.policy,
    rule: cause.rule,
    group: cause.group,
    verdict: verdict.answer,
    clause: verdict.clause,
    operands: verdict.operands.map(operandOf),
    state: episode ? `open, ${episode.sequence.status}` : 'ended',
    decision: decisionText(decision?.episode === id ? decision : undefined),
    holds: [],
    members: Object.entries(verdict.members).map(
      ([name, sets]) =>
        `${name}: ${sets
          .slice(0, 20)
          .map(set => safe(Object.values(set).join('/'), 60))
          .join(', ')}`,
    ),
    nextCheck: '',
    where: `${cause.position.file}:${cause.position.line}:${cause.position.column}`,
    commit: cause.commit,
    author: safe(closure?.commit.author.name ?? ''),
    mode: opened.mode,
  };
}
