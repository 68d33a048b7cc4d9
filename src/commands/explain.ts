/** `explain`: from a policy, an episode or an action back to the values, the clause, the commit and the line of YAML. */
import { z } from 'zod';
import { chainOf } from '../engine/ids.ts';
import type { ActionRow, ClosedPolicy, Entry, Episode, TargetRow } from '../model.ts';
import { command } from './command.ts';
import { effectiveOf } from './effective.ts';
import { entryText } from './entry-text.ts';
import { decisionText, operandOf, sectionsOf } from './explain-section.ts';
import { explainWord, nearWords } from './explain-word.ts';
import { type Explanation, output, text } from './explanation.ts';
import { type NamedRequest, requestNamed } from './named-request.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { unknownName } from './refusal.ts';
import { ruleText, sequenceText } from './rule-text.ts';
import { safe } from './time.ts';

export const explain = command({
  name: 'explain',
  tool: 'flyball_explain_decision',
  title: 'Explain a decision or a non-decision',
  description:
    'Why something was or was not done: operands with their values, the clause that decided, timers, every guard that holds, the next look, and the commit and line that caused it. Of a word of the language: what it means.',
  input: z.strictObject({
    what: z
      .string()
      .min(1)
      .max(200)
      .describe('Policy name, episode number, start of an action id or key, or a word of the language.'),
    target: z.string().max(200).optional().describe('As kind/name, or its name alone.'),
  }),
  output,
  details: ['effective'],
  positional: ['what'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  // Words need nothing but the language; all else needs the state.
  needs: 'files',
  examples: [
    'flyball explain origin-drift',
    'flyball explain origin-drift --target model/late-flights',
    'flyball explain f3a91c',
    'flyball explain cooldown',
  ],
  run: async (ports, input) => ('store' in ports.world ? find(ports, input) : wordAlone(ports, input.what)),
  text,
});

async function find(
  ports: Ports,
  input: { what: string; target?: string | undefined },
): Promise<Explanation> {
  const { store, clock, catalogue } = ports.world;
  const rows = (await store.targets()).filter(
    row => input.target === undefined || [chainOf(row.target), row.target.name].includes(input.target),
  );
  const found: Explanation = { now: clock(), sections: [], trail: [] };
  // A policy, or one of its rules as policy/rule.
  const [name, rule] = input.what.split('/');
  const policies = ((await store.revision())?.policies ?? []).filter(
    one => one.policy === name && (rule === undefined || one.rules.some(other => other.name === rule)),
  );
  for (const row of rows) {
    for (const policy of policies.filter(one => chainOf(one.target) === chainOf(row.target))) {
      found.sections.push(...(await sectionsOf(ports, row, policy, rule)));
      if (input.target !== undefined) found.effective = await effectiveRows(ports, policy);
    }
  }
  if (found.sections.length > 0) return found;
  if (/^\d+$/.test(input.what)) return ofEpisode(ports, rows, Number(input.what), found);
  const meanings = explainWord(input.what, catalogue);
  if (meanings.length > 0) return { ...found, words: [...meanings] };
  const asked = input.what.length < 4 ? undefined : await requestNamed(ports, input.what);
  if (asked) return ofRequest(ports, asked, found);
  const [action, ...others] = await store.findAction(input.what);
  if (action && others.every(one => one.action.id === action.action.id))
    return ofAction(ports, others.at(-1) ?? action, found);
  if (action)
    throw new Refusal(`${safe(input.what, 80)} begins ${others.length + 1} actions; give more characters.`);
  const known = ((await store.revision())?.policies ?? []).map(one => one.policy);
  throw unknownName(
    `${safe(input.what, 80)} is no policy, episode or action that is known here (actions: flyball log --kind intent), nor a word of the language.${nearWords(input.what, catalogue)}`,
    known,
    'none',
  );
}

/** Without a daemon.yaml only the language can be explained. */
function wordAlone({ world: { catalogue, clock } }: Ports, what: string): Explanation {
  const meanings = explainWord(what, catalogue);
  if (meanings.length === 0)
    throw new Refusal(
      `${safe(what, 80)} is no word of the language; policies, episodes and actions need a daemon.yaml (--config, or FLYBALL_HOME).${nearWords(what, catalogue)}`,
    );
  return { now: clock(), sections: [], trail: [], words: [...meanings] };
}

async function effectiveRows(ports: Ports, policy: ClosedPolicy): Promise<Explanation['effective']> {
  const rows = effectiveOf(policy, await ports.repository.files(policy.commit.sha));
  return rows.map(({ path, value, at }) => ({
    path: safe(path, 200),
    value: safe(value, 500),
    at: safe(at, 300),
  }));
}

async function ofAction(ports: Ports, row: ActionRow, found: Explanation): Promise<Explanation> {
  const { action } = row;
  const { origin } = action;
  const requests =
    'request' in origin ? (await ports.world.store.target(row.chain))?.own.requests : undefined;
  const episode = 'request' in origin ? (requests?.[origin.request]?.episode ?? 0) : origin.episode;
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

/** From its entry on: what became of it is the course of its episode. */
async function ofRequest(
  ports: Ports,
  { chain, request }: NamedRequest,
  found: Explanation,
): Promise<Explanation> {
  if (request.episode === undefined)
    throw new Refusal(`request ${request.id} waits: the engine has not looked at it yet.`);
  return withTrail(ports, chain, request.episode, found);
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
  const closure =
    row?.own.requests?.[opened.request ?? '']?.closed ?? (await ports.world.store.closure(cause.closureHash));
  const episode: Episode | undefined = row?.own.episodes[id];
  const decision = row?.own.decisions[`${cause.policy}/${cause.rule}/${cause.group}`];
  return {
    target: chain,
    policy: cause.policy,
    rule: cause.rule,
    name: ruleText(cause),
    group: safe(cause.group, 200),
    verdict: verdict.answer,
    clause: verdict.clause,
    operands: verdict.operands.map(operandOf),
    state: episode ? `open, ${episode.sequence.status}` : 'ended',
    ...(episode
      ? {
          sequence: sequenceText(
            episode,
            closure?.rules.find(one => one.name === cause.rule),
          ),
        }
      : {}),
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
