/** Pains of the life cycle, through `wants`, `step` and `fold`: what gets stuck, what comes back, what is stale, what is repeated. */
import { describe, expect, test } from 'vitest';
import type { ActionLimits, ClosedPolicy } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  EVALUATE,
  HOUR,
  NOTIFY,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from '../core/closed-policy.ts';
import { PERSON, type Simulation, simulate } from '../core/simulation.ts';

const BAD = { psi: 0.5, perf: 0.9 };
const WELL = { psi: 0.05, perf: 0.1 };
const observe = { psi: observes('psi'), perf: observes('perf') };
const RETRY = { attempts: 2, backoffMs: 2 * HOUR, backoffMaxMs: 2 * HOUR };
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: 4 * HOUR,
  attempts: 2,
  otherwise: 'escalate' as const,
};

const does = (...steps: Parameters<typeof doing>[0]): ClosedPolicy =>
  policyOf({ observe, rule: doing(steps, { verify }) });

const intents = (sim: Simulation, verb: string) => sim.of('intent').filter(one => one.action.verb === verb);
const episodeOf = (sim: Simulation) => Object.values(sim.own.episodes)[0]!;

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  expect(sim.start(sim.live(verb))).toEqual([]);
  sim.end(sim.live(verb), 'succeeded', outputs);
}

function failOnce(sim: Simulation, repeatable = true): void {
  expect(sim.start(sim.live('retrain'))).toEqual([]);
  sim.fail(sim.live('retrain'), repeatable);
  sim.tick(BAD);
}

describe('P17 nothing is stuck', () => {
  test('a remedy that nobody could judge is left by a new round, and that one can be verified', () => {
    const sim = simulate([does(RETRAIN)]);
    sim.tick(BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.run(6, { psi: 0.5, perf: undefined });
    expect(sim.of('stalled')).toMatchObject([{ reason: 'not-judged' }]);
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.run(1, BAD);
    carryOut(sim, 'retrain', { version: 'v3' });
    sim.run(1, { psi: 0.5, perf: 0.1 });
    sim.run(1, { psi: 0.5, perf: 0.1 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'verified' }]);
  });
});

describe('P18 a bad stable version', () => {
  const back = policyOf({
    policy: 'back',
    observe,
    rule: { ...doing([stepOf('rollback')]), when: condition(compares('perf', '>', 0.8)) },
  });

  test('going back goes to a version that was verified, and never to one that people took out', () => {
    const sim = simulate([
      policyOf({ observe, rule: doing([stepOf('promote', { version: 'v2' })], { verify }) }),
    ]);
    const promote = (version: string) => {
      sim.tick({ psi: 0.5, perf: 0.6 });
      carryOut(sim, 'promote');
      sim.tick({ psi: 0.5, perf: 0.6 });
      carryOut(sim, 'promote', { version });
      sim.serving = { champion: version, weights: { [version]: 1 } };
    };
    promote('v2');
    sim.run(1, { psi: 0.5, perf: 0.1 });
    expect(sim.own.verifiedVersions).toEqual(['v1', 'v2']);
    sim.serving = { champion: 'v1', weights: { v1: 1 } };
    sim.run(1, WELL);
    // v2 was verified and is out; v5 is somebody else's, and bad.
    sim.serving = { champion: 'v5', weights: { v5: 1 } };
    sim.enforce([back]);
    sim.run(1, BAD);
    expect(sim.live('rollback').action.call.args.weights).toEqual({ v1: 1 });
  });

  test('where there is nothing to go back to, the way forward is open: a new version is promoted all the same', () => {
    const forward = policyOf({ observe, rule: doing([RETRAIN, PROMOTE], { verify }) });
    const sim = simulate([back, forward]);
    sim.run(1, BAD);
    // The only version that ever served is the bad one.
    expect(sim.of('stalled')).toMatchObject([
      { reason: 'unbound', message: expect.stringContaining('no verified version') },
    ]);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.run(1, BAD);
    expect(sim.live('promote').action.call.args.weights).toEqual({ v2: 1 });
  });
});

