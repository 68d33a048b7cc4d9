/** Requested actions through `step` and `fold`: one door for whoever wants something done. */
import { describe, expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { step as stepOnce } from '../../src/engine/step.ts';
import type { ApprovalSpec, Principal } from '../../src/model.ts';
import { CATALOGUE, COMMIT, DAY, doing, HOUR, policyOf, RETRAIN, stepOf, TARGET } from './closed-policy.ts';
import { AGENT, closedRequest, DAVE, requestOf } from './requested.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const OK = { psi: 0.1 };
const approval: ApprovalSpec = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };
const WITH_APPROVAL = { actions: { retrain: { approval } } };
const PROMOTE = stepOf('promote', { version: 'v2' });
const yes = (name: string, more: Partial<Principal> = {}): Principal => ({ ...PERSON, name, ...more });

function asked(
  more: Parameters<typeof requestOf>[2] = {},
  id = 'r1',
  sim = simulate([policyOf()]),
): Simulation {
  sim.input(requestOf(id, sim.at, more));
  sim.tick(OK);
  return sim;
}

function vote(sim: Simulation, by: Principal, decision: 'yes' | 'no' = 'yes'): void {
  const approvalId = Object.keys(sim.own.asks)[0] ?? '';
  sim.input({ kind: 'approval', approval: approvalId, decision, by });
  sim.tick(OK);
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  expect(sim.start(sim.live(verb))).toEqual([]);
  sim.end(sim.live(verb), 'succeeded', outputs);
}

const fateOf = (sim: Simulation, id = 'r1') => sim.own.requests?.[id]?.fate;
const holdsOf = (sim: Simulation) =>
  sim
    .of('decision')
    .at(-1)
    ?.decision.holds.map(({ reason }) => reason) ?? [];
const verbs = (sim: Simulation) => sim.of('intent').map(({ action }) => action.verb);

