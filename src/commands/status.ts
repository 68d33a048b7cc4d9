/** `status`: what needs a person, what acts, what is blind, what is held; healthy targets are one number. */
import { z } from 'zod';
import { formatDiagnostic } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import { type Decision, type HoldReason, type Own, PortError, type TargetRow } from '../model.ts';
import { blindRules, byCause } from './blind.ts';
import { command, type Paint } from './command.ts';
import { toldOf, toldText } from './messages.ts';
import { pausesInForce } from './pause.ts';
import type { Ports } from './ports.ts';
import { remoteProblems, remoteState } from './remote-state.ts';
import { replicasAlive } from './replicas-alive.ts';
import { ASKED_FOR, revertedLines } from './reverted.ts';
import { rolloutLine } from './rollout-line.ts';
import { groupText, ruleText } from './rule-text.ts';
import { silencesInForce, silenceText } from './silence.ts';
import { rejectionOf } from './take-revision.ts';
import { requireTarget } from './targets.ts';
import { safe, span, table, when } from './time.ts';

const line = z.object({
  target: z.string(),
  policy: z.string(),
  rule: z.string().optional().describe('Where the policy has several.'),
  group: z.string(),
  text: z.string().describe('What a person should know, in one line.'),
  until: z.number().optional().describe('Milliseconds since the epoch, when it may end by itself.'),
});

const output = z.object({
  env: z.string(),
  now: z.number(),
  commit: z.string().optional().describe('The commit in force.'),
  rejected: z.array(z.string()).describe('Mistakes of a newer commit that is not (wholly) in force.'),
  rejectedCommit: z.string().optional(),
  rewritten: z.string().optional(),
  head: z.string().optional().describe('The head of the enforced branch; absent: it cannot be read.'),
  detached: z.string().optional().describe('Where the repository has its HEAD, when that is on no branch.'),
  engine: z.number().optional().describe('Process id of the engine; absent: nothing is being enforced now.'),
  replicas: z.number().optional(),
  lagMs: z.number().optional(),
  trust: z.string(),
  needsYou: z.array(line),
  acting: z.array(line),
  firing: z.array(line),
  blind: z.array(line),
  held: z.array(line),
  gates: z.array(line).describe('Gates on data that are not open.'),
  paused: z.array(z.string()),
  ok: z.int().min(0),
  targets: z.int().min(0),
  unmatched: z.array(z.string()).describe('Policies that match no target.'),
  problems: z.array(z.string()),
  messages: z.array(
    z.object({
      at: z.number(),
      severity: z.string(),
      target: z.string(),
      title: z.string(),
      text: z.string(),
      count: z.int().optional(),
      channels: z.array(z.string()).optional(),
      silenced: z.string().optional().describe('By which silence.'),
    }),
  ),
  silenced: z.array(z.string()).describe('Silences in force.'),
});
type Output = z.output<typeof output>;
type Line = z.output<typeof line>;

export const status = command({
  name: 'status',
  tool: 'flyball_get_status',
  title: 'Status of all targets',
  description:
    'What needs a person, which actions run, which rules are blind (unknown) and why, which are held and until when, of all targets or of one.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('Only this target, as kind/name: model/late-flights.'),
    messages: z.int().min(0).max(100).default(8).describe('How many.'),
  }),
  output,
  details: ['rejectedCommit', 'rewritten', 'detached', 'replicas', 'lagMs', 'trust', 'unmatched', 'silenced'],
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball status', 'flyball status model/late-flights --json'],
  run: statusOf,
  text,
});

/** What `status` says, for whoever shows a part of it. */
export async function statusOf(
  ports: Ports,
  input: { target?: string | undefined; messages: number },
): Promise<Output> {
  const { store, clock } = ports.world;
  const all = await store.targets();
  requireTarget(
    input.target,
    all.map(row => chainOf(row.target)),
  );
  const rows = all.filter(row => input.target === undefined || chainOf(row.target) === input.target);
  const revision = await store.revision();
  const rejection = await rejectionOf(ports.world);
  const found: Output = {
    env: ports.settings.env,
    now: clock(),
    rejected: (rejection?.diagnostics ?? []).map(formatDiagnostic),
    trust: ports.settings.trust,
    needsYou: [],
    acting: [],
    firing: [],
    blind: [],
    held: [],
    gates: [],
    paused: [],
    ok: 0,
    targets: rows.length,
    unmatched: [...(revision?.unmatched ?? [])],
    problems: [],
    silenced: [],
    messages: [],
  };
  const engine = await ports.engine();
  if (engine !== undefined) found.engine = engine;
  const replicas = (await replicasAlive(store)).length;
  if (replicas > 0) found.replicas = replicas;
  if (revision) found.commit = revision.commit.sha;
  if (rejection) found.rejectedCommit = rejection.commit.sha;
  if (revision?.rewritten) found.rewritten = revision.rewritten.from;
  await addRepository(ports, found);
  for (const row of rows) await addTarget(ports, found, row);
  const looked = rows.flatMap(row =>
    row.lastTakenAt === undefined ? [] : [Math.max(row.dueAt, row.lastTakenAt)],
  );
  if (looked.length > 0) found.lagMs = Math.max(0, found.now - Math.min(...looked));
  found.paused.push(...(await pausesInForce(ports)));
  found.blind = byCause(found.blind);
  found.silenced = (await silencesInForce(ports)).map(silenceText);
  const messages = input.messages === 0 ? [] : await store.messages({ limit: input.messages });
  const mine = messages.filter(one => input.target === undefined || one.target === input.target);
  const spec = revision?.policies.find(policy => policy.documents.notify)?.documents.notify;
  found.messages = toldOf(mine, spec?.group).map(one => ({ ...one }));
  return found;
}