test('P21 waiting is not failing: what holds for days begins nothing anew, and a message is sent once an episode', () => {
  const sim = simulate([does(NOTIFY, RETRAIN)]);
  sim.tick(BAD);
  carryOut(sim, 'notify');
  sim.pause('all');
  sim.run(30, BAD);
  expect(intents(sim, 'retrain')).toEqual([]);
  sim.resume('all');
  sim.run(1, BAD);
  expect(intents(sim, 'notify')).toHaveLength(1);
  expect(intents(sim, 'retrain')).toMatchObject([{ action: { attempt: 1, round: 0 } }]);
});

test('P22 what was judged is what is promoted: a version that comes meanwhile is not in its place', () => {
  const require = condition(compares('steps.evaluate.log_loss', '<', 0.5));
  const sim = simulate([does(RETRAIN, EVALUATE, { ...PROMOTE, require })]);
  sim.tick(BAD);
  carryOut(sim, 'retrain', { version: 'v2' });
  sim.tick(BAD);
  carryOut(sim, 'evaluate', { log_loss: 0.3 });
  sim.tick(BAD);
  const [shift, point] = sim.live('promote').action.calls;
  carryOut(sim, 'promote');
  // Somebody registers and serves another one in between; the step goes on with the version that was judged.
  sim.serving = { champion: 'v1', weights: { v9: 1 } };
  sim.run(1, BAD);
  expect(sim.live('promote').action.call).toEqual(point);
  expect([shift?.args.weights, point?.args.version]).toEqual([{ v2: 1 }, 'v2']);
});

describe('P32 what does not help is given up', () => {
  test('after its rounds nothing is tried again by itself, however long it stays bad', () => {
    const sim = simulate([does(RETRAIN)]);
    sim.tick(BAD);
    for (const version of ['v2', 'v3']) {
      carryOut(sim, 'retrain', { version });
      sim.run(6, BAD);
    }
    expect(sim.of('stalled')).toMatchObject([{ reason: 'not-verified' }]);
    sim.run(100, BAD);
    expect(intents(sim, 'retrain')).toHaveLength(2);
    expect(intents(sim, 'escalate')).toHaveLength(1);
  });

  test('P49 a rule that clears and fires again and again is stopped by the loop detector, whatever its episodes are', () => {
    const sim = simulate([policyOf({ observe, rule: doing([RETRAIN]) })]);
    for (let i = 0; i < 30; i++) {
      sim.at += 60_000;
      sim.tick(BAD);
      const record = Object.values(sim.own.actions).find(one => one.state === 'intended');
      if (record?.action.verb === 'retrain') carryOut(sim, 'retrain', { version: `v${i + 2}` });
      sim.at += 60_000;
      if (sim.of('stalled').length === 0) sim.tick(WELL);
    }
    expect(intents(sim, 'retrain').length).toBeLessThanOrEqual(10);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'loop' }]);
    expect(intents(sim, 'escalate')).toHaveLength(1);
  });
});

test('P33 two rules that want the same subject take turns, and what is safe goes first', () => {
  const both = policyOf({
    observe,
    rules: [
      ruleOf(doing([stepOf('promote', { version: 'v2' })], { name: 'forth' })),
      ruleOf({
        ...doing([stepOf('rollback', { version: 'v0' })]),
        name: 'back',
        when: condition(compares('perf', '>', 0.8)),
      }),
    ],
  });
  const sim = simulate([both]);
  sim.tick({ psi: 0.5, perf: 0.1 });
  expect(sim.start(sim.live('promote'))).toEqual([]);
  sim.run(1, BAD);
  expect(sim.of('preempted')).toHaveLength(1);
  expect(intents(sim, 'rollback')).toEqual([]);
  sim.end(sim.live('promote'), 'cancelled');
  sim.run(1, BAD);
  expect(sim.live('rollback').action.call.args.weights).toEqual({ v0: 1 });
  // The promotion does not come back by itself after what ended it.
  carryOut(sim, 'rollback');
  sim.run(5, BAD);
  expect(intents(sim, 'promote')).toHaveLength(1);
});