describe('what is asked for is done', () => {
  test('although no rule fires, and its action comes from the request', () => {
    const sim = asked({ reason: 'new labels' });
    expect(sim.live('retrain').action.origin).toEqual({ request: 'r1' });
    expect(sim.of('episode-opened')[0]).toMatchObject({
      request: 'r1',
      verdict: { clause: 'asked for by dave: new labels' },
    });
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(OK);
    expect(fateOf(sim)).toMatchObject({ how: 'succeeded', outputs: { version: 'v2' } });
    expect(sim.own.episodes).toEqual({});
    expect(sim.own.decisions).toEqual({});
    expect(sim.own.rules).toEqual({});
  });

  test('once: the same request again changes nothing', () => {
    const sim = asked();
    sim.input(requestOf('r1', sim.at));
    sim.tick(OK);
    carryOut(sim, 'retrain');
    sim.tick(OK);
    sim.input(requestOf('r1', sim.at));
    sim.run(30, OK);
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('a failure is its end, and wakes nobody', () => {
    const sim = asked();
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'));
    sim.tick(OK);
    expect(fateOf(sim)).toMatchObject({ how: 'failed' });
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('a promotion is verified when what serves is what was asked for', () => {
    const sim = asked({ step: PROMOTE });
    carryOut(sim, 'promote');
    sim.tick(OK);
    carryOut(sim, 'promote', { version: 'v2' });
    sim.serving = { champion: 'v2', weights: { v2: 1 } };
    sim.tick(OK);
    expect(fateOf(sim)).toMatchObject({ how: 'verified', message: 'v2 serves' });
    // Nothing has judged it: it is not where a later rollback goes.
    expect(sim.own.verifiedVersions).toEqual(['v1']);
  });

  test('and not when something else serves, nor while that is unknown', () => {
    const other = asked({ step: PROMOTE });
    carryOut(other, 'promote');
    other.tick(OK);
    carryOut(other, 'promote', { version: 'v2' });
    other.tick(OK);
    expect(fateOf(other)).toMatchObject({ how: 'failed', message: expect.stringContaining('v1 serves') });
    const unknown = asked({ step: PROMOTE });
    carryOut(unknown, 'promote');
    unknown.tick(OK);
    carryOut(unknown, 'promote', { version: 'v2' });
    unknown.serving = { weights: {}, unknown: { reason: 'unreachable', message: 'no answer' } };
    unknown.tick(OK);
    expect(fateOf(unknown)).toBeUndefined();
    expect(holdsOf(unknown)).toEqual(['verifying']);
    unknown.run(1, OK);
    expect(fateOf(unknown)).toMatchObject({ how: 'succeeded' });
  });
});

describe('the same admission', () => {
  test('the cooldown counts what policies did', () => {
    const actions = { retrain: { cooldownMs: 12 * HOUR } };
    const sim = simulate([policyOf({ rule: doing([RETRAIN]), actions })]);
    sim.tick({ psi: 0.5 });
    carryOut(sim, 'retrain');
    sim.run(1, OK);
    asked({ closed: { actions } }, 'r1', sim);
    expect(holdsOf(sim)).toEqual(['cooldown']);
    sim.run(12, OK);
    expect(sim.live('retrain').action.origin).toEqual({ request: 'r1' });
  });

  test('what a request did counts for policies', () => {
    const actions = { retrain: { cooldownMs: 12 * HOUR } };
    const sim = asked(
      { closed: { actions } },
      'r1',
      simulate([policyOf({ rule: doing([RETRAIN]), actions })]),
    );
    carryOut(sim, 'retrain');
    sim.run(1, { psi: 0.5 });
    expect(holdsOf(sim)).toEqual(['cooldown']);
  });

  test('a pause and observe mode hold it, and say so', () => {
    const paused = simulate([policyOf()]);
    paused.pause('all');
    asked({}, 'r1', paused);
    expect(holdsOf(paused)).toEqual(['paused']);
    paused.resume('all');
    paused.tick(OK);
    expect(verbs(paused)).toEqual(['retrain']);
    const observing = asked({ closed: { mode: 'observe', modeFrom: 'Settings' } });
    expect(holdsOf(observing)).toEqual(['mode']);
    expect(observing.of('decision').at(-1)?.decision.holds[0]?.message).toContain('would retrain');
  });

  test('at its start too', () => {
    const sim = asked();
    sim.pause('all');
    expect(sim.start(sim.live('retrain'))).toMatchObject([{ kind: 'withdrawn', reason: 'paused' }]);
    sim.tick(OK);
    expect(holdsOf(sim)).toEqual(['paused']);
    sim.resume('all');
    sim.tick(OK);
    carryOut(sim, 'retrain');
    sim.tick(OK);
    expect(fateOf(sim)?.how).toBe('succeeded');
  });

  test('a rollback waits for no cooldown, and preempts what runs on its subject', () => {
    const sim = asked({ step: PROMOTE });
    sim.own = { ...sim.own, verifiedVersions: ['v0', 'v1'] };
    sim.start(sim.live('promote'));
    asked({ step: stepOf('rollback'), by: AGENT }, 'r2', sim);
    expect(sim.of('preempted')).toHaveLength(1);
    expect(sim.of('ask')).toEqual([]);
  });

  test('the same action that runs already is shared', () => {
    const sim = simulate([policyOf({ rule: doing([RETRAIN]) })]);
    sim.tick({ psi: 0.5 });
    sim.start(sim.live('retrain'));
    asked({}, 'r1', sim);
    expect(sim.of('adopted')).toHaveLength(1);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.tick(OK);
    sim.tick(OK);
    expect(fateOf(sim)).toMatchObject({ how: 'succeeded', outputs: { version: 'v2' } });
    expect(verbs(sim)).toEqual(['retrain']);
  });
});

describe('approval', () => {
  test('whoever asked cannot approve it, nor the person for whom an agent asked', () => {
    const sim = asked({ by: yes('ben'), closed: WITH_APPROVAL });
    vote(sim, yes('ben'));
    expect(verbs(sim)).toEqual([]);
    vote(sim, yes('ana'));
    expect(verbs(sim)).toEqual(['retrain']);
    const agents = asked({ by: AGENT, closed: WITH_APPROVAL });
    expect(agents.of('ask')[0]?.refused).toEqual(['cleo', 'robot']);
    vote(agents, yes('cleo'));
    expect(verbs(agents)).toEqual([]);
  });

  test('an agent that asks for something disruptive asks the owner, also where the Model says nothing', () => {
    const sim = asked({ by: AGENT });
    expect(sim.of('ask')).toMatchObject([{ from: ['ml'], quorum: 1, why: 'agent' }]);
    vote(sim, yes('ana'));
    expect(verbs(sim)).toEqual(['retrain']);
    // A person who asks for the same needs nobody.
    expect(verbs(asked())).toEqual(['retrain']);
    const evaluation = stepOf('evaluate', { version: 'v2' });
    expect(verbs(asked({ by: AGENT, step: evaluation }))).toEqual(['evaluate']);
  });

  test('a no is its end; so is silence', () => {
    const denied = asked({ closed: WITH_APPROVAL });
    vote(denied, yes('ana'), 'no');
    expect(fateOf(denied)).toMatchObject({ how: 'refused', message: 'denied by ana' });
    denied.run(30, OK);
    expect(denied.of('ask')).toHaveLength(1);
    expect(denied.own.denials).toEqual({});
    const silent = asked({ closed: WITH_APPROVAL });
    silent.run(8, OK);
    expect(fateOf(silent)).toMatchObject({ how: 'expired' });
  });
});

describe('its end', () => {
  test('what has not begun in time never does, and says what held it', () => {
    const sim = simulate([policyOf()]);
    sim.pause('all');
    asked({}, 'r1', sim);
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + DAY);
    sim.run(23, OK);
    expect(fateOf(sim)).toBeUndefined();
    sim.run(1, OK);
    expect(fateOf(sim)).toMatchObject({
      how: 'expired',
      message: expect.stringContaining('is paused by ana'),
    });
    sim.resume('all');
    sim.run(2, OK);
    expect(verbs(sim)).toEqual([]);
  });

  test.each(['r1', 'its action'])('a cancel of %s ends it', what => {
    const sim = asked();
    sim.start(sim.live('retrain'));
    const action = what === 'r1' ? what : sim.live('retrain').action.id;
    sim.input({ kind: 'cancel', action, by: PERSON, reason: 'wrong' });
    sim.tick(OK);
    sim.end(sim.live('retrain'), 'cancelled');
    sim.tick(OK);
    expect(fateOf(sim)?.how).toBe('withdrawn');
  });

  test('a cancel before the core has seen it, and while it waits for people', () => {
    const early = simulate([policyOf()]);
    early.input(requestOf('r1', early.at));
    early.input({ kind: 'cancel', action: 'r1', by: PERSON, reason: 'slip' });
    early.tick(OK);
    expect(fateOf(early)).toMatchObject({ how: 'withdrawn', message: 'cancelled by ben: slip' });
    const waiting = asked({ closed: WITH_APPROVAL });
    waiting.input({ kind: 'cancel', action: 'r1', by: PERSON });
    waiting.tick(OK);
    expect(fateOf(waiting)).toMatchObject({ how: 'withdrawn' });
    expect(waiting.own.asks).toEqual({});
    for (const sim of [early, waiting]) expect(verbs(sim)).toEqual([]);
  });

  test('what can not be done is refused with the reason', () => {
    const sim = simulate([policyOf()]);
    sim.serving = { champion: 'v1', weights: { v1: 1 } };
    asked({ step: stepOf('rollback') }, 'r1', sim);
    expect(fateOf(sim)).toMatchObject({ how: 'refused', message: 'no verified version to go back to' });
    expect(verbs(sim)).toEqual([]);
  });

  test('no more than twenty wait for a target, and the last hundred that ended are remembered', () => {
    const sim = simulate([policyOf()]);
    sim.pause('all');
    for (let i = 0; i < 21; i++) sim.input(requestOf(`w${String(i).padStart(2, '0')}`, sim.at));
    sim.tick(OK);
    expect(fateOf(sim, 'w20')).toMatchObject({ how: 'refused' });
    sim.run(24, OK);
    for (let i = 0; i < 100; i++) {
      sim.input(requestOf(`e${i}`, sim.at));
      sim.input({ kind: 'cancel', action: `e${i}`, by: PERSON });
      sim.tick(OK);
    }
    const left = Object.values(sim.own.requests ?? {});
    expect(left).toHaveLength(100);
    expect(left.every(one => one.fate && one.closed === undefined)).toBe(true);
  });
});

describe('a commit', () => {
  function renew(
    sim: Simulation,
    requests: Readonly<Record<string, ReturnType<typeof closedRequest> | string>>,
  ) {
    const commit = { ...COMMIT, sha: 'c2', author: { name: 'Ben', email: 'ben@acme.example' } };
    sim.input({ kind: 'revision', commit, policies: sim.own.policies, requests });
    sim.tick(OK);
  }

  test('tightens what waits, and its author does not approve it', () => {
    const sim = simulate([policyOf()]);
    sim.pause('all');
    asked({}, 'r1', sim);
    renew(sim, { r1: closedRequest('r1', RETRAIN, WITH_APPROVAL) });
    sim.resume('all');
    sim.tick(OK);
    expect(sim.of('ask')).toMatchObject([{ refused: ['ben', 'dave'] }]);
    vote(sim, yes('ben'));
    expect(verbs(sim)).toEqual([]);
    vote(sim, yes('ana'));
    expect(verbs(sim)).toEqual(['retrain']);
  });

  test('takes a question back whose plan it changes, and asks anew', () => {
    const sim = asked({ closed: WITH_APPROVAL });
    const tighter = { actions: { retrain: { approval: { ...approval, quorum: 2 } } } };
    renew(sim, { r1: closedRequest('r1', RETRAIN, tighter) });
    sim.tick(OK);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'changed' }]);
    expect(sim.of('ask').map(one => one.quorum)).toEqual([1, 2]);
  });

  test('under which it can be done no more ends it; what runs ends by itself', () => {
    const waiting = asked({ closed: WITH_APPROVAL });
    renew(waiting, { r1: 'Model late has no pipeline train' });
    expect(fateOf(waiting)).toMatchObject({ how: 'refused', message: 'Model late has no pipeline train' });
    expect(waiting.own.asks).toEqual({});
    const running = asked();
    running.start(running.live('retrain'));
    renew(running, { r1: 'Model late has no pipeline train' });
    running.end(running.live('retrain'), 'succeeded');
    running.tick(OK);
    expect(fateOf(running)?.how).toBe('succeeded');
  });
});

test('replay of a chain with requests gives the same bytes, from its entries alone', () => {
  const sim = simulate([policyOf({ rule: doing([RETRAIN]) })]);
  asked({ by: AGENT }, 'r1', sim);
  vote(sim, yes('ana'));
  carryOut(sim, 'retrain');
  sim.run(2, { psi: 0.5 });
  asked({ step: PROMOTE, by: DAVE }, 'r2', sim);
  sim.run(30, OK);
  let derived = 0;
  for (const tick of sim.ticks) {
    const own = sim.chain
      .filter(entry => entry.seq <= tick.before.seq)
      .reduce((before, entry) => fold(before, entry), emptyOwn(TARGET));
    const answer = stepOnce(tick.policies, tick.snapshot, { own, facts: tick.facts }, CATALOGUE);
    expect(canonical(answer.entries)).toBe(canonical(tick.entries));
    derived += answer.entries.length;
  }
  expect(derived).toBeGreaterThan(15);
});
