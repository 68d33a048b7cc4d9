/** Messages as `status` shows them: one line a notification, newest first, with what was muted marked so. */
import { type Notification, notificationsOf } from '../engine/notifications.ts';
import type { Message, NotifySpec } from '../model.ts';
import { lines, safe } from './time.ts';

export interface Told {
  readonly at: number;
  readonly severity: string;
  readonly target: string;
  readonly title: string;
  readonly text: string;
  /** How many messages are told together, when there are several. */
  readonly count?: number;
  /** Where it goes, when that is not only this list. */
  readonly channels?: string[];
  readonly silenced?: string;
}

/** What was told, newest first: the newest message of each notification stands for it. */
export function toldOf(
  messages: readonly Message[],
  group: NotifySpec['group'] | undefined,
): readonly Told[] {
  const notified = notificationsOf(messages, group).map(one => told(newestOf(one), one.messages.length));
  const muted = messages.filter(one => one.silenced !== undefined).map(one => told(one, 1));
  return [...notified, ...muted].sort((a, b) => b.at - a.at);
}

function newestOf({ messages }: Notification): Message {
  return messages.reduce((a, b) => (b.at >= a.at ? b : a));
}

function told({ at, severity, target, title, text, channels = [], silenced }: Message, count: number): Told {
  const beyond = channels.filter(one => one !== 'outbox');
  return {
    at,
    severity,
    target,
    title: safe(title),
    text: lines(text),
    ...(count > 1 ? { count } : {}),
    ...(beyond.length > 0 ? { channels: beyond } : {}),
    ...(silenced === undefined ? {} : { silenced }),
  };
}

/** What stands behind the title of a message: how many, where to, whether anybody heard it. */
export function toldText({
  count,
  channels,
  silenced,
}: {
  readonly count?: number | undefined;
  readonly channels?: readonly string[] | undefined;
  readonly silenced?: string | undefined;
}): string {
  const parts = [
    ...(count === undefined ? [] : [`${count} messages in one`]),
    ...(channels === undefined ? [] : [`to ${channels.map(one => safe(one, 60)).join(', ')}`]),
    ...(silenced === undefined ? [] : [`silenced by ${silenced}: nobody was told`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}
