/** Approvals and adoption through `step` and `fold`: who may say yes to what, for how long, and what a no means. */
import { describe, expect, test } from 'vitest';
import { DAY, doing, HOUR, policyOf, RETRAIN } from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const CLEO = { ...PERSON, name: 'cleo' };
const APPROVAL = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };
const DRIFTED = { psi: 0.5 };
const HEALTHY = { psi: 0.1 };

function vote(sim: Simulation, decision: 'yes' | 'no', by = PERSON): void {
  const { approval } = sim.of('ask').at(-1)!;
  sim.input({ kind: 'approval', approval, decision, by });
}

/** Starts the live action of a verb and ends it well. */
function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

function outcomeOf(sim: Simulation) {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

describe('approvals', () => {
  const policy = policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval: APPROVAL } } });
  function asking(): Simulation {
    const sim = simulate([policy]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    expect(sim.of('intent')).toHaveLength(0);
    return sim;
  }

  test('yes: intent with the very action that was asked for, then outcome, then done', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.at += HOUR;
    sim.tick(DRIFTED);
    const [ask] = sim.of('ask');
    const [intent] = sim.of('intent');
    expect(intent?.approval).toBe(ask?.approval);
    expect(intent?.action).toEqual({ ...ask?.action, deadline: sim.at + DAY });
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    expect(Object.values(sim.own.episodes)[0]?.sequence).toMatchObject({
      status: 'done',
      outputs: { retrain: { version: 'v2' } },
    });
  });

  test('P25 a deadline counts from the start of the work, not from the ask', () => {
    const sim = simulate([
      policyOf({
        rule: doing([{ ...RETRAIN, timeoutMs: HOUR }]),
        actions: { retrain: { approval: APPROVAL } },
      }),
    ]);
    sim.tick(DRIFTED);
    sim.at += 5 * HOUR;
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    expect(sim.live('retrain').action.deadline).toBe(sim.at + HOUR);
  });

  test('no: withdrawn, not asked again for reask, then asked anew', () => {
    const sim = asking();
    vote(sim, 'no');
    sim.tick(DRIFTED);
    expect(sim.of('withdrawn')[0]).toMatchObject({ reason: 'denied', reaskAt: sim.at + DAY });
    sim.run(23, DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('ask')[1]?.approval).not.toBe(sim.of('ask')[0]?.approval);
    expect(sim.of('intent')).toHaveLength(0);
  });

  test('nobody decides: it expires, which is a no; a later yes is worth nothing', () => {
    const sim = asking();
    sim.run(7, DRIFTED);
    expect(sim.of('withdrawn')).toHaveLength(0);
    sim.run(1, DRIFTED);
    expect(sim.of('withdrawn')[0]).toMatchObject({ reason: 'expired' });
    vote(sim, 'yes');
    sim.run(2, DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
  });

  test('an edit while asking voids the ask; the edited policy asks anew and needs adoption', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.enforce([{ ...policy, actingHash: 'edited' }]);
    sim.tick(DRIFTED);
    expect(sim.of('withdrawn')[0]).toMatchObject({ reason: 'changed' });
    sim.tick(DRIFTED);
    expect(sim.of('ask').at(-1)).toMatchObject({ why: 'adopt', planHash: expect.any(String) });
    expect(sim.of('ask').at(-1)?.planHash).not.toBe(sim.of('ask')[0]?.planHash);
    expect(sim.of('intent')).toHaveLength(0);
  });

  test('the rule clears while it waits: withdrawn, self-cleared', () => {
    const sim = asking();
    sim.at += HOUR;
    sim.tick(HEALTHY);
    expect(sim.of('withdrawn')[0]).toMatchObject({ reason: 'ended' });
    expect(sim.of('episode-ended')[0]).toMatchObject({ how: 'self-cleared' });
    vote(sim, 'yes');
    sim.run(2, HEALTHY);
    expect(sim.of('intent')).toHaveLength(0);
  });

  test('unknown while a yes is there: it waits, and acts when it is known again', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.at += HOUR;
    sim.tick({ psi: undefined });
    expect(sim.of('intent')).toHaveLength(0);
    expect(outcomeOf(sim)).toBe('hold unknown');
    sim.at += HOUR;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('a no after enough have said yes counts until it has begun: it is asked anew', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    vote(sim, 'no', CLEO);
    expect(sim.start(record)).toMatchObject([
      { reason: 'denied', message: 'denied by cleo before its start' },
    ]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('a no while a yes waits to be used takes it back', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    sim.pause('verb:retrain');
    expect(sim.start(sim.live('retrain'))).toMatchObject([{ reason: 'paused' }]);
    vote(sim, 'no', CLEO);
    sim.resume('verb:retrain');
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('a no of what has begun decides nothing', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    expect(sim.start(record)).toEqual([]);
    vote(sim, 'no', CLEO);
    sim.end(record, 'succeeded', { version: 'v2' });
    sim.run(2, DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    expect(sim.of('withdrawn')).toEqual([]);
  });

  test.each([
    ['a stranger', 'zoe', 1, 0],
    ['the author of the change', 'ana', 1, 0],
    ['one of two', 'ben', 2, 0],
    ['a member', 'ben', 1, 1],
  ])('%s says yes', (_, name, quorum, intents) => {
    const sim = simulate([
      policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval: { ...APPROVAL, quorum } } } }),
    ]);
    sim.tick(DRIFTED);
    vote(sim, 'yes', { ...PERSON, name });
    vote(sim, 'yes', { ...PERSON, name });
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(intents);
  });

  test('two of two', () => {
    const sim = simulate([
      policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval: { ...APPROVAL, quorum: 2 } } } }),
    ]);
    sim.tick(DRIFTED);
    vote(sim, 'yes');
    vote(sim, 'yes', CLEO);
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test("a policy's own approval can only tighten the Model's", () => {
    const lax = { from: ['cleo'], quorum: 1, expiresMs: 30 * DAY, reaskMs: HOUR };
    const sim = simulate([
      policyOf({
        rule: doing([{ ...RETRAIN, approval: lax }]),
        actions: { retrain: { approval: { ...APPROVAL, from: ['ben', 'cleo'], quorum: 1 } } },
      }),
    ]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({ from: ['cleo'], reaskMs: DAY, expires: sim.at + 8 * HOUR });
    vote(sim, 'yes', PERSON);
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
  });
});

