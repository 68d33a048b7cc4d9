/** Messages for people: which channels get one, what silences match, and which are one notification. Pure. */
import type { ClosedPolicy, Episode, JsonObject, Labels, Message, NotifySpec, StepSpec } from '../model.ts';
import { asObject } from './fact-values.ts';
import { chainOf } from './ids.ts';

/** Every message is kept here, whatever channels it goes to. */
const OUTBOX = 'outbox';

/** What the arguments of a message call get besides its text: `channels`, `labels` and, when there is a group, `group`. */
export function routed(policy: ClosedPolicy, episode: Episode, step: StepSpec, args: JsonObject): JsonObject {
  const labels = labelsOf(policy, episode, args);
  const { notify, model, dataset } = policy.documents;
  const owner = model?.owner ?? dataset?.owner ?? '';
  const own: Labels = { ...labels, cause: causeOfMessage(episode, step), owner };
  const by = notify?.group.by ?? [];
  const group = by.map(name => `${name}=${own[name] ?? ''}`).join(',');
  return {
    channels: channelsOf(policy, step, labels),
    labels,
    ...(by.length === 0 ? {} : { group }),
  };
}

/** A channel that the step names; else those of the first route that matches, and those that the policy adds. */
function channelsOf({ documents, notify }: ClosedPolicy, step: StepSpec, labels: Labels): readonly string[] {
  const { to } = step.args;
  if (typeof to === 'string' && documents.channels && Object.hasOwn(documents.channels, to)) return [to];
  const route = documents.notify?.routes.find(({ match }) => matches(match, labels));
  const found = [...(route?.to ?? []), ...(notify?.to ?? [])];
  return found.length === 0 ? [OUTBOX] : [...new Set(found)];
}

/** The policy's labels and those of its group, with `policy`, `target` and `severity`, which are Flyball's own. */
function labelsOf(policy: ClosedPolicy, episode: Episode, args: JsonObject): Labels {
  const { severity } = args;
  return {
    ...episode.labels,
    ...policy.labels,
    policy: policy.policy,
    target: chainOf(policy.target),
    severity: policy.notify?.severity ?? policy.labels.severity ?? (severity === 'page' ? 'page' : 'info'),
  };
}

/** What a message is about: a connection that is gone is one cause, however many targets hang on it. */
function causeOfMessage({ cause }: Episode, step: StepSpec): string {
  const [, what = ''] = step.id.split(':');
  return step.id.startsWith('!once:connection/') ? what : `${cause.policy}/${cause.rule}`;
}

/** True when every label of `match` has its value; an empty match takes everything. */
export function matches(match: Labels, labels: Labels): boolean {
  return Object.entries(match).every(
    ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
  );
}

/** A silence in force, as its fact keeps it. */
export interface Silence {
  readonly id: string;
  readonly match: Labels;
  readonly by: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

export const SILENCE_PREFIX = 'silence:';

/** The silence that a fact holds; undefined when it is none. */
export function silenceOf(key: string, value: unknown): Silence | undefined {
  const { match, by, reason, since, until } = (asObject(value as never) ?? {}) as Record<string, unknown>;
  const labels = asObject(match as never);
  if (labels === undefined || typeof until !== 'number' || typeof since !== 'number') return undefined;
  return {
    id: key.slice(SILENCE_PREFIX.length),
    match: Object.fromEntries(Object.entries(labels).map(([name, one]) => [name, String(one)])),
    by: String(by),
    reason: String(reason),
    since,
    until,
  };
}

/** The first silence that mutes a message at a time; undefined when none does. */
export function silencing(silences: readonly Silence[], labels: Labels, at: number): Silence | undefined {
  return silences.find(one => at >= one.since && at < one.until && matches(one.match, labels));
}

/** Messages of one group that are told together. */
export interface Notification {
  /** When it is told: `waitMs` after its first message. */
  readonly at: number;
  readonly group: string;
  readonly channels: readonly string[];
  /** Oldest first. */
  readonly messages: readonly Message[];
}

/**
 * The notifications that messages make, oldest first. A group's first message opens one; what comes within `waitMs` joins it;
 * what comes later joins the next, which is told no sooner than `repeatMs` after it. Silenced messages make none. Without a
 * spec, or without a group, each message is one.
 */
export function notificationsOf(
  messages: readonly Message[],
  group?: NotifySpec['group'],
): readonly Notification[] {
  const open = new Map<string, { at: number; group: string; channels: string[]; messages: Message[] }>();
  const found: { at: number; group: string; channels: string[]; messages: Message[] }[] = [];
  for (const message of [...messages].sort((a, b) => a.at - b.at)) {
    if (message.silenced !== undefined) continue;
    const channels = message.channels ?? [OUTBOX];
    const key = message.group === undefined ? undefined : `${channels.join()}\n${message.group}`;
    const last = key === undefined ? undefined : open.get(key);
    if (last && message.at <= last.at) {
      last.messages.push(message);
      continue;
    }
    const at =
      group && key ? Math.max(message.at + group.waitMs, last ? last.at + group.repeatMs : 0) : message.at;
    const next = { at, group: message.group ?? message.key, channels: [...channels], messages: [message] };
    found.push(next);
    if (key !== undefined) open.set(key, next);
  }
  return found.sort((a, b) => a.at - b.at);
}