function listed({ needsYou, acting, firing, blind, held, gates }: Output): number {
  return needsYou.length + acting.length + firing.length + blind.length + held.length + gates.length;
}

/** Where the branch is now. What is in force stays so while it cannot be read. */
async function addRepository(ports: Ports, found: Output): Promise<void> {
  const { repository } = ports;
  found.problems.push(...remoteProblems(await remoteState(ports)));
  try {
    found.head = (await repository.head()).sha;
    const detached = await repository.detachedAt();
    if (detached !== undefined) found.detached = detached;
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    found.problems.push(error.message);
  }
}

async function addTarget(ports: Ports, found: Output, row: TargetRow): Promise<void> {
  const chain = chainOf(row.target);
  const last = await ports.world.store.last(chain);
  for (const problem of last?.problems ?? [])
    found.problems.push(`${chain} ${problem.policy}: ${problem.message}`);
  const before = listed(found);
  for (const decision of Object.values(row.own.decisions)) {
    const episode = row.own.episodes[decision.episode ?? -1];
    // A hold of a rollout is told as such.
    if (episode === undefined || rolloutLine(episode, found.now) === undefined)
      addDecision(found, chain, row.own, decision);
  }
  addRollouts(found, chain, row.own);
  found.firing.push(...firing(chain, row.own));
  found.gates.push(...closedGates(chain, row.own));
  found.held.push(...revertedLines(chain, row.own));
  found.blind.push(...(await blindRules(ports, row)));
  for (const record of Object.values(row.own.actions)) {
    if (record.state !== 'unresolved') continue;
    const text = `${record.action.verb} ${record.action.call.subject} is unresolved: ${safe(record.message ?? '')}; settle it with flyball resolve ${record.action.id.slice(0, 12)} --as succeeded|failed`;
    found.needsYou.push({ target: chain, policy: '', group: '', text });
  }
  if (listed(found) === before) found.ok++;
}

function addRollouts(found: Output, target: string, own: Own): void {
  for (const episode of Object.values(own.episodes)) {
    const line = rolloutLine(episode, found.now);
    if (line === undefined) continue;
    const group = groupText(episode.labels);
    const text = `${line.text}${heldText(own, episode.id)}; flyball rollout advance|abort ${target.replace(/^model\//, '')}`;
    const to = line.needsYou ? found.needsYou : found.acting;
    to.push({ target, ...ruleOf(episode.cause), group, text });
  }
}

const NOT_ITS_GATE: readonly HoldReason[] = ['mode', 'paused', 'window', 'subject-locked'];

/** What holds the next shift besides its gate. */
function heldText(own: Own, episode: number): string {
  const decision = Object.values(own.decisions).find(one => one.episode === episode);
  const holds = (decision?.holds ?? []).filter(({ reason }) => NOT_ITS_GATE.includes(reason));
  return holds.length === 0 ? '' : `; held: ${holds.map(hold => safe(hold.message)).join('; ')}`;
}

function addDecision(found: Output, target: string, own: Own, decision: Decision): void {
  const { outcome, holds, verb = '', episode } = decision;
  const base = { target, ...ruleOf(decision), group: groupText(decision.labels) };
  const until = Math.min(...holds.flatMap(hold => (hold.until === undefined ? [] : [hold.until])));
  const timed = Number.isFinite(until) ? { until } : {};
  if (outcome === 'act') found.acting.push({ ...base, text: acting(own, decision) });
  else if (outcome === 'ask') {
    const ask = Object.values(own.asks).find(one => one.episode === episode);
    const why = ask?.why === undefined ? '' : ` (${ASKED_FOR[ask.why]})`;
    found.needsYou.push({
      ...base,
      ...timed,
      text: `${verb} waits for your yes${why}: flyball approve ${ask?.approval ?? ''}`,
    });
  } else if (outcome === 'hold') {
    const reasons = holds.map(hold => safe(hold.message)).join('; ');
    const stalled = holds.some(hold => ['stalled', 'unbound', 'contested'].includes(hold.reason));
    const verify = holds.some(hold => hold.reason === 'verifying');
    if (stalled)
      found.needsYou.push({
        ...base,
        text: `${reasons}; flyball retry ${episode ?? ''} --target ${target}, or flyball resolve ${episode ?? ''} --target ${target} --as resolved`,
      });
    else if (verify) found.acting.push({ ...base, ...timed, text: `verifying: ${reasons}` });
    else found.held.push({ ...base, ...timed, text: `${verb}${verb ? ': ' : ''}${reasons}` });
  }
}

