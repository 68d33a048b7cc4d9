/** Messages: which channels get them, which are one notification, and what a silence mutes. */
import { describe, expect, test } from 'vitest';
import { matches, notificationsOf, type Silence, silencing } from '../../src/engine/notifications.ts';
import type { ClosedPolicy, Message, NotifySpec } from '../../src/model.ts';
import { doing, HOUR, policyOf, stepOf } from './closed-policy.ts';
import { simulate } from './simulation.ts';

const ROUTES: NotifySpec = {
  group: { by: ['cause', 'owner', 'team'], waitMs: 120_000, repeatMs: 4 * HOUR },
  routes: [
    { match: { severity: 'page' }, to: ['oncall', 'slack-ml'] },
    { match: { team: 'growth' }, to: ['slack-growth'] },
    { match: {}, to: ['digest'] },
  ],
};
const channels = {
  oncall: { name: 'oncall', connection: 'pagerduty', to: 'ml' },
  'slack-ml': { name: 'slack-ml', connection: 'slack', to: '#ml' },
};

/** The arguments of the message that a policy sends. */
function sent(
  step: ReturnType<typeof stepOf>,
  more: Partial<ClosedPolicy> = {},
  notify: NotifySpec | undefined = ROUTES,
) {
  const documents = { channels, ...(notify ? { notify } : {}) };
  const sim = simulate([policyOf({ rule: doing([step]), ...more, documents })]);
  sim.run(1, { psi: 0.5 });
  return sim.of('intent')[0]!.action.call.args;
}

describe('routes', () => {
  const NOTIFY = stepOf('notify', { text: 'x' });
  test.each<[string, ReturnType<typeof stepOf>, Partial<ClosedPolicy>, readonly string[]]>([
    ['the first that matches', stepOf('notify', { text: 'x', severity: 'page' }), {}, ['oncall', 'slack-ml']],
    ['by a label of the policy', NOTIFY, { labels: { team: 'growth' } }, ['slack-growth']],
    ['an empty match takes the rest', NOTIFY, {}, ['digest']],
    ["the policy's own severity", NOTIFY, { labels: { severity: 'page' } }, ['oncall', 'slack-ml']],
    [
      'that of its notify before its label',
      NOTIFY,
      { labels: { severity: 'page' }, notify: { severity: 'ticket' } },
      ['digest'],
    ],
    ['channels beside those of the route', NOTIFY, { notify: { to: ['slack-ml'] } }, ['digest', 'slack-ml']],
    ['a channel that the step names', stepOf('escalate', { to: 'slack-ml' }), {}, ['slack-ml']],
    ['a person is no channel', stepOf('escalate', { to: 'ana' }), {}, ['oncall', 'slack-ml']],
  ])('%s', (_, step, more, found) => {
    expect(sent(step, more).channels).toEqual(found);
  });

  test('without routes everything stays in the outbox', () => {
    const plain = simulate([policyOf({ rule: doing([NOTIFY]) })]);
    plain.run(1, { psi: 0.5 });
    expect(plain.of('intent')[0]!.action.call.args).toMatchObject({ channels: ['outbox'] });
    expect(plain.of('intent')[0]!.action.call.args).not.toHaveProperty('group');
  });

  test('the group is by cause, owner and labels', () => {
    expect(sent(NOTIFY, { labels: { team: 'growth' } }).group).toBe('cause=p/main,owner=ml,team=growth');
    expect(sent(NOTIFY).group).toBe('cause=p/main,owner=ml,team=');
  });

  test('labels are those of the policy, with its name, target and severity', () => {
    expect(sent(NOTIFY, { labels: { team: 'growth', policy: 'not me' } }).labels).toEqual({
      team: 'growth',
      policy: 'p',
      target: 'model/late',
      severity: 'info',
    });
  });
});

describe('notifications', () => {
  const group = { by: ['cause'], waitMs: 60, repeatMs: 1000 };
  const message = (at: number, more: Partial<Message> = {}): Message => ({
    key: `k${at}`,
    at,
    severity: 'info',
    target: 'model/a',
    title: 't',
    text: 'x',
    channels: ['digest'],
    group: 'cause=a',
    ...more,
  });
  const told = (messages: readonly Message[], spec?: typeof group) =>
    notificationsOf(messages, spec).map(one => `${one.at} ${one.messages.map(({ key }) => key).join(' ')}`);

  test.each<[string, readonly Message[], readonly string[]]>([
    ['one waits', [message(0)], ['60 k0']],
    ['what comes while it waits joins', [message(0), message(60)], ['60 k0 k60']],
    [
      'what comes later waits for repeat',
      [message(0), message(61), message(900)],
      ['60 k0', '1060 k61 k900'],
    ],
    ['long after: only the wait again', [message(0), message(5000)], ['60 k0', '5060 k5000']],
    ['another group is another', [message(0), message(1, { group: 'cause=b' })], ['60 k0', '61 k1']],
    ['another channel is another', [message(0), message(1, { channels: ['oncall'] })], ['60 k0', '61 k1']],
    ['any order', [message(30), message(0)], ['60 k0 k30']],
    ['silenced ones are not told', [message(0, { silenced: 's' }), message(10)], ['70 k10']],
  ])('%s', (_, messages, found) => {
    expect(told(messages, group)).toEqual(found);
  });

  test('without a group each is one, at once', () => {
    const { group: _, ...alone } = message(0);
    expect(told([alone, { ...alone, key: 'k1', at: 1 }], group)).toEqual(['0 k0', '1 k1']);
    expect(told([message(0)])).toEqual(['0 k0']);
  });
});

describe('silences', () => {
  const one = (match: Silence['match']): Silence => ({
    id: 's',
    match,
    by: 'ana',
    reason: 'x',
    since: 10,
    until: 20,
  });
  test.each<[Silence['match'], Silence['match'], number, boolean]>([
    [{ severity: 'ticket' }, { severity: 'ticket', policy: 'p' }, 10, true],
    [{ severity: 'ticket' }, { severity: 'ticket' }, 9, false],
    [{ severity: 'ticket' }, { severity: 'ticket' }, 20, false],
    [{ severity: 'ticket', policy: 'q' }, { severity: 'ticket', policy: 'p' }, 15, false],
    [{ toString: 'x' }, {}, 15, false],
    [{}, { severity: 'page' }, 15, true],
  ])('%j mutes %j at %i: %s', (match, labels, at, muted) => {
    expect(silencing([one(match)], labels, at) !== undefined).toBe(muted);
  });

  test('a label of the prototype is none', () => expect(matches({ constructor: 'x' }, {})).toBe(false));
});
