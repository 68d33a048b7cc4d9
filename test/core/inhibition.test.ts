/** Inhibition through `step` and `fold`: inhibitors, warm-up, connections that do not answer, and what people are told. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy, Observation } from '../../src/model.ts';
import {
  CHAIN,
  compares,
  condition,
  doing,
  HOUR,
  NOTIFY,
  observed,
  observes,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { type Simulation, simulate } from './simulation.ts';

const WAREHOUSE = 'connection/warehouse';
const KEY = `inhibitor:warehouse-down:${WAREHOUSE}`;
const inhibitedBy = (chain: string) => [{ policy: 'warehouse-down', chains: [chain], everyMs: HOUR }];
const retrains = (more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy =>
  policyOf({ rule: doing([RETRAIN]), ...more });

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}
const words = (sim: Simulation) => sim.of('decision').at(-1)!.decision.holds[0]?.message ?? '';
const verbs = (sim: Simulation) => sim.of('intent').map(one => one.action.verb);

describe('an inhibitor of another target', () => {
  function inhibited(policy = retrains({ guard: { inhibitedBy: inhibitedBy(WAREHOUSE) } })): Simulation {
    const sim = simulate([policy]);
    sim.at += HOUR;
    return sim;
  }
  const quiet = { firing: false, unknown: false, since: 0 };

  test.each([
    ['does not fire', quiet, 'act'],
    [
      'fires',
      { ...quiet, firing: true },
      /^inhibited by warehouse-down on connection\/warehouse: it fires since/,
    ],
    ['is unknown', { ...quiet, unknown: true }, /: it is unknown since/],
    ['was evaluated 2 × every ago', { ...quiet, at: 999 * HOUR }, 'act'],
    [
      'was evaluated longer ago',
      { ...quiet, at: 999 * HOUR - 1 },
      /: it was last evaluated 1970-02-11 14:59 UTC/,
    ],
  ])('%s', (_, value, found) => {
    const sim = inhibited();
    sim.say(KEY, { at: sim.at, ...value });
    sim.tick({ psi: 0.5 });
    if (typeof found === 'string') expect(holds(sim)).toBe(found);
    else {
      expect(holds(sim)).toBe('hold inhibited');
      expect(words(sim)).toMatch(found);
    }
  });

  test('P30: after a start nothing disruptive begins before every inhibitor was evaluated once', () => {
    const guard = {
      inhibitedBy: [{ policy: 'warehouse-down', chains: [WAREHOUSE, 'connection/lake'], everyMs: HOUR }],
    };
    const sim = inhibited(retrains({ guard }));
    sim.tick({ psi: 0.5 });
    expect(
      sim
        .of('decision')
        .at(-1)
        ?.decision.holds.map(hold => hold.message),
    ).toEqual([
      'inhibited by warehouse-down on connection/warehouse: it was not evaluated yet',
      'inhibited by warehouse-down on connection/lake: it was not evaluated yet',
    ]);
    sim.say(KEY, { ...quiet, at: sim.at });
    sim.tick({ psi: 0.5 });
    expect(holds(sim)).toBe('hold inhibited');
    sim.say('inhibitor:warehouse-down:connection/lake', { ...quiet, at: sim.at });
    sim.tick({ psi: 0.5 });
    expect(verbs(sim)).toEqual(['retrain']);
    // Down for a day: what was said before is no answer any more.
    sim.end(sim.live('retrain'), 'failed');
    sim.tick({ psi: 0.5 });
    const record = Object.values(sim.own.episodes)[0]!;
    sim.at += 24 * HOUR;
    sim.input({ kind: 'retry', episode: record.id, by: { name: 'ben', door: 'cli', authenticated: true } });
    sim.tick({ psi: 0.5 });
    expect(words(sim)).toMatch(/it was last evaluated/);
  });

  test('safe verbs are not held, and messages say it', () => {
    const back = inhibited(
      policyOf({
        rule: doing([stepOf('rollback', { version: 'v0' })]),
        guard: { inhibitedBy: inhibitedBy(WAREHOUSE) },
      }),
    );
    back.tick({ psi: 0.5 });
    expect(holds(back)).toBe('act');
    const told = inhibited(
      policyOf({ rule: doing([NOTIFY]), guard: { inhibitedBy: inhibitedBy(WAREHOUSE) } }),
    );
    told.tick({ psi: 0.5 });
    expect(verbs(told)).toEqual(['notify']);
    expect(told.of('intent')[0]?.action.call.args.text).toMatch(
      /\nInhibited meanwhile: inhibited by warehouse-down on connection\/warehouse: it was not evaluated yet/,
    );
  });

  test('an inhibitor that is excluded on its target does not apply', () => {
    const sim = inhibited();
    const target = { kind: 'connection', name: 'warehouse' } as const;
    sim.others = [
      policyOf({ policy: 'warehouse-down', target, excluded: { policy: 'warehouse-down', reason: 'old' } }),
    ];
    sim.tick({ psi: 0.5 });
    expect(holds(sim)).toBe('act');
  });

  test('the later steps of a sequence that runs do not ask again', () => {
    const guard = { inhibitedBy: inhibitedBy(WAREHOUSE) };
    const sim = inhibited(policyOf({ rule: doing([RETRAIN, stepOf('promote', { version: 'v2' })]), guard }));
    sim.say(KEY, { ...quiet, at: sim.at });
    sim.tick({ psi: 0.5 });
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.say(KEY, { ...quiet, firing: true, at: sim.at });
    sim.tick({ psi: 0.5 });
    expect(verbs(sim)).toEqual(['retrain', 'promote']);
  });
});

describe('an inhibitor on the same target', () => {
  const down = policyOf({
    policy: 'warehouse-down',
    observe: { up: observes('up') },
    rules: [ruleOf({ when: condition(compares('up', '<', 1)) })],
  });

  test.each([
    [1, 'act', { firing: false, unknown: false }],
    [0, 'hold inhibited', { firing: true, unknown: false }],
    [undefined, 'hold inhibited', { firing: false, unknown: true }],
  ])('up %s: %s, seen in the very same tick', (up, found, said) => {
    const sim = simulate([down, retrains({ guard: { inhibitedBy: inhibitedBy(CHAIN) } })]);
    sim.run(1, { psi: 0.5, up });
    expect(holds(sim)).toBe(found);
    expect(sim.facts[`inhibitor:warehouse-down:${CHAIN}`]?.value).toMatchObject({ ...said, at: sim.at });
  });

  test('a policy that nobody names says nothing', () => {
    const sim = simulate([down]);
    sim.run(1, { up: 0 });
    expect(Object.keys(sim.facts)).not.toContain(`inhibitor:warehouse-down:${CHAIN}`);
  });
});

describe('a connection that does not answer', () => {
  const gone = (name: string): Observation => ({
    ...observed(name, undefined),
    unknown: { reason: 'unreachable', message: 'connection warehouse: refused', connection: 'warehouse' },
  });
  const two = policyOf({
    observe: { psi: observes('psi'), perf: observes('perf') },
    rule: doing([RETRAIN]),
  });

  test('holds what hangs on it for one stated cause, until it answers', () => {
    const sim = simulate([two]);
    sim.run(1, { psi: 0.5, perf: 1 });
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    const other = policyOf({ policy: 'q', observe: { psi: observes('psi') }, rule: doing([RETRAIN]) });
    sim.say('connection:warehouse', { since: sim.at, message: 'refused' });
    sim.enforce([two, other]);
    sim.at += HOUR;
    // Nothing is due for it, so that only the fact speaks.
    sim.tick({ psi: gone('psi'), perf: gone('perf') });
    expect(sim.facts['connection:warehouse']?.value).toMatchObject({ since: 1001 * HOUR });
    sim.run(1, { psi: 0.5, perf: 1 });
    expect(sim.facts['connection:warehouse']?.value).toBeNull();
    expect(verbs(sim).filter(verb => verb === 'retrain')).toHaveLength(2);
  });

  test('one query that comes through shows that it is there', () => {
    const sim = simulate([two]);
    sim.run(1, { psi: gone('psi'), perf: 1 });
    expect(sim.facts['connection:warehouse']).toBeUndefined();
  });

  test('the cause holds an episode that was open before', () => {
    const sim = simulate([policyOf({ rule: doing([RETRAIN]) })]);
    sim.pause('all');
    sim.run(1, { psi: 0.5 });
    sim.say('connection:warehouse', { since: 1000 * HOUR, message: 'refused' });
    sim.resume('all');
    sim.at += 1;
    sim.tick({}, 'slots');
    expect(words(sim)).toBe('connection warehouse unreachable since 1970-02-11 16:00 UTC');
  });

  test('people are told once per cause, when it lasts', () => {
    const sim = simulate([two, policyOf({ policy: 'q', rule: doing([NOTIFY]) })]);
    const dark = { psi: gone('psi'), perf: gone('perf') };
    sim.run(1, dark);
    expect(verbs(sim)).toEqual([]);
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + HOUR / 4);
    sim.run(5, dark);
    expect(verbs(sim)).toEqual(['notify']);
    const { args } = sim.of('intent')[0]!.action.call;
    expect(args.text).toMatch(/^blind: connection warehouse unreachable since 1970-02-11 17:00 UTC/);
    sim.run(1, { psi: 0.1, perf: 1 });
    sim.run(3, dark);
    expect(verbs(sim)).toEqual(['notify', 'notify']);
  });
});

describe('onMissing', () => {
  const policy = (alertAfterMs: number) =>
    policyOf({ observe: { psi: observes('psi', { onMissing: { alertAfterMs } }) }, rule: doing([RETRAIN]) });

  test('unknown for that long tells people once, and anew after it was known', () => {
    const sim = simulate([policy(3 * HOUR)]);
    sim.run(3, {});
    expect(verbs(sim)).toEqual([]);
    sim.run(4, {});
    expect(verbs(sim)).toEqual(['notify']);
    expect(sim.of('intent')[0]?.action.call.args.text).toMatch(
      /^blind: p on late is unknown since 1970-02-11 17:00 UTC: no answer/,
    );
    sim.start(sim.live('notify'));
    sim.end(sim.live('notify'), 'succeeded');
    expect(sim.own.actions).toEqual({});
    sim.run(1, { psi: 0.1 });
    sim.run(4, {});
    expect(verbs(sim)).toEqual(['notify', 'notify']);
  });

  test('it wakes for it', () => {
    const sim = simulate([policy(HOUR / 2)]);
    sim.run(1, {});
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + HOUR / 2);
    sim.at += HOUR / 2;
    sim.tick({}, 'slots');
    expect(verbs(sim)).toEqual(['notify']);
  });
});
