/** Any entry of the ledger in one line, for people. */
import type { Derived, Entry } from '../model.ts';
import { inGroup, ruleText } from './rule-text.ts';
import { safe, span, when } from './time.ts';

/** One line of any entry. */
export function entryText(body: Entry['body']): string {
  switch (body.kind) {
    case 'approval':
      return `${body.decision} by ${body.by.name}${body.by.authenticated ? '' : ' (unauthenticated, self)'}${body.comment ? `: ${safe(body.comment)}` : ''}`;
    case 'outcome':
      return `${body.outcome} ${body.action.slice(0, 12)} ${safe(body.message ?? JSON.stringify(body.outputs ?? {}), 200)}`;
    case 'start-due':
    case 'started':
    case 'absent':
      return body.action.slice(0, 12);
    case 'cannot-tell':
      return `${body.action.slice(0, 12)} ${safe(body.message)}`;
    case 'gap':
      return `not looked at for ${span(body.to - body.from)}`;
    case 'revision':
      return `commit ${body.commit.sha.slice(0, 7)} by ${safe(body.commit.author.name, 60)}: ${Object.keys(body.policies).join(', ')}`;
    case 'request':
      if (body.what === 'action')
        return `${body.verb} by ${body.by.name}${body.by.onBehalfOf ? ` for ${body.by.onBehalfOf}` : ''} through ${body.by.door}${body.reason ? `: ${safe(body.reason)}` : ''}`;
      return `${body.what} by ${body.by.name} through ${body.by.door}${body.reason ? `: ${safe(body.reason)}` : ''}`;
    case 'cancel':
    case 'retry':
    case 'resolve':
    case 'adopt':
      return `by ${body.by.name}${'reason' in body && body.reason ? `: ${safe(body.reason)}` : ''}`;
    case 'pause':
    case 'resume':
      return `${body.scope} by ${body.by.name}${body.reason ? `: ${safe(body.reason)}` : ''}`;
    case 'rollout-order':
      return `${body.what} by ${body.by.name}${body.reason ? `: ${safe(body.reason)}` : ''}`;
    case 'silence':
      return `${Object.entries(body.match)
        .map(([name, value]) => `${safe(name, 40)}=${safe(value, 60)}`)
        .join(',')} by ${body.by.name} until ${when(body.until)}: ${safe(body.reason)}`;
    case 'audit':
      return `${body.result} ${body.command} by ${body.by.name} through ${body.by.door}${body.message ? `: ${body.message}` : ''}`;
    case 'proposal':
      return `${body.branch} ${body.what} at ${body.sha.slice(0, 7)} by ${safe(body.by.name, 60)}${body.by.onBehalfOf === undefined ? '' : ` for ${safe(body.by.onBehalfOf, 60)}`}`;
    case 'anchor':
      return `${Object.keys(body.heads).length} heads`;
    case 'checkpoint':
      return '';
    default:
      return summary(body);
  }
}

/** One line of a derived entry. */
export function summary(body: Derived): string {
  switch (body.kind) {
    case 'transition':
      return `${ruleText(body.cause)}${inGroup(body.labels)}: ${body.from} → ${body.to}${body.reason ? ` (${body.reason})` : ''}`;
    case 'episode-opened':
      return `${ruleText(body.cause)}${inGroup(body.labels)} ${body.request === undefined ? 'fires' : 'begins'}: ${safe(body.verdict.clause, 600)}`;
    case 'episode-ended':
      return `${ruleText(body.cause)}: episode ${body.episode} ended, ${body.how}${body.message ? `: ${safe(body.message)}` : ''}`;
    case 'decision':
      return `${ruleText(body.decision)}${inGroup(body.decision.labels)}: ${body.decision.outcome} ${body.decision.verb ?? ''} ${body.decision.holds.map(hold => safe(hold.message)).join('; ')}`.trim();
    case 'ask':
      return `${ruleText(body.cause)}: asks ${body.from.join(', ')} for ${body.action.verb} on ${body.action.call.subject}, approval ${body.approval}`;
    case 'intent':
      return `${ruleText(body.cause)}: will ${body.action.verb} (${body.action.call.capability}) on ${body.action.call.subject}, key ${body.action.key.slice(0, 12)}`;
    case 'withdrawn':
      return `${ruleText(body.cause)}: withdrawn, ${safe(body.message)}`;
    case 'verified':
      return body.what === 'version'
        ? `version ${body.version ?? ''} is verified (${body.basis})`
        : `${body.cause ? ruleText(body.cause) : ''}: the remedy helped`;
    case 'not-verified':
      return `${ruleText(body.cause)}: the remedy ${body.judged ? 'did not help' : 'could not be judged'}${body.next === undefined ? '' : `, round ${body.next + 1} follows`}`;
    case 'stalled':
      return `${ruleText(body.cause)}: stalled, ${safe(body.message)}`;
    case 'unresolved':
      return `action ${body.action.slice(0, 12)} is unresolved: ${safe(body.message)}`;
    case 'undoing':
      return `${ruleText(body.cause)}: takes back ${body.steps.join(', ')}; ${safe(body.message)}`;
    case 'reverted':
      return body.state === 'out'
        ? `somebody else took ${safe(body.version, 60)} out of service: ${safe(body.to, 60)} serves`
        : `somebody else brought ${safe(body.version, 60)} back into service`;
    case 'skipped':
      return `${ruleText(body.cause)}: step ${body.step} is skipped, ${safe(body.message)}`;
    case 'retrying':
    case 'cancelling':
    case 'preempted':
    case 'gate':
    case 'rollout':
      return `${ruleText(body.cause)}: ${safe(body.message)}`;
    case 'adopted':
      return body.outcome === undefined
        ? `${ruleText(body.cause)}: needs the same as action ${body.running.slice(0, 12)} of ${body.chain}, and waits for its end`
        : `${ruleText(body.cause)}: what it waited for ${body.outcome === 'withdrawn' ? 'never began' : `is ${body.outcome}`}`;
  }
}
