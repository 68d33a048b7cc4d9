/** `approval`: one question to people with everything that is needed to answer it. It decides nothing. */
import { z } from 'zod';
import { floorText } from '../engine/floors.ts';
import type { Entry, Serving, Verdict } from '../model.ts';
import { effectOf, unansweredText } from './approval-effect.ts';
import { coursesOf, lookedAt } from './approval-series.ts';
import { approvalText } from './approval-text.ts';
import { type ApprovalView, approvalView } from './approval-view.ts';
import { command } from './command.ts';
import { decidersOf, entitlementOf, newestOf } from './deciders.ts';
import { entryText } from './entry-text.ts';
import { operandOf } from './explain-section.ts';
import type { Ports } from './ports.ts';
import { findQuestion, type Question } from './question.ts';
import { Refusal } from './refusal.ts';
import { groupText, ruleText } from './rule-text.ts';
import { changesSince } from './since-asked.ts';
import { safe, when } from './time.ts';

export const approval = command({
  name: 'approval',
  title: 'One approval',
  description:
    'Everything that a person needs to decide on an action that waits, or that waited: what would run where with which arguments, why (values against thresholds, and their course), traffic, cost, what was tried, what changed since it was asked, who may decide and who may not, when it expires and what happens then, how it is undone. Times in milliseconds since the epoch.',
  input: z.strictObject({
    approval: z.string().min(4).max(64).describe('Its id, or the first characters of it.'),
  }),
  output: approvalView,
  positional: ['approval'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball approval 3fa9c1'],
  run: async (ports, input) => {
    const now = ports.world.clock();
    const question = await findQuestion(ports.world.store, input.approval, now);
    if (!question)
      throw new Refusal(
        `approval ${safe(input.approval, 64)} is not known here; 'flyball approvals' lists those that wait.`,
        'absent',
      );
    return viewOf(ports, question, now);
  },
  text: approvalText,
});

/** Entries of an episode that say what was tried. */
const TRIED = ['outcome', 'withdrawn', 'not-verified', 'skipped', 'retrying', 'stalled', 'undoing'] as const;
const MOST_TRIED = 12;
const MOST_READ = 500;

async function viewOf(ports: Ports, question: Question, now: number): Promise<ApprovalView> {
  const { ask, chain, standing, because, endedAt } = question;
  const { store } = ports.world;
  const serving = await servingOf(ports, question);
  const seen = await lookedAt(store, question, serving);
  const isOpen = standing === 'waiting' || standing === 'changed';
  const deciders = decidersOf(question, ports.settings.trust);
  const page = ports.pageUrl?.(`/approvals/${ask.approval}`);
  return {
    ...{ now, approval: ask.approval, target: chain, standing, because },
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(standing === 'granted' ? { became: await becameOf(store, question) } : {}),
    ...(page === undefined ? {} : { page }),
    revocable: question.revocable === true,
    what: effectOf(question, serving),
    why: await whyOf(store, question),
    series: coursesOf(question, seen).map(one => ({
      ...one,
      ...{ thresholds: [...one.thresholds], at: [...one.at], values: [...one.values] },
    })),
    tried: await triedOf(store, question),
    changed: isOpen ? [...(await changesSince(ports, question, seen))] : [],
    ...{ askedAt: ask.at, expires: ask.expires, unanswered: unansweredText(question) },
    ...{ planHash: ask.planHash, from: [...ask.from] },
    ...{ needed: deciders.needed, yes: [...deciders.yes], may: [...deciders.may] },
    mayNot: deciders.mayNot.map(one => ({ ...one })),
    votes: ask.votes.map(({ by, decision, at, comment }) => ({
      ...{ by: safe(by.name, 100), decision, at, authenticated: by.authenticated },
      comment: safe(comment ?? '', 2000),
    })),
    you: await youAre(ports, question),
  };
}

async function youAre(ports: Ports, question: Question): Promise<ApprovalView['you']> {
  const { name } = ports.principal;
  const said = newestOf(question.ask.votes).find(one => one.by.name === name)?.decision ?? '';
  return { name, said, ...(await entitlementOf(ports, question)) };
}

async function servingOf({ world }: Ports, { plan }: Question): Promise<Serving | undefined> {
  const { model, connections } = plan.documents;
  return model?.serving ? world.readServing(model, connections) : undefined;
}

async function becameOf(store: Ports['world']['store'], { ask }: Question): Promise<string> {
  const [row] = await store.findAction(ask.action.id);
  if (!row) return 'nothing is known of its action any more';
  return `action ${row.action.id.slice(0, 12)} is ${row.state}`;
}

async function whyOf(store: Ports['world']['store'], question: Question): Promise<ApprovalView['why']> {
  const { cause, chain, ask, episode, policy, why } = question;
  const [opened] = await store.entries({ chain, from: ask.episode, limit: 1 });
  const closure = await store.closure(cause.closureHash);
  const rule = (closure ?? policy)?.rules.find(one => one.name === cause.rule);
  const last = await store.last(chain);
  const labels = episode?.labels ?? (opened ? labelsOf(opened) : {});
  const verdict = last?.verdicts.find(
    one =>
      one.policy === cause.policy && one.rule === cause.rule && groupText(one.labels) === groupText(labels),
  );
  const first = opened && verdictOf(opened);
  const { file, line, column } = cause.position;
  return {
    ...{ rule: ruleText(cause), group: groupText(labels), episode: ask.episode },
    condition: safe(rule?.when.text ?? '', 500),
    cause: `${CAUSES[why] ?? why}${ask.floors && why !== 'floor' ? `, and ${floorText(ask.floors)}` : ''}`,
    ...(episode ? { since: episode.openedAt } : {}),
    ...(opened && first ? { opened: lookOf(opened.at, first) } : {}),
    ...(last && verdict ? { now: lookOf(last.takenAt, verdict) } : {}),
    members: Object.entries(first?.members ?? {}).map(
      ([name, sets]) =>
        `${name}: ${sets.slice(0, 20).map(groupText).join(', ')}${sets.length > 20 ? ' …' : ''}`,
    ),
    where: `${safe(file, 200)}:${line}:${column}`,
    commit: cause.commit,
    author: safe(closure?.commit.author.name ?? ''),
    subject: safe(closure?.commit.subject ?? ''),
    ...(closure ? { committedAt: closure.commit.time } : {}),
    mode: episode?.mode ?? '',
  };
}

/** Why people are asked at all. */
const CAUSES: Readonly<Record<string, string>> = {
  approval: 'a limit of the Model or of the step wants a yes',
  adopt: 'the episode was opened in observe mode, or under other clauses',
  reverted: 'somebody else took this version out of service',
  floor: 'a floor of daemon.yaml wants a yes',
  agent: 'an agent asked for it',
};

function labelsOf({ body }: Entry) {
  return body.kind === 'episode-opened' ? body.labels : {};
}

function verdictOf({ body }: Entry): Verdict | undefined {
  return body.kind === 'episode-opened' ? body.verdict : undefined;
}

function lookOf(
  at: number,
  { answer, clause, operands }: Verdict,
): NonNullable<ApprovalView['why']['opened']> {
  return { at, answer, clause: safe(clause, 500), operands: operands.slice(0, 20).map(operandOf) };
}

/** What the episode's sequence did so far, and how the rule's episodes before it ended; the newest last. */
async function triedOf(
  store: Ports['world']['store'],
  { chain, ask, cause, seq }: Question,
): Promise<string[]> {
  const { episode } = ask;
  const entries = await store.entries({
    ...{ chain, from: episode, limit: MOST_READ },
    kinds: [...TRIED, 'intent'],
  });
  const ids = new Set(
    entries.flatMap(({ body }) => (body.kind === 'intent' && body.episode === episode ? body.action.id : [])),
  );
  const mine = entries.filter(
    ({ body, seq: nr }) =>
      nr < (seq ?? Number.POSITIVE_INFINITY) &&
      body.kind !== 'intent' &&
      ('episode' in body ? body.episode === episode : 'action' in body && ids.has(String(body.action))),
  );
  const ended = await store.entries({ chain, kinds: ['episode-ended'], newestFirst: true, limit: 50 });
  const before = ended.filter(
    ({ body }) =>
      body.kind === 'episode-ended' &&
      body.episode !== ask.episode &&
      ruleText(body.cause) === ruleText(cause) &&
      body.cause.group === cause.group,
  );
  return [...before.slice(0, 3).reverse(), ...mine.slice(-MOST_TRIED)].map(
    ({ at, body }) => `${when(at)} UTC: ${body.kind} ${safe(entryText(body), 300)}`,
  );
}
