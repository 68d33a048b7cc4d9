/** Floors through `step` and `fold`: the least that admission adds, whatever policies and Models say. */
import { describe, expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { step } from '../../src/engine/step.ts';
import type { ClosedPolicy, Floor, Fresh, Json, Own, Principal } from '../../src/model.ts';
import { CATALOGUE, DAY, doing, HOUR, modelOf, PROMOTE, policyOf, RETRAIN, TARGET } from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const RETRAINS = policyOf({ rule: doing([RETRAIN]) });
const APPROVAL = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };
const ASKS = policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval: APPROVAL } } });

function under(floors: readonly Floor[], policy: ClosedPolicy = RETRAINS): Simulation {
  const sim = simulate([policy]);
  lay(sim, floors);
  return sim;
}

function lay(sim: Simulation, floors: readonly Floor[]): void {
  sim.say('floors', floors as unknown as Json);
}

function vote(sim: Simulation, name: string, more: Partial<Principal> = {}): void {
  const { approval } = sim.of('ask').at(-1)!;
  sim.input({ kind: 'approval', approval, decision: 'yes', by: { ...PERSON, name, ...more } });
}

function outcomeOf(sim: Simulation) {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

function messageOf(sim: Simulation) {
  return sim
    .of('decision')
    .at(-1)!
    .decision.holds.map(hold => hold.message)
    .join('; ');
}

/** Every recorded tick, folded anew and stepped anew with the facts that it recorded, gives the same bytes. */
function expectReplay(sim: Simulation): void {
  const plain = <T>(value: T): T => JSON.parse(canonical(value));
  const folded = (entries: readonly Fresh[]): Own =>
    entries.reduce((own, one) => fold(own, one), emptyOwn(TARGET));
  for (const tick of sim.ticks) {
    const own = folded(sim.chain.filter(entry => entry.seq <= tick.before.seq));
    const answer = step(
      plain(tick.policies),
      plain(tick.snapshot),
      { own, facts: plain(tick.facts) },
      CATALOGUE,
    );
    expect(canonical(answer.entries)).toBe(canonical(tick.entries));
  }
}

describe('what a floor adds', () => {
  test('a ceiling of the mode', () => {
    const sim = under([{ name: 'quiet', mode: 'observe' }]);
    sim.tick(DRIFTED);
    expect(outcomeOf(sim)).toBe('hold mode');
    expect(messageOf(sim)).toBe('mode is observe (floor quiet of daemon.yaml): would retrain');
    expect(sim.of('decision').at(-1)!.facts.floors?.value).toEqual([{ name: 'quiet', mode: 'observe' }]);
    lay(sim, []);
    sim.at += HOUR;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    expectReplay(sim);
  });

  test('an approval where neither the policy nor the Model asks anybody', () => {
    const sim = under([
      { name: 'two-eyes', approval: { from: ['ben', 'zoe'], quorum: 1, expiresMs: 2 * HOUR } },
    ]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({
      from: ['ben', 'zoe'],
      among: ['ben', 'zoe'],
      floors: ['two-eyes'],
      why: 'floor',
      expires: sim.at + 2 * HOUR,
    });
    expect(messageOf(sim)).toMatch(/as floor two-eyes of daemon.yaml asks$/);
    vote(sim, 'cleo');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
    // A person whom the floor names and the repository does not know.
    vote(sim, 'zoe');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    expectReplay(sim);
  });

  test('a greater quorum and a shorter expiry than the Model; the repository only narrows who', () => {
    const sim = under(
      [{ name: 'pair', approval: { from: ['ben', 'cleo', 'zoe'], quorum: 2, expiresMs: HOUR } }],
      {
        ...ASKS,
        documents: { ...ASKS.documents, model: { ...ASKS.documents.model!, owner: 'ml' } },
      },
    );
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({ quorum: 2, expires: sim.at + HOUR, why: 'approval' });
    // Not in the owner's group, though the floor would let her; then one whom the floor does not name; then the right two.
    for (const name of ['zoe', 'ana', 'ben']) vote(sim, name);
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
    vote(sim, 'cleo');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('an approval of the owner when the floor says only how many', () => {
    const sim = under([{ name: 'n', approval: { quorum: 2 } }]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({ from: ['ml'], quorum: 2 });
    expect(sim.of('ask')[0]).not.toHaveProperty('among');
  });

  test.each([
    [{ rate: { count: 1, perMs: 7 * DAY } }, 'rate', /1 are allowed \(floor f of daemon.yaml\)/],
    [{ cooldownMs: 3 * DAY }, 'cooldown', /cools down after its last run \(floor f of daemon.yaml\)/],
  ])('%j binds where the Model allows more', (limit, reason, message) => {
    const generous = policyOf({
      rule: doing([RETRAIN]),
      actions: { retrain: { cooldownMs: HOUR, rate: { count: 9, perMs: DAY } } },
    });
    const sim = under([{ name: 'f', ...limit }], generous);
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.end(record, 'succeeded', { version: 'v2' });
    sim.run(2, { psi: 0.1 });
    sim.run(5, DRIFTED);
    expect(outcomeOf(sim)).toBe(`hold ${reason}`);
    expect(messageOf(sim)).toMatch(message);
    expectReplay(sim);
  });

  test('connections that may be acted on', () => {
    const sim = under([{ name: 'only', connections: ['airflow', 'k8s-*'] }]);
    sim.tick(DRIFTED);
    expect(outcomeOf(sim)).toBe('hold floor');
    expect(messageOf(sim)).toBe(
      'floor only of daemon.yaml lets retrain act on airflow, k8s-*; found connection local',
    );
    lay(sim, [{ name: 'only', connections: ['loc*'] }]);
    sim.at += HOUR;
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test.each([
    [{ verbs: ['promote'] }, false],
    [{ verbs: ['promote', 'retrain'] }, true],
    [{ targets: ['model/late'] }, true],
    [{ targets: ['model/l*'] }, true],
    [{ targets: ['**'] }, true],
    [{ targets: ['*'] }, false],
    [{ targets: ['dataset/*', 'model/latest'] }, false],
    [{ targets: ['model/.ate'] }, false],
    [{ labels: { tier: 'prod' } }, true],
    [{ labels: { tier: 'prod', region: 'eu' } }, false],
    [{ labels: { tier: 'prod' }, targets: ['model/other'] }, false],
  ])('selects %j: %s', (selector, binds) => {
    const policy = policyOf({
      rule: doing([RETRAIN]),
      documents: { model: { ...modelOf(), labels: { tier: 'prod' } } },
    });
    const sim = under([{ name: 'f', mode: 'observe', ...selector }], policy);
    sim.tick(DRIFTED);
    expect(outcomeOf(sim)).toBe(binds ? 'hold mode' : 'act');
  });

  test('messages are never held', () => {
    const tells = policyOf({
      rule: doing([{ ...RETRAIN, id: 'tell', verb: 'notify', args: { text: 'x' } }]),
    });
    const sim = under([{ name: 'f', mode: 'observe', approval: { quorum: 2 } }], tells);
    sim.tick(DRIFTED);
    expect(sim.of('intent')[0]?.action.verb).toBe('notify');
  });

  test('a safe verb only where the floor says so', () => {
    const back = policyOf({ rule: doing([{ ...RETRAIN, id: 'back', verb: 'rollback', args: {} }]) });
    const rolledBack = (floor: Floor) => {
      const sim = simulate([back]);
      sim.tick({ psi: 0.1 });
      sim.own = { ...sim.own, verifiedVersions: ['v0', 'v1'] };
      lay(sim, [floor]);
      sim.at += HOUR;
      sim.tick(DRIFTED);
      return outcomeOf(sim);
    };
    expect(rolledBack({ name: 'f', mode: 'observe' })).toBe('act');
    expect(rolledBack({ name: 'f', mode: 'observe', safe: true })).toBe('hold mode');
    expect(rolledBack({ name: 'f', approval: { quorum: 1 }, safe: true })).toBe('ask approval');
    expect(rolledBack({ name: 'f', approval: { quorum: 1 } })).toBe('act');
  });

  test('several bind together', () => {
    const sim = under([
      { name: 'a', approval: { from: ['ana', 'ben'], quorum: 1, expiresMs: 4 * HOUR } },
      { name: 'b', approval: { from: ['ben', 'cleo'], quorum: 2, expiresMs: 8 * HOUR } },
    ]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({
      among: ['ben'],
      quorum: 2,
      expires: sim.at + 4 * HOUR,
      floors: ['a', 'b'],
    });
  });
});

describe('a floor that is raised meanwhile', () => {
  const PAIR: Floor = { name: 'pair', approval: { quorum: 2 } };

  test('while a question waits: what was said to it is good no more, and it is asked anew', () => {
    const sim = under([], ASKS);
    sim.tick(DRIFTED);
    lay(sim, [PAIR]);
    vote(sim, 'ben');
    sim.tick(DRIFTED);
    expect(sim.of('withdrawn')[0]).toMatchObject({
      reason: 'changed',
      message: expect.stringContaining('floor pair of daemon.yaml asks 2 people now'),
    });
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('ask')[1]).toMatchObject({ quorum: 2, floors: ['pair'] });
    expect(sim.of('ask')[1]?.planHash).not.toBe(sim.of('ask')[0]?.planHash);
    vote(sim, 'ben');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(0);
    vote(sim, 'cleo');
    sim.tick(DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    expect(sim.start(sim.live('retrain'))).toEqual([]);
    expectReplay(sim);
  });

  test('between the intent and its start: it does not begin, and people are asked', () => {
    const sim = under([], ASKS);
    sim.tick(DRIFTED);
    vote(sim, 'ben');
    sim.tick(DRIFTED);
    lay(sim, [PAIR]);
    expect(sim.start(sim.live('retrain'))).toMatchObject([{ kind: 'withdrawn', reason: 'changed' }]);
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('ask')[1]?.quorum).toBe(2);
    expectReplay(sim);
  });

  test.each<[string, Floor]>([
    ['mode', { name: 'f', mode: 'observe' }],
    ['floor', { name: 'f', connections: ['airflow'] }],
    ['changed', { name: 'f', approval: { quorum: 1 } }],
  ])('an intent that nobody was asked about is withdrawn at its start: %s', (reason, floor) => {
    const sim = under([]);
    sim.tick(DRIFTED);
    lay(sim, [floor]);
    expect(sim.start(sim.live('retrain'))).toMatchObject([{ kind: 'withdrawn', reason }]);
    expectReplay(sim);
  });

  test('before a later step of a sequence that has begun', () => {
    const sim = under(
      [],
      policyOf({ rule: doing([RETRAIN, PROMOTE]), actions: { promote: { approval: APPROVAL } } }),
    );
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.end(record, 'succeeded', { version: 'v2' });
    sim.tick(DRIFTED);
    expect(sim.of('ask')).toHaveLength(1);
    lay(sim, [{ ...PAIR, verbs: ['promote'] }]);
    vote(sim, 'ben');
    sim.tick(DRIFTED);
    sim.tick(DRIFTED);
    expect(sim.of('intent').filter(({ action }) => action.verb === 'promote')).toHaveLength(0);
    expect(sim.of('ask')[1]).toMatchObject({ quorum: 2, floors: ['pair'] });
  });
});

test('without floors nothing that is written knows of them', () => {
  const sim = simulate([ASKS]);
  sim.tick(DRIFTED);
  vote(sim, 'ben');
  sim.tick(DRIFTED);
  expect(JSON.stringify(sim.chain)).not.toMatch(/floor|among|trust/);
});
