/** The built-in connection `outbox`: messages for people go to the store, once per key, and `status` prints them. */
import { z } from 'zod';
import type { Clock, Effect, Message } from '../model.ts';
import { checkedArgs } from './arguments.ts';

const sendArgs = z.object({ title: z.string().min(1), text: z.string(), severity: z.enum(['info', 'page']) });

/**
 * The effect `notify.send`: `send` keeps a message, once per key however often it is called, and `hasMessage` tells
 * whether it has. A message that was sent cannot be cancelled.
 */
export function outbox(options: {
  readonly send: (message: Message) => Promise<void>;
  readonly hasMessage: (key: string) => Promise<boolean>;
  readonly now: Clock;
}): Effect {
  return {
    settleAfterMs: 0,
    pollMs: { first: 200, max: 5_000 },
    async start({ key, target, call }) {
      const message = checkedArgs(sendArgs, call);
      await options.send({ key, at: options.now(), target: `${target.kind}/${target.name}`, ...message });
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