function acting(own: Own, decision: Decision): string {
  const episode = own.episodes[decision.episode ?? -1];
  const running = own.actions[episode?.sequence.action ?? ''];
  if (!running) return decision.verb ?? '';
  return `${running.action.verb} ${running.action.call.subject}, ${running.state}, key ${running.action.key.slice(0, 12)}`;
}

/** Rules that fire and have nothing left to do: what they told is told, and the condition still holds. */
function firing(target: string, own: Own): Line[] {
  return Object.values(own.episodes)
    .filter(episode => !episode.ended && episode.sequence.status === 'done')
    .map(episode => ({
      target,
      ...ruleOf(episode.cause),
      group: groupText(episode.labels),
      text: `since ${when(episode.openedAt)}, all its steps are done; flyball explain ${ruleText(episode.cause)}`,
    }));
}

/** Gates that hold something, and since when. */
function closedGates(target: string, own: Own): Line[] {
  return Object.entries(own.gates)
    .filter(([, gate]) => gate.state !== 'open')
    .map(([policy, gate]) => ({
      target,
      policy,
      group: '',
      text: `${gate.state} since ${when(gate.since)}: ${safe(gate.message)}; blocks ${gate.blocks.join(', ')} of ${gate.reaches.join(', ')}`,
    }));
}

/** The rule is named only where its policy has several. */
function ruleOf({
  policy,
  rule,
}: {
  readonly policy: string;
  readonly rule: string;
}): Pick<Line, 'policy' | 'rule'> {
  return ruleText({ policy, rule }) === policy ? { policy } : { policy, rule };
}

function text(found: Output, paint: Paint): string {
  const commit = found.commit?.slice(0, 7) ?? 'no commit in force';
  const rejected = found.rejectedCommit
    ? paint.bad(` (head ${found.rejectedCommit.slice(0, 7)} REJECTED)`)
    : '';
  const waits = found.head !== undefined && found.head !== (found.rejectedCommit ?? found.commit);
  const head = waits ? paint.warn(` (head ${found.head?.slice(0, 7)} not taken yet)`) : '';
  const engine =
    found.engine === undefined
      ? paint.warn('nothing is being enforced: no engine runs')
      : (found.replicas ?? 0) > 1
        ? `${found.replicas} replicas`
        : `engine ${found.engine}`;
  const lag = found.lagMs === undefined ? '' : ` · lag ${span(found.lagMs)}`;
  const trust = found.trust === 'local-user' ? ' · approvals unauthenticated (trust: local-user)' : '';
  const section = (title: string, lines: readonly Line[], colour: (s: string) => string) =>
    lines.map((one, i) => [
      i === 0 ? colour(title) : '',
      one.target,
      `${ruleText({ policy: one.policy, rule: one.rule ?? '' })}${one.group ? ` [${one.group}]` : ''}`,
      one.text + (one.until === undefined ? '' : paint.dim(` (until ${when(one.until)})`)),
    ]);
  const rows = [
    ...section('NEEDS YOU', found.needsYou, paint.bad),
    ...section('ACTING', found.acting, paint.good),
    ...section('FIRING', found.firing, paint.warn),
    ...section('BLIND', found.blind, paint.warn),
    ...section('HELD', found.held, paint.warn),
    ...section('GATES', found.gates, paint.warn),
    ...found.paused.map((one, i) => [i === 0 ? paint.warn('PAUSED') : '', one]),
    ...found.silenced.map((one, i) => [i === 0 ? paint.warn('SILENCED') : '', one]),
    ...found.unmatched.map((one, i) => [
      i === 0 ? paint.warn('MATCHES 0') : '',
      `${one} has no target: nothing will ever happen`,
    ]),
    ...found.problems.map((one, i) => [i === 0 ? paint.bad('BROKEN') : '', one]),
    [paint.good('OK'), `${found.ok} of ${found.targets} targets`],
  ];
  const messages = found.messages.map(one => {
    const [first = '', ...more] = one.text.split('\n');
    const head = `${paint.dim(when(one.at))} ${one.severity === 'page' ? paint.bad('page') : 'info'} ${one.target} ${paint.bold(one.title)}${paint.dim(toldText(one))}`;
    return [head, `  ${first}`, ...more.map(words => `  ${words}`)].join('\n');
  });
  return [
    `${paint.bold(found.env)} · commit ${commit}${rejected}${head} · ${engine}${lag}${trust}`,
    ...found.rejected.map(one => paint.bad(`  ${one}`)),
    ...(found.rewritten
      ? [paint.warn(`  history was rewritten: ${found.rewritten.slice(0, 7)} is no ancestor of it`)]
      : []),
    ...(found.detached
      ? [
          paint.warn(
            `  HEAD of the policy repository is detached at ${found.detached.slice(0, 7)}: what is committed there is on no branch and not enforced; 'git switch BRANCH' goes back`,
          ),
        ]
      : []),
    table(rows),
    ...(messages.length > 0 ? ['', paint.bold('Messages'), ...messages] : []),
  ].join('\n');
}
