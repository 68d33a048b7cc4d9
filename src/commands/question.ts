/** A question to people, waiting or past: what was asked, what was said to it, and what became of it. */
import { editOf } from '../engine/asking.ts';
import { chainOf } from '../engine/ids.ts';
import { requestPolicies } from '../engine/requests.ts';
import type {
  ApprovalCause,
  Ask,
  Cause,
  ClosedPolicy,
  Entry,
  Episode,
  SequencePlan,
  Store,
  TargetRow,
  Vote,
} from '../model.ts';
import { Refusal } from './refusal.ts';
import { safe } from './time.ts';

/**
 * `waiting`: a yes counts. `changed`: it waits for its withdrawal, as what is in force is another plan. `granted`: the action was
 * begun. The rest are a no.
 */
export type Standing = 'waiting' | 'changed' | 'granted' | 'denied' | 'expired' | 'withdrawn';

export interface Question {
  readonly chain: string;
  readonly row: TargetRow;
  readonly ask: Ask;
  readonly cause: Cause;
  readonly plan: SequencePlan;
  readonly why: ApprovalCause;
  /** Of the entry that asked; absent when that is not kept any more. */
  readonly seq?: number;
  /** While it is open. */
  readonly episode?: Episode;
  /** What governs it now; absent when nothing does. */
  readonly policy?: ClosedPolicy;
  readonly standing: Standing;
  /** Why it stands so; empty while it waits. */
  readonly because: string;
  /** When it was decided, or taken back. */
  readonly endedAt?: number;
  /** It was granted and its action has not begun: a no still counts. */
  readonly revocable?: true;
}

/** How far back a chain is searched for a question that waits no more. */
const MOST_ASKS = 200;
/** Entries after a question in which its end is looked for. */
const MOST_AFTER = 5000;

/**
 * The question of an id, or of its first characters; undefined when nothing is known of it. Throws Refusal when several begin so.
 * Those that wait come before those that are past.
 */
export async function findQuestion(
  store: Store,
  approval: string,
  now: number,
): Promise<Question | undefined> {
  const rows = await store.targets();
  const waiting = rows.flatMap(row =>
    Object.values(row.own.asks)
      .filter(ask => ask.approval.startsWith(approval))
      .map(ask => ({ row, ask })),
  );
  if (waiting.length > 1)
    throw new Refusal(`${safe(approval, 64)} begins ${waiting.length} approvals; give more characters.`);
  const [found] = waiting;
  return found ? waitingQuestion(store, found.row, found.ask, now) : pastQuestion(store, rows, approval);
}

async function waitingQuestion(
  store: Store,
  row: TargetRow,
  ask: Ask,
  now: number,
): Promise<Question | undefined> {
  const chain = chainOf(row.target);
  const episode = row.own.episodes[ask.episode];
  const plan = episode?.plan;
  if (!episode || !plan) return undefined;
  const asked = await askEntry(store, chain, ask.approval);
  const policy = await governing(store, row, episode.cause.policy);
  const change = policy
    ? editOf({ episode, policy })
    : `policy ${episode.cause.policy} is not in force any more`;
  const standing = now >= ask.expires ? 'expired' : change === undefined ? 'waiting' : 'changed';
  return {
    ...{ chain, row, ask, plan, episode, cause: episode.cause, why: ask.why ?? 'approval', standing },
    because: standing === 'expired' ? 'nobody decided in time: denied' : (change ?? ''),
    ...(policy ? { policy } : {}),
    ...(asked ? { seq: asked.seq } : {}),
  };
}

/** The policy in force by that name on a target; of a requested action, what it was closed to. */
async function governing(
  store: Store,
  { target, own }: TargetRow,
  name: string,
): Promise<ClosedPolicy | undefined> {
  const policies = [...((await store.revision())?.policies ?? []), ...requestPolicies(own)];
  return policies.find(one => one.policy === name && chainOf(one.target) === chainOf(target));
}

type AskEntry = Entry & { readonly body: Extract<Entry['body'], { kind: 'ask' }> };

async function asksOf(store: Store, chain: string): Promise<readonly AskEntry[]> {
  const found = await store.entries({ chain, kinds: ['ask'], newestFirst: true, limit: MOST_ASKS });
  return found.filter((one): one is AskEntry => one.body.kind === 'ask');
}

async function askEntry(store: Store, chain: string, approval: string): Promise<AskEntry | undefined> {
  return (await asksOf(store, chain)).find(one => one.body.approval === approval);
}

async function pastQuestion(
  store: Store,
  rows: readonly TargetRow[],
  approval: string,
): Promise<Question | undefined> {
  for (const row of rows) {
    const chain = chainOf(row.target);
    const asked = (await asksOf(store, chain)).find(one => one.body.approval.startsWith(approval));
    if (asked) return past(store, row, asked);
  }
  return undefined;
}

async function past(store: Store, row: TargetRow, { chain, seq, at, body }: AskEntry): Promise<Question> {
  const after = await store.entries({
    ...{ chain, from: seq + 1, limit: MOST_AFTER },
    kinds: ['approval', 'intent', 'withdrawn', 'adopted'],
  });
  const own = after.filter(one => concernsAsk(one.body, body));
  const end = own.find(one => one.body.kind !== 'approval');
  const { cause, plan, why, action, planHash, from, quorum, expires, reaskMs, refused } = body;
  const { statedQuorum, floors, among } = body;
  const episode = row.own.episodes[body.episode];
  const policy = await governing(store, row, cause.policy);
  return {
    ...{ chain, row, cause, plan, why, seq },
    ask: {
      ...{ approval: body.approval, episode: body.episode, action, planHash, from, quorum, expires },
      ...{ reaskMs, refused, at, votes: [...(body.votes ?? []), ...votesIn(own)] },
      ...(statedQuorum === undefined ? {} : { statedQuorum }),
      ...(floors === undefined ? {} : { floors }),
      ...(among === undefined ? {} : { among }),
    },
    ...(episode ? { episode } : {}),
    ...(policy ? { policy } : {}),
    ...(isRevocable(row, body.approval) ? { revocable: true as const } : {}),
    ...fateOf(end),
  };
}

function isRevocable({ own }: TargetRow, approval: string): boolean {
  return Object.values(own.actions).some(
    one => one.approval === approval && ['intended', 'withdrawn'].includes(one.state) && !one.denied,
  );
}

function concernsAsk(later: Entry['body'], asked: AskEntry['body']): boolean {
  if (later.kind === 'adopted') return later.action.id === asked.action.id;
  return 'approval' in later && later.approval === asked.approval;
}

function votesIn(entries: readonly Entry[]): readonly Vote[] {
  return entries.flatMap(({ at, body }) =>
    body.kind === 'approval'
      ? [
          {
            ...{ by: body.by, decision: body.decision, at },
            ...(body.comment === undefined ? {} : { comment: body.comment }),
          },
        ]
      : [],
  );
}

function fateOf(end: Entry | undefined): Pick<Question, 'standing' | 'because' | 'endedAt'> {
  if (end?.body.kind === 'intent')
    return { standing: 'granted', because: 'enough people said yes', endedAt: end.at };
  if (end?.body.kind === 'adopted')
    return { standing: 'granted', because: 'an action that does the same was under way', endedAt: end.at };
  if (end?.body.kind !== 'withdrawn') return { standing: 'withdrawn', because: 'it does not wait any more' };
  const { reason, message } = end.body;
  const standing = reason === 'denied' || reason === 'expired' ? reason : 'withdrawn';
  return { standing, because: safe(message), endedAt: end.at };
}
