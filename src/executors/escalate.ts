/** `escalate`: pages people through the outbox: Flyball does not get on by itself. Pure. */
import { z } from 'zod';
import type { JsonObject, Verb, VerbContext } from '../model.ts';
import { settled, textOrSlot, wording, wordingText } from './arguments.ts';
import { messageCall, originText, titleOf } from './message.ts';

const args = z
  .strictObject({
    to: textOrSlot.optional().meta({
      description: 'A group or a person; the owner of the target unless said.',
      examples: ['on-call'],
    }),
    text: wording.optional().meta({
      description: `What it says; \${…} are filled in. Without it the message names the rule and the episode.`,
      examples: [`The view is stale at \${members.origin}`],
    }),
  })
  .meta({
    description: 'Pages people: Flyball does not get on by itself. Changes nothing, so no guard holds it.',
    examples: [{ to: 'on-call' }],
  });

/** One `notify.send` of severity page. It is addressed to `to`, else to the owner of the Model or Dataset. */
export const escalate: Verb = {
  name: 'escalate',
  args,
  outputs: {},
  disruptive: false,
  safe: false,
  slots: { to: 'string', text: 'string' },
  needs: [],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `escalate: ${checked.unbound}` };
  const { model, dataset } = context.documents;
  const to = checked.args.to ?? model?.owner ?? dataset?.owner;
  const text = wordingText(checked.args.text ?? `It needs a person (${originText(context.origin)}).`);
  const title = titleOf(to === undefined ? 'escalated' : `escalated to ${to}`, context);
  return { calls: [messageCall(context, { severity: 'page', title, text })] };
}