describe('adoption', () => {
  const rule = doing([RETRAIN]);
  const watched = policyOf({ mode: 'observe', rule });
  const enforced = policyOf({ rule });

  test('an episode of observe mode never acts without asking', () => {
    const sim = simulate([watched]);
    sim.tick(DRIFTED);
    expect(outcomeOf(sim)).toBe('hold mode');
    sim.enforce([enforced]);
    sim.run(3, DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    expect(sim.of('ask')[0]).toMatchObject({ why: 'adopt', from: ['ml'] });
    expect(sim.of('intent')).toHaveLength(0);
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('adopt by a person lets it act; a later edit asks again', () => {
    const sim = simulate([watched]);
    sim.tick(DRIFTED);
    const episode = Number(Object.keys(sim.own.episodes)[0]);
    sim.input({ kind: 'adopt', episode, by: PERSON });
    sim.enforce([enforced]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    vote(sim, 'no');
    sim.tick(DRIFTED);
    sim.input({ kind: 'adopt', episode, by: PERSON });
    sim.run(24, DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('an adoption does not replace the approval that the Model asks for', () => {
    const actions = {
      retrain: { approval: { from: ['ben', 'cleo'], quorum: 2, expiresMs: HOUR * 40, reaskMs: HOUR } },
    };
    const sim = simulate([policyOf({ mode: 'observe', rule, actions })]);
    sim.tick(DRIFTED);
    sim.enforce([policyOf({ rule, actions })]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({
      why: 'adopt',
      from: ['ben', 'cleo'],
      quorum: 2,
      expires: sim.at + DAY,
    });
  });
});
