/** What the entries of a time say of it: what was done, what would have been, what held, who changed what. Pure. */
import type { Derived, Entry, Principal } from '../model.ts';
import { ruleText } from './rule-text.ts';
import { safe } from './time.ts';

/** One thing that was done, or begun. */
export interface Done {
  readonly target: string;
  readonly verb: string;
  readonly subject: string;
  readonly from: string;
  readonly at: number;
  result: string;
  episode: number;
}

/** Counts under a text, with the newest time. */
export interface Counted {
  readonly text: string;
  count: number;
  at: number;
}

export interface Gathered {
  /** By target, episode, round and step. */
  readonly done: Map<string, Done>;
  readonly would: Map<string, Counted>;
  readonly holds: Map<string, Counted>;
  readonly fired: Map<string, Counted>;
  readonly changes: Map<string, Counted>;
  /** Episodes with their steps, of which it is counted once what they would have done. */
  readonly seen: Set<string>;
  /** Requests that ended. */
  readonly requests: Map<string, Counted>;
}

export function nothingGathered(): Gathered {
  return {
    ...{ done: new Map(), would: new Map(), holds: new Map() },
    ...{ fired: new Map(), changes: new Map(), requests: new Map() },
    seen: new Set(),
  };
}

/** Takes one entry in, in place: entries come oldest first, and there are many. */
export function gather(into: Gathered, { chain, at, body }: Pick<Entry, 'chain' | 'at' | 'body'>): void {
  switch (body.kind) {
    case 'intent':
      begun(into, chain, at, body);
      break;
    case 'outcome':
    case 'withdrawn':
      ended(into, chain, body);
      break;
    case 'verified':
      judged(into, chain, body.episode, 'verified');
      break;
    case 'not-verified':
      judged(into, chain, body.episode, body.judged ? 'not verified' : 'not judged');
      break;
    case 'episode-opened':
      count(into.fired, ruleText(body.cause), at);
      break;
    case 'episode-ended':
      if (body.message !== undefined)
        count(
          into.requests,
          `${ruleText(body.cause)} of ${chain}: ${body.how}, ${safe(body.message, 200)}`,
          at,
        );
      break;
    case 'decision':
      decided(into, chain, at, body);
      break;
    case 'revision':
      count(
        into.changes,
        `commit ${body.commit.sha.slice(0, 7)} of ${safe(body.commit.author.name, 60)}: ${safe(body.commit.subject, 120)}`,
        at,
      );
      break;
    case 'approval':
      count(into.changes, `${who(body.by)} said ${body.decision} to approval ${body.approval}`, at);
      break;
    case 'request':
      if (body.what === 'action')
        count(into.changes, `${who(body.by)} asked for ${body.verb} on ${chain}`, at);
      break;
    case 'pause':
    case 'resume':
      count(into.changes, `${who(body.by)}: ${body.kind} of ${safe(body.scope, 80)}`, at);
      break;
    case 'audit':
      if (body.result === 'allowed' && TOLD.includes(body.command))
        count(into.changes, `${who(body.by)}: ${body.command}`, at);
      break;
    default:
      break;
  }
}

/** Commands of the fleet chain that change what is enforced, or who may. */
const TOLD = [
  'propose',
  'proposals merge',
  'proposals close',
  'token create',
  'token revoke',
  'restore',
  'ledger prune',
];

function who({ name, onBehalfOf, authenticated }: Principal): string {
  const forWhom = onBehalfOf === undefined ? '' : ` for ${safe(onBehalfOf, 60)}`;
  return `${safe(name, 60)}${forWhom}${authenticated ? '' : ' (unauthenticated)'}`;
}

function count(to: Map<string, Counted>, text: string, at: number): void {
  const found = to.get(text);
  if (found === undefined) to.set(text, { text, count: 1, at });
  else {
    found.count += 1;
    found.at = Math.max(found.at, at);
  }
}

type Body<Kind extends Derived['kind']> = Extract<Derived, { kind: Kind }>;

function begun(into: Gathered, chain: string, at: number, { action, cause, episode }: Body<'intent'>): void {
  if (action.call.capability === 'notify.send') return;
  const key = `${chain}/${action.id}`;
  // Later phases and attempts are the same thing done.
  const whole = [...into.done.values()].find(
    one => one.episode === episode && one.target === chain && one.verb === action.verb,
  );
  if (whole && action.phase > 0) {
    into.done.set(key, whole);
    return;
  }
  if (into.done.has(key)) return;
  const { verb, call } = action;
  into.done.set(key, {
    ...{ target: chain, verb, subject: safe(call.subject, 120), from: ruleText(cause), at },
    ...{ result: 'under way', episode },
  });
}

function ended(
  into: Gathered,
  chain: string,
  body: Body<'withdrawn'> | Extract<Entry['body'], { kind: 'outcome' }>,
): void {
  const found = into.done.get(`${chain}/${body.action ?? ''}`);
  if (found === undefined) return;
  found.result =
    body.kind === 'withdrawn'
      ? `never began: ${safe(body.message, 200)}`
      : body.outcome === 'succeeded'
        ? 'succeeded'
        : `${body.outcome}${body.message === undefined ? '' : `: ${safe(body.message, 200)}`}`;
}

/** What was verified is the sequence: each of its actions that succeeded. */
function judged(into: Gathered, chain: string, episode: number | undefined, how: string): void {
  for (const one of into.done.values())
    if (one.target === chain && one.episode === episode && one.result === 'succeeded') one.result = how;
}

function decided(into: Gathered, chain: string, at: number, { decision }: Body<'decision'>): void {
  const [first] = decision.holds;
  if (decision.outcome !== 'hold' || first === undefined) return;
  const rule = ruleText(decision);
  if (first.reason !== 'mode') {
    count(into.holds, first.reason, at);
    return;
  }
  const step = `${chain}/${decision.episode ?? ''}/${decision.step ?? ''}`;
  if (into.seen.has(step)) return;
  into.seen.add(step);
  count(into.would, `${decision.verb ?? 'an action'} on ${chain} by ${rule}`, at);
}
