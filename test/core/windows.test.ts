/** Windows, blast radius, loops and approvals that stay good, through `step` and `fold`. */
import { describe, expect, test } from 'vitest';
import type { BlastRadiusSpec, ClosedPolicy, GuardSpec, WindowSpec } from '../../src/model.ts';
import {
  CHAIN,
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  NOTIFY,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
/** A Monday. */
const MONDAY = Date.UTC(2026, 5, 15);
const OFFICE: WindowSpec = { name: 'office', when: 'Mon-Fri 08:00-17:00', zone: 'Europe/Zurich' };
const NIGHT: WindowSpec = { name: 'night', when: '22:00-06:00', zone: 'UTC' };
const YEAR_END: WindowSpec = { name: 'year-end', when: '12-15 00:00 - 01-06 00:00', zone: 'Europe/Zurich' };

const retrains = (guard: GuardSpec = {}, more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy =>
  policyOf({ rule: doing([RETRAIN]), guard, ...more });

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}
const firstHold = (sim: Simulation) => sim.of('decision').at(-1)!.decision.holds[0]!;
const verbs = (sim: Simulation) => sim.of('intent').map(one => one.action.verb);
const at = (hours: number) => MONDAY + hours * HOUR;

function tickAt(policy: ClosedPolicy, time: number): Simulation {
  const sim = simulate([policy]);
  sim.at = time;
  sim.tick(DRIFTED);
  return sim;
}

describe('windows', () => {
  test.each<[string, GuardSpec, number, string, number | undefined]>([
    // Zurich is two hours ahead in June.
    ['allow, open', { allow: [[OFFICE]] }, at(6), 'act', undefined],
    ['allow, not yet', { allow: [[OFFICE]] }, at(5.999), 'hold window', at(6)],
    ['allow, just closed', { allow: [[OFFICE]] }, at(15), 'hold window', at(24 + 6)],
    [
      'allow, on Friday evening until Monday',
      { allow: [[OFFICE]] },
      at(4 * 24 + 20),
      'hold window',
      at(7 * 24 + 6),
    ],
    ['one list: any of them', { allow: [[OFFICE, NIGHT]] }, at(23), 'act', undefined],
    ['one list: the next opening', { allow: [[OFFICE, NIGHT]] }, at(20), 'hold window', at(22)],
    ['two lists: one of each', { allow: [[OFFICE], [NIGHT]] }, at(23), 'hold window', at(24 + 6)],
    ['two lists: both shut', { allow: [[OFFICE], [NIGHT]] }, at(20), 'hold window window', at(24 + 6)],
    ['deny, open', { deny: [NIGHT] }, at(23), 'hold window', at(30)],
    ['deny, closed', { deny: [NIGHT] }, at(20), 'act', undefined],
    [
      'deny over the turn of the year',
      { deny: [YEAR_END] },
      Date.UTC(2026, 11, 31),
      'hold window',
      Date.UTC(2027, 0, 5, 23),
    ],
  ])('%s', (_, guard, time, found, until) => {
    const sim = tickAt(retrains(guard), time);
    expect(holds(sim)).toBe(found);
    if (until !== undefined) expect(firstHold(sim).until).toBe(until);
  });

  test('the words say which, when and where', () => {
    expect(firstHold(tickAt(retrains({ allow: [[OFFICE]] }), at(20))).message).toBe(
      'outside of window office (Mon-Fri 08:00-17:00, Europe/Zurich)',
    );
    expect(firstHold(tickAt(retrains({ deny: [NIGHT] }), at(23))).message).toBe(
      'inside of window night (22:00-06:00, UTC), in which nothing is done',
    );
  });

  test('safe verbs and messages do not wait for them', () => {
    const guard = { allow: [[OFFICE]] };
    const back = tickAt(policyOf({ rule: doing([stepOf('rollback', { version: 'v0' })]), guard }), at(20));
    expect(verbs(back)).toEqual(['rollback']);
    expect(verbs(tickAt(policyOf({ rule: doing([NOTIFY]), guard }), at(20)))).toEqual(['notify']);
  });

  test("P36: daylight saving is the zone's; the same window is open an hour later in UTC in winter", () => {
    const guard = { allow: [[OFFICE]] };
    expect(holds(tickAt(retrains(guard), Date.UTC(2026, 6, 15, 6)))).toBe('act');
    expect(holds(tickAt(retrains(guard), Date.UTC(2026, 0, 14, 6)))).toBe('hold window');
    expect(holds(tickAt(retrains(guard), Date.UTC(2026, 0, 14, 7)))).toBe('act');
  });

  test('P37: what was held begins when the window opens, without any other event', () => {
    const sim = tickAt(retrains({ allow: [[OFFICE]] }, { everyMs: 30 * DAY }), at(20));
    expect(sim.last?.wakeAt).toBe(at(24 + 6));
    sim.at = at(24 + 6) - 1;
    sim.tick(DRIFTED, 'slots');
    expect(verbs(sim)).toEqual([]);
    sim.at += 1;
    sim.tick(DRIFTED, 'slots');
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('P37: a window that closed between ask and start withdraws; what runs already goes on', () => {
    const policy = retrains({ allow: [[OFFICE]] });
    const sim = tickAt(policy, at(14.99));
    const record = sim.live('retrain');
    sim.at = at(15);
    sim.start(record);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'window' }]);
    const running = tickAt(policy, at(14.99));
    running.start(running.live('retrain'));
    running.at = at(16);
    running.tick(DRIFTED);
    expect(running.live('retrain')).toMatchObject({ state: 'started', cancelRequested: false });
  });

  test('the next step of a running sequence waits for the window', () => {
    const policy = policyOf({
      rule: doing([RETRAIN, stepOf('promote', { version: 'v2' })]),
      guard: { allow: [[OFFICE]] },
    });
    const sim = tickAt(policy, at(14));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.at = at(15);
    sim.tick(DRIFTED);
    expect(holds(sim)).toBe('hold window');
    sim.at = at(30);
    sim.tick(DRIFTED);
    expect(verbs(sim)).toEqual(['retrain', 'promote']);
  });
});

