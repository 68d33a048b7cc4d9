/** `notify`: leaves a message for people in the outbox. Pure. */
import { z } from 'zod';
import type { JsonObject, Verb, VerbContext } from '../model.ts';
import { settled, wording, wordingText } from './arguments.ts';
import { messageCall, originText, titleOf } from './message.ts';

const args = z
  .strictObject({
    text: wording.optional().meta({
      description: `What it says; \${…} are filled in. Without it the message names the rule and the episode.`,
      examples: [`PSI is high at \${members.origin}`],
    }),
    severity: z
      .enum(['info', 'page'])
      .optional()
      .meta({ default: 'info', description: 'info (the default) or page: what routes match.' }),
  })
  .meta({
    description:
      'Leaves a message for people. Changes nothing, so no guard holds it, not even mode: observe.',
    examples: [{ text: 'drifted' }],
  });

/** One `notify.send`. Without `text` the message names the rule and the episode; `severity` is info unless given. */
export const notify: Verb = {
  name: 'notify',
  args,
  outputs: {},
  disruptive: false,
  safe: false,
  slots: { text: 'string' },
  needs: [],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `notify: ${checked.unbound}` };
  const text = wordingText(
    checked.args.text ?? `Read more with: flyball explain (${originText(context.origin)})`,
  );
  const title = titleOf('notified', context);
  return { calls: [messageCall(context, { severity: checked.args.severity ?? 'info', title, text })] };
}