describe('P34 a budget of attempts', () => {
  const retried = (more: Record<string, ActionLimits> = {}, days = 7) =>
    policyOf({
      observe,
      actions: more,
      rule: doing([{ ...RETRAIN, args: { lookback: days * DAY }, retry: RETRY }], { verify }),
    });

  test('is there again after a success: the next episode has all of it', () => {
    const sim = simulate([retried()]);
    sim.tick(BAD);
    failOnce(sim);
    sim.run(3, BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.run(1, WELL);
    sim.run(1, BAD);
    failOnce(sim);
    expect(sim.of('retrying')).toHaveLength(2);
    expect(sim.of('stalled')).toEqual([]);
  });

  test('is there again on a new revision, which ends the stall as well', () => {
    const sim = simulate([retried()]);
    sim.tick(BAD);
    failOnce(sim);
    sim.run(3, BAD);
    failOnce(sim);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
    sim.enforce([retried({}, 30)]);
    sim.run(1, BAD);
    // It is another policy than the one under which the episode opened: people let it act.
    sim.input({ kind: 'adopt', episode: episodeOf(sim).id, by: PERSON });
    const { approval = '' } = sim.of('ask').at(-1) ?? {};
    sim.input({ kind: 'approval', approval, decision: 'yes', by: { ...PERSON, name: 'cleo' } });
    sim.run(1, BAD);
    failOnce(sim);
    expect(sim.of('retrying')).toHaveLength(2);
  });
});

describe('P35 nothing waits with stale inputs', () => {
  test('a further attempt is planned anew, with the data of its own time', () => {
    const sim = simulate([policyOf({ observe, rule: doing([{ ...RETRAIN, retry: RETRY }]) })]);
    sim.tick(BAD);
    failOnce(sim);
    sim.run(3, BAD);
    const [first, second] = intents(sim, 'retrain').map(one => one.action);
    expect(second?.id).toBe(first?.id);
    expect(second?.key).not.toBe(first?.key);
    expect(second?.call).not.toEqual(first?.call);
    const since = (i: number) => {
      const params = intents(sim, 'retrain')[i]?.action.call.args.params as { since: string } | undefined;
      return Date.parse(params?.since ?? '');
    };
    expect(since(1) - since(0)).toBe(3 * HOUR);
  });

  test('a newer revision ends the pause between two attempts, and the edited plan is the one that comes', () => {
    const edited = policyOf({
      observe,
      rule: doing([{ ...RETRAIN, args: { lookback: 90 * DAY }, retry: RETRY }]),
    });
    const sim = simulate([policyOf({ observe, rule: doing([{ ...RETRAIN, retry: RETRY }]) })]);
    sim.tick(BAD);
    failOnce(sim);
    expect(episodeOf(sim).sequence.retryAt).toBeDefined();
    sim.enforce([edited]);
    sim.tick(BAD);
    expect(sim.of('ask')).toMatchObject([{ why: 'adopt', action: { round: 1, attempt: 1 } }]);
    expect(sim.of('ask')[0]?.plan.steps[0]?.args).toEqual({ lookback: 90 * DAY });
  });

  test('a commit that changes nothing that acts ends no pause', () => {
    const policy = policyOf({ observe, rule: doing([{ ...RETRAIN, retry: RETRY }]) });
    const sim = simulate([policy]);
    sim.tick(BAD);
    failOnce(sim);
    sim.enforce([{ ...policy, closureHash: 'other words' }]);
    sim.tick(BAD);
    expect(episodeOf(sim).sequence.retryAt).toBeDefined();
  });
});

test('P39 a step is one of its episode and round: the same work in another is another action, with another key', () => {
  const sim = simulate([does(RETRAIN)]);
  sim.tick(BAD);
  carryOut(sim, 'retrain', { version: 'v2' });
  sim.run(1, WELL);
  sim.run(1, BAD);
  carryOut(sim, 'retrain', { version: 'v3' });
  sim.run(6, BAD);
  const actions = intents(sim, 'retrain').map(one => one.action);
  expect(
    actions.map(one => [one.origin && 'episode' in one.origin && one.origin.episode, one.round]),
  ).toEqual([
    [expect.any(Number), 0],
    [expect.any(Number), 0],
    [expect.any(Number), 1],
  ]);
  expect(new Set(actions.map(one => one.id)).size).toBe(3);
  expect(new Set(actions.map(one => one.key)).size).toBe(3);
});