describe('blast radius', () => {
  const radius = (more: Partial<BlastRadiusSpec>): BlastRadiusSpec => ({
    of: 40,
    scope: 'fleet',
    perMs: HOUR,
    ...more,
  });
  const others =
    (count: number, ago: number, policy = 'q') =>
    (now: number) =>
      Array.from({ length: count }, (_, i) => ({
        at: now - ago + i,
        chain: `model/m${i}`,
        policy,
        action: `a${i}`,
      }));

  test.each<[string, Partial<BlastRadiusSpec>, ReturnType<typeof others>, string]>([
    ['count, room for one more', { targets: 3 }, others(2, 1000), 'act'],
    ['count, full', { targets: 3 }, others(3, 1000), 'hold blast-radius'],
    ['longer ago than the period', { targets: 3 }, others(3, HOUR + 3), 'act'],
    ['a tenth of forty', { share: 0.1 }, others(4, 1000), 'hold blast-radius'],
    ['a tenth of forty, room', { share: 0.1 }, others(3, 1000), 'act'],
    ['a share of few allows one', { share: 0.1, of: 3 }, others(0, 0), 'act'],
    ['and no more', { share: 0.1, of: 3 }, others(1, 1000), 'hold blast-radius'],
    ['the least of both', { targets: 10, share: 0.1 }, others(4, 1000), 'hold blast-radius'],
    ['other policies do not count for scope policy', { targets: 1, scope: 'policy' }, others(5, 1000), 'act'],
    ['this one does', { targets: 1, scope: 'policy' }, others(1, 1000, 'p'), 'hold blast-radius'],
  ])('%s', (_, limit, acted, found) => {
    const sim = simulate([retrains({ blastRadius: [radius(limit)] })]);
    sim.say('acted:fleet', acted(sim.at));
    sim.tick(DRIFTED);
    expect(holds(sim)).toBe(found);
  });

  test('it ends when the oldest of the others is long enough ago', () => {
    const sim = simulate([retrains({ blastRadius: [radius({ targets: 2 })] })]);
    const acted = [
      { at: sim.at - 50 * 60_000, chain: 'model/a', policy: 'q', action: 'a' },
      { at: sim.at - 20 * 60_000, chain: 'model/b', policy: 'q', action: 'b' },
      { at: sim.at - 10 * 60_000, chain: 'model/a', policy: 'q', action: 'c' },
    ];
    sim.say('acted:fleet', acted);
    sim.tick(DRIFTED);
    expect(firstHold(sim)).toMatchObject({
      until: sim.at + 40 * 60_000,
      message: 'blast radius: 2 other targets were acted on by all policies within the period, 2 are allowed',
    });
    sim.at += 40 * 60_000;
    sim.tick(DRIFTED, 'slots');
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('its own target counts once, with its first disruptive action, and not for itself', () => {
    const guard = { blastRadius: [radius({ targets: 1 })] };
    const sim = simulate([
      policyOf({ rule: doing([NOTIFY, RETRAIN, stepOf('promote', { version: 'v2' })]), guard }),
    ]);
    sim.tick(DRIFTED);
    sim.end(sim.live('notify'), 'succeeded');
    sim.tick(DRIFTED);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.tick(DRIFTED);
    expect(verbs(sim)).toEqual(['notify', 'retrain', 'promote']);
    expect(sim.of('intent').map(one => one.impact ?? false)).toEqual([false, true, false]);
    expect(sim.facts['acted:fleet']?.value).toMatchObject([{ chain: CHAIN, policy: 'p', at: sim.at }]);
  });

  test('P47: beyond a limit a plan says so, and is none the less a plan', () => {
    const sim = simulate([retrains({ blastRadius: [radius({ targets: 1 })] })]);
    sim.say('acted:fleet', others(3, 1000)(sim.at));
    expect(() => sim.tick(DRIFTED)).not.toThrow();
    expect(sim.last?.problems).toEqual([]);
    expect(sim.last?.decisions).toMatchObject([
      { outcome: 'hold', verb: 'retrain', holds: [{ reason: 'blast-radius' }] },
    ]);
  });
});

describe('loops', () => {
  /** One whole episode of a few minutes: fires, acts, clears. */
  function flap(sim: Simulation, verb: string): void {
    sim.at += 60_000;
    sim.tick(DRIFTED);
    const live = Object.values(sim.own.actions).find(
      one => one.action.verb === verb && one.state === 'intended',
    );
    if (live) {
      sim.start(live);
      sim.end(live, 'succeeded', { version: 'v2' });
    }
    sim.at += 60_000;
    sim.tick({ psi: 0.1 });
  }

  test('P49: the same action on the same target again and again is stopped, and people are told', () => {
    const sim = simulate([retrains()]);
    for (let i = 0; i < 12; i++) flap(sim, 'retrain');
    expect(verbs(sim).filter(verb => verb === 'retrain')).toHaveLength(10);
    expect(sim.of('stalled')[0]).toMatchObject({
      reason: 'loop',
      message:
        'loop: retrain was begun 10 times within an hour on this target; it is not begun again by itself',
    });
    expect(verbs(sim)).toContain('escalate');
    sim.at += HOUR;
    flap(sim, 'retrain');
    expect(verbs(sim).filter(verb => verb === 'retrain')).toHaveLength(11);
  });

  test('P49: an edit does not begin the count anew', () => {
    const sim = simulate([retrains()]);
    for (let i = 0; i < 10; i++) flap(sim, 'retrain');
    sim.enforce([retrains({}, { policy: 'renamed' })]);
    flap(sim, 'retrain');
    expect(sim.of('stalled')).toMatchObject([{ reason: 'loop', cause: { policy: 'renamed' } }]);
  });

  test('messages of one rule and group are counted by themselves, and wait until the flood is over', () => {
    const sim = simulate([policyOf({ rule: doing([NOTIFY]) })]);
    for (let i = 0; i < 12; i++) flap(sim, 'notify');
    sim.at += 60_000;
    sim.tick(DRIFTED);
    expect(verbs(sim)).toHaveLength(10);
    expect(holds(sim)).toBe('hold loop');
    sim.at = firstHold(sim).until!;
    sim.tick(DRIFTED);
    expect(verbs(sim)).toHaveLength(11);
  });
});

test('P27: beyond 500 label sets all is known, nothing is done, and people are told once', () => {
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`o${i}`, 0.5]));
  const sim = simulate([policyOf({ rule: doing([NOTIFY]) })]);
  sim.run(3, { psi: many });
  expect(verbs(sim)).toEqual(['escalate']);
  expect(Object.keys(sim.own.rules.p?.main ?? {})).toHaveLength(501);
  expect(Object.keys(sim.own.episodes)).toHaveLength(501);
  sim.run(1, { psi: { ...many, o0: 0.1, o1: 0.1 } });
  expect(Object.keys(sim.own.rules.p?.main ?? {})).toHaveLength(499);
  sim.run(1, { psi: many });
  expect(verbs(sim).filter(verb => verb === 'escalate')).toHaveLength(1);
  sim.run(1, { psi: Object.fromEntries(Object.keys(many).map(name => [name, 0.1])) });
  sim.run(1, { psi: many });
  expect(verbs(sim).filter(verb => verb === 'escalate')).toHaveLength(2);
});

