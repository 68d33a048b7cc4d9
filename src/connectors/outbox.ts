/** The built-in connection `outbox`: messages for people go to the store, once per key, and `status` prints them. */
import { z } from 'zod';
import type { Clock, Effect, Labels, Message } from '../model.ts';
import { checkedArgs } from './arguments.ts';

const sendArgs = z.object({
  title: z.string().min(1),
  text: z.string(),
  severity: z.enum(['info', 'page']),
  channels: z.array(z.string()).optional(),
  group: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

/**
 * The effect `notify.send`: `send` keeps a message, once per key however often it is called, and `hasMessage` tells
 * whether it has. A message that a silence matches is kept with the silence's id. One that was sent cannot be cancelled.
 */
export function outbox(options: {
  readonly send: (message: Message) => Promise<void>;
  readonly hasMessage: (key: string) => Promise<boolean>;
  readonly now: Clock;
  /** The silence that mutes a message with these labels now. */
  readonly silencing?: (labels: Labels, at: number) => Promise<string | undefined>;
}): Effect {
  return {
    settleAfterMs: 0,
    pollMs: { first: 200, max: 5_000 },
    async start({ key, target, call }) {
      const { channels, group, labels, ...message } = checkedArgs(sendArgs, call);
      const at = options.now();
      const silenced = await options.silencing?.(labels ?? {}, at);
      await options.send({
        key,
        at,
        target: `${target.kind}/${target.name}`,
        ...message,
        ...(channels === undefined ? {} : { channels }),
        ...(group === undefined ? {} : { group }),
        ...(labels === undefined ? {} : { labels }),
        ...(silenced === undefined ? {} : { silenced }),
      });
      return { message: key };
    },
    async find({ key }) {
      return (await options.hasMessage(key))
        ? { state: 'found', handle: { message: key } }
        : { state: 'absent' };
    },
    async poll({ key }) {
      if (await options.hasMessage(key)) return { state: 'succeeded', outputs: {} };
      return { state: 'lost', message: `outbox: no message ${key}` };
    },
    async cancel() {},
  };
}
