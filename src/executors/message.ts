/** How `notify` and `escalate` put a message into the outbox. Pure. */
import type { CapabilityCall, Message, Origin, VerbContext } from '../model.ts';

/** One `notify.send` on the built-in connection `outbox`. Its subject is the origin's own, so that no message waits. */
export function messageCall(
  context: VerbContext,
  message: Pick<Message, 'severity' | 'title' | 'text'>,
): CapabilityCall {
  return {
    capability: 'notify.send',
    connection: 'outbox',
    subject: `outbox/${context.target.kind}/${context.target.name}/${originText(context.origin)}`,
    args: { severity: message.severity, title: message.title, text: message.text },
    output: {},
  };
}

/** Where an action comes from, in one word: `policy/rule/group/episode`, or the request's id. */
export function originText(origin: Origin): string {
  if ('request' in origin) return `request/${origin.request}`;
  const group = origin.group === '' ? '' : `/${origin.group}`;
  return `${origin.policy}/${origin.rule}${group}/${origin.episode}`;
}

/** The first line that people read: what it is about and which rule says so. */
export function titleOf(what: string, context: VerbContext): string {
  const origin = context.origin;
  const from = 'request' in origin ? `request ${origin.request}` : originName(origin.policy, origin.rule);
  const group = 'request' in origin || origin.group === '' ? '' : ` (${origin.group})`;
  return `${context.target.name}: ${what} by ${from}${group}`;
}

/** A policy's only rule has no name of its own. */
function originName(policy: string, rule: string): string {
  return rule === 'rule' ? policy : `${policy}/${rule}`;
}