test('P31: the cooldown is counted from the ledger, whatever ticks, pauses and commits come between', () => {
  const actions = { retrain: { cooldownMs: 10 * HOUR } };
  const sim = simulate([retrains({}, { actions })]);
  sim.run(1, DRIFTED);
  sim.start(sim.live('retrain'));
  sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
  const ended = sim.at;
  sim.run(1, { psi: 0.1 });
  sim.pause('all');
  sim.enforce([retrains({}, { actions, policy: 'renamed' })]);
  sim.run(2, DRIFTED);
  sim.resume('all');
  sim.run(2, DRIFTED);
  expect(firstHold(sim)).toMatchObject({ reason: 'cooldown', until: ended + 10 * HOUR });
});

describe('approvals', () => {
  const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
  const asks = () => retrains({}, { actions: { retrain: { approval } } });
  function vote(sim: Simulation, by = PERSON): void {
    sim.input({ kind: 'approval', approval: sim.of('ask').at(-1)!.approval, decision: 'yes', by });
  }

  test('P44: a yes that a hold kept from being used stays good for the identical plan', () => {
    const sim = simulate([asks()]);
    sim.run(1, DRIFTED);
    vote(sim);
    sim.run(1, DRIFTED);
    const first = sim.live('retrain');
    sim.pause('all');
    sim.start(first);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'paused' }]);
    sim.run(1, DRIFTED);
    sim.resume('all');
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    const again = sim.live('retrain').action;
    expect([again.id, again.attempt, again.call]).toEqual([first.action.id, 2, first.action.call]);
    expect(sim.of('intent').at(-1)?.approval).toBe(sim.of('ask')[0]?.approval);
  });

  test('P44: until the approval expires', () => {
    const sim = simulate([asks()]);
    sim.run(1, DRIFTED);
    vote(sim);
    sim.run(1, DRIFTED);
    sim.pause('all');
    sim.start(sim.live('retrain'));
    sim.run(23, DRIFTED);
    sim.resume('all');
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
  });

  test('P42: an approval is of one plan: another one, also of the same rule, is asked for again', () => {
    const sim = simulate([asks()]);
    sim.run(1, DRIFTED);
    vote(sim);
    const other = policyOf({
      rule: doing([stepOf('retrain', { lookback: 30 * DAY })]),
      actions: { retrain: { approval } },
    });
    sim.enforce([other]);
    sim.run(2, DRIFTED);
    expect(verbs(sim)).toEqual([]);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'changed' }]);
    expect(new Set(sim.of('ask').map(one => one.planHash)).size).toBe(2);
  });

  test.each([
    ['mapped', 'ana@acme.example', 1, 1],
    ['unmapped', 'nobody@elsewhere.example', 2, 2],
  ])('an author who is %s: quorum %s', (_, email, quorum, votes) => {
    const commit = { sha: 'c9', author: { name: 'Ana', email }, time: 0, subject: 'x' };
    const sim = simulate([retrains({}, { actions: { retrain: { approval } }, commit })]);
    sim.run(1, DRIFTED);
    expect(sim.of('ask')[0]?.quorum).toBe(quorum);
    vote(sim);
    sim.run(1, DRIFTED);
    expect(verbs(sim)).toHaveLength(votes === 1 ? 1 : 0);
    vote(sim, { ...PERSON, name: 'cleo' });
    sim.run(1, DRIFTED);
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('where nobody proves who they are, the raise is waived as the rest is', () => {
    const commit = { sha: 'c9', author: { name: 'x', email: 'x@y.example' }, time: 0, subject: 'x' };
    const sim = simulate([retrains({}, { actions: { retrain: { approval } }, commit })]);
    sim.run(1, DRIFTED);
    vote(sim, { ...PERSON, authenticated: false });
    sim.run(1, DRIFTED);
    expect(verbs(sim)).toEqual(['retrain']);
  });
});

test('an excluded policy is held with the reason and until when', () => {
  const sim = simulate([retrains()]);
  sim.pause('all');
  sim.run(1, DRIFTED);
  const until = sim.at + 5 * HOUR;
  sim.enforce([retrains({}, { excluded: { policy: 'p', reason: 'holiday traffic', until } })]);
  sim.resume('all');
  sim.run(1, DRIFTED);
  expect(holds(sim)).toBe('hold excluded');
  expect(firstHold(sim)).toMatchObject({ until, message: expect.stringContaining('holiday traffic') });
  sim.at = until;
  sim.tick(DRIFTED);
  expect(verbs(sim)).toEqual(['retrain']);
});

test('every guard is shown, in the order of admission', () => {
  const policy = retrains(
    {
      allow: [[OFFICE]],
      inhibitedBy: [{ policy: 'i', chains: ['connection/x'], everyMs: HOUR }],
      blastRadius: [{ targets: 1, of: 9, scope: 'fleet', perMs: HOUR }],
      cooldownMs: DAY,
      rate: { count: 1, perMs: 30 * DAY },
    },
    { mode: 'observe' },
  );
  const sim = simulate([policy]);
  sim.others = [
    policyOf({
      policy: 'g',
      target: { kind: 'dataset', name: 'd' },
      rules: [
        ruleOf({
          when: condition(compares('psi', '>', 1)),
          gate: { on: 'data', blocks: ['retrain'], reaches: [CHAIN], taint: false, running: 'finish' },
        }),
      ],
    }),
  ];
  sim.at = at(20);
  sim.pause('all');
  sim.say('lock:local/train', { action: 'other', chain: 'model/x', verb: 'retrain', since: 0 });
  sim.say('acted:fleet', [{ at: sim.at, chain: 'model/x', policy: 'q', action: 'a' }]);
  sim.own = { ...sim.own, spent: { retrain: { at: [sim.at - 1], endedAt: sim.at - 1 } } };
  sim.tick(DRIFTED);
  expect(holds(sim)).toBe(
    'hold mode paused window inhibited gated subject-locked blast-radius rate cooldown',
  );
});
